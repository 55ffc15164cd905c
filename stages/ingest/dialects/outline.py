"""What of a page is code, where its headings are and what stands in lists and quotes, by markdown-it's block rules.

Looked at before and while website syntax is resolved, so the text that the parser sees is not quite the page's: see
`readable`. Only the numbers of lines are taken from it.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# markdown-it gives up what is nested deeper than maxNesting; twenty, its default, is ten levels of a list.
COMMONMARK = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).disable(["reference", "inline", "text_join"])
# In MDX no indentation makes code, and a fence may be indented as deep as the component that it stands in.
MDX = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).disable(["reference", "inline", "text_join", "code"])
# Lines of MDX that are only tags, or only marks in their place: they bound blocks as blank lines do.
BOUND = re.compile(r"^([ \t>]*)(?:</?[A-Za-z][^<>\n]*>|\ufdd0[^\n]*\ufdd1)[ \t]*$", re.MULTILINE)
TAG_LINE = re.compile(r"^([ \t>]*)<(?=/?[A-Za-z>])", re.MULTILINE)
# A fence of MDX right behind a paragraph, so deep that CommonMark takes it for the paragraph's next line.
DEEP_FENCE = re.compile(r"^((?![>|]|(?:[-*+]|\d+[.)])[ \t])\S[^\n]*\n)(?: {4}|\t)[ \t]*(?=```|~~~)", re.MULTILINE)
HEADING = re.compile(r"^ {0,3}(?:#{1,6}(?:[ \t]|$)|=+[ \t]*$|-+[ \t]*$)", re.MULTILINE)
INDENTED = re.compile(r"^(?: {4}|\t)", re.MULTILINE)


@dataclass
class Outline:
    """Line numbers count from 0. `headings` are those outside lists and quotes: (first line, line behind, level)."""

    code: set[int] = field(default_factory=set)
    nested: set[int] = field(default_factory=set)
    headings: list[tuple[int, int, int]] = field(default_factory=list)


@lru_cache(maxsize=2)
def parsed(text: str, indented_code: bool) -> list[Token]:
    """The blocks of a page that begin and end somewhere; asked for again until a step changes the page."""
    parser, tokens = COMMONMARK if indented_code else MDX, []  # type: ignore[var-annotated]
    parser.block.parse(readable(text, indented_code), parser, {}, tokens)
    return [token for token in tokens if token.map is not None]


def outline(text: str, indented_code: bool = True) -> Outline:
    """Fenced code at any depth, indented code unless the page is MDX, headings, lists and quotes."""
    found = Outline()
    seen: list[str] = []
    for token in parsed(text, indented_code):
        lines = token.map or []
        if token.type in ("fence", "code_block"):
            found.code.update(range(*lines))
        elif token.level == 0 and token.type == "heading_open":
            found.headings.append((lines[0], lines[1], int(token.tag[1])))
        elif token.level == 0 and token.type in ("bullet_list_open", "ordered_list_open", "blockquote_open"):
            seen = seen or readable(text, indented_code).split("\n")
            last = next((n for n in range(lines[1] - 1, lines[0], -1) if seen[n].strip()), lines[0])
            found.nested.update(range(lines[0], last + 1))
    return found


def fences(text: str, indented_code: bool = True) -> list[tuple[int, int]]:
    """First line and line behind of each fence, at any depth."""
    if "```" not in text and "~~~" not in text:
        return []
    found = [(token.map, token.type) for token in parsed(text, indented_code)]
    return [(lines[0], lines[1]) for lines, kind in found if kind == "fence" and lines]


def code_lines(text: str, indented_code: bool = True) -> set[int]:
    """The lines of a page that are code; most pages have none and are not parsed for it."""
    if "```" in text or "~~~" in text or (indented_code and INDENTED.search(text)):
        return outline(text, indented_code).code
    return set()


def headings(text: str) -> list[tuple[int, int, int]]:
    """The headings of a page as in `Outline`."""
    return outline(text).headings if HEADING.search(text) else []


def readable(text: str, indented_code: bool) -> str:
    """The text, line for line, as the parser must see it to tell code from prose.

    An MDX comment is what an HTML comment is, a block in which nothing opens a fence; one that is never closed is none.
    A tag opens no HTML block, since in MDX a fence may stand right behind it, and behind a paragraph at any
    depth.
    """
    if not indented_code and ("<" in text or "\ufdd0" in text):
        text = BOUND.sub(r"\1", text)
    if not indented_code and ("    ```" in text or "\t```" in text or "~~~" in text):
        text = DEEP_FENCE.sub(r"\1", text)
    if "<" not in text and "{/*" not in text:
        return text
    text = text.replace("{/*", "<!--").replace("*/}", "-->")
    end = text.rfind("-->") + 1
    return TAG_LINE.sub(r"\1x", text[:end] + text[end:].replace("<!--", "x"))
