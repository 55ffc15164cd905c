"""Bases whose own weights are quantised, and the 16-bit weights that an adapter trained on them is merged into."""

import re
from typing import Any, NamedTuple

from stages.common.base.errors import ParamsError
from stages.common.models.base import hub, memory
from stages.common.schema import Model

UNSLOTH = re.compile(r"(-unsloth)?-bnb-4bit$")  # what unsloth appends to the name of the 16-bit repository
DEQUANTISED = "dequantised"


class MergeBase(NamedTuple):
    """What an adapter is merged into: a 16-bit model, or the quantised one turned into 16 bits; and why."""

    section: Model
    dequantised: bool
    reason: str


def kind(section: Model) -> str:
    """How the weights in a repository are quantised (bitsandbytes, gptq, awq, fp8 …); "" for whole ones."""
    quantised = getattr(hub.config(section), "quantization_config", None)
    return str(dict(quantised).get("quant_method", "quantised")) if quantised else ""


def merge_base(section: Model) -> MergeBase:
    """What `model.merge_base` means for this base. Raises ParamsError for what cannot be merged into, which is to be
    said before the training, never after."""
    quantised, wanted, reason = kind(section), section.merge_base, "no 16-bit model is known for it"
    if wanted == DEQUANTISED and quantised in ("", "bitsandbytes"):
        return MergeBase(
            section, bool(quantised or section.load_in_4bit or section.load_in_8bit), "model.merge_base says so"
        )
    if not quantised:
        if wanted != "auto":
            raise refused(section, f"model.name = {section.name!r} has 16-bit weights of its own", "auto")
        return MergeBase(section, False, "it is the base")
    sibling = proposed(section) if wanted == "auto" else named(section, wanted) if wanted != DEQUANTISED else None
    if sibling is not None:
        reason = difference(section, sibling)
        if not reason:
            return MergeBase(hub.pinned(sibling), False, "it is the 16-bit model of that name")
        if wanted != "auto":
            raise refused(section, reason, "the 16-bit model that the base was made from")
    if quantised == "bitsandbytes":
        return MergeBase(section, True, reason)
    raise refused(
        section, f"{quantised} weights cannot be turned into 16 bits here", "the 16-bit model they were made from"
    )


def refused(section: Model, reason: str, accepted: str) -> ParamsError:
    return ParamsError(
        f"params.yaml: model.merge_base = {section.merge_base!r}: {reason}; accepted is {accepted}, or type: "
        "-S merge.method=adapter_only"
    )


def named(section: Model, name: str) -> Model:
    """The 16-bit model of a name, from the same hub; owner/name@revision pins it."""
    name, _, revision = name.partition("@")
    whole = {"name": name, "revision": revision, "load_in_4bit": False, "load_in_8bit": False, "merge_base": "auto"}
    return section.model_copy(update=whole)


def proposed(section: Model) -> Model | None:
    """The 16-bit repository that a name of unsloth's points to: owner/NAME-bnb-4bit was made from owner/NAME."""
    return named(section, UNSLOTH.sub("", section.name)) if UNSLOTH.search(section.name) else None


def difference(section: Model, sibling: Model) -> str:
    """Why an adapter for one model does not fit the other, "" when it does."""
    try:
        hub.local_directory(sibling)
        if quantised := kind(sibling):
            return f"{sibling.name} has {quantised} weights, not 16-bit ones"
        if shapes(hub.config(section)) != shapes(hub.config(sibling)):
            return f"{sibling.name} has weights of other shapes than {section.name}"
        if vocabulary(section) != vocabulary(sibling):
            return f"{sibling.name} has other tokens than {section.name}"
    except ParamsError as error:
        return (
            f"{sibling.name} cannot be loaded ({error.args[0].partition('cannot be loaded (')[2].partition(');')[0]})"
        )
    return ""


def shapes(config: Any) -> dict[str, list[int]]:
    """The shape of each weight of the model, as if it were not quantised."""
    whole = type(config).from_dict({k: v for k, v in config.to_dict().items() if k != "quantization_config"})
    return {name: list(weight.shape) for name, weight in memory.empty_model(whole).named_parameters()}


def vocabulary(section: Model) -> dict[str, int]:
    from transformers import AutoTokenizer

    known: dict[str, int] = hub.from_pretrained(AutoTokenizer, section, weights=False).get_vocab()
    return known
