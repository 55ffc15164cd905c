"""What curate refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.exam.embeddings import Embeddings
from stages.common.llm import address
from stages.common.schema import Params
from stages.curate import absent_judge, judge


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for a judge without a model or prompts, and for a semantic model that is not there."""
    section = settings.curate
    if section.judge.enabled:
        address.require_model(section.judge, "curate.judge")
        judge.PairJudge(section.judge, {})
        absent_judge.prompts_of(section.judge)
    if section.semantic_model:
        Embeddings(section.semantic_model, "curate.semantic_model")
