"""Python-Markdown syntax of MkDocs as CommonMark: admonitions (`!!! note "Title"`, `??? note`) as quotes that begin
with a bold label, content tabs (`=== "Title"`) as marks for `tabs`. What they hold is indented by four and moves out.
"""

import re

from stages.ingest.dialects import marks
from stages.ingest.dialects.admonitions import label, quoted
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.outline import code_lines

ADMONITION = re.compile(
    r"""^([ \t]*)(?:!!!|\?\?\?\+?)[ \t]+([A-Za-z][\w-]*)((?:[ \t]+[\w-]+)*)(?:[ \t]+"(.*)")?[ \t]*$"""
)
TAB = re.compile(r"""^([ \t]*)===[!+]?[ \t]+(?:"(.*)"|'(.*)')[ \t]*$""")
SIGN = re.compile(r"^[ \t]*(?:!!!|\?\?\?|===)", re.MULTILINE)
STEP = 4
MAX_DEPTH = 12  # what is nested deeper stays as it is


def as_commonmark(lines: list[Line], indented_code: bool, depth: int = 0) -> list[Line]:
    """The lines with the admonitions and tabs of MkDocs resolved, those in them too."""
    text = to_text(lines)
    if depth > MAX_DEPTH or not SIGN.search(text):
        return lines
    code = code_lines(text, indented_code)
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        admonition = ADMONITION.match(line.text) if number not in code else None
        tab = TAB.match(line.text) if number not in code else None
        if admonition is None and tab is None:
            kept.append(line)
            number += 1
            continue
        start = (admonition or tab)[1]  # type: ignore[index]
        end = body_end(lines, number + 1, len(start.expandtabs(STEP)))
        body = as_commonmark(moved_out(lines[number + 1 : end], len(start.expandtabs(STEP))), indented_code, depth + 1)
        if admonition:
            kept += block(line, admonition, body, before=kept[-1].text if kept else "")
        elif tab:
            kept += tab_lines(line, start, tab[2] or tab[3] or "", body)
        number = end
    return kept


def body_end(lines: list[Line], first: int, start: int) -> int:
    """Behind the last line that is indented by four more than a block that starts at column `start`."""
    end = first
    for number in range(first, len(lines)):
        text = lines[number].text.expandtabs(STEP)
        if text.strip():
            if len(text) - len(text.lstrip()) < start + STEP:
                break
            end = number + 1
    return end


def moved_out(lines: list[Line], start: int) -> list[Line]:
    """The lines without the indentation of the block that they belong to."""
    moved = []
    for line in lines:
        white = line.text[: len(line.text) - len(line.text.lstrip())].expandtabs(STEP)
        moved.append(line.with_text((white[start + STEP :] + line.text.lstrip()) if line.text.strip() else ""))
    return moved


def block(line: Line, found: re.Match[str], body: list[Line], before: str) -> list[Line]:
    """An admonition as a quote."""
    start, title = found[1], found[4] or ""
    head = [line.with_text("")] if before.strip() else []
    head.append(line.with_text(f"{start}> {label(found[2], title)}"))
    if body and body[0].text.strip():
        head.append(line.with_text(f"{start}>"))
    return [*head, *quoted(body, start), (body or [line])[-1].with_text("")]


def tab_lines(line: Line, start: str, title: str, body: list[Line]) -> list[Line]:
    """One tab between marks, in a group of its own."""
    opening = [line.with_text(start + marks.mark(marks.TABS)), line.with_text(start + marks.mark(marks.TAB, title))]
    last = (body or [line])[-1]
    closing = [last.with_text(start + marks.mark(marks.TAB_END)), last.with_text(start + marks.mark(marks.TABS_END))]
    return [*opening, *(inner.with_text(start + inner.text if inner.text.strip() else "") for inner in body), *closing]
