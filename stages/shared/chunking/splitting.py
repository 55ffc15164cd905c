"""A block that exceeds the token budget in pieces, cut at the places where a reader would."""

from dataclasses import replace
from itertools import accumulate

from stages.shared.chunking import prose
from stages.shared.chunking.frames import frame
from stages.shared.chunking.packing import Item, fill
from stages.shared.chunking.prose import Count
from stages.shared.markdown.blocks import Block

MIN_ROOM = 8  # tokens; where less is left, a piece may exceed the budget


def split(
    block: Block, room: int, count: Count, floor: int = 0, first: int | None = None, depth: int = 0
) -> list[Block]:
    """The block in pieces of at most `room` tokens, the first of at most `first`.

    Parts of the block (rows, lines, items, the blocks in a quote) stay whole when they fit; what a piece repeats
    (a header, a fence's opening line, an item's first paragraph, a label) counts.
    """
    room = max(room, MIN_ROOM)
    found = frame(block, lambda head: count(head) <= room // 2, depth)
    if found is None:
        return prose_pieces(block, room, count, floor)
    frame_size = count(found.dress("", False))
    inner = max(room - frame_size, MIN_ROOM)

    def size(text: str) -> int:
        return count(found.wrap(text))

    items: list[Item] = []
    for part in found.parts:
        tokens = size(part.text)
        if tokens <= inner:
            items.append(Item((part,), tokens))
        else:
            smaller = split(part, inner, size, min(floor, inner // 2), depth=depth + 1)
            items += [Item((piece,), size(piece.text)) for piece in map(closed, smaller)]
    groups = fill(items, inner, floor - frame_size, None if first is None else first - frame_size)
    return [
        replace(
            block,
            text=found.dress("".join(item.blocks[0].text for item in group), number == 0),
            line_start=group[0].blocks[0].line_start if number else block.line_start,
            line_end=group[-1].blocks[-1].line_end,
        )
        for number, group in enumerate(groups)
    ]


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
