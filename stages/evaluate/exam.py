"""The exam's questions, asked like the held-out ones: each with the chunk that answers it, if there is one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from stages.common.base.printable import say
from stages.common.exam.key_values import key_values, stated
from stages.common.exam.questions import ExamRow
from stages.common.exam.search import Search, chunk_text
from stages.common.records.files import share
from stages.common.records.rows import Chunk, DatasetRow
from stages.evaluate.cells import Library, Question

STYLE = "exam"
NEAREST = 10  # chunks of a search among which the answer to a question without a page is looked for


class Answered(NamedTuple):
    """A question with its best chunk, and whether that one holds all key values; None where nothing is like it."""

    row: ExamRow
    chunk: Chunk | None
    complete: bool


def values_of(row: ExamRow) -> list[str]:
    """What a right answer states: the question's own key values, else those of its reference."""
    return row["key_values"] or key_values(row["reference"]).written()


def held_by(text: str, row: ExamRow) -> list[bool]:
    """Of each key value of a question, whether a text states it."""
    if row["key_values"]:
        return [stated(text, value) for value in row["key_values"]]
    return key_values(row["reference"]).held_by(text)


def of_documentation(rows: Iterable[ExamRow], chunks: Iterable[Chunk]) -> tuple[list[ExamRow], list[ExamRow]]:
    """The questions about these chunks' pages or about no page in particular, and those about pages that are not
    there, with all of a file that names no other: an exam about another documentation."""
    pages = {page for chunk in chunks for page in (chunk["path"], *chunk["also_in"])}
    asked = list(rows)
    named = {row["path"] for row in asked if row["page"]}
    read = {row["path"] for row in asked if row["page"] in pages}
    measured: list[ExamRow] = []
    foreign: list[ExamRow] = []
    for row in asked:
        elsewhere = row["page"] not in pages if row["page"] else row["path"] in named - read
        (foreign if elsewhere else measured).append(row)
    return measured, foreign


def answered(row: ExamRow, chunks: Sequence[Chunk], search: Search) -> Answered:
    """The chunk of the question's page, else of the nearest ones, that states most of the key values; of equals the one
    that a search puts first."""
    order = search.find(f"{row['question']}\n{row['reference']}", len(chunks) if row["page"] else NEAREST)
    ranked = [chunks[place] for place in order]
    if row["page"]:
        ranked = [chunk for chunk in ranked if row["page"] in (chunk["path"], *chunk["also_in"])]
    held = [held_by(chunk_text(chunk), row) for chunk in ranked]
    best = max(range(len(ranked)), key=lambda place: (sum(held[place]), -place), default=None)
    if best is None or not any(held[best]):
        return Answered(row, None, False)
    return Answered(row, ranked[best], all(held[best]))


def questions(rows: Sequence[ExamRow], library: Library, train: Iterable[DatasetRow]) -> list[Question]:
    """The exam as evaluate asks it: all questions about this documentation, in the order of their hashes."""
    measured, foreign = of_documentation(rows, library.chunks)
    if foreign:
        say(f"evaluate: exam: {len(foreign)} questions are about pages that are not in the documentation: not asked")
    ordered = sorted(measured, key=lambda row: share("sample", row["exam_id"]))
    chunks = library.chunks
    answers = [answered(row, chunks, library.search) if chunks else Answered(row, None, False) for row in ordered]
    asked = library.questions([dataset_row(answer) for answer in answers])
    outputs = defaultdict(set)
    for trained in train:
        outputs[trained["path"]].add(trained["output"])
    return [
        replace(
            question,
            key_values=tuple(row["key_values"]),
            tags=tuple(row["tags"]),
            trained=any(all(held_by(output, row)) for output in outputs[question.row["path"]]),
        )
        for row, question in zip(ordered, asked, strict=True)
    ]


def dataset_row(answer: Answered) -> DatasetRow:
    """The question as a held-out row. Its place is that of the chunk, else of the exam's own file."""
    row, chunk = answer.row, answer.chunk
    return {
        "pair_id": row["exam_id"],
        "chunk_id": chunk["chunk_id"] if chunk else "",
        "instruction": row["question"],
        "input": "",
        "output": row["reference"],
        "evidence": evidence(chunk, row) if chunk else "",
        "style": STYLE,
        "request_key": "",
        "fact_id": row["exam_id"],
        "path": (row["page"] or chunk["path"]) if chunk else row["path"],
        "line_start": chunk["line_start"] if chunk else row["line_start"],
        "line_end": chunk["line_end"] if chunk else row["line_end"],
    }


def evidence(chunk: Chunk, row: ExamRow) -> str:
    """The line of a chunk that states most of the key values; empty when its headings state them."""
    lines = [line for line in chunk["text"].split("\n") if line.strip()]
    counts = [sum(held_by(line, row)) for line in lines]
    most = max(counts, default=0)
    return lines[counts.index(most)] if most else ""
