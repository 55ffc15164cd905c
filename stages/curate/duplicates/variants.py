"""Of near-duplicate rows the best stay, and of each fact as many wordings as `curate.min_variants_per_fact` says."""

from collections import Counter

import numpy as np

from stages.common.rows.rows import Verdict, rejection
from stages.common.schema import Curate
from stages.curate.duplicates.links import Links
from stages.curate.shelf import Shelf
from stages.curate.table import Places, Rows
from stages.curate.unions import Unions


def sift(rows: Rows, links: Links, best_first: Places, limits: Curate) -> tuple[Rows, Shelf]:
    """Rows without the near-duplicates that a fact has beyond its wordings, which are rejected. Facts that links
    connect, such as one that two versions of a page state, count as one."""
    doubles = beyond(rows, links, best_first, limits)
    rejected = Shelf()
    for place in sorted(doubles):
        double_of, similarity = doubles[place]
        value = [rows.table[double_of]["pair_id"], similarity]
        rejected.put(rejection(rows[place], "near_duplicate", Verdict(value, limits.question_similarity)))
    stays = np.ones(len(rows), dtype=np.bool_)
    stays[list(doubles)] = False
    return rows.where(stays), rejected


def beyond(rows: Rows, links: Links, best_first: Places, limits: Curate) -> dict[int, tuple[int, float]]:
    """The places of rows that leave, with the number of the most similar row that stays."""
    table, facts = rows.table, Unions[int]()
    fact_of = table.columns["fact"]
    for one, other, _ in links:
        facts.join([fact_of[one], fact_of[other]])
    touched = np.fromiter((fact_of[number] for number in links.ones + links.others), np.int64)
    concerned, numbers = np.isin(rows.column("fact"), touched), rows.numbers
    neighbours, accepted = links.neighbours(), table.columns["accepted"]
    kept = bytearray(len(table.shelf))
    wordings: Counter[int] = Counter()
    doubles: dict[int, tuple[int, float]] = {}

    def nearness(item: tuple[int, float]) -> tuple[float, str]:
        return item[1], table[item[0]]["pair_id"]

    for place in best_first[concerned[best_first]].tolist():
        number = int(numbers[place])
        near = {other: similarity for other, similarity in neighbours(number) if kept[other]}
        fact = facts.of(fact_of[number])
        if near and wordings[fact] >= limits.min_variants_per_fact and not accepted[number]:
            doubles[place] = max(near.items(), key=nearness)
        else:
            kept[number] = True
            wordings[fact] += 1
    return doubles
