"""One request to its answer: calls, waits and second questions until it is answered, refused or given up."""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel

from stages.common.llm import replies
from stages.common.llm.endpoint import Endpoint, Reply
from stages.common.llm.faults import FaultError, RefusalError, clean
from stages.common.llm.forms import Form
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Message, Request
from stages.common.llm.store import Response, Store
from stages.common.llm.throttle import CHARACTERS_PER_TOKEN, Rate, Throttle
from stages.common.records.files import digest

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds of the back-off, doubled each time
LONGEST_RETRY_AFTER = 300.0  # a server that asks for more is not waited for in this run
MAX_SHOWN = 4000  # characters of its own answer that a model is shown
CORRECTION = "Your answer could not be used: {problem}\nAnswer again, with the complete and corrected JSON only."


class StoppedError(Exception):
    """The run ends; the request stays unanswered."""


@dataclass
class Talk:
    """What has been said about one request, and what it took."""

    request: Request
    messages: list[Message]
    room: int
    started: float
    form: Form  # of the last call
    tries: float = 0.0  # failed calls, as they count against max_retries
    corrected: set[str] = field(default_factory=set)  # for what the one second question has been used
    broken_off: list[str] = field(default_factory=list)  # replies that ran into the limit
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def answered(self, answer: BaseModel) -> "Result":
        return Result(self.response(answer.model_dump_json(), ""))

    def refused(self, kind: str, message: str, doubtful: bool = False) -> "Result":
        """The end of a request that will never be answered."""
        return Result(self.response("", f"{kind}: {message}"), kind, message, doubtful)

    def response(self, answer: str, refused: str) -> Response:
        seconds = round(time.monotonic() - self.started, 3)
        used = self.prompt_tokens, self.answer_tokens
        return Response(self.request.key(), answer, refused, self.request.model, *used, seconds)


class Result(NamedTuple):
    """What a request came to. `kind` is empty for an answer, else why there is none; `response` is what to store,
    nothing when the request is to be asked again by the next run. `doubtful`: a refusal that may be about how every
    request is made, such as an unknown sampling parameter, rather than about this one."""

    response: Response | None
    kind: str = ""
    message: str = ""
    doubtful: bool = False


class Asker:
    """Asks an endpoint for answers of one kind."""

    def __init__(self, endpoint: Endpoint, answer: type[BaseModel], store: Store, outcome: Outcome) -> None:
        self.endpoint, self.answer, self.store, self.outcome = endpoint, answer, store, outcome
        self.most_tries = endpoint.connection.max_retries
        self.throttle = Throttle(endpoint.connection.concurrency)
        self.rate = Rate(endpoint.connection)
        self.place = digest(endpoint.address(), endpoint.connection.model, length=64)
        self.form = Form(*store.form(self.place) or ())
        self.stopping = False
        self.busy: set[asyncio.Task[Any] | None] = set()  # tasks whose answer is on its way

    async def ask(self, request: Request) -> Result:
        """Have a request answered. Raises UserError, and StoppedError when the run ends first."""
        room = int(request.sampling.get("max_tokens", 0))
        talk = Talk(request, list(request.messages), room, time.monotonic(), self.form)
        while True:
            try:
                result = self.read(talk, await self.call(talk))
            except RefusalError as refusal:
                result = self.refused(talk, refusal)
            except FaultError as fault:
                result = await self.failed(talk, fault)
            if result:
                return result
            self.outcome.retries += 1
            if self.stopping:
                raise StoppedError

    async def failed(self, talk: Talk, fault: FaultError) -> Result | None:
        """Wait for the next try (None), or give up. Raises StoppedError rather than wait when the run ends."""
        self.outcome.faults[fault.kind] += 1
        talk.tries += fault.tries
        if talk.tries > self.most_tries or fault.wait > LONGEST_RETRY_AFTER:
            return Result(None, fault.kind, str(fault))
        if self.stopping:
            raise StoppedError
        await asyncio.sleep(pause(talk.tries, fault.wait))
        return None

    async def call(self, talk: Talk) -> Reply:
        """One call in its turn. Raises FaultError, RefusalError and UserError."""
        guess = sum(len(message["content"]) for message in talk.messages) / CHARACTERS_PER_TOKEN
        guess += self.outcome.mean_answer_tokens()
        started = await self.throttle.start()
        task = asyncio.current_task()
        overloaded = answered = False
        try:
            # With a place already, so that turns that came while there was none are not all taken at once.
            wait = self.rate.reserve(guess)
            if wait:
                await asyncio.sleep(wait)
                started = self.throttle.clock()
            self.busy.add(task)
            self.outcome.calls += 1
            talk.form = self.form
            reply = await self.endpoint.call(talk.form.body(talk.request, talk.messages, talk.room))
            answered = True
        except FaultError as fault:
            overloaded = fault.overloaded
            raise
        finally:
            self.busy.discard(task)
            self.throttle.end(started, overloaded, answered)
        self.count(talk, reply, guess, self.throttle.clock() - started)
        return reply

    def count(self, talk: Talk, reply: Reply, guess: float, seconds: float) -> None:
        """Note what a call used; it was paid for even when the answer is of no use."""
        talk.prompt_tokens += reply.prompt_tokens
        talk.answer_tokens += reply.answer_tokens
        self.outcome.count_call(reply.prompt_tokens, reply.answer_tokens, seconds)
        self.rate.correct(guess, reply.prompt_tokens + reply.answer_tokens)

    def read(self, talk: Talk, reply: Reply) -> Result | None:
        """The answer in a reply; None when the request, as changed in `talk`, is to be asked again."""
        if reply.finish == "content_filter":
            raise RefusalError("content filter", "the endpoint withheld the answer", filtered=True)
        if self.answer is replies.Text:
            return talk.answered(replies.Text(text=reply.text, stopped=reply.finish == "stop"))
        if reply.finish == "length":
            return self.read_broken_off(talk, reply.text)
        if reply.refusal and not reply.text:
            return self.second_question(talk, "", "refused by the model", reply.refusal)
        if not reply.text.strip():
            raise FaultError("empty answer")
        try:
            return talk.answered(replies.read(reply.text, self.answer))
        except replies.UNUSABLE as error:
            return self.second_question(talk, reply.text, "schema not met", replies.problem(error))

    def second_question(self, talk: Talk, text: str, kind: str, problem: str) -> Result | None:
        """Ask once more (None), showing the model what was wrong; the second time the same is final."""
        if self.most_tries == 0:
            raise FaultError(kind, clean(problem))
        self.outcome.faults[kind] += 1
        if kind in talk.corrected:
            return talk.refused(kind, clean(problem))
        talk.corrected.add(kind)
        if text:
            talk.messages.append({"role": "assistant", "content": text[:MAX_SHOWN]})
            talk.messages.append({"role": "user", "content": CORRECTION.format(problem=problem)})
        return None

    def read_broken_off(self, talk: Talk, text: str) -> Result | None:
        """A reply that ran into its limit: ask once more with twice the room (None), then save its whole items."""
        try:
            return talk.answered(replies.read(text, self.answer, complete=False))
        except replies.UNUSABLE:
            talk.broken_off.append(text)
            self.outcome.faults["truncated"] += 1
        if len(talk.broken_off) == 1 and talk.room and self.most_tries:
            talk.room *= 2
            return None
        return self.saved(talk) or talk.refused("truncated", "the answer does not fit into max_tokens")

    def saved(self, talk: Talk) -> Result | None:
        """An answer from the whole items of replies that broke off, of the longest one that has any."""
        for text in sorted(talk.broken_off, key=len, reverse=True):
            with contextlib.suppress(*replies.UNUSABLE):
                return talk.answered(replies.read_whole_items(text, self.answer))
        return None

    def refused(self, talk: Talk, refusal: RefusalError) -> Result | None:
        """What a refused call makes: another form to ask in (None), what was saved before, or a refusal for good."""
        self.outcome.faults[refusal.kind] += 1
        if not refusal.filtered and self.find_form(talk.form, str(refusal)):
            return None
        doubtful = not refusal.filtered
        return self.saved(talk) or talk.refused(refusal.kind, str(refusal), doubtful)

    def find_form(self, used: Form, message: str) -> bool:
        """Whether there is another form than the one that was refused; from now on it holds for all requests."""
        if used == self.form:
            simpler = used.simpler(message)
            if simpler:
                self.form = simpler
                self.store.put_form(self.place, simpler)
            return simpler is not None
        return True  # another request has found it meanwhile


def pause(tries: float, wait: float) -> float:
    """Seconds until the next try: exponential, with jitter so that requests that failed together part."""
    backoff = min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0.0, tries - 1))
    return wait + backoff * random.uniform(0.5, 1.0)
