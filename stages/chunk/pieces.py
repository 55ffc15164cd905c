"""What goes into one chunk: blocks under their heading path."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

from stages.chunk.packing import Item, chains, even_out, merged
from stages.chunk.prose import Count
from stages.chunk.splitting import split
from stages.common.markdown.blocks import Block, Heading, PageSection

BLOCK_BREAK = "\n\n"
CHARS_PER_TOKEN = 8  # more than names have
PATH_SHARE = 0.75  # of the budget, at most, for the heading path

Path = tuple[Heading, ...]


@dataclass(frozen=True)
class Limits:
    """Tokens of a chunk: at most `room` with its path, if possible not below `floor`, `overlap` of them repeated."""

    room: int
    floor: int
    overlap: int
    count: Count


@dataclass(frozen=True)
class Piece:
    """Blocks of a page that make a chunk, and their tokens, the break behind each block included.

    The blocks may hold headings below `path`; `end` is the path of the last block. A piece of a section that the
    piece before it began is `continued`, and `known` is how many headings of its path stand before earlier pieces.
    A heading without anything below it is a piece without blocks.
    """

    path: Path
    end: Path
    blocks: tuple[Block, ...]
    size: int
    known: int
    continued: bool


def path_line(names: list[str]) -> str:
    """A heading path as it stands before a chunk in a prompt."""
    return " > ".join(names)


def shown_names(path: Path, limits: Limits) -> list[str]:
    """The names of a path. One that would leave no room for text has its longest names cut short, with `…`."""
    room = int(limits.room * PATH_SHARE)
    names = [shortened(heading.name, room * CHARS_PER_TOKEN) for heading in path]
    while limits.count(path_line(names) + BLOCK_BREAK) > room and max(map(len, names)) > CHARS_PER_TOKEN:
        longest = max(range(len(names)), key=lambda number: len(names[number]))
        names[longest] = shortened(names[longest], len(names[longest]) // 2)
    return names


def shortened(name: str, length: int) -> str:
    return name if len(name) <= length else name[:length].rstrip(" …") + "…"


def page_pieces(sections: Iterable[PageSection], limits: Limits) -> Iterator[Piece]:
    """The pieces of each section; a heading too long for a path stands in the text of the first section below it."""
    above: Path = ()
    for section in sections:
        names = shown_names(section.path, limits)
        known = len(common(above, section.path))
        long = tuple(heading for heading, name in list(zip(section.path, names, strict=True))[known:]
                     if heading.name != name)  # fmt: skip
        for number, group in enumerate(groups(heading_blocks(long) + section.blocks, names, limits)):
            yield Piece(
                section.path, section.path, group.blocks, group.size, len(section.path) if number else known, number > 0
            )
        above = section.path


def groups(blocks: tuple[Block, ...], names: list[str], limits: Limits) -> Iterator[Item]:
    """The blocks of a section packed whole up to the budget; one that exceeds it alone is split."""
    budget = limits.room - limits.count(path_line(names) + BLOCK_BREAK) - 1
    items = [Item((block,), limits.count(block.text + BLOCK_BREAK)) for block in blocks]
    whole = sum(item.size for item in items) <= budget
    for group in [items] if whole else packed(items, budget, limits):
        yield merged(group)


def packed(items: list[Item], budget: int, limits: Limits) -> list[list[Item]]:
    """Chains of blocks in groups of at most `budget` tokens, less what is kept free for the overlap."""
    room = budget - limits.overlap
    groups: list[list[Item]] = [[]]
    for chain in chains(items):
        whole = merged(chain)
        used = sum(item.size for item in groups[-1])
        if used + whole.size <= room:
            groups[-1].append(whole)
            continue
        # A small beginning stays with what has to be cut anyway.
        if used and (used >= limits.floor or whole.size <= budget):
            groups.append([])
        if whole.size <= budget:
            groups[-1].append(whole)
        else:
            place_parts(chain, groups, budget, limits)
    groups = [group for group in groups if group]
    even_out(groups, room, limits.floor)
    return groups


def place_parts(chain: list[Item], groups: list[list[Item]], budget: int, limits: Limits) -> None:
    """Blocks that exceed the budget together, one by one; one that exceeds it alone is split."""
    room = budget - limits.overlap
    for item in chain:
        used = sum(part.size for part in groups[-1])
        if item.size <= budget:
            if used + item.size > room:
                groups.append([])
            groups[-1].append(item)
            continue
        left = room - used if room - used >= room // 4 else room
        for piece in split(item.blocks[0], room, limits.count, limits.floor, left):
            size = limits.count(piece.text + BLOCK_BREAK)
            if groups[-1] and sum(part.size for part in groups[-1]) + size > room:
                groups.append([])
            groups[-1].append(Item((piece,), size))


def heading_blocks(path: Path) -> tuple[Block, ...]:
    """Headings as blocks of a chunk's text."""
    return tuple(Block("heading", step.text, step.line_start, step.line_end, step.level) for step in path)


def common(first: Path, second: Path) -> Path:
    return tuple(a for a, _ in takewhile(lambda ab: ab[0] == ab[1], zip(first, second, strict=False)))


def joined(first: Piece, second: Piece, count: Count) -> Piece:
    """Two neighbours as one piece under the headings that they share, the headings below those in its text.

    Text that comes back from those to the page itself, as behind a group of tabs, says so by the title.
    """
    path = common(first.path, second.path)
    new = heading_blocks(first.path[max(len(path), first.known) :])
    between = heading_blocks(second.path[len(common(first.end, second.path)) :])
    if second.path == first.end[:1] != first.end and second.blocks and second.blocks[0].kind != "heading":
        line = second.blocks[0].line_start
        between = (Block("heading", f"# {second.path[0].name}", line, line, 1),)
    blocks = new + first.blocks + between + second.blocks
    # A heading that an earlier piece stands under is written again, but its line is not among those of this piece.
    line = blocks[0].line_start
    known = heading_blocks(first.path[len(path) : first.known])
    again = tuple(replace(block, line_start=line, line_end=line) for block in known)
    return Piece(
        path,
        second.end,
        again + blocks,
        first.size + second.size + sum(count(block.text + BLOCK_BREAK) for block in again + new + between),
        first.known,
        first.continued and path == first.path,
    )
