"""Near-duplicates, two rows each by their numbers: 16 bytes in memory."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Link(NamedTuple):
    """Two near-duplicates by number, and how similar they are, in [0, 1]."""

    one: int
    other: int
    similarity: float


class Links:
    """Links in the order in which they were added."""

    def __init__(self, links: Iterable[Link] = ()) -> None:
        self.ones, self.others, self.similarities = array("I"), array("I"), array("d")
        self.add(links)

    def add(self, links: Iterable[Link]) -> None:
        for one, other, similarity in links:
            self.ones.append(one)
            self.others.append(other)
            self.similarities.append(similarity)

    def __iter__(self) -> Iterator[Link]:
        return map(Link, self.ones, self.others, self.similarities)

    def __len__(self) -> int:
        return len(self.ones)

    def sorted(self) -> "Links":
        order = np.lexsort((np.asarray(self.others), np.asarray(self.ones))).tolist()
        return Links(Link(self.ones[n], self.others[n], self.similarities[n]) for n in order)

    def numbered(self, numbers: npt.NDArray[np.uint32]) -> "Links":
        """Links of places as links of the numbers that stand there."""
        return Links(Link(int(numbers[one]), int(numbers[other]), similarity) for one, other, similarity in self)

    def neighbours(self) -> Callable[[int], list[tuple[int, float]]]:
        """A function that gives the rows that a row is linked with, and how similar they are."""
        one = np.concatenate([np.asarray(self.ones), np.asarray(self.others)])
        order = np.argsort(one, kind="stable")
        others = np.concatenate([np.asarray(self.others), np.asarray(self.ones)])[order]
        similarities = np.tile(np.asarray(self.similarities), 2)[order]
        starts = np.searchsorted(one[order], np.arange(int(one.max(initial=0)) + 2))

        def of(number: int) -> list[tuple[int, float]]:
            if number + 1 >= len(starts):
                return []
            start, end = starts[number], starts[number + 1]
            return list(zip(others[start:end].tolist(), similarities[start:end].tolist(), strict=True))

        return of
