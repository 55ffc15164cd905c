"""The embedded model for real: its weights, a server for them, and the generate stage asking that server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stages import generate
from stages.shared import models, paths
from stages.shared.errors import UserError
from stages.shared.params import load
from stages.shared.records import read_jsonl, write_jsonl

pytestmark = pytest.mark.slow

PASSAGE = "The default port of the amber relay is 8007. The relay restarts after 30 seconds without a signal."


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def shared_cache(cache, monkeypatch):
    """One conversion for all tests of this file."""
    monkeypatch.setenv("DVC_ROOT", str(cache))


def test_the_embedded_weights_are_converted_once_into_a_model_that_answers(write_params, capfd):
    import torch

    write_params()
    section = load().model
    tokenizer = models.tokenizer(section)
    model = models.causal_lm(section, torch.float32)
    assert tokenizer.eos_token == "<|im_end|>" and tokenizer.pad_token == "<|endoftext|>"
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France? Answer with one word."}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.inference_mode():
        output = model.generate(**prompt, max_new_tokens=12, do_sample=False)
    assert "Paris" in tokenizer.decode(output[0, prompt.input_ids.shape[1] :])
    directory = Path(models.source(section))
    written = {file.name: file.stat().st_mtime_ns for file in directory.iterdir()}
    models.source(section)
    assert {file.name: file.stat().st_mtime_ns for file in directory.iterdir()} == written
    assert json.loads((directory / "doclore.json").read_text())["sha256"] == models.EMBEDDED_SHA256


def test_damaged_embedded_weights_are_refused(monkeypatch, tmp_path):
    damaged = tmp_path / models.EMBEDDED_FILE
    damaged.write_bytes(b"GGUF but not quite")
    monkeypatch.setattr(models, "embedded_file", lambda: damaged)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with pytest.raises(UserError, match="damaged"):
        models.embedded_directory("smollm2-135m-instruct")


@pytest.fixture
def llama_server(monkeypatch):
    """llama.cpp serving the embedded GGUF on 127.0.0.1, with the environment pointing to it."""
    pytest.importorskip("xllamacpp", reason="the server comes with the test extra")
    script = Path(__file__).with_name("llama_server.py")
    command = [sys.executable, str(script), str(models.embedded_file()), "secret-key"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the server must come up"
        monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
        yield process
        process.terminate()


def test_the_llm_backend_gets_valid_pairs_from_a_real_server_and_never_asks_twice(llama_server, write_params):
    """The model is far too small to write good pairs; that what arrives is valid, traced and stored is the point."""
    write_params(
        {
            "generate.backend": "llm",
            "generate.model": "embedded",
            "generate.temperature": 0.0,
            "generate.max_tokens": 400,
            "generate.pairs_per_chunk": 2,
            "generate.concurrency": 2,
            "generate.max_failed": 0.5,
        }
    )
    Path("prompts").symlink_to(Path(generate.__file__).parents[1] / "prompts")
    chunks = [
        {
            "chunk_id": f"c{i}",
            "path": "relay.md",
            "headings": ["Relay", f"Part {i}"],
            "line_start": 1,
            "line_end": 2,
            "tokens": 30,
            "text": f"{PASSAGE} This is part {i}.",
            "also_in": [],
        }
        for i in range(2)
    ]
    write_jsonl(paths.CHUNKS, chunks)
    generate.main()
    pairs = list(read_jsonl(paths.PAIRS))
    figures = json.loads((paths.REPORTS / "generate.json").read_text())
    assert pairs and figures["calls"] >= 2 and figures["prompt_tokens"] > 0
    assert all(pair["instruction"] and pair["output"] and pair["chunk_id"] in ("c0", "c1") for pair in pairs)
    assert max(sum(pair["chunk_id"] == chunk["chunk_id"] for pair in pairs) for chunk in chunks) <= 2
    if figures["failed"] == 0:
        llama_server.terminate()
        llama_server.wait()
        generate.main()
        assert list(read_jsonl(paths.PAIRS)) == pairs, "a full store needs no server"
