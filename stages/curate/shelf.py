"""Rows on disk, in a file that is gone with the process; memory holds where each ends, and those read lately."""

import functools
import marshal
import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stages.common.base.paths import cache_dir

BLOCK = 64  # rows that are read together: neighbours are mostly wanted together
BLOCKS = 32
RECENT = 512  # rows that stay decoded


class Shelf:
    """Rows by number, in the order in which they were put there. They are shared: whoever changes one makes a copy."""

    def __init__(self, rows: Iterable[Any] = ()) -> None:
        self.file = tempfile.TemporaryFile(dir=cache_dir())  # noqa: SIM115 it lives as long as the rows
        self.ends = array("Q", [0])
        self.read = functools.lru_cache(BLOCKS)(self.read_rows)
        self.recent = functools.lru_cache(RECENT)(self.decoded)
        self.flushed = 0
        for row in rows:
            self.put(row)

    def put(self, row: Any) -> int:
        """Put a row of JSON's types behind the others; its number."""
        data = marshal.dumps(row)
        self.file.write(data)
        self.ends.append(self.ends[-1] + len(data))
        return len(self) - 1

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, number: int) -> Any:
        return self.recent(number)

    def __iter__(self) -> Iterator[Any]:
        return map(self.decoded, range(len(self)))

    def decoded(self, number: int) -> Any:
        first = number - number % BLOCK
        data, start = self.read(first, min(first + BLOCK, len(self))), self.ends[first]
        return marshal.loads(data[self.ends[number] - start : self.ends[number + 1] - start])

    def read_rows(self, first: int, end: int) -> memoryview:
        if self.flushed < end:
            self.file.flush()
            self.flushed = len(self)
        start, size = self.ends[first], self.ends[end] - self.ends[first]
        return memoryview(os.pread(self.file.fileno(), size, start))


class Keyed(Mapping[str, Any]):
    """Rows on disk by a field that names them, in their order. Memory holds 12 bytes for each name."""

    def __init__(self, rows: Iterable[Any], name: str) -> None:
        self.name, self.shelf, names = name, Shelf(), array("q")
        for row in rows:
            self.shelf.put(row)
            names.append(hash(row[name]))  # whichever it is in this process: nothing depends on their order
        order = sorted(range(len(names)), key=names.__getitem__)
        self.hashes, self.numbers = array("q", (names[number] for number in order)), array("I", order)
        self.number = functools.lru_cache(RECENT)(self.find)

    def find(self, key: str) -> int:
        """The number of a row. Raises KeyError."""
        place = bisect_left(self.hashes, hash(key))
        while place < len(self.hashes) and self.hashes[place] == hash(key):
            if self.shelf[self.numbers[place]][self.name] == key:
                return self.numbers[place]
            place += 1
        raise KeyError(key)

    def __getitem__(self, key: str) -> Any:
        return self.shelf[self.number(key)]

    def __contains__(self, key: object) -> bool:
        try:
            return self.number(str(key)) >= 0
        except KeyError:
            return False

    def __iter__(self) -> Iterator[str]:
        return (row[self.name] for row in self.shelf)

    def __len__(self) -> int:
        return len(self.shelf)

    def values(self) -> Any:
        return self.shelf
