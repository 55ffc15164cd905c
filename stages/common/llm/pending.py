"""Which request is asked next: a lazy stream without what is stored, in flight, or being asked by another process."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from tqdm import tqdm

from stages.common.llm.claims import Claims
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Request
from stages.common.llm.store import Store

BATCH = 100  # requests looked up at once, before the event loop has its turn
POLL_SECONDS = 0.2  # between two looks at requests that another process is asking
MAX_DEFERRED = 1024  # requests of other processes that are kept aside


class Pending:
    """Hands out the requests that are still to be asked, each once, with this process's claim on it."""

    def __init__(
        self, requests: Iterable[Request], store: Store, claims: Claims, outcome: Outcome, bar: "tqdm[Any]"
    ) -> None:
        self.requests: Iterator[Request] = iter(requests)
        self.store, self.claims, self.outcome, self.bar = store, claims, outcome, bar
        self.asked: set[str] = set()  # keys in flight
        self.deferred: deque[Request] = deque()  # another process is asking them
        self.looked = 0.0  # when they were looked at
        self.returned: list[Request] = []
        self.finished = self.stopped = False
        self.turn: asyncio.Lock | None = None

    def exhausted(self) -> bool:
        return self.stopped or (self.finished and not self.deferred and not self.returned)

    def first(self) -> Request | None:
        """The first request to ask, before there is an event loop; None when everything is stored."""
        while not self.exhausted():
            request = self.look()
            if request:
                return request
            time.sleep(self.wait())
        return None

    async def next(self) -> Request | None:
        """The next request to ask; None when there is none left."""
        self.turn = self.turn or asyncio.Lock()
        async with self.turn:
            while not self.exhausted():
                request = self.look()
                if request:
                    return request
                await asyncio.sleep(self.wait())
        return None

    def wait(self) -> float:
        """Seconds until the next look: none unless all there is to do is to wait for other processes."""
        waiting = self.deferred and (self.finished or len(self.deferred) >= MAX_DEFERRED)
        return POLL_SECONDS if waiting else 0.0

    def put_back(self, request: Request) -> None:
        """Hand a request out once more."""
        self.returned.append(request)

    def look(self) -> Request | None:
        """Go on by at most BATCH requests, up to one to ask."""
        if self.returned:
            return self.returned.pop()
        if self.deferred and time.monotonic() - self.looked >= POLL_SECONDS:
            self.looked = time.monotonic()
            for _ in range(len(self.deferred)):
                request = self.deferred.popleft()
                if self.is_to_ask(request):
                    return request
        if len(self.deferred) >= MAX_DEFERRED:
            return None
        for _ in range(BATCH):
            following = next(self.requests, None)
            if following is None:
                self.finished = True
                return None
            if self.is_to_ask(following):
                return following
        return None

    def is_to_ask(self, request: Request) -> bool:
        """Whether a request has no entry and is claimed by us now."""
        key = request.key()
        if key in self.asked:  # the stream has it twice
            self.bar.update()
            return False
        if self.is_stored(request):
            return False
        if not self.claims.take(key):
            self.deferred.append(request)
            return False
        if self.is_stored(request):  # the process that had the claim has stored its answer
            self.claims.give_back(key)
            return False
        self.asked.add(key)
        return True

    def is_stored(self, request: Request) -> bool:
        entry = self.store.look_up(request)
        if entry:
            self.outcome.hit(entry.refused)
            self.bar.update()
        return entry is not None

    def done(self, request: Request) -> None:
        """The request has its entry or was given up."""
        self.asked.discard(request.key())
        self.claims.give_back(request.key())
