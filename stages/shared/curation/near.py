"""Near-duplicates among pairs: questions, or questions with their answers, whose 3-grams of characters are much alike.

Only rows that ask for the same thing and whose answers agree are compared: what is alike in letters is often not the same
fact. Where these are many, MinHash (Broder 1997, in rensa) proposes; the true Jaccard similarity decides.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from rensa import RMinHash

from stages.shared.curation.meaning import Claim, agree, claim, subject
from stages.shared.curation.source import Source
from stages.shared.params import Curate
from stages.shared.records import DatasetRow
from stages.shared.text import normalised

# 20 bands of 6 hashes: two texts of similarity 0.85 are proposed with probability 0.9999, of 0.7 with 0.92.
BANDS, HASHES = 20, 6
SEED = 3407
FEW = 48  # so many texts are compared each with each; in a larger bucket each with so many next ones


class Link(NamedTuple):
    """Two near-duplicates by pair_id, and how similar they are, in [0, 1]."""

    one: str
    other: str
    similarity: float


def links(rows: Sequence[DatasetRow], sources: Mapping[str, Source], limits: Curate) -> list[Link]:
    """Every two rows that are near-duplicates, in the order of the rows."""
    claims = [claim(row["output"]) for row in rows]
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        asked = subject(f"{row['instruction']} {row['input']}", sources.get(row["chunk_id"]))
        groups[asked, claims[number].exact].append(number)
    found = (pair for group in groups.values() if len(group) > 1 for pair in linked(group, rows, claims, limits))
    return [
        Link(rows[one]["pair_id"], rows[other]["pair_id"], round(similarity, 3))
        for one, other, similarity in sorted(found)
    ]


def linked(
    group: list[int], rows: Sequence[DatasetRow], claims: Sequence[Claim], limits: Curate
) -> Iterator[tuple[int, int, float]]:
    """Near-duplicates among rows that ask for the same thing."""
    questions = {number: normalised(rows[number]["instruction"] + rows[number]["input"]) for number in group}
    asked = {number: shingles(text) for number, text in questions.items()}
    whole = {number: shingles(text + normalised(rows[number]["output"])) for number, text in questions.items()}
    for one, other in sorted({*proposed(asked), *proposed(whole)}):
        question, pair = jaccard(asked[one], asked[other]), jaccard(whole[one], whole[other])
        alike = question >= limits.question_similarity or pair >= limits.pair_similarity
        if alike and agree(claims[one], claims[other]):
            yield one, other, max(question, pair)


def shingles(text: str) -> frozenset[str]:
    """The 3-grams of a text; a shorter text is its only one."""
    return frozenset(text[start : start + 3] for start in range(max(len(text) - 2, 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def proposed(grams: Mapping[int, frozenset[str]]) -> Iterator[tuple[int, int]]:
    """Two texts worth comparing, the earlier first: all of a few, of many those that share a band of their MinHash
    signatures."""
    if len(grams) <= FEW:
        yield from combinations(grams, 2)
        return
    buckets: dict[Hashable, list[int]] = defaultdict(list)
    matrix = RMinHash.digest_matrix_from_token_sets([sorted(gram) for gram in grams.values()], BANDS * HASHES, SEED)
    for number, signature in zip(grams, matrix.to_rows(), strict=True):
        for band in range(0, BANDS * HASHES, HASHES):
            buckets[band, tuple(signature[band : band + HASHES])].append(number)
    for bucket in buckets.values():
        for place, one in enumerate(bucket):
            yield from ((one, other) for other in bucket[place + 1 : place + FEW])
