"""How much memory weights take, and how much there is."""

import gc
from pathlib import Path
from typing import Any

from stages.common.base.printable import say

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}


def available(device: str) -> tuple[float, str]:
    """Free bytes of a device, cuda or cpu, and its name."""
    import torch

    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0]), torch.cuda.get_device_name()
    limits = [float(value) for value in (free_memory(), cgroup_limit()) if value]
    return min(limits, default=float("inf")), "this machine"


def free_memory() -> float | None:
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return None
    lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
    return float(lines["MemAvailable"].split()[0]) * 1024


def cgroup_limit() -> float | None:
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else "max"
    return None if text == "max" else float(text)


def release() -> None:
    """Give back what a model held that nothing refers to any more: hooks make cycles, and PyTorch keeps a GPU's
    memory."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def empty_model(config: Any) -> Any:
    """The model of a config without memory for its weights."""
    from accelerate import init_empty_weights
    from transformers import AutoModelForCausalLM

    with init_empty_weights():
        model = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    return model


def parameters(model: Any) -> int:
    """Weights of a model, tied ones counted once."""
    return sum({id(weight): weight.numel() for weight in model.parameters()}.values())


def placement(config: Any, dtype: Any, device: str) -> str:
    """The `device_map` for a model that is only asked: a GPU that has room for it, else GPU and main memory together,
    layer by layer (accelerate's `auto`)."""
    if device != "cuda":
        return device
    free, _ = available(device)
    needed = parameters(empty_model(config)) * BYTES[str(dtype).removeprefix("torch.")]
    if needed < 0.9 * free:
        return device
    say(f"the weights take {needed / 1e9:.1f} GB, the GPU has {free / 1e9:.1f} GB: part of them stays in main memory")
    return "auto"
