"""Rows that an earlier model was trained on already (data/previous/known.jsonl, by `doclore update`): a training that
goes on from it needs some of them against forgetting, not all."""

from collections.abc import Iterable, Iterator
from typing import Any

from stages.common.base import paths
from stages.common.records.files import digest, read_jsonl, share


def row_key(question: str, answer: str) -> str:
    """The same for a row of both datasets, whatever changed beside it on its page."""
    return digest("known", question, answer)


def without_known(rows: Iterable[Any], kept: float) -> Iterator[Any]:
    """The rows but for a part of those that are known, chosen by hash: a larger share keeps those of a smaller one."""
    file = paths.PREVIOUS / "known.jsonl"
    known = {row["row"] for row in read_jsonl(file)} if kept < 1 and file.exists() else set()
    for row in rows:
        question = f"{row['instruction']}\n{row['input']}" if row["input"] else row["instruction"]
        key = row_key(question, row["output"])
        if key not in known or share("kept", key) < kept:
            yield row
