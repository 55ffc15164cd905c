"""The answers that a prompt shows as examples: a reply that repeats one is no answer.

A short verdict may well be the one of the example; only texts tell that nothing of the model's own was written.
"""

import contextlib
import functools
import json
import re
from collections.abc import Sequence

from pydantic import BaseModel

from stages.common.llm import json_text
from stages.common.llm.requests import Message

OWN_WORDS = re.compile(r'"[^"]*(?:…|\.\.\.|[^"]{20})[^"]*"')  # a placeholder, or so much text


def of(messages: Sequence[Message], answer: type[BaseModel]) -> list[BaseModel]:
    """The values in a conversation that meet the schema of the answer."""
    return [example for message in messages for example in in_text(message["content"], answer)]


@functools.lru_cache(maxsize=256)  # one system prompt stands before all requests
def in_text(text: str, answer: type[BaseModel]) -> tuple[BaseModel, ...]:
    answers = []
    position = 0
    while match := json_text.JSON_START.search(text, position):
        end = json_text.extent(text, match.start())
        position = end or len(text)  # what does not end is no example
        if not OWN_WORDS.search(text, match.start(), position):
            continue
        with contextlib.suppress(*json_text.UNUSABLE):
            answers.append(answer.model_validate(json.loads(text[match.start() : end])))
    return tuple(answers)
