"""Formatted rows in, LoRA adapter out.

Reads data/formatted/train.parquet, its chat template and eval_seen.parquet; writes models/adapter/ (weights, tokenizer,
template, card, what it was trained on, what it answers as it was trained), reports/train.json and
reports/train_log.json (the loss curve). Checkpoints lie in .cache/checkpoints until the run succeeds; an interrupted
run goes on from the last one. With `train.launcher`, the stage starts itself again in several processes.
Run: python -m stages.train
"""

from stages.common.base import params, paths
from stages.common.base.errors import is_launched, run_stage
from stages.common.base.locks import exclusive_lock
from stages.common.base.printable import say
from stages.common.models.base import pretrained
from stages.common.records.files import write_json, write_report
from stages.common.schema import Params
from stages.train import (
    adapter,
    as_trained,
    attention,
    backends,
    batches,
    card,
    checkpoints,
    faults,
    figures,
    initial,
    launching,
    lengths,
    preflight,
    processes,
    refusals,
    tracking,
    trainer,
)

WAITING = "train: another run is training on the same data with the same settings; waiting for it to finish"


def main() -> None:
    settings = params.load()
    backends.use_one_gpu(settings.train.launcher)
    refusals.refuse_impossible(settings)
    if settings.train.launcher != "python" and not is_launched():
        launching.launch(settings)
        return
    with processes.joined():
        train(settings)


def train(settings: Params) -> None:
    """All of the stage, in the one process or in each of several."""
    settings = initial.settled(settings)
    backend, backend_reason = backends.choose_backend(settings)
    backends.prepare(backend)
    dtype, dtype_reason = pretrained.choose_dtype(settings.model.dtype)
    say(f"train: {backend} because {backend_reason}; {str(dtype).removeprefix('torch.')} because {dtype_reason}")
    base = adapter.formatted_base(settings.model)
    known = card.record(settings, base)
    settings = settings.model_copy(update={"model": base})
    trained = lengths.rows(paths.FORMATTED / "train.parquet")
    settings = lengths.packed(settings, trained, attention.packable(settings, backend, dtype), processes.world())
    settings = attention.settled(settings, backend, dtype)
    tokenizer = adapter.trained_tokenizer(settings.model)
    directory = checkpoints.directory(settings, backend, dtype)
    probing = settings.train.per_device_train_batch_size == "auto"
    together = settings.train.per_device_train_batch_size
    settings = processes.shared(settings, processes.world())
    settings = preflight.check(settings, backend, str(dtype).removeprefix("torch."))
    tracking.prepare(settings.train.report_to, directory.name)
    lock = exclusive_lock(f"train-{directory.name}", WAITING)
    with processes.held_by_first(lock), faults.memory_guard(settings):
        model = backends.lora_model(backend, settings, dtype)
        start = initial.kept(model, settings, directory)
        settings = batches.probed(model, settings, backend, directory) if probing else settings
        training = trainer.build(model, settings, backend, dtype, tokenizer, directory)
        training.grouped = 0 if together == "auto" else together
        seconds = trainer.run(training, directory)
        report = figures.report(training, settings, backend, dtype, seconds, tokenizer.chat_template)
        report["base"] = known["base"]["hash"]
        weights = processes.whole_adapter(training.model)
        if processes.is_first():
            write_report("train", report, figures.HEADLINE)
            preflight.remember_speed(settings, report["dtype"], report["tokens_per_second"])
            write_json(paths.REPORTS / "train_log.json", figures.loss_curve(training.state.log_history))
            adapter.save(training.model, tokenizer, settings, known, start | weights)
            as_trained.write(training.model, tokenizer, backend, int(settings.train.per_device_train_batch_size))
            checkpoints.remove(directory)
        processes.wait()
    losses = f"{report['loss_first']:.3f} → {report['loss_last']:.3f}"
    evaluated = f", {report['eval_loss']:.3f} on held-out rows" if "eval_loss" in report else ""
    say(f"train: {report['steps']} steps in {seconds:.0f} s, loss {losses}{evaluated}")


if __name__ == "__main__":
    run_stage("train", main)
