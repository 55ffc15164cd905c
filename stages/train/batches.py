"""How many rows a forward pass takes, where `train.per_device_train_batch_size` is auto.

`train.gradient_accumulation_steps` is then the number of rows of an optimizer step. It stays the same: what does not
fit into memory at once is accumulated, so that the run trains the same on every card.
"""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.base.errors import is_out_of_memory
from stages.common.base.printable import say
from stages.common.models.base import pretrained
from stages.common.records.files import read_json, write_json
from stages.common.schema import Params
from stages.train import plan, processes


def divisors(rows: int) -> list[int]:
    """The divisors of a step's rows, the largest first."""
    return [size for size in range(rows, 0, -1) if rows % size == 0]


def split(settings: Params, batch: int) -> Params:
    """The settings with batches of a size, accumulated to the rows of a step that they had."""
    train, size = settings.train, settings.train.per_device_train_batch_size
    rows = train.gradient_accumulation_steps * (1 if size == "auto" else size)
    sizes = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": rows // batch}
    return settings.model_copy(update={"train": train.model_copy(update=sizes)})


def probed(model: Any, settings: Params, backend: str, directory: Path) -> Params:
    """The settings with the largest batch, from the planned one down, whose gradients a GPU has memory for. A run that
    goes on from a checkpoint keeps what it began with. On a CPU the plan decides: it kills what takes too much."""
    import torch

    chosen, file = int(settings.train.per_device_train_batch_size), directory / "batch.json"
    rows = chosen * settings.train.gradient_accumulation_steps
    before = processes.agreed(int(read_json(file)["per_device_train_batch_size"]) if file.exists() else 0)
    if before and rows % before == 0:  # as many processes as then, or few enough
        return split(settings, before)
    for batch in [size for size in divisors(rows) if size <= chosen] if pretrained.device() == "cuda" else ():
        try:
            with torch.random.fork_rng():
                step(model, longest(batch, settings), settings, backend)
        except Exception as error:
            if not is_out_of_memory(error) or batch == 1:
                raise
            say(f"train: {batch} rows at once do not fit")
            continue
        finally:
            model.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
        chosen = batch
        break
    chosen = min(processes.gathered(chosen))
    if processes.is_first():
        write_json(file, {"per_device_train_batch_size": chosen})
    return split(settings, chosen)


def longest(batch: int, settings: Params) -> dict[str, Any]:
    """The longest rows as one batch: padded, or end to end where the run needs no padding."""
    import torch

    table = pq.read_table(paths.FORMATTED / "train.parquet", columns=["input_ids", "labels"]).to_pylist()
    rows = sorted(table, key=lambda row: -len(row["input_ids"]))[:batch]
    if settings.train.packing is True:
        rows = [
            {name: (row[name] * settings.format.max_length)[: settings.format.max_length] for name in row}
            for row in rows
        ]
    device = pretrained.device()
    if settings.train.padding_free is True:
        joined = {
            name: torch.tensor([[token for row in rows for token in row[name]]]) for name in ("input_ids", "labels")
        }
        joined["position_ids"] = torch.cat([torch.arange(len(row["input_ids"])) for row in rows])[None]
        return {name: value.to(device) for name, value in joined.items()}
    width = max(len(row["input_ids"]) for row in rows)
    padding = {"input_ids": 0, "labels": -100}
    padded = {name: [row[name] + [value] * (width - len(row[name])) for row in rows] for name, value in padding.items()}
    padded["attention_mask"] = [[1] * len(row["input_ids"]) + [0] * (width - len(row["input_ids"])) for row in rows]
    return {name: torch.tensor(value, device=device) for name, value in padded.items()}


def step(model: Any, inputs: dict[str, Any], settings: Params, backend: str) -> None:
    """Forward and backward of one batch, with the room that the optimizer will take held beside it."""
    import torch

    from stages.train.cpu.answer_loss import answer_loss, has_plain_head

    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    _states = torch.empty(trained * plan.ADAM[settings.train.optim], dtype=torch.uint8, device=model.device)
    whole_logits = backend == "unsloth" or not has_plain_head(model)
    loss = model(**inputs).loss if whole_logits else answer_loss(model, inputs)
    loss.backward()
