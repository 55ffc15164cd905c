"""What a training run will take, said before any weights are loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.models import pretrained
from stages.common.records.files import read_json, write_json
from stages.common.schema import Params
from stages.train import faults

BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
NF4 = 0.5 + 0.5 / 8 / 2  # bytes per weight with doubly quantised scales (Dettmers et al. 2023, arXiv:2305.14314)
LOGITS_AT_ONCE = 256  # tokens
PROCESS = 0.8e9  # bytes that Python, PyTorch and transformers take
ADAM = {"adamw_torch": 8, "adamw_torch_fused": 8, "adamw_8bit": 2, "paged_adamw_8bit": 2, "adafactor": 4, "sgd": 0}


@dataclass(frozen=True)
class Rows:
    """The rows that are trained: their number, tokens in all, and the longest."""

    count: int
    tokens: int
    longest: int


@dataclass(frozen=True)
class Shape:
    """A model by its sizes: weights in all, those never quantised (embeddings), and the adapter's."""

    parameters: int
    embeddings: int
    trainable: int
    layers: int
    hidden: int
    heads: int
    vocabulary: int


def rows(file: Path) -> Rows:
    lengths = pc.list_value_length(pq.read_table(file, columns=["input_ids"])["input_ids"])
    return Rows(len(lengths), pc.sum(lengths).as_py() or 0, pc.max(lengths).as_py() or 0)


def sequences(given: Rows, settings: Params) -> Rows:
    """What batches are made of: the rows, or the sequences that they fill when they are packed, nearly without rest."""
    if not settings.train.packing:
        return given
    length = settings.format.max_length
    return Rows(-(-given.tokens // length), given.tokens, length)


def shape(settings: Params) -> Shape:
    """Sizes from the model's config alone: its layers are made without memory for weights."""
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    config = pretrained.from_pretrained(AutoConfig, settings.model)
    with init_empty_weights():
        model = AutoModelForCausalLM.from_config(config)
    model.tie_weights()
    weights = {id(weight): weight.numel() for weight in model.parameters()}  # tied ones once
    linear = [
        module.in_features + module.out_features
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in settings.lora.target_modules and hasattr(module, "in_features")
    ]
    text = config.get_text_config()
    return Shape(
        sum(weights.values()),
        model.get_input_embeddings().weight.numel(),
        settings.lora.r * sum(linear),
        text.num_hidden_layers,
        text.hidden_size,
        text.num_attention_heads,
        text.vocab_size,
    )


def steps(count: int, settings: Params) -> int:
    """Optimizer steps, as transformers' Trainer counts them."""
    train = settings.train
    if train.max_steps > 0:
        return train.max_steps
    batches = -(-count // train.per_device_train_batch_size)
    return -(-int(train.num_train_epochs * max(-(-batches // train.gradient_accumulation_steps), 1) * 1000) // 1000)


def fixed_memory(found: Shape, settings: Params, dtype: str) -> float:
    """Bytes that are needed whatever the batch: weights, adapter, its gradients and optimizer states."""
    per_weight = BYTES[dtype]
    base = found.parameters * per_weight
    if settings.model.load_in_4bit or settings.model.load_in_8bit:
        quantised = NF4 if settings.model.load_in_4bit else 1
        base = (found.parameters - found.embeddings) * quantised + found.embeddings * per_weight
    return PROCESS + base + found.trainable * (4 + 4 + ADAM[settings.train.optim])


def batch_memory(found: Shape, settings: Params, tokens: int, length: int, eager: bool) -> float:
    """Bytes for the activations of the largest batch, `tokens` in rows of `length`.

    Of a layer s·b·h·34 in 16 bits (Korthikanti et al. 2022, arXiv:2205.05198, equation 1), and as much again for the
    inputs of the adapter, which PEFT keeps in 32 bits; eager attention's scores take 12·a·s/h more, since transformers
    computes their softmax in 32 bits. With checkpointing 2·s·b·h of each layer and one layer in full. Logits are made
    for 256 supervised tokens at a time (TRL's chunked loss), 10 bytes for each entry of the vocabulary. On the embedded
    model (8 rows of 284 tokens, eager, a CPU) this and `fixed_memory` come to 6.2 GB, where 7.2 GB were measured.
    """
    scores = 12 * found.heads * length / found.hidden if eager else 0
    layer = tokens * found.hidden * (34 + 35 + scores)
    if settings.train.gradient_checkpointing:
        layers = 2 * tokens * found.hidden * found.layers + layer
    else:
        layers = layer * found.layers
    return layers + 10 * min(tokens, LOGITS_AT_ONCE) * found.vocabulary


def available() -> tuple[float, str]:
    """Free bytes of the device that trains, and its name."""
    import torch

    if pretrained.device() == "cuda":
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


def check(settings: Params, dtype: str) -> None:
    """Print what the run will take. Raises UserError when not even the weights fit."""
    found, given = shape(settings), rows(paths.FORMATTED / "train.parquet")
    if not given.count:
        raise UserError("data/formatted/train.parquet has no rows; see reports/format.json and reports/curate.json")
    filled = sequences(given, settings)
    batch = min(settings.train.per_device_train_batch_size, filled.count)
    attention = settings.model.attn_implementation
    eager = attention == "eager" or (attention == "auto" and pretrained.device() == "cpu")
    fixed = fixed_memory(found, settings, dtype)
    whole = fixed + batch_memory(found, settings, batch * filled.longest, filled.longest, eager)
    free, device = available()
    number = steps(filled.count, settings)
    seen = filled.tokens / filled.count * batch * settings.train.gradient_accumulation_steps * number
    speed = known_speed(settings, dtype)
    duration = f", about {seen / speed / 60:.0f} min as the last run was" if speed else ""
    print(
        f"train: {given.count} rows of {given.tokens} tokens, {number} steps{duration}; {found.trainable:,} of "
        f"{found.parameters + found.trainable:,} parameters; about {whole / 1e9:.1f} GB of {free / 1e9:.1f} GB"
    )
    if fixed > free:
        raise UserError(too_large(fixed, free, device, settings))
    if whole > free:
        print(f"train: memory may run out; lower train.per_device_train_batch_size (now {batch}) if it does")


def too_large(fixed: float, free: float, device: str, settings: Params) -> str:
    change = "a smaller model.name"
    if pretrained.device() == "cuda" and not settings.model.load_in_4bit:
        change = f"{faults.four_bits(settings.model)} or {change}"
    return (
        f"model.name = {settings.model.name!r} needs {fixed / 1e9:.1f} GB for weights and adapter alone, {device} has "
        f"{free / 1e9:.1f} GB free; set {change}"
    )


def speeds() -> Path:
    return paths.cache_dir() / "train_speed.json"


def speed_key(settings: Params, dtype: str) -> str:
    model = settings.model
    return f"{model.name} {pretrained.device()} {dtype} {model.load_in_4bit} {model.load_in_8bit}"


def known_speed(settings: Params, dtype: str) -> float | None:
    """Tokens per second of the last run of this model on this kind of device."""
    speed = read_json(speeds()).get(speed_key(settings, dtype)) if speeds().exists() else None
    return float(speed) if speed else None


def remember_speed(settings: Params, dtype: str, tokens_per_second: float) -> None:
    if not tokens_per_second:
        return  # the run only saved what an earlier one had trained
    known: dict[str, Any] = read_json(speeds()) if speeds().exists() else {}
    write_json(speeds(), known | {speed_key(settings, dtype): tokens_per_second})
