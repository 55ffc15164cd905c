"""Pairs that are ready before all of them are: kept on the disk, chunk by chunk, so that answers are parsed once."""

import marshal
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from stages.common.base import paths
from stages.common.records.rows import Pair

SIZE = 8  # bytes of a row's length


class Ready(NamedTuple):
    """The pairs of a chunk whose requests are all answered, and the keys of their wordings."""

    pairs: list[Pair]
    wordings: list[str]


class Spool:
    """What is ready of each chunk, in the order of the chunks; None for a chunk that waits for answers."""

    def __init__(self) -> None:
        self.stream = tempfile.TemporaryFile(dir=paths.cache_dir())  # noqa: SIM115
        self.whole = True  # no chunk waits

    def put(self, ready: Ready | None) -> None:
        self.whole = self.whole and ready is not None
        data = marshal.dumps(ready and tuple(ready))
        self.stream.write(len(data).to_bytes(SIZE, "big") + data)

    def __iter__(self) -> Iterator[Ready | None]:
        self.stream.seek(0)
        while size := self.stream.read(SIZE):
            ready = marshal.loads(self.stream.read(int.from_bytes(size, "big")))
            yield ready and Ready(*ready)
