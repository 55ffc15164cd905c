"""TRL's SFTTrainer over rows that are tokenised and masked already."""

import math
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say
from stages.common.models.base import pretrained
from stages.common.schema import Params
from stages.train import attention, backends, checkpoints, evaluations, faults, processes, progress
from stages.train.cpu import speed_up as cpu


def rows(file: Path, max_length: int) -> Any:
    """input_ids and labels as a datasets.Dataset, straight from the Parquet file, none longer than `max_length`."""
    from datasets import Dataset

    found = Dataset(pq.read_table(file, columns=["input_ids", "labels"]))
    # unsloth would go back to padding: it cannot know that tokenised rows are cut already, unless they say so.
    found._unsloth_truncated_to = max_length
    return found


def sft_config(settings: Params, backend: str, autocast: Any, directory: Path) -> Any:
    """TRL's settings. Rows are tokenised and masked already, so its own preparation is skipped. `autocast` is the
    type that operations on float32 weights are computed in."""
    import torch
    from trl import SFTConfig

    train = settings.train
    checkpointing = train.gradient_checkpointing
    config = SFTConfig(
        output_dir=str(directory),
        dataset_kwargs={"skip_prepare_dataset": True},
        # TRL cuts no rows without padding unless it packs them; ours are short enough from format on.
        max_length=None if train.padding_free is True and train.packing is not True else settings.format.max_length,
        packing=train.packing is True,
        padding_free=train.padding_free is True,
        # TRL's default takes the head's weights as they are, without what an adapter on it has learnt.
        **({"loss_type": "nll"} if "lm_head" in settings.lora.target_modules else {}),
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
        **evaluations.options(train),
        logging_steps=train.logging_steps,
        logging_first_step=True,
        logging_nan_inf_filter=False,  # what is no number ends the run
        bf16=autocast == torch.bfloat16,
        fp16=autocast == torch.float16,
        use_cpu=pretrained.device() == "cpu",
        dataloader_pin_memory=pretrained.device() == "cuda",
        ddp_find_unused_parameters=False,
        report_to=train.report_to,
        disable_tqdm=True,  # the meter instead
    )
    return on_one_gpu(config)


def on_one_gpu(config: Any) -> Any:
    """transformers would multiply the batch by the number of GPUs that it sees."""
    config._n_gpu = min(1, config.n_gpu)
    return config


def build(model: Any, settings: Params, backend: str, dtype: Any, tokenizer: Any, directory: Path) -> Any:
    """The trainer of a PEFT model, with rows and callbacks."""
    from transformers.trainer_callback import PrinterCallback
    from trl.data_utils import pack_dataset

    from stages.train import order

    faster = cpu.speed_up(model, settings, backend, dtype)
    train_rows = rows(paths.FORMATTED / "train.parquet", settings.format.max_length)
    if settings.train.packing is True:
        train_rows = pack_dataset(train_rows, settings.format.max_length)
        train_rows._unsloth_truncated_to = settings.format.max_length
    number = len(train_rows)
    trainer = watched(settings)(
        model=model,
        args=sft_config(settings, backend, None if faster.fused else dtype, directory),
        train_dataset=order.with_filler(train_rows) if processes.world() > 1 else train_rows,
        eval_dataset=evaluated_rows(settings),
        processing_class=tokenizer,
        callbacks=[checkpoints.keeper(settings.train.save_minutes), evaluations.stopper(settings.train)],
    )
    backends.adapters_in_32_bits(model)
    attention.verify_unpadded(trainer, settings)
    trainer.own_loss, trainer.rows = faster.loss, number
    trainer.add_callback(progress.meter(trainer, "train"))
    trainer.remove_callback(PrinterCallback)
    return trainer


def evaluated_rows(settings: Params) -> Any:
    """The rows whose loss is measured on the way, None when none is. Raises UserError when there are no rows."""
    file = evaluations.rows_file(settings.train)
    found = rows(file, settings.format.max_length) if file else None
    if found is not None and not len(found):
        raise UserError(f"{file} has no rows to evaluate; type: -S train.eval_steps=0, or raise curate.holdout_facts")
    return found


def resumable(settings: Params) -> Any:
    """TRL's trainer with an order of rows and an end that follow from data and settings: a run that goes on from a
    checkpoint trains what an undisturbed one would."""
    import torch
    from trl import SFTTrainer

    from stages.train import order

    class Resumable(SFTTrainer):  # type: ignore[misc]
        rows = 0  # that are trained; what fills the last batches of several processes is none
        grouped = 0  # rows of like length, where that is not the batches of all processes
        first_step = 0  # the step of the checkpoint that this run goes on from

        def _run_epoch(self, **options: Any) -> None:
            # From the checkpoint of its last step, transformers would go on for one step more.
            over = self.state.global_step >= self.state.max_steps
            if over or evaluations.is_over(self.state.log_history, settings.train):
                self.control.should_training_stop = True
            else:
                if processes.world() > 1:  # accelerate does not reach it through the batches of one process
                    self.order.set_epoch(options["epoch"])
                super()._run_epoch(**options)

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            batch = self.args.per_device_train_batch_size * processes.world()
            if settings.train.train_sampling_strategy == "group_by_length":
                lengths = [len(ids) for ids in self.train_dataset["input_ids"][: self.rows]]
                sampler = order.LengthGroupedSampler(lengths, self.grouped or batch, settings.train.seed)
            elif processes.world() == 1:
                return super()._get_train_sampler(train_dataset)
            else:
                sampler = order.of_one_process(self.rows, settings.train)
            self.order = order.Filled(sampler, self.rows, batch)
            return sampler if processes.world() == 1 else self.order

        def evaluate(self, *arguments: Any, **options: Any) -> Any:
            with torch.random.fork_rng():  # the order of the rows and dropout stay as without evaluations
                return super().evaluate(*arguments, **options)

    return Resumable


def watched(settings: Params) -> Any:
    """TRL's trainer, which counts its tokens and stops before a loss or gradient that is no number reaches the weights.

    A gradient can be NaN under a finite loss; clipping would then make every weight NaN. float16 is the exception: its
    scaler passes over steps whose gradients overflow, and lowers the scale.
    """
    import torch

    class Watched(resumable(settings)):  # type: ignore[misc]
        own_loss: Any = None  # of model, inputs and tokens of the step, instead of TRL's
        tokens: Any = 0  # of this run, padding left out; a tensor, so that counting does not wait for a GPU
        batches: list[dict[str, Any]]  # of this optimizer step

        def get_batch_samples(self, *arguments: Any) -> Any:
            self.batches, tokens = super().get_batch_samples(*arguments)
            return self.batches, tokens

        def training_step(self, model: Any, inputs: dict[str, Any], *others: Any) -> Any:
            mask = inputs.get("attention_mask")  # a packed batch has none, and no padding
            self.tokens = self.tokens + (inputs["input_ids"].numel() if mask is None else mask.sum())
            loss = super().training_step(model, inputs, *others)
            if not torch.isfinite(loss):
                faults.refuse_number("loss", float(loss), self.state.global_step + 1, [inputs])
            return loss

        def _get_grad_norm(self, *arguments: Any, **options: Any) -> Any:
            norm = super()._get_grad_norm(*arguments, **options)
            if self.accelerator.scaler is None and not math.isfinite(norm):
                faults.refuse_number("gradient", float(norm), self.state.global_step + 1, self.batches)
            return norm

        def compute_loss(
            self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            if self.own_loss is None:
                return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            loss = self.own_loss(model, inputs, num_items_in_batch)
            return (loss, {"loss": loss}) if return_outputs else loss

    return Watched


def run(trainer: Any, directory: Path) -> float:
    """Train, from the last checkpoint if there is one. Returns the seconds it took."""
    last = checkpoints.shared(directory)
    if last:
        say(f"train: going on from {last}")
        trainer.first_step = checkpoints.step(last)
    start = time.monotonic()
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    return time.monotonic() - start
