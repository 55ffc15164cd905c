"""Which attention a training uses, and whether it keeps rows apart that lie in one sequence without padding."""

from typing import Any

from stages.common.base.errors import ParamsError, UserError
from stages.common.base.printable import say
from stages.common.models.base import hub, pretrained
from stages.common.schema import Model, Params

MASKED_BY_POSITION = ("llama", "mistral", "qwen2", "qwen3", "smollm3")


def for_training(section: Model, dtype: Any) -> dict[str, str]:
    """The `attn_implementation` option of transformers: FlashAttention where `auto` may take it, else models' choice.

    FlashAttention computes in 16 bits only, on a GPU of compute capability 8.0 or above.
    """
    if section.attn_implementation == "auto" and flash_reason(dtype) is None:
        return {"attn_implementation": "flash_attention_2"}
    return pretrained.attention(section)


def flash_reason(dtype: Any) -> str | None:
    """Why FlashAttention 2 cannot be used, None when it can."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    if pretrained.device() != "cuda":
        return "there is no GPU"
    if dtype not in (torch.bfloat16, torch.float16):
        return "model.dtype is float32"
    if torch.cuda.get_device_capability() < (8, 0):
        return "the GPU is older than Ampere"
    return None if is_flash_attn_2_available() else "the package flash-attn is not installed"


def settled(settings: Params, backend: str, dtype: Any) -> Params:
    """The settings with `train.padding_free: auto` made concrete: without padding on a GPU whose attention keeps rows
    apart. Raises ParamsError where rows that are to lie in one sequence would see each other, before any weights are
    loaded."""
    train, wanted = settings.train, settings.train.padding_free
    packing = train.packing is True  # auto has been made concrete by now
    if wanted is False and not packing:
        return settings
    reason = unpadded_reason(settings.model, backend, dtype)
    if wanted == "auto" and not packing:
        if reason and pretrained.device() == "cuda":
            say(f"train: batches are padded: {reason}")
        return settings.model_copy(update={"train": train.model_copy(update={"padding_free": reason is None})})
    if reason:
        key = "packing" if packing else "padding_free"
        raise ParamsError(
            f"params.yaml: train.{key} = True: accepted is False here: {reason}; type: -S train.{key}=false"
        )
    unpadded = train.model_copy(update={"padding_free": True})  # a packed batch has no padding either
    return settings.model_copy(update={"train": unpadded})


def packable(settings: Params, backend: str, dtype: Any) -> bool:
    """Whether `train.packing: auto` may lay rows in one sequence."""
    train = settings.train
    return (
        train.packing == "auto"
        and train.padding_free is not False
        and not unpadded_reason(settings.model, backend, dtype)
    )


def unpadded_reason(section: Model, backend: str, dtype: Any) -> str | None:
    """Why rows need padding, None when attention keeps them apart without.

    unsloth has block-diagonal attention of its own for whatever is installed. TRL warns of all but FlashAttention;
    with sdpa it is transformers that masks the other rows, by the positions that begin again, which a test shows for
    the models of MASKED_BY_POSITION. Attention over a whole batch then grows with its square: cheap on a GPU.
    """
    if pretrained.device() != "cuda":
        return "on a CPU, attention over the rows of a batch as one sequence costs more than padding"
    if backend == "unsloth" or "flash" in for_training(section, dtype).get("attn_implementation", ""):
        return None
    if section.attn_implementation == "eager":
        return "eager attention cannot hold sequences of that length; set model.attn_implementation to auto"
    kind = model_type(section)
    if kind in MASKED_BY_POSITION:
        return None
    known = ", ".join(MASKED_BY_POSITION)
    return f"rows would attend to each other, since the model is {kind}, not {known}, and {flash_reason(dtype)}"


def model_type(section: Model) -> str:
    """The architecture that the model's config names."""
    return str(hub.config(section).model_type)


def verify_unpadded(trainer: Any, settings: Params) -> None:
    """Raise UserError if the trainer went back to padding: unsloth does so, with a warning, for models it cannot pack.

    Rows that are packed already would then be trained as one.
    """
    train = settings.train
    packing = train.packing is True
    if (packing or train.padding_free is True) and not getattr(trainer.data_collator, "padding_free", False):
        key = "packing" if packing else "padding_free"
        raise UserError(f"train.{key} = True is not possible with this model; type: -S train.{key}=false")
