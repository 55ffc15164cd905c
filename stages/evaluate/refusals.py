"""What evaluate refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.exam.embeddings import Embeddings
from stages.common.llm import endpoint
from stages.common.schema import Params
from stages.evaluate import judge
from stages.evaluate.forgetting import Benchmarks


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for benchmarks, a judge or a semantic model that cannot be had."""
    section = settings.evaluate
    Benchmarks(section)
    if section.judge.enabled:
        endpoint.require_model(section.judge, "evaluate.judge")
        judge.Bench(section.judge)
    if section.semantic_model:
        Embeddings(section.semantic_model, "evaluate.semantic_model")
