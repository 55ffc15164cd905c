"""A page cut by one of the strategies."""

from collections.abc import Iterator
from dataclasses import dataclass

from tiktoken import Encoding

from stages.chunk.merging import merge_small
from stages.chunk.overlap import overlapping
from stages.chunk.pieces import BLOCK_BREAK, Limits, Piece, heading_blocks, page_pieces, path_line, shown_names
from stages.chunk.slices import slices
from stages.common.markdown.blocks import Heading, sections
from stages.common.records.rows import Doc


@dataclass(frozen=True)
class Cut:
    """What one chunk says: its heading path, its text and the lines of the page's text that it comes from."""

    headings: list[str]
    text: str
    line_start: int
    line_end: int


def markdown_cuts(doc: Doc, limits: Limits) -> Iterator[Cut]:
    """Blocks of the page packed under their headings; small pieces join a neighbour."""
    pieces = merge_small(page_pieces(sections(doc["text"], doc["title"]), limits), limits)
    for piece in overlapping(pieces, limits) if limits.overlap else pieces:
        yield from piece_cut(piece, limits)


def piece_cut(piece: Piece, limits: Limits) -> Iterator[Cut]:
    """The piece as a chunk; one that holds no word, such as a horizontal rule, makes none."""
    names = shown_names(piece.path, limits)
    blocks = piece.blocks
    if not blocks and len(names) > 1:  # a heading with nothing below it, and no neighbour that takes it in
        names, blocks = names[:-1], heading_blocks(piece.path[-1:])
    text = BLOCK_BREAK.join(block.text for block in blocks)
    if any(character.isalnum() for character in text):
        yield Cut(names, text, blocks[0].line_start, blocks[-1].line_end)


def fixed_cuts(doc: Doc, limits: Limits, encoding: Encoding) -> Iterator[Cut]:
    """The reference material's way: slices of so many tokens wherever they fall, but never inside a character."""
    names, text = shown_names((Heading(doc["title"], ""),), limits), doc["text"]
    room = limits.room - limits.count(path_line(names) + BLOCK_BREAK)
    line = counted = 0
    for start, end in slices(text, room, limits.overlap, encoding):
        line, counted = line + text.count("\n", counted, start), start
        if text[start:end].strip():
            first = line + 1
            yield Cut(names, text[start:end], first, first + text[start:end].rstrip("\n").count("\n"))
