"""Section `generate` of params.yaml: how pairs are made."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from stages.common.schema.connection import Connection
from stages.common.schema.section import Count, Limit, Section

Amount = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[^\s]+$")]


def some_weight(weights: dict[str, float]) -> dict[str, float]:
    if not any(weights.values()):
        raise ValueError("accepted is at least one weight above 0")
    return weights


class Price(Section):
    """What a million tokens cost, in a currency of the user's choice."""

    prompt: Amount
    answer: Amount


class Generate(Connection):
    backend: Literal["extractive", "llm", "batch"]
    focus: Literal["all", "uncovered"]
    language: Literal["auto", "zh", "en"]
    phrasings: Annotated[int, Field(ge=1, le=24)]
    searches: Limit
    held_out_phrasings: Limit
    max_facts_per_chunk: Limit
    answer_frames: bool
    private: Literal["mask", "refuse", "keep"]
    prompts: str
    styles: Annotated[dict[Name, Amount], AfterValidator(some_weight)]
    styles_per_chunk: Count
    personas: list[Name]
    pairs_per_chunk: Count
    pairs_per_1k_tokens: Amount
    paraphrases: Limit
    answer_paraphrases: Limit
    held_out: Annotated[float, Field(ge=0, le=1)]
    examples: bool
    rewrites: Limit
    unanswerable: Annotated[float, Field(ge=0, le=1)]
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_tokens: Count
    max_failed: Annotated[float, Field(ge=0, le=1)]
    price_per_million: Price
    batch_service: Literal["openai", "azure", "vllm", "mistral", "dashscope"]
    batch_dir: str
    batch_discount: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def each_answer_has_a_question_of_its_own(self) -> Self:
        if self.answer_paraphrases > self.paraphrases:
            raise ValueError(
                f"answer_paraphrases = {self.answer_paraphrases} is above paraphrases = {self.paraphrases}: each "
                "is the answer to another wording of the question"
            )
        return self
