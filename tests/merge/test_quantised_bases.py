"""A base whose weights are 4-bit already: trained, merged in 16 bits and in 4, or refused before the training."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError
from stages.common.models.base import hub, pretrained, quantised
from stages.common.records.files import read_json
from stages.merge import __main__ as merge
from stages.train import __main__ as train
from stages.train import refusals

bitsandbytes = pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
LEARNING = {"train__max_steps": 20, "train__learning_rate": 0.02}


@pytest.fixture(scope="session")
def bases(tiny_model, tmp_path_factory):
    """own/tiny-bnb-4bit, rounded by bitsandbytes from own/tiny beside it."""
    from transformers import BitsAndBytesConfig

    owner = tmp_path_factory.mktemp("hub") / "own"
    whole, rounded = owner / "tiny", owner / "tiny-bnb-4bit"
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, initializer_range=0.3, **sizes)
    LlamaForCausalLM(config).save_pretrained(whole)
    nf4 = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    quantising = {"quantization_config": nf4, "dtype": torch.float32, "device_map": "cpu"}
    AutoModelForCausalLM.from_pretrained(whole, **quantising).save_pretrained(rounded)
    for directory in (whole, rounded):
        tokenizer.save_pretrained(directory)
    return owner


@pytest.fixture
def base(bases, tmp_path):
    """A copy of both, to change; the quantised one's path."""
    shutil.copytree(bases, tmp_path / "own")
    return tmp_path / "own" / "tiny-bnb-4bit"


def matrices(directory):
    return {name: weight for name, weight in load_file(directory / "model.safetensors").items() if "proj" in name}


def test_the_adapter_goes_into_the_16_bit_model_of_the_same_name(prepared, base):
    prepared(model__name=str(base), **LEARNING)
    train.main()
    record = read_json(hub.RECORD)
    assert record["merge_base"]["name"] == str(base.with_name("tiny")) and not record["merge_base"]["dequantised"]
    merge.main()
    whole, merged = matrices(base.with_name("tiny")), matrices(paths.MERGED)
    assert whole.keys() == merged.keys()
    key = next(iter(whole))
    assert 0 < (merged[key].float() - whole[key]).abs().mean() < 0.5 * whole[key].abs().mean()
    assert "quantization_config" not in read_json(paths.MERGED / "config.json")
    figures = read_json(paths.REPORTS / "merge.json")["audit"]
    assert figures["greedy_agreement"] >= 0.95
    assert abs(figures["trained"]["loss"] - figures["trained"]["loss_merged"]) > 1e-3, "the gap to 4 bits is told"


def test_without_that_model_the_4_bit_weights_themselves_are_turned_into_16_bits(prepared, base):
    shutil.rmtree(base.with_name("tiny"))
    prepared(model__name=str(base), **LEARNING | {"train__max_steps": 60})  # enough to be sure of its tokens
    train.main()
    assert read_json(hub.RECORD)["merge_base"]["dequantised"]
    merge.main()
    figures = read_json(paths.REPORTS / "merge.json")["audit"]
    assert figures["trained"]["greedy_agreement"] >= 0.95, "what was trained is what is served"
    assert figures["trained"]["loss_merged"] == pytest.approx(figures["trained"]["loss"], rel=0.02)
    assert AutoModelForCausalLM.from_pretrained(paths.MERGED).dtype == torch.bfloat16


def test_forced_4_bits_are_the_sum_rounded_as_the_base_was(prepared, base):
    prepared(model__name=str(base), **LEARNING | {"train__max_steps": 60}, merge__method="forced_merged_4bit")
    train.main()
    merge.main()
    written = read_json(paths.MERGED / "config.json")["quantization_config"]
    own = read_json(base / "config.json")["quantization_config"]
    assert (written["bnb_4bit_quant_type"], written["bnb_4bit_use_double_quant"]) == ("nf4", True)
    assert written["load_in_4bit"] and own["load_in_4bit"]
    # What unsloth writes: PEFT merges into the loaded 4-bit layers, which are rounded again.
    from peft import PeftModel

    loaded = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, device_map="cpu")
    theirs = PeftModel.from_pretrained(loaded, str(paths.ADAPTER)).merge_and_unload().dequantize(torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(paths.MERGED, device_map="cpu").dequantize(torch.float32)
    for (name, one), (_, other) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        if "proj" in name:
            assert torch.isclose(one.float(), other.float(), atol=0.02, rtol=0.02).float().mean() > 0.97, name


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hidden_size": 32, "head_dim": 32}, "weights of other shapes"),
        ({"tokens": True}, "other tokens"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "gptq weights, not 16-bit ones"),
    ],
)
def test_a_named_model_that_does_not_fit_is_refused_before_the_training(prepared, base, change, reason):
    whole = base.with_name("other")
    shutil.copytree(base.with_name("tiny"), whole)
    if change.pop("tokens", False):
        tokenizer = AutoTokenizer.from_pretrained(whole)
        tokenizer.add_tokens(["<new>"])
        tokenizer.save_pretrained(whole)
    (whole / "config.json").write_text(json.dumps(read_json(whole / "config.json") | change))
    prepared(model__name=str(base), model__merge_base=str(whole))
    with pytest.raises(ParamsError, match=rf"model\.merge_base = .*{reason}.*adapter_only") as refused:
        refusals.refuse_impossible(params.load())
    assert "\n" not in str(refused.value)
    with pytest.raises(ParamsError, match=reason):
        train.main()


def test_an_8_bit_training_of_4_bit_weights_and_a_merge_base_for_whole_ones_are_refused(prepared, base, monkeypatch):
    monkeypatch.setattr("stages.train.backends.refuse_impossible", lambda settings: None)
    prepared(model__name=str(base), model__load_in_8bit=True)
    with pytest.raises(ParamsError, match=r"load_in_8bit = True: .* has bitsandbytes weights already"):
        train.main()
    prepared(model__name=str(base.with_name("tiny")), model__merge_base=str(base))
    with pytest.raises(ParamsError, match=r"has 16-bit weights of its own; accepted is auto"):
        train.main()


def test_names_of_unsloths_point_to_the_16_bit_repository(write_params):
    section = params.load(write_params()).model
    for name in ("unsloth/Llama-3.2-3B-Instruct-bnb-4bit", "unsloth/Llama-3.2-3B-Instruct-unsloth-bnb-4bit"):
        found = quantised.proposed(section.model_copy(update={"name": name}))
        assert found.name == "unsloth/Llama-3.2-3B-Instruct"
    assert quantised.proposed(section.model_copy(update={"name": "Qwen/Qwen3-8B"})) is None


def test_a_16_bit_base_that_was_rounded_for_the_training_can_be_merged_as_it_was_rounded(base, write_params):
    whole = base.with_name("tiny")
    settings = params.load(write_params({"model.name": str(whole), "model.load_in_4bit": True}))
    section = settings.model.model_copy(update={"merge_base": "dequantised"})
    plain, rounded = (pretrained.merge_base(one, torch.float32) for one in (settings.model, section))
    one, other = (model.model.layers[0].mlp.up_proj.weight for model in (plain, rounded))
    assert torch.equal(one, load_file(whole / "model.safetensors")["model.layers.0.mlp.up_proj.weight"])
    assert 0.01 < float((one - other).abs().mean() / one.abs().mean()) < 0.2
