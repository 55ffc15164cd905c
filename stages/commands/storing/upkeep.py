"""Looking after the response store: what it holds, what could go, and how it moves to another machine."""

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from stages.commands.storing import salvage
from stages.common.base.errors import UserError
from stages.common.llm.database import CHANGED, damaged
from stages.common.llm.entries import Response
from stages.common.llm.store import Store
from stages.common.records import files

DAY = 86400.0
FIELDS = ", ".join(Response._fields)
BATCH = 500  # keys deleted by one statement


class Holding(NamedTuple):
    """What the store holds of one model; times in seconds since 1970. Seeded entries have no model and no tokens."""

    model: str
    answers: int
    refusals: int
    prompt_tokens: int
    answer_tokens: int
    first: float
    last: float


@dataclass(frozen=True)
class Choice:
    """Which entries are meant: all that fit every condition given."""

    model: str | None = None
    older_than_days: float | None = None
    refusals_only: bool = False
    but_for: Collection[str] = ()  # keys that are never meant
    key: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """The condition in SQL, without `but_for`, and its values."""
        conditions: dict[str, Any] = {}
        if self.model is not None:
            conditions["model = ?"] = self.model
        if self.older_than_days is not None:
            conditions["at < ?"] = time.time() - self.older_than_days * DAY
        if self.key is not None:
            conditions["key = ?"] = self.key
        if self.refusals_only:
            conditions["refused != ?"] = ""
        return " AND ".join(conditions) or "TRUE", list(conditions.values())


def holdings(store: Store) -> list[Holding]:
    """What the store holds, by model."""
    figures = "SUM(refused = ''), SUM(refused != ''), SUM(prompt_tokens), SUM(answer_tokens), MIN(at), MAX(at)"
    query = f"SELECT model, {figures} FROM responses GROUP BY model ORDER BY model"
    held = [Holding(*row) for row in store.each(query)]
    if any(value is None for row in held for value in row):
        raise damaged(store.file, CHANGED)
    return held


def reasons(store: Store, most: int) -> list[tuple[str, int]]:
    """The reasons of refusals with their numbers, the most frequent first."""
    query = "SELECT refused, COUNT(*) FROM responses WHERE refused != '' GROUP BY refused ORDER BY 2 DESC, 1 LIMIT ?"
    return [(reason, times) for reason, times in store.each(query, (most,))]


def chosen(store: Store, choice: Choice) -> Iterator[Response]:
    """The entries that are meant, the oldest first. Raises UserError at one that is damaged."""
    condition, values = choice.where()
    query = f"SELECT {FIELDS}, digest FROM responses WHERE {condition} ORDER BY at, key"
    for *row, digest in store.each(query, values):
        entry = Response(*row)
        store.verify(entry.key, entry.answer, entry.refused, digest)
        if entry.key not in choice.but_for:
            yield entry


def delete(store: Store, keys: list[str]) -> None:
    """Delete entries, all or none, and give their room back to the disk."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM forms WHERE endpoint LIKE 'seed:%'")  # what was pulled is taken over anew
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            connection.execute(f"DELETE FROM responses WHERE key IN ({', '.join('?' * len(some))})", some)
    for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
        any(store.each(statement))


def take_in(store: Store, entries: Iterable[Response]) -> int:
    """Put entries that were exported into the store; how many were new."""
    before = count(store)
    store.put_all(entries)
    return count(store) - before


def back_up(store: Store, file: Path) -> None:
    """Copy the store as it is at this moment, while others may write to it. Raises UserError when it is damaged."""
    for row in store.each("SELECT key, answer, refused, digest FROM responses"):
        store.verify(*row)
    temporary = files.beside(file)
    try:
        with contextlib.closing(sqlite3.connect(temporary)) as copy:
            store.connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        temporary.replace(file)
    except (OSError, sqlite3.Error) as error:
        raise UserError(f"{file}: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def repair(file: Path) -> tuple[int, Path]:
    """Make a store anew of the readable rows of a damaged one; how many there are, and where the damaged one is kept.
    Nothing is changed when there is none."""
    fresh = file.with_name(f"{file.stem}.repaired.sqlite")
    for part in beside(fresh):
        part.unlink(missing_ok=True)
    with Store(fresh) as store:
        store.put_all(salvage.rows(file))
        kept = count(store)
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if not kept:
        for part in beside(fresh):
            part.unlink(missing_ok=True)
        raise UserError(f"{file} contains no readable answer; it was left unchanged")
    damaged = next(
        name for n in itertools.count(1) if not (name := file.with_name(f"{file.name}.damaged-{n}")).exists()
    )
    for part, name in zip(beside(file), beside(damaged), strict=True):
        if part.exists():
            part.rename(name)
    fresh.rename(file)
    return kept, damaged


def beside(file: Path) -> tuple[Path, Path, Path]:
    """The files of a store."""
    return file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")


def count(store: Store) -> int:
    ((rows,),) = store.each("SELECT COUNT(*) FROM responses")
    return int(rows)


def bytes_on_disk(store: Store) -> int:
    """The size of the store, its write-ahead log included."""
    files = (store.file, store.file.with_name(f"{store.file.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
