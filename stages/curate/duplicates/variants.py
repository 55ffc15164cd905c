"""Of near-duplicate rows the best stay, and of each fact as many wordings as `curate.min_variants_per_fact` says."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from stages.common.records.rows import DatasetRow
from stages.common.rows.grounding import evidence_score
from stages.common.rows.rows import Rejection, Verdict, is_accepted, rejection
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.curate.duplicates.near import Link
from stages.curate.unions import Unions

Rank = Callable[[DatasetRow], tuple[bool, bool, float, int]]


def ranking(sources: Mapping[str, Source], trained: Callable[[DatasetRow], bool]) -> Rank:
    """Best first: what a reviewer accepted, what can be trained, the exact quote, the fuller answer; then the order of
    the rows."""

    def rank(row: DatasetRow) -> tuple[bool, bool, float, int]:
        source = sources.get(row["chunk_id"])
        score = evidence_score(row["evidence"], source) if source else 1.0
        return not is_accepted(row), not trained(row), -score, -len(row["output"])

    return rank


def sift(
    rows: list[DatasetRow], links: list[Link], rank: Rank, limits: Curate
) -> tuple[list[DatasetRow], list[Rejection]]:
    """Rows without the near-duplicates that a fact has beyond its wordings. Facts that links connect, such as one that
    two versions of a page state, count as one."""
    neighbours: dict[str, dict[str, float]] = defaultdict(dict)
    facts: Unions[str] = Unions()
    fact_of = {row["pair_id"]: row["fact_id"] for row in rows}
    for one, other, similarity in links:
        neighbours[one][other] = neighbours[other][one] = similarity
        facts.join([fact_of[one], fact_of[other]])
    kept: set[str] = set()
    wordings: Counter[str] = Counter()
    doubles: dict[str, tuple[str, float]] = {}
    for row in sorted(rows, key=rank):
        near = {other: similarity for other, similarity in neighbours[row["pair_id"]].items() if other in kept}
        fact = facts.of(row["fact_id"])
        if near and wordings[fact] >= limits.min_variants_per_fact and not is_accepted(row):
            doubles[row["pair_id"]] = max(near.items(), key=lambda item: (item[1], item[0]))
        else:
            kept.add(row["pair_id"])
            wordings[fact] += 1
    rejected = [
        rejection(row, "near_duplicate", Verdict(list(doubles[row["pair_id"]]), limits.question_similarity))
        for row in rows
        if row["pair_id"] in doubles
    ]
    return [row for row in rows if row["pair_id"] not in doubles], rejected
