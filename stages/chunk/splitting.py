"""A block that exceeds the token budget in pieces, cut at the places where a reader would."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from stages.chunk import prose
from stages.chunk.frame import Frame
from stages.chunk.frames import CONTAINERS, frame
from stages.chunk.packing import Item, chains, fill, merged
from stages.chunk.prose import Count
from stages.common.markdown.blocks import Block

MIN_ROOM = 8  # tokens; where less is left, a piece may exceed the budget
LONGEST_TOKEN = 128  # characters, in any of tiktoken's vocabularies
MARK_ROOM = 4  # tokens of a list item's mark and an ellipsis


def split(
    block: Block, room: int, count: Count, floor: int = 0, first: int | None = None, depth: int = 0
) -> list[Block]:
    """The block in pieces of at most `room` tokens, the first of at most `first`.

    Parts of the block (rows, lines, items, the blocks in a quote) stay whole when they fit; what a piece repeats
    (a header, a fence's opening line, an item's first paragraph, a label) counts.
    """
    room = max(room, MIN_ROOM)
    framed = frame(block, lambda head: count(head) <= room // 2, depth)
    if framed is None:
        return prose_pieces(block, room, count, floor)
    if block.kind in CONTAINERS and crowds(framed, room, count):
        framed = frame(block, lambda head: False, depth) or framed
    frame_size = count(framed.dress("", False))
    inner = max(room - frame_size, MIN_ROOM)
    items = [item for part in framed.parts for item in fitting(part, inner, framed, count, floor, depth)]
    groups = fill(kept_together(items, inner), inner, floor - frame_size, None if first is None else first - frame_size)
    return [piece(block, framed, group, number == 0) for number, group in enumerate(groups)]


def crowds(framed: Frame, room: int, count: Count) -> bool:
    """Whether what is repeated takes the room of a part that fits without it."""
    inner = room - count(framed.dress("", False))
    short = (part for part in framed.parts if len(part.text) < room * LONGEST_TOKEN)
    return any(inner < count(framed.wrap(part.text)) < room - MARK_ROOM for part in short)


def fitting(part: Block, room: int, framed: Frame, count: Count, floor: int, depth: int) -> Iterator[Item]:
    """The part, or its pieces when it exceeds the room."""

    def size(text: str) -> int:
        return count(framed.wrap(text))

    if len(part.text) <= room * LONGEST_TOKEN and (tokens := size(part.text)) <= room:
        yield Item((part,), tokens)
        return
    for smaller in split(part, room, size, min(floor, room // 2), depth=depth + 1):
        smaller = closed(smaller)
        yield Item((smaller,), size(smaller.text))


def kept_together(items: list[Item], room: int) -> Iterator[Item]:
    """The items, one for those that belong together and fit."""
    for chain in chains(items):
        whole = merged(chain)
        yield from [whole] if whole.size <= room else chain


def piece(block: Block, framed: Frame, group: list[Item], first: bool) -> Block:
    """A piece of the block that holds a group of its parts."""
    parts = merged(group).blocks
    return replace(
        block,
        text=framed.dress("".join(part.text for part in parts), first),
        line_start=block.line_start if first else parts[0].line_start,
        line_end=parts[-1].line_end,
    )


def closed(piece: Block) -> Block:
    """A piece of a part, with the line end that every part has."""
    return piece if piece.text.endswith("\n") else replace(piece, text=piece.text + "\n")


def prose_pieces(block: Block, room: int, count: Count, floor: int) -> list[Block]:
    """The block cut like prose; white space at the cuts is left out."""
    texts = prose.cut(block.text, room, count, floor)
    starts = accumulate(texts, lambda line, text: line + text.count("\n"), initial=block.line_start)
    return [
        replace(
            block,
            text=text.strip("\n") if number == 0 else text.strip(),
            line_start=line + text[: len(text) - len(text.lstrip())].count("\n"),
            line_end=line + text.rstrip().count("\n"),
        )
        for number, (text, line) in enumerate(zip(texts, starts, strict=False))
        if text.strip()
    ]
