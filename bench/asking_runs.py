"""One way of asking for many answers, measured: the generate stage, a bare loop over the SDK, or aiohttp without it.

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

from stages.common.llm.forms import Form
from stages.common.llm.requests import Request
from stages.generate.labelling.answer import schema

ROOT = Path(__file__).resolve().parents[1]
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


def prepare(directory: Path, chunks: int, concurrency: int, **settings: object) -> None:
    """Write params.yaml and data/chunks.jsonl: `python -m stages.generate` then asks once about each made-up chunk."""
    from ruamel.yaml import YAML

    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    plain = {"styles": {"fact": 1.0}, "personas": [], "paraphrases": 0, "held_out": 0.0, "pairs_per_chunk": 3}
    connected = {"backend": "llm", "model": "teacher", "prompts": str(ROOT / "prompts"), "concurrency": concurrency}
    values["generate"].update({**plain, **connected, **settings})
    with (directory / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    (directory / "data").mkdir()
    with (directory / "data" / "chunks.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(chunks):
            place = {"path": "page.md", "headings": ["Manual", str(number)], "line_start": number, "line_end": number}
            text = {"text": f"Passage {number}: {TEXT}", "tokens": 700, "also_in": [], "partials": []}
            stream.write(json.dumps({"chunk_id": f"{number:016x}", **place, **text}) + "\n")


def prepared(chunks: int, concurrency: int, **settings: object) -> Callable[[], None]:
    """What `python -m stages.generate` does after its imports and the vocabulary of its plan, on chunks that lie ready.
    `asking`: seconds from the first call to the last answer."""
    from stages.common.text import tokens
    from stages.generate import __main__ as generate

    tokens.count("", "cl100k_base")
    prepare(Path(), chunks, concurrency, max_retries=5, **settings)

    def run() -> None:
        generate.main()
        figures = json.loads(Path("reports", "generate.json").read_text(encoding="utf-8"))
        print(json.dumps({**{n: figures[n] for n in ("answered", "hits", "calls")}, "asking": figures["seconds"]}))
        if figures["failed"]:
            raise SystemExit(f"{figures['failed']} of {chunks} lost")

    return run


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


WAYS: dict[str, Callable[[int, int], Callable[[], None]]] = {
    "doclore": prepared,
    "impatient": lambda *given: prepared(*given, timeout=3.0),
    "bare": lambda *given: lambda: asyncio.run(run_bare(*given)),
    "post": lambda *given: lambda: asyncio.run(run_post(*given)),
    "aiohttp": lambda *given: lambda: asyncio.run(run_aiohttp(*given)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--chunks", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=256)
    arguments = parser.parse_args()
    run = WAYS[arguments.way](arguments.chunks, arguments.concurrency)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    figures = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({**figures, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
