"""reports/predictions.jsonl: every question with all its answers."""

from collections.abc import Iterator, Sequence
from typing import Any

from stages.common.exam.key_values import key_values
from stages.evaluate import metrics
from stages.evaluate.answers import Answer
from stages.evaluate.cells import Cells, Question
from stages.evaluate.figures import UNJUDGED, right
from stages.evaluate.judge import Verdicts
from stages.evaluate.wordings import Nearest


def predictions(
    split: str,
    questions: Sequence[Question],
    cells: Cells,
    verdicts: Verdicts = UNJUDGED,
    nearest: Sequence[Nearest] = (),
    samples: Sequence[Sequence[Answer]] = (),
) -> Iterator[dict[str, Any]]:
    """The rows of reports/predictions.jsonl of one set, with the judge's verdicts where there are any, and with the
    nearest trained question, and with what the base model answered when its answers were drawn."""
    for place, question in enumerate(questions):
        row = prediction(split, question, {cell: answers[place] for cell, answers in cells.items()})
        for cell, grades in verdicts.grades.items():
            if grades[place]:
                row["answers"][cell]["judge"] = grades[place]
        if nearest:
            row["nearest_trained"] = nearest[place]._asdict()
        if samples and samples[place]:
            row["base_samples"] = [{"text": one.text, "key_values": right(one, question)} for one in samples[place]]
        yield row | ({"preferred": verdicts.preferred[place]} if verdicts.preferred else {})


def prediction(split: str, question: Question, answers: dict[str, Answer | None]) -> dict[str, Any]:
    """All answers to a question, where its fact stands, what must be in them."""
    row = question.row
    copied = ("pair_id", "chunk_id", "path", "line_start", "line_end", "instruction", "input")
    return {
        "split": split,
        **{key: row[key] for key in copied},  # type: ignore[literal-required]
        "reference": row["output"],
        "key_values": list(question.key_values) or key_values(row.get("value", row["output"])).written(),
        "tags": list(question.tags),
        "evidence": row["evidence"],
        "retrieved": [chunk["chunk_id"] for chunk in question.retrieved],
        "answers": {
            cell: {
                "text": answer.text,
                "stopped": answer.stopped,
                "key_values": right(answer, question),
                "refused": metrics.refused(answer.text),
                "exact_match": metrics.exact_match(answer.text, row["output"]),
                "chrf": round(metrics.chrf([answer.text], [row["output"]]), 2),
            }
            for cell, answer in answers.items()
            if answer
        },
    }
