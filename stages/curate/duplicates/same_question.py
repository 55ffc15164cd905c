"""Each question once, and none that two answers contradict."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

import numpy as np

from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import Verdict, first_answer, is_accepted, question_key, rejection
from stages.common.text.wording import normalised
from stages.curate.duplicates.meaning import agree, claim
from stages.curate.shelf import Shelf
from stages.curate.table import Column, Places, Rows, groups


def sift(rows: Rows, best_first: Places) -> tuple[Rows, Shelf]:
    """Each question once, in the order given, and the others as rejections. A question whose answers contradict each
    other leaves altogether.

    The best row stays, one that a reviewer accepted before all, and the others give way to it. In the user's own rows
    one question may have many answers: only what is the same in both leaves.
    """
    said, best = contradicted(rows), firsts(rows.column("teaches"), best_first)
    rejected = Shelf()
    leaves = best != np.arange(len(rows))
    leaves[list(said)] = True
    for place in np.flatnonzero(leaves).tolist():
        several, first = said.get(place), best[place]
        verdict = Verdict(several, "one answer") if several else Verdict(rows[first]["pair_id"], "each question once")
        rejected.put(rejection(rows[place], "unambiguous" if several else "distinct", verdict))
    return rows.where(~leaves), rejected


def firsts(values: Column, order: Places) -> Places:
    """For each place the one that comes first in an order of those with the same value."""
    _, first, of_place = np.unique(values[order], return_index=True, return_inverse=True)
    result = np.empty_like(order)
    result[order] = order[first][of_place]
    return result


def contradicted(rows: Rows) -> dict[int, int]:
    """The places of the pages' rows whose answer contradicts another to their question, each with how many different
    answers there are."""
    asks, answers, own = rows.column("asks"), rows.column("answer"), rows.column("own")
    several = np.flatnonzero(np.isin(asks, asks_with_several(asks, answers)))
    places: dict[int, int] = {}
    for group in groups(asks[several]):
        of_question = several[group].tolist()
        read = [rows[place] for place in of_question]
        key, known = question_key(read[0]), answers_to(read)
        contradicts = contradict(key, known)
        for place, row in zip(of_question, read, strict=True):
            said = {*known, first_answer(row)}
            if not own[place] and (contradicts or contradict(key, said)):
                places[place] = len(set(map(normalised, said)))
    return places


def asks_with_several(asks: Column, answers: Column) -> Column:
    """Questions that have more than one answer."""
    order = np.lexsort((answers, asks))
    asks, answers = asks[order], answers[order]
    return np.unique(asks[1:][(asks[1:] == asks[:-1]) & (answers[1:] != answers[:-1])])


def answers_to(rows: Iterable[DatasetRow]) -> set[str]:
    """The answers of rows with one question; those that a reviewer accepted, where there are any."""
    said: dict[bool, set[str]] = defaultdict(set)
    for row in rows:
        said[is_accepted(row)].add(first_answer(row))
    return said[True] or said[False]


def contradict(asked: str, answers: set[str]) -> bool:
    """Whether any two answers to a question disagree: "30 s" and "The default is 30 s." do not."""
    if len(answers) == 1 or len({normalised(answer) for answer in answers}) == 1:
        return False
    return not all(
        agree(one, other) for one, other in combinations([claim(answer, asked) for answer in sorted(answers)], 2)
    )
