"""The figures of reports/evaluate.json and predictions.jsonl in the order that people read them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from stages.common.base import paths

CELLS = ("base_closed", "tuned_closed", "base_gold", "tuned_gold", "base_retrieved", "tuned_retrieved",
         "base_mixed", "tuned_mixed", "base_absent", "tuned_absent")  # fmt: skip
SETS = paths.MEASURED
PAGES_SHOWN = 12


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


class Page(NamedTuple):
    """A page: questions about it that it was trained for or asked in the exam, and how many the tuned model answers."""

    path: str
    rows: int
    right: int


def sets(evaluate: dict[str, Any]) -> list[tuple[str, int, list[tuple[str, dict[str, Any]]]]]:
    """Set, rows, and its measured cells by name."""
    measured = []
    for split in SETS:
        figures = evaluate.get(split, {})
        cells = [(cell, figures[cell]) for cell in CELLS if "key_values" in figures.get(cell, {})]
        if cells:
            measured.append((split, figures.get("rows", 0), cells))
    return measured


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


def pages(predictions: Iterable[dict[str, Any]]) -> list[Page]:
    """Pages with wrong answers, but for those that were never trained; the most wrong ones first."""
    results: dict[str, list[bool]] = defaultdict(list)
    for row in predictions:
        if row["split"] != "eval_unseen" and "tuned_closed" in row["answers"]:
            results[row["path"]].append(right(row, "tuned_closed"))
    wrong = [Page(path, len(rights), sum(rights)) for path, rights in results.items() if not all(rights)]
    return sorted(wrong, key=lambda one: (one.right - one.rows, one.path))[:PAGES_SHOWN]


def search(predictions: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """In how many questions the search found the chunk that holds the answer, and how many it was asked for."""
    rows = [row for row in predictions if row.get("retrieved")]
    return sum(row["chunk_id"] in row["retrieved"] for row in rows), len(rows)
