"""Admonitions as quotes that begin with a bold label: one block that a chunk keeps whole.

`:::tip Title` … `:::` of Docusaurus, `::: warning` of VitePress, `::: {.callout-tip}` of Quarto, and callouts of GitHub
and Obsidian, `> [!NOTE]` and `> [!tip]- Title`, become

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
from stages.ingest.dialects.outline import sketch
from stages.ingest.dialects.page import Page

OPENING = re.compile(r"[ \t]*(:{3,})[ \t]*(?:([^\W\d_][\w-]*)(?=[\s\[{]|$)|(?=\{[.#a-z]))")
CLOSING = re.compile(r"[ \t]*(:{3,})[ \t]*$")
TITLE_ATTRIBUTE = re.compile(r"""\b(?:title|summary)=(?:"([^"]*)"|'([^']*)')""")
CLASS = re.compile(r"\.(?:callout-)?([A-Za-z][\w-]*)")
ALERT = re.compile(r"([ \t]*>[ \t>]*)\[!([A-Za-z][\w-]*)(?:\|[^\]\n]*)?\][+-]?(?:[ \t]+(\S.*))?$")
# Containers that name no kind of note: their title alone is their label, and without one they are no quote.
PLAIN = frozenset(("details", "dropdown", "collapse", "expand", "expandable", "admonition", "custom", "seealso"))
KINDS = (
    "note tip info warning danger caution important success check question failure bug example quote abstract summary "
    "tldr todo hint attention error faq help missing fail cite seealso done warn notice question deprecated "
    "versionadded versionchanged 注意 警告 提示 说明 信息 重要 危险 备注"
)
KNOWN = PLAIN | frozenset(KINDS.split())
UNSEEN = frozenset(("v-pre", "raw", "no-spa", "div", "container", "column", "columns", "code-group", "grid", "panel"))
SINCE = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}
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
    if title and kind.lower() in PLAIN:
        return f"**{title}**"
    if title and kind.lower() in SINCE:
        return f"**{SINCE[kind.lower()]} {title}**"
    name = kind[:1].upper() + kind[1:].lower()
    return f"**{name}: {title}**" if title and title.lower() != kind.lower() else f"**{name}**"


def quoted(lines: list[Line], start: str = "") -> list[Line]:
    """The lines as a quote, with `start` before its sign."""
    return [line.with_text(f"{start}> {line.text}" if line.text.strip() else f"{start}>") for line in lines]


class Directive(NamedTuple):
    colons: int
    kind: str
    title: str


def opening(text: str) -> Directive | None:
    """What a line opens: `:::tip[Title]{.class}`, `:::tip{title="Title"}`, `::: tip Title`, `::: {.callout-tip}`."""
    found = OPENING.match(text)
    if found is None:
        return None
    rest = text[found.end() :].strip()
    start = rest.rfind("{") if rest.endswith("}") else len(rest)
    words, given = rest[: max(start, 0)].rstrip(), rest[max(start, 0) :]
    named, titled = CLASS.search(given), TITLE_ATTRIBUTE.search(given)
    kind = (found[2] or "").removeprefix("callout-") or (named[1] if named and named[1].lower() in KNOWN else "div")
    if words.startswith("[") and words.endswith("]"):
        words = words[1:-1]
    title = (titled[1] or titled[2] or "") if titled else words.strip('"')
    return Directive(len(found[1]), kind, title)


def as_quotes(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their admonitions as quotes."""
    text = to_text(lines)
    if "[!" in text:
        lines = list(with_callouts(lines, page.code(lines)))
        text = to_text(lines)
    if ":::" not in text:
        return lines
    found = sketch(text, page.indented_code)
    openings, closed = pairs(lines, found.code)
    for number, opened in openings.items():
        if opened.kind.lower() not in (*KNOWN, *UNSEEN):
            page.unread(lines[number], "directive", f":::{opened.kind}")
    lines = without_containers(lines, openings, closed)
    stops = sorted({*openings, *(start for start, _, _ in found.headings), *tab_marks(lines)})
    return list(written(lines, openings, closed, stops)) if openings else lines


def without_containers(lines: list[Line], openings: dict[int, Directive], closed: dict[int, int]) -> list[Line]:
    """The lines without the directives that only lay out what stands in them, as unknown ones do that have the name of
    a style such as `image-box`; a title of theirs is a bold paragraph."""
    lines = list(lines)
    for number, opened in list(openings.items()):
        if opened.kind.lower() in UNSEEN or ("-" in opened.kind and opened.kind.lower() not in KNOWN):
            del openings[number]
            white = indent(lines[number].text)
            lines[number] = lines[number].with_text(f"{white}**{opened.title}**" if opened.title else "")
            if number in closed:
                end = closed.pop(number)
                lines[end] = lines[end].with_text("")
    return lines


def with_callouts(lines: list[Line], code: set[int]) -> Iterator[Line]:
    """The first lines of callouts as labels; what stands right below a titled one is a paragraph of its own."""
    for number, line in enumerate(lines):
        found = ALERT.match(line.text.rstrip()) if "[!" in line.text and number not in code else None
        if found is None:
            yield line
            continue
        yield line.with_text(f"{found[1]}{label(found[2], found[3] or '')}")
        following = lines[number + 1].text if number + 1 < len(lines) else ""
        if found[3] and following.lstrip().startswith(">") and following.strip("> \t"):
            yield line.with_text(found[1].rstrip())


def pairs(lines: list[Line], code: set[int]) -> tuple[dict[int, Directive], dict[int, int]]:
    """The lines that open an admonition, and the line that closes it for those that are closed.

    A line of colons closes the innermost admonition with as many colons, else the innermost with fewer.
    """
    openings: dict[int, Directive] = {}
    closed: dict[int, int] = {}
    waiting: list[tuple[int, int]] = []  # line, number of colons
    for number, line in enumerate(lines):
        if ":::" not in line.text or number in code:
            continue
        opened, closing = opening(line.text), CLOSING.match(line.text.rstrip())
        if opened:
            openings[number] = opened
            waiting.append((number, opened.colons))
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


def written(
    lines: list[Line], openings: dict[int, Directive], closed: dict[int, int], stops: list[int]
) -> Iterator[Line]:
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
        opened = openings.get(number)
        if opened is None:
            before = prefixed(line.text, active)
            yield line.with_text(before)
            continue
        stop = bisect_right(stops, number)
        end = closed.get(number, stops[stop] if stop < len(stops) else len(lines))
        active.append(Open(min(end, active[-1].end if active else end), number in closed, indent(line.text)))
        yield line.with_text(quote_prefix(active) + label(opened.kind, opened.title))
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
