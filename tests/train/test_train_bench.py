"""bench/train.py: configs are the real models', weights and rows are what they say, ratios compare the right cases."""

import itertools
import json
import statistics
import sys

import pyarrow.parquet as pq
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from support.repository import ROOT

sys.path.insert(0, str(ROOT))

from bench import train, train_case, train_cpu
from stages.common.base import params
from stages.train import preflight

# Of the models' cards: 3.21, 8.2 and 14.8 billion.
PARAMETERS = {"Llama-3.2-3B": 3_212_749_824, "Qwen3-8B": 8_190_735_360, "Qwen3-14B": 14_768_307_200}


@pytest.mark.parametrize("name", train.MODELS)
def test_a_checkpoint_of_holes_has_the_real_models_parameters_and_takes_no_disk(tmp_path, name):
    assert train_case.write_model(tmp_path / "model", train.MODELS[name]) == PARAMETERS[name]
    file = tmp_path / "model" / "model.safetensors"
    assert file.stat().st_size > 2 * PARAMETERS[name] and file.stat().st_blocks * 512 < 1e6


@pytest.mark.parametrize("name", train.TINY)
def test_it_loads_and_its_zeros_become_random_weights_of_a_fresh_models_spread(tmp_path, name):
    train_case.write_model(tmp_path / "model", train.TINY[name])
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model").requires_grad_(False)
    assert not model.model.layers[0].mlp.up_proj.weight.any()
    train_case.randomise(model)
    assert float(model.model.layers[1].mlp.up_proj.weight.float().std()) == pytest.approx(0.02, rel=0.1)
    assert (model.model.norm.weight == 1).all()
    assert AutoTokenizer.from_pretrained(tmp_path / "model").is_fast


def test_rows_have_the_lengths_of_the_table_and_the_same_tokens_every_time(tmp_path):
    for name in ("a", "b"):
        train_case.write_rows(tmp_path / name, 4096, 128)
    rows = pq.read_table(tmp_path / "a")
    assert rows.equals(pq.read_table(tmp_path / "b"))
    found = [(len(row["input_ids"]), sum(i != -100 for i in row["labels"])) for row in rows.to_pylist()]
    assert sorted(found) == sorted(train_case.LENGTHS * 2)
    assert statistics.mean(length for length, _ in train_case.LENGTHS) == pytest.approx(135, abs=1)
    assert all(row["labels"][-1] == row["input_ids"][-1] < 4096 for row in rows.to_pylist())


def test_the_cases_are_every_combination_once_and_share_a_process_where_they_share_weights():
    cases = train.cases("cuda", [])
    assert len({train.key(case) for case in cases}) == len(cases) == 2 * 2 * 2 * 3
    groups = train.loaded_alike(cases)
    assert [len(group) for group in groups] == [3] * 8 and not groups[0][0]["load_in_4bit"]
    assert {case["rows"] for case in train.cases("cpu", [])} == {"padded"}
    assert {case["model"] for case in train.cases("cuda", ["Qwen3-14B"])} == {"Qwen3-14B"}


@pytest.mark.parametrize("rows", train.ROWS)
def test_the_settings_of_a_case_are_those_of_params_but_for_what_it_says(tmp_path, rows):
    case = train.cases("cuda", ["Qwen3-8B"])[0] | {"rows": rows}
    settings = train_case.settings_of(case, tmp_path)
    assert (settings.train.packing, settings.train.padding_free) == (rows == "packed", rows != "padded")
    assert settings.train.backend == "unsloth" and settings.format.max_length == 2048
    assert settings.lora == params.load(ROOT / "params.yaml").lora
    assert preflight.steps(100, settings) == train_case.SETTINGS["train"]["max_steps"]


def result(speed, **case):
    whole = {"model": "m", "backend": "trl", "rows": "padded", "load_in_4bit": False} | case
    return whole | {"tokens_per_second": speed, "mfu": 0.5, "peak_gb": 1.0, "steps": 3, "device": "d"}


def test_ratios_are_to_plain_trl_in_the_same_setting_and_to_the_padded_rows_of_the_same():
    measured = [
        result(100.0),
        result(150.0, backend="unsloth"),
        result(300.0, rows="packed"),
        result(600.0, backend="unsloth", rows="packed"),
    ]
    failed = {key: value for key, value in result(0, load_in_4bit=True).items() if key != "tokens_per_second"}
    measured.append(failed | {"failed": "out of memory"})
    results = {train.key(one): one for one in measured}
    lines = train.table({"results": results, "not_reached": ["z"]}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in cells} == {7}
    found = {row[0]: (row[4], row[5], row[6]) for row in cells[2:]}
    assert found["m unsloth packed 16-bit"][:2] == ("2.00", "4.00")
    assert found["m trl packed 16-bit"][:2] == ("", "3.00")
    assert found["m unsloth padded 16-bit"][:2] == ("1.50", "")
    assert found["m trl padded 4-bit"][2] == "out of memory" and found["z"][2] == "not reached"


def test_a_case_that_fails_is_a_row_and_what_time_does_not_allow_is_named(tmp_path, monkeypatch):
    clock = itertools.count(0, 10)  # each look at the clock is ten seconds later
    monkeypatch.setattr(train.time, "monotonic", lambda: float(next(clock)))
    failing = lambda cases, limit: (case | {"failed": "out of memory"} for case in cases)  # noqa: E731
    monkeypatch.setattr(train, "run_cases", failing)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    out = tmp_path / "train.json"
    first = train.measure(out, [], 1)
    assert 0 < len(first["results"]) < 24 and len(first["not_reached"]) == 24 - len(first["results"])
    assert json.loads(out.read_text()) == first and "not reached" in out.with_suffix(".md").read_text()
    again = train.measure(out, [], 60)
    assert len(again["results"]) == 24 and not again["not_reached"], "the next call goes on"


@pytest.mark.slow
def test_a_process_that_dies_is_told_with_its_last_line(monkeypatch):
    case = train.cases("cpu", ["tiny Llama"])[1]
    monkeypatch.setitem(train.TINY, "tiny Llama", train.TINY["tiny Llama"] | {"num_attention_heads": "many"})
    (told,) = train.run_cases([case], 60)
    assert told["failed"].startswith("exit code 1: ") and told["model"] == "tiny Llama"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_a_case_trains_and_counts_what_it_trained(tmp_path, backend, monkeypatch):
    monkeypatch.setattr(train, "SECONDS", 1)
    cases = [{"model": "tiny Qwen3", "backend": backend, "rows": way, "load_in_4bit": False} for way in train.ROWS[:2]]
    told, refused = train.run_cases(cases, 120)
    assert "failed" not in told, told
    assert told["mfu"] is None and told["steps"] >= 1 and 4 * 43 < told["tokens_per_step"] < 4 * 426
    assert told["versions"]["trl"] and told["device"] == "cpu"
    assert "on a CPU" in refused["failed"], "a way that is refused is a row"


def test_turns_are_summed_without_the_first():
    turns = [{"tokens": 1, "wall": 100.0, "cpu": 100.0, "steps": 5}]
    turns += [{"tokens": 600, "wall": 3.0, "cpu": 6.0, "steps": 5}] * 2
    told = train_cpu.figures(turns)
    assert told == {"tokens_per_second": 200.0, "tokens_per_cpu_second": 100.0, "seconds_per_step": 0.6}
