"""Attribute lists of Python-Markdown, kramdown and MyST, `{ .class #id }`."""

import re

from stages.ingest.dialects import prose
from stages.ingest.dialects.lines import Line
from stages.ingest.dialects.page import Page, needs

ATTRIBUTES = re.compile(
    r"(?<!:)(?<!: )[ \t]?\{:?[ \t]*[.#][\w-][^{}\n]{0,200}\}|[ \t]?\{:[ \t]*[\w-]+=[^{}\n]{0,200}\}"
    r"|(?<=[)\]])\{[ \t]*[\w-]+=[^{}\n]{0,200}\}|[ \t]\{[ \t]*[a-z][\w-]*=[\"'][^{}\n]{0,200}\}(?=[ \t]*$)",
    re.MULTILINE,
)
# Its attributes are taken out like all others.
SPAN = re.compile(r"(?<![!\]\\\w:])\[([^\[\]\n]{1,300})\](?=\{[ \t]*[.#][\w-][^{}\n]{0,100}\})")


@needs("{")
def removed(lines: list[Line], page: Page) -> list[Line]:
    """The lines without `{ .class #id }`, which Python-Markdown, kramdown and MyST put behind what they mean."""
    lines = prose.sub(lines, page, "]{", SPAN, lambda _, group: group(1))
    return prose.sub(lines, page, "{", ATTRIBUTES, lambda match, _: "" if match[0].strip() else None)
