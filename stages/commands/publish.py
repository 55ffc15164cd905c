"""Write the dataset, the adapter or the merged model as a folder for a model hub, and optionally push it there.

A dataset becomes one Parquet file per split, with a card about the origin of its rows. A model becomes safetensors,
with the card that train or merge wrote. `--push` creates a private repository on the Hugging Face hub (or at
HF_ENDPOINT) and needs HF_TOKEN or `hf auth login`.

Examples:
  doclore publish dataset build/dataset
  doclore publish adapter build/adapter --push my-team/our-docs-lora
"""

import argparse
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say

if TYPE_CHECKING:
    from stages.common.schema import Params

MODELS = {"adapter": paths.ADAPTER, "merged": paths.MERGED}
LEFT_OUT = ("as_trained.json",)  # answers that merge compares with
USE = """```python
from datasets import load_dataset

rows = load_dataset("{name}", split="train")
```"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["dataset", *MODELS], help="what to publish")
    parser.add_argument("directory", type=Path, metavar="DIR", help="new directory for the folder")
    parser.add_argument("--push", metavar="OWNER/NAME", help="repository on the hub to push to")
    parser.add_argument("--public", action="store_true", help="make a new repository public (default: private)")


def run(arguments: argparse.Namespace) -> None:
    from stages.common.base import params
    from stages.common.records.files import beside

    directory: Path = arguments.directory
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UserError(f"{directory} already exists and is not empty; name another directory, or remove it")
    settings = params.load()
    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = beside(directory)
    unfinished.mkdir()
    try:
        if arguments.what == "dataset":
            write_dataset(unfinished, settings, arguments.push or directory.name)
        else:
            write_model(unfinished, MODELS[arguments.what])
        unfinished.replace(directory)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    say(f"publish: {', '.join(sorted(str(file.relative_to(directory)) for file in directory.rglob('*.*')))}")
    if arguments.push:
        say(f"publish: pushed to {pushed(directory, arguments.what, arguments.push, arguments.public)}")


def write_model(directory: Path, source: Path) -> None:
    from stages.common.records.files import require

    require(source / "README.md")
    shutil.copytree(source, directory, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*LEFT_OUT))


def write_dataset(directory: Path, settings: "Params", name: str) -> None:
    """Splits that have rows, in directory/data, and the card."""
    from stages.commands.conversion.writers import to_parquet
    from stages.common.records.files import read_jsonl, require

    splits = {split: list(read_jsonl(require(paths.DATASET / f"{split}.jsonl"))) for split in paths.SPLITS}
    if not splits["train"]:
        raise UserError(f"{paths.DATASET / 'train.jsonl'} has no rows; run `dvc repro`")
    for split, rows in splits.items():
        if rows:
            (directory / "data").mkdir(exist_ok=True)
            to_parquet(directory / "data" / f"{split}.parquet", rows)
    (directory / "README.md").write_text(card(splits, settings, name), "utf-8")


def card(splits: dict[str, list[dict[str, Any]]], settings: "Params", name: str) -> str:
    """README.md of a data set: https://huggingface.co/docs/hub/datasets-cards"""
    import yaml

    from stages.common.records.files import file_sha256
    from stages.train.card import docs_licence, docs_revision

    pages = Counter(row["path"] for rows in splits.values() for row in rows)
    made = f"`{settings.generate.model}`" if settings.generate.backend != "extractive" else "rules, without a model"
    licence = docs_licence(Path(settings.docs.path))
    metadata = {
        "task_categories": ["question-answering", "text-generation"],
        "language": languages(pages.keys()),
        "tags": ["doclore", "documentation", "sft"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": split, "path": f"data/{split}.parquet"} for split, rows in splits.items() if rows
                ],
            }
        ],
    }
    counts = ", ".join(f"{len(rows)} in {split}" for split, rows in splits.items())
    facts = [
        ("Documentation", f"`{Path(settings.docs.path).resolve().name}`, {len(pages)} pages"),
        ("Git revision of the documentation", f"`{docs_revision()}`" if docs_revision() else "not in a Git repository"),
        ("Licence of the documentation", licence or "no licence file beside the pages; the rows are under theirs"),
        ("Rows", counts),
        ("Questions and answers made by", made),
        ("SHA-256 of `data/dataset/train.jsonl`", f"`{file_sha256(paths.DATASET / 'train.jsonl')}`"),
        ("Private text", {"mask": "masked", "drop": "rows with it are left out", "keep": "kept"}[
            settings.curate.private]),
    ]  # fmt: skip
    table = "\n".join(f"| {fact} | {value} |" for fact, value in facts)
    return (
        f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---\n\n# Questions and answers from "
        f"documentation\n\nMade by doclore. Each row names page and lines that its answer is taken from (`path`, "
        f"`line_start`, `line_end`) and quotes them (`evidence`).\n\n| | |\n| --- | --- |\n{table}\n\n## How to use it"
        f"\n\n{USE.format(name=name)}\n\n- `train`: rows to train on.\n- `eval_seen`: facts of train in wordings that "
        "are never trained.\n- `eval_unseen`: pages that are never trained.\n\nTrain on none of the two eval splits: "
        "they measure what a model learnt.\n"
    )


def languages(pages: Any) -> list[str]:
    """The languages of the pages that rows come from."""
    from stages.common.records.files import read_jsonl, require

    return sorted({doc["language"] for doc in read_jsonl(require(paths.DOCS)) if doc["path"] in pages} - {""})


def pushed(directory: Path, what: str, name: str, public: bool) -> str:
    """Push the folder; its address. Raises UserError when the hub cannot be reached or refuses."""
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

    kind = "dataset" if what == "dataset" else "model"
    hub = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        address = hub.create_repo(name, repo_type=kind, private=not public, exist_ok=True)
        hub.upload_folder(
            repo_id=address.repo_id, repo_type=kind, folder_path=directory, commit_message=f"doclore: {what}"
        )
    except OfflineModeIsEnabled:
        raise UserError("HF_HUB_OFFLINE is set, so nothing is pushed; unset it") from None
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, httpx.HTTPError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise UserError(
            f"--push {name}: {said}; {directory} is complete, so check HF_TOKEN, and push it with "
            f"`hf upload {name} {directory} --repo-type {kind}`"
        ) from None
    return str(address)
