"""Cutting a Markdown block that exceeds the token budget at the places where a reader would."""

from collections.abc import Callable, Iterator

from stages.shared.markdown.blocks import Block
from stages.shared.text import sentences

Count = Callable[[str], int]


def split(block: Block, budget: int, count: Count) -> list[Block]:
    """The block in parts of at most `budget` tokens, cut between lines; long lines behind their sentences.

    Parts of a table repeat its header, parts of a code fence are closed and opened again.
    """
    lines = block.text.split("\n")
    head, tail, body = frame(block.kind, lines)
    if count(head) + count(tail) > budget // 2:  # so large a frame would leave no room for what it holds
        head, tail, body = "", "", lines
    first = block.line_start + head.count("\n")
    room = budget - count(head) - count(tail)
    return [
        Block(block.kind, head + text.rstrip("\n") + tail, start, end)
        for text, start, end in packed(body, first, room, count)
    ]


def frame(kind: str, lines: list[str]) -> tuple[str, str, list[str]]:
    """What stands before and behind each part of a block, and the lines between."""
    if kind == "table":
        return "\n".join(lines[:2]) + "\n", "", lines[2:]
    if kind != "fence":
        return "", "", lines
    mark = lines[0].strip()
    closing = mark[0] * (len(mark) - len(mark.lstrip(mark[0])))
    last = lines[-1].strip()
    closed = len(lines) > 1 and last.startswith(closing) and not last.strip(mark[0])
    return f"{lines[0]}\n", f"\n{closing}", lines[1:-1] if closed else lines[1:]


def packed(lines: list[str], first: int, room: int, count: Count) -> Iterator[tuple[str, int, int]]:
    """Consecutive lines as texts of at most `room` tokens, each with its first and last line."""
    text, size, start, end = "", 0, first, first
    for number, line in enumerate(lines, first):
        for part in fitting(line + "\n", room, count):
            part_size = count(part)
            if text.strip() and size + part_size > room:
                yield text, start, end
                text, size = "", 0
            if not text.strip():
                text, size, start = "", 0, number
            text, size, end = text + part, size + part_size, number if part.strip() else end
    if text.strip():
        yield text, start, end


def fitting(line: str, room: int, count: Count) -> Iterator[str]:
    """The line itself when it fits, else its sentences, else pieces cut between characters."""
    if count(line) <= room:
        yield line
        return
    for sentence in sentences(line):
        while sentence:
            end = longest_prefix(sentence, room, count)
            yield sentence[:end]
            sentence = sentence[end:]


def longest_prefix(text: str, room: int, count: Count) -> int:
    """Length of a prefix with at most `room` tokens, by bisection (at least one character).

    No prefix is longer than eight characters a token, so the work does not grow with what is left of the text.
    """
    low, high = 1, min(len(text), room * 8)
    if count(text[:high]) <= room:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count(text[:middle]) <= room else (low, middle - 1)
    return low
