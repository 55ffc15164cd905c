"""The rows between the stages and how they reach the disk: JSONL in UTF-8 with LF, one order, whole or not at all."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NotRequired, TypedDict

from stages.common.base.errors import UserError


class Span(TypedDict):
    """A run of lines of a page's text that stand together in one file; it ends where the next span begins.

    `line` is its first line in the text, `start` that line's number in the file `path`, `at` the line of the page's own
    file at which it stands. Within a span of the page's own lines `start` and `at` count up; within a partial's lines
    `start` does, and `at` stays the line of the component. See `lineage`.
    """

    line: int
    path: str
    start: int
    at: int


class PartialLines(TypedDict):
    """Lines of a partial's file, 1-based and inclusive."""

    path: str
    line_start: int
    line_end: int


class Doc(TypedDict):
    """One page. `also_in` are pages with the same content, `breadcrumbs` the titles of the directories that hold it,
    `partials` the files inlined into it, sorted."""

    path: str
    title: str
    description: str
    tags: list[str]
    text: str
    sha256: str
    also_in: list[str]
    breadcrumbs: list[str]
    partials: list[str]
    spans: list[Span]
    rev: str


class Chunk(TypedDict):
    """A piece of a page under its heading path; lines are those of the page's file, 1-based and inclusive.

    `partials` are the lines of other files that its text comes from, `also_in` other pages that hold the same chunk.
    """

    chunk_id: str
    path: str
    headings: list[str]
    line_start: int
    line_end: int
    tokens: int
    text: str
    also_in: list[str]
    partials: list[PartialLines]


class Pair(TypedDict):
    """A question with its grounded answer. `evidence` is verbatim text of the chunk."""

    pair_id: str
    chunk_id: str
    instruction: str
    input: str
    output: str
    evidence: str
    style: str
    request_key: str


class Message(TypedDict):
    """A turn of a conversation; `role` is user or assistant."""

    role: str
    content: str


class DatasetRow(Pair):
    """A kept pair with the place that it comes from: a page of the documentation, or a file of the user's own data.

    Own rows have no chunk. One with several turns has all of them in `messages`, user first, assistant last, without
    the system turn; instruction and output are its last exchange. `system` takes the place of format.system_prompt.
    `review` is accept or edit where a reviewer said so, `score` the judge's, from 0 to 10.
    """

    fact_id: str
    path: str
    line_start: int
    line_end: int
    messages: NotRequired[list[Message]]
    system: NotRequired[str]
    review: NotRequired[str]
    score: NotRequired[float]


def digest(*parts: Any, length: int = 16) -> str:
    """The first `length` hex digits of the SHA-256 of the parts' canonical JSON."""
    canonical = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def share(*parts: Any) -> float:
    """A number in [0, 1) that depends on the parts alone: a choice that is stable between runs and machines."""
    return int(digest(*parts), 16) / 16**16


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def atomic(file: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary sibling for writing and rename it to `file` when the block ends well."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with temporary.open(mode, **text) as stream:  # type: ignore[call-overload]
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def write_jsonl(file: Path, rows: Iterable[Any]) -> None:
    with atomic(file) as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_jsonl(file: Path) -> Iterator[Any]:
    """The rows of a JSONL file, one at a time. Raises UserError that names file and line."""
    if not file.exists():
        raise UserError(f"{file} is missing; run `dvc repro`, which makes it")
    with file.open("rb") as stream:  # so that a line that is not UTF-8 has its number, too
        for number, line in enumerate(stream, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(
                    f"{file}:{number} is not JSON ({error}); run `dvc repro --force` to make it anew"
                ) from None


def write_json(file: Path, value: Any) -> None:
    with atomic(file) as stream:
        stream.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(file: Path) -> Any:
    """A JSON file's value. Raises UserError when it is not there or damaged."""
    if not file.exists():
        raise UserError(f"{file} is missing; run `dvc repro`, which makes it")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file} is not JSON ({error}); delete it and run `dvc repro`, which makes it anew") from None
