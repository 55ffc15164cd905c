"""What makes a training step on a CPU faster than the libraries' own: see BENCHMARKS.md."""

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

from stages.common.base.printable import say
from stages.common.models.base import pretrained
from stages.common.schema import Params

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h


def keep_memory() -> None:
    """Let the C library keep freed memory instead of giving it back to the system and asking for it again.

    A step allocates the same blocks as the step before; as new memory each of their pages costs a fault, together an
    eighth of the step and a third of one with long rows. Only glibc has these settings; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)  # bytes
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
        mallopt(M_TOP_PAD, 1 << 26)


class Faster(NamedTuple):
    """What `speed_up` could do for a model."""

    fused: bool = False  # its layers compute in the type of the base weights and need no autocast
    loss: Callable[[Any, dict[str, Any], Any], Any] | None = None  # instead of the trainer's own


def speed_up(model: Any, settings: Params, backend: str, dtype: Any) -> Faster:
    """Prepare a PEFT model for steps on a CPU. On a GPU, and in unsloth, other code does that."""
    import torch

    if pretrained.device() != "cpu" or backend != "trl" or dtype not in (torch.float32, torch.bfloat16):
        return Faster()
    from stages.train import processes
    from stages.train.cpu import answer_loss, fused_lora, shared_prefix

    keep_memory()
    fused = fused_lora.fuse(model)
    if not answer_loss.has_plain_head(model):
        return Faster(fused)
    if processes.world() > 1:  # gradients are summed over processes where the model itself computes the loss
        say("train: several processes leave out the CPU's own loss and attention, which one process trains faster with")
        return Faster(fused)
    if settings.model.attn_implementation == "auto":
        shared_prefix.use(model.get_base_model())
    return Faster(fused, answer_loss.answer_loss)
