"""Lines of a page with their origins: what the dialects work on, so that lineage survives every insertion."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from stages.common.records.rows import Origin

INDENT = re.compile(r"[ \t]*")


class Line(NamedTuple):
    text: str
    origin: Origin

    def with_text(self, text: str) -> "Line":
        """Another text with the same origin: a changed line, or one that this line causes."""
        return self if text == self.text else Line(text, self.origin)


def to_lines(text: str, path: str) -> list[Line]:
    """The lines of a file."""
    return [Line(line, Origin(path, number, number)) for number, line in enumerate(text.split("\n"), 1)]


def to_text(lines: Iterable[Line]) -> str:
    return "\n".join(line.text for line in lines)


def with_texts(lines: list[Line], text: str) -> list[Line]:
    """The lines with the lines of a text that has as many."""
    return [line.with_text(changed) for line, changed in zip(lines, text.split("\n"), strict=True)]


def indent(text: str) -> str:
    """The white space before a line's text."""
    return INDENT.match(text)[0]  # type: ignore[index]


def dedent(lines: list[Line]) -> list[Line]:
    """The lines without the white space that all of them begin with."""
    indents = [indent(line.text) for line in lines if line.text.strip()]
    common = min(indents, key=len, default="")
    if not common or not all(found.startswith(common) for found in indents):
        return lines
    return [line.with_text(line.text[len(common) :] if line.text.strip() else "") for line in lines]
