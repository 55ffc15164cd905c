"""What an adapter begins with (lora.init) changes how it is trained, never what it is merged into."""

import json
import sys

import pytest
import torch

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError
from stages.common.models.base import pretrained
from stages.common.records.files import read_json
from stages.merge import __main__ as merge
from stages.train import __main__ as train
from stages.train import backends, initial, refusals


def test_pissa_begins_as_the_base_and_is_saved_as_a_plain_adapter_that_merges_into_it(prepared):
    prepared(lora__init="pissa", train__max_steps=20, train__learning_rate=0.005)
    train.main()
    report = read_json(paths.REPORTS / "train.json")
    assert report["loss_last"] < 0.9 * report["loss_first"]
    config = read_json(paths.ADAPTER / "adapter_config.json")
    assert (config["r"], config["init_lora_weights"]) == (8, True), "what it began with is taken off: twice the rank"
    merge.main()
    figures = read_json(paths.REPORTS / "merge.json")["audit"]
    assert figures["greedy_agreement"] >= 0.95
    assert figures["trained"]["loss_merged"] == pytest.approx(figures["trained"]["loss"], rel=0.02), "as it was trained"


def test_the_first_step_of_pissa_sees_the_base_itself(prepared):
    prepared(lora__init="pissa")
    settings = params.load()
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        base = pretrained.causal_lm(settings.model, torch.float32)(input_ids=ids).logits
        begun = backends.lora_model("trl", settings, torch.float32)(input_ids=ids).logits
    assert torch.allclose(base, begun, atol=1e-4)


@pytest.mark.parametrize("init", ["default", "pissa"])
def test_only_loftq_needs_what_a_cpu_is_not_set_up_with(write_params, monkeypatch, init):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    monkeypatch.setitem(sys.modules, "bitsandbytes.functional", None)
    initial.fill(None, params.load(write_params({"lora.init": init})), torch.float32)
    with pytest.raises(ImportError):
        initial.fill(None, params.load(write_params({"lora.init": "loftq"})), torch.float32)


def test_loftq_begins_with_what_rounding_to_4_bits_took(prepared, tiny_model):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    from bitsandbytes.functional import dequantize_4bit

    prepared(lora__init="loftq", model__load_in_4bit=True, lora__r=8, lora__alpha=32.0)
    settings = params.load()
    whole = dict(pretrained.causal_lm(settings.model, torch.float32).named_parameters())
    model = backends.lora_model("trl", settings, torch.float32)
    layers = {name: one for name, one in model.get_base_model().named_modules() if hasattr(one, "lora_A")}
    for name, layer in layers.items():
        weight = layer.get_base_layer().weight
        rounded = dequantize_4bit(weight.data, weight.quant_state)
        lost = whole[f"{name}.weight"] - rounded
        left = lost - layer.get_delta_weight("default")
        assert float(left.detach().norm()) < 0.95 * float(lost.detach().norm()), name
    assert initial.settled(settings).model.merge_base == "dequantised", "the weights that the adapter fits"


def train_as(settings):
    refusals.refuse_impossible(settings)
    backends.choose_backend(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lora.init": "pissa", "model.load_in_4bit": True}, "it needs whole weights"),
        ({"lora.init": "pissa", "lora.target_modules": ["q_proj", "lm_head"]}, "leave lm_head out"),
        ({"lora.init": "loftq"}, "set model.load_in_4bit=true"),
        (
            {"lora.init": "loftq", "model.load_in_4bit": True, "merge.method": "adapter_only"},
            "merge.method=merged_16bit",
        ),
        ({"lora.init": "pissa", "train.backend": "unsloth"}, "type: -S train.backend=trl"),
        ({"lora.init": "svd"}, "lora.init"),
    ],
)
def test_a_beginning_that_cannot_be_had_is_refused_in_one_line(write_params, monkeypatch, tiny_model, changes, message):
    monkeypatch.setattr(backends, "refuse_impossible", lambda settings: None)  # that there is no GPU
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: name)
    file = write_params({"model.name": str(tiny_model), **changes})
    with pytest.raises(ParamsError) as refused:
        train_as(params.load(file))
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_weights_that_are_quantised_already_have_no_principal_part(write_params, tiny_model, tmp_path):
    config = read_json(tiny_model / "config.json") | {"quantization_config": {"quant_method": "bitsandbytes"}}
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(config))
    for init in ("pissa", "loftq"):
        settings = params.load(write_params({"model.name": str(tmp_path / "base"), "lora.init": init}))
        with pytest.raises(ParamsError, match=rf"lora\.init = '{init}': it needs"):
            initial.refuse_impossible(settings)
