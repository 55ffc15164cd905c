"""How much room for an answer a server leaves, read from what it says when it refuses more."""

import re
from typing import NamedTuple

STATUS = re.compile(r"<\d{3}>|(?:code|status)\W{0,3}\d{3}\b", re.IGNORECASE)  # numbers that are no tokens
LEAST = 256  # tokens: less is no room for an answer; what asks for less is refused for something else
NUMBER = r"(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})"
ABOUT = re.compile(
    r"max(?:imum)?[_ ]?(?:completion_?|new_?|output_?)?tokens|max(?:imum)? (?:context|allowed)"
    r"|context.?(?:length|window|size|limit)|(?:completion|output|total)[_ ]tokens|token limit|too many tokens|n_ctx"
    r"|session_len|max_(?:seq|model)_len|length of the messages|request too large|上下文|长度",
    re.IGNORECASE,
)
CONTEXT = re.compile(
    rf"(?:context.?(?:length|window|size)|n_ctx|session_len|max_(?:seq|model)_len|token limit|maximum allowed"
    rf"|上下文\S{{0,6}}|must be <=)\D{{0,40}}{NUMBER}|\blimit:? {NUMBER}, requested",
    re.IGNORECASE,
)
CONTEXT_BEHIND = re.compile(rf"{NUMBER}\s*(?:tokens?\s*)?(?:of )?(?:maximum |max )?context", re.IGNORECASE)
PROMPT = re.compile(
    rf"{NUMBER}\s*+`?(?:tokens?)?\s*+(?:(?:in|from|of|for|are)\s++)?(?:(?:the|your)\s++)?`?"
    r"(?:inputs?|messages?|prompt|text)\b"
    r"|(?:prompt|inputs?|messages?|request)`?(?:_tokens)?(?: tokens?| length)?(?: contains?| has| is|:| of|=| \()*\s*"
    rf"{NUMBER}",
    re.IGNORECASE,
)  # fmt: skip

# What the prompt alone is too long for; no room for the answer helps.
TOO_LONG = re.compile(
    r"too long|longer than|less than|greater than|cannot exceed|resulted in|input token count|too large for model"
    r"|shorter input|输入长度\D{0,4}\d+\D{0,4}超",
    re.IGNORECASE,
)
OF_PROMPT = re.compile(r"prompt|input|messages|context|上下文|输入", re.IGNORECASE)
OF_ANSWER = re.compile(r"max\w{0,40}tokens|completion|output|answer|生成|输出", re.IGNORECASE)
TOTAL = re.compile(rf"(?:requested|total\w{{0,20}}|sum|总\S{{0,6}})\D{{0,30}}?{NUMBER}", re.IGNORECASE)


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
    message = STATUS.sub("", message)
    numbers = [integer(text) for text in re.findall(NUMBER, message)]
    context = number(CONTEXT.search(message) or CONTEXT_BEHIND.search(message))
    total = max(map(number, TOTAL.finditer(message)), default=0)
    limit, used = context, number(PROMPT.search(message))
    if context and total > max(context, asked):
        used = total - asked
    elif TOO_LONG.search(message) and not OF_ANSWER.search(message):
        return None
    elif not (limit and used) and OF_PROMPT.search(message):
        limit, used = two_of(numbers, asked)
    if limit and used:
        return beside(used, limit, asked)
    lower = max((n for n in numbers if 1 < n < asked), default=0)
    if lower >= LEAST and not context:
        return Room(lower - ("exclusive" in message), always=True)
    return Room(lower) if lower >= LEAST else Room(asked // 2, stated=False)


def beside(used: int, limit: int, asked: int) -> Room | None:
    """What a prompt of `used` tokens leaves of a context of `limit`. Where that is no less than what was refused, the
    server's count of the prompt is not right."""
    if limit <= used:
        return None
    return Room(limit - used) if limit - used < asked else Room(asked // 2, stated=False)


def two_of(numbers: list[int], asked: int) -> tuple[int, int]:
    """The context and the prompt, where a message names nothing but these two beside what was asked for."""
    others = [n for n in numbers if n > 1]
    if asked in others:
        others.remove(asked)
    used, limit = (min(others), max(others)) if len(set(others)) == 2 else (0, 0)
    return (limit, used) if used + asked > limit else (0, 0)


def number(match: "re.Match[str] | None") -> int:
    text = next(filter(None, match.groups()), "") if match else ""
    return integer(text) if text else 0


def integer(text: str) -> int:
    return int(text.replace(",", ""))
