"""A model's reply to a validated answer: out of thinking, fences, wrappers and the prose around the JSON."""

import contextlib
import json
from collections.abc import Collection

from pydantic import BaseModel, ValidationError

from stages.common.llm.acceptance import (
    AnswerType,
    ExampleError,
    accepted,
    attempts,
    filled,
    names,
    resembles,
    together,
    wraps,
)
from stages.common.llm.json_text import UNUSABLE, NoJsonError, is_form, parsed, repaired, string_in, whole_items
from stages.common.llm.parts import Parts, first, split

MAX_PROBLEMS = 5


class Text(BaseModel):
    """A reply that is no JSON: the text, and whether the model ended it itself within the room it had."""

    text: str
    stopped: bool


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
    parts = split(reply, names(answer))
    if not complete:
        return alone(reply, parts, answer, examples)
    return last(reply, parts, answer, examples)


def last(reply: str, parts: Parts, answer: type[AnswerType], examples: Collection[BaseModel]) -> AnswerType:
    """The last value that is an answer. One that has something to say goes before an empty one; behind one that tries
    to be an answer and fails none is looked for: what stands before it may be its draft."""
    empty, problem, repeated = None, None, None
    if parts.unfinished is not None:
        text = reply[parts.unfinished :]
        try:
            return accepted(repaired(text), answer, examples)
        except UNUSABLE as error:
            if not parts.spans or attempts(text, answer):
                raise
            problem = error
    for number, (start, end) in reversed([*enumerate(parts.spans)]):
        text = reply[start:end]
        if is_form(text) or (not resembles(text, answer) and not wraps(text, answer)):
            continue
        try:
            value = together(reply, parts.spans[: number + 1], answer) or accepted(parsed(text), answer, examples)
        except ExampleError as error:
            repeated = error
            continue
        except UNUSABLE as error:
            if attempts(text, answer):
                raise
            problem = problem or error
            continue
        if filled(value):
            return value
        empty = empty or value
    if empty is None:
        raise (
            problem
            or repeated
            or NoJsonError(
                "the JSON in the reply is not of the form that was asked for" if parts.spans else "no JSON in it"
            )
        )
    return empty


def read_whole_items(reply: str, answer: type[AnswerType], examples: Collection[BaseModel] = ()) -> AnswerType:
    """An answer of the whole list items in a reply that broke off; it must begin with the answer, see `read`. Raises
    ValueError when there is none."""
    parts = split(reply, names(answer))
    begin = parts.spans[0][0] if parts.spans else parts.unfinished
    if begin is None or begin != first(reply, parts):
        raise NoJsonError("the reply broke off before its answer")
    return accepted(json.loads(whole_items(reply[begin:])), answer, examples)


def read_thoughts(thoughts: str, answer: type[AnswerType], examples: Collection[BaseModel] = ()) -> AnswerType:
    """The answer in a field meant for thinking, where servers put it that take everything for thinking. It must be all
    that stands there: beside other words it may be a draft. Raises ValueError when there is none."""
    return alone(thoughts, split(thoughts, names(answer)), answer, examples)


def problem(error: Exception) -> str:
    """What is wrong with a reply, in words for the model that wrote it."""
    if not isinstance(error, ValidationError):
        return str(error)
    places = [(".".join(str(part) for part in item["loc"]) or "the answer", item["msg"]) for item in error.errors()]
    return "; ".join(f"{place}: {message}" for place, message in places[:MAX_PROBLEMS])


def alone(text: str, parts: Parts, answer: type[AnswerType], examples: Collection[BaseModel]) -> AnswerType:
    """The answer, where it is all that a reply says. Raises ValueError when it is not."""
    if len(parts.spans) == 1 and parts.unfinished is None:
        start, end = parts.spans[0]
        if start == first(text, parts) and not text[end:].strip("` \n\r\t"):
            return accepted(json.loads(text[start:end], strict=False), answer, examples)
    raise ValueError("the answer is not complete")
