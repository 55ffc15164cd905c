"""Headings without the names that links give them, and moved below the place where their text is used."""

import re

from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.outline import headings

DEEPEST = 6
ATX = re.compile(r"^( {0,3})#{1,6}(?=[ \t]|$)")
# Names of headings: of Docusaurus and attribute lists of MkDocs.
ANCHOR = re.compile(r"\{:?[ \t]*[#.][^{}]*\}")
NAMED = re.compile(r"[ \t]+\[#[\w-]+\]$|\[([^\[\]]+)\]\(@id [^()]*\)$")  # of Fumadocs, of Documenter.jl


def without_anchor(line: str) -> str:
    """A heading without the name that links give it, `## Title {#name}`, `## Title [#name]`, `# [Title](@id name)`."""
    if not line.startswith("#") or line.rstrip()[-1:] not in "})]":
        return line
    if named := NAMED.search(line.rstrip()):
        return line[: named.start()] + (named[1] or "")
    name = line.rfind("{")
    return line[:name].rstrip() if ANCHOR.fullmatch(line[name:].rstrip()) else line


def below(lines: list[Line], level: int) -> list[Line]:
    """The lines with all headings so much deeper that the highest is below `level`; none deeper than HTML's six."""
    found = headings(to_text(lines))
    return moved(lines, found, level + 1 - min((heading[2] for heading in found), default=DEEPEST))


def moved(lines: list[Line], found: list[tuple[int, int, int]], by: int) -> list[Line]:
    """The lines with these headings `by` levels deeper; nothing changes when that is not deeper."""
    if by <= 0:
        return lines
    lines = list(lines)
    for start, end, level in found:
        sign = "#" * min(level + by, DEEPEST)
        if ATX.match(lines[start].text):
            lines[start] = lines[start].with_text(ATX.sub(rf"\1{sign}", lines[start].text))
        else:  # underlined: only levels 1 and 2 can be
            words = " ".join(line.text.strip() for line in lines[start : end - 1])
            lines[start:end] = [lines[start].with_text(f"{sign} {words}")] + [
                line.with_text("") for line in lines[start + 1 : end]
            ]
    return lines
