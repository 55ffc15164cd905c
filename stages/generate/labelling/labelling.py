"""Chunks, recipe and stored answers together: which requests there are, and the pairs in what came back."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, repeat
from typing import Any

from stages.common.llm.entries import Entry
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.files import digest
from stages.common.records.rows import Chunk, Pair
from stages.common.schema import Generate
from stages.common.text.wording import normalised
from stages.generate.labelling.answer import Answer, AnswerWordings, Wordings, is_usable, plain, stored
from stages.generate.labelling.beside import Beside
from stages.generate.labelling.first_pass import FirstPass, Known
from stages.generate.labelling.focus import Everything, Uncovered
from stages.generate.labelling.languages import Languages
from stages.generate.labelling.recipe import Recipe, leans_on
from stages.generate.labelling.rewording import Rewording, Wording
from stages.generate.labelling.sending import Sending
from stages.generate.labelling.spool import Ready, Spool
from stages.generate.tally import Tally

Answers = Mapping[str, Entry | None]  # what the store holds, by key


def to_pair(
    chunk_id: str, row: dict[str, str], style: str, request_key: str, family: str = "", held_out: bool = False
) -> Pair:
    instruction, extra, output = (row.get(name, "").strip() for name in ("instruction", "input", "output"))
    pair: Pair = {
        "pair_id": digest(chunk_id, instruction, extra, output),
        "chunk_id": chunk_id,
        "instruction": instruction,
        "input": extra,
        "output": output,
        "evidence": row["evidence"],
        "style": style,
        "request_key": request_key,
    }
    for name in ("value", "reworded", "answer_key"):
        if name in row:
            pair[name] = row[name]  # type: ignore[literal-required]
    return {**pair, "family": family, "held_out": held_out} if family else pair


class Labelling:
    """The requests of section `generate` about some chunks, and their answers in the store.

    `chunks` gives the chunks anew each time it is called: they are read from their file, never held together. What is
    remembered of a request is its key.
    """

    def __init__(
        self,
        section: Generate,
        store: Store,
        chunks: Callable[[], Iterator[Chunk]],
        pages: dict[str, str] | None = None,
    ) -> None:
        """`pages`: the language of each page by its path, as far as known."""
        self.section, self.store = section, store
        self.chunks = Sending(chunks, section.private)
        languages = Languages(section, pages)
        self.beside = Beside(section, store, self.chunks, languages)
        self.rewording = Rewording(section, languages)
        self.focus = Uncovered() if section.focus == "uncovered" else Everything()
        self.first_pass = FirstPass(Recipe(section, languages), store, self.chunks, self.focus)
        self.passes: dict[str, Callable[[], Iterator[Request]]] = {
            "questions": self.questions,
            "wordings": self.wordings,
            "answers": self.answers,
            **{name: partial(self.besides, name) for name in self.beside.askers},
        }
        self.wording_keys: dict[str, None] = {}  # of the wordings of all pairs, in their order
        self.found: dict[str, Outcome] = {}  # what the first look at each pass found in the store
        self.spool: Spool | None = None  # pairs that the plan has made already, with what it counted
        self.counted = Tally()

    def answer(self, key: str, answers: Answers | None = None) -> str | None:
        """The stored answer to a request; None when it was never answered or was refused."""
        entry = answers.get(key) if answers else None
        return (entry.answer or None) if entry else self.store.get(key)

    def first(self, name: str) -> Outcome:
        """Where what is found in the store is counted; it counts when the requests of a pass are looked up first."""
        found = Outcome()
        return found if name in self.found else self.found.setdefault(name, found)

    def missing(self, key: str, found: Outcome) -> bool:
        """Whether a request has no entry in the store; those with one are counted."""
        entry = self.store.find_for(key, self.section.max_tokens)
        if entry:
            found.hit(entry.refused)
        return entry is None

    def questions(self) -> Iterator[Request]:
        """The first pass: what is asked about the chunks and has no entry in the store."""
        found = self.first("questions")
        for chunk, tasks in self.first_pass.asked():
            for known in tasks:
                if self.missing(known.task.key, found):
                    yield self.first_pass.request(chunk, known)

    def wordings(self) -> Iterator[Request]:
        """The second pass: what is asked about the questions that the first one brought."""
        return self.reworded_requests("question", self.first("wordings"))

    def answers(self) -> Iterator[Request]:
        """The third pass: the same about their answers."""
        return self.reworded_requests("answer", self.first("answers"))

    def reworded_requests(self, of: str, found: Outcome) -> Iterator[Request]:
        for chunk, tasks in self.first_pass.asked() if self.rewording.asks_about(of) else ():
            for pair in self.first_pairs(chunk, tasks, Tally()):
                for wording, request in self.rewording.requests(pair, chunk):
                    if wording.of == of and self.missing(wording.key, found):
                        yield request()

    def besides(self, name: str) -> Iterator[Request]:
        """What is asked about single chunks beside the passes: `rewrites` or `absent`."""
        found = self.first(name)
        return (request for _, request in self.beside.requests(name) if self.missing(request.key(), found))

    def responses(self) -> Iterator[Any]:
        """The rows of data/responses.jsonl: what is stored for all requests, and the rows that stay. To be called when
        the pairs are made: only then all questions are known."""
        fresh = set()
        for row in self.store.rows(chain(self.first_pass.keys(), self.wording_keys, self.beside.keys())):
            fresh.add(row["key"])
            yield row
        yield from (row for row in self.focus.kept_responses() if row["key"] not in fresh)

    def pairs(self, tally: Tally) -> Iterator[Pair]:
        """All pairs in the order of the chunks: of each chunk those that stay, then those in its stored answers, each
        question followed by its other wordings."""
        tally.add(self.counted)
        if self.spool and self.spool.whole:  # nothing was asked: the plan has made them all
            for made in filter(None, self.spool):
                yield from self.taken(made)
            return
        spooled: Iterator[Ready | None] = iter(self.spool) if self.spool else repeat(None)
        previous = None
        for chunk in self.chunks():
            if ready := next(spooled):
                yield from self.taken(ready)
                previous = chunk
                continue
            kept = self.focus.kept(chunk)
            rows = {pair["pair_id"]: pair for pair in kept}
            if self.focus.asks(chunk) or not kept:
                for pair in self.first_pairs(chunk, self.first_pass.tasks(chunk, leans_on(chunk, previous)), tally):
                    for wording in [pair, *self.reworded(pair, chunk, tally, self.wording_keys)]:
                        rows.setdefault(wording["pair_id"], wording)
            yield from rows.values()
            previous = chunk

    def wants_pairs(self, answers: Answers) -> bool:
        """Whether the pairs of a chunk are of use before anything is asked."""
        return bool(self.rewording) or (self.spool is not None and all(answers.values()))

    def keep(self, chunk: Chunk, pairs: list[Pair], tally: Tally, answers: Answers) -> None:
        """Spool the pairs of a chunk that waits for nothing; `answers` are those to all of its requests."""
        if self.spool is None:
            return
        if not all(answers.values()):
            self.spool.put(None)
            return
        rows: dict[str, Pair] = {}
        wordings: dict[str, None] = {}
        for pair in pairs:
            for row in [pair, *self.reworded(pair, chunk, tally, wordings, answers)]:
                rows.setdefault(row["pair_id"], row)
        self.counted.add(tally)
        self.spool.put(Ready([*rows.values()], [*wordings]))

    def taken(self, ready: Ready) -> list[Pair]:
        """The pairs out of the spool."""
        self.wording_keys |= dict.fromkeys(ready.wordings)
        return ready.pairs

    def first_pairs(
        self, chunk: Chunk, tasks: list[Known], tally: Tally, answers: Answers | None = None
    ) -> Iterator[Pair]:
        """The pairs of the first pass about a chunk, each once: styles may find the same, a model may repeat itself.
        `answers`: those that are known already."""
        seen = set()
        for task, _ in tasks:
            answer = self.answer(task.key, answers)
            if answer is None:
                tally.unanswered(task.style)
                continue
            rows = plain(answer) or [vars(row) for row in stored(Answer, answer, task.key).pairs]
            tally.answer(task.style, len(rows), task.pairs)
            usable = [row for row in rows if is_usable(row)]
            tally.drop(task.style, blank=len(rows) - len(usable), beyond_asked=len(usable[task.pairs :]))
            for row in usable[: task.pairs]:
                pair = to_pair(chunk["chunk_id"], row, task.style, task.key)
                if pair["pair_id"] in seen:
                    tally.drop(task.style, repeated=1)
                    continue
                seen.add(pair["pair_id"])
                tally.pair(pair, chunk["text"])
                yield pair

    def reworded(
        self, pair: Pair, chunk: Chunk, tally: Tally, keys: dict[str, None], answers: Answers | None = None
    ) -> Iterator[Pair]:
        """The other wordings of a pair's question, with its answer and evidence; the trained ones in turn also with the
        answer in other words. `keys`: where those of their requests are noted."""
        wordings = [wording for wording, _ in self.rewording.requests(pair, chunk)] if self.rewording else []
        keys |= dict.fromkeys(wording.key for wording in wordings)
        said = self.said_otherwise(pair, wordings, answers)
        for wording in wordings:
            answer = self.answer(wording.key, answers) if wording.of == "question" else None
            questions = stored(Wordings, answer, wording.key).questions if answer else []
            tally.drop(pair["style"], beyond_asked=len(questions[wording.wanted :]))
            for place, question in enumerate(questions[: wording.wanted]):
                other = {} if wording.held_out else said[place % len(said)]
                row: Any = {**pair, "instruction": question, **other}
                yield to_pair(pair["chunk_id"], row, pair["style"], wording.key, wording.family, wording.held_out)

    def said_otherwise(
        self, pair: Pair, wordings: list[Wording], answers: Answers | None = None
    ) -> list[dict[str, str]]:
        """What the questions of a fact get beside its answer, in turn: each other wording of it, and nothing."""
        for wording in wordings:
            if wording.of == "answer" and (answer := self.answer(wording.key, answers)):
                texts = stored(AnswerWordings, answer, wording.key).answers[: wording.wanted]
                others = [text for text in dict.fromkeys(texts) if normalised(text) != normalised(pair["output"])]
                return [*({"reworded": text, "answer_key": wording.key} for text in others), {}]
        return [{}]
