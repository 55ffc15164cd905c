"""What is reported of a training run: reports/train.json and the loss curve."""

from typing import Any

from stages.common.models.base import pretrained
from stages.common.records.files import digest
from stages.common.schema import Params
from stages.train import evaluations, processes

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {"steps": "steps", "loss_last": "loss_last", "eval_loss": "eval_loss", "seconds": "seconds"}


def loss_curve(history: list[dict[str, Any]]) -> list[dict[str, float]]:
    """A point for each logged step; `eval_loss` where that step was evaluated, too."""
    keys = ("step", "loss", "learning_rate", "grad_norm", "tokens_per_second", "mfu")
    evaluated = {step: {"eval_loss": loss} for loss, step in evaluations.losses(history)}
    points = [entry for entry in history if "loss" in entry]
    return [{key: entry[key] for key in keys if key in entry} | evaluated.get(entry["step"], {}) for entry in points]


def report(trainer: Any, settings: Params, backend: str, dtype: Any, seconds: float, template: str) -> dict[str, Any]:
    """What reports/train.json says; seconds and speeds are those of this run, from its checkpoint on if it had one."""
    history = trainer.state.log_history
    curve = loss_curve(history)
    trainable, total = trainer.model.get_nb_trainable_parameters()
    return {
        "backend": backend,
        "device": pretrained.device(),
        "processes": processes.world(),
        "dtype": str(dtype).removeprefix("torch."),
        "rows": trainer.rows,
        "steps": trainer.state.global_step,
        "epochs": round(trainer.state.epoch or 0, 3),
        "trainable_parameters": trainable,
        "parameters": total,
        "loss_first": curve[0]["loss"],
        "loss_last": curve[-1]["loss"],
        **evaluations.taken(history, settings.train),
        "seconds": round(seconds, 1),
        "tokens_per_second": round(sum(processes.gathered(int(trainer.tokens))) / seconds, 1),
        "steps_per_second": round((trainer.state.global_step - trainer.first_step) / seconds, 3),
        "template_hash": digest(template),
    }
