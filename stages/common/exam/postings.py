"""The index of a search by words, built and kept on disk: memory holds the words, and some bytes of each text.

Entries (word, text, score) are written in blocks that are sorted by word, and the blocks merged, a range of words at a
time. Scores are those of `bm25s.BM25.index`, which holds all entries several times over.
"""

import math
import os
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.common.base.paths import cache_dir

BLOCK = 1 << 18  # entries that are in memory together
K1, B = 1.5, 0.75  # as bm25s has them
ENTRY = np.dtype([("word", np.uint32), ("text", np.int32), ("score", np.float32)])

Entries = npt.NDArray[np.void]


class Column:
    """Numbers on disk, in a file that is gone with the process; read by slices."""

    def __init__(self, kind: Any) -> None:
        self.file = tempfile.TemporaryFile(dir=cache_dir())  # noqa: SIM115 it lives as long as the numbers
        self.kind, self.size = np.dtype(kind), 0

    def append(self, numbers: npt.NDArray[Any]) -> None:
        self.file.write(numbers.astype(self.kind, copy=False).tobytes())
        self.file.flush()
        self.size += len(numbers)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, part: slice) -> npt.NDArray[Any]:
        start, end, _ = part.indices(self.size)
        wide = self.kind.itemsize
        return np.frombuffer(os.pread(self.file.fileno(), max(end - start, 0) * wide, start * wide), self.kind)


class Texts:
    """The words of all texts by number, and how often each text has each."""

    def __init__(self, texts: Iterable[list[str]]) -> None:
        self.numbers: dict[str, int] = {}
        self.lengths, self.different = array("I"), array("I")  # of each text: its words, those of them that differ
        self.words, self.counts = Column(np.uint32), Column(np.float32)
        words, counts = array("I"), array("f")
        for terms in texts:
            counted = Counter(terms or [""])
            words.extend(self.numbers.setdefault(term, len(self.numbers)) for term in counted)
            counts.extend(counted.values())
            self.lengths.append(counted.total())
            self.different.append(len(counted))
            if len(words) >= BLOCK:
                self.put(words, counts)
        self.put(words, counts)

    def put(self, words: "array[int]", counts: "array[float]") -> None:
        self.words.append(np.array(words, np.uint32))
        self.counts.append(np.array(counts, np.float32))
        del words[:], counts[:]

    def blocks(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]]:
        """Words, their counts, and the numbers of the texts that have them."""
        ends = np.cumsum(np.array(self.different, np.int64))
        for start in range(0, len(self.words), BLOCK):
            part = slice(start, start + BLOCK)
            words = self.words[part]
            places = np.arange(start, start + len(words))
            yield words, self.counts[part], np.searchsorted(ends, places, side="right")


def index(retriever: Any, documents: Iterable[list[str]]) -> int:
    """Fill a `bm25s.BM25` of its default method with these texts, each the list of its words; how many there are."""
    texts = Texts(documents)
    if not (size := len(texts.lengths)):
        return 0
    texts.numbers.setdefault("", len(texts.numbers))  # what a question without any word asks for
    frequency = np.zeros(len(texts.numbers), np.int64)
    for start in range(0, len(texts.words), BLOCK):
        frequency += np.bincount(texts.words[start : start + BLOCK], minlength=len(frequency))
    starts = np.concatenate([[0], np.cumsum(frequency)])
    scores, places = Column(np.float32), Column(np.int32)
    for entries in merged(scored(texts, frequency), starts):
        scores.append(entries["score"])
        places.append(entries["text"])
    retriever.scores = {"data": scores, "indices": places, "indptr": starts, "num_docs": size}
    retriever.vocab_dict, retriever.nonoccurrence_array = texts.numbers, None
    return size


def scored(texts: Texts, frequency: npt.NDArray[Any]) -> Iterator[Entries]:
    """The entries, block by block, each sorted by word, then text. `frequency`: how many texts have each word."""
    lengths = np.array(texts.lengths, np.int64)
    few, which = np.unique(frequency, return_inverse=True)
    rarity = [math.log(1 + (len(lengths) - count + 0.5) / (count + 0.5)) for count in few.tolist()]
    weight = np.array(rarity, np.float32)[which]
    damping = K1 * ((1 - B) + B * lengths / lengths.mean())
    for words, counts, numbers in texts.blocks():
        entries = np.empty(len(words), ENTRY)
        entries["word"], entries["text"] = words, numbers
        entries["score"] = weight[words] * (counts / (damping[numbers] + counts))
        yield entries[np.argsort(words, kind="stable")]


def merged(blocks: Iterable[Entries], starts: npt.NDArray[Any]) -> Iterator[Entries]:
    """The entries of all blocks by word, then text, those of some words at a time; `starts`: where those of each word
    begin."""
    ranges = np.unique(np.searchsorted(starts[:-1], np.arange(0, starts[-1], BLOCK)))
    ranges = np.append(ranges, len(starts) - 1)
    kept, cuts = Column(ENTRY), []
    for entries in blocks:
        cuts.append(len(kept) + np.searchsorted(entries["word"], ranges))
        kept.append(entries)
    for number in range(len(ranges) - 1):
        some = np.concatenate([kept[int(cut[number]) : int(cut[number + 1])] for cut in cuts])
        yield some[np.argsort(some["word"], kind="stable")]
