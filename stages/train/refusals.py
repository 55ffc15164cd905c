"""What train refuses by its settings alone; `doclore check` asks before anything runs."""

from typing import Any

from stages.common.models import pretrained
from stages.common.schema import Params
from stages.train import attention, backends, tracking

# Of the embedded model, a Llama; others are asked.
KNOWN = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for what the hardware cannot do, packages that are missing, and modules the model lacks."""
    tracking.require(settings.train.report_to)
    backends.refuse_impossible(settings)
    unpadded = settings.train.packing or settings.train.padding_free
    if unpadded or settings.train.backend == "unsloth":
        backend, _ = backends.choose_backend(settings.train.backend)
    if unpadded:
        dtype, _ = pretrained.choose_dtype(settings.model.dtype)
        attention.refuse_unpadded(settings, backend, dtype)
    if settings.model.name != pretrained.EMBEDDED or not KNOWN.issuperset(settings.lora.target_modules):
        backends.target_modules(skeleton(settings), settings)


def skeleton(settings: Params) -> Any:
    """The base model without memory for its weights."""
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    config = pretrained.from_pretrained(AutoConfig, settings.model)
    with init_empty_weights():
        return AutoModelForCausalLM.from_config(config)
