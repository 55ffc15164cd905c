"""A training that goes on from an earlier adapter begins where that one ended, and with no other."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.models.base import hub, pretrained
from stages.common.records.files import read_json
from stages.merge import weights
from stages.train import __main__ as train
from stages.train import backends, checkpoints, initial, refusals
from support.settings import change_params


def test_training_goes_on_where_the_earlier_one_ended(prepared, tmp_path):
    prepared(train__max_steps=30, train__learning_rate=0.01)
    train.main()
    first = read_json(paths.REPORTS / "train.json")
    shutil.copytree(paths.ADAPTER, earlier := tmp_path / "models" / "previous" / "one")
    settings = params.load()
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        from peft import PeftModel

        base = pretrained.causal_lm(settings.model, torch.float32)
        ended = PeftModel.from_pretrained(base, earlier)(input_ids=ids).logits
    change_params(tmp_path / "params.yaml", {"train.start_from": "models/previous/one", "train.max_steps": 3})
    with torch.no_grad():
        begun = backends.lora_model("trl", params.load(), torch.float32)(input_ids=ids).logits
    assert torch.allclose(ended, begun, atol=1e-5)
    train.main()
    second = read_json(paths.REPORTS / "train.json")
    assert second["loss_first"] < (first["loss_first"] + first["loss_last"]) / 2
    assert "begun with models/previous/one" in (paths.ADAPTER / "README.md").read_text()


def test_a_checkpoint_of_a_training_from_another_adapter_is_not_gone_on_from(prepared, tmp_path):
    prepared(train__start_from="models/previous/one")
    weights = tmp_path / "models" / "previous" / "one" / "adapter_model.safetensors"
    weights.parent.mkdir(parents=True)
    places = []
    for content in (b"one", b"two"):
        weights.write_bytes(content)
        places.append(checkpoints.directory(params.load(), "trl", "float32"))
    assert places[0] != places[1]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"lora.r": 8}, "its r is 4"),
        ({"lora.target_modules": ["q_proj"]}, "its target_modules"),
        ({"model.name": "another/model"}, "its base_model_name_or_path"),
        ({"lora.init": "pissa"}, "lora.init=default"),
        ({"train.start_from": "nowhere"}, "accepted is a directory with an adapter"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_in_one_line(write_params, tmp_path, changes, complaint):
    from stages.common.records.files import write_json

    settings = params.load(write_params({"lora.r": 4}))
    write_json(tmp_path / "one" / "adapter_config.json", {
        "r": 4, "lora_alpha": settings.lora.alpha, "use_rslora": False, "bias": "none",
        "base_model_name_or_path": settings.model.name, "target_modules": sorted(settings.lora.target_modules),
    })  # fmt: skip
    good = {"lora.r": 4, "train.start_from": "one"}
    initial.refuse_start(params.load(write_params(good)))
    with pytest.raises(ParamsError, match="start_from") as caught:
        initial.refuse_start(params.load(write_params(good | changes)))
    assert complaint in str(caught.value) and refusals


def test_an_adapter_that_is_a_pickle_is_refused_before_anything_is_loaded(write_params, tmp_path):
    """Whoever loads it: the stages that take up an adapter, and a training that goes on from one."""
    for directory in (paths.ADAPTER, tmp_path / "one"):
        directory.mkdir(parents=True)
        (directory / "adapter_config.json").write_text('{"r": 4}')
        (directory / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    settings = params.load(write_params({"train.start_from": "one"}))
    for load in (
        lambda: initial.refuse_start(settings),
        lambda: hub.adapter(paths.ADAPTER),
        lambda: weights.write_merged(settings, None),
    ):
        with pytest.raises(UserError, match=r"adapter_model\.bin is a pickle"):
            load()


def test_a_base_whose_weights_are_a_pickle_or_that_brings_code_is_refused(
    tiny_model, tmp_path, write_params, monkeypatch
):
    pickled, coded = tmp_path / "pickled", tmp_path / "coded"
    for directory in (pickled, coded):
        shutil.copytree(tiny_model, directory)
    for file in pickled.glob("*.safetensors"):
        file.unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    config = json.loads((coded / "config.json").read_text()) | {"model_type": "own"}
    config["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    (coded / "config.json").write_text(json.dumps(config))
    (coded / "own.py").write_text("open('ran', 'w')\nclass Own: pass\n")
    for directory in (pickled, coded):
        section = params.load(write_params({"model.name": str(directory)})).model
        with pytest.raises(ParamsError, match="cannot be loaded") as caught:
            pretrained.causal_lm(section, torch.float32)
        assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "unsloth", SimpleNamespace(FastLanguageModel=None))
    with pytest.raises(ParamsError, match=r"no \*\.safetensors"):
        backends.unsloth_model(params.load(write_params({"model.name": str(pickled)})), torch.float32)
    assert not Path("ran").exists()
