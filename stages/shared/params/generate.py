"""Section `generate` of params.yaml: how pairs are made."""

from typing import Annotated, Literal

from pydantic import Field

from stages.shared.params.connection import Connection
from stages.shared.params.section import Count


class Generate(Connection):
    backend: Literal["extractive", "llm"]
    language: Literal["auto", "zh", "en"]
    phrasings: Annotated[int, Field(ge=1, le=6)]
    prompts: str
    pairs_per_chunk: Count
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    max_failed: Annotated[float, Field(ge=0, le=1)]
