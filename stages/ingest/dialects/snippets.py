"""Snippets of MkDocs (`--8<-- "file.md"`), put where they are named: whole files, lines (`file:1:3`) or sections
(`file:name`, between `--8<-- [start:name]` and `--8<-- [end:name]`). In code fences they stay as they are.
"""

import re

from stages.ingest.dialects.lines import Line

ONE = re.compile(r"""^([ \t]*)(;*)-+8<-+[ \t]+(?:"(.+)"|'(.+)')[ \t]*$""")
SEVERAL = re.compile(r"^([ \t]*)-+8<-+[ \t]*$")
SECTION = re.compile(r"-+8<-+[ \t]*\[[ \t]*(start|end)[ \t]*:[ \t]*([\w-]+)[ \t]*\]")
SIGN = "8<-"
LINES = re.compile(r"^(.*?):(-?\d*)(?::(-?\d*))?$")
NAMED = re.compile(r"^(.*?[^:/\\]):([A-Za-z_][\w-]*)$")


def named(text: str) -> tuple[str, list[str]]:
    """The indentation and the file of a line that names one snippet; nothing when it does not."""
    found = ONE.match(text)
    return (found[1], [found[3] or found[4]]) if found and not found[2] else ("", [])


def escaped(text: str) -> str:
    """A line that only shows the sign of a snippet, `;--8<-- "x"`, without its semicolon."""
    found = ONE.match(text)
    return text.replace(";", "", 1) if found and found[2] else text


def several(lines: list[Line], start: int) -> tuple[list[str], int]:
    """The files of a block of snippets that opens at a line, and the line behind the block."""
    names: list[str] = []
    for number in range(start + 1, len(lines)):
        if SEVERAL.match(lines[number].text):
            return names, number + 1
        name = lines[number].text.strip()
        if name and not name.startswith(";"):
            names.append(name)
    return [], start + 1


def parts(name: str) -> tuple[str, str, tuple[int, int] | None]:
    """A name as file, section and lines (first and last, 0: from the start, to the end)."""
    lines = LINES.match(name)
    if lines and (lines[2] or lines[3]):
        first = int(lines[2] or 1)
        return lines[1], "", (first, int(lines[3] or 0) if lines[3] is not None else 0)
    section = NAMED.match(name)
    return (section[1], section[2], None) if section else (name, "", None)


def selected(lines: list[Line], section: str, span: tuple[int, int] | None) -> list[Line] | None:
    """What a snippet takes of a file, without the signs of sections; nothing when it has no such section."""
    if span:
        lines = lines[max(span[0] - 1, 0) : span[1] or None]
    if section:
        marks = [(number, found) for number, line in enumerate(lines) if (found := SECTION.search(line.text))]
        starts = [number for number, found in marks if found[1] == "start" and found[2] == section]
        if not starts:
            return None
        ends = [n for n, found in marks if found[1] == "end" and found[2] == section and n > starts[0]]
        lines = lines[starts[0] + 1 : ends[0] if ends else None]
    return without_sections(lines)


def without_sections(lines: list[Line]) -> list[Line]:
    """The lines, those emptied that only mark where a section starts or ends."""
    return [line.with_text("") if SIGN in line.text and SECTION.search(line.text) else line for line in lines]
