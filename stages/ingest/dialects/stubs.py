"""Pages that say nothing: only a title, only links, only images."""

import re

from stages.ingest.dialects.outline import headings

IMAGE = re.compile(r"!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])|<img\b[^>]*>")
LINK = re.compile(r"\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\]|:[ \t]*\S+)|<?https?://[^\s>)]+>?")
ATX_LINE = re.compile(r"^ {0,3}#{1,6}[ \t].*$", re.MULTILINE)
UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)[ \t]*$", re.MULTILINE)
LONGEST = 20_000  # characters; no list of links is so long
WORD = re.compile(r"\w")


def stub(text: str) -> str:
    """`only_title`, `only_links` or `only_images` when a page has nothing else, `empty` when not even that."""
    if not WORD.search(text):
        return "empty"
    if len(text) > LONGEST:
        return ""
    body = without_headings(text)
    if not WORD.search(body):
        return "only_title"
    without_images = IMAGE.sub(" ", body)
    if not WORD.search(without_images):
        return "only_images"
    return "" if WORD.search(LINK.sub(" ", without_images)) else "only_links"


def without_headings(text: str) -> str:
    """The text without its headings; most pages have no underlined ones and are not parsed for it."""
    if not UNDERLINE.search(text):
        return ATX_LINE.sub("", text)
    lines = text.split("\n")
    for start, end, _ in headings(text):
        lines[start:end] = [""] * (end - start)
    return "\n".join(lines)
