"""A question with passages of the documentation before it: one text for training rows, evaluate and serving."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, NamedTuple

MARGIN = 200  # characters of a cut chunk that stand before its quote


class Context(NamedTuple):
    """Passages, and the text of format.passages that puts them before a question of its language."""

    wording: str
    passages: tuple[str, ...]


def asked_with(turn: dict[str, str], context: Context) -> dict[str, str]:
    """A user's turn with passages before its question, which an input joins."""
    question = turn["content"] + (f"\n{turn['input']}" if turn.get("input") else "")
    before, _, rest = context.wording.partition("{passages}")
    between, _, behind = rest.partition("{question}")
    others = {key: value for key, value in turn.items() if key != "input"}
    return {**others, "content": before + "\n\n".join(context.passages) + between + question + behind}


def passage(chunk: Mapping[str, Any], quote: str, tokenizer: Any, budget: int) -> str:
    """A chunk under its heading path in at most `budget` tokens; one that has to be cut keeps `quote`, a part of its
    text, else its beginning."""
    head, text = " > ".join(chunk["headings"]), chunk["text"]
    offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
    left = max(budget - len(tokenizer(head, add_special_tokens=False).input_ids), 1)
    if len(offsets) > left:
        first = min(start_of(text, quote, [begin for begin, _ in offsets], left), len(offsets) - left)
        text = text[offsets[first][0] : offsets[first + left - 1][1]]
    return f"{head}\n\n{text}"


def start_of(text: str, quote: str, begins: list[int], room: int) -> int:
    """The token at which a cut of `room` tokens begins: so far before the quote as the quote itself leaves room for, at
    most MARGIN characters, at a line's beginning if there is one. `begins` are the places of all tokens."""
    at = max(text.find(quote), 0) if quote else 0
    first, last = bisect_left(begins, at), bisect_left(begins, at + len(quote))
    spare = max(room - (last - first), 0) // 2
    start = max(first - spare, bisect_left(begins, at - MARGIN), 0)
    line = text.find("\n", begins[start], at)
    return bisect_left(begins, line + 1) if start and line >= 0 else start
