"""Asking an OpenAI-compatible endpoint: many requests at once, every answer stored as it arrives."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from pydantic import BaseModel
from tqdm import tqdm

from stages.shared.errors import UserError
from stages.shared.llm.endpoint import Endpoint
from stages.shared.llm.outcome import Outcome
from stages.shared.llm.requests import Request
from stages.shared.llm.store import Store
from stages.shared.params.connection import Connection


def complete(
    requests: Iterable[Request],
    store: Store,
    answer: type[BaseModel],
    connection: Connection,
    section: str,
    total: int | None = None,
) -> Outcome:
    """Have every request answered in the store as far as possible.

    `requests` is read lazily, once; `answer` is the pydantic model of the reply, stored as its JSON; `section` names
    the part of params.yaml that `connection` is, for errors and the bar; `total` is the number of requests, if known.
    When nothing is missing, neither key nor network is needed.
    """
    outcome = Outcome()
    bar: tqdm[Any] = tqdm(total=total, desc=section, unit="request")
    try:
        missing = unanswered(requests, store, outcome, bar)
        first = next(missing, None)
        if first is not None:
            endpoint = Endpoint(connection, section, answer, outcome)
            asyncio.run(answer_all(chain([first], missing), store, endpoint, bar))
    finally:
        bar.close()
    return outcome


def unanswered(requests: Iterable[Request], store: Store, outcome: Outcome, bar: "tqdm[Any]") -> Iterator[Request]:
    """The requests that have no entry in the store; the others are counted as hits."""
    asked = set()
    for request in requests:
        if request.key() in asked or store.find(request.key()):
            outcome.hits += 1
            bar.update()
        else:
            asked.add(request.key())
            yield request


async def answer_all(requests: Iterator[Request], store: Store, endpoint: Endpoint, bar: "tqdm[Any]") -> None:
    """Ask all requests, `concurrency` at a time, and store each answer at once."""

    async def worker() -> None:
        for request in requests:  # shared by the workers: each request is taken once
            answer = await endpoint.ask(request)
            if answer is not None:
                store.put(request.key(), answer)
                endpoint.outcome.answered += 1
            bar.update()
            bar.set_postfix(failed=endpoint.outcome.unanswered(), refresh=False)

    try:
        await endpoint.check()
        async with asyncio.TaskGroup() as group:
            for _ in range(endpoint.connection.concurrency):
                group.create_task(worker())
    except BaseExceptionGroup as group:
        # Beside the mistake, the requests that were cancelled for it may have failed in ways of their own.
        mistakes = group.subgroup(UserError)
        raise (leaf(mistakes) if mistakes else group) from None
    finally:
        await endpoint.client.close()


def leaf(error: BaseException) -> BaseException:
    """The first exception that is no group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
