"""Admonitions as quotes that begin with a bold label: one block that a chunk keeps whole.

`:::tip Title` … `:::` of Docusaurus, `::: warning` of VitePress and GitHub's `> [!NOTE]` become

    > **Tip: Title**
    >
    > What it says.

An admonition that is never closed ends before the next heading, the next admonition or the end of a tab.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from stages.ingest.dialects import marks
from stages.ingest.dialects.lines import Line, indent, to_text
from stages.ingest.dialects.outline import code_lines, outline

OPENING = re.compile(r"^[ \t]*(:{3,})[ \t]*([A-Za-z][\w-]*)[ \t]*(.*?)[ \t]*$")
CLOSING = re.compile(r"^[ \t]*(:{3,})[ \t]*$")
TITLE = re.compile(r"^\[(.*)\][ \t]*(?:\{[^{}]*\})?$")
ATTRIBUTES = re.compile(r"^(.*?)[ \t]*\{([^{}]*)\}$")
TITLE_ATTRIBUTE = re.compile(r"""\btitle=["']([^"']*)["']""")
ALERT = re.compile(r"^([ \t]*>[ \t>]*)\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*$", re.MULTILINE)
MAX_DEPTH = 8  # of quotes in quotes
MAX_WAITING = 64  # openings looked through for the one that a line of colons closes


class Open(NamedTuple):
    """An admonition that the current line stands in: the line that ends it, whether that closes it, its indentation."""

    end: int
    closed: bool
    indent: str


def label(kind: str, title: str) -> str:
    """`**Tip: Title**`; bold words of the title lose their signs, which cannot be nested."""
    title = title.replace("**", "").replace("__", "").strip()
    return f"**{kind.capitalize()}: {title}**" if title else f"**{kind.capitalize()}**"


def quoted(lines: list[Line], start: str = "") -> list[Line]:
    """The lines as a quote, with `start` before its sign."""
    return [line.with_text(f"{start}> {line.text}" if line.text.strip() else f"{start}>") for line in lines]


def title_of(rest: str) -> str:
    """The title behind `:::tip`: `[Title]{.class}`, `{title="Title"}` or plain words."""
    bracketed = TITLE.match(rest)
    if bracketed:
        return bracketed[1]
    attributes = ATTRIBUTES.match(rest)
    if attributes:
        found = TITLE_ATTRIBUTE.search(attributes[2])
        return found[1] if found else attributes[1]
    return rest


def as_quotes(lines: list[Line], indented_code: bool) -> list[Line]:
    """The lines with their admonitions as quotes."""
    text = to_text(lines)
    if "[!" in text:
        text = ALERT.sub(lambda found: f"{found[1]}**{found[2].capitalize()}**", text)
        code = code_lines(text, indented_code)
        lines = [
            line if number in code else line.with_text(changed)
            for number, (line, changed) in enumerate(zip(lines, text.split("\n"), strict=True))
        ]
    if ":::" not in text:
        return lines
    found = outline(text, indented_code)
    openings, closed = pairs(lines, found.code)
    stops = sorted({*openings, *(start for start, _, _ in found.headings), *tab_marks(lines)})
    return list(written(lines, set(openings), closed, stops)) if openings else lines


def pairs(lines: list[Line], code: set[int]) -> tuple[list[int], dict[int, int]]:
    """The lines that open an admonition, and the line that closes it for those that are closed.

    A line of colons closes the innermost admonition with as many colons, else the innermost with fewer.
    """
    openings: list[int] = []
    closed: dict[int, int] = {}
    waiting: list[tuple[int, int]] = []  # line, number of colons
    for number, line in enumerate(lines):
        if ":::" not in line.text or number in code:
            continue
        opening, closing = OPENING.match(line.text), CLOSING.match(line.text)
        if opening:
            openings.append(number)
            waiting.append((number, len(opening[1])))
        elif closing:
            near = range(len(waiting) - 1, max(len(waiting) - MAX_WAITING, 0) - 1, -1)
            exact = next((n for n in near if waiting[n][1] == len(closing[1])), None)
            index = exact if exact is not None else next((n for n in near if waiting[n][1] < len(closing[1])), None)
            if index is not None:
                closed[waiting[index][0]] = number
                del waiting[index:]
    return openings, closed


def tab_marks(lines: list[Line]) -> list[int]:
    return [number for number, line in enumerate(lines) if marks.OPENING in line.text]


def written(lines: list[Line], openings: set[int], closed: dict[int, int], stops: list[int]) -> Iterator[Line]:
    """The lines with labels for openings, signs of quotes before what stands in them, blank lines for closings."""
    active: list[Open] = []
    before = ""
    for number, line in enumerate(lines):
        ended = ends_here(active, number)
        if ended or (number in openings and before.lstrip().startswith(">")):
            before = quote_prefix(active).rstrip()
            yield line.with_text(before)
        if ended and ended[-1].closed:
            continue
        opening = OPENING.match(line.text) if number in openings else None
        if opening is None:
            before = prefixed(line.text, active)
            yield line.with_text(before)
            continue
        stop = bisect_right(stops, number)
        end = closed.get(number, stops[stop] if stop < len(stops) else len(lines))
        active.append(Open(min([end, *(around.end for around in active)]), number in closed, indent(line.text)))
        yield line.with_text(quote_prefix(active) + label(opening[2], title_of(opening[3])))
        before = quote_prefix(active).rstrip()
        if number + 1 < active[-1].end and lines[number + 1].text.strip():
            yield line.with_text(before)


def ends_here(active: list[Open], number: int) -> list[Open]:
    """The admonitions that end with this line, which no longer are active."""
    ended = []
    while active and active[-1].end <= number:
        ended.append(active.pop())
    return ended


def quote_prefix(active: list[Open]) -> str:
    return active[0].indent + "> " * min(len(active), MAX_DEPTH) if active else ""


def prefixed(text: str, active: list[Open]) -> str:
    """A line as it stands in the quotes around it, without the indentation that it shares with their opening."""
    if not active:
        return text
    shared = len(active[-1].indent)
    return (
        (quote_prefix(active) + indent(text)[shared:] + text.lstrip(" \t")).rstrip()
        if text.strip()
        else (quote_prefix(active).rstrip())
    )
