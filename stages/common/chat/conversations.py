"""From dataset rows to conversations: who says what, in the shape that the chat template takes."""

import re
from pathlib import Path
from typing import Any

from stages.common.chat.passages import asked_with
from stages.common.chat.templates import Chat, Message
from stages.common.records.files import share

IGNORED = -100  # the label of a token without loss: what PyTorch's cross entropy passes over
GENERAL = Path(__file__).with_name("general.txt")
HELD_OUT = 0.25  # share of the general prompts that are never replayed
THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


def conversation(row: Any, chat: Chat) -> list[Message]:
    """A dataset row as messages, ending in an answer.

    A pair is a user and an assistant turn, the question behind the passages of `context` if it has one; a row of the
    user's own may hold several turns in `messages`. The system turn is the row's own, else `format.system_prompt`.
    """
    turns = [dict(turn) for turn in row["messages"]] if row.get("messages") else pair(row, chat.section.mode)
    if row.get("context"):
        turns[-2] = asked_with(turns[-2], row["context"])
    system = row.get("system") if row.get("system") is not None else chat.section.system_prompt
    if turns[0]["role"] == "system":
        system = turns.pop(0)["content"]
    messages = [with_thought(turn, chat) if turn["role"] == "assistant" else turn for turn in turns]
    if not system:
        return messages
    if not chat.folds_system:
        return [{"role": "system", "content": system}, *messages]
    first = {**messages[0], "content": f"{system}\n\n{messages[0]['content']}"}
    return [first, *messages[1:]]


def pair(row: Any, mode: str) -> list[Message]:
    """A question and its answer. A non-blank input joins the instruction behind one newline; alpaca has a place of
    its own for it."""
    question: Message = {"role": "user", "content": row["instruction"]}
    if row["input"].strip():
        if mode == "alpaca":
            question["input"] = row["input"]
        else:
            question["content"] += "\n" + row["input"]
    return [question, {"role": "assistant", "content": row["output"]}]


def with_thought(turn: Message, chat: Chat) -> Message:
    """An assistant turn whose think block stands where the template expects it, or is emptied
    (`format.thinking`). A template without a place for thoughts gets them as text of the answer."""
    match = THOUGHT.match(turn["content"])
    thought, answer = (match[1].strip(), turn["content"][match.end() :]) if match else ("", turn["content"])
    if chat.section.thinking == "empty":
        thought = ""
    if "reasoning_content" in chat.template:
        return {**turn, "content": answer, "reasoning_content": turn.get("reasoning_content") or thought}
    return {**turn, "content": f"<think>\n{thought}\n</think>\n\n{answer}" if thought else answer}


def without_thought(answer: str, opened: bool) -> str:
    """What a model says behind its thought; `opened`: the prompt has opened the think block. A thought that has no end
    is all there is."""
    whole = f"<think>{answer}" if opened else answer
    match = THOUGHT.match(whole)
    return whole[match.end() :] if match else answer


def general_prompts(*, held_out: bool) -> list[str]:
    """What one may ask any assistant, in English and Chinese: what evaluate asks and nobody replays, or the others."""
    lines = (line.strip() for line in GENERAL.read_text(encoding="utf-8").split("\n"))
    prompts = [line for line in lines if line and not line.startswith("#")]
    return [prompt for prompt in prompts if (share("general", prompt) < HELD_OUT) == held_out]
