"""One request to its answer: calls, waits and second questions until it is answered, refused or given up."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from stages.common.base.errors import ParamsError
from stages.common.llm.adapting import Adapter
from stages.common.llm.completion import Reply
from stages.common.llm.endpoint import Endpoint
from stages.common.llm.faults import FaultError, RefusalError
from stages.common.llm.outage import Outage
from stages.common.llm.outcome import Outcome
from stages.common.llm.reading import Reader
from stages.common.llm.requests import Request
from stages.common.llm.rooms import Room
from stages.common.llm.store import Store
from stages.common.llm.talk import Result, Talk
from stages.common.llm.throttle import Rate, Throttle, least_tokens, usual_tokens

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds of the back-off, doubled each time
LONGEST_AWAY = 10.0  # of the back-off while the endpoint is out of reach
LONGEST_RETRY_AFTER = 300.0  # a server that asks for more is not waited for in this run, but for max_outage

Heard = Callable[[Request, Reply], None]


class StoppedError(Exception):
    """The run ends; the request stays unanswered."""


class Asker:
    """Asks an endpoint for answers of one kind. `show` puts a few words beside the progress bar."""

    def __init__(
        self,
        endpoint: Endpoint,
        answer: type[BaseModel],
        store: Store,
        outcome: Outcome,
        show: Callable[[str], None] = lambda _: None,
        heard: Heard | None = None,
    ) -> None:
        self.endpoint, self.outcome, self.heard = endpoint, outcome, heard
        self.most_tries = endpoint.connection.max_retries
        self.reader = Reader(answer, endpoint.section, self.most_tries, outcome)
        self.adapter = Adapter(endpoint, store, outcome)
        self.throttle = Throttle(endpoint.connection.concurrency)
        self.rate = Rate(endpoint.connection)
        self.outage = Outage(endpoint, show)
        self.stopping = False
        self.busy: set[asyncio.Task[Any] | None] = set()  # tasks whose answer is on its way

    async def ask(self, request: Request) -> Result:
        """Have a request answered. Raises UserError, and StoppedError when the run ends first."""
        form, completed = self.adapter.form, self.outcome.completed()
        talk = Talk(request, list(request.messages), request.room(), time.monotonic(), form, completed)
        while True:
            try:
                result = self.reader.read(talk, await self.call(talk))
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
        """Wait for the next try (None), or give up. Raises StoppedError rather than wait when the run ends, and
        UserError when the endpoint was away for too long."""
        self.outcome.faults[fault.kind] += 1
        if fault.kind.startswith(("status 5", "no completion")):  # some servers fail over what they could refuse
            room = self.adapter.room_left(talk, str(fault))
            if room and room.stated:
                return self.shrunk(talk, room)
            if self.adapter.find_form(talk, str(fault)):
                return None
        most = self.endpoint.connection.max_outage
        away = fault.away and most > 0 and talk.completed == self.outcome.completed()  # nobody fared better meanwhile
        talk.completed = self.outcome.completed()
        talk.waits += 1
        if away:
            self.outage.goes_on(most, str(fault))
        else:
            talk.tries += fault.tries
        if talk.tries > self.most_tries or fault.wait > max(LONGEST_RETRY_AFTER, most):
            return Result(None, fault.kind, str(fault))
        if self.stopping:
            raise StoppedError
        longest = LONGEST_AWAY if away else LONGEST_WAIT
        await asyncio.sleep(pause(talk.waits if away else talk.tries, fault.wait, longest))
        return None

    async def call(self, talk: Talk) -> Reply:
        """One call in its turn. Raises FaultError, RefusalError and UserError."""
        guess = usual_tokens(talk.messages) + self.outcome.mean_answer_tokens()
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
            form = talk.form = self.adapter.form
            reply = await self.endpoint.call(lambda address: form.body(talk.request, talk.messages, talk.room, address))
            answered = True
        except FaultError as fault:
            overloaded = fault.overloaded
            raise
        finally:
            self.busy.discard(task)
            self.throttle.end(started, overloaded, answered)
            self.rate.observe(self.endpoint.limits, self.throttle.flight, guess)
        self.count(talk, reply, guess, self.throttle.clock() - started)
        return reply

    def count(self, talk: Talk, reply: Reply, guess: float, seconds: float) -> None:
        """Note what a call used; it was paid for even when the answer is of no use."""
        if self.heard:
            self.heard(talk.request, reply)
        talk.prompt_tokens += reply.prompt_tokens
        talk.answer_tokens += reply.answer_tokens
        self.outcome.count_call(reply.prompt_tokens, reply.answer_tokens, seconds)
        self.outage.over()
        self.rate.correct(guess, reply.prompt_tokens + reply.answer_tokens)
        least = least_tokens(talk.messages) if reply.prompt_tokens else 0
        if reply.prompt_tokens < least:
            self.outcome.prompts_cut += 1
            if self.outcome.prompts_cut == 1:
                self.endpoint.say(
                    f"{self.endpoint.section}: the endpoint counted {reply.prompt_tokens} tokens in a prompt of about "
                    f"{usual_tokens(talk.messages):.0f}: it seems to cut prompts without a word, so that answers are "
                    "about a part of the chunk. Give it a larger context (Ollama: OLLAMA_CONTEXT_LENGTH, llama.cpp: "
                    "--ctx-size divided by --parallel, vLLM: --max-model-len), then forget these answers: "
                    f"doclore store gc --model {talk.request.model} --yes"
                )

    def refused(self, talk: Talk, refusal: RefusalError) -> Result | None:
        """What a refused call makes: other room or another form to ask in (None), what was saved before, or a refusal
        for good."""
        self.outcome.faults[refusal.kind] += 1
        message = str(refusal)
        if refusal.filtered:
            return self.reader.saved(talk) or talk.refused(refusal.kind, message)
        room = self.adapter.room_left(talk, message)
        if room and (room.stated or not self.adapter.find_form(talk, message)):
            return self.shrunk(talk, room)
        if room or self.adapter.find_form(talk, message):
            return None
        for name in talk.request.extra:
            if name in message:
                key = f"{self.endpoint.section}.extra_body.{name}"
                raise ParamsError(f"params.yaml: {key}: the endpoint refuses it ({message}); remove or change it")
        return self.reader.saved(talk) or talk.refused(refusal.kind, message, doubtful=True)

    def shrunk(self, talk: Talk, room: Room) -> Result | None:
        """Ask in less room (None), or take what there is where an answer broke off in as much."""
        return None if self.adapter.shrink(talk, room) else self.reader.cut(talk)


def pause(tries: float, wait: float, longest: float = LONGEST_WAIT) -> float:
    """Seconds until the next try: exponential, with jitter so that requests that failed together part."""
    backoff = min(longest, LONGEST_WAIT, FIRST_WAIT * 2 ** max(0.0, tries - 1))
    return wait + backoff * random.uniform(0.5, 1.0)
