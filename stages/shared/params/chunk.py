"""Section `chunk` of params.yaml: how pages are cut."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.shared.params.section import Limit, Section, ordered


class Chunk(Section):
    strategy: Literal["markdown", "fixed"]
    max_tokens: Annotated[int, Field(ge=64)]
    min_tokens: Limit
    encoding: str

    @model_validator(mode="after")
    def min_below_max(self) -> Self:
        return ordered(self, "min_tokens", "max_tokens")
