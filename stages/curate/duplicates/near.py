"""Near-duplicates among pairs: questions, or questions with their answers, whose 3-grams of characters are much alike.

Only rows that ask for the same thing and whose answers agree are compared: what is alike in letters is often not the
same fact. Where these are many, MinHash proposes; the true Jaccard similarity decides.
"""

import functools
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import combinations

from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import question, question_key
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.common.text.wording import normalised
from stages.curate.duplicates.links import Link, Links
from stages.curate.duplicates.meaning import Claim, agree, claim, content_words, subject
from stages.curate.duplicates.minhash import candidates, jaccard, shingles
from stages.curate.table import Rows, groups

SHINGLE = 3  # characters
FEW = 48  # so many texts are compared each with each


def links(rows: Rows, limits: Curate) -> Links:
    """Every two rows that are near-duplicates, in the order of the rows."""
    pairs = (pair for group in groups(rows.column("seeks")) for pair in linked(group.tolist(), rows, limits))
    found = Links(Link(*pair) for pair in pairs)
    return found.sorted().numbered(rows.numbers)


def sought(row: DatasetRow, source: Source | None) -> bytes:
    """The same for rows that ask for one thing and whose answers claim the same: no others can be near-duplicates."""
    asks, says = subject(question(row), source.words if source else None), claim(row["output"], question(row)).exact
    return blake2b(repr((asks, sorted(map(repr, says)))).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def linked(group: list[int], rows: Rows, limits: Curate) -> Iterator[tuple[int, int, float]]:
    """Near-duplicates among rows that ask for the same thing."""
    asked, whole = {}, {}
    for number in group:
        row = rows[number]
        text = question_key(row)
        asked[number], whole[number] = shingles(text, SHINGLE), shingles(text + normalised(row["output"]), SHINGLE)

    @functools.cache
    def says(number: int) -> Claim:  # what else it claims is the same in all of the group
        return Claim(frozenset(), frozenset(content_words(rows[number]["output"])))

    for one, other in sorted({*proposed(asked), *proposed(whole)}):
        questions_alike, all_alike = jaccard(asked[one], asked[other]), jaccard(whole[one], whole[other])
        alike = questions_alike >= limits.question_similarity or all_alike >= limits.pair_similarity
        if alike and agree(says(one), says(other)):
            yield one, other, round(max(questions_alike, all_alike), 3)


def proposed(grams: Mapping[int, frozenset[str]]) -> Iterator[tuple[int, int]]:
    """Two texts worth comparing: of a few each with each, of many those that MinHash proposes."""
    return combinations(grams, 2) if len(grams) <= FEW else candidates(grams.items())
