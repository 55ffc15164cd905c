"""Which chunks are asked about: all, or with `generate.focus: uncovered` those that no surviving pair asks about.

curate lists the latter in data/uncovered.jsonl. DVC allows no cycle, so that file is no dependency of generate: it is
what the last run of curate left. The pairs of all other chunks are taken over from the last data/pairs.jsonl.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import line_at, lines, parts, read_jsonl
from stages.common.records.rows import Chunk, Pair

Keys = Callable[[int], Iterator[str]]  # of the requests about a chunk, for a sample index


class Everything:
    """Every chunk is asked about, once in each of its styles."""

    remark = ""

    def asks(self, chunk: Chunk) -> bool:
        return True

    def sample(self, chunk: Chunk, keys: Keys) -> int:
        return 0

    def kept(self, chunk: Chunk) -> list[Pair]:
        return []

    def kept_responses(self) -> Iterator[dict[str, Any]]:
        return iter(())


class Uncovered(Everything):
    """The chunks in data/uncovered.jsonl are asked about anew; nothing is lost that there was before.

    When data/pairs.jsonl is not the one that curate judged, the list says nothing about it and no chunk is asked about.
    """

    def __init__(self) -> None:
        if not paths.UNCOVERED.exists():
            raise UserError(
                f"generate.focus = 'uncovered' needs {paths.UNCOVERED}, which curate writes; "
                "type `dvc exp run -S generate.focus=all` first"
            )
        self.judged = pairs_were_judged()
        self.chunks = {row["chunk_id"] for row in read_jsonl(paths.UNCOVERED)} if self.judged else set()
        self.tried = {row["key"] for row in self.kept_responses()}
        self.places = pair_places()
        if not self.judged:
            self.remark = f"{paths.PAIRS} is newer than the last run of curate, so no chunks are asked about"

    def asks(self, chunk: Chunk) -> bool:
        return chunk["chunk_id"] in self.chunks

    def sample(self, chunk: Chunk, keys: Keys) -> int:
        """The first sample index of which nothing was asked before the last outputs were written.

        What is in the response store is no measure: answers of a run that was cut off have to be found again.
        """
        if not self.asks(chunk):
            return 0
        return next(index for index in count() if self.tried.isdisjoint(keys(index)))

    def kept(self, chunk: Chunk) -> list[Pair]:
        """The last pairs of a chunk."""
        if chunk["chunk_id"] not in self.places:
            return []
        return [line_at(*place).row() for place in self.places[chunk["chunk_id"]]]

    def kept_responses(self) -> Iterator[dict[str, Any]]:
        return read_jsonl(paths.RESPONSES) if paths.RESPONSES.exists() else iter(())


def pair_places() -> dict[str, list[tuple[Path, int]]]:
    """Where the rows of each chunk begin in the last data/pairs.jsonl: the file and bytes."""
    places: dict[str, list[tuple[Path, int]]] = {}
    for line in lines(paths.PAIRS) if paths.PAIRS.exists() else ():
        places.setdefault(line.row()["chunk_id"], []).append((line.file, line.offset))
    return places


def pairs_were_judged() -> bool:
    """Whether data/pairs.jsonl is what the last run of curate read, by dvc.lock; without DVC nobody can tell."""
    if not (paths.LOCK.exists() and paths.PAIRS.exists()):
        return paths.PAIRS.exists()
    stages = YAML(typ="safe").load(paths.LOCK.read_text(encoding="utf-8"))["stages"]
    read = {dep["path"]: dep.get("md5") for dep in stages.get("curate", {}).get("deps", [])}
    return read.get(str(paths.PAIRS)) == dvc_md5(paths.PAIRS)


def dvc_md5(file: Path) -> str:
    """What dvc.lock says of a file, or of a directory of parts."""
    if file.is_dir():
        listed = [{"md5": dvc_md5(part), "relpath": part.name} for part in parts(file)]
        return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()
