"""The model card that travels with adapter and merged model."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.common.base import paths
from stages.common.models.pretrained import EMBEDDED, local_directory
from stages.common.records.files import digest, file_sha256, read_json, read_jsonl
from stages.common.schema import Model, Params

EMBEDDED_NOTE = (
    "The base is SmolLM2-135M-Instruct (Apache-2.0) with weights dequantised from Q4_1: "
    "slightly worse than the original, and made for trying the pipeline out."
)


def write(directory: Path, settings: Params, kind: str) -> None:
    """README.md for a model directory, from the settings and the reports of the stages before it."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    (directory / "README.md").write_text(
        environment.get_template("card.md.jinja").render(values(settings, kind)), "utf-8"
    )


def values(settings: Params, kind: str) -> dict[str, Any]:
    local = settings.model.name == EMBEDDED or local_directory(settings.model) is not None
    return {
        "kind": kind,
        "settings": settings,
        "hub_base": "" if local else settings.model.name,
        "base_licence": base_licence(settings.model),
        "docs": Path(settings.docs.path).resolve().name,
        "docs_revision": docs_revision(),
        "docs_licence": docs_licence(Path(settings.docs.path)),
        "note": EMBEDDED_NOTE if settings.model.name == EMBEDDED else "",
        "rows": {split: pq.read_metadata(paths.FORMATTED / f"{split}.parquet").num_rows for split in paths.SPLITS},
        "train": read_json(paths.REPORTS / "train.json"),
        "data_hash": file_sha256(paths.FORMATTED / "train.parquet")[:16],
        "params_hash": digest(*(part.model_dump() for part in (settings.model, settings.lora, settings.train))),
    }


def base_licence(section: Model) -> str:
    """The licence that the base model's own card names, such as apache-2.0; empty when it has none or is out of
    reach."""
    from huggingface_hub import ModelCard, hf_hub_download

    if section.name == EMBEDDED:
        return "apache-2.0"
    directory = local_directory(section)
    try:
        file = (
            directory / "README.md"
            if directory
            else hf_hub_download(section.name, "README.md", revision=section.revision or None)
        )
        return str(ModelCard.load(file).data.license or "")
    except (OSError, ValueError):  # no card, one without metadata, no network
        return ""


def docs_revision() -> str:
    """The commit of the documentation, as ingest found it: a fact beside the model, no input of it, so that a commit
    which changes no row trains nothing again."""
    page = next(read_jsonl(paths.DOCS), None) if paths.DOCS.exists() else None
    return str(page["rev"]) if page else ""


def docs_licence(directory: Path) -> str:
    """File and first line of the licence beside the pages or above them, up to the root of their repository."""
    for place in (directory.resolve(), *directory.resolve().parents):
        for file in sorted(place.glob("LICEN[CS]E*")):
            lines = [line.strip() for line in file.read_text("utf-8", errors="replace").splitlines() if line.strip()]
            return f"`{file.name}`: {lines[0][:120]}" if lines else f"`{file.name}`"
        if (place / ".git").exists():
            break
    return ""
