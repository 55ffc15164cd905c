"""Section `evaluate` of params.yaml: how much is measured, and what is good enough."""

from typing import Annotated

from pydantic import Field

from stages.shared.params.connection import Connection
from stages.shared.params.section import Count, Limit, Section, Share


class Gate(Section):
    """What a model must reach before `doclore promote` tags it."""

    min_gain: Annotated[float, Field(ge=-1, le=1)]
    min_stopped: Annotated[float, Field(ge=0, le=1)]
    max_forgetting: Share


class AnswerJudge(Connection):
    """A language model that is asked about the answers."""

    enabled: bool
    prompts: str
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    max_failed: Annotated[float, Field(ge=0, le=1)]


class Evaluate(Section):
    max_rows: Limit
    max_new_tokens: Count
    batch_size: Count
    max_context_rows: Limit
    max_context_tokens: Annotated[int, Field(ge=32)]
    retrieved_chunks: Limit
    judge: AnswerJudge
    gate: Gate
