"""Chunks in, instruction/input/output pairs out, each with the chunk and the quote that it rests on.

Reads data/chunks.jsonl, data/docs.jsonl, data/wordings/ and the prompts; writes data/pairs.jsonl, data/rewritten.jsonl
(passages in other words), data/absent.jsonl (questions without an answer), data/responses.jsonl (the answers that all
were made from), reports/generate.json and reports/generate_log.json (answers per second).
Answers of the backends `llm` and `batch` are kept in .cache/responses.sqlite as they arrive, so that nothing is paid
twice; those in data/responses.jsonl are put there first, so that whoever pulled the data asks nothing.
Run: python -m stages.generate
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from pydantic import BaseModel
from tqdm import tqdm

from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.budget import Skipped
from stages.common.base.errors import UserError, run_stage
from stages.common.base.printable import say
from stages.common.llm.outcome import Outcome
from stages.common.llm.store import Store
from stages.common.records.files import lines, read_jsonl, write_json, write_jsonl, write_report, write_rows
from stages.common.records.rows import Chunk, Pair
from stages.generate import plan, refusals
from stages.generate.batch import files as batch
from stages.generate.extractive import pairs as extractive
from stages.generate.extractive.contexts import Pages
from stages.generate.extractive.own_wordings import OwnWordings
from stages.generate.extractive.questions import LANGUAGES
from stages.generate.labelling.absence import AbsentQuestions
from stages.generate.labelling.answer import Answer, AnswerWordings, Wordings
from stages.generate.labelling.labelling import Labelling, to_pair
from stages.generate.labelling.languages import of_pages
from stages.generate.labelling.rewriting import Rewrite
from stages.generate.labelling.spool import Spool
from stages.generate.pace import pace
from stages.generate.tally import Tally

# The figures of the report that experiments are compared by, and where they stand in it.
HEADLINE = {"pairs": "pairs", "chunks_without_pair": "chunks_without_pair"}


@dataclass
class Run:
    """What reports/generate.json says, and what was asked."""

    figures: dict[str, Any]
    asked: Outcome = field(default_factory=Outcome)


def chunks() -> Iterator[Chunk]:
    return read_jsonl(paths.CHUNKS)


def count_chunks() -> int:
    next(chunks(), None)  # says what to do when there are none
    return sum(1 for _ in lines(paths.CHUNKS))


def page_of() -> Callable[[Pair], str]:
    """A function that says which page pairs rest on, which come in the order of the chunks."""
    waiting, current = chunks(), [None, ""]

    def page(pair: Pair) -> str:
        while current[0] != pair["chunk_id"]:
            chunk = next(waiting)
            current[:] = chunk["chunk_id"], chunk["path"]
        return str(current[1])

    return page


def watched(purpose: str) -> Iterator[Chunk]:
    """The chunks under a progress bar."""
    return iter(tqdm(chunks(), desc=purpose, unit="chunk"))


def extractive_pairs(section: schema.Generate, figures: dict[str, Any]) -> Iterator[Pair]:
    """The pairs of the extractive backend, which reads the chunks twice and the pages for their titles."""
    facts: Counter[str] = Counter()
    skipped = Skipped("generate")
    pages = Pages(read_jsonl(paths.DOCS))
    if section.language == "auto" and (languages := pages.unasked(LANGUAGES)):
        figures["pages_without_questions"] = languages
        listed = ", ".join(f"{language} ({count})" for language, count in languages.items())
        say(f"generate: no questions about pages in {listed}: the extractive backend asks in zh and en", flush=True)
    own = OwnWordings()
    for chunk, row, wording in extractive.rows(watched, pages, section, own, facts, skipped):
        yield to_pair(chunk["chunk_id"], row, row["style"], "", *wording)
    skipped.tell(len(pages.of_path) - len(skipped.reasons))
    if unused := own.unused():
        say(
            f"generate: {len(unused)} questions of {paths.WORDINGS} match no page's question, such as {unused[0]}",
            flush=True,
        )
    figures["wordings_on_no_page"] = len(unused)
    figures["facts"] = dict(sorted(facts.items()))
    figures |= skipped.report()


def llm_pairs(section: schema.Generate, store: Store, tally: Tally, run: Run) -> Iterator[Pair]:
    """The stored answers as pairs, after asking for those that are missing: for questions, then for wordings of them,
    and for passages in other words."""
    store.seed(paths.RESPONSES)
    labelling = Labelling(section, store, chunks, of_pages())
    labelling.spool = Spool() if section.focus == "all" else None
    expected = plan.make(labelling, store, params.load().chunk.encoding)
    for line in expected.lines(section):
        say(f"generate: plan: {line}", flush=True)
    files = batch.Batch(section, store) if section.backend == "batch" else None
    answers: tuple[type[BaseModel], ...] = (Answer, Wordings, AnswerWordings, Rewrite, AbsentQuestions)
    for name, part, answer in zip(labelling.passes, expected.passes(), answers, strict=True):
        requests = labelling.passes[name]
        if files:
            outcome = files.complete(name, requests, answer)
        elif part.calls:
            from stages.common.llm import client  # and with it aiohttp, which nothing else here needs

            total = None if name in ("wordings", "answers") and expected.later else part.calls
            outcome = client.complete(requests(), store, answer, section, "generate", total)
        else:
            labelling.found[name], outcome = part.found, Outcome()
        outcome = labelling.found[name] + outcome
        refuse_too_many_failures(outcome, section.max_failed)
        run.asked += outcome
    yield from labelling.pairs(tally)
    labelling.chunks.skipped.tell(run.figures["chunks"])
    run.figures |= {
        **labelling.chunks.withheld(),
        **labelling.chunks.skipped.report(),
        **run.asked.report(),
        **tally.oddities(),
        **({"batch": files.report()} if files else {}),
    }
    write_jsonl(paths.REWRITTEN, labelling.beside.rewritten())
    write_jsonl(paths.ABSENT, labelling.beside.absent())
    write_rows(paths.RESPONSES, labelling.responses(), itemgetter("key"), params.load().scale.rows_per_shard)
    store.note_seed(paths.RESPONSES)


def refuse_too_many_failures(outcome: Outcome, max_failed: float) -> None:
    """Raise when more than `generate.max_failed` of the requests have no answer."""
    failed, total = outcome.unanswered(), outcome.total()
    if failed > max_failed * total:
        raise UserError(
            f"{failed} of {total} requests have no answer ({outcome.reasons()}); the others are stored; "
            "`dvc repro` asks only for the missing ones, and generate.max_failed allows more"
        )
    if failed:
        say(f"generate: {failed} of {total} requests have no answer ({outcome.reasons()})", flush=True)


def main() -> None:
    settings = params.load()
    refusals.refuse_impossible(settings)
    section, most = settings.generate, settings.scale.rows_per_shard
    tally, run = Tally(), Run({"backend": section.backend, "chunks": count_chunks()})
    if section.backend == "extractive":
        write_rows(paths.PAIRS, tally.counted(extractive_pairs(section, run.figures)), page_of(), most)
        for file in (paths.REWRITTEN, paths.ABSENT, paths.RESPONSES):
            write_jsonl(file, [])
    else:
        with Store.of_repository() as store:
            write_rows(paths.PAIRS, tally.counted(llm_pairs(section, store, tally, run)), page_of(), most)
    run.figures |= tally.report(run.figures["chunks"])
    write_report("generate", run.figures, HEADLINE)
    write_json(paths.REPORTS / "generate_log.json", pace(run.asked))
    say(f"generate: {run.figures['pairs']} pairs from {run.figures['chunks']} chunks by the {section.backend} backend")


if __name__ == "__main__":
    run_stage("generate", main)
