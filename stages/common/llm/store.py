"""Every answer that was paid for, in `$DVC_ROOT/.cache/responses.sqlite`.

It lies outside DVC's outputs because `dvc exp run` throws partial outputs away. Each answer is committed as it
arrives; several processes may write at once (SQLite's write-ahead log, https://www.sqlite.org/wal.html). The files
beside it that end in -wal and -shm belong to it while doclore runs. Each row carries a digest, which is checked on
reading; `doclore store repair` brings back what is readable of a damaged file.
"""

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from stages.common.base import paths
from stages.common.llm.database import (
    ANY_ROOM,
    BUSY_SECONDS,
    CHANGED,
    INSERT,
    UNKNOWN_ROOM,
    damaged,
    former_rooms,
    prepare,
    refuse_foreign,
    unusable,
    use_wal,
)
from stages.common.llm.entries import Entry, Response, RowParts, StoredResponse, Usage, checksum, to_response
from stages.common.llm.forms import Form
from stages.common.llm.requests import Request
from stages.common.records.files import file_sha256, read_jsonl

FORM_DAYS = 7  # after so long a server is asked anew whether it knows JSON schemas
CHECKPOINT_SECONDS, CHECKPOINT_COMMITS = 5.0, 50  # so long at most what is stored lies in the log alone
SEED = 500  # rows of a file that are looked up together
ADOPT = 1000  # answers of doclore 0.1 that get their new key in one transaction


class Store:
    """Answers and permanent refusals by request key. Use as a context manager."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.checked, self.commits = time.monotonic(), 0  # when the log was last written back, and what came since
        self.adopted: dict[str, str] = {}  # keys of doclore 0.1 to today's
        try:
            # Committing stands in a thread of its own while answers are awaited, with a connection of its own.
            self.connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            refuse_foreign(self.connection, file)
            use_wal(self.connection)
            self.connection.execute("PRAGMA synchronous = FULL")  # what is committed survives a power cut
            prepare(self.connection)
            self.older = self.has_older()
            self.rooms = former_rooms() if self.older else ()
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
        if not error:
            self.adopt()
        self.connection.close()

    def has_older(self) -> bool:
        """Whether there are answers under keys of doclore 0.1."""
        return any(self.each("SELECT 1 FROM responses WHERE room = ? LIMIT 1", (UNKNOWN_ROOM,)))

    def each(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows that a query finds. Raises UserError when the file is damaged where they lie."""
        try:
            yield from self.connection.execute(query, values)
        except sqlite3.Error as error:
            raise unusable(self.file, error) from None

    def row(self, key: str) -> RowParts | None:
        """The row of a key, whole. Raises UserError when it is damaged."""
        return self.several([key]).get(key)

    def several(self, keys: Collection[str]) -> dict[str, RowParts]:
        """The rows of some keys, as far as there are any. Raises UserError when one is damaged."""
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key, answer, refused, room, digest FROM responses WHERE key IN ({marks})"
        rows = {key: RowParts(*rest) for key, *rest in self.each(query, tuple(keys))}
        for key, row in rows.items():
            self.verify(key, row.answer, row.refused, row.digest)
        return rows

    def verify(self, key: str, answer: str, refused: str, digest: str) -> None:
        """Raise UserError when a row is not what was written; the digest of one of an older version is empty."""
        if digest is None or (digest and digest != checksum(key, answer, refused)):
            raise damaged(self.file, CHANGED)

    def find(self, key: str) -> Entry | None:
        """What is stored under a key, for whatever room it was asked."""
        row = self.row(key)
        return Entry(row.answer, row.refused) if row else None

    def look_up(self, request: Request) -> Entry | None:
        """What is stored for a request; None when it is still to be asked. An answer that the model ended is good for
        any room; what did not fit is asked again with more. An answer of doclore 0.1 is found by its key of then."""
        row = self.row(request.key())
        if row is None and self.older:
            row = self.of_older(request)
        if row is None or 0 < row.room < (request.room() or float("inf")):
            return None
        return Entry(row.answer, row.refused)

    def find_for(self, key: str, room: int) -> Entry | None:
        """What is stored under a key and is good for a room."""
        self.adopt()
        row = self.row(key)
        return Entry(row.answer, row.refused) if row and not 0 < row.room < (room or float("inf")) else None

    def of_older(self, request: Request) -> RowParts | None:
        for key in request.keys_before(self.rooms):
            row = self.row(key)
            if row:
                unfit = row.refused.startswith("truncated")
                self.adopted[key] = request.key()
                if len(self.adopted) >= ADOPT:
                    self.adopt()
                return None if unfit else row
        return None

    def adopt(self) -> None:
        """Give answers of doclore 0.1 that were found their new keys; what did not fit into its room is forgotten."""
        if not self.adopted:
            return
        with self.transaction() as connection:
            for before, key in self.adopted.items():
                row = connection.execute("SELECT answer, refused FROM responses WHERE key = ?", (before,)).fetchone()
                if row and row[1].startswith("truncated"):
                    connection.execute("DELETE FROM responses WHERE key = ?", (before,))
                elif row:
                    values = (key, ANY_ROOM, checksum(key, *row), before)
                    connection.execute(
                        "UPDATE OR REPLACE responses SET key = ?, room = ?, digest = ? WHERE key = ?", values
                    )
        self.adopted.clear()

    def get(self, key: str) -> str | None:
        """The stored answer; None when the request was never answered or was refused."""
        self.adopt()  # what was found under an older key
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
            rows = ((*response._replace(at=response.at or now), response.sum()) for response in responses)
            connection.executemany(INSERT, rows)
        self.commits += 1
        if self.commits >= CHECKPOINT_COMMITS or time.monotonic() - self.checked > CHECKPOINT_SECONDS:
            self.checked, self.commits = time.monotonic(), 0
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # a plain copy of the file is then nearly whole

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
        if not file.exists() or self.form_text(seed_of(file)) == file_sha256(file):
            return
        rows = read_jsonl(file)
        while some := list(islice(rows, SEED)):
            responses = [to_response(row, file) for row in some]
            there = self.several({response.key for response in responses})
            if lacking := [one for one in responses if one.key not in there or there[one.key].room]:
                self.put_all(lacking)
        self.note_seed(file)
        self.older = self.older or self.has_older()
        self.rooms = former_rooms() if self.older else ()

    def note_seed(self, file: Path) -> None:
        """Note that all rows of the file are in the store, so that it need not be read again as it is now."""
        self.put_text(seed_of(file), file_sha256(file))

    def rows(self, keys: Iterable[str]) -> Iterator[StoredResponse]:
        """The entries of these requests, each once, in the order of the keys. They seed a colleague's store."""
        self.adopt()
        seen: set[str] = set()
        waiting = iter(keys)
        while some := list(islice(waiting, SEED)):
            rows = self.several(set(some) - seen)
            for key in some:
                if key in rows and key not in seen:
                    seen.add(key)
                    row = rows[key]
                    yield {"key": key, "answer": row.answer, "refused": row.refused, "room": row.room}

    def usage(self, model: str, keys: Sequence[str] = ()) -> Usage:
        """What the answers of a model took so far, of these requests only if there are any; all zero when nothing is
        known. Answers out of batch files took no seconds that say anything."""
        figures = "COUNT(*), AVG(prompt_tokens), AVG(answer_tokens), AVG(NULLIF(seconds, 0))"
        query = f"SELECT {figures} FROM responses WHERE model = ? AND refused = '' AND answer_tokens > 0"
        if keys:
            query += f" AND key IN ({', '.join('?' * len(keys))})"
        (row,) = self.each(query, (model, *keys))
        return Usage(*(value or 0 for value in row))

    def form(self, endpoint: str) -> Form:
        """The form of calls that an endpoint was found to accept."""
        text = self.form_text(endpoint)
        return Form.loads(text) if text else Form()

    def put_form(self, endpoint: str, form: Form) -> None:
        self.put_text(endpoint, form.dumps())

    def form_text(self, name: str) -> str:
        """What was noted under a name in the last days; empty when nothing was."""
        query = "SELECT form FROM forms WHERE endpoint = ? AND at > ?"
        row = next(self.each(query, (name, time.time() - FORM_DAYS * 86400)), None)
        return str(row[0]) if row else ""

    def put_text(self, name: str, text: str) -> None:
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO forms VALUES (?, ?, ?)", (name, text, time.time()))


def seed_of(file: Path) -> str:
    """The name under which it is noted that a file was taken over."""
    return f"seed:{file}"
