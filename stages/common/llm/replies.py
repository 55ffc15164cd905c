"""A model's reply to a validated answer: out of think blocks, fences and the prose around the JSON."""

import contextlib
import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

# Where an object with quoted keys begins, or a list of objects: prose has brackets of its own.
JSON_START = re.compile(r"""\{(?=\s*["'}])|\[(?=\s*[\{\]])""")
# Some chat templates open the think block themselves, so a reply may only close it. A reply that begins with the answer
# has no think block, whatever the answer says about such.
THINKING = re.compile(rf"\A(?!\s*(?:```|{JSON_START.pattern})).*</think>", re.DOTALL)
# Strings, the last of which may lack its end, and brackets outside of them.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:(?P<end>")|\\?\Z)|[\[\]{}]', re.DOTALL)
OPENERS = {"{": "}", "[": "]"}
MAX_PROBLEMS = 5
# What reading a reply can raise: a model may write anything, and a validator may not expect it.
UNUSABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)

AnswerType = TypeVar("AnswerType", bound=BaseModel)


class Text(BaseModel):
    """A reply that is no JSON: the text, and whether the model ended it itself within the room it had."""

    text: str
    stopped: bool


def read(reply: str, answer: type[AnswerType], complete: bool = True) -> AnswerType:
    """The answer in a reply; `complete` is False for one that ran into its limit, which nothing is mended in.

    Raises ValueError (pydantic's ValidationError is one) when there is none.
    """
    with contextlib.suppress(ValueError):
        return answer.model_validate_json(reply)  # nearly always; what follows is several times slower
    text = unwrapped(reply)
    with contextlib.suppress(NoJsonError):
        return answer.model_validate(first_json(text))
    if not complete:
        raise ValueError("the answer is not complete")
    return answer.model_validate(repaired(text))


def read_whole_items(reply: str, answer: type[AnswerType]) -> AnswerType:
    """An answer of the whole list items in a reply that broke off. Raises ValueError when there is none."""
    return answer.model_validate(json.loads(whole_items(unwrapped(reply))))


def problem(error: Exception) -> str:
    """What is wrong with a reply, in words for the model that wrote it."""
    if not isinstance(error, ValidationError):
        return str(error)
    places = [(".".join(str(part) for part in item["loc"]) or "the answer", item["msg"]) for item in error.errors()]
    return "; ".join(f"{place}: {message}" for place, message in places[:MAX_PROBLEMS])


class NoJsonError(ValueError):
    """A text without valid JSON."""


def unwrapped(reply: str) -> str:
    """A reply without its think block."""
    text = THINKING.sub("", reply)
    answer = JSON_START.search(text)
    if "<think>" in text[: answer and answer.start()]:
        raise ValueError("the model was still thinking")
    return text


def first_json(text: str) -> Any:
    """The first JSON object, or list of objects, in a text. Raises NoJsonError when there is none."""
    try:
        return json.JSONDecoder().raw_decode(text, start(text))[0]
    except NoJsonError:
        raise
    except ValueError as error:
        raise NoJsonError(f"not JSON: {error}") from None


def start(text: str) -> int:
    """Where the JSON of a text begins."""
    match = JSON_START.search(text)
    if not match:
        raise NoJsonError("no JSON in the reply")
    return match.start()


def repaired(text: str) -> Any:
    """JSON with slips such as single quotes, missing commas or brackets set right.

    A text that breaks off inside an item is not mended: half a sentence would pass for a whole one.
    """
    from json_repair import repair_json

    text = text[start(text) :]
    end = max(text.rfind("}"), text.rfind("]")) + 1
    left_open = scan(text[:end])[0]
    if left_open.startswith('"') or (left_open and text[end:].strip("` \n")):
        raise NoJsonError("the JSON breaks off")
    found = repair_json(text[:end], return_objects=True)
    if not isinstance(found, dict | list):
        raise NoJsonError("no JSON in the reply")
    return found


def whole_items(text: str) -> str:
    """A JSON text cut behind the last whole item of a list and closed. Raises NoJsonError if there is none."""
    text = text[start(text) :]
    _, cut = scan(text)
    if not cut:
        raise NoJsonError("the answer breaks off in its first item")
    end, closers = cut
    return text[:end] + closers


def scan(text: str) -> tuple[str, tuple[int, str] | None]:
    """Follow the brackets of a JSON text that may break off.

    Returns the closers of what is left open, a string included, and where the last whole item of a list ends with what
    closes the text there.
    """
    closers = ""
    cut = None
    for token in TOKEN.finditer(text):
        if token[0] in OPENERS:
            closers = OPENERS[token[0]] + closers
        elif token[0][0] == '"' and not token["end"]:
            closers = '"' + closers
        elif token[0] in "]}" and closers:
            closers = closers[1:]
            if closers.startswith("]"):
                cut = token.end(), closers
    return closers, cut
