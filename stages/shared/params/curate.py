"""Section `curate` of params.yaml: which pairs are kept and held out."""

from typing import Self

from pydantic import model_validator

from stages.shared.params.section import Count, Limit, Section, Share, ordered


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
