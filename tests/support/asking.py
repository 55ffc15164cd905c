"""Requests to a fake server, and what became of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stages.common.llm import client
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.schema.connection import Connection
from support.repository import ROOT


class Verdict(BaseModel):
    """An answer of another shape than pairs: the client knows nothing of these."""

    model_config = ConfigDict(extra="forbid")

    names: list[dict[str, str]]


GOOD = '{"names":[{"a":"b"}]}'


SCHEMA = Verdict.model_json_schema()


def request(number: int, **changes: object) -> Request:
    messages = [{"role": "system", "content": "JSON only."}, {"role": "user", "content": f"Question ({number})"}]
    return Request(
        **{"model": "teacher", "messages": messages, "schema": SCHEMA, "sampling": {"max_tokens": 50}} | changes
    )


def connection(**changes: object) -> Connection:
    fixed = {"model": "teacher", "concurrency": 4, "timeout": 20.0, "max_retries": 3}
    free = {"requests_per_minute": 0, "tokens_per_minute": 0, "max_outage": 0.0, "extra_body": {}, "thinking": "auto"}
    return Connection(**fixed | free | changes)


def complete(requests: list[Request] | Iterator[Request], **changes: object) -> Outcome:
    with Store(Path("responses.sqlite")) as store:
        return client.complete(requests, store, Verdict, connection(**changes), "generate")


def stored(number: int = 0) -> tuple[str, str] | None:
    with Store(Path("responses.sqlite")) as store:
        entry = store.find(request(number).key())
    return entry and tuple(entry)


def asked(endpoint) -> list[str]:
    return [body["messages"][1]["content"] for body in endpoint.requests]


def in_turn(*replies: object) -> Callable[[dict], object]:
    """A server that answers with these one after the other, and then well."""
    waiting = list(replies)
    return lambda body: waiting.pop(0) if waiting else GOOD


def refuses(*forms: str) -> Callable[[dict], object]:
    """A server that does not know these types of response_format."""

    def reply(body: dict) -> object:
        kind = body.get("response_format", {}).get("type", "text")
        return {"status": 400, "error": f"response_format {kind} is not supported"} if kind in forms else GOOD

    return reply


RUNNER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from support.asking import complete, request
from stages.common.base.errors import run_stage
from stages.common.llm import client
client.DRAIN_SECONDS = float(sys.argv[3])
requests = [request(n) for n in range(int(sys.argv[2]))]

def work():
    outcome = complete(requests, concurrency=4, max_retries=1)
    print(outcome.reasons(), file=sys.stderr)
    print(json.dumps(outcome.report()))

run_stage("generate", work)
"""


def start(chunks: int, drain_seconds: float = 20.0) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"}
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(ROOT / "tests"), str(chunks), str(drain_seconds)],
        env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def read_until(run: subprocess.Popen, word: str) -> str:
    text = ""
    while word not in text:
        character = os.read(run.stderr.fileno(), 4096).decode()
        assert character, text
        text += character
    return text
