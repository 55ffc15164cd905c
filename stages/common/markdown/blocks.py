"""Markdown as blocks with line numbers, by markdown-it-py's CommonMark rules plus tables and formulas."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from stages.common.markdown.rules import cells as cells
from stages.common.markdown.rules import tables_and_formulas

# Without link definitions as a rule of their own: they make no block, and their lines would be lost. markdown-it gives
# up what is nested deeper than maxNesting; twenty, its default, is ten levels of a list.
PARSER = MarkdownIt("commonmark", {"html": True, "maxNesting": 60}).use(tables_and_formulas)
PARSER.enable("table").disable("reference")
TABLE_TAG = re.compile(r"</?table\b", re.IGNORECASE)
KINDS = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "table": "table",
    "fence": "fence",
    "code_block": "code",
    "bullet_list_open": "list",
    "ordered_list_open": "steps",
    "blockquote_open": "quote",
    "html_block": "html",
    "formula": "formula",
    "hr": "rule",
}


Outline = tuple[str, int, int, int]


@dataclass(frozen=True)
class Block:
    """A block: its source text and its lines, 1-based and inclusive."""

    kind: str  # heading, paragraph, table, fence, code, list, steps, quote, html, formula or rule
    text: str
    line_start: int
    line_end: int
    level: int = 0  # of a heading, 1 to 6


@dataclass(frozen=True)
class Heading:
    """One step of a heading path: its words, its source and its lines. The page's title has level 0 and line 1."""

    name: str
    text: str
    level: int = 0
    line_start: int = 1
    line_end: int = 1


@dataclass(frozen=True)
class PageSection:
    """The blocks between one heading and the next, under the path of headings that leads to them.

    Only a heading that stands in no other section's path has a section without blocks.
    """

    path: tuple[Heading, ...]
    blocks: tuple[Block, ...]


def parse(text: str) -> list[Token]:
    """Tokens by block rules only: inline markup is not needed, and parsing it would take most of the time."""
    tokens: list[Token] = []
    PARSER.block.parse(text, PARSER, {}, tokens)
    return tokens


def blocks(text: str) -> Iterator[Block]:
    """The top-level blocks of a page in order; every line that is not blank belongs to one."""
    lines = text.split("\n")
    for kind, level, start, end in whole_html_tables(outline(text), lines):
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
        yield Block(kind, "\n".join(lines[start:end]), start + 1, end, level)


def outline(text: str) -> Iterator[Outline]:
    """Kind, heading level and lines, from 0 and without the last, of each top-level block."""
    for token in parse(text):
        if token.level == 0 and token.map and not token.type.endswith("_close"):
            kind = KINDS.get(token.type, "paragraph")
            yield kind, int(token.tag[1]) if kind == "heading" else 0, token.map[0], token.map[1]


def whole_html_tables(outlines: Iterator[Outline], lines: list[str]) -> Iterator[Outline]:
    """CommonMark ends HTML at a blank line; here a table goes on until its end tag, if it has one."""
    waiting: list[Outline] = []
    depth = 0
    for item in outlines:
        kind, _, start, end = item
        if kind == "html" or (depth and kind == "paragraph"):
            tags = TABLE_TAG.findall("\n".join(lines[start:end]))
            depth = max(depth + sum(-1 if tag.startswith("</") else 1 for tag in tags), 0)
        waiting.append(item)
        if not depth:
            yield ("html", 0, waiting[0][2], end) if len(waiting) > 1 else item
            waiting = []
    yield from waiting


def heading_text(block: Block) -> str:
    """The words of an ATX or setext heading."""
    text = block.text.strip()
    if text.startswith("#"):
        words = text.lstrip("#").strip()
        without = words.rstrip("#")  # closing signs stand apart from the words
        return without.rstrip() if without[-1:] in ("", " ", "\t") else words
    return " ".join(line.strip() for line in text.split("\n")[:-1])


def sections(text: str, title: str) -> Iterator[PageSection]:
    """The page cut at its headings. Every path starts with the page's title."""
    path: list[Heading] = []
    body: list[Block] = []
    for block in blocks(text):
        if block.kind != "heading":
            body.append(block)
            continue
        if body or (path and block.level <= path[-1].level):
            yield PageSection(full_path(title, path), tuple(body))
        body = []
        path = [heading for heading in path if heading.level < block.level]
        path.append(Heading(heading_text(block), block.text, block.level, block.line_start, block.line_end))
    if body or path:
        yield PageSection(full_path(title, path), tuple(body))


def full_path(title: str, path: list[Heading]) -> tuple[Heading, ...]:
    """Title and headings; a first heading that repeats the title stands once, one without words not at all."""
    named = [heading for heading in path if heading.name]
    repeats = bool(named) and named[0].name == title
    return (Heading(title, title), *named[repeats:])
