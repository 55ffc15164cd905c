"""What a language model is asked for: a list of pairs, or a list of wordings. Both are stored as they are read here."""

import functools
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class AnswerPair(BaseModel):
    """One pair as the model writes it."""

    model_config = ConfigDict(extra="forbid")

    instruction: str
    input: str
    output: str
    evidence: str

    def usable(self) -> bool:
        return bool(self.instruction.strip() and self.output.strip())


class Answer(BaseModel):
    """The pairs of one request; its JSON schema goes along with the request."""

    model_config = ConfigDict(extra="forbid")

    pairs: list[AnswerPair]

    @model_validator(mode="before")
    @classmethod
    def filled(cls, value: Any) -> Any:
        """A list without its object, a pair without its list and pairs without the optional fields are taken, too."""
        if isinstance(value, dict) and "pairs" not in value:
            value = [value]
        pairs = value if isinstance(value, list) else value["pairs"]
        if not isinstance(pairs, list):
            raise ValueError("pairs is not a list")
        return {"pairs": [filled_pair(pair) for pair in pairs]}

    @model_validator(mode="after")
    def something_usable(self) -> "Answer":
        """A blank pair costs itself only, so that it can be counted; an answer of nothing but such pairs is none."""
        if self.pairs and not any(pair.usable() for pair in self.pairs):
            raise ValueError("no pair has both an instruction and an output")
        return self


def filled_pair(pair: Any) -> dict[str, str]:
    """The four fields of a pair, blank where they are missing; the steps of an answer may come as a list."""
    fields = pair if isinstance(pair, dict) else {}
    values = {name: fields.get(name, "") for name in AnswerPair.model_fields}
    if isinstance(values["output"], list) and all(isinstance(line, str) for line in values["output"]):
        values["output"] = "\n".join(values["output"])
    return {name: value if isinstance(value, str) else "" for name, value in values.items()}


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
        """Blank wordings are left out."""
        kept = [text.strip() for text in value["questions"] if isinstance(text, str) and text.strip()]
        if not kept:
            raise ValueError("no wording in the answer")
        return {"questions": kept}


@functools.cache
def wordings_schema(count: int) -> dict[str, Any]:
    """The JSON schema of at most `count` wordings."""
    found = Wordings.model_json_schema()
    found["properties"]["questions"]["maxItems"] = count
    return found
