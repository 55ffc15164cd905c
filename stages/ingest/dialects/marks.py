"""Marks that stand in a page for what is resolved later: tabs, items, notes and the components of imported files.

They are written with noncharacters of Unicode, which no text may hold; `without_marks` takes those out of what is read.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from stages.ingest.dialects.lines import Line

OPENING, CLOSING = "\ufdd0", "\ufdd1"
BREAK = "\ufdd2"  # a line end within a payload
MARK = re.compile(f"{OPENING}([TtIiCNnSsP])([^{CLOSING}\n]*){CLOSING}")
TABS, TABS_END, TAB, TAB_END, COMPONENT = "TtIiC"
NOTE, NOTE_END, ITEM, ITEM_END, BLOCK = "NnSsP"  # a directive, an item of a list, lines of their own
PREFIX = re.compile(r"[ \t]*(?:>[ \t]?)*(?:(?:[-*+]|\d+[.)])[ \t]+)*")


ALONE = re.compile(f"({OPENING}[^C{OPENING}][^{CLOSING}\n]*{CLOSING})")


class Mark(NamedTuple):
    kind: str
    payload: str


def mark(kind: str, payload: str = "") -> str:
    return f"{OPENING}{kind}{' '.join(payload.split())}{CLOSING}"


def block(text: str) -> str:
    """A mark for lines of their own in the middle of a line."""
    return f"{OPENING}{BLOCK}{text.strip(chr(10)).replace(chr(10), BREAK)}{CLOSING}"


def without_marks(text: str) -> str:
    for sign in (OPENING, CLOSING, BREAK):
        text = text.replace(sign, "") if sign in text else text
    return text


def read(text: str) -> Mark | None:
    """The mark that is all that stands on a line, behind the signs of lists and quotes."""
    if OPENING not in text:
        return None
    match = MARK.fullmatch(text[len(prefix(text)) :].rstrip())
    return Mark(match[1], match[2]) if match else None


def prefix(text: str) -> str:
    """The white space and the signs of lists and quotes that a line begins with."""
    return PREFIX.match(text)[0]  # type: ignore[index]


def continued(start: str) -> str:
    """What a line begins with that goes on below one that begins with `start`: list signs become spaces."""
    return re.sub(r"[^> \t]", " ", start)


def isolated(lines: list[Line]) -> Iterator[Line]:
    """The lines, with each mark of a tab, an item, a note or a block alone on its own."""
    for line in lines:
        if OPENING not in line.text or (read(line.text) and line.text.count(OPENING) == 1):
            yield line
            continue
        start = prefix(line.text)
        parts = ALONE.split(line.text[len(start) :])
        first = True
        for part in parts:
            if part.strip():
                yield line.with_text((start if first else continued(start)) + part.strip(" "))
                first = False
        if first:
            yield line.with_text(start)
