"""Texts that are alike: MinHash (Broder 1997) over character n-grams, in rensa, proposes them."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from rensa import RMinHash

from stages.curate.table import Column, Places, groups

# 20 bands of 6 hashes: two texts of similarity 0.85 are proposed with probability 0.9999, of 0.8 with 0.998.
BANDS, HASHES = 20, 6
SEED = 3407
BATCH = 32  # texts whose n-grams are in memory at once
NEXT = 48  # in a crowded bucket a text is compared with so many next ones


def shingles(text: str, size: int) -> frozenset[str]:
    """The n-grams of a text; a shorter text is its only one."""
    return frozenset(text[start : start + size] for start in range(max(len(text) - size + 1, 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def candidates(texts: Iterable[tuple[int, frozenset[str]]]) -> Iterator[tuple[int, int]]:
    """Numbers of two texts that share a band of their MinHash signatures, each pair once, in order; the numbers
    ascend. Memory holds 8 bytes for each band of a text and 8 for each pair."""
    numbers, bands = array("q"), [array("q") for _ in range(BANDS)]
    for number, signature in signatures(texts):
        numbers.append(number)
        for band, values in enumerate(bands):
            values.append(hash(tuple(signature[band * HASHES : (band + 1) * HASHES])))
    pairs = np.unique(np.concatenate([alike(np.asarray(values)) for values in bands]))
    for one, other in zip((pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist(), strict=True):
        yield numbers[one], numbers[other]


def alike(values: Column) -> Places:
    """Pairs of places with one value, the earlier one in the upper half of a number's bits."""
    pairs = array("q")
    for bucket in (group.tolist() for group in groups(values)):
        for place, one in enumerate(bucket):
            pairs.extend(one << 32 | other for other in bucket[place + 1 : place + NEXT])
    return np.asarray(pairs, dtype=np.int64)


def signatures(texts: Iterable[tuple[int, frozenset[str]]]) -> Iterator[tuple[int, list[int]]]:
    waiting = iter(texts)
    while batch := list(islice(waiting, BATCH)):
        grams = [sorted(gram) for _, gram in batch]
        matrix = RMinHash.digest_matrix_from_token_sets(grams, BANDS * HASHES, SEED)
        yield from zip((key for key, _ in batch), matrix.to_rows(), strict=True)
