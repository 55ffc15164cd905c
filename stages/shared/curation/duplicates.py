"""Each question once, and none that two answers contradict."""

from collections import defaultdict

from stages.shared.curation.rows import Rejection, Verdict, question_key, rejection
from stages.shared.records import DatasetRow
from stages.shared.text import normalised


def sift(rows: list[DatasetRow]) -> tuple[list[DatasetRow], list[Rejection]]:
    """Each question once. A question with several answers is ambiguous and leaves altogether."""
    answers: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        answers[question_key(row)].add(normalised(row["output"]))
    kept: dict[str, DatasetRow] = {}
    rejected = []
    for row in rows:
        key = question_key(row)
        if len(answers[key]) > 1:
            rejected.append(rejection(row, "unambiguous", Verdict(len(answers[key]), "one answer")))
        elif key in kept:
            rejected.append(rejection(row, "distinct", Verdict(kept[key]["pair_id"], "each question once")))
        else:
            kept[key] = row
    return list(kept.values()), rejected
