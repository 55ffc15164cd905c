"""Formatted rows in, LoRA adapter out.

Reads data/formatted/train.parquet, its chat template and, with train.eval_steps, eval_seen.parquet; writes
models/adapter/, reports/train.json and reports/train_log.json (the loss curve). Checkpoints lie in .cache/checkpoints
until the run succeeds; an interrupted run goes on from the last one. Run: python -m stages.train
"""

from stages.common.base import params, paths
from stages.common.base.errors import run_stage
from stages.common.models import pretrained
from stages.common.records.files import write_json
from stages.train import adapter, backends, checkpoints, faults, figures, preflight, refusals, tracking, trainer


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    backend, backend_reason = backends.choose_backend(settings.train.backend)
    backends.prepare(backend)
    dtype, dtype_reason = pretrained.choose_dtype(settings.model.dtype)
    print(f"train: {backend} because {backend_reason}; {str(dtype).removeprefix('torch.')} because {dtype_reason}")
    tokenizer = adapter.trained_tokenizer(settings.model)
    preflight.check(settings, str(dtype).removeprefix("torch."))
    directory = checkpoints.directory(settings, backend, dtype)
    tracking.prepare(settings.train.report_to, directory.name)
    with checkpoints.alone(directory), faults.memory_guard(settings):
        training = trainer.build(settings, backend, dtype, tokenizer, directory)
        seconds = trainer.run(training, directory)
        report = figures.report(training, settings, backend, dtype, seconds, tokenizer.chat_template)
        write_json(paths.REPORTS / "train.json", report)
        preflight.remember_speed(settings, report["dtype"], report["tokens_per_second"])
        write_json(paths.REPORTS / "train_log.json", figures.loss_curve(training.state.log_history))
        adapter.save(training.model, tokenizer, settings)
        checkpoints.remove(directory)
    losses = f"{report['loss_first']:.3f} → {report['loss_last']:.3f}"
    evaluated = f", {report['eval_loss']:.3f} on held-out rows" if "eval_loss" in report else ""
    print(f"train: {report['steps']} steps in {seconds:.0f} s, loss {losses}{evaluated}")


if __name__ == "__main__":
    run_stage("train", main)
