"""Where the JSON values of a reply stand, its thinking set apart."""

import contextlib
import json
import re
from collections.abc import Container
from typing import NamedTuple

from stages.common.llm import thinking
from stages.common.llm.json_text import JSON_START, NoJsonError, extent

FENCE = re.compile(r"\A\s*(?:```[\w-]*\s*)?")
# What ends a reply, where a server lets it through: what stands behind is another turn.
END_OF_TURN = re.compile(
    r"[\s`]*(?:<\|(?:im_end|eot_id|endoftext|return|call)\|>|<end_of_turn>|</s>|<｜end▁of▁sentence｜>)"
)
MOST_BROKEN = 50  # beginnings of JSON in a reply that lead nowhere, before it is given up


class Parts(NamedTuple):
    """What stands in a reply outside of its thinking: the spans of its JSON values, and where one begins that does not
    end. `begin` is where the thinking was over."""

    spans: list[tuple[int, int]]
    unfinished: int | None
    begin: int


def split(text: str, keys: Container[str]) -> Parts:
    """The JSON values of a reply outside of its thinking. Tags within a value are part of it; one that closes thinking
    makes everything before it thinking. `keys` are those of an answer. Raises StillThinkingError and NoJsonError."""
    spans: list[tuple[int, int]] = []
    unfinished: int | None = None
    position = begin = broken = 0
    while broken <= MOST_BROKEN:
        mark = thinking.next_mark(text, position)
        match = None if unfinished is not None else JSON_START.search(text, position)
        if match and (not mark or match.start() < mark.start):
            end = extent(text, match.start())
            if end and mark and mark.start < end and not sound(text, begin, match.start(), end):
                end = None
            if end:
                spans.append((match.start(), end))
                if END_OF_TURN.match(text, end):
                    return Parts(spans, None, begin)
            elif opens_answer(text, match.start(), keys):
                unfinished = match.start()
            broken += not end
            position = end or match.start() + 1
        elif mark:
            goes_on = thinking.behind(text, mark)
            position = goes_on or mark.end
            if not mark.opens:
                spans, unfinished, begin = [], None, position
            elif not goes_on:
                broken += 1
            elif not text[begin : mark.start].strip():
                begin = position
        else:
            return Parts(spans, unfinished, begin)
    raise NoJsonError("no JSON in the reply")


def first(text: str, parts: Parts) -> int:
    """Where the first word stands behind the thinking, a fence aside."""
    fence = FENCE.match(text[parts.begin :])
    return parts.begin + (fence.end() if fence else 0)


def opens_answer(text: str, position: int, keys: Container[str]) -> bool:
    """Whether the JSON that begins here and does not end would be an answer."""
    match = re.compile(r"""[\[{\s]*["'](\w+)""").match(text, position)
    return not match or match[1] in keys


def sound(text: str, begin: int, start: int, end: int) -> bool:
    """Whether a span that holds a tag is one value, not a draft in thinking that the answer's brackets close."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text[start:end], strict=False) is not None
    return start == first(text, Parts([], None, begin))
