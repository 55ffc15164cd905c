"""Every answer that was paid for, in `$DVC_ROOT/.cache/responses.sqlite`.

It lies outside DVC's outputs because `dvc exp run` throws partial outputs away. Each answer is committed as it
arrives; several processes may write at once (SQLite's write-ahead log, https://www.sqlite.org/wal.html).
"""

import sqlite3
import time
from pathlib import Path
from types import TracebackType

BUSY_SECONDS = 60.0


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
    """Answers by request key. Use as a context manager."""

    def __init__(self, file: Path) -> None:
        self.connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)
        use_wal(self.connection)
        self.connection.execute("PRAGMA synchronous = FULL")  # an answer is on the disk before the next is asked for
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, answer TEXT NOT NULL, at REAL NOT NULL)"
        )

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def get(self, key: str) -> str | None:
        """The stored answer, or None when the request was never answered."""
        row = self.connection.execute("SELECT answer FROM responses WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def put(self, key: str, answer: str) -> None:
        """Store an answer; the first one for a key stays."""
        self.connection.execute("INSERT OR IGNORE INTO responses VALUES (?, ?, ?)", (key, answer, time.time()))
