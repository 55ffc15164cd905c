"""Models and tokenizers as the stages load them, and what they compute with. Heavy imports stay inside."""

import os
from pathlib import Path
from typing import Any

from stages.common.base.errors import UserError
from stages.common.models.base import hub, quantised
from stages.common.schema import Model

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of the container: microseconds that its threads may take of each period


def tokenizer(section: Model) -> Any:
    """The model's fast tokenizer, with a pad token."""
    from transformers import AutoTokenizer

    loaded = hub.from_pretrained(AutoTokenizer, section, weights=False)
    if not loaded.is_fast:
        raise UserError(
            f"params.yaml: model.name = {section.name!r}: its tokenizer has no fast version, which loss masks need"
        )
    if loaded.pad_token is None:
        loaded.pad_token = loaded.eos_token
    return loaded


def causal_lm(section: Model, dtype: Any, **options: Any) -> Any:
    """The base model in `dtype` on the best device there is. Weights that are a pickle, which can run code, are not
    read."""
    from transformers import AutoModelForCausalLM

    if device() == "cpu":
        limit_threads()
    options = {"device_map": device(), **attention(section), **options}
    return hub.from_pretrained(AutoModelForCausalLM, section, dtype=dtype, use_safetensors=True, **options)


def merge_base(section: Model, dtype: Any, **options: Any) -> Any:
    """The 16-bit model that adapters of this base are merged into (`model.merge_base`), in `dtype`."""
    base = quantised.merge_base(section)
    if not base.dequantised:
        return causal_lm(base.section, dtype, **options)
    quantised_while_loading = {} if quantised.kind(section) else quantisation(section, dtype)
    return dequantised(causal_lm(section, dtype, **quantised_while_loading, **options), dtype)


def dequantised(model: Any, dtype: Any) -> Any:
    """A model of bitsandbytes with whole weights, which can be saved: transformers would turn each weight back into its
    quantised parts on the way to the disk, which it cannot."""
    whole = model.dequantize(dtype)
    reading = getattr(whole, "_weight_conversions", None) or []
    parts = ("bitsandbytes" in type(step).__module__ for one in reading for step in getattr(one, "operations", ()))
    if any(parts):
        whole._weight_conversions = [one for one in reading if not getattr(one, "operations", ())]
    return whole


def quantisation(section: Model, dtype: Any) -> dict[str, Any]:
    """The option of from_pretrained that quantises while it loads, if any: QLoRA's nf4 (arXiv:2305.14314) or LLM.int8()
    (arXiv:2208.07339)."""
    from transformers import BitsAndBytesConfig

    if section.load_in_4bit:
        nf4 = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": dtype}
        return {"quantization_config": BitsAndBytesConfig(load_in_4bit=True, **nf4)}
    return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)} if section.load_in_8bit else {}


def attention(section: Model) -> dict[str, str]:
    """The `attn_implementation` option, if any. On a CPU the short rows of a dataset train about a quarter faster
    with plain (eager) attention than with PyTorch's fused one."""
    if section.attn_implementation != "auto":
        return {"attn_implementation": section.attn_implementation}
    return {} if device() == "cuda" else {"attn_implementation": "eager"}


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def limit_threads() -> None:
    """Compute on no more cores than the container has: PyTorch counts those of the machine.

    OMP_NUM_THREADS goes first.
    """
    import torch

    cores = granted_cores()
    if cores and "OMP_NUM_THREADS" not in os.environ and cores < torch.get_num_threads():
        torch.set_num_threads(cores)


def granted_cores() -> int | None:
    """The CPU quota in whole cores (cgroup v2), at least 1; None when there is no quota."""
    quota, _, period = CPU_QUOTA.read_text().partition(" ") if CPU_QUOTA.exists() else ("max", "", "")
    return None if quota == "max" else max(1, int(quota) // int(period))


def choose_dtype(name: str) -> tuple[Any, str]:
    """The torch dtype for `model.dtype`, and why."""
    import torch

    if name != "auto":
        return getattr(torch, name), "model.dtype says so"
    if torch.cuda.is_available():
        # GPUs before Ampere emulate bfloat16, which PyTorch counts as support and which is many times slower.
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "the GPU computes in bfloat16"
        return torch.float16, "the GPU has no bfloat16"
    cpu_flags = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    if "amx_bf16" in cpu_flags or "avx512_bf16" in cpu_flags:
        return torch.bfloat16, "the processor computes in bfloat16"
    return torch.float32, "the processor has no bfloat16"
