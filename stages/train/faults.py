"""What ends a training run early, as one line that says what to change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.base.errors import UserError, is_out_of_memory
from stages.common.models.base import pretrained
from stages.common.records.files import read_jsonl
from stages.common.schema import Model, Params

SHOWN = 8  # pairs of a batch that are named


@contextmanager
def memory_guard(settings: Params) -> Iterator[None]:
    """Raise UserError where memory runs out, while weights are loaded as well as in a step."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise out_of_memory(settings) from None


def out_of_memory(settings: Params) -> UserError:
    where = "GPU" if pretrained.device() == "cuda" else "machine"
    return UserError(f"the {where} is out of memory; set {remedies(settings)}")


def remedies(settings: Params) -> str:
    """Which values to change, from the one that costs least."""
    train, model = settings.train, settings.model
    changes = []
    rows, passes = train.per_device_train_batch_size, train.gradient_accumulation_steps
    if rows != "auto" and rows > 1:
        halved = -(-rows // 2)
        changes.append(
            f"train.per_device_train_batch_size={halved} with train.gradient_accumulation_steps={passes * 2} "
            f"(now {rows} and {passes})"
        )
    if not train.gradient_checkpointing:
        changes.append("train.gradient_checkpointing=true (a fifth slower)")
    if pretrained.device() == "cuda" and not model.load_in_4bit:
        changes.append(four_bits(model))
    changes.append(f"format.max_length={settings.format.max_length // 2} (now {settings.format.max_length})")
    return ", or ".join(changes)


def four_bits(model: Model) -> str:
    """What to set for a base in 4 bits, which one in 8 excludes."""
    return "model.load_in_4bit=true" + (" with model.load_in_8bit=false" if model.load_in_8bit else "")


def rows_of(inputs: dict[str, Any]) -> set[tuple[int, ...]]:
    """The token ids of each row of a batch: padding left out, a packed one cut where its positions begin again."""
    rows = set()
    if "attention_mask" in inputs:
        for ids, mask in zip(inputs["input_ids"].tolist(), inputs["attention_mask"].tolist(), strict=True):
            rows.add(tuple(token for token, kept in zip(ids, mask, strict=True) if kept))
    elif "position_ids" in inputs:
        for ids, positions in zip(inputs["input_ids"].tolist(), inputs["position_ids"].tolist(), strict=True):
            starts = [i for i, position in enumerate(positions) if position == 0]
            rows |= {tuple(ids[begin:end]) for begin, end in zip(starts, [*starts[1:], len(ids)], strict=True)}
    return rows


def pairs_of(batches: list[dict[str, Any]]) -> list[str]:
    """The pairs of the batches, each with its page and lines, found by their tokens in data/formatted/train.parquet."""
    rows = set().union(*map(rows_of, batches))
    table = pq.read_table(paths.FORMATTED / "train.parquet", columns=["pair_id", "input_ids"])
    pairs = [row["pair_id"] for row in table.to_pylist() if tuple(row["input_ids"]) in rows]
    dataset = paths.DATASET / "train.jsonl"
    places = {row["pair_id"]: place(row) for row in (read_jsonl(dataset) if dataset.exists() else ())}
    return [f"{pair}{places.get(pair, '')}" for pair in pairs]


def place(row: dict[str, Any]) -> str:
    return f" ({row['path']}:{row['line_start']}-{row['line_end']})" if row.get("path") else ""


def refuse_number(name: str, value: float, step: int, batches: list[dict[str, Any]]) -> NoReturn:
    """Raise UserError for a loss or gradient that is NaN or infinite, with the rows that it was measured on."""
    pairs = pairs_of(batches)
    shown = ", ".join(pairs[:SHOWN]) + (f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else "")
    raise UserError(
        f"the {name} is {value} at step {step}, on the pairs {shown or 'of its batch'}; nothing was saved. Lower "
        "train.learning_rate, or look at the rows with `doclore why PAIR` and `doclore preview --pair PAIR`"
    )
