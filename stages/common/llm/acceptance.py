"""A JSON value as an answer: out of the layers around it, or put together of several values."""

import contextlib
import copy
import functools
import json
import re
from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stages.common.llm.json_text import JSON_START, UNUSABLE, NoJsonError
from stages.common.llm.parts import FENCE

# What may stand between objects that are one answer together: no word but what numbers them.
BETWEEN = re.compile(r"(?:[\W\d_]|json|pair|item|question|例|第|组|条|对|问答|问题)*", re.IGNORECASE)
LAYERS = 5  # of wrapping around an answer: a key, a list of one, JSON within a string

AnswerType = TypeVar("AnswerType", bound=BaseModel)


class ExampleError(NoJsonError):
    """A text that repeats the prompt's example."""


def accepted(value: Any, answer: type[AnswerType], examples: Collection[BaseModel]) -> AnswerType:
    """The value as an answer, out of at most LAYERS of wrapping. Raises what the value itself fails with."""
    problem: Exception | None = None
    for meant in meanings(value, answer, LAYERS):
        try:
            candidate = valid(meant, answer)
        except UNUSABLE as error:
            problem = problem or error
            continue
        if candidate not in examples and (meant is value or filled(candidate)):
            return candidate
        problem = problem or ExampleError("the reply repeats the prompt's example; write an answer of your own")
    raise problem or NoJsonError("no JSON in the reply")


def valid(value: Any, answer: type[AnswerType]) -> AnswerType:
    """The value as an answer, its slips mended where they leave no doubt. Raises what it fails with."""
    try:
        return answer.model_validate(value)
    except ValidationError as error:
        with contextlib.suppress(*UNUSABLE):
            return answer.model_validate(mended(value, error))
        raise


def mended(value: Any, error: ValidationError) -> Any:
    """A copy of the value without keys that nobody asked for, with words from a list written as they are in it, and
    with text where a number stands for it. Raises one of UNUSABLE where something else is wrong."""
    value = copy.deepcopy(value)
    for item in error.errors():
        *path, name = item["loc"]
        place = functools.reduce(lambda inner, step: inner[step], path, value)
        if item["type"] == "extra_forbidden":
            del place[name]
        elif item["type"] == "literal_error":
            place[name] = of_list(place[name], item["ctx"]["expected"])
        elif item["type"] == "string_type" and isinstance(place[name], int | float):
            place[name] = json.dumps(place[name])
        else:
            raise error
    return value


def of_list(said: Any, expected: str) -> str:
    """The word of a list such as "'yes', 'partly' or 'no'" that is meant. Raises one of UNUSABLE."""
    words: dict[str, str] = {bare(word): word for word in re.findall(r"'([^']*)'", expected)}
    return words[bare(("no", "yes")[said] if isinstance(said, bool) else said)]


def bare(word: str) -> str:
    return re.sub(r"[\W_]+", "", word).casefold()


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
    return any(key in keys for key in re.findall(r"""["'](\w+)\\?["']\s*[:：]""", text)) or text == "[]"


def wraps(text: str, answer: type[BaseModel]) -> bool:
    """Whether a value that has no key of the answer holds one all the same, such as a table of it by other names."""
    with contextlib.suppress(*UNUSABLE):
        return bool(accepted(json.loads(text, strict=False), answer, ()))
    return False


@functools.cache
def attempt(answer: type[BaseModel]) -> re.Pattern[str]:
    """What only a JSON text has that means to be an answer: a list, or a key of the answer itself with a value of its
    kind."""
    keys = [
        rf"{re.escape(name)}\\?[\"']\s*[:：]" + (r"\s*[\[{]" if kind.get("type") in ("array", "object") else "")
        for name, kind in answer.model_json_schema().get("properties", {}).items()
    ]
    return re.compile(rf"\[|.*?[\"'](?:{'|'.join(keys)})", re.DOTALL)


def attempts(text: str, answer: type[BaseModel]) -> bool:
    """Whether a JSON text means to be an answer, rather than to speak of one."""
    return attempt(answer).match(text) is not None
