"""How many requests are in flight, and how many may start in a minute."""

import asyncio
from collections import deque
from collections.abc import Sequence

from stages.common.llm.headers import Limits
from stages.common.llm.requests import Message
from stages.common.schema.connection import Connection

GROWTH = 16  # round trips that it takes to grow by the full concurrency
CHARACTERS_PER_TOKEN = 3.0  # a guess that the server's own count corrects
MOST_CHARACTERS_PER_TOKEN, MOST_WIDE_PER_TOKEN = 8.0, 3.0  # of no tokenizer in use; wide: not ASCII


def usual_tokens(messages: Sequence[Message]) -> float:
    return sum(len(message["content"]) for message in messages) / CHARACTERS_PER_TOKEN


def least_tokens(messages: Sequence[Message]) -> float:
    """Tokens that the messages have by any tokenizer."""
    total = 0.0
    for message in messages:
        text = message["content"]
        wide = 0 if text.isascii() else (len(text.encode(errors="replace")) - len(text)) / 2  # 3 bytes each in Chinese
        total += max(0.0, len(text) - wide) / MOST_CHARACTERS_PER_TOKEN + wide / MOST_WIDE_PER_TOKEN
    return total


class Throttle:
    """Adaptive concurrency (additive increase, multiplicative decrease, as TCP does): an overloaded server halves the
    requests in flight, once for each round trip; every answer lets it grow again, up to `most`."""

    def __init__(self, most: int) -> None:
        self.most, self.limit, self.flight = most, float(most), 0
        self.halved = 0.0  # when, on the loop's clock
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.clock = asyncio.get_running_loop().time

    async def start(self) -> float:
        """Wait for a place; the time of the start, which `end` needs."""
        while self.flight >= int(self.limit):
            place = asyncio.get_running_loop().create_future()
            self.waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                self.wake()  # the place that was offered to us goes to the next
                raise
        self.flight += 1
        return self.clock()

    def end(self, started: float, overloaded: bool, answered: bool) -> None:
        """Give a place back. What started before the last halving says nothing about the new limit."""
        self.flight -= 1
        if overloaded and started >= self.halved:
            self.limit, self.halved = max(1.0, self.limit / 2), self.clock()
        elif answered:
            self.limit = min(self.most, self.limit + max(1.0, self.most / GROWTH) / self.limit)
        self.wake()

    def wake(self) -> None:
        free = int(self.limit) - self.flight
        while self.waiting and free > 0:
            place = self.waiting.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1


class Rate:
    """Requests and tokens per minute, spread evenly; 0 means no limit.

    Tokens are guessed before a call and set right after it (generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, connection: Connection) -> None:
        self.requests_per_minute = connection.requests_per_minute
        self.tokens_per_minute = connection.tokens_per_minute
        self.clock = asyncio.get_running_loop().time
        self.next_request = self.next_token = 0.0
        self.spacing, self.spaced_until = 0.0, 0.0  # seconds between two starts, while the server has few left

    def reserve(self, tokens: float) -> float:
        """Seconds to wait before a call of about so many tokens, which are taken as used."""
        now = self.clock()
        start = max(now, self.next_request, self.next_token)
        if self.requests_per_minute:
            self.next_request = max(now, self.next_request) + 60 / self.requests_per_minute
        if self.tokens_per_minute:
            self.next_token = max(now, self.next_token) + 60 * tokens / self.tokens_per_minute
        if now < self.spaced_until:
            self.next_request = max(start, self.next_request) + self.spacing
        return start - now

    def observe(self, limits: Limits | None, flight: int, tokens: float) -> None:
        """Heed what a reply's headers say of the server's limits, before they are met: with few requests or tokens left
        beside what is in flight, the rest is spread over the time until there are more. `tokens`: of a usual call."""
        if not limits:
            return
        now = self.clock()
        for left, reset in (
            (limits.requests, limits.requests_reset),
            (limits.tokens and limits.tokens / max(tokens, 1.0), limits.tokens_reset),
        ):
            if left is None or left > 2 * flight + 2 or not reset:
                continue
            free = left - flight
            spacing = reset / free if free >= 1 else 0.0
            self.spacing, self.spaced_until = spacing, now + reset
            self.next_request = max(self.next_request, now + (spacing if free >= 1 else reset))

    def correct(self, guessed: float, used: float) -> None:
        """Set right what a call really used."""
        if self.tokens_per_minute and used:
            self.next_token += 60 * (used - guessed) / self.tokens_per_minute
