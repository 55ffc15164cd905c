"""Rows that people bring along, as conversations: Alpaca, ShareGPT and OpenAI messages.

Fields are those of Stanford Alpaca (instruction, input, output; system and history as in LLaMA-Factory), ShareGPT
(conversations of from and value) and OpenAI's fine-tuning format (messages of role and content). Every function
raises ValueError with what is wrong with the row.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from stages.common.records.rows import Message

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
}

# False or 0 in one of these: no loss on that turn.
UNTRAINED = ("weight", "train", "trainable", "loss", "loss_weight", "loss_scale", "is_trained")


class Conversation(NamedTuple):
    """User and assistant turns that alternate, the user's first and the assistant's last. `input` is Alpaca's."""

    system: str
    turns: list[Message]
    input: str


def conversation(row: dict[str, Any]) -> Conversation:
    """The row as a conversation, whichever of the three formats it is in."""
    if row.get("messages") is not None:
        return from_messages(messages(row["messages"], "messages", "role", "content"), text(row, "system"))
    if row.get("conversations") is not None:
        turns = messages(row["conversations"], "conversations", "from", "value")
        return from_messages(turns, text(row, "system"))
    if "instruction" in row or "output" in row:
        return from_alpaca(row)
    raise ValueError("has neither instruction and output, nor conversations, nor messages")


def from_alpaca(row: dict[str, Any]) -> Conversation:
    question, answer = text(row, "instruction"), text(row, "output")
    for name, value in (("instruction", question), ("output", answer)):
        if not value.strip():
            raise ValueError(f"{name} is {'blank' if name in row else 'missing'}")
    turns = [turn for pair in [*history(row), exchange(question, answer)] for turn in pair]
    return Conversation(text(row, "system"), turns, text(row, "input"))


def exchange(question: str, answer: str) -> tuple[Message, Message]:
    return {"role": "user", "content": question}, {"role": "assistant", "content": answer}


def history(row: dict[str, Any]) -> Iterable[tuple[Message, Message]]:
    """The earlier turns of an Alpaca row: a list of [question, answer]."""
    for number, pair in enumerate(row.get("history") or [], 1):
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) and part for part in pair)):
            raise ValueError(f"history {number} is not [question, answer]")
        yield exchange(*pair)


def messages(turns: Any, field: str, role_key: str, text_key: str) -> list[Message]:
    """A list of turns with the role names of OpenAI. Keys of the other format are understood as well."""
    if not isinstance(turns, list) or not turns:
        raise ValueError(f"{field} is not a list of turns")
    parsed: list[Message] = []
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            raise ValueError(f"turn {number} of {field} is not an object")
        role = turn.get(role_key, turn.get("role", turn.get("from")))
        if role not in ROLES:
            raise ValueError(f"turn {number} of {field}: {role_key} is {role!r}; accepted are {', '.join(ROLES)}")
        if turn.get("tool_calls") or turn.get("function_call"):
            raise ValueError(f"turn {number} of {field}: tool calls are not supported")
        if ROLES[role] == "assistant" and (key := untrained(turn)):
            raise ValueError(
                f"turn {number} of {field}: {key}: {turn[key]!r} is not supported, since every answer is trained; "
                "end the conversation before this answer, or remove it with its question"
            )
        content = content_text(turn.get(text_key, turn.get("content", turn.get("value"))))
        if content is None or not content.strip():
            raise ValueError(f"turn {number} of {field}: {text_key} is {'no text' if content is None else 'blank'}")
        parsed.append({"role": ROLES[role], "content": content})
    return parsed


def untrained(turn: dict[str, Any]) -> str:
    """The key that takes a turn out of the loss, as OpenAI, axolotl, ms-swift and others name it; empty: none."""
    return next((key for key in UNTRAINED if turn.get(key) in (0, "false", "False")), "")


def content_text(content: Any) -> str | None:
    """The text of a turn, also when it comes in OpenAI's text parts."""
    if isinstance(content, list) and content and all(isinstance(part, dict) for part in content):
        parts = [part.get("text") for part in content if part.get("type") == "text"]
        if len(parts) == len(content) and all(isinstance(part, str) for part in parts):
            return "".join(map(str, parts))
    return content if isinstance(content, str) else None


def from_messages(turns: list[Message], system: str) -> Conversation:
    """An optional system turn, then user and assistant in turn."""
    if turns[0]["role"] == "system":
        system, turns = turns[0]["content"], turns[1:]
    for number, turn in enumerate(turns):
        expected = ("user", "assistant")[number % 2]
        if turn["role"] != expected:
            raise ValueError(f"turn {number + 1} is the {turn['role']}'s; user and assistant take turns, user first")
    if len(turns) % 2 or not turns:
        raise ValueError("the conversation does not end with an answer of the assistant")
    return Conversation(system, turns, "")


def text(row: dict[str, Any], name: str) -> str:
    """A text field that may be missing or null."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is {type(value).__name__}, not text")
    return value or ""
