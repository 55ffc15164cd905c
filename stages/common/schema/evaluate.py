"""Section `evaluate` of params.yaml: how much is measured, and what is good enough."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.common.schema.connection import Connection
from stages.common.schema.section import Count, Limit, Section, Share


class Gate(Section):
    """What a model must reach before `doclore promote` tags it."""

    set: Literal["eval_seen", "exam"]
    min_gain: Annotated[float, Field(ge=-1, le=1)]
    min_stopped: Annotated[float, Field(ge=0, le=1)]
    max_forgetting: Share
    min_reading: Annotated[float, Field(ge=0, le=1)]
    min_refused: Annotated[float, Field(ge=0, le=1)]
    max_refused_answerable: Annotated[float, Field(ge=0, le=1)]
    max_confident_wrong: Annotated[float, Field(ge=0, le=1)]
    max_retention_loss: Annotated[float, Field(ge=0)]


class AnswerJudge(Connection):
    """A language model that is asked about the answers."""

    enabled: bool
    prompts: str
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    max_failed: Annotated[float, Field(ge=0, le=1)]


class Evaluate(Section):
    model: Literal["merged", "adapter"]
    endpoint: Literal["", "env"]
    base_model: str
    tuned_model: str
    max_rows: Limit
    max_new_tokens: Count
    batch_size: Count
    max_context_rows: Limit
    max_context_tokens: Annotated[int, Field(ge=32)]
    retrieved_chunks: Limit
    distractors: Annotated[int, Field(ge=0, le=20)]
    base_samples: Count
    unanswerable_rows: Limit
    retention_rows: Limit
    semantic_model: str
    lm_eval: list[str]
    lm_eval_include_path: str
    lm_eval_limit: Limit
    judge: AnswerJudge
    gate: Gate

    @model_validator(mode="after")
    def models_are_where_they_are_needed(self) -> Self:
        if self.endpoint and not (self.base_model or self.tuned_model):
            raise ValueError("endpoint = 'env' needs base_model or tuned_model, names that the endpoint serves")
        if self.endpoint and self.lm_eval:
            raise ValueError("lm_eval needs models that are loaded here; set endpoint to '' for it")
        return self
