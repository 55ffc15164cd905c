"""The completion in a response body, whatever shape its server gives it: text, parts, objects, tool calls, numbers as
text. Nothing here trusts that a field is there or of its documented type."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from stages.common.llm.json_text import JSON_START

THOUGHT_PARTS = {"thinking", "reasoning", "reasoning_content", "reasoning_text", "thought", "redacted_thinking"}
PART_FIELDS = (
    "text",
    "thinking",
    "reasoning",
    "content",
    "summary",
    "value",
    "json",
    "output_text",
    "input",
    "arguments",
    "reasoningContent",
)  # fmt: skip a part says what it says
THOUGHT_FIELD = re.compile(r"think|thought|reason", re.IGNORECASE)
UNTYPED_PARTS = {"text", "thought", "thoughtSignature", "reasoningContent"}  # keys of parts that have no type
ARGUMENTS = ("arguments", "input", "parameters", "args")
MESSAGES = ("error", "message", "detail", "msg", "error_msg", "status_msg", "base_resp", "Response", "Error", "Message")
CODES = ("code", "type", "error_code", "status_code", "Code")
NO_ERROR = ("", "success", "ok")
FINISHES = (
    ("content_filter", r"filter|safety|sensitive|prohibit|block|recitation|guardrail|refus|spii"),
    ("length", r"length|max|limit|context"),
    ("error", r"error|abort|insufficient|cancel|fail|timeout|interrupt"),
)  # what servers say, by what it means; all else is a reply that the model ended


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
    body = body_of(value)
    choices = [choice for choice in as_list(body.get("choices")) if isinstance(choice, dict)]
    errors = [body.get("error") or (None if choices else body), *(choice.get("error") for choice in choices)]
    error = next((error for error in errors if message_of(error).strip().lower() not in NO_ERROR), None)
    if error or not choices:  # some gateways send errors with status 200
        raise NoCompletionError(message_of(error) or "the body holds no completion", error)
    replies = [reply_of(choice, body) for choice in choices]
    return next((reply for reply in replies if reply.text.strip()), replies[0])


def reply_of(choice: dict[str, Any], body: dict[str, Any]) -> Reply:
    """One of the choices in a body. Raises NoCompletionError."""
    message = choice.get("message") or choice.get("delta")
    if message is None and "text" not in choice:
        raise NoCompletionError("the completion holds no message")
    fields: dict[str, Any] = message if isinstance(message, dict) else {"content": message or choice.get("text")}
    text, thoughts = texts(fields)
    return Reply(text, finish_of(choice), as_text(fields.get("refusal")), *usage(body.get("usage")), thoughts)


def from_events(text: str) -> dict[str, Any]:
    """The completion in a stream of server-sent events, which some servers send unasked: its pieces put together."""
    message: dict[str, list[Any]] = {}
    last: dict[str, Any] = {}
    finish = None
    for line in text.splitlines():
        name, _, data = line.partition(":")
        if name != "data" or data.strip() == "[DONE]":
            continue
        chunk = body_of(json.loads(data))
        last |= {key: value for key, value in chunk.items() if value}
        for choice in filter(is_object, as_list(chunk.get("choices"))):
            finish = choice.get("finish_reason") or finish
            delta = choice.get("delta") or choice.get("message")
            for field, piece in delta.items() if is_object(delta) else ():
                if piece and field != "role":
                    message.setdefault(field, []).extend(piece if isinstance(piece, list) else [piece])
    whole = {field: joined(field, pieces) for field, pieces in message.items()}
    return {**last, "choices": [{"message": whole, "finish_reason": finish or "aborted"}] if whole else []}


def joined(field: str, pieces: list[Any]) -> Any:
    """The pieces of a message's field as one value: texts, or parts; of calls of tools their arguments."""
    if "call" in field:
        calls: dict[Any, str] = {}
        for piece in filter(is_object, pieces):
            calls[piece.get("index")] = calls.get(piece.get("index"), "") + arguments(piece)
        return [{"arguments": text} for text in calls.values()]
    return "".join(pieces) if all(isinstance(piece, str) for piece in pieces) else pieces


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def body_of(value: Any) -> dict[str, Any]:
    """The object with the choices: the body, or what a gateway has wrapped into one more key or list."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return body_of(json.loads(value))
    if isinstance(value, list) and len(value) == 1:
        return body_of(value[0])
    if not isinstance(value, dict):
        return {}
    inner = (item for item in map(body_of, filter(is_object, value.values())) if "choices" in item)
    return value if "choices" in value else next(inner, value)


def texts(message: dict[str, Any]) -> tuple[str, str]:
    """What a message says and what stands in its fields for thinking. Arguments of tool calls are the answer where
    there is no other: some servers meet a schema in that way."""
    text, thoughts = "", ""
    for thought, piece in pieces(message.get("content")):
        text, thoughts = (text, thoughts + piece) if thought else (text + piece, thoughts)
    if not text.strip() and message.get("parsed"):
        text = as_text(message["parsed"])
    if not JSON_START.search(text):
        calls = [*as_list(message.get("tool_calls")), *as_list(message.get("function_call"))]
        text = "\n".join(filter(None, map(arguments, calls))) or text
    for name in filter(THOUGHT_FIELD.search, message) if not thoughts else ():
        thoughts = thoughts or "".join(piece for _, piece in pieces(message[name]))
    return text, thoughts


def pieces(content: Any) -> Iterator[tuple[bool, str]]:
    """The texts of a content in order, each with whether it is thinking."""
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        yield from pieces(content["parts"])
    elif isinstance(content, dict) and isinstance(content.get("type"), str):
        yield from list(of_part(content)) or [(False, as_text(content))]
    elif isinstance(content, list) and all(isinstance(item, str) or is_part(item) for item in content):
        for item in content:
            yield from [(False, item)] if isinstance(item, str) else of_part(item)
    elif content is not None:
        yield False, as_text(content)


def of_part(part: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    """The texts of one part; of a call of a tool, its arguments."""
    inner = next((part[name] for name in PART_FIELDS if part.get(name)), None)
    thought = part.get("type") in THOUGHT_PARTS or "reasoningContent" in part or bool(part.get("thought"))
    for inside, piece in pieces(inner):
        yield thought or inside, piece


def is_part(value: Any) -> bool:
    """Whether a value is a part of a content as the API describes them, rather than an answer as an object."""
    return isinstance(value, dict) and (isinstance(value.get("type"), str) or value.keys() <= UNTYPED_PARTS)


def arguments(call: Any) -> str:
    """The arguments of a tool call as text; empty when it has none."""
    function = call.get("function") if isinstance(call, dict) else None
    source = function if isinstance(function, dict) else call if isinstance(call, dict) else {}
    return as_text(next((source[name] for name in ARGUMENTS if source.get(name)), None))


def finish_of(choice: dict[str, Any]) -> str:
    """What a choice says of its end, in our words; nothing where it does not say."""
    said = as_text(choice.get("finish_reason") or choice.get("stop_reason")).lower()
    return next((finish for finish, words in FINISHES if re.search(words, said)), "stop" if said else "")


def usage(value: Any) -> tuple[int, int]:
    """Tokens of the prompt and of the answer; 0 where the server does not say."""
    counts = value if isinstance(value, dict) else {}
    prompt = as_number(counts.get("prompt_tokens") or counts.get("input_tokens"))
    cached = sum(as_number(counts.get(f"cache_{name}_input_tokens")) for name in ("read", "creation"))
    prompt += cached if cached > prompt else 0  # gateways to Anthropic's models count these apart
    return prompt, as_number(counts.get("completion_tokens") or counts.get("output_tokens"))


def message_of(error: Any) -> str:
    """What an error says, however it is wrapped."""
    if isinstance(error, dict):
        message = message_of(next((error[name] for name in MESSAGES if error.get(name)), ""))
        place = ".".join(str(part) for part in as_list(error.get("loc")) if part != "body")  # as FastAPI says it
        raw = error["metadata"].get("raw") if isinstance(error.get("metadata"), dict) else ""  # the provider's own
        message = f"{message}: {error_in(as_text(raw).encode())[1]}" if raw else message
        return f"{place}: {message}" if place else message
    if isinstance(error, list):
        return "; ".join(filter(None, map(message_of, error)))
    return as_text(error)


def code_of(error: dict[str, Any]) -> str:
    """The code of an error, or else its type."""
    return as_text(next((error[name] for name in CODES if isinstance(error.get(name), str | int)), ""))


def error_in(content: bytes) -> tuple[str, str]:
    """The code and the message of an error in a body, whatever form it has."""
    try:
        value = json.loads(content)
    except ValueError:
        return "", content.decode(errors="replace")
    inner = value.get("error") if isinstance(value, dict) else None
    source = inner if isinstance(inner, dict) else value if isinstance(value, dict) else {}
    # Some servers name the field that they refuse apart from the message.
    message, param = message_of(value), source.get("param")
    whole = f"{message} ({param})" if isinstance(param, str) and param and param not in message else message
    return code_of(source), whole


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
