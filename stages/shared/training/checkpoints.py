"""Where an interrupted training goes on: `.cache/checkpoints`, outside DVC's outputs, which a failed run loses."""

import shutil
from pathlib import Path
from typing import Any

from stages.shared import paths
from stages.shared.params import Params
from stages.shared.records import digest, file_sha256


def directory(settings: Params, backend: str, dtype: Any) -> Path:
    """One directory per data and settings, so that a changed run never goes on from another one's checkpoint."""
    sections = (settings.model.model_dump(), settings.lora.model_dump(), settings.train.model_dump())
    data = file_sha256(paths.FORMATTED / "train.parquet")
    return paths.cache_dir() / "checkpoints" / digest(data, settings.format.max_length, sections, backend, str(dtype))


def last(directory: Path) -> Path | None:
    """The newest whole checkpoint. The trainer writes its state last: a checkpoint without it was cut off."""
    whole = [state.parent for state in directory.glob("checkpoint-*/trainer_state.json")]
    return max(whole, key=lambda checkpoint: int(checkpoint.name.rpartition("-")[2]), default=None)


def remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
