"""GitHub's documentation: Liquid with `{% data variables.product.name %}`, whose words stand in data/variables, with
`{% data reusables.repositories.new %}`, whose text stands in data/reusables, and links that show the page's own title.
"""

import re
from collections.abc import Callable

from stages.ingest.dialects import includes, literals, marks, prose
from stages.ingest.dialects.bracketed import Bracketed
from stages.ingest.dialects.flavours import attribute_lists
from stages.ingest.dialects.flavours.roles import readable
from stages.ingest.dialects.frontmatter import front_matter, scalar_text
from stages.ingest.dialects.lines import Line, to_text
from stages.ingest.dialects.page import Page
from stages.ingest.sources.tree import RefusedError

AUTOTITLE = re.compile(r"\[AUTOTITLE\]\(([^()\s#?]++)([^()\s]*+)\)")
Reader = Callable[[list[Line], Page], list[Line]]


def data(name: str, tag: Bracketed, page: Page, tags: Reader) -> str:
    """What `{% data name %}` shows; `tags` reads the Liquid in it."""
    kind, _, path = name.partition(".")
    base = f"/{page.site.base}/data"
    if kind == "reusables":
        got = includes.code(page, tag.line, f"{base}/reusables/{path.replace('.', '/')}.md")
        text = to_text(tags(got[1], page.within(got[0]))).strip() if got else ""
        return marks.block(f"\n\n{text}\n\n") if "\n" in text and tag.alone else " ".join(text.split())
    file, _, key = path.partition(".")
    got = page.read(tag.line.origin, f"{base}/variables/{file}.yml") if kind == "variables" else None
    words = (literals.of_yaml("", to_text(got[1])) if got else {}).get(f".{key}", "")
    if not words:
        page.unread(tag.line, "liquid", "{% data " + f"{name} %}}")
    inner = page.within(got[0]) if got else page
    return " ".join(to_text(tags([tag.line.with_text(words)], inner)).split()) if "{%" in words else words


def titles(lines: list[Line], page: Page) -> list[Line]:
    """The lines with `[AUTOTITLE](/path)` as links that show the title of the page, else the last part of the path."""

    def shown(match: re.Match[str], group: prose.Group) -> str | None:
        return f"[{title_of(group(1), page)}]({group(1)}{group(2)})"

    return attribute_lists.removed(prose.sub(lines, page, "[AUTOTITLE]", AUTOTITLE, shown), page)


def title_of(path: str, page: Page) -> str:
    place = f"/{page.site.base}/content/{path.strip('/')}"
    for module in (f"{place}.md", f"{place}/index.md"):
        try:
            text = page.tree.read(page.tree.resolve(module, page.path)).text
        except RefusedError:
            continue
        title = scalar_text(front_matter(text).get("title"))
        if title and "{%" not in title:
            return title
    return readable(path)
