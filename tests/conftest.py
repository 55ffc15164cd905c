"""Shared parts of the tests: a fake OpenAI-compatible server, a tiny model, a pipeline in a temporary clone."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from ruamel.yaml import YAML

from stages.common import schema as params

ROOT = Path(__file__).resolve().parents[1]
CLOUDPSS = ROOT.parent / "shared" / "corpora" / "cloudpss-docs"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip

# The same examples on every run, and no time in them: a machine may be busy. For more: --hypothesis-profile=thorough.
for name, examples in (("doclore", 200), ("thorough", 5000)):
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
settings.load_profile("doclore")


@pytest.fixture(autouse=True)
def isolated(tmp_path, monkeypatch):
    """Each test in an empty directory, with its own cache and without keys of the developer's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def write_params(tmp_path) -> Callable[..., Path]:
    """Write the repository's params.yaml here, with changes given as {"lora.r": 16}."""

    def write(changes: dict[str, object] | None = None) -> Path:
        file = tmp_path / "params.yaml"
        shutil.copyfile(ROOT / "params.yaml", file)
        change_params(file, changes or {})
        return file

    return write


def curate_section(**changes: object) -> params.Curate:
    """The section `curate` of the repository's params.yaml with some values changed."""
    return params.load(ROOT / "params.yaml").curate.model_copy(update=changes)


class CrowdServer(ThreadingHTTPServer):
    """A server for clients that come in crowds and may leave before their answer."""

    request_queue_size = 128  # with the standard five, a sixth that connects at the same moment waits a second

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FakeEndpoint:
    """An OpenAI-compatible server. `reply(body)` gives a message's text, a status code to fail with, None to close the
    connection, or a dict of what differs: status, headers, error (a message), content, finish_reason, refusal, raw."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.models = ["teacher"]
        self.models_status = 200
        self.key = ""
        self.reply: Callable[[dict], str | int | dict | None] = lambda body: json.dumps({"pairs": []})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if outer.key and self.headers.get("Authorization") != f"Bearer {outer.key}":
                    return self.send({"error": {"message": "bad key"}}, 401)
                if outer.models_status != 200:
                    return self.send({"error": {"message": "busy"}}, outer.models_status)
                return self.send({"object": "list", "data": [{"id": m, "object": "model"} for m in outer.models]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append(body)
                answer = outer.reply(body)
                if answer is None:
                    self.close_connection = True
                    return self.connection.shutdown(socket.SHUT_RDWR)
                if isinstance(answer, int):
                    answer = {"status": answer}
                odd = {"content": answer} if isinstance(answer, str) else answer
                status, headers = odd.get("status", 200), odd.get("headers", {})
                if "raw" in odd:
                    return self.send(odd["raw"], status, headers)
                if status != 200:
                    return self.send({"error": {"message": odd.get("error", "planned failure")}}, status, headers)
                message = {"role": "assistant", "content": odd.get("content"), "refusal": odd.get("refusal")}
                usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
                choice = {"index": 0, "message": message, "finish_reason": odd.get("finish_reason", "stop")}
                return self.send({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})

            def send(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
                data = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, text in (headers or {}).items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                pass

        self.server = CrowdServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture
def endpoint(monkeypatch) -> Iterator[FakeEndpoint]:
    """A running fake endpoint that the environment points to."""
    fake = FakeEndpoint()
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A Llama of some thousand random weights with a byte-level BPE tokenizer trained on our own manual."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    directory = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    pages = sorted((ROOT / "docs").rglob("*.md"))
    tokenizer.train_from_iterator((page.read_text("utf-8") for page in pages), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = CHATML
    fast.save_pretrained(directory)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        tie_word_embeddings=True,
        initializer_range=0.3,  # wide enough that so small a model can be sure of a token
    )
    LlamaForCausalLM(config).save_pretrained(directory)
    return directory


class Clone:
    """A clone of this working tree with small documentation and tiny settings, and what one does with it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            **{
                f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
        }
        for name in ("DVC_ROOT", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
            self.environment.pop(name, None)

    def run(self, *command: str, code: int | None = 0) -> str:
        """Run a command in the clone; its output, after a check of the exit code."""
        done = subprocess.run(
            command, cwd=self.directory, env=self.environment, text=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, done.stdout[-4000:]
        return done.stdout

    def repro(self, *options: str, code: int | None = 0) -> list[str]:
        """`dvc repro`, and the stages that it ran."""
        return stages_run(self.run("dvc", "repro", *options, code=code))

    def experiment(self, *options: str, code: int | None = 0) -> list[str]:
        """`dvc exp run`, and the stages that it ran."""
        return stages_run(self.run("dvc", "exp", "run", *options, code=code))


def stages_run(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def copy_working_tree(target: Path) -> None:
    """The files that git tracks or would track, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("tests/", "dvc.lock")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def page(name: str, job: int) -> str:
    """A small page whose facts differ from those of every other page."""
    return f"""# {name}

The {name} is the part of the machine that does job {job}.

| Key | Default | Unit |
| --- | --- | --- |
| `{name}.size` | {job * 7 + 3} rows | row |
| `{name}.delay` | {job * 11 + 5} ms | ms |

- **{name} gauge**: shows how far job {job} has come
"""


NAMES = ["amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heath", "ivory", "jasper", "koala", "lemon"]
PAGES = {f"{name}.md": page(name, job) for job, name in enumerate(NAMES)}
# One chunk at 1,024 tokens, several at 512.
PAGES["long.md"] = "# long\n\n" + "\n\n".join(
    f"Paragraph {i} says that valve {i} opens at {i * 3} bar." for i in range(50)
)


@pytest.fixture(scope="session")
def make_clone(tmp_path_factory, tiny_model) -> Callable[[], Clone]:
    """Make a fresh clone: a git and DVC repository with some pages, the tiny model and one training step."""

    def make() -> Clone:
        directory = tmp_path_factory.mktemp("clone")
        copy_working_tree(directory)
        shutil.rmtree(directory / "docs")
        (directory / "docs").mkdir()
        for name, text in PAGES.items():
            (directory / "docs" / name).write_text(text, encoding="utf-8")
        clone = Clone(directory)
        tiny = {
            "model.name": str(tiny_model),
            "model.dtype": "float32",
            "lora.r": 4,
            "train.max_steps": 2,
            "train.logging_steps": 1,
            "evaluate.max_rows": 4,
            "evaluate.max_new_tokens": 4,
            # Not the defaults, which serve the small run: several facts of a chunk, each in three wordings.
            "generate.max_facts_per_chunk": 3,
            "generate.phrasings": 3,
            "curate.holdout_facts": 0.25,
            "curate.holdout_pages": 0.2,
        }
        change_params(directory / "params.yaml", tiny)
        clone.run("git", "init", "--quiet", "--initial-branch=main")
        clone.run("git", "add", "--all")
        clone.run("git", "commit", "--quiet", "--message=start")
        return clone

    return make


def change_params(file: Path, changes: dict[str, object]) -> None:
    """Set values in a params.yaml, comments kept."""
    yaml = YAML()
    values = yaml.load(file.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = values
        for part in sections:
            section = section[part]
        section[name] = value
    with file.open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium from the machine's own packages; Playwright downloads nothing."""
    if CHROMIUM is None:
        problem = "no Chromium on this machine; install it with `apt-get install chromium`"
        pytest.fail(problem) if os.environ.get("DOCLORE_BROWSER_TESTS") == "required" else pytest.skip(problem)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
