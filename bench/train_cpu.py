"""A training step on a CPU: doclore beside plain TRL with its defaults, in turns, on the embedded model and real rows.

Each of the two is a process of its own and trains the same rows with the same learning rate for the same number of
steps; they take turns of a few steps, so that whatever else the machine does meets both. Plain TRL is SFTTrainer as
its documentation shows it: the model's name, a LoraConfig, and the defaults of SFTConfig (random order, checkpointing).
Called by `python -m bench.train cpu`; a process of one side is `python -m bench.train_cpu SIDE OPTIONS`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIDES = ("trl", "doclore")
MARK = "turn: "  # begins a line that the other process reads


class Side:
    """One of the two, waiting for its turn."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "bench.train_cpu", name, json.dumps(options)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.wait()

    def wait(self) -> dict[str, Any]:
        """What it says at the end of its turn."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(MARK):
                answer: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return answer
        raise RuntimeError(f"bench.train_cpu ended with {self.process.wait()}; see its messages above")

    def turn(self) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.wait()


def compare(rounds: int, steps: int, threads: int, order: str, directory: Path) -> dict[str, Any]:
    """Tokens per second of both over `rounds` turns of `steps` steps, their ratio, and their losses at the end.

    `order` is doclore's train.train_sampling_strategy; plain TRL's is random. Only in one order do the losses compare.
    """
    options = {"steps": rounds * steps, "turn": steps, "threads": threads, "order": order, "directory": str(directory)}
    sides = {name: Side(name, options) for name in SIDES}
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
    for i in range(rounds):
        for name in SIDES if i % 2 else SIDES[::-1]:
            turns[name].append(sides[name].turn())
    result: dict[str, Any] = {"rounds": rounds, "steps": rounds * steps, "threads": threads, "order": order}
    for name, side in sides.items():
        result[name] = figures(turns[name]) | side.turn()
    ratios = [
        a["tokens"] / a["cpu"] / (b["tokens"] / b["cpu"]) for a, b in zip(turns["doclore"], turns["trl"], strict=True)
    ]
    result["ratio"] = result["doclore"]["tokens_per_second"] / result["trl"]["tokens_per_second"]
    result["ratio_cpu_of_rounds"] = [min(ratios), statistics.median(ratios), max(ratios)]
    result["loss_difference"] = result["doclore"]["loss"] / result["trl"]["loss"] - 1
    return result


def figures(turns: list[dict[str, Any]]) -> dict[str, float]:
    """The first turn, in which memory and kernels are set up, is left out."""
    counted = turns[1:] or turns
    tokens, steps = sum(turn["tokens"] for turn in counted), sum(turn["steps"] for turn in counted)
    wall, cpu = sum(turn["wall"] for turn in counted), sum(turn["cpu"] for turn in counted)
    return {"tokens_per_second": tokens / wall, "tokens_per_cpu_second": tokens / cpu, "seconds_per_step": wall / steps}


def table(result: dict[str, Any]) -> str:
    lines = ["| | plain TRL | doclore | ratio |", "|---|---|---|---|"]
    for key, label in (
        ("tokens_per_second", "tokens/s"),
        ("tokens_per_cpu_second", "tokens per CPU second"),
        ("seconds_per_step", "seconds per step"),
        ("loss", "loss at the end"),
        ("peak_mb", "peak memory, MB"),
    ):
        theirs, ours = result["trl"][key], result["doclore"][key]
        digits = {"loss": 4, "seconds_per_step": 2}.get(key, 0)
        lines.append(f"| {label} | {theirs:.{digits}f} | {ours:.{digits}f} | {ours / theirs:.3g} |")
    return "\n".join(lines)


# What follows runs in the process of one side.


def turns_of(trainer: Any, steps: int) -> Any:
    """A callback that gives the turn back every so many steps, with what they took."""
    from transformers import TrainerCallback

    class Turns(TrainerCallback):  # type: ignore[misc]
        def begin(self) -> None:
            sys.stdin.readline()
            self.tokens, self.wall, self.cpu = trainer.trained, time.perf_counter(), sum(os.times()[:2])

        def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            say({})
            self.begin()

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if state.global_step % steps == 0:
                wall, cpu = time.perf_counter() - self.wall, sum(os.times()[:2]) - self.cpu
                say({"tokens": trainer.trained - self.tokens, "wall": wall, "cpu": cpu, "steps": steps})
                self.begin()

    return Turns()


def say(answer: dict[str, Any]) -> None:
    print(MARK + json.dumps(answer), flush=True)


def counting(trainer: Any) -> None:
    """Let the trainer count in `trained` the tokens of its batches, padding left out."""
    trainer.trained = 0
    step = trainer.training_step

    def counted(model: Any, inputs: dict[str, Any], *others: Any) -> Any:
        trainer.trained += int(inputs["attention_mask"].sum())
        return step(model, inputs, *others)

    trainer.training_step = counted


def plain_trl(settings: Any, steps: int, directory: str) -> Any:
    """SFTTrainer as its documentation shows it, with the learning settings of params.yaml."""
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from stages.common.base import paths
    from stages.common.models.base import hub
    from stages.train import adapter, trainer

    lora, train = settings.lora, settings.train
    options = {"learning_rate": train.learning_rate, "warmup_steps": train.warmup_steps, "seed": train.seed}
    options |= {"weight_decay": train.weight_decay, "lr_scheduler_type": train.lr_scheduler_type, "max_steps": steps}
    return SFTTrainer(
        model=hub.source(settings.model),
        args=SFTConfig(
            output_dir=directory,
            dataset_kwargs={"skip_prepare_dataset": True},
            per_device_train_batch_size=train.per_device_train_batch_size,
            report_to="none",
            use_cpu=True,  # without it, bf16, a default, is refused
            save_strategy="no",
            disable_tqdm=True,
            **options,
        ),
        train_dataset=trainer.rows(paths.FORMATTED / "train.parquet"),
        processing_class=adapter.trained_tokenizer(settings.model),
        peft_config=LoraConfig(
            task_type="CAUSAL_LM", r=lora.r, lora_alpha=lora.alpha, target_modules=lora.target_modules
        ),
    )


def ours(settings: Any, steps: int, directory: str) -> Any:
    """The trainer of `stages.train`."""
    from stages.common.models.base import pretrained
    from stages.train import adapter, backends, trainer

    changed = settings.model_copy(update={"train": settings.train.model_copy(update={"max_steps": steps})})
    dtype, _ = pretrained.choose_dtype(settings.model.dtype)
    model = backends.lora_model("trl", changed, dtype)
    return trainer.build(model, changed, "trl", dtype, adapter.trained_tokenizer(settings.model), Path(directory))


def loss_of(trainer: Any, rows: int) -> float:
    """Mean loss of the supervised tokens of every so many trained rows, the same rows and arithmetic for both."""
    import torch

    from stages.common.base import paths
    from stages.train import trainer as rows_of
    from stages.train.cpu import answer_loss

    trained = rows_of.rows(paths.FORMATTED / "train.parquet").to_list()
    chosen = trained[:: max(1, len(trained) // rows)]
    model = trainer.model.eval()
    total, tokens = 0.0, 0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(chosen), 8):
            batch = trainer.data_collator(chosen[start : start + 8])
            total += float(answer_loss.answer_loss(model, batch, 1))
            tokens += int((batch["labels"] != -100).sum())
    return total / tokens


def run_side(name: str, options: dict[str, Any]) -> None:
    """Train one side in turns; what it says after the last turn are its loss and its peak memory."""
    import resource

    import torch

    from stages.common.base import params
    from stages.train import backends

    torch.set_num_threads(options["threads"])
    settings = params.load()
    backends.prepare("trl")
    build = plain_trl if name == "trl" else ours
    with tempfile.TemporaryDirectory(dir=options["directory"]) as directory:
        ordered = settings.train.model_copy(update={"train_sampling_strategy": options["order"]})
        trainer = build(settings.model_copy(update={"train": ordered}), options["steps"], directory)
        counting(trainer)
        trainer.add_callback(turns_of(trainer, options["turn"]))
        trainer.train()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say({"loss": loss_of(trainer, 160), "peak_mb": peak})


if __name__ == "__main__":
    run_side(sys.argv[1], json.loads(sys.argv[2]))
