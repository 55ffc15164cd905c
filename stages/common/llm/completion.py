"""The completion in a response body, whatever shape its server gives it: text, parts, objects, tool calls, numbers as
text. Nothing here trusts that a field is there or of its documented type."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

THOUGHT_PARTS = {"thinking", "reasoning", "reasoning_content", "thought", "redacted_thinking"}  # types of parts
THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details")
FINISHES = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "sensitive": "content_filter",
    "error": "error",
    "abort": "error",
    "insufficient_system_resource": "error",
    "": "",
}  # what servers say to what it means; all else is a reply that the model ended


class Reply(NamedTuple):
    """One completion. `finish`: stop, length, content_filter, error, or nothing where the server does not say;
    `refusal`: what the model says instead of an answer; `thoughts`: what stands in fields for thinking."""

    text: str
    finish: str
    refusal: str
    prompt_tokens: int
    answer_tokens: int
    thoughts: str = ""


class NoCompletionError(ValueError):
    """A body without a completion; `error` is what it says of an error, if anything."""

    def __init__(self, message: str, error: Any = None) -> None:
        super().__init__(message)
        self.error = error


def to_reply(value: Any) -> Reply:
    """The completion in a body. Raises NoCompletionError."""
    body = value if isinstance(value, dict) else {}
    choice = next((choice for choice in as_list(body.get("choices")) if isinstance(choice, dict)), None)
    error = body.get("error") or (choice or {}).get("error")
    if choice is None or error:
        # Some gateways send errors with status 200.
        raise NoCompletionError(message_of(error) or "the body holds no completion", error)
    message = choice.get("message")
    if message is None and "text" not in choice:
        raise NoCompletionError("the completion holds no message")
    fields: dict[str, Any] = message if isinstance(message, dict) else {"content": message or choice.get("text")}
    text, thoughts = texts(fields)
    return Reply(text, finish_of(choice), as_text(fields.get("refusal")), *usage(body.get("usage")), thoughts)


def texts(message: dict[str, Any]) -> tuple[str, str]:
    """What a message says and what stands in its fields for thinking. Arguments of a tool call are the answer where
    there is no other: some servers meet a schema in that way."""
    text, thoughts = "", ""
    for thought, piece in pieces(message.get("content")):
        text, thoughts = (text, thoughts + piece) if thought else (text + piece, thoughts)
    if not text.strip() and message.get("parsed"):
        text = as_text(message["parsed"])
    if not text.strip():
        calls = [*as_list(message.get("tool_calls")), {"function": message.get("function_call")}]
        text = next(filter(None, map(arguments, calls)), "")
    for name in THOUGHT_FIELDS if not thoughts else ():
        thoughts = thoughts or "".join(piece for _, piece in pieces(message.get(name)))
    return text, thoughts


def pieces(content: Any) -> Iterator[tuple[bool, str]]:
    """The texts of a content in order, each with whether it is thinking."""
    if isinstance(content, dict) and not is_part(content):
        yield False, json.dumps(content, ensure_ascii=False)
    elif isinstance(content, dict):
        thought = content.get("type") in THOUGHT_PARTS or content.get("thought") is True
        for name in ("text", "thinking", "reasoning", "content", "summary", "value", "json", "output_text"):
            if content.get(name):
                inner = content[name]
                for inside, piece in pieces(inner):
                    yield thought or inside, piece
                return
    elif isinstance(content, list) and all(isinstance(item, str) or is_part(item) for item in content):
        for item in content:
            yield from pieces(item)
    elif content is not None:
        yield False, as_text(content)


def is_part(value: Any) -> bool:
    """Whether a value is a part of a content as the API describes them, rather than an answer as an object."""
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def arguments(call: Any) -> str:
    """The arguments of a tool call as text; empty when it has none."""
    function = call.get("function") if isinstance(call, dict) else None
    source = function if isinstance(function, dict) else call if isinstance(call, dict) else {}
    return as_text(source.get("arguments") or source.get("input"))


def finish_of(choice: dict[str, Any]) -> str:
    said = as_text(choice.get("finish_reason") or choice.get("stop_reason")).lower()
    return FINISHES.get(said, "stop")


def usage(value: Any) -> tuple[int, int]:
    """Tokens of the prompt and of the answer; 0 where the server does not say."""
    counts = value if isinstance(value, dict) else {}
    prompt = as_number(counts.get("prompt_tokens") or counts.get("input_tokens"))
    return prompt, as_number(counts.get("completion_tokens") or counts.get("output_tokens"))


def message_of(error: Any) -> str:
    """What an error says, however it is wrapped."""
    if isinstance(error, dict):
        inner = next(
            (error[name] for name in ("error", "message", "detail", "msg", "error_msg") if error.get(name)), ""
        )
        return message_of(inner)
    if isinstance(error, list):
        return "; ".join(filter(None, map(message_of, error)))
    return as_text(error)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_number(value: Any) -> int:
    """A count that may be text, a fraction or missing."""
    try:
        return max(0, int(float(value or 0)))
    except (TypeError, ValueError, OverflowError):
        return 0
