"""General instruction rows among ours, so that the model does not forget what it could before.

Rows are read like the user's own data (Alpaca, ShareGPT or OpenAI messages) and drawn by the hash of what they say: the
same ones on every machine, and more of them when the share grows.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from stages.common.base.errors import ParamsError, UserError
from stages.common.base.printable import say
from stages.common.records.files import share
from stages.common.records.rows import DatasetRow
from stages.common.rows.conversations import conversation
from stages.common.rows.own_data import file_rows, is_data, to_row
from stages.common.schema import Replay

SELF = Path("data/replay/self.jsonl")  # the base model's own answers, by `doclore rehearse`
TOLD = 3  # unusable rows that are shown


def replay_rows(section: Replay, pairs: int) -> list[DatasetRow]:
    """`section.share` rows per pair, fewer when there are no more; in the order of their hashes."""
    wanted = round(section.share * pairs)
    if not wanted:
        return []
    unusable: list[str] = []
    chosen = heapq.nsmallest(
        wanted, distinct(usable(section.source, unusable)), key=lambda row: share("replay", row["pair_id"])
    )
    for line in unusable[:TOLD]:
        say(f"format: replay: {line}")
    if len(unusable) > TOLD:
        say(f"format: replay: … {len(unusable)} rows cannot be used")
    if not chosen:
        raise no_usable_row(section.source)
    if len(chosen) < wanted:
        say(
            f"format: replay: {section.source} has {len(chosen)} rows of the {wanted} that format.replay.share asks for"
        )
    return chosen


def distinct(rows: Iterator[DatasetRow]) -> Iterator[DatasetRow]:
    """Each row once; ids are hashes of what rows say."""
    known: set[str] = set()
    for row in rows:
        if row["pair_id"] not in known:
            known.add(row["pair_id"])
            yield row


def usable(source: str, unusable: list[str]) -> Iterator[DatasetRow]:
    """The rows of a directory, a file or a hub data set. What cannot be used is noted with its place."""
    refuse_source(source)
    path = SELF if source == "self" else Path(source)
    if not path.exists():
        yield from hub_rows(source, unusable)
        return
    files = sorted(filter(is_data, path.rglob("*"))) if path.is_dir() else [path]
    for row in (row for file in files for row in file_rows(file)):
        if "check" in row:
            unusable.append(f"{row['path']}:{row['line_start']}: {row['value']}")  # type: ignore[typeddict-item]
        else:
            yield row  # type: ignore[misc]


def no_usable_row(source: str) -> UserError:
    return UserError(
        f"format.replay.source = {source!r} has no usable rows; add some, or type: -S format.replay.share=0.0"
    )


def refuse_source(source: str) -> None:
    """Raise ParamsError for what is neither self, a directory, a file of rows nor the name of a hub data set."""
    if source == "self":
        if not SELF.exists():
            raise UserError(f"format.replay.source = 'self', but {SELF} does not exist; type: doclore rehearse")
        return
    path, key = Path(source), f"params.yaml: format.replay.source = {source!r}"
    if path.is_file() and not is_data(path):
        raise ParamsError(f"{key}: accepted is .json or .jsonl; type "
                          f"`doclore convert {source} {path.with_suffix('.jsonl')}`")  # fmt: skip
    if path.is_dir() and not any(map(is_data, path.rglob("*"))):
        raise no_usable_row(source)
    if not path.exists() and (source.count("/") != 1 or source.startswith((".", "/"))):
        raise ParamsError(f"{key}: accepted is self, a directory or a file that "
                          "exists, or a hub data set (owner/name, owner/name@revision)")  # fmt: skip


def hub_rows(source: str, unusable: list[str]) -> Iterator[DatasetRow]:
    """The split `train` of a data set on the hub, streamed."""
    for number, value in enumerate(streamed(source), 1):
        try:
            yield to_row(conversation(value), Path(source), number, number, "")
        except ValueError as error:
            unusable.append(f"{source}, row {number}: {error}")


def streamed(source: str) -> Iterator[dict[str, Any]]:
    from datasets import load_dataset

    try:
        name, _, revision = source.partition("@")
        # The first row is what opens the connection.
        rows = iter(load_dataset(name, split="train", streaming=True, revision=revision or None))
        first = list(islice(rows, 1))
    except Exception as error:  # the hub's errors have no common ancestor
        reason = str(error).strip().split("\n")[0][:200]
        raise UserError(f"format.replay.source = {source!r} cannot be read from the hub ({reason}); check the "
                        "name, HF_TOKEN for gated data, HF_ENDPOINT for a mirror") from None  # fmt: skip
    yield from first
    yield from rows
