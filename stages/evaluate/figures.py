"""reports/evaluate.json: the figures of each cell, the gain, and the headline."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from stages.common.base import paths
from stages.common.exam.key_values import states, states_values
from stages.evaluate import metrics, statistics
from stages.evaluate.answers import Answer
from stages.evaluate.cells import MODELS, Cells, Question, question_text
from stages.evaluate.judge import VERDICTS, Verdicts

UNJUDGED = Verdicts()
# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {
    f"{name}_{model}": f"{name}.{cell}.key_values"
    for name in paths.MEASURED
    for model, cell in (("base", "base_closed"), ("tuned", "tuned_closed"))
} | {"ended": "eval_seen.tuned_closed.stopped", "gap_recovery": "headline.gap_recovery", "gate_passed": "gate.passed"}
HEADLINE |= {  # where they are measured
    "new_knowledge": "eval_seen.new_knowledge.key_values",
    "reading": "reading.mixed.tuned_mixed",
    "refused": "abstention.tuned_closed.refused",
    "confident_wrong": "abstention.tuned_closed.confident_wrong",
    "retention_loss": "retention.loss_change",
}


def right(answer: Answer, question: Question) -> bool:
    """Whether an answer states the key values of the question's fact, and nothing else; of a question that the
    documentation does not answer, whether it says so."""
    row = question.row
    if row.get("form") == "unanswerable":
        return metrics.refused(answer.text)
    known = f"{question_text(row)}\n{row['evidence']}"
    if question.key_values:
        return states_values(answer.text, question.key_values, f"{known}\n{row['output']}")
    return states(answer.text, row.get("value", row["output"]), f"{known}\n{row['output']}")


def set_figures(
    questions: Sequence[Question],
    cells: Cells,
    losses: dict[str, float | None],
    verdicts: Verdicts = UNJUDGED,
    samples: Sequence[Sequence[Answer]] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of one held-out set, and its part of the headline."""
    if not questions:
        return {"rows": 0}, {}
    figures: dict[str, Any] = {"rows": len(questions), "pages": len({question.row["path"] for question in questions})}
    for cell, answers in cells.items():
        rows = [(q, answer) for q, answer in zip(questions, answers, strict=True) if answer]
        if rows:
            figures[cell] = cell_figures(rows) | loss_figures(losses.get(cell))
            figures[cell] |= judge_figures(questions, verdicts.grades.get(cell, ()))
    pages, (base, tuned) = compared(questions, cells, "base_closed", "tuned_closed")
    if pages:
        gain = {"key_values": (sum(tuned) - sum(base)) / len(pages)}
        if interval := statistics.difference_interval(pages, base, tuned):
            gain |= {**named(interval), "p": statistics.paired_p(pages, base, tuned)}
        figures["tuned_minus_base"] = rounded(gain)
        by_chance = [any(right(one, q) for one in drawn) for q, drawn in zip(questions, samples, strict=False)]
        figures |= new_knowledge(pages, base, tuned, by_chance if any(samples) else ())
    figures |= preference_figures(questions, verdicts.preferred)
    if tags := tag_figures(questions, cells):
        figures["tags"] = tags
    if any(trained := [question.trained for question in questions]):
        figures["trained"] = closed_book(trained, questions, cells)
    return figures, headline(*of_held_out_families(questions, cells))


def new_knowledge(
    pages: Sequence[str], base: Sequence[bool], tuned: Sequence[bool], by_chance: Sequence[bool] = ()
) -> dict[str, Any]:
    """The share of right answers among the questions that the base model answers wrong: what it could do before is no
    merit of the training. `by_chance`, where its answers were drawn, are those that one of them is right about."""
    rows = zip(pages, base, by_chance or [False] * len(pages), tuned, strict=True)
    unknown = [(page, after) for page, before, once, after in rows if not (before or once)]
    if not unknown:
        return {}
    learned = [after for _, after in unknown]
    interval = statistics.share_interval([page for page, _ in unknown], learned)
    figures = {"rows": len(unknown), "key_values": sum(learned) / len(unknown), **named(interval, "key_values_")}
    figures |= {"right_in_a_sample": sum(by_chance)} if by_chance else {}
    return {"new_knowledge": rounded(figures)}


def reading(questions: Sequence[Question], cells: Cells) -> dict[str, Any]:
    """Right answers with the passage among near misses (mixed) and with near misses alone (absent), which are known by
    heart or not at all; against the base's, and against those without any passage, on the same questions."""
    figures: dict[str, Any] = {}
    for name, before, after in (
        ("mixed", "base_mixed", "tuned_mixed"),
        ("absent", "base_absent", "tuned_absent"),
        ("mixed_minus_closed", "tuned_closed", "tuned_mixed"),
        ("absent_minus_closed", "tuned_closed", "tuned_absent"),
    ):
        pages, (one, other) = compared(questions, cells, before, after)
        if not pages:
            return {}
        shares = {before: sum(one) / len(pages), after: sum(other) / len(pages)}
        difference = {"difference": shares[after] - shares[before]}
        figures[name] = rounded(
            {"rows": len(pages), **shares, **difference, **named(statistics.difference_interval(pages, one, other))}
        )
    return figures


def tag_figures(questions: Sequence[Question], cells: Cells) -> dict[str, Any]:
    """By tag the share of right answers of each closed-book cell; the most frequent tags first."""
    counts = Counter(tag for question in questions for tag in question.tags)
    tags = sorted(counts, key=lambda tag: (-counts[tag], tag))
    return {tag: closed_book([tag in question.tags for question in questions], questions, cells) for tag in tags}


def closed_book(chosen: Sequence[bool], questions: Sequence[Question], cells: Cells) -> dict[str, Any]:
    """Of the chosen questions how many there are, and the share of right answers of each closed-book cell."""
    places = [place for place, wanted in enumerate(chosen) if wanted]
    figures: dict[str, Any] = {"rows": len(places)}
    for cell in ("base_closed", "tuned_closed"):
        answered = [(cells[cell][place], questions[place]) for place in places]
        results = [right(answer, question) for answer, question in answered if answer]
        figures[cell] = round(sum(results) / max(len(results), 1), 4)
    return figures


def in_held_out_family(question: Question) -> bool:
    return question.row.get("held_out", False)


def of_held_out_families(questions: Sequence[Question], cells: Cells) -> tuple[list[Question], Cells]:
    """The questions in wordings of families that were never trained, with their answers; all, when none is marked."""
    kept = [place for place, question in enumerate(questions) if in_held_out_family(question)]
    kept = kept or list(range(len(questions)))
    return [questions[place] for place in kept], {
        cell: [answers[place] for place in kept] for cell, answers in cells.items()
    }


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
    families = all(map(in_held_out_family, questions))
    nothing = {"gap_recovery": None, "metric": "key_values", "rows": len(pages), "held_out_families": families}
    if not pages:
        return nothing
    base_share, gold_share, tuned_share = (sum(column) / len(pages) for column in (base, gold, tuned))
    gap = rounded({"gap": gold_share - base_share, **named(statistics.difference_interval(pages, base, gold), "gap_")})
    recovered = statistics.gap_recovery(base_share, gold_share, tuned_share)
    if recovered is None:
        return nothing | gap
    return (
        nothing
        | gap
        | rounded({"gap_recovery": recovered, **named(statistics.gap_recovery_interval(pages, base, gold, tuned))})
    )


def named(interval: statistics.Interval | None, prefix: str = "") -> dict[str, float]:
    """The bounds under their names; nothing where there is no interval."""
    return {f"{prefix}{name}": value for name, value in interval._asdict().items()} if interval else {}


def cell_figures(rows: Sequence[tuple[Question, Answer]]) -> dict[str, Any]:
    """The figures of one model in one setting; shares from 0 to 1, chrF and ROUGE-L from 0 to 100."""
    texts = [answer.text for _, answer in rows]
    references = [question.row["output"] for question, _ in rows]
    rights = [right(answer, question) for question, answer in rows]
    interval = statistics.share_interval([question.row["path"] for question, _ in rows], rights)

    def mean(measure: Callable[[str, str], float]) -> float:
        return sum(map(measure, texts, references)) / len(rows)

    return rounded(
        {
            "rows": len(rows),
            "key_values": sum(rights) / len(rows),
            **named(interval, "key_values_"),
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
        for split in paths.MEASURED
        for cell in sorted(MODELS, key=lambda cell: (not cell.endswith("closed"), cell.endswith("retrieved")))
        if cell in results.get(split, {})
    ]


def judge_figures(questions: Sequence[Question], grades: Sequence[str | None]) -> dict[str, Any]:
    """The judge's part of a cell: the share of each verdict with its interval, over the answers that have one."""
    graded = [(question.row["path"], grade) for question, grade in zip(questions, grades, strict=False) if grade]
    if not graded:
        return {}
    pages = [page for page, _ in graded]
    figures: dict[str, Any] = {"rows": len(graded)}
    for verdict in VERDICTS:
        hits = [grade == verdict for _, grade in graded]
        name = verdict.lower()
        figures |= {name: sum(hits) / len(hits), **named(statistics.share_interval(pages, hits), f"{name}_")}
    return {"judge": rounded(figures)}


def preference_figures(questions: Sequence[Question], preferred: Sequence[str | None]) -> dict[str, Any]:
    """How often the judge prefers which closed-book answer; `low` and `high` are of tuned − base."""
    known = [(question.row["path"], side) for question, side in zip(questions, preferred, strict=False) if side]
    if not known:
        return {}
    base, tuned = ([side == name for _, side in known] for name in ("base", "tuned"))
    interval = statistics.difference_interval([page for page, _ in known], base, tuned)
    shares = {name: sum(side == name for _, side in known) / len(known) for name in ("tuned", "base", "tie")}
    return {"preferred": rounded({"rows": len(known), **shares, **named(interval)})}


def rounded(figures: dict[str, Any]) -> dict[str, Any]:
    """Four digits behind the point; what has no value is left out."""
    kept = {key: value for key, value in figures.items() if not (isinstance(value, float) and math.isnan(value))}
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in kept.items()}
