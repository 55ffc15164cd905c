"""Pages that say nothing: only a title, only links, only images."""

import re

from stages.shared.dialects.outline import headings

IMAGE = re.compile(r"!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])|<img\b[^>]*>")
LINK = re.compile(r"\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\]|:[ \t]*\S+)|<?https?://[^\s>)]+>?")
WORD = re.compile(r"\w")


def stub(text: str) -> str:
    """`only_title`, `only_links` or `only_images` when a page has nothing else, `empty` when not even that."""
    if not WORD.search(text):
        return "empty"
    if len(text) > 20_000:  # no page of links is so long, nor need one be dropped
        return ""
    lines = text.split("\n")
    found = headings(text)
    for start, end, _ in found:
        lines[start:end] = [""] * (end - start)
    body = "\n".join(lines)
    if not WORD.search(body):
        return "only_title"
    without_images = IMAGE.sub(" ", body)
    if not WORD.search(without_images):
        return "only_images"
    return "" if WORD.search(LINK.sub(" ", without_images)) else "only_links"
