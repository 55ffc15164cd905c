"""One base model at one commit through all stages: named exactly, recorded, and refused when it is another."""

import json
import shutil
import sys
from types import SimpleNamespace

import pytest

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.models.base import hub
from stages.common.records.files import read_json
from stages.merge import __main__ as merge
from stages.train import __main__ as train
from stages.train import backends

COMMITS = ("a" * 40, "b" * 40)


@pytest.fixture
def cached(tiny_model, tmp_path, monkeypatch):
    """own/tiny in a cache of Hugging Face, two commits, `main` at the first; call it to move the branch."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(cache), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    repository = cache / "models--own--tiny"
    for commit in COMMITS:
        shutil.copytree(tiny_model, repository / "snapshots" / commit)
    (repository / "snapshots" / COMMITS[1] / "generation_config.json").write_text("{}")

    def move(commit):
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(commit)

    move(COMMITS[0])
    return move


def test_all_stages_use_the_commit_that_format_saw_though_the_branch_moves_on(prepared, cached):
    prepared(model__name="own/tiny")
    cached(COMMITS[1])
    train.main()
    assert read_json(paths.REPORTS / "train.json")["base"] == COMMITS[0]
    record = read_json(hub.RECORD)["base"]
    assert record == {"name": "own/tiny", "hub": "huggingface", "revision": "", "hash": COMMITS[0]}
    assert COMMITS[0] in (paths.ADAPTER / "README.md").read_text()
    assert json.loads((paths.ADAPTER / "adapter_config.json").read_text())["base_model_name_or_path"] == "own/tiny"
    merge.main()
    assert COMMITS[0] in (paths.MERGED / "README.md").read_text()
    assert read_json(paths.REPORTS / "merge.json")["base"] == COMMITS[0]
    assert hub.as_trained(params.load().model).revision == COMMITS[0], "evaluate's base"


def test_merge_refuses_another_base_than_the_trained_one(prepared, cached, tiny_model, tmp_path, write_params):
    prepared(model__name="own/tiny")
    train.main()
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    for change in ({"model.name": str(other)}, {"model.name": "own/tiny", "model.revision": COMMITS[1]}):
        write_params(change)
        with pytest.raises(UserError, match=rf"was trained on own/tiny at {'a' * 12}.*run `dvc repro`"):
            merge.main()


def test_a_directory_whose_weights_have_changed_is_another_base(prepared, tiny_model, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(tiny_model, base)
    prepared(model__name=str(base))
    train.main()
    recorded = read_json(hub.RECORD)["base"]["hash"]
    assert recorded == hub.fingerprint(base) != ""
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(UserError, match="a different base or revision"):
        merge.main()


def test_rows_made_for_another_model_are_not_trained(prepared, tiny_model, tmp_path, write_params):
    prepared()
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    write_params({"model.name": str(other)})
    with pytest.raises(UserError, match=r"data/formatted was made for .*run `dvc repro format`"):
        train.main()


def test_unsloth_is_given_the_very_repository_and_commit(write_params, monkeypatch):
    asked = {}

    class FastLanguageModel:
        @staticmethod
        def from_pretrained(name, **options):
            asked.update(options, name=name)
            return SimpleNamespace(
                named_modules=lambda: [(f"m.{one}", 0) for one in params.load().lora.target_modules]
            ), 0

        get_peft_model = staticmethod(lambda model, **options: model)

    monkeypatch.setitem(sys.modules, "unsloth", SimpleNamespace(FastLanguageModel=FastLanguageModel))
    monkeypatch.setattr(backends.quantised, "kind", lambda section: "")
    monkeypatch.setattr(backends.hub, "file", lambda section, name: name)
    write_params({"model.name": "Qwen/Qwen3-8B", "model.revision": COMMITS[0], "model.load_in_4bit": True})
    backends.unsloth_model(params.load(), "bfloat16")
    assert (asked["name"], asked["revision"]) == ("Qwen/Qwen3-8B", COMMITS[0])
    assert asked["use_exact_model_name"] is True and asked["load_in_4bit"] is True


def test_modelscope_is_a_source_like_the_others(prepared, tiny_model, monkeypatch):
    asked = []

    def snapshot_download(name, **options):
        asked.append((name, options))
        return str(tiny_model)

    monkeypatch.setitem(sys.modules, "modelscope", SimpleNamespace(snapshot_download=snapshot_download))
    prepared(model__name="own/tiny", model__hub="modelscope", model__revision="v2")
    assert asked and all("ignore_patterns" in options for _, options in asked), "format needs no weights"
    train.main()
    assert all(name == "own/tiny" and options["revision"] == "v2" for name, options in asked)
    base = read_json(hub.RECORD)["base"]
    assert (base["name"], base["hub"], base["revision"]) == ("own/tiny", "modelscope", "v2") and base["hash"]
    assert "base_model: own/tiny" in (paths.ADAPTER / "README.md").read_text()
    merge.main()
    assert (paths.MERGED / "model.safetensors").exists()


def test_modelscope_without_its_library_or_the_model_is_one_line(write_params, monkeypatch):
    section = params.load(write_params({"model.name": "own/tiny", "model.hub": "modelscope"})).model
    monkeypatch.setitem(sys.modules, "modelscope", None)
    with pytest.raises(UserError, match=r"pip install 'doclore\[modelscope\]'"):
        hub.source(section)

    def missing(name, **options):
        raise ValueError("not found\nlong text")

    monkeypatch.setitem(sys.modules, "modelscope", SimpleNamespace(snapshot_download=missing))
    with pytest.raises(ParamsError, match=r"own/tiny.*cannot be loaded \(not found\)") as refused:
        hub.source(section)
    assert "\n" not in str(refused.value)
