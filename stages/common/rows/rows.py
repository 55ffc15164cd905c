"""Rows on their way through curate: a pair with its place, kept or rejected with a reason."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from stages.common.base.errors import UserError
from stages.common.records.rows import Chunk, DatasetRow, Pair
from stages.common.text.wording import fact_id as fact_id
from stages.common.text.wording import normalised

Rejection = dict[str, Any]
Chunks = Mapping[str, Chunk]


class Verdict(NamedTuple):
    """Why a pair is rejected: what was found and what would have passed."""

    value: object
    threshold: object


def rejection(row: DatasetRow, check: str, verdict: Verdict) -> Rejection:
    return {**row, "check": check, "value": verdict.value, "threshold": verdict.threshold}


def to_row(pair: Pair, chunks: Chunks) -> DatasetRow:
    """The pair with the place that it comes from. Raises UserError when its chunk has vanished."""
    chunk = chunks.get(pair["chunk_id"])
    if chunk is None:
        raise UserError(f"data/pairs.jsonl: pair {pair['pair_id']} has no chunk in data/chunks.jsonl; run `dvc repro`")
    return {
        **pair,  # type: ignore[typeddict-item]
        "fact_id": fact_id(pair),
        "path": chunk["path"],
        "line_start": chunk["line_start"],
        "line_end": chunk["line_end"],
    }


def first_answer(row: DatasetRow) -> str:
    """The answer to the row's fact, which `output` may say in other words."""
    return row.get("first_output", row["output"])


def question(row: DatasetRow) -> str:
    """What is asked. What was said before belongs to the question of a conversation, and so does its system prompt."""
    if not is_own(row):
        return f"{row['instruction']}\n{row['input']}"
    before = [turn["content"] for turn in row.get("messages", [])[:-2]]
    return "\n".join([row.get("system", ""), *before, row["instruction"], row["input"]])


def question_key(row: DatasetRow) -> str:
    """The same for questions that differ in nothing but white space, case, width and marks."""
    return normalised(question(row))


def all_text(row: Mapping[str, Any]) -> str:
    """Everything that a model would read of the row."""
    turns = (turn["content"] for turn in row.get("messages", []))
    return "\n".join([row.get("system", ""), *turns, row["instruction"], row["input"], row["output"]])


def is_own(row: Mapping[str, Any]) -> bool:
    """Whether the row is the user's own, from data/extra/: it has no chunk to be checked against."""
    return not row["chunk_id"]


def is_accepted(row: Mapping[str, Any]) -> bool:
    """Whether a reviewer accepted or rewrote the row: it passes where a check would reject it."""
    return "review" in row
