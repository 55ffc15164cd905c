"""Where two answers differ: by character in Chinese, by word in English."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from rapidfuzz.distance import Indel

# Words, white space or single signs; the scripts that stand above U+2E80 have no spaces between words.
TOKEN = re.compile(r"[^\W_\u2e80-\U0010ffff]+|\s+|.", re.DOTALL)
ALIKE = 0.3  # similarity below which an answer has so little of the other that marks would only be noise
MAX_PIECES = 80  # more marks than that say nothing either


class Piece(NamedTuple):
    """A run of text, and whether the other text lacks it."""

    text: str
    differs: bool


def pieces(text: str, other: str) -> list[Piece]:
    """The text in pieces that the other text has, in this order, and pieces that it lacks; joined they are the text.

    A longest common subsequence of tokens decides. Texts that have next to nothing in common, or differ at
    every turn, are one piece.
    """
    tokens, others = TOKEN.findall(text), TOKEN.findall(other)
    if Indel.normalized_similarity(tokens, others) < ALIKE:
        return [Piece(text, False)] if text else []
    flags = joined(tokens, list(differing(tokens, others)))
    runs = groupby(zip(tokens, flags, strict=True), key=lambda item: item[1])
    parts = [Piece("".join(token for token, _ in run), flag) for flag, run in runs]
    return parts if len(parts) <= MAX_PIECES else [Piece(text, False)]


def differing(tokens: list[str], others: list[str]) -> Iterator[bool]:
    for step in Indel.opcodes(tokens, others):
        yield from [step.tag != "equal"] * (step.src_end - step.src_start)


def joined(tokens: list[str], flags: list[bool]) -> list[bool]:
    """White space between two differences is part of them."""
    return [
        flag or (token.isspace() and 0 < n < len(flags) - 1 and flags[n - 1] and flags[n + 1])
        for n, (token, flag) in enumerate(zip(tokens, flags, strict=True))
    ]
