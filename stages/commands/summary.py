"""Show the results of the last run.

Examples:
  doclore summary
"""

import argparse
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from stages.common.base import paths, timings
from stages.common.base.messages import language, said
from stages.common.base.printable import terminal
from stages.common.records.files import read_json, read_jsonl, share
from stages.report import decision, texts

SIDE_BY_SIDE = 3  # questions in the summary


def run(arguments: argparse.Namespace) -> None:
    console = terminal()
    console.print(counts_table())
    evaluate = read_json(paths.REPORTS / "evaluate.json")
    rows = read_jsonl(paths.REPORTS / "predictions.jsonl")
    predictions = [row for row in rows if row["split"] in paths.MEASURED]
    for name in paths.MEASURED:
        if evaluate.get(name, {}).get("rows"):
            console.print(metrics_table(name, evaluate[name]))
    console.print(said(headline(evaluate)), highlight=False)
    for table in answer_tables(predictions):
        console.print(table)
    for sentence in decision.sentences(evaluate, predictions):
        text = texts.plain(sentence.key, sentence.values, language())
        console.print(Text(said(f"Next: {text}") if sentence.key.startswith("next_") else text))
    console.print(said(f"Report: {paths.REPORTS / 'index.html'}    Model: {paths.MERGED}"), highlight=False)


def counts_table() -> Table:
    names = ("ingest", "chunk", "generate", "curate", "format", "train", "evaluate")
    ingest, chunk, generate, curate, form, train, evaluate = (
        read_json(paths.REPORTS / f"{name}.json") for name in names
    )
    held_out = form["eval_seen"]["rows"] + form["eval_unseen"]["rows"]
    asked = sum(evaluate.get(name, {}).get("rows", 0) for name in paths.MEASURED)
    seconds = timings.latest()
    table = Table(*map(said, ("stage", "result", "seconds")), title=said("Pipeline"))
    rows = {
        "ingest": f"{ingest['pages']} pages",
        "chunk": f"{chunk['chunks']} chunks",
        "generate": f"{generate['pairs']} pairs",
        "curate": f"{curate['kept']} pairs kept, {curate['rejected']} rejected{brought(curate)}",
        "format": f"{form['train']['rows']} rows to train on, {held_out} held out",
        "train": f"{train['steps']} steps with {train['backend']} on {train['device']} in {train['dtype']}",
        "merge": str(paths.MERGED),
        "evaluate": f"{asked} questions for base and tuned model",
        "report": str(paths.REPORTS / "index.html"),
    }
    for stage, result in rows.items():
        table.add_row(stage, said(result), f"{seconds[stage]:.0f}" if stage in seconds else "")
    return table


def brought(curate: dict[str, Any]) -> str:
    """How many of curate's pairs are the user's own, which generate did not make."""
    return f", {curate['own']} of them yours" if curate.get("own") else ""


SETTINGS = {
    "closed-book": ("base_closed", "tuned_closed"),
    "with chunk": ("base_gold", "tuned_gold"),
    "with search": ("base_retrieved", "tuned_retrieved"),
    "chunk mixed": ("base_mixed", "tuned_mixed"),
    "others only": ("base_absent", "tuned_absent"),
}
CELLS = [name for names in SETTINGS.values() for name in names]
FIGURES = {
    "key values": ("key_values", "{:.0%}"),
    "exact": ("exact_match", "{:.0%}"),
    "chrF": ("chrf", "{:.0f}"),
    "stops": ("stopped", "{:.0%}"),
}


def metrics_table(split: str, figures: dict[str, Any]) -> Table:
    """One line for each setting of a held-out set."""
    judged = {"judge": ("judge", "{:.0%}")} if any("judge" in figures.get(name, {}) for name in CELLS) else {}
    columns = FIGURES | judged
    table = Table(*map(said, ("asked", "rows", *columns)), title=said(f"{split}, base → tuned"), box=SIMPLE_HEAD)
    for setting, names in SETTINGS.items():
        cells = [figures[name] for name in names if name in figures]
        if cells:
            texts = [joined(cells, key, form) for key, form in columns.values()]
            table.add_row(said(setting), str(cells[0]["rows"]), *texts)
    return table


def joined(cells: list[dict[str, Any]], key: str, form: str) -> str:
    """A figure of a model, or of both; of the judge's the share of correct answers."""
    values = (cell[key] for cell in cells if key in cell)
    return " → ".join(form.format(value["correct"] if key == "judge" else value) for value in values)


def headline(evaluate: dict[str, Any]) -> str:
    """Gap recovery and the gate's verdict, each in a line."""
    recovery, gate = evaluate["headline"], evaluate["gate"]
    if recovery.get("gap_recovery") is None:
        first = "Gap recovery: undefined, because the page in the prompt does not help the base model"
    else:
        low, high = recovery.get("low"), recovery.get("high")
        interval = unsure(recovery) if low is None else f" (95 % interval {low:.2f} to {high:.2f})"
        meaning = "1 means as good as the base model with the page in its prompt"
        first = f"Gap recovery: {recovery['gap_recovery']:.2f}{interval}; {meaning}"
    reasons = "passed" if gate["passed"] else f"failed: {'; '.join(gate['reasons'])}"
    return "\n".join((first, *preferences(evaluate), *benchmarks(evaluate), f"Gate: {reasons}"))


def preferences(evaluate: dict[str, Any]) -> Iterator[str]:
    """Which closed-book answer the judge prefers."""
    for split in paths.SPLITS[1:]:
        preferred = evaluate.get(split, {}).get("preferred")
        if preferred:
            shares = ", ".join(f"{name} {preferred[name]:.0%}" for name in ("tuned", "base", "tie"))
            yield f"Judge's choice on {split}: {shares}"


def benchmarks(evaluate: dict[str, Any]) -> Iterator[str]:
    """What training did to general abilities."""
    for task, scores in evaluate.get("forgetting", {}).items():
        yield f"Benchmark {task}: {scores['base']:.1%} → {scores['tuned']:.1%}"


def unsure(recovery: dict[str, Any]) -> str:
    """Why there is no interval: what the gap recovery is a share of may be nothing."""
    low, high = (f"{100 * recovery[key]:+.0f}" for key in ("gap_low", "gap_high"))
    return f" (no interval: the page gives the base model {100 * recovery['gap']:+.0f} points, {low} to {high})"


def answer_tables(predictions: list[dict[str, Any]]) -> Iterator[Table]:
    """Some questions with their answers, closed-book."""
    for row in examples(predictions):
        place = said(f"{row['path']}, lines {row['line_start']} to {row['line_end']}")
        # Text, because brackets in an answer are no markup.
        title = Text(f"{row['instruction']}\n{row['input']}".strip(), style="bold")
        sign = "✓" if row["answers"]["tuned_closed"]["key_values"] else "✗"
        heads = map(said, ("base", f"tuned {sign}", "reference"))
        table = Table(*heads, title=title, caption=Text(place), expand=True)
        texts = [row["answers"][cell]["text"] for cell in ("base_closed", "tuned_closed")]
        table.add_row(*(Text(shortened(text)) for text in (*texts, row["reference"])))
        yield table


def examples(predictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Questions of the exam, else of the next set that has any, by hash: in turn one that the tuned model answers right
    and one that it answers wrong, so that neither the best nor the worst is picked."""
    first = next((row["split"] for name in paths.MEASURED for row in predictions if row["split"] == name), "")
    rows = sorted(
        (row for row in predictions if row["split"] == first), key=lambda row: share("summary", row["pair_id"])
    )
    right = [row for row in rows if row["answers"]["tuned_closed"]["key_values"]]
    wrong = [row for row in rows if not row["answers"]["tuned_closed"]["key_values"]]
    turns = [row for pair in zip_longest(right, wrong) for row in pair if row]
    return turns[:SIDE_BY_SIDE]


def shortened(text: str, limit: int = 160) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
