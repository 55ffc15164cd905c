"""Chunks, recipe and stored answers together: which requests there are, and the pairs in what came back."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.llm import prompts
from stages.common.llm.replies import UNUSABLE, AnswerType, problem
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.files import digest
from stages.common.records.rows import Chunk, Pair
from stages.common.schema import Generate
from stages.generate.labelling import recipe
from stages.generate.labelling.answer import Answer, Wordings, wordings_schema
from stages.generate.labelling.focus import Everything, Uncovered
from stages.generate.labelling.rewriting import Rewrite, Rewriting
from stages.generate.tally import Tally


def to_pair(
    chunk_id: str, row: dict[str, str], style: str, request_key: str, family: str = "", held_out: bool = False
) -> Pair:
    instruction, extra, output = (row.get(name, "").strip() for name in ("instruction", "input", "output"))
    return {
        "pair_id": digest(chunk_id, instruction, extra, output),
        "chunk_id": chunk_id,
        "instruction": instruction,
        "input": extra,
        "output": output,
        "evidence": row["evidence"],
        "style": style,
        "request_key": request_key,
        "family": family,
        "held_out": held_out,
    }


def stored(form: type[AnswerType], answer: str, key: str) -> AnswerType:
    """A stored answer. What doclore stores is valid; a file that was edited by hand may have brought something else,
    which is told rather than asked anew: the other answers of that file may be as wrong."""
    try:
        return form.model_validate_json(answer)
    except UNUSABLE as error:
        raise UserError(
            f"the stored answer {key} is no answer ({' '.join(problem(error).split())[:200]}); take its "
            f"row out of {paths.RESPONSES} and type: doclore store gc --key {key} --yes; it is then asked anew"
        ) from None


class Labelling:
    """The requests of section `generate` about some chunks, and their answers in the store.

    `chunks` gives the chunks anew each time it is called: they are read from their file, never held together.
    """

    def __init__(self, section: Generate, store: Store, chunks: Callable[[], Iterator[Chunk]]) -> None:
        self.section = section
        self.store = store
        self.chunks = chunks
        self.recipe = recipe.Recipe(section)
        self.rewriting = Rewriting(section)
        self.focus = Uncovered() if section.focus == "uncovered" else Everything()
        self.rewording = {
            lang: prompts.load(Path(section.prompts) / f"paraphrase.{lang}.md", ("question", "count"))
            for lang in (self.recipe.prompts if section.paraphrases else ())
        }

    def asked(self) -> Iterator[tuple[Chunk, list[recipe.Task]]]:
        """The chunks that are asked about, with their requests of the first pass."""
        for chunk in self.chunks():
            if self.focus.asks(chunk):
                yield chunk, self.tasks(chunk)

    def tasks(self, chunk: Chunk) -> list[recipe.Task]:
        return list(self.recipe.tasks(chunk, self.focus.sample(chunk, self.recipe.tasks)))

    def questions(self) -> Iterator[Request]:
        """The first pass: what is asked about the chunks."""
        for _, tasks in self.asked():
            yield from (task.request for task in tasks)

    def wordings(self) -> Iterator[Request]:
        """The second pass: what is asked about the questions that the first one brought."""
        if self.rewording:
            for chunk, tasks in self.asked():
                yield from (self.wording(pair) for pair in self.first_pairs(chunk, tasks, Tally()))

    def rewrites(self) -> Iterator[Request]:
        """Beside the passes: every chunk in other words, as `generate.rewrites` says."""
        for chunk in self.chunks():
            yield from self.rewriting.requests(chunk)

    def rewritten(self) -> Iterator[Any]:
        """The rows of data/rewritten.jsonl: the versions that are stored."""
        for chunk in self.chunks():
            for request in self.rewriting.requests(chunk):
                if answer := self.store.get(request.key()):
                    text = stored(Rewrite, answer, request.key()).text
                    place = {"chunk_id": chunk["chunk_id"], "path": chunk["path"]}
                    yield {**place, "text": text, "request_key": request.key()}

    def responses(self) -> Iterator[Any]:
        """The rows of data/responses.jsonl: what is stored for all requests, and the rows that stay."""
        fresh = set()
        requests = chain(self.questions(), self.wordings(), self.rewrites())
        for row in self.store.rows(request.key() for request in requests):
            fresh.add(row["key"])
            yield row
        yield from (row for row in self.focus.kept_responses() if row["key"] not in fresh)

    def wording(self, pair: Pair) -> Request:
        """The request for other wordings of a question. It depends on the question alone."""
        count = self.section.paraphrases
        prompt = self.rewording[recipe.question_language(pair["instruction"], self.section)]
        messages = prompt.messages({"question": pair["instruction"], "count": count})
        return Request.of(self.section, messages, wordings_schema(count))

    def pairs(self, tally: Tally) -> Iterator[Pair]:
        """All pairs in the order of the chunks: of each chunk those that stay, then those in its stored answers, each
        question followed by its other wordings."""
        for chunk in self.chunks():
            kept = self.focus.kept(chunk)
            found = {pair["pair_id"]: pair for pair in kept}
            if self.focus.asks(chunk) or not kept:
                for pair in self.first_pairs(chunk, self.tasks(chunk), tally):
                    for wording in [pair, *(self.reworded(pair, tally) if self.rewording else ())]:
                        found.setdefault(wording["pair_id"], wording)
            yield from found.values()

    def first_pairs(self, chunk: Chunk, tasks: list[recipe.Task], tally: Tally) -> Iterator[Pair]:
        """The pairs of the first pass about a chunk, each once: styles may find the same, a model may repeat itself."""
        seen = set()
        for task in tasks:
            answer = self.store.get(task.request.key())
            rows = stored(Answer, answer, task.request.key()).pairs if answer else []
            if answer:
                tally.answer(len(rows), task.pairs)
            usable = [row for row in rows if row.usable()]
            tally.dropped.update(blank=len(rows) - len(usable), beyond_asked=len(usable[task.pairs :]))
            for row in usable[: task.pairs]:
                pair = to_pair(chunk["chunk_id"], row.model_dump(), task.style, task.request.key())
                if pair["pair_id"] in seen:
                    tally.dropped["repeated"] += 1
                    continue
                seen.add(pair["pair_id"])
                tally.pair(pair, chunk["text"])
                yield pair

    def reworded(self, pair: Pair, tally: Tally) -> Iterator[Pair]:
        """The other wordings of a pair's question, with its answer and evidence."""
        request = self.wording(pair)
        answer = self.store.get(request.key())
        questions = stored(Wordings, answer, request.key()).questions if answer else []
        tally.dropped["beyond_asked"] += len(questions[self.section.paraphrases :])
        for question in questions[: self.section.paraphrases]:
            row = {**pair, "instruction": question}
            yield to_pair(pair["chunk_id"], row, pair["style"], request.key())  # type: ignore[arg-type]
