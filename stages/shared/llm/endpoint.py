"""The endpoint that OPENAI_BASE_URL and OPENAI_API_KEY name: asking it once, and what its errors mean.

Address and key are no part of a request's key, so a stored answer is found again behind another address.
"""

import os
from typing import Any

import openai
from pydantic import BaseModel, ValidationError

from stages.shared.errors import ParamsError, UserError
from stages.shared.llm import replies
from stages.shared.llm.outcome import Outcome
from stages.shared.llm.requests import Request
from stages.shared.params.connection import Connection

# What reading a reply can raise when a server or a model does not keep to the protocol.
UNUSABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


def payload(request: Request) -> dict[str, Any]:
    schema = {"name": "answer", "schema": request.schema, "strict": True}
    return {
        "model": request.model,
        "messages": request.messages,
        **request.sampling,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


class Endpoint:
    """A connection pool to the endpoint that the environment names; `section` is its part of params.yaml."""

    def __init__(self, connection: Connection, section: str, answer: type[BaseModel], outcome: Outcome) -> None:
        if not connection.model:
            raise ParamsError(f"params.yaml: {section}.model = '': accepted is a model id that the endpoint serves")
        if not os.environ.get("OPENAI_API_KEY"):
            raise UserError(
                "OPENAI_API_KEY is not set; export it (for a local server any word does: export OPENAI_API_KEY=EMPTY)"
            )
        if not (os.environ["OPENAI_API_KEY"].isascii() and os.environ["OPENAI_API_KEY"].isprintable()):
            raise UserError("OPENAI_API_KEY holds a line end or a character that is not ASCII; export it again")
        self.connection = connection
        self.section = section
        self.answer = answer
        self.outcome = outcome
        self.client = openai.AsyncOpenAI(
            timeout=connection.timeout, max_retries=connection.max_retries, http_client=openai.DefaultAioHttpClient()
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
        if served and self.connection.model not in served:
            raise ParamsError(
                f"params.yaml: {self.section}.model = {self.connection.model!r}: "
                f"the endpoint serves {', '.join(served[:5])}"
            )

    async def ask(self, request: Request) -> str | None:
        """A usable answer as JSON text, or None when all tries failed (counted by kind)."""
        problem = ""
        for attempt in range(self.connection.max_retries + 1):
            self.outcome.calls += 1
            self.outcome.retries += attempt > 0
            try:
                return self.read(await self.client.chat.completions.create(**payload(request)))
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
        """The answer in a reply. Raises one of UNUSABLE; what the server counted is counted all the same."""
        if reply.usage:
            self.outcome.prompt_tokens += reply.usage.prompt_tokens or 0
            self.outcome.answer_tokens += reply.usage.completion_tokens or 0
        return replies.read(reply.choices[0].message.content or "", self.answer).model_dump_json()

    def fail(self, kind: str, message: str) -> None:
        self.outcome.failures[kind] += 1
        self.outcome.example = self.outcome.example or " ".join(message.split())[:200]
