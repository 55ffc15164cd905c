"""Every answer that was paid for, in `$DVC_ROOT/.cache/responses.sqlite`.

It lies outside DVC's outputs because `dvc exp run` throws partial outputs away. Each answer is committed as it
arrives; several processes may write at once (SQLite's write-ahead log, https://www.sqlite.org/wal.html).
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypedDict

from stages.shared import paths
from stages.shared.records import read_jsonl

BUSY_SECONDS = 60.0


class Entry(NamedTuple):
    """What is stored for a request: the answer as JSON text, or why there never will be one."""

    answer: str | None
    refused: str | None


class Row(TypedDict):
    """An entry as a row of JSONL: `answer` or `refused` is empty."""

    key: str
    answer: str
    refused: str


def use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite's own waiting does not cover this step: when two processes make a fresh
    store at the same moment, one of them is told at once that it is locked."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)


class Store:
    """Answers and permanent refusals by request key. Use as a context manager."""

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        use_wal(self.connection)
        self.connection.execute("PRAGMA synchronous = FULL")  # an answer is on the disk before the next is asked for
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, answer TEXT NOT NULL, at REAL NOT NULL)"
        )

    @classmethod
    def of_repository(cls) -> "Store":
        """The store that all runs of this repository share."""
        return cls(paths.cache_dir() / "responses.sqlite")

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def find(self, key: str) -> Entry | None:
        """What is stored for a request; None when it is still to be asked."""
        row = self.connection.execute("SELECT answer FROM responses WHERE key = ?", (key,)).fetchone()
        return Entry(row[0], None) if row else None

    def get(self, key: str) -> str | None:
        """The stored answer, or None when the request was never answered."""
        entry = self.find(key)
        return entry.answer if entry else None

    def put(self, key: str, answer: str) -> None:
        """Store an answer; the first one for a key stays."""
        self.connection.execute("INSERT OR IGNORE INTO responses VALUES (?, ?, ?)", (key, answer, time.time()))

    def seed(self, file: Path) -> None:
        """Take over the entries of a file that `rows` were written to, if it is there."""
        if not file.exists():
            return
        rows: Iterator[Row] = read_jsonl(file)
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            "INSERT OR IGNORE INTO responses VALUES (?, ?, ?)",
            ((row["key"], row["answer"], time.time()) for row in rows if row["answer"]),
        )
        self.connection.execute("COMMIT")

    def rows(self, keys: Iterable[str]) -> Iterator[Row]:
        """The entries of these requests, each once, in the order of the keys. They seed a colleague's store."""
        for key in dict.fromkeys(keys):
            entry = self.find(key)
            if entry:
                yield {"key": key, "answer": entry.answer or "", "refused": entry.refused or ""}
