"""What is reported of a training run: reports/train.json and the loss curve."""

from typing import Any

from stages.shared import models
from stages.shared.records import digest


def loss_curve(history: list[dict[str, Any]]) -> list[dict[str, float]]:
    keys = ("step", "loss", "learning_rate", "grad_norm", "tokens_per_second", "mfu")
    return [{key: entry[key] for key in keys if key in entry} for entry in history if "loss" in entry]


def tokens(trainer: Any) -> float:
    """Tokens that were trained on, padding left out: those of all rows, as often as they were seen."""
    lengths = (len(ids) for ids in trainer.train_dataset["input_ids"])
    return sum(lengths) * float(trainer.state.epoch or 0)


def report(trainer: Any, backend: str, dtype: Any, seconds: float, template: str) -> dict[str, Any]:
    curve = loss_curve(trainer.state.log_history)
    trainable, total = trainer.model.get_nb_trainable_parameters()
    return {
        "backend": backend,
        "device": models.device(),
        "dtype": str(dtype).removeprefix("torch."),
        "rows": len(trainer.train_dataset),
        "steps": trainer.state.global_step,
        "epochs": round(trainer.state.epoch or 0, 3),
        "trainable_parameters": trainable,
        "parameters": total,
        "loss_first": curve[0]["loss"],
        "loss_last": curve[-1]["loss"],
        "seconds": round(seconds, 1),
        "tokens_per_second": round(tokens(trainer) / seconds, 1),
        "steps_per_second": round(trainer.state.global_step / seconds, 3),
        "template_hash": digest(template),
    }
