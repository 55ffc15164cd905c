"""The endpoint that OPENAI_BASE_URL and OPENAI_API_KEY name: checking it, and one call.

Address and key are no part of a request's key, so a stored answer is found again behind another address.
"""

import asyncio
import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import httpx2
import openai
import pydantic_core

from stages.common.base.errors import ParamsError, UserError
from stages.common.llm.faults import OVERLOADED, FaultError, clean, from_sdk
from stages.common.schema.connection import Connection

CONNECT_SECONDS = 10.0
CHECK_SECONDS = 30.0
# Idle connections are dropped before servers do it (uvicorn, and so vLLM: 5 s); otherwise a call now and then meets one
# that is just being closed.
IDLE_SECONDS = 4.0
# What reading a reply can raise when a server does not keep to the protocol.
NO_PROTOCOL = (ValueError, TypeError, KeyError, IndexError, AttributeError)


class Reply(NamedTuple):
    """One completion. `finish` is the API's finish_reason; `refusal` what the model says instead of an answer."""

    text: str
    finish: str
    refusal: str
    prompt_tokens: int
    answer_tokens: int


class Endpoint:
    """A connection pool to the endpoint that the environment names; `section` is its part of params.yaml."""

    def __init__(self, connection: Connection, section: str) -> None:
        require_model(connection, section)
        key = os.environ.get("OPENAI_API_KEY", "")
        if not key:
            raise UserError(
                "OPENAI_API_KEY is not set; export it (for a local server any word does: export OPENAI_API_KEY=EMPTY)"
            )
        if not (key.isascii() and key.isprintable()):
            raise UserError("OPENAI_API_KEY holds a line end or a character that is not ASCII; export it again")
        require_plain(os.environ.get("OPENAI_BASE_URL", ""))
        self.connection = connection
        self.section = section
        self.unlisted = ""  # what to say of the model should the endpoint not know it
        # The SDK keeps 100 idle connections by default and tries again by itself; ours are as many as requests are in
        # flight, and every failure has to be seen here.
        limits = httpx2.Limits(max_connections=connection.concurrency + 1, keepalive_expiry=IDLE_SECONDS)
        timeout = openai.Timeout(None, connect=CONNECT_SECONDS)  # a call as a whole has `connection.timeout`
        self.client = openai.AsyncOpenAI(
            timeout=timeout, max_retries=0, http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout)
        )

    def address(self) -> str:
        return str(self.client.base_url)

    async def check(self) -> None:
        """Raise a UserError when the endpoint is out of reach or refuses the key.

        Its list of models is a courtesy: gateways answer for models that they do not list, and one that is too busy
        to list any may have a place for a request later, which has waits of its own.
        """
        where = f"the endpoint at {self.address()}"
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                served = [model.id async for model in self.client.models.list()]
        except openai.APIStatusError as error:
            if error.status_code in (404, 405, 501) or error.status_code in OVERLOADED:
                return
            if error.status_code in (401, 403):
                raise UserError(f"{where} refuses the key in OPENAI_API_KEY") from None
            raise UserError(f"{where} answers with status {error.status_code}; see its log") from None
        except NO_PROTOCOL:
            raise UserError(f"{where} does not answer like an OpenAI API; does OPENAI_BASE_URL end in /v1?") from None
        except (openai.APIConnectionError, TimeoutError):
            raise UserError(f"{where} cannot be reached; start the server or correct OPENAI_BASE_URL") from None
        if served and self.connection.model not in served:
            alike = ", ".join(get_close_matches(self.connection.model, served) or served[:5])
            self.unlisted = (
                f"params.yaml: {self.connection.key_of_model(self.section)} = {self.connection.model!r}: the endpoint "
                f"serves {clean(alike)}"
            )

    async def call(self, body: Mapping[str, Any]) -> Reply:
        """One completion. Raises FaultError, RefusalError, UserError or ParamsError."""
        try:
            async with asyncio.timeout(self.connection.timeout):
                # Typed models of request and reply, which `chat.completions.create` makes, cost as much CPU as the
                # rest of the call.
                response = await self.client.post("/chat/completions", body=body, cast_to=httpx2.Response)
        except TimeoutError:
            raise FaultError("timeout", overloaded=True) from None
        except openai.NotFoundError as error:
            raise ParamsError(self.unlisted) if self.unlisted else from_sdk(error) from None
        except openai.OpenAIError as error:
            raise from_sdk(error) from None
        except (OSError, RuntimeError) as error:  # what slips through the SDK and its transport
            raise FaultError("connection", clean(str(error))) from None
        try:
            return to_reply(pydantic_core.from_json(response.content))
        except NO_PROTOCOL as error:
            raise FaultError("no completion", clean(f"{type(error).__name__}: {error}")) from None


def require_model(connection: Connection, section: str) -> None:
    """Raise ParamsError when a section that asks an endpoint names no model."""
    if not connection.model:
        raise ParamsError(
            f"params.yaml: {connection.key_of_model(section)} = '': accepted is a model id that the endpoint serves"
        )


def require_plain(address: str) -> None:
    """Raise a UserError when an address holds what may be a secret, or what paths cannot be added to. It is not
    repeated: errors show the address."""
    if "@" in address:
        raise UserError(
            "OPENAI_BASE_URL holds a user name or password, which cannot go along with a key; export it without"
        )
    if "?" in address or "#" in address:
        raise UserError(
            "OPENAI_BASE_URL holds a query (what follows ? or #), to which no path can be added; export it without: "
            "a key goes into OPENAI_API_KEY"
        )


def to_reply(value: Any) -> Reply:
    """A completion as the API describes it. Raises one of NO_PROTOCOL."""
    if "choices" not in value and value.get("error"):  # some gateways send errors with status 200
        raise ValueError(str(value["error"]))
    choice = value["choices"][0]
    message, usage = choice["message"], value.get("usage") or {}
    return Reply(
        text=message.get("content") or "",
        finish=choice.get("finish_reason") or "",
        refusal=message.get("refusal") or "",
        prompt_tokens=usage.get("prompt_tokens") or 0,
        answer_tokens=usage.get("completion_tokens") or 0,
    )
