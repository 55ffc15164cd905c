"""A model's reply to a validated answer: out of thinking, fences, wrappers and the prose around the JSON."""

import contextlib
import functools
import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from stages.common.llm import thinking
from stages.common.llm.json_text import (
    JSON_START,
    NoJsonError,
    extent,
    is_form,
    parsed,
    repaired,
    string_in,
    whole_items,
)

FENCE = re.compile(r"\A\s*(?:```[\w-]*\s*)?")
# What ends a reply, where a server lets it through: what stands behind is another turn.
END_OF_TURN = re.compile(
    r"[\s`]*(?:<\|(?:im_end|eot_id|endoftext|return|call)\|>|<end_of_turn>|</s>|<｜end▁of▁sentence｜>)"
)
# What may stand between objects that are one answer together: no word but what numbers them.
BETWEEN = re.compile(r"(?:[\W\d_]|json|pair|item|question|例|第|组|条|对|问答|问题)*", re.IGNORECASE)
MAX_PROBLEMS = 5
MOST_BROKEN = 50  # beginnings of JSON in a reply that lead nowhere, before it is given up
LAYERS = 5  # of wrapping around an answer: a key, a list of one, JSON within a string
# What reading a reply can raise: a model may write anything, and a validator may not expect it.
UNUSABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)

AnswerType = TypeVar("AnswerType", bound=BaseModel)


class Text(BaseModel):
    """A reply that is no JSON: the text, and whether the model ended it itself within the room it had."""

    text: str
    stopped: bool


class ExampleError(NoJsonError):
    """A text that repeats the prompt's example."""


class Parts(NamedTuple):
    """What stands in a reply outside of its thinking: the spans of its JSON values, and where one begins that does not
    end. `begin` is where the thinking was over."""

    spans: list[tuple[int, int]]
    unfinished: int | None
    begin: int


def read(
    reply: str, answer: type[AnswerType], complete: bool = True, examples: Collection[BaseModel] = ()
) -> AnswerType:
    """The answer in a reply: the last JSON value that meets the schema and is none of the prompt's own `examples`.

    `complete` is False for a reply that ran into its limit: nothing in it is mended, and it must be the answer alone,
    since what stands in prose may be the draft of a model that was thinking aloud. Raises ValueError (pydantic's
    ValidationError is one) when there is no answer.
    """
    with contextlib.suppress(*UNUSABLE):
        whole = answer.model_validate_json(reply)  # nearly always; what follows is several times slower
        if whole not in examples:
            return whole
    if encoded := string_in(reply):
        return read(encoded, answer, complete, examples)
    parts = split(reply, answer)
    if not complete:
        return alone(reply, parts, answer, examples)
    if parts.unfinished is not None:
        return accepted(repaired(reply[parts.unfinished :]), answer, examples)
    empty = None
    for number, (start, end) in reversed([*enumerate(parts.spans)]):
        text = reply[start:end]
        if is_form(text) or (not resembles(text, answer) and not wraps(text, answer)):
            continue
        try:
            value = together(reply, parts.spans[: number + 1], answer) or accepted(parsed(text), answer, examples)
        except ExampleError:
            continue
        if filled(value):
            return value
        empty = empty or value
    if empty is None:
        raise NoJsonError("the only JSON in the reply is the prompt's example" if parts.spans else "no JSON in it")
    return empty


def read_whole_items(reply: str, answer: type[AnswerType], examples: Collection[BaseModel] = ()) -> AnswerType:
    """An answer of the whole list items in a reply that broke off; it must begin with the answer, see `read`. Raises
    ValueError when there is none."""
    parts = split(reply, answer)
    begin = parts.spans[0][0] if parts.spans else parts.unfinished
    if begin is None or begin != first(reply, parts):
        raise NoJsonError("the reply broke off before its answer")
    return accepted(json.loads(whole_items(reply[begin:])), answer, examples)


def read_thoughts(thoughts: str, answer: type[AnswerType], examples: Collection[BaseModel] = ()) -> AnswerType:
    """The answer in a field meant for thinking, where servers put it that take everything for thinking. It must be all
    that stands there: beside other words it may be a draft. Raises ValueError when there is none."""
    return alone(thoughts, split(thoughts, answer), answer, examples)


def problem(error: Exception) -> str:
    """What is wrong with a reply, in words for the model that wrote it."""
    if not isinstance(error, ValidationError):
        return str(error)
    places = [(".".join(str(part) for part in item["loc"]) or "the answer", item["msg"]) for item in error.errors()]
    return "; ".join(f"{place}: {message}" for place, message in places[:MAX_PROBLEMS])


def split(text: str, answer: type[BaseModel]) -> Parts:
    """The JSON values of a reply outside of its thinking. Tags within a value are part of it; one that closes thinking
    makes everything before it thinking. Raises StillThinkingError and NoJsonError."""
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
            elif opens_answer(text, match.start(), answer):
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


def alone(text: str, parts: Parts, answer: type[AnswerType], examples: Collection[BaseModel]) -> AnswerType:
    """The answer, where it is all that a reply says. Raises ValueError when it is not."""
    if len(parts.spans) == 1 and parts.unfinished is None:
        start, end = parts.spans[0]
        if start == first(text, parts) and not text[end:].strip("` \n\r\t"):
            return accepted(json.loads(text[start:end], strict=False), answer, examples)
    raise ValueError("the answer is not complete")


def accepted(value: Any, answer: type[AnswerType], examples: Collection[BaseModel]) -> AnswerType:
    """The value as an answer, out of at most LAYERS of wrapping. Raises what the value itself fails with."""
    problem: Exception | None = None
    for meant in meanings(value, answer, LAYERS):
        try:
            candidate = answer.model_validate(meant)
        except UNUSABLE as error:
            problem = problem or error
            continue
        if candidate not in examples and (meant is value or filled(candidate)):
            return candidate
        problem = problem or ExampleError("the reply repeats the prompt's example; write an answer of your own")
    raise problem or NoJsonError("no JSON in the reply")


def meanings(value: Any, answer: type[BaseModel], layers: int) -> Iterator[Any]:
    """The value, and what it wraps: the values of an object with none of the answer's keys or with a single one, the
    element of a list of one, the JSON in a string."""
    yield value
    inner: list[Any] = []
    text = FENCE.sub("", value).strip("` \n\r\t") if isinstance(value, str) else ""
    if JSON_START.match(text):
        with contextlib.suppress(ValueError, RecursionError):
            inner = [json.loads(text, strict=False)]
    elif isinstance(value, dict) and (len(value) == 1 or not answer.model_fields.keys() & value.keys()):
        inner = [item for item in reversed(value.values()) if isinstance(item, dict | list | str)]
    elif isinstance(value, list) and len(value) == 1:
        inner = value
    for item in inner if layers else ():
        yield from meanings(item, answer, layers - 1)


def together(reply: str, spans: list[tuple[int, int]], answer: type[AnswerType]) -> AnswerType | None:
    """The answer in several objects that stand one behind the other, each an item of it, as in JSON lines. `spans` end
    with the last of them; None where they are no such items."""
    items: list[Any] = []
    after = None
    for start, end in reversed(spans):
        if after is not None and not BETWEEN.fullmatch(reply, end, after):
            break
        item: Any = None
        with contextlib.suppress(ValueError, RecursionError):
            item = json.loads(reply[start:end], strict=False)
        if not isinstance(item, dict) or not resembles(reply[start:end], answer) or answer.model_fields.keys() & item:
            break
        items.insert(0, item)
        after = start
    with contextlib.suppress(*UNUSABLE):
        return answer.model_validate(items) if len(items) > 1 else None
    return None


def filled(value: BaseModel) -> bool:
    """Whether an answer says anything."""
    return any(bool(getattr(value, name)) for name in type(value).model_fields)


@functools.cache
def names(answer: type[BaseModel]) -> frozenset[str]:
    """The keys that an answer may have, those of its parts included."""
    schema = answer.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for part in parts for name in part.get("properties", {}))


def resembles(text: str, answer: type[BaseModel]) -> bool:
    """Whether a JSON text has a key of the answer, so that its faults are those of an answer; or is an empty list."""
    keys = names(answer)
    return any(key in keys for key in re.findall(r"""["'](\w+)\\?["']\s*:""", text)) or text == "[]"


def wraps(text: str, answer: type[BaseModel]) -> bool:
    """Whether a value that has no key of the answer holds one all the same, such as a table of it by other names."""
    with contextlib.suppress(*UNUSABLE):
        return bool(accepted(json.loads(text, strict=False), answer, ()))
    return False


def opens_answer(text: str, position: int, answer: type[BaseModel]) -> bool:
    """Whether the JSON that begins here and does not end would be an answer."""
    match = re.compile(r"""[\[{\s]*["'](\w+)""").match(text, position)
    return not match or match[1] in names(answer)


def sound(text: str, begin: int, start: int, end: int) -> bool:
    """Whether a span that holds a tag is one value, not a draft in thinking that the answer's brackets close."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text[start:end], strict=False) is not None
    return start == first(text, Parts([], None, begin))
