"""Pairs that are ready before all of them are: kept on the disk, chunk by chunk, so that answers are parsed once."""

import pickle
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from stages.common.base import paths
from stages.common.records.rows import Pair


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
        pickle.dump(ready and tuple(ready), self.stream, protocol=pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Ready | None]:
        self.stream.seek(0)
        while True:
            try:
                ready = pickle.load(self.stream)
            except EOFError:
                return
            yield ready and Ready(*ready)
