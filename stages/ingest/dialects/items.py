"""Steps, cards and parameters of components as items of lists, with what stands between their tags below them."""

import re

from stages.ingest.dialects import marks
from stages.ingest.dialects.lines import Line, dedent

MAX_DEPTH = 8  # of items in items; what is nested deeper is indented no further
STARTS_BLOCK = re.compile(r"[ \t]*(?:[-*+>|#`~:=]|\d+[.)][ \t]|\ufdd0|$)")
SENTENCE_END = (".", "!", "?", ":", "。", "！", "？", "：")


def as_lists(lines: list[Line]) -> list[Line]:
    """The lines with the marks of items replaced. Each mark stands on a line of its own."""
    found = [marks.read(line.text) for line in lines]
    ends = item_ends(found)
    if not any(mark and mark.kind in (marks.ITEM, marks.ITEM_END) for mark in found):
        return lines
    lines = list(lines)
    for first, last in shallow(ends):
        lines[first + 1 : last] = dedent(lines[first + 1 : last])
    written: list[Line] = []
    around: list[tuple[int, str]] = []  # where the item ends, what its lines begin with
    joined = -1
    for number, line in enumerate(lines):
        while around and around[-1][0] <= number:
            around.pop()
        mark, rest = found[number], around[-1][1] if around else ""
        if mark is not None and mark.kind == marks.ITEM:
            start = marks.prefix(line.text)
            sign = mark.payload.split(" ", 1)[0]
            joined = first_line(lines, number, ends.get(number, number), mark.payload)
            bare = mark.payload in ("-", sign)
            more = f"{' ' if bare else ': '}{lines[joined].text.strip()}" if joined > 0 else ""
            written += apart(written, line, rest, start)
            written.append(line.with_text(f"{rest}{start}{mark.payload}{more}"))
            if number in ends and len(around) < MAX_DEPTH:
                inner = marks.continued(rest + start) + " " * (len(sign) + 1)
                around.append((ends[number], inner))
                if joined < 0 and number + 1 < len(lines) and lines[number + 1].text.strip():
                    written.append(line.with_text(""))
        elif number <= joined:  # stands behind the head, and so do the blank lines before it
            continue
        elif mark is not None and mark.kind == marks.ITEM_END:
            written.append(line.with_text(marks.continued(rest + marks.prefix(line.text)).rstrip()))
        else:
            written.append(line.with_text(rest + line.text if line.text.strip() else line.text))
    return written


def apart(written: list[Line], line: Line, rest: str, start: str) -> list[Line]:
    """A blank line before an item that would else go on with a paragraph."""
    blank = not written or not written[-1].text.strip(" >\t")
    return [] if blank or start.strip() else [line.with_text(rest.rstrip())]


def item_ends(found: list[marks.Mark | None]) -> dict[int, int]:
    """The line that closes each item; one that is never closed has nothing in it."""
    ends: dict[int, int] = {}
    waiting: list[int] = []
    for number, mark in enumerate(found):
        if mark is not None and mark.kind == marks.ITEM:
            waiting.append(number)
        elif mark is not None and mark.kind == marks.ITEM_END and waiting:
            ends[waiting.pop()] = number
    return ends


def shallow(ends: dict[int, int]) -> list[tuple[int, int]]:
    """Items and their ends, the outermost first, but those nested deeper than MAX_DEPTH."""
    kept: list[tuple[int, int]] = []
    around: list[int] = []
    for start in sorted(ends):
        while around and around[-1] <= start:
            around.pop()
        if len(around) < MAX_DEPTH:
            kept.append((start, ends[start]))
        around.append(ends[start])
    return kept


def first_line(lines: list[Line], start: int, end: int, head: str) -> int:
    """The first line of words in an item, when it can follow the head on its line, else -1."""
    filled = next((number for number in range(start + 1, min(end, start + 12)) if lines[number].text.strip()), -1)
    if filled < 0 or marks.OPENING in lines[filled].text or (" " in head and head.rstrip("*").endswith(SENTENCE_END)):
        return -1
    return filled if " " not in head or not STARTS_BLOCK.match(lines[filled].text) else -1
