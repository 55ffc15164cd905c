"""`{{ name }}`: values of the site's configuration and of the page's front matter, filled in where they are known."""

import re

from stages.ingest.dialects.bracketed import Bracketed, replaced
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page, needs

NAME = re.compile(r"\s*-?\s*([$A-Za-z_][\w$.-]*)\s*(?:\|[^|{}\n]*)*\s*-?\s*")
LITERAL = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)')\s*(?:\|[^|{}\n]*)*\s*""")


@needs("{{")
def in_braces(lines: list[Line], page: Page) -> list[Line]:
    """The lines with their variables filled in; what is not known stays, and is noted at the end."""

    def value(tag: Bracketed) -> str | None:
        inner = tag.inner[:400]
        literal, name = LITERAL.fullmatch(inner), NAME.fullmatch(inner)
        if literal:
            return literal[1] or literal[2] or ""
        return page.values.get(name[1]) if name else None

    return replaced(lines, page, {"{{": "}}"}, value)
