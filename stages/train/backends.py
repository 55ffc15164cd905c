"""The two ways to put a LoRA adapter on the base model. Both give a PEFT model that TRL's SFTTrainer trains."""

import importlib.util
import os
from typing import Any

from stages.common.base.errors import ParamsError, UserError, is_launched
from stages.common.base.paths import cache_dir
from stages.common.base.printable import say
from stages.common.models.base import hub, memory, pretrained, quantised
from stages.common.schema import Params
from stages.train import attention, initial, processes

OUTER = ("lm_head", "embed_tokens")  # what stands around the layers; many models have one matrix for both


def choose_backend(settings: Params) -> tuple[str, str]:
    """`train.backend` made concrete, and why. The GPU is asked for, not the import of unsloth: that one also
    works without a GPU."""
    name = settings.train.backend
    if name == "auto":
        if pretrained.device() != "cuda":
            return "trl", "there is no GPU"
        if not importlib.util.find_spec("unsloth"):
            return "trl", "unsloth is not installed"
        if only := trl_only(settings):
            return "trl", only
        return "unsloth", "there is a GPU"
    if name == "unsloth" and not importlib.util.find_spec("unsloth"):
        raise UserError(
            "train.backend = 'unsloth', but it is not installed; type: make setup-gpu, or -S train.backend=trl"
        )
    if name == "unsloth" and (only := trl_only(settings)):
        raise ParamsError(f"params.yaml: train.backend = 'unsloth': {only}; type: -S train.backend=trl")
    return name, "train.backend says so"


def trl_only(settings: Params) -> str:
    """What unsloth would train otherwise than TRL and PEFT do, "" when there is nothing."""
    if outer := [name for name in settings.lora.target_modules if name in OUTER]:
        return f"unsloth trains {outer[0]} (lora.target_modules) in full, not as LoRA"
    if processes.several(settings):
        return "unsloth trains in one process, and train.launcher starts several"
    if settings.lora.init != "default":
        return f"unsloth begins with lora.init = 'default', not {settings.lora.init!r}"
    if settings.model.dtype == "float32" and pretrained.device() == "cuda":
        return "unsloth computes in 16 bits where model.dtype = 'float32'"
    return ""


def prepare(backend: str) -> None:
    """What has to happen before the first import of trl, transformers or peft."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if backend == "unsloth":
        # It compiles into the current directory otherwise, and it must be imported before what it patches.
        os.environ["UNSLOTH_COMPILE_LOCATION"] = str((cache_dir() / "unsloth_compiled").resolve())
        import unsloth  # noqa: F401


def use_one_gpu(launcher: str) -> None:
    """Show CUDA the first of several GPUs only, and say so, before anything asks whether there is one.

    transformers would spread each batch over all of them (DataParallel), which multiplies it; unsloth takes one. One of
    several processes has its own, and who starts them counts them.
    """
    if launcher != "python" or is_launched():
        return
    count = processes.visible_gpus()  # CUDA itself reads the variable later
    if count > 1:
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        os.environ["CUDA_VISIBLE_DEVICES"] = first
        say(
            f"train: uses GPU {first} of {count}; CUDA_VISIBLE_DEVICES names another one, train.launcher=torchrun "
            "trains on all"
        )


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


def refuse_base(settings: Params) -> None:
    """Raise ParamsError for a base that cannot be trained as the params say, from its config alone."""
    config, model = hub.config(settings.model), settings.model
    kind = quantised.kind(model)
    if kind and model.load_in_8bit:
        raise ParamsError(
            f"params.yaml: model.load_in_8bit = True: model.name = {model.name!r} has {kind} weights already; type: "
            "-S model.load_in_8bit=false"
        )
    if kind == "bitsandbytes" and importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(f"{model.name} has 4-bit weights of bitsandbytes; type: pip install bitsandbytes==0.50.2")
    target_modules(memory.empty_model(config), settings)
    outer = [name for name in settings.lora.target_modules if name in OUTER]
    if outer and getattr(config.get_text_config(), "tie_word_embeddings", False):
        raise ParamsError(
            f"params.yaml: lora.target_modules: {outer[0]} cannot be trained: this model's embeddings and head are one "
            "matrix (tie_word_embeddings), and what is learnt for one would change the other; leave it out"
        )


def lora_model(backend: str, settings: Params, dtype: Any) -> Any:
    """The base model with adapter weights drawn from `lora.random_state`, or those of `train.start_from`."""
    model = unsloth_model(settings, dtype) if backend == "unsloth" else peft_model(settings, dtype)
    initial.go_on(model, settings)
    return model


def peft_model(settings: Params, dtype: Any) -> Any:
    """The base is frozen as it was loaded. PEFT's `prepare_model_for_kbit_training` would turn embeddings, head and
    norms of a quantised one into float32, gigabytes that unsloth does not spend either."""
    from peft import LoraConfig, get_peft_model
    from transformers import set_seed

    quantisation: dict[str, Any] = (
        {} if quantised.kind(settings.model) else pretrained.quantisation(settings.model, dtype)
    )
    loading = processes.place(quantisation | attention.for_training(settings.model, dtype), dtype)
    base = pretrained.causal_lm(settings.model, dtype, **loading)
    config = LoraConfig(task_type="CAUSAL_LM", **lora_options(base, settings), **initial.options(settings))
    set_seed(settings.lora.random_state)
    model = get_peft_model(base, config)
    initial.fill(model, settings, dtype)
    return model


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


def adapters_in_32_bits(model: Any) -> None:
    """Keep trained weights in float32 on a quantised base, as unsloth does and PEFT on a whole one: TRL's trainer
    rounds them to bfloat16, in which steps of a small learning rate are lost."""
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)


def unsloth_model(settings: Params, dtype: Any) -> Any:
    """`use_exact_model_name`: unsloth would otherwise train its own copy of a model, of another commit or quantised."""
    from unsloth import FastLanguageModel

    hub.refuse_pickles(settings.model)
    base, _ = hub.from_pretrained(
        FastLanguageModel,
        settings.model,
        use_exact_model_name=True,
        max_seq_length=settings.format.max_length,
        dtype=dtype,
        load_in_4bit=settings.model.load_in_4bit or quantised.kind(settings.model) == "bitsandbytes",
        load_in_8bit=settings.model.load_in_8bit,
    )
    return FastLanguageModel.get_peft_model(
        base,
        **lora_options(base, settings),
        random_state=settings.lora.random_state,
        use_gradient_checkpointing=settings.train.gradient_checkpointing,
        max_seq_length=settings.format.max_length,
    )
