"""mdBook: files in the place of `{{#include file:lines}}`, `{{#rustdoc_include …}}`, `{{#playground …}}` and
`{{#template file key=value}}`, also in code, whole, by lines (`file.rs:2:4`) or by anchor (`file.rs:name`).
"""

import re

from stages.ingest.dialects import includes, marks
from stages.ingest.dialects.attributes import attributes, first
from stages.ingest.dialects.containers import fenced
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.outline import fences
from stages.ingest.dialects.page import Flavour, Page, needs

DIRECTIVE = re.compile(
    r"(\\?)\{\{[ \t]*#[ \t]*(include|rustdoc_include|playground|playpen|template|title)[ \t]++([^{}\n]{1,400})\}\}"
)
ADMONISH = re.compile(r"([ \t>]*)(`{3,}|~{3,})[ \t]*admonish\b[ \t]*([A-Za-z]+(?![\w=]))?(.*)$")
TITLE = re.compile(r"title=(?:\"([^\"]*)\"|'([^']*)')")
PART = re.compile(r"[ \t]*\{\{[ \t]*#(tabs|tab|endtab|endtabs|quiz|toc|aquascope)\b[ \t]*+([^{}\n]*+)\}\}[ \t]*$")
SPAN = re.compile(r":(\d*)(?::(\d*))?$")
HIDDEN = re.compile(r"[ \t]*#(?:[ \t]|$)")
RUST = re.compile(r"[ \t>]*[`~]{3,}[ \t]*rust\b")


@needs("{{")
def included(lines: list[Line], page: Page) -> list[Line]:
    """The lines with what their directives name."""
    if not any("{{" in line.text and "#" in line.text for line in lines):
        return lines
    kept: list[Line] = []
    emptied: set[int] = set()
    for line in lines:
        found = DIRECTIVE.search(line.text) if "{{" in line.text else None
        if found is None and (part := PART.match(line.text) if "{{" in line.text else None):
            kept.append(line.with_text(of_part(part, line, page)))
        elif found is None:
            kept.append(line)
        elif found[1]:
            kept.append(line.with_text(line.text.replace("\\{{#", "{{#", 1)))
        else:
            put = taken(found, line, page)
            if not any(one.text.strip() for one in put):
                emptied.add(len(kept))
            kept += put
    return includes.without_empty_fences(kept, page, emptied)


def of_part(found: re.Match[str], line: Line, page: Page) -> str:
    """What stands in the place of a line of a preprocessor: the marks of tabs, or nothing."""
    kinds = {"tabs": marks.TABS, "endtabs": marks.TABS_END, "tab": marks.TAB, "endtab": marks.TAB_END}
    if found[1] not in kinds:
        page.unread(line, "include", found[0])
        return ""
    return marks.mark(kinds[found[1]], first(attributes(found[2]), "name", "title") if found[1] == "tab" else "")


@needs("admonish")
def admonished(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the blocks of mdbook-admonish as directives; their fences end where as many signs stand alone."""
    if not any("admonish" in line.text for line in lines):
        return lines
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        found = ADMONISH.match(line.text) if "admonish" in line.text else None
        number += 1
        if found is None:
            kept.append(line)
            continue
        end = next((n for n in range(number, len(lines)) if lines[n].text.strip(" \t>") == found[2]), len(lines))
        title = TITLE.search(found[4])
        words = (title[1] or title[2] or "") if title else ""
        kept.append(line.with_text(f"{found[1]}:::{found[3] or 'note'}" + (f"[{words}]" if words else "")))
        kept += lines[number:end]
        kept.append(lines[min(end, len(lines) - 1)].with_text(f"{found[1]}:::"))
        number = end + 1
    return kept


def taken(found: re.Match[str], line: Line, page: Page) -> list[Line]:
    """The lines in place of one that holds a directive; what stands before and behind it stays."""
    before, behind = line.text[: found.start()], line.text[found.end() :]
    kind, what = found[2], found[3].strip()
    if kind == "title":
        return [line.with_text(before + behind)]
    name, _, values = what.partition(" ")
    file, span, anchor = parts(name)
    got = includes.code(page, line, f"./{file}")
    lines = selected(got[1], span, anchor) if got else None
    if got and lines is None:
        page.unresolved(line.origin, name, "no_such_section")
    if lines is None:
        return [line.with_text((before + behind).rstrip())]
    if kind == "template":
        lines = filled(lines, attributes(values))
    elif got and got[0].endswith(".md"):
        lines = included(lines, page.within(got[0]))
    if kind in ("playground", "playpen"):
        lines = fenced(lines, includes.language(file))
    start = before if not before.strip() else ""
    put = includes.standing_at(lines, line, start)
    rest = [line.with_text(text) for text in (before, behind) if text.strip()]
    return put if not rest else [*rest[: bool(before.strip())], *put, *rest[bool(before.strip()) :]]


def parts(name: str) -> tuple[str, tuple[int, int] | None, str]:
    """File, lines (the last 0 for all the rest) and anchor of `file.rs:2:4`, `file.rs::4` or `file.rs:name`."""
    span = SPAN.search(name)
    if span and (span[1] or span[2]):
        first = span[1]
        last = span[2] if span[2] is not None else first
        return name[: span.start()], includes.line_span(first, last), ""
    file, _, anchor = name.partition(":")
    return file, None, anchor


def selected(lines: list[Line], span: tuple[int, int] | None, anchor: str) -> list[Line] | None:
    if span:
        lines = includes.lines_of(lines, [span])
    elif anchor:
        found = includes.anchored(lines, anchor)
        if found is None:
            return None
        lines = found
    return includes.trimmed(includes.without_bounds(lines))


def filled(lines: list[Line], values: dict[str, str]) -> list[Line]:
    """The lines of a template with `[[#key]]` filled in, or `[[#key default]]`."""
    key = re.compile(r"\[\[#(\w+)(?:[ \t]+([^\[\]\n]*))?\]\]")
    return [line.with_text(key.sub(lambda found: values.get(found[1], found[2] or ""), line.text)) for line in lines]


def without_hidden_lines(lines: list[Line], page: Page) -> list[Line]:
    """The lines without those of Rust code that mdBook shows only on demand: they begin with `# `."""
    if not any(HIDDEN.match(line.text) for line in lines):
        return lines
    hidden: set[int] = set()
    for start, end in fences(to_text(lines), page.indented_code):
        if RUST.match(lines[start].text):
            hidden |= {number for number in range(start + 1, end) if HIDDEN.match(lines[number].text)}
    return [line for number, line in enumerate(lines) if number not in hidden]


FLAVOUR = Flavour("mdbook", ("book.toml",), before=(included, admonished, without_hidden_lines))
