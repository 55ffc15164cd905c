"""What is known of all pages together, as hashes of 64 bits: memory holds 8 bytes of each, where Python's objects in
sets and dictionaries take a hundred.

Of 100 million texts any two have the same hash with probability 3e-4.
"""

import hashlib
from array import array
from bisect import bisect_left, bisect_right

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

PARTS = 64  # by the first bits of a key; each is sorted by itself, so that little is held twice
FEW = 1 << 10  # new ones that are at least kept as they come


def short_hash(text: str) -> int:
    """The first 64 bits of a text's SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


class Part:
    """Keys with their values, sorted, and those that came since."""

    def __init__(self) -> None:
        self.keys = self.values = np.empty(0, np.uint64)
        self.new = array("Q")

    def settle(self, most: int) -> None:
        """Sort the new ones in; of a key stay `most` different values."""
        new = np.array(self.new, np.uint64).reshape(-1, 2)
        keys, values = np.concatenate([self.keys, new[:, 0]]), np.concatenate([self.values, new[:, 1]])
        order = np.lexsort((values, keys))
        keys, values = keys[order], values[order]
        fresh = np.ones(len(keys), np.bool_)
        fresh[1:] = (keys[1:] != keys[:-1]) | (values[1:] != values[:-1])
        keys, values = keys[fresh], values[fresh]
        stays = np.ones(len(keys), np.bool_)
        stays[most:] = keys[most:] != keys[:-most]
        self.keys, self.values, self.new = keys[stays], values[stays], array("Q")


class Values:
    """How many different values each key was given, counted as far as `most`."""

    def __init__(self, most: int = 1 << 40) -> None:
        self.most, self.parts = most, [Part() for _ in range(PARTS)]

    def add(self, key: int, value: int) -> None:
        part = self.parts[key % PARTS]
        part.new.append(key)
        part.new.append(value)
        if len(part.new) > max(FEW, len(part.keys)):
            part.settle(self.most)

    def of(self, key: int) -> Hashes:
        """The values of a key, sorted."""
        part = self.parts[key % PARTS]
        if part.new:
            part.settle(self.most)
        keys = part.keys.data
        start = bisect_left(keys, key)
        return part.values[start : bisect_right(keys, key, start)]

    def count(self, key: int) -> int:
        return len(self.of(key))

    def has(self, key: int, value: int) -> bool:
        return holds(self.of(key), value)


class Seen:
    """Which keys there were before."""

    def __init__(self) -> None:
        self.keys, self.new = np.empty(0, np.uint64), set[int]()

    def __contains__(self, key: int) -> bool:
        return key in self.new or holds(self.keys, key)

    def add(self, key: int) -> None:
        self.new.add(key)
        if len(self.new) > max(FEW, len(self.keys) // 16):
            self.keys = np.sort(np.concatenate([self.keys, np.fromiter(self.new, np.uint64)]), kind="stable")
            self.new.clear()


def holds(ordered: Hashes, key: int) -> bool:
    keys = ordered.data
    place = bisect_left(keys, key)
    return place < len(keys) and bool(keys[place] == key)
