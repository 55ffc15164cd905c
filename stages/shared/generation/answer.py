"""What a language model is asked for: a list of pairs."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class AnswerPair(BaseModel):
    """One pair as the model writes it."""

    model_config = ConfigDict(extra="forbid")

    instruction: Words
    input: str
    output: Words
    evidence: str


class Answer(BaseModel):
    """The pairs of one chunk; its JSON schema goes along with the request."""

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
        return {"pairs": [{"input": "", "evidence": "", **pair} if isinstance(pair, dict) else pair for pair in pairs]}


def schema(max_pairs: int) -> dict[str, Any]:
    """The JSON schema of an answer with at most `max_pairs` pairs."""
    found = Answer.model_json_schema()
    found["properties"]["pairs"]["maxItems"] = max_pairs
    return found
