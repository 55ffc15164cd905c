"""The file of the store as a database: its tables, how it is brought up to date, and what its errors say."""

import re
import sqlite3
import time
from pathlib import Path

from stages.common.base import paths
from stages.common.base.errors import UserError

BUSY_SECONDS = 60.0
APPLICATION = 0x646F636C  # PRAGMA application_id: "docl"
VERSION = 2  # PRAGMA user_version; 0 had no refusals, 1 no room and no digest
ANY_ROOM, UNKNOWN_ROOM = 0, -1
CHANGED = "a row is not what was written"  # as damage is told

TABLES = """
CREATE TABLE responses (
    key TEXT PRIMARY KEY,
    answer TEXT NOT NULL,  -- JSON; empty when the request was refused for good
    refused TEXT NOT NULL,  -- why there will never be an answer; empty when there is one
    model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL,  -- of all tries
    answer_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,  -- from the first try to the answer
    at REAL NOT NULL,  -- seconds since 1970
    room INTEGER NOT NULL,  -- 0: the model ended the answer; above: tokens in which it did not fit; -1: not known
    digest TEXT NOT NULL  -- of key, answer and refused; empty in rows of an older version
);
CREATE TABLE forms (endpoint TEXT PRIMARY KEY, form TEXT NOT NULL, at REAL NOT NULL);
"""

COLUMNS = "(key, answer, refused, model, prompt_tokens, answer_tokens, seconds, at, room, digest)"
# The first answer for a key stays, unless it did not fit into its room and this one had more.
INSERT = f"""
INSERT INTO responses {COLUMNS} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET answer = excluded.answer, refused = excluded.refused, model = excluded.model,
    prompt_tokens = excluded.prompt_tokens, answer_tokens = excluded.answer_tokens, seconds = excluded.seconds,
    at = excluded.at, room = excluded.room, digest = excluded.digest
WHERE responses.room > 0 AND (excluded.room = 0 OR excluded.room > responses.room)
"""

# Rooms that answers of doclore 0.1 may have been asked with, besides those in params.yaml and dvc.lock.
FORMER_ROOMS = (2048, 1024, 4096, 8192, 512, 1536, 3072, 6144, 12288, 16384, 32768)


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
        raise UserError(f"{file} is another program's database; move it away, doclore creates its own")
    if pragma(connection, "user_version") > VERSION:
        raise UserError(f"{file} was written by a newer doclore; update yours")


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date."""
    if pragma(connection, "user_version") == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if pragma(connection, "user_version") < VERSION:  # no other process was faster
        older = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'responses'").fetchone()
        if older and pragma(connection, "user_version") == 0:
            columns = ("refused", "model"), ("prompt_tokens", "answer_tokens", "seconds")
            for name in columns[0]:
                connection.execute(f"ALTER TABLE responses ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
            for name in columns[1]:
                connection.execute(f"ALTER TABLE responses ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0")
        connection.execute("DROP TABLE IF EXISTS forms")  # what it holds is found again
        for statement in TABLES.strip().split(";\n")[1 if older else 0 :]:
            connection.execute(statement)
        if older:
            connection.execute(f"ALTER TABLE responses ADD COLUMN room INTEGER NOT NULL DEFAULT {UNKNOWN_ROOM}")
            connection.execute("ALTER TABLE responses ADD COLUMN digest TEXT NOT NULL DEFAULT ''")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # so that a plain copy of the file has the tables


def pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def unusable(file: Path, error: sqlite3.Error) -> UserError:
    """An error of SQLite as a line for the user."""
    if "Could not decode" in str(error):
        return damaged(file, CHANGED)
    if isinstance(error, sqlite3.OperationalError):  # a full disk, no right to write, a lock that is never given back
        refused = "readonly" in str(error) or "unable to open" in str(error)
        hint = f"; make it and {file.parent}/ writable" if refused else ""
        return UserError(f"{file}: {error}; the answers stored so far are safe{hint}")
    return damaged(file, str(error))


def damaged(file: Path, problem: str) -> UserError:
    return UserError(f"{file} is damaged ({problem}); type `doclore store repair`, which keeps every readable answer")


def former_rooms() -> tuple[int, ...]:
    """Rooms that answers of doclore 0.1 may have been asked with: those that DVC knows of, and usual ones."""
    texts = [file.read_text(encoding="utf-8") for file in (paths.LOCK, paths.PARAMS) if file.exists()]
    known = [int(text) for text in re.findall(r"max_tokens: (\d+)", "\n".join(texts))]
    return (*dict.fromkeys(known), *FORMER_ROOMS)
