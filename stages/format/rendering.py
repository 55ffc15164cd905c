"""Conversations as text, with the places of the answers in it: by position, never by searching for markers."""

import re
from dataclasses import dataclass

from jinja2.exceptions import TemplateError

from stages.common.chat.conversations import THOUGHT
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
    chat: Chat, conversations: list[list[Message]], ends: re.Pattern[str], opener: str = "", *, last: bool = False
) -> list[Rendered | RowError | None]:
    """Each conversation as text with its turns, or with the last one alone; `ends` finds the tokens that may end one,
    `opener` is what `next_role` says.

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
            return [one for messages in conversations for one in render(chat, [messages], ends, opener, last=last)]
        return [RowError(f"the chat template refuses the conversation ({error})")]
    return [
        located(chat, messages, text + opener, {i: next(prompts) for i in turns}, ends)
        for messages, text, turns in zip(conversations, texts, trained, strict=True)
    ]


def next_role(chat: Chat, ends: re.Pattern[str]) -> str:
    """What a template writes behind an answer to open the next turn, up to a token that can end the answer, when it
    writes no such token to close it (GLM's <|user|>): there the model stops. Empty for all other templates."""
    turns = [{"role": role, "content": f"{role}-turn"} for role in ("user", "assistant", "user")]
    closed, followed = (text.partition("assistant-turn")[2] for text in chat.texts([turns[:2], turns]))
    token = ends.search(followed, len(closed))
    if ends.search(closed) or not followed.startswith(closed) or not token:
        return ""
    opened = followed[len(closed) : token.end()]
    return "" if "user-turn" in opened else opened


def located(
    chat: Chat, messages: list[Message], text: str, prompts: dict[int, str], ends: re.Pattern[str]
) -> Rendered | RowError | None:
    """The text with its turns; `prompts` has the prompt of each message that is trained."""
    if not prompts or messages[-1]["role"] != "assistant":
        return RowError("the conversation does not end in an answer")
    try:
        if not all(map(text.startswith, prompts.values())):
            return None if len(prompts) > 1 else behind_thought(chat, messages, next(iter(prompts.values())), ends)
        turns = tuple(turn(chat, messages, i, text, len(prompt), ends) for i, prompt in prompts.items())
    except RowError as error:
        return error
    return Rendered(text, turns, messages)


def behind_thought(chat: Chat, messages: list[Message], prompt: str, ends: re.Pattern[str]) -> Rendered:
    """An answer behind its prompt, which opens a think block that the template leaves out of finished answers
    (DeepSeek-R1): the model closes the block, behind the thought if there is one, and answers."""
    if not chat.opens_thought:
        raise RowError("the chat template changes the text: it is not the prompt with the answer behind it; "
                       "try -S format.mode=token_level or alpaca")  # fmt: skip
    parts = thought_pieces(chat, messages)
    text = "".join(piece for _, piece in parts)
    if not text.startswith(prompt):
        raise RowError("the chat template writes another prompt than a server gets")
    answer = len(text) - len(parts[-1][1])
    end = ends.search(text, answer)
    if end is None:
        raise RowError("no end-of-turn token behind the answer")
    return Rendered(text[: end.end()], (Turn(len(prompt), answer, end.end()),), messages)


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


Piece = tuple[tuple[int, str] | None, str]


def pieces(chat: Chat, messages: list[Message], text: str) -> list[Piece]:
    """The text as pieces: what a message says, as (position, field), and what the template writes, as None. Behind what
    the template writes the text may go on with what opens the next turn."""
    parts = marked_pieces(chat, messages)
    written = "".join(piece for _, piece in parts)
    if text.startswith(written):
        return [*parts, (None, text[len(written) :])]
    if chat.opens_thought:
        parts = thought_pieces(chat, messages)
        if "".join(piece for _, piece in parts).startswith(text):
            return [*parts[:-1], (None, text[sum(len(piece) for _, piece in parts[:-1]) :])]
    raise RowError("the chat template takes parts of a text for its own signs")


def thought_pieces(chat: Chat, messages: list[Message]) -> list[Piece]:
    """The pieces of `behind_thought`'s text; the last one is what the template writes behind the answer."""
    last, place = messages[-1], len(messages) - 1
    match = THOUGHT.match(last["content"])
    thought = match[1].strip() if match else last.get("reasoning_content", "")
    answer = last["content"][match.end() :] if match else last["content"]
    behind = marked_pieces(chat, [*messages[:-1], {**last, "content": answer}])[-1]
    closed: list[Piece] = [((place, "reasoning_content"), thought), (None, "\n</think>\n\n")]
    return [*marked_pieces(chat, messages[:-1], prompt=True), *closed, ((place, "content"), answer), behind]


def marked_pieces(chat: Chat, messages: list[Message], *, prompt: bool = False) -> list[Piece]:
    """What the template writes, as pieces, a literal last: it is rendered over marked contents. The marks stand inside
    of leading and trailing white space, which templates trim."""
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
    parts = MARK.split(chat.texts([marked], prompt=prompt)[0])  # literal, name, content, literal, …
    written: list[Piece] = [(None, parts[0])]
    for name, content, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        written += [(names[int(name)], content), (None, literal)]
    return written
