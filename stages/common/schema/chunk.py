"""Section `chunk` of params.yaml: how pages are cut."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.common.schema.section import Limit, Section, ordered


class Chunk(Section):
    strategy: Literal["markdown", "fixed"]
    max_tokens: Annotated[int, Field(ge=64)]
    min_tokens: Limit
    overlap_tokens: Limit
    encoding: str

    @model_validator(mode="after")
    def min_below_max(self) -> Self:
        return ordered(self, "min_tokens", "max_tokens")

    @model_validator(mode="after")
    def overlap_leaves_room(self) -> Self:
        if self.overlap_tokens * 2 > self.max_tokens:
            raise ValueError(
                f"overlap_tokens = {self.overlap_tokens} is more than half of max_tokens = {self.max_tokens}"
            )
        return self
