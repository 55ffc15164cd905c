"""Asking an OpenAI-compatible endpoint: many requests at once, every answer stored as it arrives."""

import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel
from tqdm import tqdm

from stages.common.base.errors import UserError
from stages.common.llm.asking import Asker, Heard, StoppedError
from stages.common.llm.claims import Claims
from stages.common.llm.endpoint import Endpoint
from stages.common.llm.outcome import Outcome
from stages.common.llm.pending import Pending
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.llm.talk import Result
from stages.common.llm.writer import Writer
from stages.common.schema.connection import Connection

DRAIN_SECONDS = 20.0  # what is in flight when a run is stopped gets so long; below the 30 s of most supervisors
SHOW_SECONDS = 0.5  # between two updates of the figures beside the bar
FEWEST_IN_A_ROW = 32  # so many requests without an answer in a row, or twice the concurrency, end the run


def complete(
    requests: Iterable[Request],
    store: Store,
    answer: type[BaseModel],
    connection: Connection,
    section: str,
    total: int | None = None,
    heard: Heard | None = None,
) -> Outcome:
    """Have every request answered in the store as far as possible.

    `requests` is read lazily, once; `answer` is the pydantic model of the reply, stored as its JSON; `section` names
    the part of params.yaml that `connection` is, for errors and the bar; `total` is the number of requests, if known;
    `heard` is told of every completion as it came.
    When nothing is missing, neither key nor network is needed. Ctrl-C and SIGTERM let what is in flight arrive and be
    stored before they end the process; a second one ends it at once.
    """
    outcome = Outcome()
    bar: tqdm[Any] = tqdm(total=total, desc=section, unit="request")
    claims = Claims(store.file.with_suffix(".claims"))
    try:
        if not claims.work:
            bar.write(f"{section}: no locks on the file system of {store.file}: run one process at a time", sys.stderr)
        pending = Pending(requests, store, claims, outcome, bar)
        first = pending.first()
        if first:
            pending.put_back(first)
            say = lambda line: bar.write(line, file=sys.stderr)  # noqa: E731
            stopped_by = asyncio.run(Run(Endpoint(connection, section, say), answer, store, pending, heard).run())
    finally:
        claims.close()
        bar.close()
        outcome.stop()
    if first and stopped_by:
        raise KeyboardInterrupt if stopped_by == signal.SIGINT else SystemExit(128 + stopped_by)
    return outcome


class Run:
    """The workers that ask what is pending."""

    def __init__(
        self, endpoint: Endpoint, answer: type[BaseModel], store: Store, pending: Pending, heard: Heard | None = None
    ) -> None:
        self.endpoint, self.answer, self.store, self.pending, self.heard = endpoint, answer, store, pending, heard
        self.outcome, self.bar, self.shown = pending.outcome, pending.bar, 0.0
        self.in_a_row = 0  # requests without an answer since the last one with
        self.proven = False  # an answer has come, so a refusal is about its own request
        self.doubtful: list[Result] = []  # refusals that wait for a first answer
        self.mistake: Exception | None = None
        self.stopped_by = 0

    async def run(self) -> int:
        """Ask everything; the number of the signal that ended the run early, or 0."""
        try:
            await self.endpoint.check()
            if self.endpoint.unlisted:
                self.endpoint.say(f"{self.endpoint.unlisted}; trying it anyway")
            self.outcome.start()
            show = self.bar.set_postfix_str
            self.asker = Asker(self.endpoint, self.answer, self.store, self.outcome, show, self.heard)
            with Writer(self.store) as self.writer, handled_signals(self.stop):
                await self.work()
        finally:
            await self.endpoint.close()
        if self.mistake:
            raise self.mistake
        for result in self.doubtful:  # as nothing at all was answered, nothing is known about these requests
            self.outcome.failures[result.kind] += 1
        return self.stopped_by

    async def work(self) -> None:
        """Run the workers until nothing is pending, or a mistake or a signal ends them early."""
        self.stopping = asyncio.Event()
        self.tasks = [asyncio.create_task(self.worker()) for _ in range(self.endpoint.connection.concurrency)]
        stopping = asyncio.create_task(self.stopping.wait())
        workers = asyncio.create_task(asyncio.wait(self.tasks))
        await asyncio.wait([workers, stopping], return_when=asyncio.FIRST_COMPLETED)
        if self.stopping.is_set():
            await asyncio.wait([workers], timeout=DRAIN_SECONDS)
            self.cancel(self.tasks)
        stopping.cancel()
        await workers

    async def worker(self) -> None:
        try:
            while request := await self.pending.next():
                try:
                    await self.keep(await self.asker.ask(request))
                finally:
                    self.pending.done(request)
        except StoppedError:
            pass
        except Exception as error:
            self.mistake = self.mistake or error
            self.drain()

    async def keep(self, result: Result) -> None:
        """Store what a request came to, and count it."""
        if not result.response:
            self.outcome.failures[result.kind] += 1
        elif result.doubtful and not self.proven:
            self.doubtful.append(result)
        else:
            await self.store_results([result, *self.doubtful])
        self.show()
        if result.kind:
            self.outcome.note(f"{result.kind}: {result.message}" if result.message else result.kind)
            self.in_a_row += 1
            if self.in_a_row == max(FEWEST_IN_A_ROW, 2 * self.endpoint.connection.concurrency):
                raise UserError(
                    f"{self.in_a_row} requests in a row have no answer ({self.outcome.example}); what was answered is "
                    "stored: when the endpoint works again, `dvc repro` continues from here"
                )

    async def store_results(self, results: list[Result]) -> None:
        """Put an answer or refusal on the disk; with an answer, the refusals that waited for a first one."""
        if results[0].kind:
            results = results[:1]
        else:
            self.proven, self.in_a_row, self.doubtful = True, 0, []
        self.asker.busy.add(asyncio.current_task())
        for result in results:
            if result.response:
                await self.writer.put(result.response)
            if result.kind:
                self.outcome.refusals[result.kind] += 1
            else:
                self.outcome.count_answer()
        self.asker.busy.discard(asyncio.current_task())

    def show(self) -> None:
        """Move the bar; the figures beside it cost more than it does, so they change now and then only."""
        self.bar.update()
        if time.monotonic() - self.shown >= SHOW_SECONDS:
            self.shown = time.monotonic()
            self.bar.set_postfix(
                in_flight=self.asker.throttle.flight, no_answer=self.outcome.unanswered(), refresh=False
            )

    def stop(self, number: int) -> None:
        """End the run because of a signal."""
        self.stopped_by = number
        self.bar.write(
            f"{self.bar.desc}: storing what is in flight, up to {DRAIN_SECONDS:.0f} s; press again to stop at once",
            file=sys.stderr,
        )
        self.drain()

    def drain(self) -> None:
        """Take no further request; what is neither being answered nor stored ends now."""
        self.pending.stopped = self.asker.stopping = True
        self.stopping.set()
        self.cancel(task for task in self.tasks if task not in self.asker.busy)

    def cancel(self, tasks: Iterable["asyncio.Task[None]"]) -> None:
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()


@contextmanager
def handled_signals(handle: Callable[[int], None]) -> Iterator[None]:
    """Have the first Ctrl-C or SIGTERM call `handle`; a second one does what it did before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler or signal.SIG_DFL)

    def once(number: int) -> None:
        restore()
        handle(number)

    for number in before:
        loop.add_signal_handler(number, once, number)
    try:
        yield
    finally:
        restore()
