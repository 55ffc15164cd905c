"""Questions with their answers side by side, and the place in the documentation that holds the answer."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from stages.common.base import paths
from stages.common.records.files import share
from stages.common.records.masking import masked_values
from stages.common.records.rows import Chunk
from stages.report.differences import Piece, pieces
from stages.report.evidence import evidence_span
from stages.report.inputs import Inputs

SHOWN = 50
MAX_TEXT = 750  # characters of an answer or a reference, so that the page stays below 2 MB
MAX_QUESTION = 500
MAX_CHUNK = 3_000
MAX_VALUES = 12
SIDES = ("base_closed", "tuned_closed")
OTHERS = ("base_gold", "tuned_gold", "base_retrieved", "tuned_retrieved")  # all ten would be too much to read


class Answer(NamedTuple):
    """A model's answer in one cell, but `cut` characters; `right` by its key values, `verdict` the judge's."""

    cell: str
    pieces: list[Piece]
    cut: int
    right: bool
    stopped: bool
    verdict: str


class SourceLines(NamedTuple):
    """Lines of a file, with the link to it from reports/; none where it lies outside the repository."""

    path: str
    line_start: int
    line_end: int
    link: str


class Source(NamedTuple):
    """A chunk as text before, in and behind the evidence, with the files that it comes from; the page is first.
    `cut` characters are left out."""

    chunk_id: str
    headings: list[str]
    before: str
    evidence: str
    behind: str
    places: list[SourceLines]
    cut: int


class Card(NamedTuple):
    """A question. `nearest` is the trained question that is worded most like it, `found` says whether the search found
    its chunk; None where nothing was searched."""

    pair_id: str
    split: str
    question: str
    input: str
    right: bool
    sides: list[Answer]
    others: list[Answer]
    reference: list[Piece]
    reference_cut: int
    tags: list[str]
    nearest: str
    key_values: list[str]
    found: bool | None
    source: Source


def cards(inputs: Inputs, docs: str, hide: bool = True) -> list[Card]:
    """The chosen questions, the worst first; `docs` is docs.path. `hide`: what is private is masked before texts are
    cut and compared, which could leave half of it."""
    chunks = {chunk["chunk_id"]: chunk for chunk in inputs.chunks}
    shown = [(row, chunks.get(row["chunk_id"])) for row in chosen(inputs.predictions)]
    if hide:
        shown, _ = masked_values(shown)
    return [card(row, chunk, row.get("evidence", ""), docs) for row, chunk in shown]


def chosen(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most SHOWN rows, an equal part from each set: one half of it the worst, the other drawn by hash, so that the
    page shows what fails and what is usual."""
    sets = [[row for row in rows if row["split"] == split] for split in paths.MEASURED]
    picked, left = [], SHOWN
    for n, part in enumerate(sorted(sets, key=len)):
        room = min(len(part), left // (len(sets) - n))
        ordered = sorted(part, key=badness)
        worst = (room + 1) // 2
        others = sorted(ordered[worst:], key=lambda row: share("report", row["pair_id"]))
        picked += ordered[:worst] + others[: room - worst]
        left -= room
    return sorted(picked, key=badness)


def badness(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Worst first: wrong before right, trained facts before others, what the base knew and the tuned model lost,
    answers without an end, then by how far they are from the reference."""
    base, tuned = (row["answers"].get(cell, {}) for cell in SIDES)
    return (
        tuned.get("key_values", False),
        paths.MEASURED.index(row["split"]),
        not base.get("key_values", False),
        tuned.get("stopped", False),
        tuned.get("chrf", 0.0),
        row["pair_id"],
    )


def card(row: dict[str, Any], chunk: Chunk | None, evidence: str, docs: str) -> Card:
    reference = row["reference"][:MAX_TEXT]
    answers = {cell: answer(cell, measured, reference) for cell, measured in row["answers"].items()}
    tuned = row["answers"].get("tuned_closed", {})
    searched = row.get("retrieved")
    return Card(
        pair_id=row["pair_id"],
        split=row["split"],
        question=shortened(row["instruction"], MAX_QUESTION),
        input=shortened(row["input"], MAX_QUESTION),
        right=tuned.get("key_values", False),
        sides=[answers[cell] for cell in SIDES if cell in answers],
        others=[measured for cell, measured in answers.items() if cell in OTHERS],
        reference=pieces(reference, tuned.get("text", reference)[:MAX_TEXT]),
        reference_cut=len(row["reference"]) - len(reference),
        tags=row.get("tags", []),
        nearest=shortened(row.get("nearest_trained", {}).get("question", ""), MAX_QUESTION),
        key_values=[shortened(value, 80) for value in row.get("key_values", [])[:MAX_VALUES]],
        found=row["chunk_id"] in searched if searched else None,
        source=source(row, chunk, evidence, docs),
    )


def answer(cell: str, measured: dict[str, Any], reference: str) -> Answer:
    text = measured["text"][:MAX_TEXT]
    cut = len(measured["text"]) - len(text)
    return Answer(
        cell,
        pieces(text, reference),
        cut,
        measured.get("key_values", False),
        measured.get("stopped", True),
        measured.get("judge", ""),
    )


def shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def source(row: dict[str, Any], chunk: Chunk | None, evidence: str, docs: str) -> Source:
    page = source_lines(row, docs)
    if chunk is None:  # a row of the user's own
        return Source(row["chunk_id"], [], "", "", "", [page], 0)
    text = chunk["text"]
    first, last = evidence_span(text, evidence) or (0, 0)
    start = max(0, min(first - MAX_CHUNK // 4, len(text) - MAX_CHUNK))
    end = start + MAX_CHUNK
    return Source(
        chunk["chunk_id"],
        chunk["headings"],
        text[start:first],
        text[first : min(last, end)],
        text[last:end],
        [page, *(source_lines(part, docs) for part in chunk.get("partials", []))],
        len(text) - len(text[start:end]),
    )


def source_lines(row: Mapping[str, Any], docs: str) -> SourceLines:
    return SourceLines(row["path"], row["line_start"], row["line_end"], link(row["path"], docs))


def link(path: str, docs: str) -> str:
    """A page of the documentation, or a file of the user's own, as seen from the report."""
    file = Path(path) if Path(path).is_relative_to(paths.EXTRA) else Path(docs) / path
    return quote(Path(os.path.relpath(file, paths.REPORTS)).as_posix())
