"""Where a run is shown while it goes on, besides reports/: TensorBoard or Weights & Biases."""

import importlib.util
import os

from stages.common.base.errors import UserError
from stages.common.base.paths import cache_dir


def require(name: str) -> None:
    """Raise UserError when the package is missing."""
    if name != "none" and not importlib.util.find_spec(name):
        raise UserError(
            f"train.report_to = {name!r}, but it is not installed; type: pip install 'doclore[{name}]', or "
            "-S train.report_to=none"
        )


def prepare(name: str, run: str) -> None:
    """Let the trainer's own callback for `train.report_to` write below .cache, `run` being a directory's name.

    Raises UserError when the package is missing. Which project of Weights & Biases, and its key, are the environment's
    (WANDB_PROJECT, WANDB_API_KEY).
    """
    if name == "none":
        return
    require(name)
    directory = (cache_dir() / name).resolve()
    directory.mkdir(exist_ok=True)
    if name == "tensorboard":
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(directory / run)
    else:
        os.environ.setdefault("WANDB_DIR", str(directory))
        os.environ.setdefault("WANDB_PROJECT", "doclore")
