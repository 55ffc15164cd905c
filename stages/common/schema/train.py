"""Section `train` of params.yaml: how the adapter is trained."""

from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from stages.common.schema.section import Count, Limit, Section


def count_or_auto(value: object) -> object:
    """One message for both kinds of value, where a union would have two."""
    if value != "auto" and (type(value) is not int or value < 1):
        raise ValueError("accepted is an integer of at least 1, or auto")
    return value


class Train(Section):
    backend: Literal["auto", "unsloth", "trl"]
    launcher: Literal["python", "torchrun", "accelerate"]
    processes: Limit
    accelerate_config: str
    per_device_train_batch_size: Annotated[int | Literal["auto"], PlainValidator(count_or_auto)]
    gradient_accumulation_steps: Count
    start_from: str
    num_train_epochs: Annotated[float, Field(gt=0)]
    max_steps: Annotated[int, Field(ge=-1)]
    learning_rate: Annotated[float, Field(gt=0)]
    train_sampling_strategy: Literal["group_by_length", "random", "sequential"]
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup", "polynomial", "inverse_sqrt"]
    warmup_steps: Limit
    weight_decay: Annotated[float, Field(ge=0)]
    optim: Literal["adamw_torch", "adamw_torch_fused", "adamw_8bit", "paged_adamw_8bit", "adafactor", "sgd"]
    seed: Limit
    gradient_checkpointing: Literal[True, False, "unsloth"]
    packing: Literal[True, False, "auto"]
    padding_free: Literal[True, False, "auto"]
    eval_steps: Limit
    early_stopping_patience: Limit
    load_best_model_at_end: bool
    save_steps: Count
    save_minutes: Annotated[float, Field(ge=0)]
    logging_steps: Count
    report_to: Literal["none", "tensorboard", "wandb"]

    @model_validator(mode="after")
    def what_is_chosen_by_loss_is_evaluated(self) -> Self:
        if self.load_best_model_at_end and not self.eval_steps:
            raise ValueError("load_best_model_at_end = true needs eval_steps above 0")
        if self.early_stopping_patience and not self.load_best_model_at_end:
            raise ValueError("early_stopping_patience above 0 needs load_best_model_at_end = true")
        return self
