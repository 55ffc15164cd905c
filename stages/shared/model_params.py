"""The sections of params.yaml that the model half reads: format, model, lora, train, merge, evaluate."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stages.shared.errors import ParamsError
from stages.shared.section import FILE, Count, Limit, Section, Share

EMBEDDED = "embedded:smollm2-135m-instruct"


class Format(Section):
    mode: Literal["chat", "alpaca", "token_level"]
    system_prompt: str
    max_length: Annotated[int, Field(ge=16)]
    overlong: Literal["drop", "truncate"]


def known_if_embedded(name: str) -> str:
    if name.startswith("embedded:") and name != EMBEDDED:
        raise ValueError(f"the embedded model is {EMBEDDED}")
    return name


class Model(Section):
    name: Annotated[str, AfterValidator(known_if_embedded)]
    revision: str
    dtype: Literal["auto", "bfloat16", "float16", "float32"]
    load_in_4bit: bool
    attn_implementation: Literal["auto", "eager", "sdpa", "flash_attention_2"]

    def directory(self) -> Path | None:
        """The local directory that `model.name` names, or None for an embedded model or a hub id (owner/name).

        Only the stages from format on need it: pairs can be made where the model is not.
        """
        path = Path(os.path.expanduser(self.name))  # noqa: PTH111 - unlike pathlib's, it lets an unknown user pass
        if path.is_dir() and (path / "config.json").is_file():
            return path
        if self.name == EMBEDDED or (self.name.count("/") == 1 and not self.name.startswith((".", "/", "~"))):
            return None
        raise ParamsError(
            f"{FILE}: model.name = {self.name!r}: accepted is {EMBEDDED}, a hub id (owner/name) or a local directory "
            "with a config.json"
        )


class Lora(Section):
    r: Count
    alpha: Annotated[float, Field(gt=0)]
    dropout: Share
    bias: Literal["none", "all", "lora_only"]
    target_modules: Annotated[list[str], Field(min_length=1)]
    use_rslora: bool
    random_state: Limit


class Train(Section):
    backend: Literal["auto", "unsloth", "trl"]
    per_device_train_batch_size: Count
    gradient_accumulation_steps: Count
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
    packing: bool
    save_steps: Count
    logging_steps: Count


class Merge(Section):
    dtype: Literal["bfloat16", "float16"]
    max_shard_size: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB)$")]


class Evaluate(Section):
    max_rows: Limit
    max_new_tokens: Count
    batch_size: Count
