"""reports/evaluate.json: the figures of each cell, the gain, and the headline."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from stages.common.base import paths
from stages.evaluate import metrics, statistics
from stages.evaluate.answers import Answer
from stages.evaluate.cells import MODELS, Cells, Question, asked
from stages.evaluate.judge import VERDICTS, Verdicts
from stages.evaluate.key_values import key_values, states

UNJUDGED = Verdicts()


def right(answer: Answer, question: Question) -> bool:
    """Whether an answer states the key values of the question's fact."""
    row = question.row
    return states(answer.text, row["output"], f"{asked(row)}\n{row['evidence']}")


def set_figures(
    questions: Sequence[Question], cells: Cells, losses: dict[str, float | None], verdicts: Verdicts = UNJUDGED
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of one held-out set, and its part of the headline."""
    found: dict[str, Any] = {"rows": len(questions)}
    if not questions:
        return found, {}
    for cell, answers in cells.items():
        rows = [(q, answer) for q, answer in zip(questions, answers, strict=True) if answer]
        if rows:
            found[cell] = cell_figures(rows) | loss_figures(losses.get(cell))
            found[cell] |= judge_figures(questions, verdicts.grades.get(cell, ()))
    pages, (base, tuned) = compared(questions, cells, "base_closed", "tuned_closed")
    if pages:
        interval = statistics.difference_interval(pages, base, tuned)
        gain = {"key_values": (sum(tuned) - sum(base)) / len(pages), **interval._asdict()}
        found["tuned_minus_base"] = rounded(gain | {"p": statistics.paired_p(pages, base, tuned)})
    found |= preference_figures(questions, verdicts.preferred)
    return found, headline(questions, cells)


def compared(questions: Sequence[Question], cells: Cells, *names: str) -> tuple[list[str], list[list[bool]]]:
    """Pages and results of some cells, on the questions that all of them have answers to."""
    rows = [
        (question, [cells[name][place] for name in names])
        for place, question in enumerate(questions)
        if all(cells[name][place] for name in names)
    ]
    columns = [[right(answers[i], question) for question, answers in rows] for i in range(len(names))]  # type: ignore[arg-type]
    return [question.row["path"] for question, _ in rows], columns


def headline(questions: Sequence[Question], cells: Cells) -> dict[str, Any]:
    """Gap recovery on key values. With its interval, unless the gap that it is a share of is too unsure: then with the
    gap, what the page before it brings the base model."""
    pages, (base, gold, tuned) = compared(questions, cells, "base_closed", "base_gold", "tuned_closed")
    nothing = {"gap_recovery": None, "metric": "key_values"}
    if not pages:
        return nothing
    base_share, gold_share, tuned_share = (sum(column) / len(pages) for column in (base, gold, tuned))
    gap = statistics.difference_interval(pages, base, gold)
    found = rounded({"gap": gold_share - base_share, "gap_low": gap.low, "gap_high": gap.high})
    recovered = statistics.gap_recovery(base_share, gold_share, tuned_share)
    if recovered is None:
        return nothing | found
    interval = statistics.gap_recovery_interval(pages, base, gold, tuned)
    return nothing | found | rounded({"gap_recovery": recovered} | (interval._asdict() if interval else {}))


def cell_figures(rows: Sequence[tuple[Question, Answer]]) -> dict[str, Any]:
    """The figures of one model in one setting; shares from 0 to 1, chrF and ROUGE-L from 0 to 100."""
    texts = [answer.text for _, answer in rows]
    references = [question.row["output"] for question, _ in rows]
    found = [right(answer, question) for question, answer in rows]
    interval = statistics.share_interval([question.row["path"] for question, _ in rows], found)

    def mean(measure: Callable[[str, str], float]) -> float:
        return sum(map(measure, texts, references)) / len(rows)

    return rounded(
        {
            "rows": len(rows),
            "key_values": sum(found) / len(rows),
            "key_values_low": interval.low,
            "key_values_high": interval.high,
            "exact_match": mean(metrics.exact_match),
            "chrf": metrics.chrf(texts, references),
            "rouge_l": mean(metrics.rouge_l),
            "length_ratio": metrics.length_ratio(texts, references),
            "stopped": sum(answer.stopped for _, answer in rows) / len(rows),
            "refused": sum(map(metrics.refused, texts)) / len(rows),
        }
    )


def loss_figures(loss: float | None) -> dict[str, float]:
    return {} if loss is None else rounded({"loss": loss, "perplexity": metrics.perplexity(loss)})


def bars(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows for DVC's bar plot: the share of right answers in each cell, the closed-book ones first."""
    return [
        {"cell": f"{split} {cell}", "key_values": results[split][cell]["key_values"]}
        for split in paths.SPLITS[1:]
        for cell in sorted(MODELS, key=lambda cell: (not cell.endswith("closed"), cell.endswith("retrieved")))
        if cell in results[split]
    ]


def judge_figures(questions: Sequence[Question], grades: Sequence[str | None]) -> dict[str, Any]:
    """The judge's part of a cell: the share of each verdict with its interval, over the answers that have one."""
    graded = [(question.row["path"], grade) for question, grade in zip(questions, grades, strict=False) if grade]
    if not graded:
        return {}
    pages = [page for page, _ in graded]
    found: dict[str, Any] = {"rows": len(graded)}
    for verdict in VERDICTS:
        given = [grade == verdict for _, grade in graded]
        low, high = statistics.share_interval(pages, given)
        name = verdict.lower()
        found |= {name: sum(given) / len(given), f"{name}_low": low, f"{name}_high": high}
    return {"judge": rounded(found)}


def preference_figures(questions: Sequence[Question], preferred: Sequence[str | None]) -> dict[str, Any]:
    """How often the judge prefers which closed-book answer; `low` and `high` are of tuned − base."""
    known = [(question.row["path"], side) for question, side in zip(questions, preferred, strict=False) if side]
    if not known:
        return {}
    base, tuned = ([side == name for _, side in known] for name in ("base", "tuned"))
    interval = statistics.difference_interval([page for page, _ in known], base, tuned)
    shares = {name: sum(side == name for _, side in known) / len(known) for name in ("tuned", "base", "tie")}
    return {"preferred": rounded({"rows": len(known), **shares, **interval._asdict()})}


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Four digits behind the point; what has no value is left out."""
    kept = {key: value for key, value in figures.items() if not (isinstance(value, float) and math.isnan(value))}
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in kept.items()}


def predictions(
    split: str, questions: Sequence[Question], cells: Cells, verdicts: Verdicts = UNJUDGED
) -> Iterator[dict[str, Any]]:
    """The rows of reports/predictions.jsonl of one set, with the judge's verdicts where there are any."""
    for place, question in enumerate(questions):
        row = prediction(split, question, {cell: answers[place] for cell, answers in cells.items()})
        for cell, grades in verdicts.grades.items():
            if grades[place]:
                row["answers"][cell]["judge"] = grades[place]
        yield row | ({"preferred": verdicts.preferred[place]} if verdicts.preferred else {})


def prediction(split: str, question: Question, answers: dict[str, Answer | None]) -> dict[str, Any]:
    """All answers to a question, where its fact stands, what must be in them."""
    row = question.row
    copied = ("pair_id", "chunk_id", "path", "line_start", "line_end", "instruction", "input")
    return {
        "split": split,
        **{key: row[key] for key in copied},  # type: ignore[literal-required]
        "reference": row["output"],
        "key_values": key_values(row["output"]).written(),
        "retrieved": [chunk["chunk_id"] for chunk in question.retrieved],
        "answers": {
            cell: {
                "text": answer.text,
                "stopped": answer.stopped,
                "key_values": right(answer, question),
                "exact_match": metrics.exact_match(answer.text, row["output"]),
                "chrf": round(metrics.chrf([answer.text], [row["output"]]), 2),
            }
            for cell, answer in answers.items()
            if answer
        },
    }
