"""What a language model is asked for: a list of pairs, or a list of wordings. Both are stored as they are read here."""

import contextlib
import functools
import json
import re
from typing import Any

import pydantic_core
from pydantic import BaseModel, ConfigDict, model_validator

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.llm.acceptance import AnswerType
from stages.common.llm.json_text import UNUSABLE
from stages.common.llm.replies import problem

NAMES = {"instruction", "input", "output", "evidence"}
ALIASES = {"question": "instruction", "answer": "output", "quote": "evidence", "问题": "instruction", "答案": "output"}
NUMBERED = re.compile(r"(?:pair|item|qa|问答|问答对)?[\s_-]*\d*", re.IGNORECASE)  # keys in place of a list


class AnswerPair(BaseModel):
    """One pair as the model writes it."""

    model_config = ConfigDict(extra="forbid")

    instruction: str
    input: str
    output: str
    evidence: str


class Answer(BaseModel):
    """The pairs of one request; its JSON schema goes along with the request."""

    model_config = ConfigDict(extra="forbid")

    pairs: list[AnswerPair]

    @model_validator(mode="before")
    @classmethod
    def filled(cls, value: Any) -> Any:
        """A list without its object, a pair without its list and pairs without the optional fields are taken, too."""
        pairs = pairs_in(value)
        if not pairs and (value["pairs"] if isinstance(value, dict) else value) != []:
            raise ValueError("no pair in the answer")
        return {"pairs": [filled_pair(pair) for pair in pairs]}

    @model_validator(mode="after")
    def something_usable(self) -> "Answer":
        """A blank pair costs itself only, so that it can be counted; an answer of nothing but such pairs is none."""
        if self.pairs and not any(is_usable(vars(pair)) for pair in self.pairs):
            raise ValueError("no pair has both an instruction and an output")
        return self


def is_usable(pair: dict[str, str]) -> bool:
    return bool(pair["instruction"].strip() and pair["output"].strip())


def plain(answer: str) -> list[dict[str, str]]:
    """The pairs of an answer as doclore stores it, read without its schema, which costs five times as much; none where
    it is anything else."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        pairs: list[dict[str, str]] = pydantic_core.from_json(answer)["pairs"]
        texts = all(pair.keys() == NAMES and all(type(text) is str for text in pair.values()) for pair in pairs)
        return pairs if texts and any(map(is_usable, pairs)) else []
    return []


def pairs_in(value: Any) -> list[Any]:
    """The pairs of an answer, in lists within lists, under numbers instead of in a list, or as JSON in a string."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        with contextlib.suppress(ValueError):
            return pairs_in(json.loads(value, strict=False))
    if isinstance(value, list):
        return [pair for item in value for pair in pairs_in(item)]
    if isinstance(value, dict) and "pairs" in value:
        return pairs_in(value["pairs"])
    if isinstance(value, dict) and value and all(map(NUMBERED.fullmatch, value)):
        return pairs_in([*value.values()])
    return [value]


def filled_pair(pair: Any) -> dict[str, str]:
    """The four fields of a pair, blank where they are missing."""
    fields = pair if isinstance(pair, dict) else {}
    if not fields.keys() >= NAMES:
        fields = {ALIASES.get(name.lower(), name.lower()): value for name, value in fields.items()}
    return {name: text_of(fields.get(name)) for name in AnswerPair.model_fields}


def text_of(value: Any) -> str:
    """A field as text: the steps of an answer may come as a list, a value as a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str | int | float) for line in value):
        return "\n".join(map(text_of, value))
    return json.dumps(value) if isinstance(value, int | float) else ""


@functools.cache
def schema(max_pairs: int) -> dict[str, Any]:
    """The JSON schema of an answer with at most `max_pairs` pairs."""
    found = Answer.model_json_schema()
    found["properties"]["pairs"]["maxItems"] = max_pairs
    return found


class Wordings(BaseModel):
    """Other wordings of one question."""

    model_config = ConfigDict(extra="forbid")

    questions: list[str]

    @model_validator(mode="before")
    @classmethod
    def written(cls, value: Any) -> Any:
        return {"questions": texts_in(value, "questions")}


class AnswerWordings(BaseModel):
    """Other wordings of one answer."""

    model_config = ConfigDict(extra="forbid")

    answers: list[str]

    @model_validator(mode="before")
    @classmethod
    def written(cls, value: Any) -> Any:
        return {"answers": texts_in(value, "answers")}


def texts_in(value: Any, name: str) -> list[str]:
    """The texts of a reply under a name. Blank ones are left out; a list without its object is taken, and texts that
    are objects. Raises ValueError where there is none."""
    items = value if isinstance(value, list) else value[name]
    items = items.values() if isinstance(items, dict) else items
    texts = [next(iter(item.values()), "") if isinstance(item, dict) else item for item in items]
    kept = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    if not kept:
        raise ValueError("no wording in the answer")
    return kept


@functools.cache
def wordings_schema(count: int, reply: type[Wordings | AnswerWordings] = Wordings) -> dict[str, Any]:
    """The JSON schema of at most `count` wordings."""
    found = reply.model_json_schema()
    (listed,) = found["properties"].values()
    listed["maxItems"] = count
    return found


def stored(form: type[AnswerType], answer: str, key: str) -> AnswerType:
    """A stored answer. What doclore stores is valid; a file that was edited by hand may have brought something else,
    which is told rather than asked anew: the other answers of that file may be as wrong."""
    try:
        return form.model_validate_json(answer)
    except UNUSABLE as error:
        raise UserError(
            f"the stored answer {key} is unusable ({' '.join(problem(error).split())[:200]}); take its "
            f"row out of {paths.RESPONSES} and type: doclore store gc --key {key} --yes; it is then asked again"
        ) from None
