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

MARGIN_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
MARGIN_HEADING = re.compile(r"(#{1,6})(?:[ \t]|$)")
# What may hide a fence or a heading, or be one: indentation, signs of lists and quotes before either, HTML, underlines.
HIDING = re.compile(r"(?: {4}|[ ]{0,3}\t)[ \t]*\S|[ \t>*+\d.)-]+(?:`{3}|~{3})| +#| {0,3}<| {0,3}(?:=+|-+)[ \t]*$")
HARMLESS = re.compile(r"(?: {4}|[ ]{0,3}\t)[ \t]*(?!`{3}|~{3})\S| {0,3}<")  # in MDX
RULE = re.compile(r"-+[ \t]*$")  # behind a blank line, else an underline


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


def sketch(text: str, indented_code: bool = True) -> Outline:
    """The code and the headings of a page, without what is nested: most pages are not parsed for them."""
    return at_the_margin(text, indented_code) or outline(text, indented_code)


def at_the_margin(text: str, indented_code: bool) -> Outline | None:
    """The code and the headings of a page whose fences and headings all begin at the margin; nothing for any other, and
    where HTML, comments or indentation may hide one."""
    if "<!--" in text or "{/*" in text:
        return None
    sketched = Outline()
    sign, before = "", ""
    for number, line in enumerate(text.split("\n")):
        if sign:
            sketched.code.add(number)
            rest = line.strip()
            if rest.startswith(sign) and not rest.strip(sign[0]) and (not indented_code or line[:4].strip(" ")):
                sign = ""
        elif opening := MARGIN_FENCE.match(line):
            sign = opening[1] or opening[2]
            sketched.code.add(number)
        elif heading := MARGIN_HEADING.match(line):
            sketched.headings.append((number, number + 1, len(heading[1])))
        elif HIDING.match(line) and (indented_code or not HARMLESS.match(line)) and (before or not RULE.match(line)):
            return None
        before = line.strip()
    return None if sign else sketched


def fences(text: str, indented_code: bool = True) -> list[tuple[int, int]]:
    """First line and line behind of each fence, at any depth."""
    if "```" not in text and "~~~" not in text:
        return []
    found = [(token.map, token.type) for token in parsed(text, indented_code)]
    return [(lines[0], lines[1]) for lines, kind in found if kind == "fence" and lines]


def code_lines(text: str, indented_code: bool = True) -> set[int]:
    """The lines of a page that are code; most pages have none and are not parsed for it."""
    if "```" in text or "~~~" in text or (indented_code and INDENTED.search(text)):
        return sketch(text, indented_code).code
    return set()


def headings(text: str) -> list[tuple[int, int, int]]:
    """The headings of a page as in `Outline`."""
    return sketch(text).headings if HEADING.search(text) else []


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
