"""A file as plain Markdown: website syntax resolved, the files that it imports in their places, recursively."""

import re
from collections.abc import Mapping
from typing import Any

from stages.common.records.rows import Origin
from stages.ingest.dialects import (
    admonitions,
    asciidoc,
    containers,
    fences,
    frontmatter,
    items,
    leftover,
    links,
    literals,
    marks,
    mdx,
    tabs,
)
from stages.ingest.dialects.flavours import plain
from stages.ingest.dialects.headings import below
from stages.ingest.dialects.lines import Line, to_lines, to_text, with_texts
from stages.ingest.dialects.modules import Import
from stages.ingest.dialects.outline import headings
from stages.ingest.dialects.page import Findings, Page, Site, Unread, stepped
from stages.ingest.dialects.scope import Source
from stages.ingest.sources.tree import RefusedError, Tree

FAILURES = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
UNKNOWN = Site(plain.FLAVOUR)
CONTENTS = re.compile(r"[ \t]*\[\[?_?toc_?\]?\][ \t]*", re.IGNORECASE)
NAMES = ("frontMatter.{}", "$frontmatter.{}", "page.{}", "page.meta.{}", "Params.{}")  # of a value at the head


def expand(text: str, path: str, tree: Tree, site: Site = UNKNOWN) -> tuple[list[Line], Findings]:
    """The lines of a page in plain Markdown, and what was inlined and not. Raises RefusedError."""
    front = frontmatter.front_matter(text)
    text = links.without_data(text)
    values = {**site.values, **head_values(front)}
    page = Page((path,), tree, site, values)
    if (broken := frontmatter.broken_line(text)) is not None:
        page.found.unread.append(Unread(path, broken, "front_matter", text.split("\n")[broken - 1][:80]))
    lines = to_lines(frontmatter.without_front_matter(marks.without_marks(text)), path)
    try:
        lines = resolved(lines, page)
        leftover.note(lines, page)
    except FAILURES as error:  # of a reader on a page that nobody thought of: it costs that page
        raise RefusedError("not_convertible") from error
    return lines, page.found


def phrase(words: str, text: str, path: str, tree: Tree, site: Site) -> str:
    """A title or a description from the head of a page, with what its generator would fill in; marks go."""
    if "{{" not in words and "{%" not in words:
        return words
    page = Page((path,), tree, site, {**site.values, **head_values(frontmatter.front_matter(text))})
    lines = to_lines(words, path)
    try:
        for step in site.flavour.before:
            lines = step(lines, page)
    except (*FAILURES, RefusedError):
        return words
    return " ".join(marks.MARK.sub(" ", to_text(lines)).split()) or words


def head_values(front: Mapping[str, Any]) -> dict[str, str]:
    """The scalars of the front matter under the names that pages use for them."""
    scalars = {name[1:]: words for name, words in literals.flat("", front) if words}
    values = {name.format(key): words for key, words in scalars.items() for name in NAMES}
    for given in (front.get("substitutions"), front.get("myst")):  # of MyST, which names them alone
        given = given.get("substitutions", given) if isinstance(given, dict) else {}
        values |= {key: words for key, value in given.items() if (words := frontmatter.scalar_text(value))}
    return values


def resolved(lines: list[Line], page: Page) -> list[Line]:
    """The lines of one file, in the order in which its syntax can be told apart: each step leaves plain Markdown."""
    text = to_text(lines)
    is_mdx = mdx.is_mdx(page.path, text)
    page = page.as_mdx() if is_mdx else page
    of_asciidoc = asciidoc.is_asciidoc(page.path)
    lines = without_contents(lines, page)
    lines = stepped(lines, page, *((asciidoc.as_markdown,) if of_asciidoc else page.site.flavour.before))
    lines = containers.written(lines)
    source = Source(
        page.values,
        page.path.endswith(".mdx") or (is_mdx and page.site.flavour.mdx),
        lambda number, kind, text: page.unread(lines[number], kind, text),
        page.text_if_there,
    )
    lines = with_texts(lines, mdx.markdown(to_text(lines), source, page.indented_code))
    lines = with_partials(lines, source, page)
    lines = items.as_lists(containers.written(stepped(lines, page, *page.site.flavour.after)))
    lines = stepped(lines, page, containers.with_code_groups, admonitions.as_quotes, links.resolved)
    lines = tabs.labelled(lines, page.indented_code)
    return stepped(containers.moved_out(lines) if is_mdx else lines, page, fences.plain)


def without_contents(lines: list[Line], page: Page) -> list[Line]:
    """The lines without the signs that generators put a table of contents in the place of."""
    if not any("]" in line.text and CONTENTS.fullmatch(line.text) for line in lines):
        return lines
    code = page.code(lines)
    return [
        line.with_text("") if n not in code and CONTENTS.fullmatch(line.text) else line for n, line in enumerate(lines)
    ]


def with_partials(lines: list[Line], source: Source, page: Page) -> list[Line]:
    """The lines with the imported files in place of their components."""
    if not source.uses:
        return lines
    levels = {start: level for start, _, level in headings(to_text(lines))}
    level = 0
    kept: list[Line] = []
    for number, line in enumerate(lines):
        level = levels.get(number, level)
        if marks.OPENING in line.text:
            kept += with_components(line, source, page, level)
        else:
            kept.append(line)
    return kept


def with_components(line: Line, source: Source, page: Page, level: int) -> list[Line]:
    """A line with its components replaced: on lines of their own, but in a table or a heading within the line."""
    start = marks.prefix(line.text)
    pieces: list[list[Line]] = []
    position = len(start)
    for found in marks.MARK.finditer(line.text, position):
        if found[1] != marks.COMPONENT:
            continue
        name, _, use = found[2].partition(" ")
        pieces.append([line.with_text(line.text[position : found.start()])])
        pieces.append(partial(source.modules.files[name], source.uses[int(use)], line.origin, page, level))
        position = found.end()
    if not pieces:
        return [line]
    pieces.append([line.with_text(line.text[position:])])
    if line.text[len(start) :].startswith(("|", "#")):
        return [line.with_text(start + " ".join(filter(None, (to_text(p).replace("\n", " ").strip() for p in pieces))))]
    filled = [piece for piece in pieces if any(part.text.strip() for part in piece)]
    block = any(len(piece) > 1 for piece in filled)
    kept: list[Line] = []
    for piece in filled:
        if kept and block:
            kept.append(piece[0].with_text("") if piece[0].origin == line.origin else line.with_text(""))
        kept += [part.with_text(part.text.strip(" ")) for part in piece] if piece[0].origin == line.origin else piece
    return behind(start, kept) if kept else [line.with_text(marks.continued(start).rstrip())]


def behind(start: str, lines: list[Line]) -> list[Line]:
    """The lines behind the signs of the list or quote that the first of them stands in."""
    rest = marks.continued(start)
    return [
        line.with_text((rest if number else start) + line.text if line.text.strip() else rest.rstrip())
        for number, line in enumerate(lines)
    ]


def partial(file: Import, given: dict[str, str], origin: Origin, page: Page, level: int) -> list[Line]:
    """The lines of an imported file, resolved, below a heading of this level, and as standing at its component."""
    found = page.read(origin, file.module)
    if found is None:
        return []
    target, lines = found
    page.found.inlined.append(target)
    if file.raw:
        lines = containers.fenced(lines, given.get("language", ""), given.get("title", ""))
    else:
        values = {**page.values, **{f"props.{name}": value for name, value in given.items()}, **given}
        lines = below(resolved(lines, page.within(target, values)), level)
    return [Line(line.text, line.origin._replace(at=origin.at)) for line in lines]
