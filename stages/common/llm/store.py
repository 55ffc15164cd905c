"""Every answer that was paid for, in `$DVC_ROOT/.cache/responses.sqlite`.

It lies outside DVC's outputs because `dvc exp run` throws partial outputs away. Each answer is committed as it
arrives; several processes may write at once (SQLite's write-ahead log, https://www.sqlite.org/wal.html).
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypedDict

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_jsonl

BUSY_SECONDS = 60.0
APPLICATION = 0x646F636C  # PRAGMA application_id: "docl"
VERSION = 1  # PRAGMA user_version; 0 had no refusals
FORM_DAYS = 7  # after so long a server is asked anew whether it knows JSON schemas

TABLES = """
CREATE TABLE responses (
    key TEXT PRIMARY KEY,
    answer TEXT NOT NULL,  -- JSON; empty when the request was refused for good
    refused TEXT NOT NULL,  -- why there will never be an answer; empty when there is one
    model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,  -- of all tries
    answer_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,  -- from the first try to the answer
    at REAL NOT NULL  -- seconds since 1970
);
CREATE TABLE forms (endpoint TEXT PRIMARY KEY, answer TEXT NOT NULL, room TEXT NOT NULL, at REAL NOT NULL);
"""
COLUMNS = "(key, answer, refused, model, prompt_tokens, answer_tokens, seconds, at)"
INSERT = f"INSERT OR IGNORE INTO responses {COLUMNS} VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class Entry(NamedTuple):
    """What is stored for a request: the answer as JSON text, or why there never will be one; the other is empty."""

    answer: str
    refused: str


class Row(TypedDict):
    """An entry as a row of JSONL."""

    key: str
    answer: str
    refused: str


class Response(NamedTuple):
    """An entry with what it cost; a row of the table."""

    key: str
    answer: str
    refused: str = ""
    model: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0
    at: float = 0.0


class Usage(NamedTuple):
    """What answers of a model took on average: tokens and seconds."""

    answers: int
    prompt_tokens: float
    answer_tokens: float
    seconds: float


class Store:
    """Answers and permanent refusals by request key. Use as a context manager."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            # Committing stands in a thread of its own while answers are awaited, with a connection of its own.
            self.connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            refuse_foreign(self.connection, file)
            use_wal(self.connection)
            self.connection.execute("PRAGMA synchronous = FULL")  # what is committed survives a power cut
            prepare(self.connection)
        except sqlite3.Error as error:
            raise unusable(file, error) from None

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
        try:
            row = self.connection.execute("SELECT answer, refused FROM responses WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise unusable(self.file, error) from None
        return Entry(*row) if row else None

    def get(self, key: str) -> str | None:
        """The stored answer; None when the request was never answered or was refused."""
        entry = self.find(key)
        return entry.answer if entry and not entry.refused else None

    def put(self, key: str, answer: str) -> None:
        """Store an answer; the first one for a key stays."""
        self.put_all([Response(key, answer)])

    def refuse(self, key: str, reason: str) -> None:
        """Store that a request will never be answered."""
        self.put_all([Response(key, "", reason)])

    def put_all(self, responses: Iterable[Response]) -> None:
        """Store several entries in one transaction, all or none."""
        now = time.time()
        with self.transaction() as connection:
            connection.executemany(INSERT, (response._replace(at=response.at or now) for response in responses))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            finally:
                if self.connection.in_transaction:  # some errors, such as a full disk, end it by themselves
                    self.connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise unusable(self.file, error) from None

    def seed(self, file: Path) -> None:
        """Take over the entries of a file that `rows` were written to, if it is there."""
        if file.exists():
            self.put_all(to_response(row, file) for row in read_jsonl(file))

    def rows(self, keys: Iterable[str]) -> Iterator[Row]:
        """The entries of these requests, each once, in the order of the keys. They seed a colleague's store."""
        seen = set()
        for key in keys:
            entry = self.find(key)
            if entry and key not in seen:
                seen.add(key)
                yield {"key": key, "answer": entry.answer, "refused": entry.refused}

    def usage(self, model: str, keys: Sequence[str] = ()) -> Usage:
        """What the answers of a model took so far, of these requests only if there are any; all zero when nothing is
        known. Answers out of batch files took no seconds that say anything."""
        figures = "COUNT(*), AVG(prompt_tokens), AVG(answer_tokens), AVG(NULLIF(seconds, 0))"
        query = f"SELECT {figures} FROM responses WHERE model = ? AND refused = '' AND answer_tokens > 0"
        if keys:
            query += f" AND key IN ({', '.join('?' * len(keys))})"
        row = self.connection.execute(query, (model, *keys)).fetchone()
        return Usage(*(value or 0 for value in row))

    def form(self, endpoint: str) -> tuple[str, str] | None:
        """The form of calls that an endpoint was found to accept, see `forms.Form`."""
        query = "SELECT answer, room FROM forms WHERE endpoint = ? AND at > ?"
        row = self.connection.execute(query, (endpoint, time.time() - FORM_DAYS * 86400)).fetchone()
        return (row[0], row[1]) if row else None

    def put_form(self, endpoint: str, form: tuple[str, str]) -> None:
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO forms VALUES (?, ?, ?, ?)", (endpoint, *form, time.time()))


def to_response(row: Row, file: Path) -> Response:
    """A row of JSONL as an entry; it may lack what `rows` leaves out. Raises UserError when it is none."""
    try:
        response = Response(**row)
    except TypeError:
        response = Response("", "")
    if not (response.key and isinstance(response.answer, str) and bool(response.answer) != bool(response.refused)):
        raise UserError(f"{file} holds a row that is no stored answer; it must be a file that doclore wrote")
    return response


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


def refuse_foreign(connection: sqlite3.Connection, file: Path) -> None:
    """Raise a UserError when the file is the database of another program or of a newer doclore; nothing is changed."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if pragma(connection, "application_id") != APPLICATION and tables - {"responses"}:
        raise UserError(f"{file} is a database of another program; move it away, doclore makes its own")
    if pragma(connection, "user_version") > VERSION:
        raise UserError(f"{file} was written by a newer doclore; update this one")


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date."""
    if pragma(connection, "user_version") == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if pragma(connection, "user_version") < VERSION:  # no other process was faster
        older = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'responses'").fetchone()
        if older:
            connection.execute("ALTER TABLE responses RENAME TO older")
        for statement in TABLES.strip().split(";\n"):
            connection.execute(statement)
        if older:
            connection.execute(f"INSERT INTO responses {COLUMNS} SELECT key, answer, '', '', 0, 0, 0, at FROM older")
            connection.execute("DROP TABLE older")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def unusable(file: Path, error: sqlite3.Error) -> UserError:
    """An error of SQLite as a line for the user."""
    if isinstance(error, sqlite3.OperationalError):  # a full disk, no right to write, a lock that is never given back
        return UserError(f"{file}: {error}; the answers stored before are safe")
    return UserError(
        f"{file} is damaged ({error}); move it away and run again: answers in data/responses.jsonl are put back"
    )
