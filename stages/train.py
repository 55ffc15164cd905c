"""Formatted rows in, LoRA adapter out.

Reads data/formatted/train.parquet and its chat template; writes models/adapter/, reports/train.json and
reports/train_log.json (the loss curve). Checkpoints lie in .cache/checkpoints until the run succeeds; an
interrupted run goes on from the last one. Run: python -m stages.train
"""

import shutil
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.shared import cards, models, params, paths
from stages.shared.errors import UserError, run_stage
from stages.shared.records import digest, read_json, write_json
from stages.shared.training import backends, checkpoints, progress


def train_rows(file: Path) -> Any:
    """input_ids and labels as a datasets.Dataset, straight from the Parquet file."""
    from datasets import Dataset

    return Dataset(pq.read_table(file, columns=["input_ids", "labels"]))


def sft_config(settings: params.Params, backend: str, dtype: Any, directory: Path) -> Any:
    """TRL's settings. Rows are tokenised and masked already, so its own preparation is skipped."""
    import torch
    from trl import SFTConfig

    train = settings.train
    checkpointing = train.gradient_checkpointing
    return SFTConfig(
        output_dir=str(directory),
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=settings.format.max_length,
        packing=train.packing,
        per_device_train_batch_size=train.per_device_train_batch_size,
        gradient_accumulation_steps=train.gradient_accumulation_steps,
        num_train_epochs=train.num_train_epochs,
        max_steps=train.max_steps or -1,
        train_sampling_strategy=train.train_sampling_strategy,
        learning_rate=train.learning_rate,
        lr_scheduler_type=train.lr_scheduler_type,
        warmup_steps=train.warmup_steps,
        weight_decay=train.weight_decay,
        optim=train.optim,
        seed=train.seed,
        # unsloth's own way of checkpointing is set where it loads the model.
        gradient_checkpointing=bool(checkpointing) if backend == "trl" else checkpointing is True,
        save_steps=train.save_steps,
        save_total_limit=2,
        logging_steps=train.logging_steps,
        logging_first_step=True,
        bf16=dtype == torch.bfloat16,
        fp16=dtype == torch.float16,
        use_cpu=models.device() == "cpu",
        dataloader_pin_memory=models.device() == "cuda",
        report_to="none",
        disable_tqdm=True,  # LossBar instead
    )


def build_trainer(settings: params.Params, backend: str, dtype: Any, tokenizer: Any, directory: Path) -> Any:
    """TRL's trainer over the pre-tokenised rows."""
    from transformers.trainer_callback import PrinterCallback
    from trl import SFTTrainer
    from trl.data_utils import pack_dataset

    model = backends.lora_model(backend, settings, dtype)
    rows = train_rows(paths.FORMATTED / "train.parquet")
    if settings.train.packing:
        rows = pack_dataset(rows, settings.format.max_length)
    trainer = SFTTrainer(
        model=model,
        args=sft_config(settings, backend, dtype, directory),
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=[progress.loss_bar("train")],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def run(trainer: Any, directory: Path) -> float:
    """Train, from the last checkpoint if there is one. Returns the seconds it took."""
    import torch

    last = checkpoints.last(directory)
    if last:
        print(f"train: going on from {last}")
    start = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    except torch.OutOfMemoryError:
        raise UserError("the GPU is out of memory; halve train.per_device_train_batch_size (and double "
                        "gradient_accumulation_steps), or set train.gradient_checkpointing=unsloth or "
                        "model.load_in_4bit=true") from None  # fmt: skip
    return time.monotonic() - start


def loss_curve(history: list[dict[str, Any]]) -> list[dict[str, float]]:
    keys = ("step", "loss", "learning_rate", "grad_norm")
    return [{key: entry[key] for key in keys if key in entry} for entry in history if "loss" in entry]


def report(trainer: Any, backend: str, dtype: Any, seconds: float) -> dict[str, Any]:
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
        "steps_per_second": round(trainer.state.global_step / seconds, 3),
    }


def trained_template(file: Path) -> tuple[str, str]:
    """The chat template that the rows were made with, and the token that ends their answers."""
    metadata = pq.read_metadata(file).metadata
    template = paths.CHAT_TEMPLATE.read_text(encoding="utf-8")
    if metadata.get(b"template_hash", b"").decode() != digest(template):
        raise UserError(f"{file} was not made with {paths.CHAT_TEMPLATE}; run `dvc repro --force format`")
    return template, metadata[b"stop_token"].decode()


def save(trainer: Any, tokenizer: Any, settings: params.Params) -> None:
    """Adapter, tokenizer and the very chat template that was trained, side by side."""
    trainer.model.save_pretrained(paths.ADAPTER)
    config_file = paths.ADAPTER / "adapter_config.json"
    config = read_json(config_file)
    # PEFT writes this machine's path to the base, and a set in an order that differs from run to run.
    config["base_model_name_or_path"] = settings.model.name
    config["target_modules"] = sorted(config["target_modules"])
    write_json(config_file, config)
    tokenizer.save_pretrained(paths.ADAPTER)
    cards.write(paths.ADAPTER, settings, "LoRA adapter")


def main() -> None:
    settings = params.load()
    backends.refuse_impossible(settings)
    backend, backend_reason = backends.choose_backend(settings.train.backend)
    backends.prepare(backend)
    dtype, dtype_reason = models.choose_dtype(settings.model.dtype)
    print(f"train: {backend} because {backend_reason}; {str(dtype).removeprefix('torch.')} because {dtype_reason}")
    tokenizer = models.tokenizer(settings.model)
    tokenizer.chat_template, tokenizer.eos_token = trained_template(paths.FORMATTED / "train.parquet")
    directory = checkpoints.directory(settings, backend, dtype)
    trainer = build_trainer(settings, backend, dtype, tokenizer, directory)
    seconds = run(trainer, directory)
    figures = report(trainer, backend, dtype, seconds) | {"template_hash": digest(tokenizer.chat_template)}
    write_json(paths.REPORTS / "train.json", figures)
    write_json(paths.REPORTS / "train_log.json", loss_curve(trainer.state.log_history))
    save(trainer, tokenizer, settings)
    shutil.rmtree(directory, ignore_errors=True)
    losses = f"{figures['loss_first']:.3f} → {figures['loss_last']:.3f}"
    print(f"train: {figures['steps']} steps in {seconds:.0f} s, loss {losses}")


if __name__ == "__main__":
    run_stage("train", main)
