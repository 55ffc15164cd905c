"""The loss on rows that are not trained: when a run ends early, and which of its checkpoints becomes the adapter."""

from pathlib import Path
from typing import Any

from stages.common.base import paths
from stages.common.schema import Train

ROWS = paths.FORMATTED / "eval_seen.parquet"  # held-out wordings of trained facts; curate's split keeps them apart


def rows_file(train: Train) -> Path | None:
    """The rows that are evaluated, None when none are."""
    return ROWS if train.eval_steps else None


def options(train: Train) -> dict[str, Any]:
    """When TRL's trainer evaluates and saves, the last step always.

    Two checkpoints are kept, since the newer may be cut off while it is written, and the best one beside them. Only a
    checkpoint can be the best one, so with `train.load_best_model_at_end` each evaluation saves one.
    """
    saved: dict[str, Any] = {"save_steps": train.save_steps, "save_total_limit": 2}
    if not train.eval_steps:
        return saved
    if train.load_best_model_at_end:
        saved = {"save_steps": train.eval_steps, "save_total_limit": 3, "load_best_model_at_end": True}
        saved |= {"metric_for_best_model": "loss", "greater_is_better": False}
    batch = train.per_device_train_batch_size
    evaluated = {"eval_strategy": "steps", "eval_steps": train.eval_steps, "per_device_eval_batch_size": batch}
    return saved | evaluated | {"prediction_loss_only": True}


def losses(history: list[dict[str, Any]]) -> list[tuple[float, int]]:
    """(loss, step) of each evaluation in the trainer's log, in order."""
    return [(entry["eval_loss"], entry["step"]) for entry in history if "eval_loss" in entry]


def fell_last(history: list[dict[str, Any]]) -> int:
    """The number of evaluations since the one with the lowest loss, the first of equals."""
    found = [loss for loss, _ in losses(history)]
    return len(found) - 1 - found.index(min(found)) if found else 0


def taken(history: list[dict[str, Any]], train: Train) -> dict[str, float]:
    """What the report says of the evaluation of the weights that are kept."""
    found = losses(history)
    if not found:
        return {}
    loss, step = min(found) if train.load_best_model_at_end else found[-1]
    return {"eval_loss": loss, "eval_step": step}


def is_over(history: list[dict[str, Any]], train: Train) -> bool:
    """Whether the loss has not fallen for `train.early_stopping_patience` evaluations.

    The trainer's log, which checkpoints hold, says it: a run that goes on from one ends where an undisturbed one does.
    """
    return bool(train.early_stopping_patience) and fell_last(history) >= train.early_stopping_patience


def stopper(train: Train) -> Any:
    """A callback that ends a run that is over."""
    from transformers import TrainerCallback

    class Stopper(TrainerCallback):  # type: ignore[misc]
        def on_evaluate(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if is_over(state.log_history, train):
                control.should_training_stop = True

    return Stopper()
