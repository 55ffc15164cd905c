"""reports/index.html: one self-contained page, nothing loaded from elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.shared import paths
from stages.shared.params import Params
from stages.shared.records import atomic, read_json, read_jsonl

CURVE_WIDTH, CURVE_HEIGHT = 640, 160  # user units of the SVG


def write(file: Path, settings: Params) -> None:
    """Render the figures, the loss curve and every answer beside its reference, from the files in reports/."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["source_link"] = lambda path: source_link(path, settings.docs.path)
    log = read_json(paths.REPORTS / "train_log.json")
    page = environment.get_template("report.html.jinja").render(
        cells=list(cells(read_json(paths.REPORTS / "evaluate.json"))),
        predictions=list(read_jsonl(paths.REPORTS / "predictions.jsonl")),
        settings=settings,
        funnel=funnel(),
        curve=curve([(entry["step"], entry["loss"]) for entry in log]),
        losses=[entry["loss"] for entry in log],
        size=(CURVE_WIDTH, CURVE_HEIGHT),
    )
    with atomic(file) as stream:
        stream.write(page)


def cells(figures: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Held-out set, cell and its figures, for every cell that was measured."""
    for split in paths.SPLITS[1:]:
        for name, cell in figures[split].items():
            if name.startswith(("base_", "tuned_")) and "rows" in cell:
                yield split, name, cell


def funnel() -> list[tuple[str, int]]:
    """How many pages, chunks and pairs went in and how many rows came out."""
    ingest, chunk, curate, form = (
        read_json(paths.REPORTS / f"{n}.json") for n in ("ingest", "chunk", "curate", "format")
    )
    return [
        ("pages", ingest["pages"]),
        ("chunks", chunk["chunks"]),
        ("pairs", curate["pairs"]),
        ("pairs kept", curate["kept"]),
        ("rows trained", form["train"]["rows"]),
    ]


def curve(points: list[tuple[float, float]]) -> str:
    """The points of an SVG polyline: steps to the right, loss upwards from 0."""
    last, top = max(x for x, _ in points), max(y for _, y in points) or 1.0
    return " ".join(f"{x / last * CURVE_WIDTH:.1f},{CURVE_HEIGHT - y / top * CURVE_HEIGHT:.1f}" for x, y in points)


def source_link(path: str, docs: str) -> str:
    """A page of the documentation as seen from the report."""
    return quote(Path(os.path.relpath(Path(docs) / path, paths.REPORTS)).as_posix())
