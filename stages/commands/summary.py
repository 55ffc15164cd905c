"""Print what the last run made of the documentation."""

import argparse
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stages.shared import paths, timings
from stages.shared.records import read_json, read_jsonl

SIDE_BY_SIDE = 3  # held-out questions in the summary


def run(arguments: argparse.Namespace) -> None:
    console = Console()
    console.print(counts_table())
    evaluate = read_json(paths.REPORTS / "evaluate.json")
    console.print(metrics_table(evaluate))
    console.print("Held-out questions, closed-book:")
    for table in answer_tables(list(read_jsonl(paths.REPORTS / "predictions.jsonl"))):
        console.print(table)
    console.print(f"Report: {paths.REPORTS / 'index.html'}    Model: {paths.MERGED}", highlight=False)


def counts_table() -> Table:
    names = ("ingest", "chunk", "curate", "format", "train")
    ingest, chunk, curate, form, train = (read_json(paths.REPORTS / f"{name}.json") for name in names)
    held_out = form["eval_seen"]["rows"] + form["eval_unseen"]["rows"]
    seconds = timings.latest()
    table = Table("stage", "result", "seconds", title="Pipeline")
    rows = {
        "ingest": f"{ingest['pages']} pages",
        "chunk": f"{chunk['chunks']} chunks",
        "generate": f"{curate['pairs']} pairs",
        "curate": f"{curate['kept']} pairs kept, {curate['rejected']} rejected",
        "format": f"{form['train']['rows']} rows to train on, {held_out} held out",
        "train": f"{train['steps']} steps with {train['backend']} on {train['device']} in {train['dtype']}",
        "merge": str(paths.MERGED),
        "evaluate": str(paths.REPORTS / "index.html"),
    }
    for stage, result in rows.items():
        table.add_row(stage, result, f"{seconds[stage]:.0f}" if stage in seconds else "")
    return table


def metrics_table(evaluate: dict[str, Any]) -> Table:
    table = Table("held-out set", "rows", "loss", "exact match", "chrF", "stops", title="Closed-book, base → tuned")
    for split in paths.SPLITS[1:]:
        cell = evaluate[split]
        if cell["base"]:
            base, tuned = cell["base"], cell["tuned"]
            shares = [f"{base[key]:.0%} → {tuned[key]:.0%}" for key in ("exact_match", "stopped")]
            figures = [f"{base[key]:.2f} → {tuned[key]:.2f}" if key in base else "" for key in ("loss", "chrf")]
            table.add_row(split, str(cell["rows"]), figures[0], shares[0], figures[1], shares[1])
    return table


def answer_tables(predictions: list[dict[str, Any]]) -> Iterator[Table]:
    """The first held-out questions, as they were drawn by hash: not the best ones."""
    for row in predictions[:SIDE_BY_SIDE]:
        place = f"{row['path']}, lines {row['line_start']} to {row['line_end']}"
        # Text, because brackets in an answer are no markup.
        title = Text(f"{row['instruction']}\n{row['input']}".strip(), style="bold")
        table = Table("base", "tuned", "reference", title=title, caption=Text(place), expand=True)
        table.add_row(*(Text(shortened(row[key])) for key in ("base", "tuned", "reference")))
        yield table


def shortened(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
