"""What a training run will take, said before any weights are loaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say
from stages.common.models.base import memory, pretrained
from stages.common.records.files import read_json, write_json
from stages.common.schema import Params
from stages.train import attention, backends, batches, faults, lengths, plan, processes
from stages.train.lengths import Rows, sequences


def steps(count: int, settings: Params) -> int:
    """Optimizer steps, as transformers' Trainer counts them."""
    train = settings.train
    if train.max_steps > 0:
        return train.max_steps
    passes = -(-count // (int(train.per_device_train_batch_size) * processes.world()))
    return -(-int(train.num_train_epochs * max(-(-passes // train.gradient_accumulation_steps), 1) * 1000) // 1000)


def check(settings: Params, backend: str, dtype: str) -> Params:
    """Print what the run will take, and which later stage has no room; returns the settings with a batch size in
    numbers. Raises UserError when the training does not fit."""
    trained = lengths.rows(paths.FORMATTED / "train.parquet")
    if not trained.count:
        raise UserError("data/formatted/train.parquet has no rows; see reports/format.json and reports/curate.json")
    found, filled = plan.shape(settings), sequences(trained, settings)
    settings, (training, *later) = chain(found, settings, backend, dtype, filled)
    free, _ = memory.available(training.device)
    say(
        f"train: {trained.count} rows of {trained.tokens} tokens, {forecast(settings, dtype, filled)}; "
        f"{found.trainable:,} of {found.parameters + found.trainable:,} parameters; about "
        f"{training.needed / 1e9:.1f} GB of {free / 1e9:.1f} GB"
    )
    if training.needed > free:
        size = settings.train.per_device_train_batch_size
        say(f"train: memory may run out; lower train.per_device_train_batch_size (now {size}) if it does")
    for one in map(plan.verdict, later):
        if one.kind != "fits":
            say(f"train: afterwards, {one.line}")
    return settings


def chain(
    found: plan.Shape, settings: Params, backend: str, dtype: str, filled: Rows
) -> tuple[Params, list[plan.Step]]:
    """The settings with a batch size in numbers, and what each step takes. Raises UserError for a training that does
    not fit: not even its weights, or on a GPU by more than the plan may be wrong."""
    free, device = memory.available(pretrained.device())
    fixed = plan.fixed_memory(found, settings, dtype)
    if fixed > free:
        raise UserError(too_large(fixed, free, device, settings))

    def steps(batch: int) -> list[plan.Step]:
        size = min(batch, filled.count) * filled.longest
        return list(plan.steps(found, settings, backend, dtype, size, filled.longest))

    settings = with_batch(settings, lambda batch: steps(batch)[0].needed < 0.9 * free)
    planned = steps(int(settings.train.per_device_train_batch_size))
    if planned[0].device == "cuda" and planned[0].needed > plan.BEYOND * free:
        raise UserError(
            f"a training step needs about {planned[0].needed / 1e9:.1f} GB, {device} has {free / 1e9:.1f} GB free; "
            f"set {faults.remedies(settings)}"
        )
    return settings, planned


def forecast_of_memory(settings: Params) -> list[plan.Verdict]:
    """The whole chain on this machine before anything runs: with the rows that are formatted, or as long ones as
    format lets pass. Raises UserError as the training would."""
    backend, _ = backends.choose_backend(settings)
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    file, batch = paths.FORMATTED / "train.parquet", settings.train.per_device_train_batch_size
    count = settings.train.gradient_accumulation_steps if batch == "auto" else int(batch)
    longest = settings.format.max_length
    trained = lengths.rows(file) if file.exists() else Rows(count, count * longest, longest)
    settings = lengths.packed(settings, trained, attention.packable(settings, backend, dtype))
    filled = sequences(trained, settings)
    _, steps = chain(plan.shape(settings), settings, backend, str(dtype).removeprefix("torch."), filled)
    return [plan.verdict(step) for step in steps]


def with_batch(settings: Params, fits: Callable[[int], bool]) -> Params:
    """`train.per_device_train_batch_size: auto` as the largest divisor of a step's rows that fits by the plan, at
    least 1."""
    train = settings.train
    if train.per_device_train_batch_size != "auto":
        return settings
    chosen = next(filter(fits, batches.divisors(train.gradient_accumulation_steps)), 1)
    say(f"train: batches of {chosen}, {train.gradient_accumulation_steps // chosen} a step, by the plan of memory")
    return batches.split(settings, chosen)


def forecast(settings: Params, dtype: str, filled: Rows) -> str:
    """Steps and, after a first run of the same model here, minutes."""
    train, number = settings.train, steps(filled.count, settings)
    batch = min(int(train.per_device_train_batch_size) * processes.world(), filled.count)
    tokens = filled.tokens / filled.count * batch * train.gradient_accumulation_steps * number
    speed = known_speed(settings, dtype)
    return f"{number} steps" + (f", about {tokens / speed / 60:.0f} min as the last run was" if speed else "")


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
