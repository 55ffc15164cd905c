"""The sections of params.yaml that the data half reads: docs, chunk, generate, curate."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.shared.errors import ParamsError
from stages.shared.section import FILE, Count, Limit, Section, Share, ordered


class Docs(Section):
    path: Annotated[str, Field(min_length=1)]
    include: list[str]
    exclude: list[str]

    def directory(self) -> Path:
        """`docs.path`, which must exist. Only ingest needs it: who pulled the data can train without the docs."""
        if not Path(self.path).is_dir():
            raise ParamsError(f"{FILE}: docs.path = {self.path!r}: accepted is an existing directory of Markdown pages")
        return Path(self.path)


class Chunk(Section):
    strategy: Literal["markdown", "fixed"]
    max_tokens: Annotated[int, Field(ge=64)]
    min_tokens: Limit
    encoding: str

    @model_validator(mode="after")
    def min_below_max(self) -> Self:
        return ordered(self, "min_tokens", "max_tokens")


class Generate(Section):
    backend: Literal["extractive", "llm"]
    language: Literal["auto", "zh", "en"]
    phrasings: Annotated[int, Field(ge=1, le=6)]
    model: str
    prompts: str
    pairs_per_chunk: Count
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    concurrency: Count
    timeout: Annotated[float, Field(gt=0)]
    max_retries: Limit
    max_failed: Annotated[float, Field(ge=0, le=1)]


class Curate(Section):
    min_question_chars: Limit
    max_question_chars: Count
    min_answer_chars: Count
    max_answer_chars: Count
    holdout_pages: Share
    holdout_facts: Share

    @model_validator(mode="after")
    def min_below_max(self) -> Self:
        ordered(self, "min_question_chars", "max_question_chars")
        return ordered(self, "min_answer_chars", "max_answer_chars")
