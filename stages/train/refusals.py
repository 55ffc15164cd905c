"""What train refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.models.base import pretrained
from stages.common.models.base.embedded import EMBEDDED
from stages.common.schema import Params
from stages.train import attention, backends, card, initial, launching, tracking

# Of the embedded model, a Llama; others are asked.
KNOWN = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for what the hardware cannot do, packages that are missing, modules the model lacks, and an
    adapter that nothing could be merged into."""
    tracking.require(settings.train.report_to)
    launching.refuse_impossible(settings)
    backends.refuse_impossible(settings)
    initial.refuse_impossible(settings)
    unpadded = settings.train.packing is True or settings.train.padding_free is True
    if unpadded or settings.train.backend == "unsloth":
        backend, _ = backends.choose_backend(settings)
    if unpadded:
        dtype, _ = pretrained.choose_dtype(settings.model.dtype)
        attention.settled(settings, backend, dtype)
    if settings.model.name != EMBEDDED:  # which takes seconds to unpack, and is whole
        card.mergeable(settings.model, settings.merge.method)
    if settings.model.name != EMBEDDED or not KNOWN.issuperset(settings.lora.target_modules):
        backends.refuse_base(settings)
