"""Real servers beside the fake one: `transformers serve`, and the LiteLLM proxy as a gateway with keys and limits in
front of llama.cpp's server. What is not installed is skipped: LiteLLM's pins do not go with ours, so it is found as the
command `litellm` on the PATH, such as out of a virtual environment of its own."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from stages.common.base.errors import UserError
from stages.common.base.ports import listening
from stages.common.llm import client
from stages.common.llm.outcome import Outcome
from stages.common.llm.requests import Request
from stages.common.llm.store import Store
from stages.common.models.base import embedded
from support.asking import connection
from support.repository import ROOT

pytestmark = pytest.mark.slow

SERVE = "from transformers.cli.transformers import main; main()"
KEY = "sk-of-the-gateway"
START_SECONDS = 240.0  # a busy machine may take minutes to import what these servers import


class Word(BaseModel):
    """An answer that even a model of no skill gives when its grammar is held to it."""

    word: Literal["yes", "no"]


def request(number: int, model: str) -> Request:
    messages = [
        {"role": "system", "content": "Answer with JSON only."},
        {"role": "user", "content": f"Is a lamp that gives {number} lux on? Answer yes or no."},
    ]
    return Request(model, messages, Word.model_json_schema(), {"max_tokens": 24, "temperature": 0.0})


def complete(requests: list[Request], **changes: object) -> Outcome:
    settings = connection(model=requests[0].model, timeout=120.0, **changes)
    with Store(Path("responses.sqlite")) as store:
        return client.complete(requests, store, Word, settings, "generate")


def free_port() -> int:
    with listening("127.0.0.1", 0) as probe:
        return int(probe.getsockname()[1])


def wait_for(url: str, process: "subprocess.Popen[str]") -> None:
    """Return when a server answers, with whatever status."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, "the server has ended"
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"no answer at {url}")


@pytest.fixture(scope="module")
def llama() -> Iterator[tuple[str, str, str]]:
    """llama.cpp's server with the embedded model: its address, key and the model's name."""
    pytest.importorskip("xllamacpp", reason="the server comes with the extra teacher")
    command = [sys.executable, "-m", "stages.commands.main", "teacher", str(embedded.embedded_file()), "--threads", "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline().strip().partition("=")[2] for _ in range(2)]
        yield said[0], said[1], embedded.EMBEDDED_FILE.removesuffix(".gguf")
        process.terminate()


@pytest.fixture(scope="module")
def gateway(llama, tmp_path_factory) -> Iterator[str]:
    """LiteLLM's proxy in front of it, which asks for a key and lets three requests a minute through."""
    litellm = shutil.which("litellm")
    if not litellm:
        pytest.skip("the command litellm is not on the PATH: it comes with `pip install 'litellm[proxy]'`")
    directory = tmp_path_factory.mktemp("gateway")
    address, key, name = llama
    behind = {"model": f"openai/{name}", "api_base": address, "api_key": key, "rpm": 3}
    settings = {
        "model_list": [{"model_name": "lamp", "litellm_params": behind}],
        "router_settings": {"optional_pre_call_checks": ["enforce_model_rate_limits"]},
        "general_settings": {"master_key": KEY},
    }
    (directory / "config.yaml").write_text(json.dumps(settings))  # JSON is YAML
    port = free_port()
    command = [litellm, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": ""}
    with subprocess.Popen(command, cwd=directory, env=environment, text=True) as process:
        wait_for(f"http://127.0.0.1:{port}/health/liveliness", process)
        yield f"http://127.0.0.1:{port}/v1"
        process.terminate()


def test_a_gateway_is_asked_with_its_key_and_its_limit_is_waited_for(gateway, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", gateway)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(UserError, match="refuses the key in OPENAI_API_KEY"):
        complete([request(0, "lamp")])
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    outcome = complete([request(n, "lamp") for n in range(4)], concurrency=1, max_retries=4)
    assert (outcome.answered, outcome.unanswered()) == (4, 0)
    assert complete([request(n, "lamp") for n in range(4)]).hits == 4


@pytest.fixture(scope="module")
def transformers(tiny_model) -> Iterator[tuple[str, str]]:
    """`transformers serve` with a model of random weights: its address, and the model's name."""
    for package in ("fastapi", "uvicorn", "rich"):
        pytest.importorskip(package, reason="`transformers serve` comes with transformers[serving]")
    port = free_port()
    command = [sys.executable, "-c", SERVE, "serve", "--host", "127.0.0.1", "--port"]
    with subprocess.Popen([*command, str(port), "--device", "cpu"], text=True) as process:
        wait_for(f"http://127.0.0.1:{port}/v1/models", process)
        yield f"http://127.0.0.1:{port}/v1", str(tiny_model)
        process.terminate()


def test_transformers_serve_is_asked_and_what_a_random_model_says_is_counted(transformers, monkeypatch):
    """It holds a model to no grammar, so nothing comes of these weights but a reply that breaks off."""
    address, name = transformers
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    outcome = complete([request(n, name) for n in range(2)], concurrency=1)
    assert outcome.faults["truncated"] or outcome.faults["schema not met"], outcome.faults
    assert (outcome.total(), outcome.answered + outcome.unanswered()) == (2, 2)
    assert outcome.completed() >= 2
