"""Rows of the user's own, from data/extra/: they join the dataset beside what was generated from the documentation.

Every .json and .jsonl file below the directory is read; `name.system.txt` beside `name.json` or `name.jsonl` is the
system prompt of its rows. A row that cannot be used is rejected with its file, line and reason.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from stages.common.records.files import digest
from stages.common.records.rows import DatasetRow, Message
from stages.common.rows.conversations import Conversation, conversation
from stages.common.rows.json_rows import Fault, read_json_rows
from stages.common.text.wording import normalised

STYLE = "own"
SYSTEM = ".system.txt"
ACCEPTED = "Alpaca (instruction, input, output), ShareGPT (conversations) or OpenAI (messages)"
WORDED_ALIKE = 20  # characters; that long an answer to two questions is one fact, a "yes" is not
EMPTY = {"chunk_id": "", "instruction": "", "input": "", "output": "", "evidence": "", "request_key": ""}


class OwnData(NamedTuple):
    """Rows to train on, rejections (rows of data/rejected.jsonl), and remarks about files that no one reads."""

    rows: list[DatasetRow]
    rejected: list[dict[str, Any]]
    remarks: list[str]


def own_data(directory: Path) -> OwnData:
    """Everything below `directory`, in the order of paths and lines. Nothing when it is missing or empty."""
    rows: list[DatasetRow] = []
    rejected: list[dict[str, Any]] = []
    files = sorted(directory.rglob("*"), key=lambda file: file.as_posix())
    files = [file for file in files if file.is_file() and not file.name.startswith(".")]
    for file in files:
        if is_data(file):
            for row in file_rows(file):
                (rejected if "check" in row else rows).append(row)  # type: ignore[arg-type]
    return OwnData(rows, rejected, list(remarks(files)))


def is_data(file: Path) -> bool:
    return file.suffix.lower() in (".json", ".jsonl")


def remarks(files: list[Path]) -> Iterator[str]:
    """What lies in the directory and is not read, with what to type."""
    stems = {file.with_suffix("") for file in files if is_data(file)}
    for file in files:
        stem = file.name.removesuffix(SYSTEM)
        if file.name.endswith(SYSTEM) and file.with_name(stem) not in stems:
            yield f"{file.as_posix()} is the system prompt of no file: there is no {stem}.json or {stem}.jsonl"
        elif file.suffix.lower() in (".csv", ".parquet"):
            target = file.with_suffix(".jsonl").as_posix()
            yield f"{file.as_posix()} is not read; type `doclore convert {file.as_posix()} {target}`"


def file_rows(file: Path) -> Iterator[DatasetRow | dict[str, Any]]:
    """The rows of one file; rejections among them have a field `check`."""
    system = system_prompt(file)
    for item in read_json_rows(file):
        if isinstance(item, Fault):
            yield rejection(file, item.line, item.line, item.text, item.problem)
            continue
        try:
            yield to_row(conversation(item.value), file, item.first, item.last, system)
        except ValueError as error:
            yield rejection(file, item.first, item.last, excerpt(item.value), str(error))


def system_prompt(file: Path) -> str:
    side = file.with_name(file.stem + SYSTEM)
    return side.read_text(encoding="utf-8-sig", errors="replace").strip() if side.is_file() else ""


def to_row(talk: Conversation, file: Path, first: int, last: int, system: str) -> DatasetRow:
    """A dataset row. Its instruction and output are those of the last exchange; `messages` has all turns when there
    are more. The id depends on the row's own content: neither its place nor the side file changes it."""
    question, answer = talk.turns[-2]["content"], talk.turns[-1]["content"]
    row: DatasetRow = {
        "pair_id": digest(STYLE, talk.system, talk.turns, talk.input),
        "chunk_id": "",
        "instruction": question,
        "input": talk.input,
        "output": answer,
        "evidence": "",
        "style": STYLE,
        "request_key": "",
        "fact_id": fact_id(talk),
        "path": file.as_posix(),
        "line_start": first,
        "line_end": last,
    }
    if len(talk.turns) > 2:
        row["messages"] = with_input(talk)
    if talk.system or system:
        row["system"] = talk.system or system
    return row


def fact_id(talk: Conversation) -> str:
    """Questions that get the same long answer are wordings of one fact."""
    answers = normalised(" ".join(turn["content"] for turn in talk.turns[1::2]))
    return digest(STYLE, answers) if len(answers) >= WORDED_ALIKE else digest(STYLE, talk.turns, talk.input)


def with_input(talk: Conversation) -> list[Message]:
    """All turns; Alpaca's input joins its question behind a newline."""
    *before, question, answer = talk.turns
    joined = f"{question['content']}\n{talk.input}" if talk.input.strip() else question["content"]
    return [*before, {"role": "user", "content": joined}, answer]


def rejection(file: Path, first: int, last: int, quoted: str, problem: str) -> dict[str, Any]:
    """A row of data/rejected.jsonl for something that is no usable row."""
    place = {"path": file.as_posix(), "line_start": first, "line_end": last}
    verdict = {"check": "own_row", "value": problem, "threshold": ACCEPTED, "row": quoted}
    return {"pair_id": digest(STYLE, place, quoted), **EMPTY, "style": STYLE, **place, **verdict}


def excerpt(value: dict[str, Any], limit: int = 200) -> str:
    shown = str(value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
