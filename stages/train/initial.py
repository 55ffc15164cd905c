"""What an adapter begins with (`lora.init`): nothing, the principal part of each weight, or what rounding took from it.

pissa (arXiv:2404.02948) moves the largest singular values of each weight from the base into the adapter and trains
them; what is saved is a plain adapter of twice the rank for the base as it is published. loftq (arXiv:2310.08659)
begins with what rounding to 4 bits took from each weight, as far as the rank reaches; such an adapter fits the rounded
base alone, and is merged into that one.
"""

from pathlib import Path
from typing import Any

from stages.common.base.errors import ParamsError, UserError
from stages.common.models.base import hub, pretrained, quantised
from stages.common.models.base.embedded import EMBEDDED
from stages.common.records.files import read_json
from stages.common.schema import Params
from stages.train import processes

ITERATIONS = 16  # of the randomised decomposition, which PEFT's documentation has for pissa: seconds, not hours


def refuse_impossible(settings: Params) -> None:
    """Raise ParamsError where the adapter cannot begin as the params say."""
    refuse_start(settings)
    init, model = settings.lora.init, settings.model
    if init == "default":
        return
    refused = f"params.yaml: lora.init = {init!r}"
    own = "" if model.name == EMBEDDED else quantised.kind(model)
    if outer := [name for name in settings.lora.target_modules if name in ("lm_head", "embed_tokens")]:
        raise ParamsError(
            f"{refused}: it is for the linear layers within the model; leave {outer[0]} out of lora.target_modules, or "
            "type: -S lora.init=default"
        )
    if init == "pissa" and (own or model.load_in_4bit or model.load_in_8bit):
        raise ParamsError(f"{refused}: it needs whole weights, these are quantised; type: -S lora.init=default")
    if init == "loftq" and (own or not model.load_in_4bit):
        raise ParamsError(
            f"{refused}: it needs 16-bit weights that are rounded while they load; set model.load_in_4bit=true with a "
            "16-bit model.name, or type: -S lora.init=default"
        )
    if init == "loftq" and settings.merge.method == "adapter_only":
        raise ParamsError(
            f"{refused}: its adapter fits the base in 4 bits alone, and merge.method = 'adapter_only' leaves it to a "
            "server's own base; type: -S merge.method=merged_16bit"
        )


def refuse_start(settings: Params) -> None:
    """Raise ParamsError for an adapter that training cannot go on from."""
    start = settings.train.start_from
    if not start:
        return
    refused = f"params.yaml: train.start_from = {start!r}"
    try:
        config = read_json(Path(start) / "adapter_config.json")
    except UserError:
        raise ParamsError(
            f"{refused}: accepted is a directory with an adapter, as `doclore update` names one"
        ) from None
    hub.adapter(Path(start))
    ours = {"r": settings.lora.r, "lora_alpha": settings.lora.alpha, "use_rslora": settings.lora.use_rslora,
            "bias": settings.lora.bias, "base_model_name_or_path": settings.model.name,
            "target_modules": sorted(settings.lora.target_modules)}  # fmt: skip
    differing = [name for name, value in ours.items() if config.get(name) != value]
    if differing:
        name = differing[0]
        raise ParamsError(f"{refused}: its {name} is {config.get(name)!r}, but params.yaml says {ours[name]!r}")
    if settings.lora.init != "default":
        raise ParamsError(f"{refused}: it starts from an adapter; type: -S lora.init=default")


def go_on(model: Any, settings: Params) -> None:
    """Give a fresh adapter the weights of an earlier one."""
    if not settings.train.start_from:
        return
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    weights = load_file(Path(settings.train.start_from) / "adapter_model.safetensors")
    left = set_peft_model_state_dict(model, weights)
    if left.unexpected_keys:
        raise UserError(
            f"{settings.train.start_from} has weights that this model does not have: {left.unexpected_keys[0]}"
        )


def settled(settings: Params) -> Params:
    """The settings with what the adapter will be merged into."""
    if settings.lora.init != "loftq":
        return settings
    model = settings.model.model_copy(update={"merge_base": quantised.DEQUANTISED})
    return settings.model_copy(update={"model": model})


def options(settings: Params) -> dict[str, Any]:
    """What PEFT's LoraConfig is told."""
    return {"init_lora_weights": f"pissa_niter_{ITERATIONS}"} if settings.lora.init == "pissa" else {}


def fill(model: Any, settings: Params, dtype: Any) -> None:
    """Give a fresh adapter of a 4-bit base what rounding took: the best approximation of its rank. PEFT's own
    `replace_lora_weights_loftq` leaves out the scale by which the adapter counts, and needs a GPU."""
    if settings.lora.init != "loftq":
        return
    import torch
    from bitsandbytes.functional import dequantize_4bit  # which a CPU's set-up does not have

    section = settings.model.model_copy(update={"load_in_4bit": False})
    whole = dict(pretrained.causal_lm(section, dtype, device_map="cpu").named_parameters())
    for name, layer in model.get_base_model().named_modules():
        if not hasattr(layer, "lora_A"):
            continue
        weight, a, b = layer.get_base_layer().weight, layer.lora_A["default"].weight, layer.lora_B["default"].weight
        with torch.no_grad():
            rounded = dequantize_4bit(weight.data, weight.quant_state).float()
            lost = whole[f"{name}.weight"].to(rounded.device).float() - rounded
            left, values, right = torch.svd_lowrank(lost, q=min(len(a), *lost.shape), niter=ITERATIONS)
            root = values.sqrt()
            a.zero_()[: len(root)] = (right * root).T
            b.zero_()[:, : len(root)] = left * root / layer.scaling["default"]


def kept(model: Any, settings: Params, directory: Path) -> dict[str, str]:
    """Keep what a pissa adapter begins with until the training ends; the option of `save_pretrained` that takes it off
    again, so that the adapter fits the base as it is published."""
    if settings.lora.init != "pissa":
        return {}
    start = directory / "initial"
    if processes.is_first() and not start.exists():
        model.save_pretrained(start)
    processes.wait()
    return {"path_initial_model_for_weight_conversion": str(start)}
