"""Texts that are alike: MinHash (Broder 1997) over character n-grams, in rensa, proposes them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from rensa import RMinHash

# 20 bands of 6 hashes: two texts of similarity 0.85 are proposed with probability 0.9999, of 0.8 with 0.998.
BANDS, HASHES = 20, 6
SEED = 3407
BATCH = 256  # texts whose n-grams are in memory at once
NEXT = 48  # in a crowded bucket a text is compared with so many next ones
Key = TypeVar("Key", bound=Hashable)


def shingles(text: str, size: int) -> frozenset[str]:
    """The n-grams of a text; a shorter text is its only one."""
    return frozenset(text[start : start + size] for start in range(max(len(text) - size + 1, 1)))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def candidates(texts: Iterable[tuple[Key, frozenset[str]]]) -> Iterator[tuple[Key, Key]]:
    """Keys of two texts that share a band of their MinHash signatures, each pair once, the earlier text first."""
    buckets: dict[tuple[int, tuple[int, ...]], list[Key]] = defaultdict(list)
    for key, signature in signatures(texts):
        for band in range(0, BANDS * HASHES, HASHES):
            buckets[band, tuple(signature[band : band + HASHES])].append(key)
    seen = set()
    for bucket in buckets.values():
        for place, one in enumerate(bucket):
            for other in bucket[place + 1 : place + NEXT]:
                if (one, other) not in seen:
                    seen.add((one, other))
                    yield one, other


def signatures(texts: Iterable[tuple[Key, frozenset[str]]]) -> Iterator[tuple[Key, list[int]]]:
    waiting = iter(texts)
    while batch := list(islice(waiting, BATCH)):
        grams = [sorted(gram) for _, gram in batch]
        matrix = RMinHash.digest_matrix_from_token_sets(grams, BANDS * HASHES, SEED)
        yield from zip((key for key, _ in batch), matrix.to_rows(), strict=True)
