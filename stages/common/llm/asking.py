"""One request to its answer: calls, waits and second questions until it is answered, refused or given up."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel

from stages.common.base.errors import ParamsError
from stages.common.llm import examples, replies, rooms
from stages.common.llm.completion import Reply
from stages.common.llm.endpoint import Endpoint
from stages.common.llm.entries import Response
from stages.common.llm.faults import FaultError, RefusalError, clean
from stages.common.llm.forms import Form
from stages.common.llm.outage import Outage
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Message, Request
from stages.common.llm.store import Store
from stages.common.llm.thinking import StillThinkingError
from stages.common.llm.throttle import Rate, Throttle, least_tokens, usual_tokens
from stages.common.records.files import digest

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0  # seconds of the back-off, doubled each time
LONGEST_AWAY = 10.0  # of the back-off while the endpoint is out of reach
LONGEST_RETRY_AFTER = 300.0  # a server that asks for more is not waited for in this run, but for max_outage
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
    completed: int  # completed calls of the whole run when this request was begun, or last failed
    tries: float = 0.0  # failed calls, as they count against max_retries
    waits: int = 0
    corrected: set[str] = field(default_factory=set)  # for what the one second question has been used
    broken_off: list[str] = field(default_factory=list)  # replies that ran into the limit
    tried: int = 0  # room in which the last of them did not fit
    only_thoughts: bool = False  # the last of them never came to its answer
    shrunk: bool = False  # the server leaves less room than was asked for
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def answered(self, answer: BaseModel, room: int = 0) -> "Result":
        """`room`: tokens in which the answer did not fit whole; 0 when the model ended it."""
        return Result(self.response(answer.model_dump_json(), "", room))

    def refused(self, kind: str, message: str, doubtful: bool = False, room: int = 0) -> "Result":
        """The end of a request that will never be answered, at most with more room."""
        return Result(self.response("", f"{kind}: {message}", room), kind, message, doubtful)

    def response(self, answer: str, refused: str, room: int) -> Response:
        seconds = round(time.monotonic() - self.started, 3)
        used = self.prompt_tokens, self.answer_tokens
        return Response(self.request.key(), answer, refused, self.request.model, *used, seconds, room=room)


class Result(NamedTuple):
    """What a request came to. `kind` is empty for an answer, else why there is none; `response` is what to store,
    nothing when the request is to be asked again by the next run. `doubtful`: a refusal that may be about how every
    request is made, such as an unknown sampling parameter, rather than about this one."""

    response: Response | None
    kind: str = ""
    message: str = ""
    doubtful: bool = False


class Asker:
    """Asks an endpoint for answers of one kind. `show` puts a few words beside the progress bar."""

    def __init__(
        self,
        endpoint: Endpoint,
        answer: type[BaseModel],
        store: Store,
        outcome: Outcome,
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.endpoint, self.answer, self.store, self.outcome = endpoint, answer, store, outcome
        self.most_tries = endpoint.connection.max_retries
        self.throttle = Throttle(endpoint.connection.concurrency)
        self.rate = Rate(endpoint.connection)
        self.outage = Outage(endpoint, show)
        self.place = digest(endpoint.address(), endpoint.connection.model, length=64)
        self.form = store.form(self.place)
        self.stopping = False
        self.busy: set[asyncio.Task[Any] | None] = set()  # tasks whose answer is on its way

    async def ask(self, request: Request) -> Result:
        """Have a request answered. Raises UserError, and StoppedError when the run ends first."""
        talk = Talk(
            request, list(request.messages), request.room(), time.monotonic(), self.form, self.outcome.completed()
        )
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
        """Wait for the next try (None), or give up. Raises StoppedError rather than wait when the run ends, and
        UserError when the endpoint was away for too long."""
        self.outcome.faults[fault.kind] += 1
        if fault.kind.startswith(("status 5", "no completion")):  # some servers fail over what they could refuse
            room = self.room_left(talk, str(fault))
            if room and room.stated:
                return self.shrink(talk, room)
            if self.find_form(talk, str(fault)):
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
            form = talk.form = self.form
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

    def read(self, talk: Talk, reply: Reply) -> Result | None:
        """The answer in a reply; None when the request, as changed in `talk`, is to be asked again."""
        if reply.finish == "content_filter":
            raise RefusalError("content filter", "the endpoint withheld the answer", filtered=True)
        if reply.finish == "error":
            raise FaultError("broken off", "the endpoint broke the answer off")
        if self.answer is replies.Text:
            return talk.answered(replies.Text(text=reply.text, stopped=reply.finish == "stop"))
        if reply.finish == "length":
            return self.read_broken_off(talk, reply)
        if reply.refusal and not reply.text:
            return self.second_question(talk, "", "refused by the model", reply.refusal)
        shown = examples.of(talk.request.messages, self.answer)
        if not reply.text.strip():
            return self.read_thoughts(talk, reply, shown)
        try:
            return talk.answered(replies.read(reply.text, self.answer, examples=shown))
        except replies.UNUSABLE as error:
            return self.second_question(talk, reply.text, "schema not met", replies.problem(error))

    def read_thoughts(self, talk: Talk, reply: Reply, shown: list[BaseModel]) -> Result:
        """The answer of a reply that has nothing but thoughts. Raises FaultError when there is none."""
        if not reply.thoughts.strip():
            raise FaultError("empty answer")
        try:
            return talk.answered(replies.read_thoughts(reply.thoughts, self.answer, shown))
        except replies.UNUSABLE:
            raise FaultError(
                "empty answer",
                "all of the reply stands in its field for thoughts, and more than an answer; set "
                f"{self.endpoint.section}.thinking to off, or another reasoning parser of the server",
                tries=max(1.0, self.most_tries / 2),  # as the same model would do the same
            ) from None

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

    def read_broken_off(self, talk: Talk, reply: Reply) -> Result | None:
        """A reply that ran into its limit: ask once more with twice the room (None), then save its whole items."""
        shown = examples.of(talk.request.messages, self.answer)
        try:
            return talk.answered(replies.read(reply.text, self.answer, complete=False, examples=shown))
        except replies.UNUSABLE as error:
            talk.broken_off.append(reply.text)
            talk.tried = min(talk.room, talk.form.most or talk.room)
            talk.only_thoughts = isinstance(error, StillThinkingError) or not reply.text.strip()
            self.outcome.faults["truncated"] += 1
        room = min(2 * talk.room, self.form.most or 2 * talk.room)
        if len(talk.broken_off) == 1 and room > talk.room and self.most_tries and not talk.shrunk:
            talk.room = room
            return None
        return self.cut(talk)

    def cut(self, talk: Talk) -> Result:
        """What a request comes to that did not fit into its room: whole items, or a refusal that more room lifts."""
        section = self.endpoint.section
        message = f"the answer does not fit into max_tokens; raise {section}.max_tokens"
        if talk.only_thoughts:
            message = f"thoughts filled max_tokens; raise {section}.max_tokens, or set {section}.thinking to off"
        return self.saved(talk) or talk.refused("truncated", message, room=max(talk.room, 1))

    def saved(self, talk: Talk) -> Result | None:
        """An answer from the whole items of replies that broke off, of the longest one that has any."""
        shown = examples.of(talk.request.messages, self.answer)
        for text in sorted(talk.broken_off, key=len, reverse=True):
            with contextlib.suppress(*replies.UNUSABLE):
                return talk.answered(replies.read_whole_items(text, self.answer, shown), max(talk.room, 1))
        return None

    def refused(self, talk: Talk, refusal: RefusalError) -> Result | None:
        """What a refused call makes: other room or another form to ask in (None), what was saved before, or a refusal
        for good."""
        self.outcome.faults[refusal.kind] += 1
        message = str(refusal)
        if refusal.filtered:
            return self.saved(talk) or talk.refused(refusal.kind, message)
        room = self.room_left(talk, message)
        if room and (room.stated or not self.find_form(talk, message)):
            return self.shrink(talk, room)
        if room or self.find_form(talk, message):
            return None
        for name in talk.request.extra:
            if name in message:
                key = f"{self.endpoint.section}.extra_body.{name}"
                raise ParamsError(f"params.yaml: {key}: the endpoint refuses it ({message}); take it out or change it")
        return self.saved(talk) or talk.refused(refusal.kind, message, doubtful=True)

    def room_left(self, talk: Talk, message: str) -> rooms.Room | None:
        """What a refusal says of the room that there is for this request."""
        asked = min(talk.room, talk.form.most or talk.room)
        return rooms.left(message, asked) if talk.form.room else None

    def shrink(self, talk: Talk, room: rooms.Room) -> Result | None:
        """Ask in the room that the server leaves (None); where an answer broke off in as much, that is all of it."""
        if room.always:
            self.remember(self.form._replace(most=room.tokens), f"for at most {room.tokens} tokens")
        middle = (talk.tried + talk.room) // 2
        known = room.stated or room.tokens > talk.tried or middle - talk.tried < rooms.LEAST
        talk.room, talk.shrunk = room.tokens if known else middle, True
        return self.cut(talk) if talk.room <= talk.tried else None

    def find_form(self, talk: Talk, message: str) -> bool:
        """Whether there is another form than the one that was refused; from now on it holds for all requests."""
        if talk.form == self.form:
            simpler = talk.form.simpler(message)
            if simpler:
                self.remember(simpler, f"{self.form.changes(simpler)} ({clean(message)})")
            return simpler is not None
        return True  # another request has found it meanwhile

    def remember(self, form: Form, how: str) -> None:
        self.form = form
        self.store.put_form(self.place, form)
        self.outcome.adapted.append(how)
        self.endpoint.say(f"{self.endpoint.section}: from now on the endpoint is asked {how}")


def pause(tries: float, wait: float, longest: float = LONGEST_WAIT) -> float:
    """Seconds until the next try: exponential, with jitter so that requests that failed together part."""
    backoff = min(longest, LONGEST_WAIT, FIRST_WAIT * 2 ** max(0.0, tries - 1))
    return wait + backoff * random.uniform(0.5, 1.0)
