"""What the flavours leave to be written for all of them: marks as lines, groups of code as tabs, code in fences."""

import re
from collections.abc import Iterator, Sequence

from stages.ingest.dialects import marks
from stages.ingest.dialects.admonitions import CLOSING, opening
from stages.ingest.dialects.lines import Line, dedent, indent, to_text
from stages.ingest.dialects.outline import fences, parsed
from stages.ingest.dialects.page import Page

CODE_TITLE = re.compile(r"""\[([^\]]{1,300})\]|\b(?:title|label|filename|tab)=(?:"([^"]*)"|'([^']*)')""")
MAX_DEPTH = 8  # of notes in notes whose indentation goes
BACKTICKS = re.compile(r"`{3,}")


def written(lines: list[Line]) -> list[Line]:
    """The lines with the marks of notes as directives, those of blocks as lines; what is left are tabs and items."""
    if not any(marks.OPENING in line.text for line in lines):
        return lines
    lines = list(marks.isolated(lines))
    for start, end in notes(lines):
        lines[start + 1 : end] = dedent(lines[start + 1 : end])
    return [out for line in lines for out in of_mark(line)]


def notes(lines: list[Line]) -> list[tuple[int, int]]:
    """The first and the last line of each note between marks, the outer ones first."""
    found: list[tuple[int, int]] = []
    waiting: list[int] = []
    for number, line in enumerate(lines):
        mark = marks.read(line.text)
        if mark is not None and mark.kind == marks.NOTE and not marks.prefix(line.text).strip():
            waiting.append(number)
        elif mark is not None and mark.kind == marks.NOTE_END and waiting:
            start = waiting.pop()
            found += [(start, number)] if len(waiting) < MAX_DEPTH else []
    return sorted(found)


def of_mark(line: Line) -> Iterator[Line]:
    """The lines in place of one that is a mark."""
    mark = marks.read(line.text)
    if mark is None or mark.kind not in (marks.NOTE, marks.NOTE_END, marks.BLOCK):
        yield line
        return
    start = marks.prefix(line.text)
    rest = marks.continued(start)
    if mark.kind == marks.NOTE_END:
        yield line.with_text(f"{rest}:::")
    elif mark.kind == marks.NOTE:
        kind, _, title = mark.payload.partition(" ")
        yield line.with_text(f"{start}:::{kind}[{title}]" if title else f"{start}:::{kind}")
    else:
        for number, text in enumerate(mark.payload.split(marks.BREAK)):
            yield line.with_text((rest if number else start) + text if text or (start.strip() and not number) else "")


def fenced(lines: Sequence[Line], language: str, title: str = "") -> list[Line]:
    """Lines of code as a fence, behind their title."""
    if not lines:
        return []
    inner = to_text(lines)
    sign = "`" * (max((len(run) for run in BACKTICKS.findall(inner)), default=2) + 1)
    first, last = lines[0], lines[-1]
    head = [first.with_text(f"**{title}**"), first.with_text("")] if title else []
    return [*head, first.with_text(f"{sign}{language}"), *lines, last.with_text(sign)]


def with_code_groups(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the fences of a `::: code-group` as tabs, each labelled by the title of its fence."""
    starts = [n for n, line in enumerate(lines) if "code-group" in line.text.lower() and is_group(line.text)]
    if not starts:
        return lines
    blocks = dict(fences(to_text(lines), page.indented_code))
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        if not is_group(lines[number].text):
            kept.append(lines[number])
            number += 1
            continue
        end = next((n for n in range(number + 1, len(lines)) if CLOSING.match(lines[n].text.rstrip())), len(lines))
        kept += group(lines, number, end, blocks)
        number = end + 1
    return kept


def is_group(text: str) -> bool:
    found = opening(text) if ":::" in text else None
    return found is not None and found.kind.lower() == "code-group"


def group(lines: list[Line], start: int, end: int, blocks: dict[int, int]) -> list[Line]:
    """The lines of one group between the marks of tabs."""
    white = indent(lines[start].text)
    kept = [lines[start].with_text(white + marks.mark(marks.TABS))]
    inside = 0
    for number in range(start + 1, end):
        line = lines[number]
        if number in blocks and number >= inside:
            inside = blocks[number]
            label, text = code_title(line.text)
            kept += [line.with_text(white + marks.mark(marks.TAB, label)), line.with_text(""), line.with_text(text)]
        else:
            kept.append(line)
            if number == inside - 1:
                kept.append(line.with_text(white + marks.mark(marks.TAB_END)))
    last = lines[min(end, len(lines) - 1)]
    return [*kept, last.with_text(white + marks.mark(marks.TABS_END))]


def code_title(text: str) -> tuple[str, str]:
    """The title of a fence, by `[title]`, `title="…"` or the words behind its language, and its line without it."""
    found = CODE_TITLE.search(text)
    if found:
        return found[1] or found[2] or found[3] or "", text[: found.start()].rstrip()
    white = indent(text)
    words = text.strip().split(maxsplit=1)
    name = words[1] if len(words) > 1 else words[0].lstrip("`~")
    return name.split(" theme=")[0].split(" {")[0], white + words[0]


def moved_out(lines: list[Line]) -> list[Line]:
    """The lines of MDX, in which indentation makes no code, without what CommonMark would take for such."""
    if not any(line.text.startswith(("    ", "\t")) for line in lines):
        return lines
    lines = list(lines)
    blocks = [token.map for token in parsed(to_text(lines), indented_code=False) if token.level == 0 and token.map]
    tags = set(range(len(lines))).difference(*(range(*block) for block in blocks))  # and blank lines: in no block
    for first, last in (*blocks, *((line, line + 1) for line in tags)):
        if lines[first].text.startswith(("    ", "\t")):
            lines[first:last] = dedent(lines[first:last])
    return lines
