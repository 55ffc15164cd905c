"""Conversations as text, with the places of the answers in it: by position, never by searching for markers."""

import re
from dataclasses import dataclass

from jinja2.exceptions import TemplateError

from stages.common.chat.templates import Chat, Message

# Unicode's noncharacters are for a program's own use; no text has them.
OPEN, NAMED, CLOSE = "\ufdd0", "\ufdd1", "\ufdd2"
MARK = re.compile(f"{OPEN}(\\d+){NAMED}(.*?){CLOSE}", re.DOTALL)
NONCHARACTER = re.compile("[\ufdd0-\ufdef]")
CONTENTS = ("content", "input", "reasoning_content")


class RowError(Exception):
    """What makes a row unfit to train on; whoever knows the row adds where it comes from."""


@dataclass(frozen=True)
class Turn:
    """What the model writes: text[start:end], the token that ends the turn included, which stands behind `answer`."""

    start: int
    answer: int
    end: int


@dataclass(frozen=True)
class Rendered:
    """A conversation as text. `messages` are those it was made of."""

    text: str
    turns: tuple[Turn, ...]
    messages: list[Message]


def answers(messages: list[Message]) -> list[int]:
    """Positions of the assistant's turns."""
    return [i for i, message in enumerate(messages) if message["role"] == "assistant"]


def render(
    chat: Chat, conversations: list[list[Message]], ends: re.Pattern[str], *, last: bool = False
) -> list[Rendered | RowError | None]:
    """Each conversation as text with its turns, or with the last one alone; `ends` finds the tokens that may end one.

    None: the template writes earlier answers otherwise than it has the model write them (Qwen3 leaves out the think
    block), so that the conversation has to be trained answer by answer.
    """
    trained = [answers(messages)[-1:] if last else answers(messages) for messages in conversations]
    asked = [messages[:i] for messages, turns in zip(conversations, trained, strict=True) for i in turns]
    try:
        texts = chat.texts(conversations)
        prompts = iter(chat.texts(asked, prompt=True))
    except TemplateError as error:
        if len(conversations) > 1:
            return [found for messages in conversations for found in render(chat, [messages], ends, last=last)]
        return [RowError(f"the chat template refuses the conversation ({error})")]
    return [
        located(chat, messages, text, {i: next(prompts) for i in turns}, ends)
        for messages, text, turns in zip(conversations, texts, trained, strict=True)
    ]


def located(
    chat: Chat, messages: list[Message], text: str, prompts: dict[int, str], ends: re.Pattern[str]
) -> Rendered | RowError | None:
    """The text with its turns; `prompts` has the prompt of each message that is trained."""
    if not prompts or messages[-1]["role"] != "assistant":
        return RowError("the conversation does not end in an answer")
    if not all(map(text.startswith, prompts.values())):
        if len(prompts) > 1:
            return None
        return RowError("the chat template changes the text: it is not the prompt with the answer behind it; "
                        "try -S format.mode=token_level or alpaca")  # fmt: skip
    try:
        turns = tuple(turn(chat, messages, i, text, len(prompt), ends) for i, prompt in prompts.items())
    except RowError as error:
        return error
    return Rendered(text, turns, messages)


def turn(chat: Chat, messages: list[Message], i: int, text: str, start: int, ends: re.Pattern[str]) -> Turn:
    """The turn of message `i`, whose prompt ends at `start`."""
    content = messages[i]["content"]
    answer = (
        start + len(content) if content and text.startswith(content, start) else content_end(chat, messages, i, text)
    )
    end = ends.search(text, answer)
    if end is None:
        raise RowError("no end-of-turn token behind the answer")
    return Turn(start, answer, end.end())


def content_end(chat: Chat, messages: list[Message], i: int, text: str) -> int:
    """Where the content of message `i` ends in the text, when it does not simply follow the prompt."""
    position = 0
    for name, piece in pieces(chat, messages, text):
        position += len(piece)
        if name == (i, "content"):
            return position
    raise RowError("no token of the answer carries loss")


def pieces(chat: Chat, messages: list[Message], text: str) -> list[tuple[tuple[int, str] | None, str]]:
    """The text as pieces: what a message says, as (position, field), and what the template writes, as None.

    The template is rendered once more over marked contents. The marks stand inside of leading and trailing white
    space, which templates trim; that they change nothing else is checked against `text`.
    """
    names: list[tuple[int, str]] = []

    def mark(i: int, field: str, value: str) -> str:
        if NONCHARACTER.search(value):
            raise RowError("a text holds a Unicode noncharacter (U+FDD0 to U+FDEF)")
        core = value.strip()
        names.append((i, field))
        return value.replace(core, f"{OPEN}{len(names) - 1}{NAMED}{core}{CLOSE}", 1) if core else value

    marked = [
        {field: mark(i, field, value) if field in CONTENTS else value for field, value in message.items()}
        for i, message in enumerate(messages)
    ]
    parts = MARK.split(chat.texts([marked])[0])  # literal, name, content, literal, …
    found: list[tuple[tuple[int, str] | None, str]] = [(None, parts[0])]
    for name, content, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        found += [(names[int(name)], content), (None, literal)]
    if "".join(piece for _, piece in found) != text:
        raise RowError("the chat template takes parts of a text for its own signs")
    return found
