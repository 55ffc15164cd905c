"""Benchmarks by the real lm_eval, offline, on a task file and rows of our own."""

import json

import pytest
import yaml

from stages.commands import summary
from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.records.files import write_json, write_jsonl
from stages.evaluate import answers, forgetting, gate
from stages.evaluate.endpoint import EndpointModel
from stages.evaluate.local import LocalModel
from support.reporting import evaluation as evaluation_file
from support.reporting import prediction, prepare, rendered, text_of

DIRECTORY = paths.CHUNKS.parent / "benchmarks"
ROWS = [
    {"question": f"Which brightness has lamp {n}?", "choices": [f"{n} lux", "dark", "a lamp"], "answer": n % 3}
    for n in range(10)
]
TASK = {
    "task": "lamps",
    "dataset_path": "json",
    "dataset_kwargs": {"data_files": {"test": str(DIRECTORY / "lamps.jsonl")}},
    "test_split": "test",
    "output_type": "multiple_choice",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "{{answer}}",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
}


@pytest.fixture
def task(monkeypatch, tmp_path):
    """A task file with its rows; what datasets keeps of them stays here."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    write_jsonl(DIRECTORY / "lamps.jsonl", ROWS)
    (DIRECTORY / "lamps.yaml").write_text(yaml.safe_dump(TASK), "utf-8")


@pytest.fixture
def section(write_params):
    return params.load(write_params({"evaluate.lm_eval": ["lamps"], "evaluate.batch_size": 4})).evaluate


@pytest.fixture
def subjects(tiny_model):
    """The tiny model and another one that differs in its weights."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)

    def other():
        model = AutoModelForCausalLM.from_pretrained(tiny_model)
        torch.manual_seed(1)
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.3)
        return model

    loaders = {"base": lambda: AutoModelForCausalLM.from_pretrained(tiny_model), "tuned": other}
    return {name: LocalModel(name, name, load, tokenizer) for name, load in loaders.items()}


def likeliest(model: LocalModel, row: dict) -> int:
    """The choice that the model finds most likely, computed without lm_eval."""
    prompt = model.tokenizer(f"Question: {row['question']}\nAnswer:").input_ids
    sums = []
    for choice in row["choices"]:
        ids = model.tokenizer(f"Question: {row['question']}\nAnswer: {choice}").input_ids
        labels = [-100] * len(prompt) + ids[len(prompt) :]
        sums.append(answers.losses(model.loaded(), [{"input_ids": ids, "labels": labels}], 0)[0][0])
    return min(range(len(sums)), key=sums.__getitem__)


def test_a_score_is_the_share_of_questions_whose_right_choice_is_the_likeliest(task, section, subjects):
    found = forgetting.Benchmarks(section).figures(subjects)["lamps"]
    for name, model in subjects.items():
        expected = sum(likeliest(model, row) == row["answer"] for row in ROWS) / len(ROWS)
        assert found[name] == pytest.approx(expected)
    assert found["metric"] == "acc" and found["rows"] == 10
    assert -1 <= found["low"] <= found["tuned"] - found["base"] <= found["high"] <= 1


@pytest.mark.slow
def test_a_task_is_run_once_for_each_model_and_anew_when_it_changes(task, section, subjects, monkeypatch):
    found = forgetting.Benchmarks(section).figures(subjects)
    runs = []
    original = forgetting.Benchmarks.run
    monkeypatch.setattr(forgetting.Benchmarks, "run", lambda *a: runs.append(a[1].name) or original(*a))
    again = {name: LocalModel(name, name, model.load, model.tokenizer) for name, model in subjects.items()}
    assert forgetting.Benchmarks(section).figures(again) == found and runs == []
    write_jsonl(DIRECTORY / "lamps.jsonl", ROWS[:8])
    assert forgetting.Benchmarks(section).figures(again)["lamps"]["rows"] == 8
    limited = section.model_copy(update={"lm_eval_limit": 5})
    assert forgetting.Benchmarks(limited).figures(again)["lamps"]["rows"] == 5
    assert runs == ["base", "tuned"] * 2


@pytest.mark.slow
def test_a_group_of_tasks_is_measured_over_all_of_its_questions(task, section, subjects):
    (DIRECTORY / "other.yaml").write_text(yaml.safe_dump(TASK | {"task": "other"}), "utf-8")
    group = {"group": "both", "task": ["lamps", "other"],
             "aggregate_metric_list": [{"metric": "acc", "aggregation": "mean", "weight_by_size": True}]}  # fmt: skip
    (DIRECTORY / "both.yaml").write_text(yaml.safe_dump(group), "utf-8")
    grouped = section.model_copy(update={"lm_eval": ["both", "lamps"]})
    found = forgetting.Benchmarks(grouped).figures(subjects)
    assert found["both"]["rows"] == 20 and found["both"]["base"] == found["lamps"]["base"]
    assert "low" in found["both"]


@pytest.mark.slow
def test_a_task_that_nobody_knows_is_one_line_before_anything_is_loaded(task, section):
    with pytest.raises(ParamsError, match=r"evaluate\.lm_eval: 'mmul' is not a task .* alike are .*mmlu"):
        forgetting.Benchmarks(section.model_copy(update={"lm_eval": ["lamps", "mmul"]}))


def test_a_task_whose_data_is_not_there_is_one_line(task, section, subjects):
    (DIRECTORY / "lamps.jsonl").unlink()
    with pytest.raises(UserError, match=r"evaluate\.lm_eval: lamps cannot be run"):
        forgetting.Benchmarks(section).figures(subjects)


def test_without_lm_eval_there_is_one_line_and_without_tasks_no_need_of_it(section, monkeypatch):
    def missing(name: str) -> str:
        raise forgetting.PackageNotFoundError(name)

    monkeypatch.setattr(forgetting, "version", missing)
    with pytest.raises(UserError, match=r"pip install 'doclore\[lm-eval\]'"):
        forgetting.Benchmarks(section)
    forgetting.Benchmarks(section.model_copy(update={"lm_eval": []}))


def test_models_behind_an_endpoint_take_no_benchmarks(write_params):
    changes = {"evaluate.endpoint": "env", "evaluate.tuned_model": "tuned", "evaluate.lm_eval": ["lamps"]}
    with pytest.raises(ParamsError, match="lm_eval needs models that are loaded here"):
        params.load(write_params(changes))
    assert not isinstance(EndpointModel("tuned", "x", "y"), LocalModel)


def test_the_report_the_summary_and_the_gate_tell_of_a_fall(section, write_params):
    rows = [prediction(n, tuned_closed=True) for n in range(3)]
    prepare(rows=rows)
    fall = {"metric": "acc", "rows": 200, "base": 0.5, "tuned": 0.38, "low": -0.17, "high": -0.07}
    found = evaluation_file(rows, forgetting={"mmlu": fall})
    found["gate"] = gate.verdict(found, section)
    write_json(paths.REPORTS / "evaluate.json", found)
    said = text_of(rendered(write_params))
    for text in ("mmlu", "0.500", "0.380", "-0.170 – -0.070", "mmlu fell by", "mmlu 下降了"):
        assert text in said, text
    assert "Benchmark mmlu: 50.0% → 38.0%" in summary.headline(found)
    assert json.dumps(found["gate"]["failed"]).count("max_forgetting") == 1
