"""Files that pages of AsciiDoc include, whole, by lines or by tags, and conditions, of which all sides stay."""

import posixpath
import re

from stages.ingest.dialects import includes
from stages.ingest.dialects.asciidoc_inline import REFERENCE
from stages.ingest.dialects.attributes import attributes
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page

HEADING = re.compile(r"={1,6}[ \t]+\S")
INCLUDE = re.compile(r"include::([^\[\s]+)\[([^\]]*)\]$")
FAMILY = re.compile(r"(?:(?:[\w.-]+@)?(?:[\w.-]+:)?([\w.-]*):)?(partial|example|page|attachment)\$")
MODULE = re.compile(r"((?:.*/)?modules)/([^/]+)/")
CONDITION = re.compile(r"(?:ifdef|ifndef|ifeval|endif)::[^\[]*\[(.*)\]$")


def included(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the files that they include, and without conditions, of which all sides stay."""
    kept: list[Line] = []
    for line in lines:
        text = line.text.rstrip()
        found = INCLUDE.match(text) if text.startswith("include::") else None
        condition = CONDITION.match(text) if "::" in text else None
        if found:
            kept += put_in(found, line, page) or [line.with_text("")]
        elif condition:
            kept.append(line.with_text(condition[1] if not text.startswith(("endif", "ifeval")) else ""))
        else:
            kept.append(line)
    return kept


def of_antora(file: str, page: str) -> str:
    """The path from a page of what Antora names by module and family: `tools:partial$x.adoc`, `example$y.py`."""
    named = FAMILY.match(file)
    if named is None:
        return file
    module, name = named[1], f"{named[2]}s/{file[named.end() :]}"
    inside = MODULE.match(page)
    if inside is None:  # docs.path is the pages of a module
        return f"../../{module}/{name}" if module else f"../{name}"
    return posixpath.relpath(f"{inside[1]}/{module or inside[2]}/{name}", posixpath.dirname(page))


def put_in(found: re.Match[str], line: Line, page: Page) -> list[Line]:
    """The lines of a file, or the lines or tagged parts of it that are meant."""
    file = REFERENCE.sub(lambda name: page.values.get(name[1], name[0]), found[1])
    got = includes.code(page, line, of_antora(file, page.path))
    if got is None:
        return []
    options = attributes(found[2].replace(";", ","))
    taken = got[1]
    if "lines" in options:
        spans = [part.partition("..") for part in options["lines"].split(",")]
        taken = includes.lines_of(
            taken, [includes.line_span(a, b if sign else a) for a, sign, b in spans if a.isdigit()]
        )
    tag = options.get("tag", options.get("tags", ""))
    if tag:
        taken = includes.anchored(taken, tag) or taken
    deeper = int(options["leveloffset"]) if options.get("leveloffset", "").lstrip("+").isdigit() else 0
    taken = included(includes.without_bounds(taken), page.within(got[0]))
    moved = [one.with_text("=" * deeper + one.text) if HEADING.match(one.text) else one for one in taken]
    return includes.standing_at(moved, line)
