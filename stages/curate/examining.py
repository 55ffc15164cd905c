"""What can be said of each pair by itself: whether a check rejects it, what in it is private, and what it asks for.

This is most of curate's work. It is done for the pairs of a chunk together, on all cores, and kept for the next run.
"""

import marshal
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from tqdm import tqdm

from stages.common.base.mapped import mapped
from stages.common.records.rows import Chunk, DatasetRow
from stages.common.rows.rows import Rejection, Verdict, is_accepted, is_own, rejection
from stages.common.rows.source import Source
from stages.common.schema import Curate
from stages.curate import answers
from stages.curate.checks import verdict
from stages.curate.duplicates.near import sought
from stages.curate.private import FIELDS, masked_row, nothing_private

READ = ("pair_id", "chunk_id", "review", *FIELDS)
# What later steps alone read.
LATER = {
    "question_similarity", "pair_similarity", "semantic_model", "semantic_similarity", "min_variants_per_fact",
    "page_similarity", "max_partial_pages", "min_score", "judge", "forms", "holdout_pages", "holdout_facts",
}  # fmt: skip

Values = dict[str, Any]


class Examined(NamedTuple):
    """`failed`: the check that rejects the pair, by name, and what it found; else `masked`: its texts in which anything
    private is masked, `kinds` of that, and `asks`, the same for pairs that may be near-duplicates. Of a pair with an
    answer in other words only the checks are known."""

    failed: tuple[str, Verdict] | None
    masked: Values
    kinds: list[str]
    asks: bytes


class Group(NamedTuple):
    """Pairs in a row that rest on one chunk; the user's own rest on none."""

    chunk: Chunk | None
    languages: list[str]
    rows: list[Values]


class Sifted(NamedTuple):
    """Rows that pass, what is rejected, how many rows each kind of private data was found in, how many answers in other
    words were taken and left, and what rows ask for by pair_id."""

    rows: list[DatasetRow]
    rejected: list[Rejection]
    private: Counter[str]
    reworded: Counter[str]
    asks: dict[str, bytes]


def sift(rows: list[DatasetRow], rejected: list[Rejection], sources: Mapping[str, Source], limits: Curate) -> Sifted:
    """Rows that pass every check, as `curate.private` wants them, and the others with the check that rejected them,
    behind those that something else has `rejected`; they are masked as well, for data/rejected.jsonl is shared."""
    result = Sifted([], [*rejected], Counter(), Counter(), {})
    found = mapped(partial(examine, limits), groups(rows, sources), partial(key, limits))
    private: list[Rejection] = []
    for row, one in zip(tqdm(rows, desc="curate", unit="pair"), (one for group in found for one in group), strict=True):
        if one.failed:
            result.rejected.append(rejection(row, *one.failed))
            continue
        if "reworded" in row:
            source = sources.get(row["chunk_id"])
            row = answers.settle(row, source, limits)
            result.reworded["taken" if "first_output" in row else "left"] += 1
            one = passed(row, source, limits)
        result.private.update(one.kinds)
        new: DatasetRow = {**row, **one.masked} if one.masked else row  # type: ignore[typeddict-item]
        if problem := nothing_private(new, one.kinds, limits):
            private.append(rejection(new, "nothing_private", problem))
            continue
        result.rows.append(new)
        if result.asks.setdefault(row["pair_id"], one.asks) != one.asks:
            result.asks[row["pair_id"]] = b""  # of two rows: each has to be looked at
    hidden = result.rejected if limits.private == "keep" else [masked_row(row)[0] for row in result.rejected]
    return result._replace(rejected=hidden + private)


def groups(rows: Iterable[DatasetRow], sources: Mapping[str, Source]) -> Iterator[Group]:
    for chunk_id, of_chunk in groupby(rows, lambda row: row["chunk_id"]):
        source = sources.get(chunk_id)
        read = [{name: row[name] for name in READ if name in row} for row in of_chunk]  # type: ignore[literal-required]
        yield Group(source.chunk if source else None, sorted(source.languages) if source else [], read)


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
        return Examined(failed, {}, [], b"")
    return passed(row, source, limits)


def passed(row: Any, source: Source | None, limits: Curate) -> Examined:
    """What is said of a pair that no check rejects."""
    new, kinds = (row, []) if limits.private == "keep" else masked_row(row)
    masked = {name: new[name] for name in FIELDS if name in new and new[name] != row[name]}
    return Examined(None, masked, kinds, b"" if is_own(row) else sought(new, source))
