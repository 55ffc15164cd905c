"""Where an interrupted training goes on: `.cache/checkpoints`, outside DVC's outputs, which a failed run loses."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import digest, file_sha256, read_json, write_json
from stages.common.schema import Params
from stages.train import evaluations, processes

STARTING = {"launcher", "processes", "accelerate_config"}  # of section train: another number of them goes on
MARKER = "whole.json"  # written last, after everything beside it is on the disk: file name -> bytes


def directory(settings: Params, backend: str, dtype: Any) -> Path:
    """One directory per data and settings, so that a changed run never goes on from another one's checkpoint."""
    train = settings.train.model_dump(exclude=STARTING)
    sections = (settings.model.model_dump(), settings.lora.model_dump(), train)
    files = (paths.FORMATTED / "train.parquet", evaluations.rows_file(settings.train))
    start = Path(settings.train.start_from) / "adapter_model.safetensors" if settings.train.start_from else None
    data = [file_sha256(file) for file in (*files, start) if file]
    return paths.cache_dir() / "checkpoints" / digest(data, settings.format.max_length, sections, backend, str(dtype))


def mark_whole(checkpoint: Path) -> None:
    """Bring every file of the checkpoint to the disk, then write the marker."""
    files = [file for file in sorted(checkpoint.rglob("*")) if file.is_file() and file.name != MARKER]
    for path in (*files, checkpoint):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    write_json(checkpoint / MARKER, {str(file.relative_to(checkpoint)): file.stat().st_size for file in files})


def is_whole(checkpoint: Path) -> bool:
    """Whether everything the marker names is there in full: rotation, too, may have been cut off."""
    try:
        sizes = read_json(checkpoint / MARKER)
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, UserError):
        return False


def step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def shared(directory: Path) -> Path | None:
    """The checkpoint that all processes go on from, None where there is none. Raises UserError where one of them does
    not see it."""
    checkpoint = processes.agreed(last(directory) if processes.is_first() else None)
    if not all(processes.gathered(checkpoint is None or is_whole(checkpoint))):
        raise UserError(
            f"{checkpoint} is not on each machine; let .cache lie on a file system that they share, or remove "
            f"{directory}"
        )
    return checkpoint


def last(directory: Path) -> Path | None:
    """The newest whole checkpoint. Those that were cut off are removed: the trainer would count them among the ones
    that it keeps, and drop a whole one for them."""
    whole = []
    for checkpoint in directory.glob("checkpoint-*"):
        if is_whole(checkpoint):
            whole.append(checkpoint)
        else:
            shutil.rmtree(checkpoint)
    return max(whole, key=step, default=None)


def remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


def keeper(minutes: float) -> Any:
    """A callback that marks each checkpoint when it is whole, and asks for one when the last is `minutes` old.

    0 minutes: never.
    """
    from transformers import TrainerCallback

    class Keeper(TrainerCallback):  # type: ignore[misc]
        saved = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            self.saved = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if minutes and processes.agreed(time.monotonic() - self.saved >= 60 * minutes):
                control.should_save = True

        def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            processes.wait()  # each of them writes a part
            if processes.is_first():
                mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")
            self.saved = time.monotonic()

    return Keeper()
