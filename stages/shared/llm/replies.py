"""A model's reply to a validated answer: out of think blocks, fences and the prose around the JSON."""

import contextlib
import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel

# Some chat templates open the think block themselves, so a reply may only close it.
THINKING = re.compile(r"\A.*</think>", re.DOTALL)

AnswerType = TypeVar("AnswerType", bound=BaseModel)


def read(reply: str, answer: type[AnswerType]) -> AnswerType:
    """The answer in a reply. Raises ValueError (pydantic's ValidationError is one) when there is none."""
    text = THINKING.sub("", reply)
    if "<think>" in text:
        raise ValueError("the model was still thinking")
    return answer.model_validate(first_json(text))


def first_json(text: str) -> Any:
    """The first JSON object, or list of objects, in a text. Raises ValueError when there is none."""
    for match in re.finditer(r"\{|\[(?=\s*[\{\]])", text):
        with contextlib.suppress(ValueError):
            return json.JSONDecoder().raw_decode(text, match.start())[0]
    raise ValueError("no JSON in the reply")
