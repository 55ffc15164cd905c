"""Attribute lists of Python-Markdown, kramdown and MyST, `{ .class #id }`."""

import re

from stages.ingest.dialects import prose
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page

ATTRIBUTES = re.compile(
    r"(?<!:)(?<!: )[ \t]?\{:?[ \t]*[.#][\w-][^{}\n]{0,200}\}|[ \t]?\{:[ \t]*[\w-]+=[^{}\n]{0,200}\}"
    r"|(?<=[)\]])\{[ \t]*[\w-]+=[^{}\n]{0,200}\}|[ \t]\{[ \t]*[a-z][\w-]*=[\"'][^{}\n]{0,200}\}(?=[ \t]*$)",
    re.MULTILINE,
)


def removed(lines: list[Line], page: Page) -> list[Line]:
    """The lines without `{ .class #id }`, which Python-Markdown, kramdown and MyST put behind what they mean."""
    return prose.sub(lines, page, "{", ATTRIBUTES, lambda match, _: "" if match[0].strip() else None)
