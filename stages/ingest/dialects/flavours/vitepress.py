"""VitePress and VuePress: code of files (`<<< @/file{2,4-6 sh}`, `<<< ./x#region`, `@[code{2-6} sh](@/file)`), pages in
pages (`<!--@include: ./x.md{3,}-->`), values of the front matter (`{{ $frontmatter.title }}`).
"""

import re

from stages.ingest.dialects import includes
from stages.ingest.dialects.containers import fenced
from stages.ingest.dialects.flavours import attribute_lists, variables
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Flavour, Page, needs

CODE = re.compile(r"([ \t]*)<<<[ \t]*([^\s{#\[]+)(#[\w-]+)?[ \t]*+(?:\{([^{}\n]*)\})?[ \t]*+(?:\[([^\[\]\n]*)\])?$")
LINKED = re.compile(r"([ \t]*)@\[code(\{[\d -]*\})?(?:[ \t]++([\w+-]++)?[^\]\n]*+)?\]\(([^()\s]+)\)$")
INCLUDE = re.compile(r"([ \t]*)<!--[ \t]*@include:[ \t]*([^\s{}#<>]+)(#[\w-]+)?[ \t]*(?:\{([\d,. -]*)\})?[ \t]*-->$")
SPAN = re.compile(r"(\d*)[ \t]*(,|-)?[ \t]*(\d*)")
LANGUAGE = re.compile(r"[a-z][\w+-]*")


@needs("<<<", "@include", "@[code")
def included(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the files that they name: as fences, or as text of the page."""
    if not any("<<<" in line.text or "@include" in line.text or "@[code" in line.text for line in lines):
        return lines
    code = page.code(lines)
    kept: list[Line] = []
    for number, line in enumerate(lines):
        text = line.text.rstrip()
        shown = CODE.match(text) if "<<<" in text and number not in code else None
        named = INCLUDE.match(text) if "@include" in text and number not in code else None
        linked = LINKED.match(text) if "@[code" in text and number not in code else None
        if shown and ("." in shown[2] or "/" in shown[2]):
            kept += listing(line, page, shown[1], shown[2], shown[3], words=shown[4] or "", title=shown[5] or "")
        elif linked:
            kept += listing(line, page, linked[1], linked[4], span=(linked[2] or "").strip("{}"), words=linked[3] or "")
        elif named:
            kept += whole(named, line, page)
        else:
            kept.append(line)
    return kept


def places(file: str, page: Page) -> list[str]:
    """Where a file is looked for: `@` is the directory of the sources."""
    return [f"/{file[2:]}", f"/{page.site.base}/{file[2:]}", f"./{file[2:]}"] if file.startswith("@/") else [file]


def listing(
    line: Line,
    page: Page,
    start: str,
    file: str,
    region: str | None = None,
    span: str = "",
    words: str = "",
    title: str = "",
) -> list[Line]:
    """The fence for a file, or for a part of it; its language is the first of the words, else that of the file."""
    got = includes.code(page, line, *places(file, page))
    taken = part(got[1], region, span, line, page) if got else None
    if got is None or taken is None:
        return [line.with_text("")]
    named = LANGUAGE.search(words)
    language = named[0] if named else includes.language(got[0])
    body = includes.trimmed(includes.without_bounds(taken))
    return includes.standing_at(fenced(body, language, title), line, start) or [line.with_text("")]


def whole(found: re.Match[str], line: Line, page: Page) -> list[Line]:
    got = includes.code(page, line, *places(found[2], page))
    taken = part(got[1], found[3], found[4] or "", line, page) if got else None
    if got is None or taken is None:
        return [line.with_text("")]
    return includes.standing_at(included(taken, page.within(got[0])), line, found[1]) or [line.with_text("")]


def part(lines: list[Line], region: str | None, span: str, line: Line, page: Page) -> list[Line] | None:
    """The region or the lines of a file that are meant; nothing when it has no such region."""
    if region:
        taken = includes.anchored(lines, region[1:]) or under_heading(lines, region[1:])
        if taken is None:
            page.unresolved(line.origin, region, "no_such_section")
        return taken
    limits = SPAN.match(span.strip()) if span else None
    if limits and (limits[1] or limits[3]):
        last = limits[3] if limits[2] else limits[1]
        return includes.lines_of(lines, [includes.line_span(limits[1], last)])
    return lines


def under_heading(lines: list[Line], anchor: str) -> list[Line] | None:
    """The section whose heading has a name such as `set-up-a-host`."""
    for number, line in enumerate(lines):
        level = len(line.text) - len(line.text.lstrip("#"))
        if level and anchor in (slug(line.text.lstrip("# ")), *re.findall(r"\{#([\w-]+)\}", line.text)):
            behind = range(number + 1, len(lines))
            end = next((n for n in behind if re.match(rf"#{{1,{level}}} ", lines[n].text)), len(lines))
            return lines[number:end]
    return None


def slug(words: str) -> str:
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", words.lower())).strip("-")


FLAVOUR = Flavour(
    "vitepress",
    (".vitepress", "docs/.vitepress", ".vuepress", "rspress.config.ts"),
    before=(included, variables.in_braces),
    after=(attribute_lists.removed,),
)
