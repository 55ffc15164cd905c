"""Section `curate` of params.yaml: which pairs are kept and held out."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.common.schema.connection import Connection
from stages.common.schema.section import Count, Limit, Section, Share, ordered

Ratio = Annotated[float, Field(ge=0, le=1)]
Similarity = Annotated[float, Field(ge=0.5, le=1)]
CheckName = Literal[
    "schema",
    "question_length",
    "answer_length",
    "no_leftovers",
    "no_markup",
    "no_unread_syntax",
    "no_repetition",
    "input_adds_something",
    "stands_alone",
    "quotes_no_prompt",
    "no_refusal",
    "language_agrees",
    "answer_not_in_question",
    "evidence_in_chunk",
    "numbers_in_chunk",
    "identifiers_in_chunk",
    "links_in_chunk",
]


class Judge(Connection):
    """A language model that is asked about the pairs."""

    enabled: bool
    prompts: str
    pairs_per_request: Count
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    max_failed: Ratio


class Forms(Section):
    """How trained rows are asked, by hash; the rest is asked closed-book."""

    gold: Ratio
    distractors: Ratio
    passages: Annotated[int, Field(ge=1, le=20)]
    unanswerable: Ratio
    unanswerable_exam: Limit

    @model_validator(mode="after")
    def no_more_than_all(self) -> Self:
        if self.gold + self.distractors > 1:
            raise ValueError(f"gold + distractors = {self.gold + self.distractors:g} is above 1, all rows")
        return self


class Curate(Section):
    min_question_chars: Limit
    max_question_chars: Count
    min_answer_chars: Count
    max_answer_chars: Count
    min_evidence: Ratio
    max_foreign_numbers: Limit
    max_foreign_identifiers: Limit
    max_foreign_links: Limit
    language: Literal["auto", "zh", "en", "any"]
    private: Literal["mask", "drop", "keep"]
    disabled_checks: list[CheckName]
    question_similarity: Similarity
    pair_similarity: Similarity
    semantic_model: str
    semantic_similarity: Similarity
    min_variants_per_fact: Count
    page_similarity: Similarity
    max_partial_pages: Count
    min_score: Annotated[float, Field(ge=0, le=10)]
    judge: Judge
    forms: Forms
    holdout_pages: Share
    holdout_facts: Share

    @model_validator(mode="after")
    def min_below_max(self) -> Self:
        ordered(self, "min_question_chars", "max_question_chars")
        return ordered(self, "min_answer_chars", "max_answer_chars")
