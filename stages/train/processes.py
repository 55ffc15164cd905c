"""Several processes for one training, each with a GPU or cores of its own: what each gets of a step, and that the
first of them alone writes.

A process knows what it is by the variables that torchrun sets (RANK, WORLD_SIZE, LOCAL_RANK); accelerate starts its
processes through torchrun. Where there are none, all functions here answer for the one process there is.
"""

import functools
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from stages.common.base.errors import ParamsError, UserError, is_launched
from stages.common.models.base import pretrained
from stages.common.schema import Params

Value = TypeVar("Value")

LONGEST_WAIT = timedelta(hours=12)  # for another run with the same lock; torchrun ends the rest as soon as one fails
FIRST_SPEAKS = 20.0  # seconds that the others wait before they report an error, which the first most likely has too


def world() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1")) if is_launched() else 1


def rank() -> int:
    return int(os.environ["RANK"]) if is_launched() else 0


def is_first() -> bool:
    """Whether this is the process that writes and prints."""
    return rank() == 0


def several(settings: Params) -> bool:
    return settings.train.launcher != "python" or world() > 1


def are_sharded() -> bool:
    """Whether weights are spread over the processes (FSDP), as accelerate's launcher says."""
    return is_launched() and os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def parts(settings: Params) -> int:
    """Into how many parts the weights are cut: 1 where each process holds them whole."""
    if is_launched():
        return world() if are_sharded() else 1
    train = settings.train
    sharded = train.launcher == "accelerate" and "distributed_type: FSDP" in Path(train.accelerate_config).read_text()
    return here(settings) * machines() if sharded else 1


def machines() -> int:
    return int(os.environ.get("PET_NNODES", "1"))


def visible_gpus() -> int:
    """Asked of the driver's management library: the launcher takes no memory of a GPU."""
    import torch

    return int(torch.cuda.device_count())


def here(settings: Params) -> int:
    """The processes of this machine."""
    return settings.train.processes or visible_gpus() or 1


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the processes for as long as the block takes; nothing happens where there is one alone."""
    if not is_launched():
        yield
        return
    import torch

    cuda = pretrained.device() == "cuda"
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    else:  # accelerate would call it cpu:0, which torch.load does not know
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    if not is_first():
        silence()
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=LONGEST_WAIT)
    try:
        yield
    except UserError:
        time.sleep(0 if is_first() else FIRST_SPEAKS)
        raise
    torch.distributed.destroy_process_group()


def silence() -> None:
    """The first process speaks for all; errors are shown."""
    from tqdm import tqdm

    tqdm.__init__ = functools.partialmethod(tqdm.__init__, disable=True)  # type: ignore[method-assign, assignment]
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the process ends


def wait() -> None:
    """Until all processes are here."""
    if world() > 1:
        import torch

        torch.distributed.barrier()


def agreed(value: Value) -> Value:
    """The first process's value."""
    if world() == 1:
        return value
    import torch

    values = [value]
    torch.distributed.broadcast_object_list(values, src=0)
    return values[0]


def gathered(value: Value) -> list[Value]:
    """The values of all processes."""
    if world() == 1:
        return [value]
    import torch

    values: list[Any] = [None] * world()
    torch.distributed.all_gather_object(values, value)
    return values


@contextmanager
def held_by_first(lock: AbstractContextManager[None]) -> Iterator[None]:
    """The first process holds the lock for all."""
    with ExitStack() as stack:
        if is_first():
            stack.enter_context(lock)
        wait()
        yield


def shared(settings: Params, processes: int) -> Params:
    """The settings with each process's part of a step, which trains the same rows however many share it. Raises
    ParamsError where they cannot."""
    train, size = settings.train, settings.train.per_device_train_batch_size
    rows = train.gradient_accumulation_steps * (1 if size == "auto" else size)
    if rows % processes:
        passes = train.gradient_accumulation_steps
        while (1 if size == "auto" else size) * passes % processes:
            passes += 1
        raise ParamsError(
            f"params.yaml: {processes} processes cannot share the {rows} rows of a step evenly "
            "(train.per_device_train_batch_size x train.gradient_accumulation_steps); type: "
            f"-S train.gradient_accumulation_steps={passes}"
        )
    own = rows // processes
    batch = 1 if size == "auto" else next(part for part in range(min(size, own), 0, -1) if own % part == 0)
    sizes: dict[str, object] = {"gradient_accumulation_steps": own // batch}
    if size != "auto":
        sizes["per_device_train_batch_size"] = batch
    return settings.model_copy(update={"train": train.model_copy(update=sizes)})


def place(options: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """The options of from_pretrained with where this process loads the base: on its own GPU whole, or in parts that
    FSDP takes from the first process. FSDP cuts 4-bit weights only where they are stored as numbers of `dtype`."""
    if not is_launched() or pretrained.device() == "cpu":
        return options
    quantised = options.get("quantization_config")
    if not are_sharded() or quantised:
        options["device_map"] = {"": int(os.environ["LOCAL_RANK"])}
    else:
        options["device_map"] = None
    if are_sharded() and quantised and quantised.load_in_4bit:
        quantised.bnb_4bit_quant_storage = dtype
    return options


def whole_adapter(model: Any) -> dict[str, Any]:
    """The option of `save_pretrained` with the adapter's weights where FSDP has spread them; every process has to ask,
    the first one gets them. Nothing where the model has them itself."""
    if not are_sharded():
        return {}
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    return {"state_dict": get_model_state_dict(model, options=options)}
