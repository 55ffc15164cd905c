"""Asking an OpenAI-compatible endpoint: many requests at once, every answer stored as it arrives.

The address and the key come from OPENAI_BASE_URL and OPENAI_API_KEY; they are no part of a request's key, so a
stored answer is found again behind another address.
"""

import asyncio
import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import openai
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from tqdm import tqdm

from stages.shared import params
from stages.shared.errors import ParamsError, UserError
from stages.shared.llm.store import Store
from stages.shared.records import digest

# Some chat templates open the think block themselves, so a reply may only close it.
THINKING = re.compile(r"\A.*</think>", re.DOTALL)
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


# What reading a reply can raise when a server or a model does not keep to the protocol.
UNUSABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


class AnswerPair(BaseModel):
    """One pair as the model writes it."""

    model_config = ConfigDict(extra="forbid")

    instruction: Words
    input: str
    output: Words
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
    if "<think>" in text:
        raise ValueError("the model was still thinking")
    value = first_json(text)
    if isinstance(value, dict) and "pairs" not in value:
        value = [value]  # a single pair without its list
    pairs = value if isinstance(value, list) else value["pairs"]
    return Answer.model_validate({"pairs": [{"input": "", "evidence": "", **pair} for pair in pairs]})


def first_json(text: str) -> Any:
    """The first JSON object, or list of objects, in a text. Raises ValueError when there is none."""
    for match in re.finditer(r"\{|\[(?=\s*[\{\]])", text):
        with contextlib.suppress(ValueError):
            return json.JSONDecoder().raw_decode(text, match.start())[0]
    raise ValueError("no JSON in the reply")


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
        if not (os.environ["OPENAI_API_KEY"].isascii() and os.environ["OPENAI_API_KEY"].isprintable()):
            raise UserError("OPENAI_API_KEY holds a line end or a character that is not ASCII; export it again")
        self.section = section
        self.outcome = Outcome()
        self.failures: Counter[str] = Counter()
        self.example = ""  # the first server's message behind a failure
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
        except UNUSABLE:
            raise UserError(f"{where} does not answer like an OpenAI API; does OPENAI_BASE_URL end in /v1?") from None
        except openai.APIConnectionError:
            raise UserError(f"{where} cannot be reached; start the server or correct OPENAI_BASE_URL") from None
        if served and self.section.model not in served:
            accepted = ", ".join(served[:5])
            raise ParamsError(f"params.yaml: generate.model = {self.section.model!r}: the endpoint serves {accepted}")

    async def ask(self, request: Request) -> str | None:
        """A usable answer as JSON text, or None when all tries failed (counted by kind)."""
        problem = ""
        for attempt in range(self.section.max_retries + 1):
            self.outcome.calls += 1
            self.outcome.retries += attempt > 0
            try:
                return self.read(await self.client.chat.completions.create(**request.payload()))
            except (openai.AuthenticationError, openai.PermissionDeniedError):
                raise UserError("the endpoint refuses the key in OPENAI_API_KEY; what was answered is stored") from None
            except openai.OpenAIError as error:  # the client itself has tried transient ones again
                self.fail(type(error).__name__, str(error))
                return None
            except UNUSABLE as error:
                problem = "schema not met" if isinstance(error, ValidationError) else "not JSON"
        self.fail(problem, "")
        return None

    def read(self, reply: Any) -> str:
        """The pairs of a reply. Raises one of UNUSABLE; what the server counted is counted all the same."""
        if reply.usage:
            self.outcome.prompt_tokens += reply.usage.prompt_tokens or 0
            self.outcome.answer_tokens += reply.usage.completion_tokens or 0
        return parse(reply.choices[0].message.content or "").model_dump_json()

    def fail(self, kind: str, message: str) -> None:
        self.failures[kind] += 1
        self.example = self.example or " ".join(message.split())[:200]


async def answer_all(requests: Iterator[Request], total: int, store: Store, endpoint: Endpoint) -> None:
    """Ask all requests, `generate.concurrency` at a time, and store each answer at once."""
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
    except BaseExceptionGroup as group:
        # Beside the mistake, the requests that were cancelled for it may have failed in ways of their own.
        mistakes = group.subgroup(UserError)
        raise (leaf(mistakes) if mistakes else group) from None
    finally:
        bar.close()
        await endpoint.client.close()


def leaf(error: BaseException) -> BaseException:
    """The first exception that is no group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def complete(requests: Callable[[], Iterator[Request]], store: Store, section: params.Generate) -> Endpoint | None:
    """Have every request answered in the store as far as possible; None when nothing had to be asked."""
    missing = {key: request for request in requests() if store.get(key := request.key()) is None}
    if not missing:
        return None
    endpoint = Endpoint(section)
    asyncio.run(answer_all(iter(missing.values()), len(missing), store, endpoint))
    return endpoint
