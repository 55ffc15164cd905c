"""The readable rows of a damaged response store.

SQLite gives up a whole table when one of its inner pages is damaged. Rows lie in leaf pages, each of which tells by
itself where they are, so all pages are read one by one (https://www.sqlite.org/fileformat2.html), those of the
write-ahead log in place of the older ones in the file. A row counts when its digest does.
"""

import json
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from stages.common.llm.database import UNKNOWN_ROOM
from stages.common.llm.entries import Response, checksum

LEAF = 0x0D  # of a table
HEADER = 100  # bytes before the first page's own header
WAL_HEADER, FRAME_HEADER = 32, 24
FEWEST, MOST = 8, 10  # columns of a row, in the first and the present version
KEY_LENGTH = 64
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial types and bytes


class Pages:
    """The pages of a database and of the write-ahead log beside it, by number from 1; each is read when it is due."""

    def __init__(self, file: Path, files: ExitStack) -> None:
        self.data = files.enter_context(file.open("rb")).fileno()
        self.bytes = file.stat().st_size
        head = os.pread(self.data, HEADER, 0)
        size = int.from_bytes(head[16:18])
        self.size = 65536 if size == 1 else size if size >= 512 and size & (size - 1) == 0 else 4096
        self.usable = self.size - (head[20] if len(head) > 20 and head[20] < 64 else 0)
        wal = file.with_name(f"{file.name}-wal")
        self.log = files.enter_context(wal.open("rb")).fileno() if wal.exists() else -1
        self.newer = dict(self.frames(wal.stat().st_size)) if wal.exists() else {}

    def frames(self, length: int) -> Iterator[tuple[int, int]]:
        """Where the pages in the log begin; later ones replace earlier ones. Frames of an older round have another
        salt."""
        salt = os.pread(self.log, 8, 16)
        for start in range(WAL_HEADER, length - FRAME_HEADER - self.size + 1, FRAME_HEADER + self.size):
            head = os.pread(self.log, FRAME_HEADER, start)
            if head[8:16] == salt:
                yield int.from_bytes(head[:4]), start + FRAME_HEADER

    def __getitem__(self, number: int) -> bytes:
        if number in self.newer:
            return os.pread(self.log, self.size, self.newer[number])
        return os.pread(self.data, self.size, max(number - 1, 0) * self.size)

    def numbers(self) -> range:
        return range(1, max(-(-self.bytes // self.size), *self.newer, 0) + 1)


def rows(file: Path) -> Iterator[Response]:
    """The whole rows of a store, as far as they are readable."""
    with ExitStack() as files:
        pages = Pages(file, files)
        for number in pages.numbers():
            page = pages[number]
            head = HEADER if number == 1 else 0
            if len(page) < head + 8 or page[head] != LEAF:
                continue
            for cell in range(int.from_bytes(page[head + 3 : head + 5])):
                place = head + 8 + 2 * cell
                with suppress(IndexError, ValueError, struct.error, UnicodeDecodeError):
                    row = to_response(record(payload(pages, page, int.from_bytes(page[place : place + 2]))))
                    if row:
                        yield row


def payload(pages: Pages, page: bytes, start: int) -> bytes:
    """The bytes of a cell, those on its overflow pages included."""
    size, start = varint(page, start)
    _, start = varint(page, start)  # the row's number
    most = pages.usable - 35
    local = size
    if size > most:
        least = (pages.usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (pages.usable - 4)
        local = local if local <= most else least
    parts = [page[start : start + local]]
    following = int.from_bytes(page[start + local : start + local + 4]) if size > local else 0
    while following and local < size:
        overflow = pages[following]
        parts.append(overflow[4 : min(pages.usable, 4 + size - local)])
        following, local = int.from_bytes(overflow[:4]), local + len(parts[-1])
        if not parts[-1]:
            break
    content = b"".join(parts)
    if len(content) != size:
        raise ValueError("an overflow page is missing")
    return content


def record(data: bytes) -> list[Any]:
    """The columns of a record."""
    end, place = varint(data, 0)
    types = []
    while place < end:
        kind, place = varint(data, place)
        types.append(kind)
    if not FEWEST <= len(types) <= MOST:
        raise ValueError("another table's row")
    values: list[Any] = []
    for kind in types:
        size = INTEGERS.get(kind, 8 if kind == 7 else (kind - 12) // 2 if kind >= 12 else 0)
        piece = data[place : place + size]
        if len(piece) != size:
            raise ValueError("the record is cut")
        place += size
        if kind == 7:
            values.append(struct.unpack(">d", piece)[0])
        elif kind >= 12:
            values.append(piece.decode() if kind % 2 else piece)
        else:
            values.append(int.from_bytes(piece, signed=True) if size else {0: None, 9: 1}.get(kind, 0))
    return values


def to_response(values: list[Any]) -> Response | None:
    """A row of the store, if these are one: its digest holds, or, where it has none, its answer is JSON."""
    *fields, room, digest = [*values, UNKNOWN_ROOM, ""][:MOST] if len(values) == FEWEST else values
    if len(fields) != FEWEST or not all(isinstance(text, str) for text in fields[:4]):
        return None
    if not all(isinstance(number, int | float) for number in (*fields[4:], room)):
        return None
    key, answer, refused = fields[:3]
    if digest:
        return Response._make([*fields, room]) if digest == checksum(key, answer, refused) else None
    if len(key) != KEY_LENGTH or bool(answer) == bool(refused):
        return None
    json.loads(answer or "0")  # raises ValueError
    return Response._make([*fields, room])


def varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for count in range(9):
        byte = data[place + count]
        if count == 8:
            return value << 8 | byte, place + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + count + 1
    raise ValueError("no number")
