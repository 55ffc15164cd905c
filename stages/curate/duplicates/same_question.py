"""Each question once, and none that two answers contradict."""

from collections import defaultdict
from itertools import combinations

from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Rejection, Verdict, first_answer, is_accepted, is_own, question_key, rejection
from stages.common.text.wording import normalised
from stages.curate.duplicates.meaning import agree, claim
from stages.curate.duplicates.variants import Rank


def sift(rows: list[DatasetRow], rank: Rank) -> tuple[list[DatasetRow], list[Rejection]]:
    """Each question once, in the order given. A question whose answers contradict each other leaves altogether.

    The best row stays, one that a reviewer accepted before all, and the others give way to it. In the user's own rows
    one question may have many answers: only what is the same in both leaves.
    """
    answers = answers_by_question(rows)
    contradicted = {key for key, said in answers.items() if contradict(key, said)}
    best: dict[tuple[str, str], DatasetRow] = {}
    for row in sorted(rows, key=rank):
        best.setdefault(identity(row), row)
    kept, rejected = [], []
    for row in rows:
        key, first = question_key(row), best[identity(row)]
        if not is_own(row) and (key in contradicted or contradict(key, {*answers[key], first_answer(row)})):
            said = {normalised(answer) for answer in (*answers[key], first_answer(row))}
            rejected.append(rejection(row, "unambiguous", Verdict(len(said), "one answer")))
        elif first is not row:
            rejected.append(rejection(row, "distinct", Verdict(first["pair_id"], "each question once")))
        else:
            kept.append(row)
    return kept, rejected


def answers_by_question(rows: list[DatasetRow]) -> dict[str, set[str]]:
    """The answers to each question; those that a reviewer accepted, where there are any."""
    accepted: dict[str, set[str]] = defaultdict(set)
    others: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        (accepted if is_accepted(row) else others)[question_key(row)].add(first_answer(row))
    return others | accepted


def contradict(asked: str, answers: set[str]) -> bool:
    """Whether any two answers to a question disagree: "30 s" and "The default is 30 s." do not."""
    if len(answers) == 1 or len({normalised(answer) for answer in answers}) == 1:
        return False
    return not all(
        agree(one, other) for one, other in combinations([claim(answer, asked) for answer in sorted(answers)], 2)
    )


def identity(row: DatasetRow) -> tuple[str, str]:
    """What two rows share that teach the same."""
    return question_key(row), normalised(row["output"]) if is_own(row) else ""
