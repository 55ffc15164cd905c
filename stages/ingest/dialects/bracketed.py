"""Tags of template languages in prose, `{{< … >}}`, `{% … %}`, `{{ … }}`: found in one pass, each given to a reader."""

import re
from collections.abc import Callable
from itertools import groupby
from typing import NamedTuple

from stages.ingest.dialects import marks
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page
from stages.ingest.dialects.prose import masked


class Bracketed(NamedTuple):
    """A tag: what opens it, what stands in it, its line, whether nothing stands before it and behind it on its line."""

    sign: str
    inner: str
    line: Line
    starts: bool
    ends: bool

    @property
    def alone(self) -> bool:
        return self.starts and self.ends


Reader = Callable[[Bracketed], str | None]


def replaced(lines: list[Line], page: Page, signs: dict[str, str], reader: Reader) -> list[Line]:
    """The lines with what a reader makes of each tag outside code; nothing: it stays. `signs`: opening -> closing."""
    if not any(sign in line.text for sign in signs for line in lines):
        return lines
    opening = re.compile("|".join(sorted(map(re.escape, signs), key=len, reverse=True)))
    code = page.code(lines)
    kept: list[Line] = []
    for is_code, run in groupby(enumerate(lines), key=lambda item: item[0] in code):
        part = [line for _, line in run]
        texts = [line.text for line in part]
        if not is_code and any(sign in text for sign in signs for text in texts):
            texts = in_prose(part, opening, signs, reader).split("\n")
        kept += [line.with_text(text) for line, text in zip(part, texts, strict=True)]
    return kept


def in_prose(part: list[Line], opening: re.Pattern[str], signs: dict[str, str], reader: Reader) -> str:
    text = "\n".join(line.text for line in part)
    hidden = masked(text)
    unclosed: set[str] = set()
    pieces: list[str] = []
    position = number = counted = 0
    while found := opening.search(hidden, position):
        start, sign = found.start(), found[0]
        end = -1 if sign in unclosed else hidden.find(signs[sign], found.end())
        if end < 0:
            unclosed.add(sign)
            pieces.append(text[position : found.end()])
            position = found.end()
            continue
        number += text.count("\n", counted, start)
        counted, behind = start, end + len(signs[sign])
        rest = text[behind : behind + 400].partition("\n")[0]
        before = text[max(text.rfind("\n", 0, start) + 1, start - 400) : start]
        before = before[len(marks.prefix(before)) :]
        tag = Bracketed(sign, text[found.end() : end], part[number], not only_text(before), not only_text(rest))
        new = reader(tag)
        if new and "\n" in new:
            new = marks.block(f"\n\n{new}\n\n") if tag.alone else " ".join(new.split())
        lost = text.count("\n", start, behind)
        pieces += [text[position:start], text[start:behind] if new is None else new + "\n" * lost]
        position = behind
    return "".join([*pieces, text[position:]])


TAG = re.compile(r"\{\{[<%#]?[^{}\n]{0,300}\}\}|\{%[^{}\n]{0,300}%\}")


def only_text(text: str) -> str:
    """What of a line is more than other tags."""
    return TAG.sub("", text).strip()
