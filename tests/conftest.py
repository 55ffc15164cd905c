"""Shared parts of the tests: a fake OpenAI-compatible server, a tiny model, a pipeline in a temporary clone."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.clone import PAGES, Clone, copy_working_tree
from support.embeddings import word_model  # noqa: F401
from support.endpoint import FakeEndpoint
from support.repository import ROOT
from support.serving import trained  # noqa: F401
from support.settings import change_params
from support.tiny_model import CHATML
from support.training import after, prepared, runs  # noqa: F401

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with whole pipelines begin, then come those with other slow tests: the short ones fill the gap at the end,
    where a process would wait.

    A file's tests run in one process (pytest-xdist's loadfile), which makes its costly fixtures once.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    pipelines = {item.path for item in items if "make_clone" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item.path not in pipelines, item.path not in slow))


@pytest.fixture(autouse=True)
def isolated(request, tmp_path, monkeypatch) -> Iterator[None]:
    """Each test in an empty directory, with its own cache and without keys of the developer's; one that unpacks the
    embedded model is slow, and has to say so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("DOCLORE_LANG", "en")
    yield
    assert request.node.get_closest_marker("slow") or not any((tmp_path / ".cache" / "models").glob("smollm2*"))


@pytest.fixture
def write_params(tmp_path) -> Callable[..., Path]:
    """Write the repository's params.yaml here, with changes given as {"lora.r": 16}, and what else marks a project."""

    def write(changes: dict[str, object] | None = None) -> Path:
        file = tmp_path / "params.yaml"
        shutil.copyfile(ROOT / "params.yaml", file)
        (tmp_path / "dvc.yaml").touch()
        change_params(file, {"docs.path": "docs", "generate.searches": 0, **(changes or {})})
        return file

    return write


@pytest.fixture
def endpoint(monkeypatch) -> Iterator[FakeEndpoint]:
    """A running fake endpoint that the environment points to."""
    fake = FakeEndpoint()
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    """A directory in which the embedded model is converted once."""
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture
def embedded_cache(cache, monkeypatch) -> None:
    """.cache of the project where the embedded model is converted already, or will be for the tests that come."""
    monkeypatch.setenv("DVC_ROOT", str(cache))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """A Llama of some thousand random weights; its byte-level BPE tokenizer learns from a text that does not change."""
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
    tokenizer.train_from_iterator((ROOT / "LICENSE").read_text("utf-8").splitlines(True), trainer)
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
            "docs.path": "docs",
            "generate.max_facts_per_chunk": 3,
            "generate.phrasings": 3,
            "generate.searches": 0,
            "curate.holdout_facts": 0.25,
            "curate.holdout_pages": 0.2,
        }
        change_params(directory / "params.yaml", tiny)
        clone.run("git", "init", "--quiet", "--initial-branch=main")
        clone.run("git", "add", "--all")
        clone.run("git", "commit", "--quiet", "--message=start")
        return clone

    return make


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
