"""Each question once, and none that two answers contradict."""

from collections import defaultdict

from stages.shared.curation.rows import Rejection, Verdict, is_accepted, is_own, question_key, rejection
from stages.shared.records import DatasetRow
from stages.shared.text import normalised


def sift(rows: list[DatasetRow]) -> tuple[list[DatasetRow], list[Rejection]]:
    """Each question once, in the order given. A question with several answers is ambiguous and leaves altogether.

    The row that a reviewer accepted stays, and the others give way to it. In the user's own rows one question may have
    many answers: only what is the same in both leaves.
    """
    answers = answers_by_question(rows)
    first: dict[tuple[str, str], DatasetRow] = {}
    for row in sorted(rows, key=is_accepted, reverse=True):
        first.setdefault(identity(row), row)
    kept, rejected = [], []
    for row in rows:
        said = answers[question_key(row)]
        if not is_own(row) and (len(said) > 1 or normalised(row["output"]) not in said):
            rejected.append(
                rejection(row, "unambiguous", Verdict(len(said | {normalised(row["output"])}), "one answer"))
            )
        elif first[identity(row)] is not row:
            rejected.append(rejection(row, "distinct", Verdict(first[identity(row)]["pair_id"], "each question once")))
        else:
            kept.append(row)
    return kept, rejected


def answers_by_question(rows: list[DatasetRow]) -> dict[str, set[str]]:
    """The different answers to each question; those that a reviewer accepted, where there are any."""
    accepted: dict[str, set[str]] = defaultdict(set)
    others: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        (accepted if is_accepted(row) else others)[question_key(row)].add(normalised(row["output"]))
    return others | accepted


def identity(row: DatasetRow) -> tuple[str, str]:
    """What two rows share that teach the same."""
    return question_key(row), normalised(row["output"]) if is_own(row) else ""
