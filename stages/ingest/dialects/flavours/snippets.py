"""Files that pages of MkDocs name: snippets (`--8<-- "file.md"`), whole or by lines (`file:1:3`) or by section
(`file:name`, between `--8<-- [start:name]` and `--8<-- [end:name]`), `{!file!}` and `{* file ln[1:3] *}` for code.
"""

import re

from stages.ingest.dialects import includes
from stages.ingest.dialects.containers import fenced
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page, needs

ONE = re.compile(r"""([ \t]*)(;*)-+8<-+[ \t]+(?:"([^"]+)"|'([^']+)')$""")
SEVERAL = re.compile(r"([ \t]*)-+8<-+$")
SECTION = re.compile(r"-+8<-+[ \t]*\[[ \t]*(start|end)[ \t]*:[ \t]*([\w-]+)[ \t]*\]")
SIGN = "8<-"
LINES = re.compile(r"([^:]*):(-?\d*)(?::(-?\d*))?$")
NAMED = re.compile(r"(.*[^:/\\]):([A-Za-z_][\w-]*)$")
MARKDOWN = re.compile(r"([ \t]*)\{!>?[ \t]*+([^\n{}!]+?)(?<![ \t])[ \t]*+!\}$")
CODE = re.compile(r"([ \t]*)\{\*[ \t]*([^\s*{}]++)([^*{}]*+)\*\}$")
SPANS = re.compile(r"(?:ln|lines?)\[([^\[\]]*)\]")
TITLE = re.compile(r"""title\[["']?([^\[\]"']*)["']?\]""")


def named(text: str) -> tuple[str, list[str]]:
    """The indentation and the file of a line that names one snippet; nothing when it does not."""
    found = ONE.match(text.rstrip())
    return (found[1], [found[3] or found[4]]) if found and not found[2] else ("", [])


def escaped(text: str) -> str:
    """A line that only shows the sign of a snippet, `;--8<-- "x"`, without its semicolon."""
    found = ONE.match(text.rstrip())
    return text.replace(";", "", 1) if found and found[2] else text


def several(lines: list[Line], start: int) -> tuple[list[str], int]:
    """The files of a block of snippets that opens at a line, and the line behind the block."""
    names: list[str] = []
    for number in range(start + 1, len(lines)):
        if SEVERAL.match(lines[number].text.rstrip()):
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
        taken = includes.anchored(lines, section)
        if taken is None:
            return None
        lines = taken
    return without_sections(lines)


def without_sections(lines: list[Line]) -> list[Line]:
    """The lines, those emptied that only mark where a section starts or ends."""
    return [line.with_text("") if SIGN in line.text and SECTION.search(line.text) else line for line in lines]


@needs(SIGN, "{!", "{*")
def included(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the files that they name, in code too. Their headings keep their levels."""
    if not any(sign in line.text for sign in (SIGN, "{!", "{*") for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    emptied: set[int] = set()
    number = last_block = 0
    while number < len(lines):
        line, behind = lines[number], number + 1
        start, names = named(line.text) if SIGN in line.text else ("", [])
        if number not in code and number >= last_block and SIGN in line.text and SEVERAL.match(line.text.rstrip()):
            names, behind = several(lines, number)
            last_block = behind if names else len(lines)  # a block without an end is none, nor is any behind it
        if names:
            put = [put for name in names for put in snippet(name, start, line, page, number in code)]
        else:
            put = other(line, page, number in code)
        if number in code and not any(one.text.strip() for one in put) and line.text.strip():
            emptied.add(len(kept))
        kept += put
        number = behind
    return includes.without_empty_fences(kept, page, emptied)


def other(line: Line, page: Page, in_code: bool) -> list[Line]:
    """The lines in place of one that names no snippet."""
    text = line.text.rstrip()
    if "{!" in text and (found := MARKDOWN.match(text)):
        taken = whole(found[2], line, page)
        return [line.with_text("")] if taken is None else includes.standing_at(taken, line, found[1])
    if "{*" in text and not in_code and (found := CODE.match(text)):
        return listing(found[2], found[3], found[1], line, page)
    return without_sections([line.with_text(escaped(line.text))]) if SIGN in text and not in_code else [line]


def places(file: str, page: Page) -> list[str]:
    """Where a file is looked for: from the root and from the site's directory, else beside the page."""
    if file.startswith(("/", "./")):
        return [file]
    beside = [f"/{file}", f"/{page.site.base}/{file}", f"./{file}"]
    return [*([f"/../../{file}", f"/../{file}"] if file.startswith("../") else []), *beside]


def whole(file: str, line: Line, page: Page) -> list[Line] | None:
    """The lines of a file that is put in as it is, those of the files that it names too."""
    found = page.read(line.origin, *reversed(places(file, page)))
    if found is None:
        return None
    page.found.inlined.append(found[0])
    return included(found[1], page.within(found[0]))


def listing(file: str, options: str, start: str, line: Line, page: Page) -> list[Line]:
    """The lines of a file of code as a fence."""
    found = includes.code(page, line, *reversed(places(file, page)))
    if found is None:
        return [line.with_text("")]
    spans, title = SPANS.search(options), TITLE.search(options)
    taken = found[1]
    if spans:
        pairs = [part.strip().partition(":") for part in spans[1].split(",")]
        taken = includes.lines_of(
            taken, [includes.line_span(a, b if sign else a) for a, sign, b in pairs if a.isdigit()]
        )
    taken = includes.trimmed(taken)
    shown = fenced(taken, includes.language(found[0]), title[1] if title else "")
    return includes.standing_at(shown, line, start) or [line.with_text("")]


def snippet(name: str, start: str, line: Line, page: Page, in_code: bool) -> list[Line]:
    """The lines of one snippet; an empty line when there is none, in code of other sites it stays."""
    file, section, span = parts(name)
    if in_code and page.site.flavour.name != "mkdocs":
        return [line]
    found = page.read(line.origin, *places(file, page))
    if found is None:
        return [line.with_text("")]
    target, lines = found
    taken = selected(lines, section, span)
    if taken is None:
        page.unresolved(line.origin, name, "no_such_section")
        return [line.with_text("")]
    page.found.inlined.append(target)
    taken = included(taken, page.within(target).as_mdx())
    return includes.standing_at(taken, line, start)
