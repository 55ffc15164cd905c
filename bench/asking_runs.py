"""One way of asking for many answers, measured: doclore's client, a bare loop over the SDK, or aiohttp without it.

Called by bench/generation.py, each way in a process of its own so that CPU and memory are those of that way alone.
Run: OPENAI_BASE_URL=... OPENAI_API_KEY=x python -m bench.asking_runs doclore --chunks 1000 --concurrency 256
"""

import argparse
import asyncio
import json
import os
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from stages.common.llm import client
from stages.common.llm.forms import Form
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.schema.connection import Connection
from stages.generate.labelling.answer import Answer, schema

SYSTEM = "You are a strict data annotator. You turn documentation into training data and answer with JSON only. " * 4
TEXT = "The converter station limits the current of each branch and reports the level of its lamp to the panel. " * 30


def request(number: int) -> Request:
    """A prompt of some 3,500 characters."""
    user = f"Passage {number}:\n{TEXT}\nWrite three questions with their answers."
    messages: Any = ({"role": "system", "content": SYSTEM}, {"role": "user", "content": user})
    return Request("teacher", messages, SCHEMA, {"temperature": 0.7, "max_tokens": 2048})


SCHEMA = schema(3)


def requests(chunks: int) -> Iterator[Request]:
    return (request(number) for number in range(chunks))


def body(number: int) -> dict[str, Any]:
    asked = request(number)
    return Form().body(asked, asked.messages, 2048)


def run_doclore(chunks: int, concurrency: int, timeout: float = 120.0) -> None:
    """Everything: store, claims, checks, progress bar."""
    connection = Connection(
        model="teacher",
        concurrency=concurrency,
        timeout=timeout,
        max_retries=5,
        requests_per_minute=0,
        tokens_per_minute=0,
        max_outage=0,
        extra_body={},
        thinking="auto",
    )
    with Store(Path("responses.sqlite")) as store:
        outcome = client.complete(requests(chunks), store, Answer, connection, "generate", chunks)
    print(json.dumps({"answered": outcome.answered, "hits": outcome.hits, "calls": outcome.calls}))
    if outcome.answered + outcome.hits != chunks:
        raise SystemExit(f"{chunks - outcome.answered - outcome.hits} of {chunks} lost: {outcome.reasons()}")


async def loop(ask: Callable[[int], Awaitable[str]], chunks: int, concurrency: int) -> None:
    """The least that can be done: workers over a shared stream, answers parsed and thrown away."""
    numbers = iter(range(chunks))

    async def worker() -> None:
        for number in numbers:
            json.loads(await ask(number))

    await asyncio.gather(*(worker() for _ in range(concurrency)))


def sdk(concurrency: int) -> Any:
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=concurrency)
    return openai.AsyncOpenAI(max_retries=0, http_client=openai.DefaultAioHttpClient(limits=limits))


async def run_bare(chunks: int, concurrency: int) -> None:
    """`chat.completions.create`, as the SDK's manual shows it, over its aiohttp transport."""
    async with sdk(concurrency) as openai_client:

        async def ask(number: int) -> str:
            reply = await openai_client.chat.completions.create(**body(number))
            return str(reply.choices[0].message.content)

        await loop(ask, chunks, concurrency)


async def run_post(chunks: int, concurrency: int) -> None:
    """The SDK's `post`, without its models of request and reply, as doclore calls it."""
    import httpx2

    async with sdk(concurrency) as openai_client:

        async def ask(number: int) -> str:
            reply = await openai_client.post("/chat/completions", body=body(number), cast_to=httpx2.Response)
            return str(json.loads(reply.content)["choices"][0]["message"]["content"])

        await loop(ask, chunks, concurrency)


async def run_aiohttp(chunks: int, concurrency: int) -> None:
    """aiohttp without the SDK."""
    import aiohttp

    url = f"{os.environ['OPENAI_BASE_URL']}/chat/completions"
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency), headers=headers) as session:

        async def ask(number: int) -> str:
            async with session.post(url, json=body(number)) as reply:
                return str(json.loads(await reply.read())["choices"][0]["message"]["content"])

        await loop(ask, chunks, concurrency)


WAYS = {
    "doclore": run_doclore,
    "impatient": lambda *given: run_doclore(*given, timeout=3.0),
    "bare": lambda *given: asyncio.run(run_bare(*given)),
    "post": lambda *given: asyncio.run(run_post(*given)),
    "aiohttp": lambda *given: asyncio.run(run_aiohttp(*given)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--chunks", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=256)
    arguments = parser.parse_args()
    wall, cpu = time.perf_counter(), time.process_time()
    WAYS[arguments.way](arguments.chunks, arguments.concurrency)
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({**figures, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
