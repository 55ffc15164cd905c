"""The chain that bench/train.py runs: every stage once with random weights, a row for each as it ends."""

import json
import os
import sys

import pytest

from bench import train, train_case, train_chain
from support.repository import ROOT


def test_random_weights_fill_the_file_that_was_a_hole(tmp_path):
    import torch
    from safetensors.torch import load_file

    train_case.write_model(tmp_path / "model", train.TINY["tiny Llama"], random_weights=True)
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    for name, weight in weights.items():
        expected = pytest.approx(0.02, rel=0.1) if weight.ndim > 1 else 0.0
        assert float(weight.float().std()) == expected and (weight.ndim > 1 or float(weight.float().mean()) == 1), name


def test_a_step_has_its_seconds_and_its_peak_and_a_failure_its_last_line(tmp_path):
    (tmp_path / ".cache").mkdir()
    end = train_chain.time.monotonic() + 60
    held = "import time; held = bytearray(200_000_000); time.sleep(0.6)"
    row = train_chain.step(tmp_path, ["-c", held], end)
    assert 0.15 < row["peak_gb"] < 1 and row["seconds"] > 0.5 and "failed" not in row
    row = train_chain.step(tmp_path, ["-c", "import sys; sys.exit('merge: no room')"], end)
    assert row["failed"] == "exit code 1: merge: no room"
    assert train_chain.step(tmp_path, ["-c", "import time; time.sleep(60)"], end - 59.8)["failed"] == "no time was left"


def test_rows_are_in_the_file_as_they_come_and_a_failure_ends_the_chain(tmp_path, monkeypatch):
    out = tmp_path / "chain.jsonl"
    seen = []

    def step(project, words, end):
        seen.append([json.loads(line)["step"] for line in out.read_text().splitlines()])
        return {"seconds": 1.0, "peak_gb": 2.0} | ({"failed": "exit code 1: x"} if words[-1] == "stages.merge" else {})

    monkeypatch.setattr(train_chain, "prepare", lambda project, config, four: None)
    monkeypatch.setattr(train_chain, "step", step)
    monkeypatch.setattr(train_chain, "plan", lambda project: {"train": 3.5, "merge": 4.5})
    rows = train_chain.measure("tiny Llama", {}, False, 1, out)
    done = ["weights", *train_chain.DATA, "train", "merge"]
    assert [row["step"] for row in rows] == done and seen == [done[: n + 1] for n in range(len(seen))]
    assert rows[-2]["planned_gb"] == 3.5 and rows[-1]["failed"]
    assert train_chain.table(rows).splitlines()[-1] == "| tiny Llama | merge | 1.0 | 2.0 | 4.5 | exit code 1: x |"


def test_the_command_runs_the_bench_of_the_clone_that_one_stands_in(monkeypatch, tmp_path):
    from stages.commands import bench
    from stages.commands.main import parser
    from stages.common.base.errors import UserError

    started = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    arguments = parser().parse_args(["bench", "chain", "--models", "Qwen3-8B", "--minutes", "9"])
    with pytest.raises(UserError, match="a clone of doclore"):
        bench.run(arguments)
    monkeypatch.chdir(ROOT)
    bench.run(arguments)
    assert started == [[sys.executable, "-m", "bench.train", "chain", "--models", "Qwen3-8B", "--minutes", "9.0"]]


@pytest.mark.slow
def test_the_whole_chain_runs_with_tiny_weights(tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in ("chat.md", "exam.md", "gpu.md", "review.md"):
        (docs / name).write_bytes((ROOT / "docs" / "howto" / name).read_bytes())
    monkeypatch.setattr(train_chain, "MANUAL", docs)
    monkeypatch.chdir(ROOT)
    rows = train_chain.measure("tiny Llama", train.TINY["tiny Llama"], False, 30, tmp_path / "chain.jsonl")
    assert [row.get("failed") for row in rows] == [None] * len(rows), rows[-1]
    assert [row["step"] for row in rows] == ["weights", *train_chain.DATA, *train_chain.MODEL, "serve"]
    by_step = {row["step"]: row for row in rows}
    assert by_step["train"]["steps"] == 2 and by_step["merge"]["agreement"] > 0.9
    assert {"agreement_q8_0", "planned_gb"} <= by_step["merge"].keys() and by_step["serve"]["tokens_per_second"] > 0
