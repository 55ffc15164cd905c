"""The exam's questions, asked like the held-out ones: each with the chunk that answers it, if there is one."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stages.common.exam.questions import ExamRow
from stages.common.records.rows import Chunk, DatasetRow
from stages.evaluate.key_values import key_values, stated
from stages.evaluate.retrieval import Search

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


def of_documentation(rows: Iterable[ExamRow], chunks: Iterable[Chunk]) -> tuple[list[ExamRow], list[ExamRow]]:
    """The questions about these chunks' pages or about no page in particular, and those about pages that are not
    there: an exam about another documentation."""
    pages = {page for chunk in chunks for page in (chunk["path"], *chunk["also_in"])}
    measured: list[ExamRow] = []
    foreign: list[ExamRow] = []
    for row in rows:
        (foreign if row["page"] and row["page"] not in pages else measured).append(row)
    return measured, foreign


def text_of(chunk: Chunk) -> str:
    return "\n".join([*chunk["headings"], chunk["text"]])


def answered(row: ExamRow, chunks: Sequence[Chunk], search: Search) -> Answered:
    """The chunk of the question's page, else of the nearest ones, that states most of the key values; of equals the one
    that a search puts first."""
    order = search.find(f"{row['question']}\n{row['reference']}", len(chunks) if row["page"] else NEAREST)
    ranked = [chunks[place] for place in order]
    if row["page"]:
        ranked = [chunk for chunk in ranked if row["page"] in (chunk["path"], *chunk["also_in"])]
    values = values_of(row)
    shares = [sum(stated(text_of(chunk), value) for value in values) / len(values) for chunk in ranked]
    if not shares or not max(shares):
        return Answered(row, None, False)
    return Answered(row, ranked[shares.index(max(shares))], max(shares) == 1)


def dataset_row(found: Answered) -> DatasetRow:
    """The question as a held-out row. Its place is that of the chunk, else of the exam's own file."""
    row, chunk = found.row, found.chunk
    return {
        "pair_id": row["exam_id"],
        "chunk_id": chunk["chunk_id"] if chunk else "",
        "instruction": row["question"],
        "input": "",
        "output": row["reference"],
        "evidence": "",
        "style": STYLE,
        "request_key": "",
        "fact_id": row["exam_id"],
        "path": (row["page"] or chunk["path"]) if chunk else row["path"],
        "line_start": chunk["line_start"] if chunk else row["line_start"],
        "line_end": chunk["line_end"] if chunk else row["line_end"],
    }
