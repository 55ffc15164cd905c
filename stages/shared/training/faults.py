"""What ends a training run early, as one line that says what to change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pyarrow.parquet as pq

from stages.shared import models, paths
from stages.shared.errors import UserError
from stages.shared.params import Params

SHOWN = 8  # pairs of a batch that are named


def is_out_of_memory(error: BaseException) -> bool:
    """PyTorch has a class of its own for a GPU only; on a CPU its allocator raises a RuntimeError."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


@contextmanager
def memory_guard(settings: Params) -> Iterator[None]:
    """Raise UserError where memory runs out, while weights are loaded as well as in a step."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise out_of_memory(settings) from None


def out_of_memory(settings: Params) -> UserError:
    """Which values to change, from the one that costs least."""
    train, model = settings.train, settings.model
    remedies = []
    if train.per_device_train_batch_size > 1:
        rows, passes = train.per_device_train_batch_size, train.gradient_accumulation_steps
        halved = -(-rows // 2)
        remedies.append(
            f"train.per_device_train_batch_size={halved} with train.gradient_accumulation_steps={passes * 2} "
            f"(now {rows} and {passes})"
        )
    if not train.gradient_checkpointing:
        remedies.append("train.gradient_checkpointing=true (a fifth slower)")
    if models.device() == "cuda" and not model.load_in_4bit:
        remedies.append("model.load_in_4bit=true")
    remedies.append(f"format.max_length={settings.format.max_length // 2} (now {settings.format.max_length})")
    where = "GPU" if models.device() == "cuda" else "machine"
    return UserError(f"the {where} is out of memory; set {', or '.join(remedies)}")


def pairs_of(inputs: dict[str, Any]) -> list[str]:
    """The pair ids of a batch, found by their tokens in data/formatted/train.parquet; none of a packed one."""
    if "attention_mask" not in inputs:
        return []
    rows = {
        tuple(token for token, kept in zip(ids, mask, strict=True) if kept)
        for ids, mask in zip(inputs["input_ids"].tolist(), inputs["attention_mask"].tolist(), strict=True)
    }
    table = pq.read_table(paths.FORMATTED / "train.parquet", columns=["pair_id", "input_ids"])
    return [row["pair_id"] for row in table.to_pylist() if tuple(row["input_ids"]) in rows]


def refuse_loss(step: int, loss: float, pairs: list[str]) -> NoReturn:
    """Raise UserError for a loss that is NaN or infinite, with the rows that it was measured on."""
    shown = ", ".join(pairs[:SHOWN]) + (f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else "")
    raise UserError(
        f"the loss is {loss} at step {step}, on the pairs {shown or 'of a packed batch'}; nothing was saved. Lower "
        "train.learning_rate, or look at the rows with `doclore why PAIR` and `doclore preview --pair PAIR`"
    )
