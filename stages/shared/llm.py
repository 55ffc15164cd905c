"""Asking an OpenAI-compatible endpoint: many requests at once, every answer stored as it arrives.

The address and the key come from OPENAI_BASE_URL and OPENAI_API_KEY; they are no part of a request's key, so a
stored answer is found again behind another address.
"""

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import openai
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tqdm import tqdm

from stages.shared import params
from stages.shared.errors import ParamsError, UserError
from stages.shared.records import digest
from stages.shared.store import Store

THINKING = re.compile(r"<think>.*?</think>", re.DOTALL)


class AnswerPair(BaseModel):
    """One pair as the model writes it."""

    model_config = ConfigDict(extra="forbid")

    instruction: str = Field(min_length=1)
    input: str
    output: str = Field(min_length=1)
    evidence: str


class Answer(BaseModel):
    """What every request asks for; its JSON schema goes along with the request."""

    model_config = ConfigDict(extra="forbid")

    pairs: list[AnswerPair]


@dataclass(frozen=True)
class Request:
    """All that an answer depends on."""

    model: str
    system: str
    user: str
    max_pairs: int
    temperature: float
    max_tokens: int

    def schema(self) -> dict[str, Any]:
        """The JSON schema of an answer with at most `max_pairs` pairs."""
        schema = Answer.model_json_schema()
        schema["properties"]["pairs"]["maxItems"] = self.max_pairs
        return schema

    def key(self) -> str:
        """SHA-256 of the canonical request, answer schema included."""
        return digest(asdict(self), self.schema(), length=64)

    def payload(self) -> dict[str, Any]:
        schema = {"name": "pairs", "schema": self.schema(), "strict": True}
        return {
            "model": self.model,
            "messages": [{"role": "system", "content": self.system}, {"role": "user", "content": self.user}],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "response_format": {"type": "json_schema", "json_schema": schema},
        }


def parse(reply: str) -> Answer:
    """The pairs in a model's reply, out of think blocks, fences and prose around the JSON.

    Raises ValueError (pydantic's ValidationError is one) when there are none.
    """
    text = THINKING.sub("", reply)
    start = min((i for i in (text.find("{"), text.find("[")) if i >= 0), default=-1)
    if start < 0:
        raise ValueError("no JSON in the reply")
    value, _ = json.JSONDecoder().raw_decode(text, start)
    if isinstance(value, dict) and "pairs" not in value:
        value = [value]  # a single pair without its list
    pairs = value if isinstance(value, list) else value["pairs"]
    return Answer.model_validate({"pairs": [{"input": "", "evidence": "", **pair} for pair in pairs]})


@dataclass
class Outcome:
    """What became of the requests that were sent."""

    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0


class Endpoint:
    """A connection pool to the endpoint that the environment names."""

    def __init__(self, section: params.Generate) -> None:
        if not section.model:
            raise ParamsError("params.yaml: generate.model = '': accepted is a model id that the endpoint serves")
        if not os.environ.get("OPENAI_API_KEY"):
            raise UserError(
                "OPENAI_API_KEY is not set; export it (for a local server any word does: export OPENAI_API_KEY=EMPTY)"
            )
        self.section = section
        self.outcome = Outcome()
        self.failures: Counter[str] = Counter()
        self.client = openai.AsyncOpenAI(
            timeout=section.timeout, max_retries=section.max_retries, http_client=openai.DefaultAioHttpClient()
        )

    async def check(self) -> None:
        """Raise a UserError when the endpoint is out of reach, refuses the key or does not serve the model."""
        where = f"the endpoint at {self.client.base_url}"
        try:
            served = [model.id async for model in self.client.models.list()]
        except openai.NotFoundError:
            return  # an endpoint without a model list is still an endpoint
        except (openai.AuthenticationError, openai.PermissionDeniedError):
            raise UserError(f"{where} refuses the key in OPENAI_API_KEY") from None
        except openai.APIStatusError as error:
            raise UserError(f"{where} answers with status {error.status_code}; see its log") from None
        except openai.APIConnectionError:
            raise UserError(f"{where} cannot be reached; start the server or correct OPENAI_BASE_URL") from None
        if served and self.section.model not in served:
            accepted = ", ".join(served[:5])
            raise ParamsError(f"params.yaml: generate.model = {self.section.model!r}: the endpoint serves {accepted}")

    async def ask(self, request: Request) -> str | None:
        """A usable answer as JSON text, or None when all tries failed (counted by kind)."""
        kind = ""
        for attempt in range(self.section.max_retries + 1):
            self.outcome.calls += 1
            self.outcome.retries += attempt > 0
            try:
                reply = await self.client.chat.completions.create(**request.payload())
            except (openai.AuthenticationError, openai.PermissionDeniedError):
                raise UserError("the endpoint refuses the key in OPENAI_API_KEY; what was answered is stored") from None
            except openai.OpenAIError as error:  # the client itself has tried transient ones again
                self.failures[type(error).__name__] += 1
                return None
            if reply.usage:
                self.outcome.prompt_tokens += reply.usage.prompt_tokens
                self.outcome.answer_tokens += reply.usage.completion_tokens
            try:
                return parse(reply.choices[0].message.content or "").model_dump_json()
            except (ValueError, TypeError, KeyError, IndexError) as error:
                kind = "schema not met" if isinstance(error, ValidationError) else "not JSON"
        self.failures[kind] += 1
        return None


async def answer_all(requests: Iterator[Request], total: int, store: Store, endpoint: Endpoint) -> None:
    """Ask what the store does not know, `generate.concurrency` requests at a time, and store each answer at once.

    `requests` is read lazily, so memory does not grow with their number.
    """
    bar = tqdm(total=total, desc="generate", unit="chunk")

    async def worker() -> None:
        for request in requests:  # shared by the workers: each request is taken once
            answer = await endpoint.ask(request)
            if answer is not None:
                store.put(request.key(), answer)
            bar.update()
            bar.set_postfix(failed=endpoint.failures.total(), refresh=False)

    try:
        await endpoint.check()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(endpoint.section.concurrency, total)):
                group.create_task(worker())
    except* UserError as errors:
        raise errors.exceptions[0] from None
    finally:
        bar.close()
        await endpoint.client.close()


def complete(requests: Callable[[], Iterator[Request]], store: Store, section: params.Generate) -> Endpoint | None:
    """Have every request answered in the store as far as possible; None when nothing had to be asked."""
    missing = [request for request in requests() if store.get(request.key()) is None]
    if not missing:
        return None
    endpoint = Endpoint(section)
    asyncio.run(answer_all(iter(missing), len(missing), store, endpoint))
    return endpoint
