"""The tokenizer that the rows were made with, and the adapter folder in which it is saved beside the weights."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.models import cards, pretrained
from stages.common.records.files import digest, read_json, write_json
from stages.common.schema import Model, Params


def trained_template(file: Path) -> tuple[str, str]:
    """The chat template that the rows were made with, and the token that ends their answers."""
    metadata = pq.read_metadata(file).metadata
    template = paths.CHAT_TEMPLATE.read_text(encoding="utf-8")
    if metadata.get(b"template_hash", b"").decode() != digest(template):
        raise UserError(f"{file} was not made with {paths.CHAT_TEMPLATE}; run `dvc repro --force format`")
    return template, metadata[b"stop_token"].decode()


def trained_tokenizer(section: Model) -> Any:
    """The model's tokenizer with the template and the stop token that were trained."""
    tokenizer = pretrained.tokenizer(section)
    tokenizer.chat_template, tokenizer.eos_token = trained_template(paths.FORMATTED / "train.parquet")
    return tokenizer


def save(model: Any, tokenizer: Any, settings: Params) -> None:
    """Adapter, tokenizer and the very chat template that was trained, side by side, in models/adapter/.

    They are written beside it and renamed, so a kill leaves the folder of before or the new one, and never a part.
    """
    new, before = paths.ADAPTER.with_name(".adapter.new"), paths.ADAPTER.with_name(".adapter.before")
    shutil.rmtree(new, ignore_errors=True)
    write(model, tokenizer, settings, new)
    if paths.ADAPTER.exists():
        shutil.rmtree(before, ignore_errors=True)
        paths.ADAPTER.rename(before)
    new.rename(paths.ADAPTER)
    shutil.rmtree(before, ignore_errors=True)


def write(model: Any, tokenizer: Any, settings: Params, directory: Path) -> None:
    model.save_pretrained(directory)
    config_file = directory / "adapter_config.json"
    config = read_json(config_file)
    # PEFT writes this machine's path to the base, and a set in an order that differs from run to run.
    config["base_model_name_or_path"] = settings.model.name
    config["target_modules"] = sorted(config["target_modules"])
    write_json(config_file, config)
    tokenizer.save_pretrained(directory)
    cards.write(directory, settings, "LoRA adapter")
