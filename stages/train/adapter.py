"""The tokenizer that the rows were made with, and the adapter folder in which it is saved beside the weights."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.models.base import hub, pretrained
from stages.common.records.files import digest, read_json, write_json
from stages.common.schema import Model, Params
from stages.train import card


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


def formatted_base(section: Model) -> Model:
    """`model` at the commit whose tokenizer made the rows. Raises UserError when they were made for another model."""
    metadata = pq.read_metadata(paths.FORMATTED / "train.parquet").metadata
    base = json.loads(metadata.get(b"base", b"{}"))
    if base and base["name"] != section.name:
        raise UserError(
            f"data/formatted was made for {base['name']}, and model.name = {section.name!r}; run `dvc repro format`"
        )
    return section.model_copy(update={"revision": base["revision"]}) if base else hub.pinned(section)


def save(model: Any, tokenizer: Any, settings: Params, known: dict[str, Any], options: dict[str, Any]) -> None:
    """Adapter, tokenizer and the very chat template that was trained, side by side, in models/adapter/, with what is
    `known` of the training; `options` of PEFT take off what a pissa adapter began with, or bring weights that are
    spread over processes.

    They are written beside it and renamed, so a kill leaves the folder of before or the new one, and never a part.
    """
    new, before = paths.ADAPTER.with_name(".adapter.new"), paths.ADAPTER.with_name(".adapter.before")
    shutil.rmtree(new, ignore_errors=True)
    write(model, tokenizer, settings, new, known, options)
    if paths.ADAPTER.exists():
        shutil.rmtree(before, ignore_errors=True)
        paths.ADAPTER.rename(before)
    new.rename(paths.ADAPTER)
    shutil.rmtree(before, ignore_errors=True)


def write(
    model: Any, tokenizer: Any, settings: Params, directory: Path, known: dict[str, Any], options: dict[str, Any]
) -> None:
    # Embeddings are the base's; an adapter on them is saved.
    model.save_pretrained(directory, save_embedding_layers=False, **options)
    config_file = directory / "adapter_config.json"
    config = read_json(config_file)
    # PEFT writes this machine's path to the base, and a set in an order that differs from run to run.
    config["base_model_name_or_path"] = settings.model.name
    config["target_modules"] = sorted(config["target_modules"])
    write_json(config_file, config)
    tokenizer.save_pretrained(directory)
    write_json(directory / hub.RECORD.name, known)
    card.write(directory, known, settings, read_json(paths.REPORTS / "train.json"))
