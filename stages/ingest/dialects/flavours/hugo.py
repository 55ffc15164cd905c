"""Hugo: shortcodes, `{{< name … >}}` and `{{% name %}}` … `{{% /name %}}`. Their text stays, in parameters too.

What a site's own shortcodes show beyond it is not known.
"""

import re

from stages.ingest.dialects import definitions, includes, marks
from stages.ingest.dialects.attributes import attributes, first
from stages.ingest.dialects.bracketed import Bracketed, replaced
from stages.ingest.dialects.containers import fenced
from stages.ingest.dialects.flavours import attribute_lists, templates
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.page import Flavour, Page, needs
from stages.ingest.sources.tree import RefusedError

NAME = re.compile(r"[ \t\n]*+(/?)[ \t]*+([\w./-]+)[ \t\n]*+")
CLOSED = re.compile(r"\{\{[<%][ \t]*/[ \t]*([\w./-]+)")
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|`([^`]*)`|([^\s"`=]+)(?=\s|$)')
VALUE = re.compile(r"""(?<![\w-])[\w-]++=(?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^\s"`]+)""")
SIGNS = {"{{<": ">}}", "{{%": "%}}"}
INCLUDES = frozenset(
    ("include", "readfile", "code_sample", "codenew", "code", "import", "includes", "include-md", "snippet")
)
VALUES = frozenset(("param", "var", "variable", "version", "site-param"))
LINKS = frozenset(("ref", "relref", "rel", "abslink", "link-hextra"))
HIDDEN = frozenset(("comment", "private"))


@needs("{{<", "{{%")
def shortcodes(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their shortcodes as text, and as marks of notes, tabs and sections."""
    if not any("{{<" in line.text or "{{%" in line.text for line in lines):
        return lines
    tags = templates.Tags(frozenset(CLOSED.findall(to_text(lines))))
    lines = without_hidden(lines)

    def text(tag: Bracketed) -> str | None:
        if tag.inner.lstrip().startswith("/*"):  # an example of a shortcode, not one
            return f"`{tag.sign} {tag.inner.strip().strip('/*').strip()} {SIGNS[tag.sign]}`"
        name = NAME.match(tag.inner)
        if name is None:
            return None
        if name[1]:
            return tags.close(name[2])
        return shown(name[2], tag.inner[name.end() :].rstrip().removesuffix("/"), tag, tags, page)

    return replaced(lines, page, SIGNS, text)


def shown(name: str, rest: str, tag: Bracketed, tags: templates.Tags, page: Page) -> str:
    """What stands in the place of a start tag."""
    values, words = attributes(rest), positional(rest)
    lower = name.rpartition("/")[2].lower()
    if lower in LINKS:
        return words[0] if words else first(values, "path")
    if lower in VALUES and words:
        value = known(words[0], page)
        if value is not None:
            return value
    file = first(values, "file", "path", "src") or (words[0] if words else "")
    if lower in INCLUDES and name not in tags.closed and "." in file:
        return included(file, values, tag, page)
    if name not in tags.closed and not values and (own := of_site(name, tag, page)) is not None:
        return own
    if values.get("disabled") == "true":
        return ""  # a tab that only says what the others are
    text = tags.open(name, values, words, tag.alone or (tag.starts and name in tags.closed))
    if text is None:
        page.unread(tag.line, "shortcode", f"{tag.sign} {name} {rest}")
        return ""
    return text


def of_site(name: str, tag: Bracketed, page: Page) -> str | None:
    """What a shortcode of the site shows, when it is nothing but text."""
    for place in ("layouts/shortcodes", "layouts/_shortcodes"):
        for suffix in ("md", "html"):
            try:
                path, lines = page.text_of(f"/{page.site.base}/{place}/{name}.{suffix}")
            except RefusedError:
                continue
            text = to_text(lines)
            if "{{" in text:
                return None
            page.found.inlined.append(path)
            return marks.block(f"\n\n{text.strip()}\n\n") if tag.alone else text.strip()
    return None


def known(name: str, page: Page) -> str | None:
    """A parameter of the page, else of the site."""
    name = name.strip(".")
    candidates = (f"Params.{name}", f"Site.Params.{name}", f"page.{name}")
    return next((page.values[candidate] for candidate in candidates if candidate in page.values), None)


def positional(rest: str) -> list[str]:
    """The arguments without a name."""
    return [found[1] or found[2] or found[3] or "" for found in WORD.finditer(VALUE.sub(" ", rest))]


def included(file: str, values: dict[str, str], tag: Bracketed, page: Page) -> str:
    """The text of a file, as code when it is no page."""
    name = file.lstrip("/")
    got = includes.code(
        page, tag.line, f"./{name}", f"/{name}", f"/{page.site.base}/{name}", f"/{page.site.base}/content/{name}"
    )
    if got is None:
        return ""
    is_page = got[0].endswith((".md", ".markdown")) and "code" not in values
    lines = got[1] if is_page else fenced(got[1], first(values, "lang", "language") or includes.language(got[0]))
    return marks.block(f"\n\n{to_text(lines)}\n\n")


def without_hidden(lines: list[Line]) -> list[Line]:
    """The lines without what stands between shortcodes that show nothing."""
    inside = False
    kept: list[Line] = []
    for line in lines:
        found = [(name[1], name[2]) for name in CALLS.finditer(line.text)] if "{{" in line.text else []
        opens = any(not closes and name in HIDDEN for closes, name in found)
        closes = any(closes and name in HIDDEN for closes, name in found)
        kept.append(line.with_text("") if inside or opens else line)
        inside = (inside or opens) and not closes
    return kept


CALLS = re.compile(r"\{\{[<%][ \t]*+(/?)[ \t]*+([\w./-]+)")
FLAVOUR = Flavour(
    "hugo",
    ("hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json", "config/_default", "config.toml", "config.yaml", "config.yml"),
    before=(shortcodes, definitions.as_items),
    after=(attribute_lists.removed,),
)
