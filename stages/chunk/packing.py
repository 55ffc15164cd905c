"""Blocks packed into pieces: whole, in order, what introduces something together with what it introduces."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stages.common.markdown.blocks import Block

LABEL = re.compile(r"^\s*(\*\*|__)(?:(?!\1).)+\1\s*[:：]?\s*$")  # nothing but bold words
POINTS_ON = re.compile(
    r"(如下|下表|下图|下列|以下|following|as follows|below)[^。.！!？?\n]{0,40}[。.]?$", re.IGNORECASE
)
IMAGE = re.compile(r"^\s*!\[[^\[\]]*\]\([^()]*\)\s*$")
EXPLAINS = re.compile(r"^(其中|式中|where\b|Where\b)")  # the signs of the formula before it


@dataclass(frozen=True)
class Item:
    """Blocks that stay together and their tokens, the break behind each included."""

    blocks: tuple[Block, ...]
    size: int


def merged(items: Iterable[Item]) -> Item:
    """Items as one."""
    found = list(items)
    return Item(tuple(block for item in found for block in item.blocks), sum(item.size for item in found))


def introduces(block: Block) -> bool:
    """Whether a paragraph belongs to what follows: it ends in a colon, points on, or is only a bold label."""
    if block.kind != "paragraph":
        return False
    text = block.text.rstrip(" \t\n*_")
    return text.endswith((":", "：")) or bool(LABEL.match(block.text) or POINTS_ON.search(text))


def chains(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Runs of items of which each belongs to the one before it."""
    chain: list[Item] = []
    for item in items:
        if chain and not belongs(chain[-1].blocks[-1], item.blocks[0]):
            yield chain
            chain = []
        chain.append(item)
    if chain:
        yield chain


def belongs(block: Block, following: Block) -> bool:
    """Whether a block belongs to the one before it: introduced by it, or explaining, illustrating or continuing it."""
    if introduces(block):
        return True
    if following.kind != "paragraph":
        return False
    explains = block.kind == "formula" and EXPLAINS.match(following.text.lstrip("> "))
    continues = block.kind in ("list", "steps") and following.text.startswith("  ")
    return bool(explains or continues or IMAGE.match(following.text))


def fill(items: Iterable[Item], room: int, floor: int, first: int | None = None) -> list[list[Item]]:
    """Items in groups of at most `room` tokens, the first of at most `first`; a longer item is alone.

    Groups are filled from the front, so that what is added at the end leaves the groups before it as they are.
    Only when the last one is below `floor` does it take items of the one before it.
    """
    groups: list[list[Item]] = []
    size = 0
    for item in items:
        limit = first if first is not None and len(groups) == 1 else room
        if groups and size + item.size <= limit:
            groups[-1].append(item)
            size += item.size
        else:
            groups.append([item])
            size = item.size
    even_out(groups, room, floor)
    return groups


def even_out(groups: list[list[Item]], room: int, floor: int) -> None:
    """Move items to the last group until it has `floor` tokens, as long as the one before it keeps as many."""
    if len(groups) < 2:
        return
    before, last = groups[-2:]
    left, right = (sum(item.size for item in group) for group in (before, last))
    while right < floor and len(before) > 1:
        size = before[-1].size
        if left - size < floor or right + size > room:
            return
        last.insert(0, before.pop())
        left, right = left - size, right + size
