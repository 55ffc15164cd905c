"""reStructuredText of Sphinx as Markdown, by docutils with the directives and roles that Sphinx adds.

The lines of what this gives are not those of the file, so the lineage of such a page names lines of the converted text.
"""

import re
from functools import cache
from typing import Any

from stages.common.base.errors import UserError
from stages.ingest.dialects import includes
from stages.ingest.dialects.flavours import roles as readable
from stages.ingest.dialects.lines import Line, to_lines, to_text
from stages.ingest.dialects.page import Findings, Page, Site, Unread
from stages.ingest.sources.tree import RefusedError, Tree

DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([\w:+.-]+)::", re.MULTILINE)
ROLE = re.compile(r":([\w:+.-]{1,80}):`")
INCLUDE = re.compile(r"([ \t]*)\.\.[ \t]+(include|literalinclude)::[ \t]*(\S+)[ \t]*$")
TABLE = re.compile(r"[ \t]*\.\.[ \t]+csv-table::")
OPTION = re.compile(r"[ \t]+:([\w-]+):(?:[ \t]+(.*))?$")
SUBSTITUTION = re.compile(r"^[ \t]*\.\.[ \t]+\|([^|\n]{1,200})\|[ \t]+replace::[ \t]*(.*)$", re.MULTILINE)
REFERENCE = re.compile(r"\|([^|\s](?:[^|\n]{0,198}[^|\s])?)\|")
GIVEN = ("release", "version", "project")  # substitutions that Sphinx makes of conf.py
# Fields at the head of a page, which say something of it to Sphinx and are not shown.
HEAD = re.compile(r"\A(?:[ \t]*\n)*(?::[\w -]+:(?!`)[^\n]*\n(?:[ \t]+[^\n]*\n)*)+")
MOST_EXPANDED = 100_000  # characters that substitutions may become
EXTRA = "pip install 'doclore[sources]'"
# Known to docutils, but other in Sphinx.
OURS = (
    "code",
    "code-block",
    "sourcecode",
    "contents",
    "sectnum",
    "raw",
    "image",
    "topic",
    "sidebar",
    "rubric",
    "class",
)


def expand(text: str, path: str, tree: Tree, site: Site) -> tuple[list[Line], Findings]:
    """The lines of a page as Markdown, with the files that it includes. Raises RefusedError when docutils cannot."""
    page = Page((path,), tree, site)
    for name in sorted(set(map(str.lower, DIRECTIVE.findall(text)))):
        if name.startswith("auto") and name != "automethod":
            page.found.unread.append(Unread(path, line_of(text, name), "autodoc", f".. {name}::"))
    known = [
        f".. |{name}| replace:: {site.values[name]}" for name in GIVEN if name in site.values and f"|{name}|" in text
    ]
    text = HEAD.sub(lambda head: "\n" * head[0].count("\n"), text)
    around = (site.values.get("rst_prolog", ""), text, site.values.get("rst_epilog", ""))
    lines = included(to_lines("\n\n".join([*filter(str.strip, around), *known]), path), page)
    return to_lines(markdown(to_text(lines), page), path), page.found


def line_of(text: str, name: str) -> int:
    place = text.lower().find(f".. {name}::")
    return text.count("\n", 0, max(place, 0)) + 1


def included(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the files that they include: text as it stands, code below a directive for it."""
    if not any("include::" in line.text or "csv-table::" in line.text for line in lines):
        return lines
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        found = INCLUDE.match(line.text) if "include::" in line.text else None
        number += 1
        if TABLE.match(line.text):
            put, number = table(lines, number, page)
            kept += [line, *put]
            continue
        if found is None:
            kept.append(line)
            continue
        options: dict[str, str] = {}
        while number < len(lines) and (option := OPTION.match(lines[number].text)):
            options[option[1]] = option[2] or ""
            number += 1
        kept += put_in(found, options, line, page)
    return kept


def table(lines: list[Line], number: int, page: Page) -> tuple[list[Line], int]:
    """The options and the rows of a table whose values stand in a file, and the line behind its options."""
    options, first = [], number
    file = ""
    while number < len(lines) and (option := OPTION.match(lines[number].text)):
        file = option[2] or "" if option[1] == "file" else file
        options += [lines[number]] if option[1] != "file" else []
        number += 1
    got = includes.code(page, lines[first - 1], file) if file else None
    if got is None:
        return options, number
    start = lines[first].text[: len(lines[first].text) - len(lines[first].text.lstrip())]
    return [*options, lines[first].with_text(""), *includes.standing_at(got[1], lines[first], start)], number


def put_in(found: re.Match[str], options: dict[str, str], line: Line, page: Page) -> list[Line]:
    """The lines of one file in the place of the directive that names it."""
    start, kind, file = found[1], found[2], found[3]
    if file.startswith("<"):  # of docutils itself, for its tests and special characters
        return [line.with_text("")]
    got = includes.code(page, line, file)
    if got is None:
        return [line.with_text("")]
    taken = includes.chosen(got[1], options)
    if kind == "include" and not {"literal", "code"} & options.keys():
        return [*includes.standing_at(included(taken, page.within(got[0])), line, start), line.with_text("")]
    language = options.get("language") or options.get("code") or includes.language(got[0]) or "text"
    head = [line.with_text(f"{start}.. code-block:: {language}")]
    head += [line.with_text(f"{start}   :caption: {options['caption']}")] if options.get("caption") else []
    body = includes.standing_at(includes.trimmed(taken), line, f"{start}   ")
    return [*head, line.with_text(""), *body, line.with_text("")]


def markdown(text: str, page: Page) -> str:
    """reStructuredText as Markdown. Directives and roles that are not known keep their text."""
    try:
        from docutils.core import publish_parts
        from docutils.utils import SystemMessage
    except ImportError:
        raise UserError(
            f"docs.include names .html and .rst files, which need docutils; run {EXTRA}, or leave them out"
        ) from None
    from stages.ingest.sources.converters import from_html

    if expands_too_far(text):
        raise RefusedError("not_convertible")
    keep_unknown_markup(text, page)
    settings = {
        "report_level": 5,  # mistakes of the markup are left in place
        "halt_level": 5,
        "file_insertion_enabled": False,  # include and raw read other files and URLs
        "raw_enabled": False,
        "syntax_highlight": "none",
        "math_output": "LaTeX",
        "toc_backlinks": False,
        "initial_header_level": 1,
        "doctitle_xform": False,
        "_disable_config": True,
    }
    try:
        parts = publish_parts(text, writer="html5", settings_overrides=settings)
    except RecursionError:
        raise RefusedError("nested_too_deep") from None
    except (SystemMessage, ValueError, AttributeError, TypeError, IndexError, KeyError):
        raise RefusedError("not_convertible") from None
    return from_html(f"<main>{parts['html_body']}</main>")


def expands_too_far(text: str) -> bool:
    """Whether substitutions of substitutions would grow beyond all bounds."""
    if "replace::" not in text:
        return False
    bodies = {name.lower(): body for name, body in SUBSTITUTION.findall(text)}
    sizes: dict[str, int] = {}
    for name in bodies:
        waiting = [name]
        while waiting:
            top = waiting[-1]
            inner = [other.lower() for other in REFERENCE.findall(bodies[top]) if other.lower() in bodies]
            missing = [other for other in inner if other not in sizes]
            if missing and len(waiting) <= len(bodies) and not set(missing) & set(waiting[-200:]):
                waiting += missing[:1]
                continue
            size = len(bodies[top]) + sum(sizes.get(other, 0) for other in inner)
            sizes[waiting.pop()] = size
            if size > MOST_EXPANDED:
                return True
    return False


def keep_unknown_markup(text: str, page: Page) -> None:
    """Teach docutils the directives and roles of a text that it does not know as Sphinx does."""
    from docutils import nodes
    from docutils.parsers.rst import directives, roles

    from stages.ingest.dialects.rst_directives import Kept

    for name in set(map(str.lower, DIRECTIVE.findall(text))):
        if name in OURS or (name not in known_directives() and name not in directives._directives):
            directives.register_directive(name, Kept)

    def role(name: str, raw: str, words: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        shown = readable.shown_by(name.lower(), words, page)
        if shown.startswith("`"):
            return [nodes.literal(raw, shown.strip("`"))], []
        return [nodes.math(raw, shown.strip("$")) if shown.startswith("$") else nodes.inline(raw, shown)], []

    for name in set(map(str.lower, ROLE.findall(text))):
        if name not in known_roles():
            roles.register_local_role(name, role)


@cache
def known_directives() -> frozenset[str]:
    from docutils.parsers.rst import directives
    from docutils.parsers.rst.languages import en

    return frozenset({*en.directives, *directives._directive_registry})


@cache
def known_roles() -> frozenset[str]:
    from docutils.parsers.rst import roles
    from docutils.parsers.rst.languages import en

    return frozenset({*en.roles, *roles._role_registry})
