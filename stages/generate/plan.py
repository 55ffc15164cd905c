"""What a run would ask and cost, before anything is sent: from the chunks, the recipe and what is stored."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from stages.common.llm.entries import Entry, Usage
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.records.rows import Chunk
from stages.common.schema import Generate
from stages.common.text import tokens
from stages.generate.labelling.absence import COUNT
from stages.generate.labelling.labelling import Labelling
from stages.generate.tally import Tally

SAMPLE = 200  # stored answers whose mean length stands for those to come
# Where no answer of the model is stored: tokens of a pair with its JSON, of a wording, of a question in a prompt.
PAIR_TOKENS, WORDING_TOKENS, QUESTION_TOKENS, ANSWER_TOKENS, ABSENT_TOKENS = 120, 30, 25, 40, 40


@dataclass
class Pass:
    """Requests of one pass: all of them, those without an entry in the store, and what is asked for in these."""

    requests: int = 0
    calls: int = 0
    found: Outcome = field(default_factory=Outcome)  # those that are answered or were refused
    prompt_tokens: int = 0
    items: int = 0  # pairs or wordings that the calls ask for; of rewrites, tokens
    stored: list[str] = field(default_factory=list)  # keys of some that are answered

    def hit(self, key: str, entry: Entry) -> None:
        self.requests += 1
        self.found.hit(entry.refused)
        if len(self.stored) < SAMPLE:
            self.stored.append(key)

    def miss(self, prompt_tokens: int, items: int, calls: int = 1) -> None:
        self.requests += calls
        self.calls += calls
        self.prompt_tokens += prompt_tokens * calls
        self.items += items * calls


@dataclass
class Plan:
    """What stands before the first request. `later`: how many of the wordings depend on answers to come, a guess."""

    chunks: int
    questions: Pass
    wordings: Pass
    answers: Pass
    rewrites: Pass
    absent: Pass
    later: int
    answer_tokens: int
    source: str  # where answer_tokens comes from
    seconds: float | None  # None: nothing measured yet
    remark: str = ""

    def calls(self) -> int:
        return sum(part.calls for part in self.passes())

    def prompt_tokens(self) -> int:
        return sum(part.prompt_tokens for part in self.passes())

    def passes(self) -> tuple[Pass, ...]:
        return self.questions, self.wordings, self.answers, self.rewrites, self.absent

    def cost(self, section: Generate) -> float:
        """In the currency of generate.price_per_million."""
        price = section.price_per_million
        full = (self.prompt_tokens() * price.prompt + self.answer_tokens * price.answer) / 1e6
        return full * (1 - section.batch_discount) if section.backend == "batch" else full

    def lines(self, section: Generate) -> Iterator[str]:
        """The plan in words."""
        requests = sum(part.requests for part in self.passes())
        about = "about " if self.later else ""
        more = f", {about}{self.answers.calls:,} for answers in other words" if self.answers.requests else ""
        more += f", {self.rewrites.calls:,} for passages in other words" if self.rewrites.requests else ""
        more += f", {self.absent.calls:,} for questions without an answer" if self.absent.requests else ""
        if self.remark:
            yield self.remark
        if not self.calls():
            yield f"{self.chunks:,} chunks, {requests:,} requests, all already answered in the store: nothing to send"
            return
        yield (
            f"{self.chunks:,} chunks make {about}{requests:,} requests: {requests - self.calls():,} are already "
            f"answered in the store, {about}{self.calls():,} will be sent ({self.questions.calls:,} for pairs, "
            f"{about}{self.wordings.calls:,} for other wordings{more})"
        )
        yield f"about {self.prompt_tokens():,} prompt tokens and {self.answer_tokens:,} answer tokens ({self.source})"
        price = section.price_per_million
        cost = f"about {self.cost(section):,.2f}" if price.prompt or price.answer else "no generate.price_per_million"
        yield f"cost: {cost}; time: {self.time(section)}"

    def time(self, section: Generate) -> str:
        if section.backend == "batch":
            return "that of the batch service"
        return "unknown before the first run" if self.seconds is None else f"about {duration(self.seconds)}"


def make(labelling: Labelling, store: Store, encoding: str) -> Plan:
    """Look every request up in the store. Nothing is sent. `encoding` counts the tokens of prompts."""
    questions, wordings, said, rewrites, absent, chunks = *(Pass() for _ in range(5)), 0
    room = labelling.section.max_tokens
    for chunk, tasks in labelling.first_pass.asked():
        chunks += 1
        answers: dict[str, Entry | None] = {}
        for known in tasks:
            task, entry = known.task, labelling.first_pass.entry(known)
            answers[task.key] = entry
            if entry:
                questions.hit(task.key, entry)
            else:
                request = labelling.first_pass.request(chunk, known)
                questions.miss(chunk_prompt_tokens(chunk, request, encoding), task.pairs)
        tally = Tally()
        pairs = list(labelling.first_pairs(chunk, tasks, tally, answers)) if labelling.wants_pairs(answers) else []
        for pair in pairs if labelling.rewording else ():
            for wording, make in labelling.rewording.requests(pair, chunk):
                entry = store.find_for(wording.key, room) or (store.look_up(make()) if store.older else None)
                answers[wording.key] = entry
                part = said if wording.of == "answer" else wordings
                if entry:
                    part.hit(wording.key, entry)
                else:
                    part.miss(prompt_tokens(make(), encoding), wording.wanted)
        labelling.keep(chunk, pairs, tally, answers)
    for part, name in ((rewrites, "rewrites"), (absent, "absent")):
        for chunk, request in labelling.beside.requests(name):
            if entry := store.look_up(request):
                part.hit(request.key(), entry)
            else:
                items = chunk["tokens"] if part is rewrites else COUNT
                part.miss(chunk_prompt_tokens(chunk, request, encoding), items)
    later, system = 0, max((count(text, encoding) for text in labelling.rewording.systems()), default=0)
    section = labelling.section
    for part, each, wanted, length in (
        (wordings, labelling.rewording.for_each(), section.paraphrases, QUESTION_TOKENS),
        (said, float(bool(section.answer_paraphrases)), section.answer_paraphrases, QUESTION_TOKENS + ANSWER_TOKENS),
    ):
        if to_come := requests_to_come(questions, part, each) if each else 0:
            part.miss(system + length, max(1, wanted), to_come)
            later += to_come
    cost = expected((questions, wordings, said, rewrites, absent), store, section)
    return Plan(chunks, questions, wordings, said, rewrites, absent, later, *cost, labelling.focus.remark)


def requests_to_come(questions: Pass, wordings: Pass, each: float) -> int:
    """How many requests for wordings, of questions or of answers, the calls of the first pass will lead to: as many as
    the stored answers did on average; without any of these, `each` for every question that is asked for."""
    answered = questions.requests - questions.calls
    return round(questions.calls * wordings.requests / answered) if answered else round(questions.items * each)


def chunk_prompt_tokens(chunk: Chunk, request: Request, encoding: str) -> int:
    """Tokens of a prompt about a chunk, whose own tokens were counted by the stage before."""
    system, user = request.messages
    around = tokens.count(user["content"].replace(chunk["text"], "", 1), encoding)
    return count(system["content"], encoding) + around + chunk["tokens"]


def prompt_tokens(request: Request, encoding: str) -> int:
    system, user = request.messages
    return count(system["content"], encoding) + tokens.count(user["content"], encoding)


@functools.lru_cache(maxsize=64)  # a few system parts stand before all requests
def count(text: str, encoding: str) -> int:
    return tokens.count(text, encoding)


def expected(parts: Sequence[Pass], store: Store, section: Generate) -> tuple[int, str, float | None]:
    """Answer tokens of the calls, where that figure comes from, and the seconds that the calls take."""
    answer_tokens, seconds, sources, timed = 0.0, 0.0, set(), True
    for part, guess in zip(parts, (PAIR_TOKENS, WORDING_TOKENS, ANSWER_TOKENS, 1, ABSENT_TOKENS), strict=True):
        if not part.calls:
            continue
        own, all_of_model = store.usage(section.model, part.stored), store.usage(section.model)
        usage = own if part.stored and own.answers else all_of_model
        answer_tokens += part.calls * usage.answer_tokens if usage.answers else part.items * guess
        sources.add(source(usage, section.model))
        seconds += part.calls * usage.seconds / section.concurrency
        timed = timed and usage.seconds > 0
    if section.requests_per_minute:
        seconds = max(seconds, sum(part.calls for part in parts) / section.requests_per_minute * 60)
    return round(answer_tokens), ", ".join(sorted(sources)), seconds if timed else None


def source(usage: Usage, model: str) -> str:
    return (
        f"mean of stored answers of {model}" if usage.answers else "estimated: no answers of this model are stored yet"
    )


def duration(seconds: float) -> str:
    """Seconds in the unit that a person would choose."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
