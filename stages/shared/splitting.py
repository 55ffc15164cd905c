"""Cutting a Markdown block that exceeds the token budget at the places where a reader would."""

from collections.abc import Callable, Iterator

from stages.shared.markdown import Block
from stages.shared.text import sentences

Count = Callable[[str], int]


def split(block: Block, budget: int, count: Count) -> list[Block]:
    """The block in parts of at most `budget` tokens, by its kind."""
    if block.kind == "table":
        return list(split_table(block, budget, count))
    if block.kind == "fence":
        return list(split_fence(block, budget, count))
    return list(grouped(block, block.text.split("\n"), block.line_start, "", "", budget, count))


def split_table(block: Block, budget: int, count: Count) -> Iterator[Block]:
    """A table between its rows, the header repeated."""
    header, delimiter, *rows = block.text.split("\n")
    head = f"{header}\n{delimiter}\n"
    yield from grouped(block, rows, block.line_start + 2, head, "", budget, count)


def split_fence(block: Block, budget: int, count: Count) -> Iterator[Block]:
    """A code fence between its lines, closed and opened again."""
    opening, *lines = block.text.split("\n")
    mark = opening.strip()
    closing = mark[0] * (len(mark) - len(mark.lstrip(mark[0])))
    if lines and lines[-1].strip() == closing:
        lines.pop()
    yield from grouped(block, lines, block.line_start + 1, f"{opening}\n", f"\n{closing}", budget, count)


def grouped(
    block: Block, lines: list[str], first: int, head: str, tail: str, budget: int, count: Count
) -> Iterator[Block]:
    """Consecutive lines of a block packed into new blocks of at most `budget` tokens, each between head and tail."""
    room = max(budget - count(head) - count(tail), budget // 4)
    text, size, start, line = "", 0, first, first
    for line, content in enumerate(lines, first):
        for part in fitting(content + "\n", room, count):
            part_size = count(part)
            if text and size + part_size > room:
                yield Block(block.kind, head + text.rstrip("\n") + tail, start, line)
                text, size, start = "", 0, line
            text, size = text + part, size + part_size
    if text.strip():
        yield Block(block.kind, head + text.rstrip("\n") + tail, start, line)


def fitting(line: str, room: int, count: Count) -> Iterator[str]:
    """The line itself when it fits, else its sentences, else pieces cut between characters."""
    if count(line) <= room:
        yield line
        return
    for sentence in sentences(line):
        while sentence:
            end = len(sentence) if count(sentence) <= room else longest_prefix(sentence, room, count)
            yield sentence[:end]
            sentence = sentence[end:]


def longest_prefix(text: str, room: int, count: Count) -> int:
    """Length of a prefix with at most `room` tokens, by bisection (at least one character)."""
    low, high = 1, min(len(text), room * 8)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(text[:middle]) <= room else (low, middle - 1)
    return low
