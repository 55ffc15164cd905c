"""Results by key in .cache, kept from one run to the next."""

import sqlite3
import zlib
from collections.abc import Collection
from contextlib import suppress

from stages.common.base.paths import cache_dir

SMALL = 2_000  # bytes that are kept as they are
RUNS = 3  # a result that so many runs have not used is dropped
LARGEST = 4 << 30  # bytes of a function's results; above that only those of the last run stay


def compact(value: bytes) -> bytes:
    """A value as it is kept: compressed, unless that costs more than it is worth."""
    return b"=" + value if len(value) < SMALL else b"z" + zlib.compress(value, 1)


def expanded(kept: bytes) -> bytes:
    """Raises zlib.error for what is damaged."""
    if kept[:1] not in (b"=", b"z"):
        raise zlib.error("neither of the two forms")
    return kept[1:] if kept[:1] == b"=" else zlib.decompress(kept[1:])


class Kept:
    """Results by key in .cache/kept. A database that is damaged, locked or full costs the time that it would have saved
    and no more; the directory may be removed at any time."""

    def __init__(self, name: str) -> None:
        directory = cache_dir() / "kept"
        directory.mkdir(exist_ok=True)
        self.file, self.run = directory / f"{name}.sqlite", 0
        self.database: sqlite3.Connection | None = None
        try:
            self.open()
        except sqlite3.Error:
            self.begin_anew()

    def open(self) -> None:
        database = sqlite3.connect(self.file, timeout=10, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, value BLOB)")
        database.execute("CREATE TABLE IF NOT EXISTS used (key BLOB PRIMARY KEY, run INTEGER) WITHOUT ROWID")
        self.run = 1 + (database.execute("SELECT max(run) FROM used").fetchone()[0] or 0)
        self.database = database

    def begin_anew(self) -> None:
        """Remove what is damaged."""
        if self.database:
            self.database.close()
        self.database = None
        with suppress(sqlite3.Error, OSError):
            for suffix in ("", "-wal", "-shm"):
                self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
            self.open()

    def get(self, keys: list[bytes]) -> dict[bytes, bytes]:
        """What is kept of these, by key; each is as it was written."""
        if not self.database or not keys:
            return {}
        try:
            query = f"SELECT key, value FROM kept WHERE key IN ({','.join('?' * len(keys))})"
            return {key: expanded(value) for key, value in self.database.execute(query, keys)}
        except (sqlite3.Error, zlib.error):
            self.begin_anew()
            return {}

    def put(self, keys: Collection[bytes], new: dict[bytes, bytes]) -> None:
        """Keep the new results, and that this run has used the keys."""
        if not self.database:
            return
        try:
            self.database.execute("BEGIN IMMEDIATE")
            self.database.executemany("INSERT OR REPLACE INTO used VALUES (?, ?)", [(key, self.run) for key in keys])
            self.database.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", new.items())
            self.database.execute("COMMIT")
        except sqlite3.Error:
            self.database = None

    def close(self, forget: bool = True) -> None:
        """`forget`: drop what some runs have not used."""
        if not self.database:
            return
        if forget:
            oldest = self.run if self.file.stat().st_size > LARGEST else self.run - RUNS
            with suppress(sqlite3.Error):
                self.database.execute("DELETE FROM kept WHERE key IN (SELECT key FROM used WHERE run < ?)", [oldest])
                self.database.execute("DELETE FROM used WHERE run < ?", [oldest])
        self.database.close()
