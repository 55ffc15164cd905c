"""Chunks and pages behind a row, and the rows behind a line of a page."""

import posixpath
import re
from pathlib import Path
from typing import Any, NamedTuple

from stages.commands.tracing.rows import TracedRow, holds, lines, of_chunks, of_file, parsed, shown
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Chunk, Doc

PLACE = re.compile(r"(?P<path>.+?)(?::(?P<line>\d+))?$")


class Feed(NamedTuple):
    """What a page, a partial or a file of one's own gives: its chunks and the rows that come from them."""

    path: str
    line: int | None
    chunks: list[Chunk]
    rows: list[TracedRow]


def find_row(file: Path, field: str, value: str) -> Any:
    """The first row of a file with this value in this field, as it may be seen, or None."""
    matching = filter(holds(field, value), lines(file))
    return shown(next((row for line in matching if (row := parsed(line, file))[field] == value), None))


def chunk_of(chunk_id: str) -> Chunk | None:
    chunk: Chunk | None = find_row(paths.CHUNKS, "chunk_id", chunk_id)
    return chunk


def page_of(path: str) -> Doc | None:
    page: Doc | None = find_row(paths.DOCS, "path", path)
    return page


def feed(place: str, docs: str) -> Feed:
    """The rows that `page.md` or `page.md:7` feeds; `docs` is docs.path, which the page's path may begin with.

    Raises UserError with the closest path when there is no such page.
    """
    path, line = split_place(place)
    for candidate in candidates(path, docs):
        own = of_file(candidate) if is_own(candidate) else []
        chunks = [chunk for chunk in read_jsonl(paths.CHUNKS) if feeds(chunk, candidate, None)]
        if chunks or own or page_of(candidate):
            chunks = shown([chunk for chunk in chunks if feeds(chunk, candidate, line)])
            own = [traced for traced in own if stands_at(traced.row, line)]
            return Feed(candidate, line, chunks, own or of_chunks({chunk["chunk_id"] for chunk in chunks}))
    raise UserError(unknown(path, candidates(path, docs)))


def split_place(place: str) -> tuple[str, int | None]:
    match = PLACE.match(place)
    assert match  # every text that is not empty matches
    return match["path"], int(match["line"]) if match["line"] else None


def candidates(path: str, docs: str) -> list[str]:
    """How the pipeline may write the path: as it is, and without docs.path before it."""
    normal = posixpath.normpath(path.replace("\\", "/"))
    relative = posixpath.relpath(str(Path(path).absolute()), str(Path(docs).absolute()))
    return list(dict.fromkeys([normal, relative]))


def is_own(path: str) -> bool:
    return Path(path).is_relative_to(paths.EXTRA)


def stands_at(row: dict[str, int], line: int | None) -> bool:
    return line is None or row["line_start"] <= line <= row["line_end"]


def feeds(chunk: Chunk, path: str, line: int | None) -> bool:
    """Whether text of this file, at this line, is in the chunk. Duplicates of a page have its lines."""
    if path == chunk["path"] or path in chunk["also_in"]:
        return line is None or chunk["line_start"] <= line <= chunk["line_end"]
    partials = (part for part in chunk["partials"] if part["path"] == path)
    return any(line is None or part["line_start"] <= line <= part["line_end"] for part in partials)


def unknown(path: str, tried: list[str]) -> str:
    from rapidfuzz import process

    known = {page["path"] for page in read_jsonl(paths.DOCS)}
    known |= {part["path"] for chunk in read_jsonl(paths.CHUNKS) for part in chunk["partials"]}
    best = process.extractOne(tried[-1], sorted(known))
    hint = f"the closest is {best[0]}" if best else "data/docs.jsonl has none"
    return f"{path} is not a page, partial or data/extra file of the last run; {hint}"
