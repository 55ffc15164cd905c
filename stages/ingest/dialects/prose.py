"""Text outside code: patterns looked for in it with the code spans masked, line for line."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable
from itertools import groupby

from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page

TICKS = re.compile(r"`+")
PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
MASKED = "\ufdd3"  # a noncharacter in place of each character of a code span
NOT_LINE_END = re.compile(r"[^\n]")


class CodeSpans:
    """Where the backticks of a text are, to find the end of a code span without reading on for each of them."""

    def __init__(self, text: str) -> None:
        self.runs: dict[int, list[int]] = defaultdict(list)
        for run in TICKS.finditer(text):
            self.runs[len(run[0])].append(run.start())
        self.breaks = [match.start() for match in PARAGRAPH_END.finditer(text)]

    def end(self, start: int, length: int) -> int:
        """Behind the run that closes the one at `start`, in the same paragraph; else behind that one itself."""
        runs = self.runs[length]
        after = bisect_right(runs, start)
        paragraph = bisect_left(self.breaks, start)
        closed = after < len(runs) and (paragraph == len(self.breaks) or runs[after] < self.breaks[paragraph])
        return (runs[after] if closed else start) + length


def masked(text: str) -> str:
    """The text with as many characters, those of code spans and of escapes made unreadable."""
    if "`" not in text:
        return text
    spans = CodeSpans(text)
    pieces: list[str] = []
    position = 0
    while tick := TICKS.search(text, position):
        end = spans.end(tick.start(), len(tick[0]))
        pieces += [text[position : tick.start()], NOT_LINE_END.sub(MASKED, text[tick.start() : end])]
        position = end
    return "".join([*pieces, text[position:]])


Group = Callable[[int], str]
Replace = Callable[[re.Match[str], Group], str | None]


def substituted(text: str, pattern: re.Pattern[str], replace: Replace) -> str:
    """The text with what `replace` makes of each match outside code spans; nothing: it stays. Line ends are kept.

    The match is one of the masked text; the second argument gives the real text of its groups.
    """
    hidden = masked(text)
    pieces: list[str] = []
    position = 0
    for match in pattern.finditer(hidden):
        start, end = match.span()
        new = replace(match, lambda group, match=match: text[slice(*match.span(group))] if match[group] else "")  # type: ignore[misc]
        if new is None:
            continue
        lost = hidden.count("\n", start, end) - new.count("\n")
        pieces += [text[position:start], new, "\n" * lost]
        position = end
    return "".join([*pieces, text[position:]]) if position else text


def sub(lines: list[Line], page: Page, sign: str, pattern: re.Pattern[str], replace: Replace) -> list[Line]:
    """The lines with a pattern replaced in their prose; `sign` is what every match holds."""
    if not any(sign in line.text for line in lines):
        return lines
    if "ufdd3" not in pattern.pattern and not pattern.search("\n".join(line.text for line in lines)):
        return lines  # before the page is parsed for its code
    code = page.code(lines)
    kept: list[Line] = []
    for is_code, run in groupby(enumerate(lines), key=lambda item: item[0] in code):
        part = [line for _, line in run]
        if is_code or not any(sign in line.text for line in part):
            kept += part
            continue
        changed = substituted("\n".join(line.text for line in part), pattern, replace).split("\n")
        kept += [line.with_text(text) for line, text in zip(part, changed, strict=True)]
    return kept
