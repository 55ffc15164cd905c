"""Near-duplicates among pairs: questions, or questions with their answers, whose 3-grams of characters are much alike.

Only rows that ask for the same thing and whose answers agree are compared: what is alike in letters is often not the
same fact. Where these are many, MinHash proposes; the true Jaccard similarity decides.
"""

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations
from typing import NamedTuple

from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import question, question_key
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.common.text.wording import normalised
from stages.curate.duplicates.meaning import Claim, agree, claim, content_words, subject
from stages.curate.duplicates.minhash import candidates, jaccard, shingles

SHINGLE = 3  # characters
FEW = 48  # so many texts are compared each with each


class Link(NamedTuple):
    """Two near-duplicates by pair_id, and how similar they are, in [0, 1]."""

    one: str
    other: str
    similarity: float


def links(
    rows: Sequence[DatasetRow], sources: Mapping[str, Source], limits: Curate, known: Mapping[str, bytes] = {}
) -> list[Link]:
    """Every two rows that are near-duplicates, in the order of the rows. `known`: what rows seek, by pair_id."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        groups[known.get(row["pair_id"]) or sought(row, sources.get(row["chunk_id"]))].append(number)
    pairs = (pair for group in groups.values() if len(group) > 1 for pair in linked(group, rows, limits))
    return [
        Link(rows[one]["pair_id"], rows[other]["pair_id"], round(similarity, 3))
        for one, other, similarity in sorted(pairs)
    ]


def sought(row: DatasetRow, source: Source | None) -> bytes:
    """The same for rows that ask for one thing and whose answers claim the same: no others can be near-duplicates."""
    asks, says = subject(question(row), source.words if source else None), claim(row["output"], question(row)).exact
    return blake2b(repr((asks, sorted(map(repr, says)))).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def linked(group: list[int], rows: Sequence[DatasetRow], limits: Curate) -> Iterator[tuple[int, int, float]]:
    """Near-duplicates among rows that ask for the same thing."""
    questions = {number: question_key(rows[number]) for number in group}
    asked = {number: shingles(text, SHINGLE) for number, text in questions.items()}
    whole = {number: shingles(text + normalised(rows[number]["output"]), SHINGLE) for number, text in questions.items()}

    @functools.cache
    def says(number: int) -> Claim:  # what else it claims is the same in all of the group
        return Claim(frozenset(), frozenset(content_words(rows[number]["output"])))

    for one, other in sorted({*proposed(asked), *proposed(whole)}):
        questions_alike, all_alike = jaccard(asked[one], asked[other]), jaccard(whole[one], whole[other])
        alike = questions_alike >= limits.question_similarity or all_alike >= limits.pair_similarity
        if alike and agree(says(one), says(other)):
            yield one, other, max(questions_alike, all_alike)


def proposed(grams: Mapping[int, frozenset[str]]) -> Iterator[tuple[int, int]]:
    """Two texts worth comparing: of a few each with each, of many those that MinHash proposes."""
    return combinations(grams, 2) if len(grams) <= FEW else candidates(grams.items())
