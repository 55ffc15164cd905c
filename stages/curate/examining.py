"""What can be said of each pair by itself: whether a check rejects it, what in it is private, and what it asks for.

This is most of curate's work. It is done for the pairs of a chunk together, on all cores, and kept for the next run.
"""

import marshal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from stages.common.base.mapped import mapped
from stages.common.records.rows import Chunk, DatasetRow
from stages.common.rows.grounding import evidence_score
from stages.common.rows.rows import Rejection, Verdict, is_accepted, is_own, question, rejection
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.curate import answers
from stages.curate.checks import verdict
from stages.curate.duplicates.near import sought
from stages.curate.exam import Exam
from stages.curate.private import FIELDS, masked_row, nothing_private
from stages.curate.shelf import Shelf
from stages.curate.table import Keys, Table, keys

READ = ("pair_id", "chunk_id", "fact_id", "review", *FIELDS)
# What later steps alone read.
LATER = {
    "question_similarity", "pair_similarity", "semantic_model", "semantic_similarity", "min_variants_per_fact",
    "page_similarity", "max_partial_pages", "min_score", "judge", "forms", "holdout_pages", "holdout_facts",
}  # fmt: skip

Values = dict[str, Any]


class Examined(NamedTuple):
    """`failed`: the check that rejects the pair, by name, and what it found; else `masked`: its texts in which anything
    private is masked, `kinds` of that, and the `keys` that it is compared by. Of a pair with an answer in other words
    only the checks are known."""

    failed: tuple[str, Verdict] | None
    masked: Values
    kinds: list[str]
    keys: Keys | None


class Group(NamedTuple):
    """Pairs in a row that rest on one chunk; the user's own rest on none."""

    chunk: Chunk | None
    languages: list[str]
    rows: list[Values]


class Sifted:
    """Where rows go: those that pass into `table`, the others with their reason into one of the shelves. Of the former,
    `private` counts the rows in which each kind of private data was found, `reworded` the answers in other words that
    were taken and left, `pairs` the pairs of each page."""

    def __init__(self) -> None:
        self.table = Table()
        self.failed, self.held_private, self.in_exam = Shelf(), Shelf(), Shelf()
        self.private, self.reworded, self.pairs = Counter[str](), Counter[str](), Counter[str]()


def sift(
    rows: Iterable[DatasetRow], sources: Mapping[str, Source], number_of: Callable[[str], int], exam: Exam,
    limits: Curate,
) -> Sifted:  # fmt: skip
    """Rows that pass every check, as `curate.private` wants them, and ask nothing of the `exam`; the others with the
    check that rejected them. `number_of` a chunk_id is the number of that chunk."""
    result = Sifted()
    for row, one in examined_rows(rows, sources, limits):
        if one.failed:
            result.failed.put(as_shared(rejection(row, *one.failed), limits))
            continue
        if "reworded" in row:
            source = sources.get(row["chunk_id"])
            row = answers.settle(row, source, limits)
            result.reworded["taken" if "first_output" in row else "left"] += 1
            one = passed(row, source, limits)
        assert one.keys
        result.private.update(one.kinds)
        new: DatasetRow = {**row, **one.masked} if one.masked else row  # type: ignore[typeddict-item]
        if problem := nothing_private(new, one.kinds, limits):
            result.held_private.put(rejection(new, "nothing_private", problem))
        elif match := exam.nearest(question(new)):
            verdict = Verdict(list(match), "no near-duplicate of the exam")
            result.in_exam.put(rejection(new, "exam_question", verdict))
        else:
            chunk = -1 if is_own(new) else number_of(new["chunk_id"])
            result.pairs.update([] if is_own(new) else [new["path"]])
            result.table.put(new, chunk, one.keys)
    return result


def as_shared(rejected: Rejection, limits: Curate) -> Rejection:
    """A rejection as it stands in data/rejected.jsonl, which is shared."""
    masked: Rejection = rejected if limits.private == "keep" else masked_row(rejected)[0]
    return masked


def examined_rows(
    rows: Iterable[DatasetRow], sources: Mapping[str, Source], limits: Curate
) -> Iterator[tuple[DatasetRow, Examined]]:
    """Each row with what is said of it. Rows of few chunks are in memory at once."""
    under_way: deque[list[DatasetRow]] = deque()

    def remembered() -> Iterator[Group]:
        for chunk_id, of_chunk in groupby(rows, lambda row: row["chunk_id"]):
            under_way.append(list(of_chunk))
            yield group(under_way[-1], sources.get(chunk_id))

    for results in mapped(partial(examine, limits), remembered(), partial(key, limits)):
        yield from zip(under_way.popleft(), results, strict=True)


def group(rows: Iterable[DatasetRow], source: Source | None) -> Group:
    read = [{name: row[name] for name in READ if name in row} for row in rows]  # type: ignore[literal-required]
    return Group(source.chunk if source else None, sorted(source.languages) if source else [], read)


def key(limits: Curate, group: Group) -> bytes:
    chunk = (group.chunk["headings"], group.chunk["text"]) if group.chunk else None
    settings = limits.model_dump_json(exclude=LATER)
    return marshal.dumps((settings, chunk, group.languages, group.rows), 2)  # that version writes equal values alike


def examine(limits: Curate, group: Group) -> list[Examined]:
    source = Source(group.chunk, frozenset(group.languages)) if group.chunk else None
    return [examined(row, source, limits) for row in group.rows]


def examined(row: Any, source: Source | None, limits: Curate) -> Examined:
    failed = None if is_accepted(row) else verdict(row, source, limits)
    if failed or "reworded" in row:
        return Examined(failed, {}, [], None)
    return passed(row, source, limits)


def passed(row: Any, source: Source | None, limits: Curate) -> Examined:
    """What is said of a pair that no check rejects."""
    new, kinds = (row, []) if limits.private == "keep" else masked_row(row)
    masked = {name: new[name] for name in FIELDS if name in new and new[name] != row[name]}
    exact = evidence_score(new["evidence"], source) if source else 1.0
    return Examined(None, masked, kinds, keys(new, sought(new, source), exact))
