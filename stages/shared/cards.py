"""The model card that travels with adapter and merged model."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.shared import paths
from stages.shared.params import EMBEDDED, Params
from stages.shared.records import digest, file_sha256, read_json

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
    local = settings.model.name == EMBEDDED or settings.model.directory() is not None
    return {
        "kind": kind,
        "settings": settings,
        "hub_base": "" if local else settings.model.name,
        "note": EMBEDDED_NOTE if settings.model.name == EMBEDDED else "",
        "train": read_json(paths.REPORTS / "train.json"),
        "data_hash": file_sha256(paths.FORMATTED / "train.parquet")[:16],
        "params_hash": digest(*(part.model_dump() for part in (settings.model, settings.lora, settings.train))),
    }
