"""Markdown as blocks with line numbers, by markdown-it-py's CommonMark rules plus tables and formulas."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

# Without link definitions as a rule of their own: they make no block, and their lines would be lost.
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table").disable("reference").use(dollarmath_plugin)
CELL_BORDER = re.compile(r"(?<!\\)\|")
KINDS = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "table_open": "table",
    "fence": "fence",
    "bullet_list_open": "list",
    "ordered_list_open": "steps",
    "html_block": "html",
    "math_block": "formula",
    "math_block_label": "formula",
}


@dataclass(frozen=True)
class Block:
    """A top-level block: its source text and its lines, 1-based and inclusive."""

    kind: str  # heading, paragraph, table, fence, list, steps, html, formula or other
    text: str
    line_start: int
    line_end: int
    level: int = 0  # of a heading, 1 to 6


@dataclass(frozen=True)
class Section:
    """The blocks between one heading and the next, under the path of headings that leads to them."""

    headings: tuple[str, ...]
    blocks: tuple[Block, ...]


def blocks(text: str) -> Iterator[Block]:
    """The top-level blocks of a page in order; every line that is not blank belongs to one."""
    lines = text.split("\n")
    # Block rules only: inline markup is not needed, and parsing it would take most of the time.
    tokens: list[Token] = []
    PARSER.block.parse(text, PARSER, {}, tokens)
    for token in tokens:
        if token.level == 0 and token.map and not token.type.endswith("_close"):
            start, end = token.map
            while end > start + 1 and not lines[end - 1].strip():
                end -= 1
            kind = KINDS.get(token.type, "other")
            level = int(token.tag[1]) if kind == "heading" else 0
            yield Block(kind, "\n".join(lines[start:end]), start + 1, end, level)


def fence_lines(text: str) -> set[int]:
    """The lines, counted from 0, that belong to fenced code at any depth, in lists and quotes too."""
    if "```" not in text and "~~~" not in text:
        return set()
    tokens: list[Token] = []
    PARSER.block.parse(text, PARSER, {}, tokens)
    return {line for token in tokens if token.type == "fence" and token.map for line in range(*token.map)}


def heading_text(block: Block) -> str:
    """The words of an ATX or setext heading."""
    text = block.text.strip()
    if text.startswith("#"):
        return re.sub(r"(^|[ \t]+)#+$", "", text.lstrip("#").strip()).strip()
    return " ".join(line.strip() for line in text.split("\n")[:-1])


def sections(text: str, title: str) -> Iterator[Section]:
    """The page cut at its headings. Every path starts with the page's title."""
    path: list[tuple[int, str]] = []
    body: list[Block] = []
    for block in blocks(text):
        if block.kind != "heading":
            body.append(block)
            continue
        if body:
            yield Section(full_path(title, path), tuple(body))
        body = []
        path = [(level, name) for level, name in path if level < block.level]
        path.append((block.level, heading_text(block)))
    if body:
        yield Section(full_path(title, path), tuple(body))


def full_path(title: str, path: list[tuple[int, str]]) -> tuple[str, ...]:
    """Title and headings; a first heading that repeats the title stands once."""
    names = [name for _, name in path if name]
    return tuple(names if names[:1] == [title] else [title, *names])


def cells(row: str) -> list[str]:
    """The cells of a table row, without the escapes of pipes."""
    row = row.strip().removeprefix("|")
    if row.endswith("|") and not row.endswith("\\|"):
        row = row[:-1]
    return [cell.replace("\\|", "|").strip() for cell in CELL_BORDER.split(row)]
