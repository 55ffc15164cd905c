"""Show how many requests generate and the judge would send and what they would cost; nothing is sent.

Examples:
  doclore plan
"""

import argparse
from collections.abc import Iterator

from stages.commands.tracing import state
from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.base.printable import say


def run(arguments: argparse.Namespace) -> None:
    from stages.common.llm.store import Store
    from stages.common.records.files import read_jsonl
    from stages.generate import plan
    from stages.generate.labelling.labelling import Labelling
    from stages.generate.labelling.languages import of_pages

    settings = params.load()
    for line in judge_lines(settings):
        say(line)
    if settings.generate.backend == "extractive":
        say("generate.backend is extractive: no model is asked, so a run costs nothing")
        return
    require_fresh_chunks()
    with Store.of_repository() as store:
        store.seed(paths.RESPONSES)
        labelling = Labelling(settings.generate, store, lambda: read_jsonl(paths.CHUNKS), of_pages())
        for line in plan.make(labelling, store, settings.chunk.encoding).lines(settings.generate):
            say(line)


def judge_lines(settings: schema.Params) -> Iterator[str]:
    """What evaluate's judge would be asked at most: answers that no model has given yet are taken to be as long as
    the references."""
    if not settings.evaluate.judge.enabled:
        return
    from stages.common.exam.questions import questions as exam_questions
    from stages.common.records.files import read_jsonl
    from stages.common.text import tokens
    from stages.evaluate import exam, judge

    held_out = [paths.DATASET / f"{split}.jsonl" for split in paths.SPLITS[1:]]
    if not all(file.exists() for file in held_out):
        yield f"evaluate.judge: unknown before {held_out[0].parent} exists; type `dvc repro curate`, then try again"
        return
    section = settings.evaluate
    requests = [request for file in held_out for request in judge.expected(list(read_jsonl(file)), section)]
    asked = [exam.dataset_row(exam.Answered(row, None, False)) for row in exam_questions()]
    requests += judge.expected(asked, section.model_copy(update={"max_rows": 0}))  # all of the exam is asked
    texts = (message["content"] for request in requests for message in request.messages)
    total = sum(tokens.count(text, settings.chunk.encoding) for text in texts)
    model = settings.evaluate.judge.model or "a model"
    yield (
        f"evaluate.judge: at most {len(requests):,} requests to {model} with about "
        f"{total:,} prompt tokens; answers that were judged before are not asked again"
    )


def require_fresh_chunks() -> None:
    """Raise a UserError when the documentation or the params of ingest and chunk have changed since chunk ran."""
    if state.changed("--with-deps", "chunk") or not paths.CHUNKS.exists():
        raise UserError(
            f"{paths.CHUNKS} is not up to date; type `dvc repro chunk`, which sends nothing, then try again"
        )
