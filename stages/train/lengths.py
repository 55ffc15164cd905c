"""How long the rows are, what batches are made of for it, and whether packing pays."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.common.base.printable import say
from stages.common.schema import Params

SLACK = 0.15  # by which the rows of a packed step may be more or fewer than those that were asked for


@dataclass(frozen=True)
class Rows:
    """The rows that are trained: their number, tokens in all, and the longest."""

    count: int
    tokens: int
    longest: int


def rows(file: Path) -> Rows:
    lengths = pc.list_value_length(pq.read_table(file, columns=["input_ids"])["input_ids"])
    return Rows(len(lengths), pc.sum(lengths).as_py() or 0, pc.max(lengths).as_py() or 0)


def sequences(trained: Rows, settings: Params) -> Rows:
    """What batches are made of: the rows, or the sequences that they fill when they are packed, nearly without rest."""
    if settings.train.packing is not True:
        return trained
    length = settings.format.max_length
    return Rows(-(-trained.tokens // length), trained.tokens, length)


def packed(settings: Params, trained: Rows, possible: bool, processes: int = 1) -> Params:
    """The settings with `train.packing: auto` made concrete, where attention keeps rows of a sequence apart if that is
    `possible`.

    Memory has to hold the longest rows, so that a batch of rows leaves most of it unused. Sequences are all of one
    length. Rows are packed where a step of as many rows then takes fewer passes in no more memory, and only there: a
    step of more rows would train otherwise. The sequences of a step have to be shared evenly by the `processes`.
    """
    train, length = settings.train, settings.format.max_length
    if train.packing != "auto":
        return settings
    size, passes = train.per_device_train_batch_size, train.gradient_accumulation_steps
    wanted = passes * (1 if size == "auto" else size) * trained.tokens / max(trained.count, 1)  # tokens of a step
    number = round(wanted / length)
    batch = batch_of_sequences(number, size * trained.longest // length) if size != "auto" else 1
    pays = possible and number > 0 and number % processes == 0
    pays = pays and abs(number * length / wanted - 1) <= SLACK and batch > 0
    if not pays or (size != "auto" and number // batch >= passes):
        return with_train(settings, packing=False)
    say(f"train: rows are packed: {number} x {length} tokens a step hold as many rows as its {passes} passes did")
    if size == "auto":
        return with_train(settings, packing=True, gradient_accumulation_steps=number)
    sizes = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": number // batch}
    return with_train(settings, packing=True, **sizes)


def batch_of_sequences(number: int, room: int) -> int:
    """The largest divisor of a step's sequences that is no more than there is room for, 0 where there is for none."""
    return next((size for size in range(min(number, room), 0, -1) if number % size == 0), 0)


def with_train(settings: Params, **changes: object) -> Params:
    return settings.model_copy(update={"train": settings.train.model_copy(update=changes)})
