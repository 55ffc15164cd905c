"""reStructuredText of Sphinx as Markdown, by docutils with the directives and roles that Sphinx adds.

The lines of what this gives are not those of the file, so the lineage of such a page names lines of the converted text.
"""

import re
from functools import cache
from typing import Any

from stages.common.base.errors import UserError
from stages.ingest.dialects import includes
from stages.ingest.dialects.flavours import directives as names
from stages.ingest.dialects.flavours import roles as readable
from stages.ingest.dialects.lines import Line, to_lines, to_text
from stages.ingest.dialects.page import Findings, Page, Site, Unread
from stages.ingest.sources.tree import RefusedError, Tree

DIRECTIVE = re.compile(r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?([\w:+.-]+)::", re.MULTILINE)
ROLE = re.compile(r":([\w:+.-]+):`")
INCLUDE = re.compile(r"([ \t]*)\.\.[ \t]+(include|literalinclude)::[ \t]*(\S+)[ \t]*$")
OPTION = re.compile(r"[ \t]+:([\w-]+):(?:[ \t]+(.*))?$")
SUBSTITUTION = re.compile(r"^[ \t]*\.\.[ \t]+\|([^|\n]{1,200})\|[ \t]+replace::[ \t]*(.*)$", re.MULTILINE)
REFERENCE = re.compile(r"\|([^|\s](?:[^|\n]{0,198}[^|\s])?)\|")
GIVEN = ("release", "version", "project")  # substitutions that Sphinx makes of conf.py
MOST_EXPANDED = 100_000  # characters that substitutions may become
NOTED = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
NOTED["versionremoved"] = "Removed in version"
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
    lines = included(to_lines("\n\n".join([text, *known]), path), page)
    return to_lines(markdown(to_text(lines)), path), page.found


def line_of(text: str, name: str) -> int:
    place = text.lower().find(f".. {name}::")
    return text.count("\n", 0, max(place, 0)) + 1


def included(lines: list[Line], page: Page) -> list[Line]:
    """The lines with the files that they include: text as it stands, code below a directive for it."""
    if not any("include::" in line.text for line in lines):
        return lines
    kept: list[Line] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        found = INCLUDE.match(line.text) if "include::" in line.text else None
        number += 1
        if found is None:
            kept.append(line)
            continue
        options: dict[str, str] = {}
        while number < len(lines) and (option := OPTION.match(lines[number].text)):
            options[option[1]] = option[2] or ""
            number += 1
        kept += put_in(found, options, line, page)
    return kept


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


def markdown(text: str) -> str:
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
    keep_unknown_markup(text)
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


def keep_unknown_markup(text: str) -> None:
    """Teach docutils the directives and roles of a text that it does not know as Sphinx does."""
    from docutils import nodes
    from docutils.parsers.rst import directives, roles

    for name in set(map(str.lower, DIRECTIVE.findall(text))):
        if name in OURS or (name not in known_directives() and name not in directives._directives):
            directives.register_directive(name, sphinx_directive())

    def role(name: str, raw: str, words: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        shown = readable.shown_by(name.lower(), words)
        if shown.startswith("`"):
            return [nodes.literal(raw, shown.strip("`"))], []
        return [nodes.math(raw, shown.strip("$")) if shown.startswith("$") else nodes.inline(raw, shown)], []

    for name in set(map(str.lower, ROLE.findall(text))):
        if name not in known_roles() and name not in roles._roles:
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


class AnyOption(dict[str, Any]):
    """Options of every name, as they are written."""

    def __bool__(self) -> bool:
        return True  # docutils reads no options where none is named

    def __missing__(self, name: str) -> Any:
        return lambda value: value or ""


@cache
def sphinx_directive() -> Any:
    """One directive for all that docutils does not know: code, remarks on versions, parts of programs, and what holds
    text below a title."""
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Kept(Directive):  # type: ignore[misc]
        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        option_spec = AnyOption()

        def run(self) -> list[Any]:
            if self.name in names.DROPPED and self.name not in ("only", "class", "default-role"):
                return []
            if self.name in names.CODE:
                return self.code()
            if self.name in ("seealso", "todo"):
                return self.note()
            container = nodes.container()
            container += self.heading()
            self.state.nested_parse(self.content, self.content_offset, container)
            return [container]

        def note(self) -> list[Any]:
            title = {"seealso": "See also"}.get(self.name, self.name.capitalize())
            note = nodes.admonition("", nodes.title("", title), classes=["admonition"])
            note += self.paragraph(" ".join(self.arguments)) if self.arguments else []
            self.state.nested_parse(self.content, self.content_offset, note)
            return [note]

        def code(self) -> list[Any]:
            language = names.code_language(" ".join(self.arguments))
            text = "\n".join(self.content)
            block = nodes.literal_block(text, text, classes=["code", language] if language else [])
            caption = self.options.get("caption", "")
            return [*self.bold(caption), block] if text.strip() else self.bold(caption)

        def heading(self) -> list[Any]:
            words = "\n".join(self.arguments).strip()
            if self.name in NOTED:
                version, rest = (*words.split(None, 1), "")[:2] if words else ("", "")
                return self.paragraph(f"{NOTED[self.name]} {version}" + (f": {rest}" if rest else ""))
            if names.is_object(self.name):
                signatures = words.split("\n")
                return [nodes.paragraph("", "", nodes.literal("", one.strip())) for one in signatures if one.strip()]
            if self.name in ("only", "class", "ifconfig", "grid", "hlist"):
                return []
            first, _, rest = words.partition("\n")
            return [*self.bold(first), *(self.paragraph(rest) if rest else [])]

        def paragraph(self, words: str) -> list[Any]:
            inline, _ = self.state.inline_text(" ".join(words.split()), self.lineno)
            return [nodes.paragraph("", "", *inline)]

        def bold(self, words: str) -> list[Any]:
            if not words:
                return []
            inline, _ = self.state.inline_text(words.replace("\n", " "), self.lineno)
            return [nodes.paragraph("", "", nodes.strong("", "", *inline))]

    return Kept
