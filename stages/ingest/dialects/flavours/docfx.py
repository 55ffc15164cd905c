"""DocFX, and Microsoft's documentation: includes (`[!INCLUDE [x](y.md)]`, `[!code-cs[](x.cs?range=1-3)]`), colons
(`:::image … :::`, `:::code … :::`, `:::zone … :::zone-end`), tabs (`# [Linux](#tab/linux)`) and links by name.
"""

import re

from stages.ingest.dialects import includes, marks, prose
from stages.ingest.dialects.attributes import attributes, first
from stages.ingest.dialects.containers import fenced
from stages.ingest.dialects.lines import Line, indent, to_text
from stages.ingest.dialects.page import Flavour, Page

INCLUDE = re.compile(r"\[!INCLUDE[ \t]*\[[^\[\]\n]*\]\(([^()\n]+?)\)\]", re.IGNORECASE)
CODE = re.compile(
    r"[ \t]*\[!code(?:-([\w#+-]+))?[ \t]*\[[^\[\]\n]*\]\(([^()?#\s]++)([^()\n]*+)\)\][ \t]*$", re.IGNORECASE
)
COLONS = re.compile(r"([ \t>]*):::[ \t]*([a-z][\w-]*)(.*?)(?::::[ \t]*+|(?<![ \t])[ \t]*+)$", re.IGNORECASE)
TAB = re.compile(r"#{1,6}[ \t]+\[([^\[\]\n]+)\]\(#tabs?/[^()\n]*\)[ \t]*$")
TABS_END = re.compile(r"(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$")
SHOWN = re.compile(r"([ \t>]*)\[!(?:div|VIDEO)\b[^\]\n]*\][ \t]*$", re.IGNORECASE)
NAME = re.compile(r"<xref:([^<>\n?#]++)[^<>\n]*+>|(?<![\w`@.])@((?:[A-Z]\w+\.)+\w+)")
LINK = re.compile(r"\]\(xref:[^()\n]*\)")
RANGE = re.compile(r"(?:range|L)=?[\"']?(\d+)-?L?(\d*)")
REGION = re.compile(r"(?:name|id)=[\"']?([\w-]+)")
LANGUAGES = {"csharp": "csharp", "cs": "csharp", "vb": "vb", "interactive": ""}


def resolved(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the files that they name, without triple colons."""
    if not any("[!" in line.text or ":::" in line.text for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    for number, line in enumerate(lines):
        text = line.text
        if number in code or ("[!" not in text and ":::" not in text):
            kept.append(line)
        elif shown := CODE.match(text):
            kept += listing(shown[2], f"{shown[1] or ''}", shown[3], line, page)
        elif INCLUDE.search(text):
            kept += included(line, page)
        elif SHOWN.match(text):
            kept.append(line.with_text(text[: text.index("[!")].rstrip()))
        elif found := COLONS.match(text):
            kept += colons(found, line, page)
        else:
            kept.append(line)
    return kept


def included(line: Line, page: Page) -> list[Line]:
    """A line with the files that it includes: on lines of their own, or within it where they are of one paragraph."""
    pieces = INCLUDE.split(line.text)
    kept: list[Line] = []
    for number, piece in enumerate(pieces):
        got = includes.code(page, line, *places(piece.strip(), page)) if number % 2 else None
        if number % 2 == 0:
            kept.append(line.with_text(piece))
        elif got is not None:
            inner = resolved(got[1], page.within(got[0]))
            kept += includes.standing_at(includes.trimmed(inner), line)
    filled = [one for one in kept if one.text.strip()]
    alone = not "".join(pieces[::2]).strip(" \t>")
    if alone:
        return [*filled, line.with_text("")]
    return [line.with_text(" ".join(to_text(filled).split()))]


def places(file: str, page: Page) -> list[str]:
    """Where a file is looked for: `~` is the directory of the site."""
    file = file.split("?")[0].strip()
    return [f"/{page.site.base}/{file[2:]}", f"/{file[2:]}"] if file.startswith("~/") else [file]


def colons(found: re.Match[str], line: Line, page: Page) -> list[Line]:
    """The lines in place of one with three colons: an image, code of a file, or nothing that is shown."""
    start, kind, values = found[1], found[2].lower(), attributes(found[3])
    if kind == "image" and (words := first(values, "alt-text")):
        return [line.with_text(f"{start}![{words}]({values.get('source', '')})")]
    if kind == "code" and (file := values.get("source")):
        return listing(file, values.get("language", ""), found[3], line, page)
    if kind in ("image", "code", "video"):
        return [line.with_text(start.rstrip())]
    silent = kind.removesuffix("-end") in ("zone", "moniker", "row", "column", "image", "no-loc", "form", "checklist")
    return [line.with_text(start.rstrip() if silent else line.text)]


def listing(file: str, language: str, options: str, line: Line, page: Page) -> list[Line]:
    """The lines of a file of code as a fence, or those that are meant."""
    got = includes.code(page, line, *places(file, page))
    if got is None:
        return [line.with_text("")]
    span, region = RANGE.search(options), REGION.search(options)
    taken = got[1]
    if span:
        taken = includes.lines_of(taken, [includes.line_span(span[1], span[2] or span[1])])
    elif region:
        taken = includes.anchored(taken, region[1]) or taken
    shown = fenced(
        includes.trimmed(includes.without_bounds(taken)), LANGUAGES.get(language, language) or includes.language(got[0])
    )
    return includes.standing_at(shown, line, indent(line.text)) or [line.with_text("")]


def tabs(lines: list[Line], page: Page) -> list[Line]:
    """The lines with headings that are tabs as marks; a rule ends the last one."""
    if not any("](#tab" in line.text for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    inside = False
    for number, line in enumerate(lines):
        found = TAB.match(line.text.rstrip()) if number not in code else None
        if found:
            first_of_group = [] if inside else [line.with_text(marks.mark(marks.TABS))]
            kept += [*first_of_group, line.with_text(marks.mark(marks.TAB, found[1]))]
            inside = True
        elif inside and number not in code and TABS_END.match(line.text.strip()):
            kept += [line.with_text(marks.mark(marks.TAB_END)), line.with_text(marks.mark(marks.TABS_END))]
            inside = False
        else:
            kept.append(line)
    return [*kept, kept[-1].with_text(marks.mark(marks.TABS_END))] if inside else kept


def names(lines: list[Line], page: Page) -> list[Line]:
    """The lines with what links by name show: the last part of the name, as code."""

    def shown(match: re.Match[str], group: prose.Group) -> str | None:
        return f"`{(match[1] or match[2]).split('(')[0].replace('%2A', '').replace('*', '').split('.')[-1]}`"

    lines = prose.sub(lines, page, "xref:", NAME, shown) if any("<xref:" in line.text for line in lines) else lines
    return prose.sub(lines, page, "](xref:", LINK, lambda *_: "]()")


FLAVOUR = Flavour(
    "docfx",
    ("docfx.json", ".openpublishing.publish.config.json"),
    before=(resolved, tabs),
    after=(names,),
)
