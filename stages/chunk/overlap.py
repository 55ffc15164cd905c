"""The end of a piece, repeated at the start of the next one of its section."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, pairwise

from stages.chunk.merging import fits
from stages.chunk.pieces import BLOCK_BREAK, Limits, Piece
from stages.chunk.prose import Count, last_sentences
from stages.common.markdown.blocks import Block


def overlapping(pieces: Iterable[Piece], limits: Limits) -> Iterator[Piece]:
    """The pieces, each that continues a section behind the end of the one before it, as far as both fit."""
    for before, piece in pairwise(chain([None], pieces)):
        assert piece is not None
        if before is not None and piece.continued and before.end == piece.path:
            repeated = ending(before.blocks, limits.overlap, limits.count)
            size = piece.size + sum(limits.count(block.text + BLOCK_BREAK) for block in repeated)
            longer = replace(piece, blocks=repeated + piece.blocks, size=size)
            yield longer if fits(longer, limits) else piece
        else:
            yield piece


def ending(blocks: tuple[Block, ...], room: int, count: Count) -> tuple[Block, ...]:
    """The last whole blocks, or else the last whole sentences of a paragraph, that have at most `room` tokens."""
    found: list[Block] = []
    for block in reversed(blocks):
        size = count(block.text + BLOCK_BREAK)
        if size > room or block.kind == "heading":
            break
        found.insert(0, block)
        room -= size
    if not found and blocks and blocks[-1].kind == "paragraph":
        return sentences(blocks[-1], room, count)
    return tuple(found)


def sentences(paragraph: Block, room: int, count: Count) -> tuple[Block, ...]:
    text = last_sentences(paragraph.text, room, lambda text: count(text + BLOCK_BREAK))
    start = paragraph.line_start + paragraph.text.count("\n", 0, paragraph.text.rfind(text))
    return (replace(paragraph, text=text, line_start=start),) if text else ()
