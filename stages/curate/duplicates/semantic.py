"""Near-duplicates in other words: questions about the same quote that an embedding model finds alike.

The embeddings are static ones, as semhash's are. No index over all questions is needed, because only rows with the
same quote are compared, each with each.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from stages.common.exam.embeddings import Embeddings
from stages.common.rows.rows import is_own, question
from stages.common.schema import Curate
from stages.common.text.wording import squeezed
from stages.common.values.names import all_words
from stages.curate.duplicates.links import Link
from stages.curate.duplicates.meaning import agree, claim, subject
from stages.curate.table import Rows, hashed


def links(rows: Rows, limits: Curate) -> list[Link]:
    """Near-duplicates by `curate.semantic_model`; none when it is empty."""
    if not limits.semantic_model:
        return []
    places: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if not is_own(row):
            # Two facts of one quote differ in words of the quote: the length and the width of a row.
            asked = subject(question(row), frozenset(all_words(row["evidence"])))
            says = sorted(map(repr, claim(row["output"], question(row)).exact))
            places[hashed(squeezed(row["evidence"]), repr((asked, says)))].append(place)
    several = [group for group in places.values() if len(group) > 1]
    model = Embeddings(limits.semantic_model, "curate.semantic_model")
    return [link for group in several for link in alike(group, rows, model, limits.semantic_similarity)]


def alike(group: list[int], rows: Rows, model: Embeddings, least: float) -> Iterator[Link]:
    vectors = dict(zip(group, model.of([question(rows[place]) for place in group]), strict=True))
    for one, other in combinations(group, 2):
        similarity = float(vectors[one] @ vectors[other])
        claims = (claim(rows[place]["output"], question(rows[place])) for place in (one, other))
        if similarity >= least and agree(*claims):
            numbers = int(rows.numbers[one]), int(rows.numbers[other])
            yield Link(*numbers, round(min(similarity, 1.0), 3))
