"""The figures of reports/evaluate.json and predictions.jsonl in the order that people read them."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from stages.common.base import paths

CELLS = ("base_closed", "tuned_closed", "base_gold", "tuned_gold", "base_retrieved")
SETS = paths.MEASURED
SECTIONS_SHOWN = 12


class Outcome(NamedTuple):
    """What training did to the answers of a set, closed-book; the four counts add up to `rows`.

    Of the wrong ones: right once the chunk lies before the question, wrong even then, not asked with it, not ended.
    """

    split: str
    rows: int
    learned: int
    known: int
    lost: int
    wrong: int
    reads: int
    misreads: int
    unasked: int
    endless: int


class Section(NamedTuple):
    """A directory of the documentation: questions about it, and how many the tuned model answers right."""

    name: str
    rows: int
    right: int


def sets(evaluate: dict[str, Any]) -> list[tuple[str, int, list[tuple[str, dict[str, Any]]]]]:
    """Set, rows, and its measured cells by name."""
    found = []
    for split in SETS:
        figures = evaluate.get(split, {})
        cells = [(cell, figures[cell]) for cell in CELLS if "key_values" in figures.get(cell, {})]
        if cells:
            found.append((split, figures.get("rows", 0), cells))
    return found


def outcomes(predictions: Iterable[dict[str, Any]]) -> list[Outcome]:
    """Counts per set, over the questions that both models answered closed-book."""
    rows = [row for row in predictions if {"base_closed", "tuned_closed"} <= row["answers"].keys()]
    return [outcome(split, part) for split in SETS if (part := [row for row in rows if row["split"] == split])]


def outcome(split: str, rows: list[dict[str, Any]]) -> Outcome:
    pairs = [tuple(right(row, cell) for cell in CELLS[:2]) for row in rows]
    wrong = [row for row in rows if not right(row, "tuned_closed")]
    asked = [row for row in wrong if "tuned_gold" in row["answers"]]
    reads = sum(right(row, "tuned_gold") for row in asked)
    return Outcome(
        split,
        len(rows),
        learned=pairs.count((False, True)),
        known=pairs.count((True, True)),
        lost=pairs.count((True, False)),
        wrong=pairs.count((False, False)),
        reads=reads,
        misreads=len(asked) - reads,
        unasked=len(wrong) - len(asked),
        endless=sum(not row["answers"]["tuned_closed"].get("stopped", True) for row in wrong),
    )


def right(row: dict[str, Any], cell: str) -> bool:
    return bool(row["answers"].get(cell, {}).get("key_values"))


def sections(predictions: Iterable[dict[str, Any]]) -> list[Section]:
    """Directories with wrong answers about trained facts, the most wrong ones first."""
    results: dict[str, list[bool]] = defaultdict(list)
    for row in predictions:
        if row["split"] == "eval_seen" and "tuned_closed" in row["answers"]:
            results["/".join(PurePosixPath(row["path"]).parent.parts[:2]) or "."].append(right(row, "tuned_closed"))
    found = [Section(name, len(rights), sum(rights)) for name, rights in results.items() if not all(rights)]
    return sorted(found, key=lambda one: (one.right - one.rows, one.name))[:SECTIONS_SHOWN]


def search(predictions: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """In how many questions the search found the chunk that holds the answer, and how many it was asked for."""
    rows = [row for row in predictions if row.get("retrieved")]
    return sum(row["chunk_id"] in row["retrieved"] for row in rows), len(rows)
