"""What merge writes is what was asked for, answers as base + adapter do, and loads where doclore is not installed."""

import json
import shutil
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import ModelCard
from transformers import AutoTokenizer

from stages.commands import serve
from stages.commands.serving.talk import Talker, trained_tokenizer
from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.models.base import pretrained
from stages.common.models.tuned import adapted, tuned
from stages.common.records.files import read_json, write_jsonl
from stages.evaluate.models import merged
from stages.merge import __main__ as merge
from stages.merge import refusals, weights
from stages.train import __main__ as train

QUESTION = [{"role": "user", "content": "What is the size of part 1?"}]


@pytest.fixture
def trained(after):
    return partial(after, train, train__max_steps=20, train__learning_rate=0.02)


def logits(model) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=torch.arange(3, 40)[None]).logits


def test_adapter_only_keeps_the_base_apart_and_answers_as_it_was_trained(trained):
    trained(merge__method="adapter_only", merge__export=["vllm"])
    merge.main()
    assert not (paths.MERGED / "model.safetensors").exists() and not list(paths.EXPORTS.glob("*.gguf"))
    figures = read_json(paths.REPORTS / "merge.json")
    assert figures["method"] == "adapter_only" and figures["audit"]["greedy_agreement"] == 1
    settings = params.load()
    tuned_model = adapted(settings.model, torch.float32, paths.ADAPTER)
    model = merged(settings.model, torch.float32, trained_tokenizer())
    assert torch.equal(logits(model.load()), logits(tuned_model))
    talker = Talker("tuned", settings, trained_tokenizer())
    assert "".join(talker.answer(talker.prompt(QUESTION), 4)) is not None
    assert (
        "--enable-lora" in (paths.EXPORTS / "vllm.sh").read_text()
        and "doclore=../merged" in (paths.EXPORTS / "vllm.sh").read_text()
    )
    with pytest.raises(UserError, match=r"holds the adapter alone; .*merge\.method=merged_16bit"):
        serve.run(SimpleNamespace(host="127.0.0.1", port=0, backend="auto"))


def test_another_method_leaves_nothing_of_the_one_before(trained):
    trained(merge__method="adapter_only")
    merge.main()
    trained(merge__method="merged_16bit")
    merge.main()
    assert (paths.MERGED / "model.safetensors").exists() and not (paths.MERGED / "adapter_config.json").exists()


def test_gguf_files_are_made_of_16_bit_weights_only(write_params):
    with pytest.raises(ParamsError, match="export: gguf-q8_0 needs method merged_16bit, not adapter_only"):
        params.load(write_params({"merge.method": "adapter_only", "merge.export": ["gguf-q8_0"]}))


def test_nothing_is_merged_into_a_base_that_is_quantised_itself(trained, tiny_model, tmp_path, write_params):
    trained()
    quantised = tmp_path / "quantised"
    shutil.copytree(tiny_model, quantised)
    config = read_json(quantised / "config.json") | {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    (quantised / "config.json").write_text(json.dumps(config))
    settings = params.load(write_params({"model.name": str(quantised)}))
    with pytest.raises(ParamsError, match=r"gptq weights cannot.*16-bit model .*merge\.method=adapter_only"):
        refusals.refuse_impossible(settings)
    kept = {"model.name": str(quantised), "merge.method": "adapter_only"}
    refusals.refuse_impossible(params.load(write_params(kept)))


def test_a_disk_without_room_is_one_line_before_anything_is_loaded(trained, monkeypatch):
    trained()
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    monkeypatch.setattr(pretrained, "causal_lm", None)
    with pytest.raises(UserError, match=r"merge needs .* GB of disk .* GB are free; free some space"):
        merge.main()
    assert not paths.MERGED.exists()


def test_4_bits_without_bitsandbytes_are_refused_before_anything_is_loaded(trained, monkeypatch):
    trained(merge__method="merged_4bit_forced")
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    monkeypatch.setattr(pretrained, "causal_lm", None)
    with pytest.raises(UserError, match=r"needs bitsandbytes; type: pip install"):
        merge.main()


def test_small_shards_hold_the_same_weights(trained):
    trained(merge__max_shard_size="0.05MB")
    merge.main()
    figures = read_json(paths.REPORTS / "merge.json")
    assert figures["shards"] > 1
    sharded = logits(tuned(params.load().model, torch.float32))
    trained(merge__max_shard_size="5GB")
    merge.main()
    assert read_json(paths.REPORTS / "merge.json") | {"shards": figures["shards"], "bytes": figures["bytes"]} == figures
    assert torch.equal(sharded, logits(tuned(params.load().model, torch.float32)))


def test_the_card_names_both_licences_the_revision_and_the_rows(trained, tiny_model, tmp_path):
    base, docs = tmp_path / "base", tmp_path / "manual"
    shutil.copytree(tiny_model, base)
    (base / "README.md").write_text("---\nlicense: mit\n---\n# Base\n")
    (docs / "guide").mkdir(parents=True)
    (docs / "LICENSE.txt").write_text("\nCreative Commons Attribution 4.0\n")
    write_jsonl(paths.DOCS, [{"rev": "abc123"}])
    trained(model__name=str(base), docs__path=str(docs / "guide"))
    merge.main()
    for directory, library in ((paths.MERGED, "transformers"), (paths.ADAPTER, "peft")):
        card = ModelCard.load(directory / "README.md")
        assert card.data.license == "mit" and card.data.library_name == library
        assert "`LICENSE.txt`: Creative Commons Attribution 4.0" in card.text
        assert "`guide`, Git revision `abc123`" in card.text and str(tmp_path / "manual") not in card.text
        rows = (
            "32 trained, 4 held out of trained facts, 4 of pages never trained"
            if directory == paths.MERGED
            else "32 trained"
        )
        assert rows in card.text


STRANGER = """
import json, sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
from importlib.util import find_spec
assert find_spec("stages") is None, "doclore is not to be found here"
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
adapter, merged, base = sys.argv[1:]
question = [{"role": "user", "content": "What is the size of part 1?"}]
ids = torch.arange(3, 40)[None]
def seen(model, tokenizer):
    prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_dict=True)["input_ids"]
    with torch.inference_mode():
        return prompt, model(input_ids=ids).logits.argmax(-1).tolist()
whole = seen(AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32), AutoTokenizer.from_pretrained(merged))
from peft import PeftModel
on_base = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter)
print(json.dumps([whole, seen(on_base, AutoTokenizer.from_pretrained(adapter))]))
"""


@pytest.mark.slow
def test_adapter_and_merged_model_load_with_plain_peft_and_transformers_where_doclore_is_not(
    trained, tiny_model, tmp_path
):
    trained()
    merge.main()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-I", "-c", STRANGER, *(str(path.absolute()) for path in (paths.ADAPTER, paths.MERGED))]
    done = subprocess.run([*command, str(tiny_model)], cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (prompt, choices), (other_prompt, other_choices) = json.loads(done.stdout.splitlines()[-1])
    tokenizer = AutoTokenizer.from_pretrained(paths.MERGED)
    assert prompt == other_prompt == tokenizer.apply_chat_template(QUESTION, add_generation_prompt=True)["input_ids"]
    same = [a == b for a, b in zip(choices[0], other_choices[0], strict=True)]
    assert sum(same) >= 0.9 * len(same), "16-bit weights, rounded once"
