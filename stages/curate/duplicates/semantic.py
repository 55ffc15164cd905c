"""Near-duplicates in other words: questions about the same quote that an embedding model finds alike.

The embeddings are static ones, as semhash's are. No index over all questions is needed, because only rows with the
same quote are compared, each with each.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations
from typing import Any

from stages.common.exam.embeddings import Embeddings
from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import is_own, question
from stages.common.schema import Curate
from stages.common.text.wording import squeezed
from stages.common.values.names import all_words
from stages.curate.duplicates.meaning import agree, claim, subject
from stages.curate.duplicates.near import Link


def links(rows: Sequence[DatasetRow], limits: Curate) -> list[Link]:
    """Near-duplicates by `curate.semantic_model`; none when it is empty."""
    if not limits.semantic_model:
        return []
    groups: dict[Hashable, list[DatasetRow]] = defaultdict(list)
    for row in rows:
        if not is_own(row):
            # Two facts of one quote differ in words of the quote: the length and the width of a row.
            asked = subject(question(row), frozenset(all_words(row["evidence"])))
            groups[squeezed(row["evidence"]), asked, claim(row["output"], question(row)).exact].append(row)
    several = [group for group in groups.values() if len(group) > 1]
    vectors = embeddings([row for group in several for row in group], limits.semantic_model)
    return [link for group in several for link in alike(group, vectors, limits.semantic_similarity)]


def alike(group: list[DatasetRow], vectors: dict[str, Any], least: float) -> Iterator[Link]:
    for one, other in combinations(group, 2):
        similarity = float(vectors[one["pair_id"]] @ vectors[other["pair_id"]])
        claims = (claim(row["output"], question(row)) for row in (one, other))
        if similarity >= least and agree(*claims):
            yield Link(one["pair_id"], other["pair_id"], round(min(similarity, 1.0), 3))


def embeddings(rows: list[DatasetRow], directory: str) -> dict[str, Any]:
    """Vectors of length 1 of the questions, by pair_id."""
    model = Embeddings(directory, "curate.semantic_model")
    vectors = model.of([question(row) for row in rows]) if rows else []
    return {row["pair_id"]: vector for row, vector in zip(rows, vectors, strict=True)}
