"""The two ways to put a LoRA adapter on the base model. Both give a PEFT model that TRL's SFTTrainer trains."""

import importlib.util
import os
from typing import Any

from stages.common.base.errors import ParamsError, UserError
from stages.common.base.paths import cache_dir
from stages.common.models import pretrained
from stages.common.schema import Model, Params
from stages.train import attention


def choose_backend(name: str) -> tuple[str, str]:
    """`train.backend` made concrete, and why. The GPU is asked for, not the import of unsloth: that one also
    works without a GPU."""
    if name == "auto":
        on_gpu = pretrained.device() == "cuda"
        if on_gpu and importlib.util.find_spec("unsloth"):
            return "unsloth", "there is a GPU"
        return "trl", "unsloth is not installed" if on_gpu else "there is no GPU"
    if name == "unsloth" and not importlib.util.find_spec("unsloth"):
        raise UserError(
            "train.backend = 'unsloth', but it is not installed; type: make setup-gpu, or -S train.backend=trl"
        )
    return name, "train.backend says so"


def prepare(backend: str) -> None:
    """What has to happen before the first import of trl, transformers or peft."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if backend == "unsloth":
        # It compiles into the current directory otherwise, and it must be imported before what it patches.
        os.environ["UNSLOTH_COMPILE_LOCATION"] = str((cache_dir() / "unsloth_compiled").resolve())
        import unsloth  # noqa: F401


def refuse_impossible(settings: Params) -> None:
    """Raise on what needs a GPU where there is none, before anything is loaded."""
    bits = [key for key in ("load_in_4bit", "load_in_8bit") if getattr(settings.model, key)]
    small = settings.train.optim.endswith("8bit")
    if not (bits or small) or pretrained.device() == "cuda":
        return
    if bits:
        raise ParamsError(f"params.yaml: model.{bits[0]} = True needs an NVIDIA GPU; type: -S model.{bits[0]}=false")
    raise ParamsError(
        f"params.yaml: train.optim = {settings.train.optim!r} needs an NVIDIA GPU; type: -S train.optim=adamw_torch"
    )


def lora_model(backend: str, settings: Params, dtype: Any) -> Any:
    """The base model with fresh adapter weights drawn from `lora.random_state`."""
    return unsloth_model(settings, dtype) if backend == "unsloth" else peft_model(settings, dtype)


def peft_model(settings: Params, dtype: Any) -> Any:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
    from transformers import set_seed

    checkpointing = bool(settings.train.gradient_checkpointing)
    quantised = quantisation(settings.model, dtype)
    base = pretrained.causal_lm(settings.model, dtype, **quantised, **attention.for_training(settings.model, dtype))
    if quantised:
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=checkpointing)
    config = LoraConfig(task_type="CAUSAL_LM", **lora_options(base, settings))
    set_seed(settings.lora.random_state)
    return get_peft_model(base, config)


def quantisation(section: Model, dtype: Any) -> dict[str, Any]:
    """The option of from_pretrained that quantises while it loads, if any: QLoRA's nf4 (arXiv:2305.14314) or LLM.int8()
    (arXiv:2208.07339)."""
    from transformers import BitsAndBytesConfig

    if section.load_in_4bit:
        nf4 = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": dtype}
        return {"quantization_config": BitsAndBytesConfig(load_in_4bit=True, **nf4)}
    return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)} if section.load_in_8bit else {}


def lora_options(base: Any, settings: Params) -> dict[str, Any]:
    """The section `lora` under the names that PEFT and unsloth share."""
    lora = settings.lora
    return {
        "r": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "bias": lora.bias,
        "target_modules": target_modules(base, settings),
        "use_rslora": lora.use_rslora,
    }


def target_modules(base: Any, settings: Params) -> list[str]:
    """`lora.target_modules`, after a check that the model has them: PEFT would pass over a misspelt one in silence."""
    names = {name.rpartition(".")[2] for name, _ in base.named_modules()}
    for module in settings.lora.target_modules:
        if module not in names:
            accepted = ", ".join(sorted(name for name in names if name.endswith("proj"))) or "its linear layers"
            raise ParamsError(f"params.yaml: lora.target_modules: the model has no {module!r}; accepted is {accepted}")
    return list(settings.lora.target_modules)


def unsloth_model(settings: Params, dtype: Any) -> Any:
    from unsloth import FastLanguageModel

    base, _ = pretrained.from_pretrained(
        FastLanguageModel,
        settings.model,
        max_seq_length=settings.format.max_length,
        dtype=dtype,
        load_in_4bit=settings.model.load_in_4bit,
        load_in_8bit=settings.model.load_in_8bit,
    )
    return FastLanguageModel.get_peft_model(
        base,
        **lora_options(base, settings),
        random_state=settings.lora.random_state,
        use_gradient_checkpointing=settings.train.gradient_checkpointing,
        max_seq_length=settings.format.max_length,
    )
