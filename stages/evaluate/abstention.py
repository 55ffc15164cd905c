"""Whether a model says so when the documentation does not say, and only then.

The questions are those of data/dataset/unanswerable.jsonl, set against the answerable ones of eval_seen: a model that
refuses everything refuses the right ones, too. What users fear is neither: an answer that is wrong and sounds sure
(Kalai et al. 2025, arXiv:2509.04664; SimpleQA's three grades, Wei et al. 2024, arXiv:2411.04368).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from stages.common.base import paths
from stages.common.records.files import read_jsonl
from stages.common.schema import Evaluate
from stages.evaluate import cells, metrics, statistics
from stages.evaluate.answers import Answer
from stages.evaluate.cells import Cells, Library, Question
from stages.evaluate.figures import named, right, rounded

SET = "unanswerable"
SETTINGS = ("closed", "retrieved")


def questions(section: Evaluate, library: Library) -> list[Question]:
    """At most `evaluate.unanswerable_rows` of them, without a gold chunk: there is none."""
    file = paths.DATASET / f"{SET}.jsonl"
    if not section.unanswerable_rows or not file.exists():
        return []
    rows = cells.sample(read_jsonl(file), section.unanswerable_rows)
    return [replace(question, gold=None) for question in library.questions(rows)]


def figures(absent: Sequence[Question], refusable: Cells, known: Sequence[Question], answers: Cells) -> dict[str, Any]:
    """By cell the figures over both kinds of question; `known` and its answers are eval_seen's."""
    found: dict[str, Any] = {"rows": len(absent), "answerable": len(known)}
    for setting in SETTINGS:
        for model in ("base", "tuned"):
            cell = f"{model}_{setting}"
            outcomes = [
                *outcomes_of(absent, refusable[cell], answerable=False),
                *outcomes_of(known, answers[cell], answerable=True),
            ]
            if any(not answerable for _, answerable, _, _ in outcomes):
                found[cell] = cell_figures(outcomes)
    return found


Outcome = tuple[str, bool, bool, bool]  # page, whether the documentation answers, whether refused, whether right


def outcomes_of(rows: Sequence[Question], answers: Sequence[Answer | None], *, answerable: bool) -> Iterator[Outcome]:
    for question, answer in zip(rows, answers, strict=True):
        if answer:
            yield question.row["path"], answerable, metrics.refused(answer.text), right(answer, question)


def cell_figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`refused` is the recall of refusals; precision is none where nothing is refused."""
    absent = [(page, refused) for page, answerable, refused, _ in outcomes if not answerable]
    known = [(page, refused) for page, answerable, refused, _ in outcomes if answerable]
    wrong = [(page, not refused and not right) for page, _, refused, right in outcomes]
    rightly, wrongly = (sum(refused for _, refused in part) for part in (absent, known))
    precision = {"precision": rightly / (rightly + wrongly)} if rightly + wrongly else {}
    return rounded(
        {"rows": len(absent), "answerable": len(known)}
        | shares("refused", absent)
        | shares("refused_answerable", known)
        | precision
        | shares("confident_wrong", wrong)
    )


def shares(name: str, hits: Sequence[tuple[str, bool]]) -> dict[str, float]:
    """The share of the hits, with its interval over pages."""
    if not hits:
        return {}
    pages, values = zip(*hits, strict=True)
    return {name: sum(values) / len(values), **named(statistics.share_interval(pages, values), f"{name}_")}
