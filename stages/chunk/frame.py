"""What a block that exceeds the budget comes apart into, and what each piece of it repeats."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from stages.common.markdown.blocks import Block

Fits = Callable[[str], bool]  # whether a text is short enough to be repeated in each piece


def same(text: str) -> str:
    return text


@dataclass(frozen=True)
class Frame:
    """The parts of a block, each with the line ends behind it, and what a piece of it looks like."""

    parts: list[Block]
    dress: Callable[[str, bool], str]  # text of parts, whether it is the block's first piece -> the piece
    wrap: Callable[[str], str] = same  # how the text of parts stands in the piece, for counting


def between(head: str, tail: str, body: str, first: bool) -> str:
    return head + body.rstrip("\n") + tail


def lines_of(block: Block, kind: str, start: int = 0, end: int | None = None) -> list[Block]:
    """The lines `start` to `end` of a block, from 0, as blocks of their own."""
    lines = block.text.split("\n")[start:end]
    first = block.line_start + start
    return [Block(kind, line + "\n", number, number) for number, line in enumerate(lines, first)]


def cut_at(block: Block, cuts: list[int]) -> list[Block]:
    """The characters of a block from each cut to the next as blocks of their own, blank ones left out."""
    parts = []
    line = block.line_start
    for start, end in pairwise(cuts):
        text = block.text[start:end]
        if text.strip():
            parts.append(Block("text", text, line, line + text.rstrip("\n").count("\n")))
        line += text.count("\n")
    return parts
