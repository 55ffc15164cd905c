"""What evaluate refuses by its settings alone; `doclore check` asks before anything runs."""

from stages.common.exam.embeddings import Embeddings
from stages.common.exam.questions import questions
from stages.common.llm import address
from stages.common.schema import Params
from stages.evaluate import judge
from stages.evaluate.forgetting import Benchmarks


def refuse_impossible(settings: Params) -> None:
    """Raise UserError for an exam with a line that is no question, and for benchmarks, a judge or a semantic model that
    are not there."""
    section = settings.evaluate
    questions()
    Benchmarks(section)
    if section.judge.enabled:
        address.require_model(section.judge, "evaluate.judge")
        judge.Judge(section.judge)
    if section.semantic_model:
        Embeddings(section.semantic_model, "evaluate.semantic_model")
