"""The embedded model for real: its weights, a server for them, and the generate stage asking that server."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.base.params import load
from stages.common.models.base import embedded, hub, pretrained
from stages.common.records.files import read_jsonl, write_jsonl
from stages.generate import __main__ as generate
from support.repository import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("embedded_cache")]

PASSAGE = "The default port of the amber relay is 8007. The relay restarts after 30 seconds without a signal."


def test_the_embedded_weights_are_converted_once_into_a_model_that_answers(write_params, capfd):
    import torch

    write_params()
    section = load().model
    tokenizer = pretrained.tokenizer(section)
    model = pretrained.causal_lm(section, torch.float32)
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
    directory = Path(hub.source(section))
    written = {file.name: file.stat().st_mtime_ns for file in directory.iterdir()}
    hub.source(section)
    assert {file.name: file.stat().st_mtime_ns for file in directory.iterdir()} == written
    assert json.loads((directory / "doclore.json").read_text())["sha256"] == embedded.EMBEDDED_SHA256


def test_damaged_embedded_weights_are_refused(monkeypatch, tmp_path):
    damaged = tmp_path / embedded.EMBEDDED_FILE
    damaged.write_bytes(b"GGUF but not quite")
    monkeypatch.setattr(embedded, "embedded_file", lambda: damaged)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with pytest.raises(UserError, match="damaged"):
        embedded.embedded_directory("smollm2-135m-instruct")


def teacher(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stages.commands.main", "teacher", *arguments]


@pytest.fixture
def llama_server(monkeypatch):
    """`doclore teacher` serving the embedded GGUF, with the environment that it prints."""
    pytest.importorskip("xllamacpp", reason="the server comes with the extra teacher")
    command = teacher(str(embedded.embedded_file()), "--threads", "2")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
            line = process.stdout.readline().strip()
            assert line.startswith(f"export {name}="), "the server must come up"
            monkeypatch.setenv(name, line.partition("=")[2])
        yield process
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def test_a_teacher_listens_on_this_machine_only_wants_its_key_and_ends_well(llama_server):
    address = os.environ["OPENAI_BASE_URL"]
    assert address.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(urllib.request.Request(f"{address}/chat/completions", data=b"{}"), timeout=20)
    served = urllib.request.Request(
        f"{address}/models", headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    )
    with urllib.request.urlopen(served, timeout=20) as reply:
        assert json.load(reply)["data"][0]["id"] == embedded.EMBEDDED_FILE.removesuffix(".gguf")
    llama_server.send_signal(signal.SIGINT)
    assert llama_server.wait(20) == -signal.SIGINT


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["missing.gguf"], "missing.gguf: No such file or directory; name a GGUF file"),
        (["page.md"], "page.md is not a GGUF file"),
        (["cut.gguf"], "llama.cpp cannot load cut.gguf: the file is incomplete"),
        (["cut.gguf", "--port", "TAKEN"], "--port 0 picks a free one"),
    ],
)
def test_a_teacher_that_cannot_start_is_one_line(arguments, line):
    pytest.importorskip("xllamacpp", reason="the server comes with the extra teacher")
    Path("page.md").write_text("# Page\n", encoding="utf-8")
    Path("cut.gguf").write_bytes(embedded.embedded_file().read_bytes()[:1_000_000])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            teacher(*(port if word == "TAKEN" else word for word in arguments)),
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("doclore: ") and line in done.stderr and done.stderr.count("\n") == 1


def test_the_llm_backend_gets_valid_pairs_from_a_real_server_and_never_asks_twice(llama_server, write_params):
    """The model is far too small to write good pairs; that what arrives is valid, traced and stored is the point."""
    write_params(
        {
            "generate.backend": "llm",
            "generate.model": embedded.EMBEDDED_FILE.removesuffix(".gguf"),
            "generate.temperature": 0.0,
            "generate.max_tokens": 400,
            "generate.pairs_per_chunk": 2,
            "generate.concurrency": 2,
            "generate.styles": {"fact": 1},
            "generate.paraphrases": 0,
            "generate.held_out": 0.0,
            "generate.max_failed": 0.5,
        }
    )
    Path("prompts").symlink_to(ROOT / "prompts")
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
