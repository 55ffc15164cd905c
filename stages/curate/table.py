"""Pairs on disk, with columns of what steps compare of them: memory holds some 80 bytes of a pair, and 4 to 8 more for
each selection of rows that it is in.

What is compared for being equal alone is a hash of 64 bits: of 10 million texts that are not, any two have the same
with probability 3e-6.
"""

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from stages.common.records.rows import DatasetRow
from stages.common.rows.rows import first_answer, is_accepted, is_own, question_key
from stages.common.text.wording import normalised, squeezed
from stages.curate.shelf import Shelf

Column = npt.NDArray[Any]
Places = npt.NDArray[np.int64]
NO_SCORE = -1.0


class Keys(NamedTuple):
    """What is compared of a row: `asks` its question, `teaches` what two rows have in common that teach the same,
    `answer`, `statement` its evidence with its answer, `fact`, `pair` its id, `seeks` the same for near-duplicates;
    `exact` is how well its evidence is a quote, in [0, 1], `length` the characters of its answer."""

    asks: int
    teaches: int
    answer: int
    statement: int
    fact: int
    pair: int
    seeks: int
    exact: float
    length: int


COLUMNS = {**dict.fromkeys(Keys._fields, "q"), "exact": "d", "length": "q", "score": "d",
           "chunk": "i", "own": "b", "accepted": "b", "held_out": "b"}  # fmt: skip


def hashed(*texts: str) -> int:
    """A number that texts have in common with equal ones alone, the same in every process."""
    data = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big", signed=True)


def statement(row: DatasetRow) -> tuple[str, str]:
    """What is the same for rows that state one thing, on whatever page."""
    return squeezed(row["evidence"]), normalised(first_answer(row))


def keys(row: DatasetRow, seeks: bytes, exact: float) -> Keys:
    """In the user's own rows one question may have many answers, so that both are what they teach."""
    asked, (evidence, answer) = question_key(row), statement(row)
    teaches = hashed(asked, normalised(row["output"])) if is_own(row) else hashed(asked)
    return Keys(
        hashed(asked), teaches, hashed(answer), hashed(evidence, answer), hashed(row["fact_id"]),
        hashed(row["pair_id"]), int.from_bytes(seeks[:8], "big", signed=True), exact, len(row["output"]),
    )  # fmt: skip


class Table:
    """Rows by number. `score` is the judge's, where it gave one."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.columns: dict[str, array[Any]] = {name: array(kind) for name, kind in COLUMNS.items()}

    def put(self, row: DatasetRow, chunk: int, compared: Keys) -> None:
        """`chunk` is the number of the row's chunk, -1 for the user's own."""
        self.shelf.put(row)
        values = {
            **compared._asdict(), "score": NO_SCORE, "chunk": chunk, "own": is_own(row), "accepted": is_accepted(row),
            "held_out": bool(row.get("held_out")),
        }  # fmt: skip
        for name, column in self.columns.items():
            column.append(values[name])

    def __getitem__(self, number: int) -> DatasetRow:
        row: DatasetRow = self.shelf[number]
        score = self.columns["score"][number]
        return row if score == NO_SCORE else {**row, "score": score}

    def rows(self) -> "Rows":
        return Rows(self, np.arange(len(self.shelf), dtype=np.uint32))

    def forget_scores(self) -> None:
        self.columns["score"] = array("d", [NO_SCORE]) * len(self.shelf)


class Rows(Sequence[DatasetRow]):
    """Some rows of a table, in an order; by place, not by number. They are read when they are asked for."""

    def __init__(self, table: Table, numbers: Column) -> None:
        self.table, self.numbers = table, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[DatasetRow]:
        return (self.table[number] for number in self.numbers.tolist())

    @overload
    def __getitem__(self, place: int) -> DatasetRow: ...
    @overload
    def __getitem__(self, place: slice) -> "Rows": ...
    def __getitem__(self, place: int | slice) -> "DatasetRow | Rows":
        if isinstance(place, slice):
            return Rows(self.table, self.numbers[place])
        return self.table[int(self.numbers[place])]

    def where(self, chosen: Column) -> "Rows":
        """The rows at some places, or where a column is true."""
        return Rows(self.table, self.numbers[chosen])

    def column(self, name: str) -> Column:
        kind = np.dtype(COLUMNS[name] if COLUMNS[name] != "b" else np.bool_)
        return np.frombuffer(self.table.columns[name], kind)[self.numbers]


def runs(column: Column, least: int = 1) -> Iterator[Places]:
    """The places of each value that stands at `least` so many, in order."""
    order = np.argsort(column, kind="stable")
    ordered = column[order]
    starts = np.flatnonzero(np.concatenate([np.ones(min(len(order), 1), np.bool_), ordered[1:] != ordered[:-1]]))
    ends = np.append(starts[1:], len(order))[: len(starts)]
    chosen = ends - starts >= least
    for start, end in zip(starts[chosen].tolist(), ends[chosen].tolist(), strict=True):
        yield order[start:end]


def groups(column: Column) -> Iterator[Places]:
    """The places of each value that stands at several, in order."""
    return runs(column, 2)


def best_first(rows: Rows, trained: Column) -> Places:
    """Places: first what a reviewer accepted, what can be trained, the exact quote, the fuller answer; then the order
    of the rows."""
    return np.lexsort((-rows.column("length"), -rows.column("exact"), ~trained, ~rows.column("accepted")))
