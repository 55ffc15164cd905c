"""How much room for an answer a server leaves, read from what it says when it refuses more."""

import re
from typing import NamedTuple

LEAST = 256  # tokens: less is no room for an answer; what asks for less is refused for something else
NUMBER = r"(\d{1,3}(?:,\d{3})+|\d+)"
ABOUT = re.compile(
    r"max_?(?:completion_|new_|output_)?tokens|max(?:imum)? context|context.?(?:length|window|size)"
    r"|(?:completion|output) tokens|token limit|too many tokens|n_ctx|上下文|长度",
    re.IGNORECASE,
)
CONTEXT = re.compile(rf"(?:context.?(?:length|window|size)|n_ctx|must be <=)\D{{0,40}}{NUMBER}", re.IGNORECASE)
CONTEXT_BEHIND = re.compile(rf"{NUMBER}\s*(?:tokens?\s*)?(?:of )?(?:maximum |max )?context", re.IGNORECASE)
PROMPT = re.compile(
    rf"{NUMBER}\s*`?(?:tokens?)?\s*(?:(?:in|from|of|for|are)\s+)?(?:(?:the|your)\s+)?`?"
    r"(?:inputs?|messages?|prompt|text)\b"
    r"|(?:prompt|inputs?|messages?|request)`?(?:_tokens)?(?: tokens?| length)?(?: contains?| has| is|:| of|=| \()*\s*"
    rf"{NUMBER}",
    re.IGNORECASE,
)  # fmt: skip


class Room(NamedTuple):
    """Tokens for an answer. `stated`: the server names them, rather than that we try less; `always`: they hold for
    every request, as a limit of the model's answers does."""

    tokens: int
    stated: bool = True
    always: bool = False


def left(message: str, asked: int) -> Room | None:
    """The room to ask for after a refusal of `asked` tokens that says `message`; None when it is not about the room or
    leaves none."""
    if not ABOUT.search(message) or asked <= LEAST:
        return None
    context = CONTEXT.search(message) or CONTEXT_BEHIND.search(message)
    prompt = PROMPT.search(message)
    limit, used = number(context), number(prompt)
    if limit and used:
        tokens = limit - used
        if tokens <= 0:
            return None
        return (
            Room(tokens) if tokens < asked else Room(asked // 2, stated=False)
        )  # its count of the prompt is not right
    numbers = [int(text.replace(",", "")) for text in re.findall(NUMBER, message)]
    lower = max((n for n in numbers if 1 < n < asked), default=0)
    if lower >= LEAST and not context:
        return Room(lower - ("exclusive" in message), always=True)
    return Room(lower) if lower >= LEAST else Room(asked // 2, stated=False)


def number(match: "re.Match[str] | None") -> int:
    text = next(filter(None, match.groups()), "") if match else ""
    return int(text.replace(",", "")) if text else 0
