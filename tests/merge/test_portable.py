"""models/merged is one model for transformers 4 and 5: configs and tokenizer in the form that both read."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from stages.common.base import params, paths
from stages.common.records.files import read_json
from stages.merge import __main__ as merge
from stages.merge import portable
from stages.train import __main__ as train
from support.families import tokenizer_of
from support.older import transformers_4
from support.repository import ROOT

LLAMA3 = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 256}  # fmt: skip
GEMMA3 = {
    "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    "full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
}
SIZES = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "head_dim": 16,
         "num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.1}  # fmt: skip
MODELS = {
    "llama3.2": ("llama", {"rope_parameters": LLAMA3, "tie_word_embeddings": True}),
    "qwen3": ("qwen3", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}),
    "gemma3": ("gemma3_text", {"rope_parameters": GEMMA3, "sliding_window": 8, "tie_word_embeddings": True,
                               "layer_types": ["sliding_attention", "sliding_attention", "full_attention"]}),
    "mistral": ("mistral", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}, "sliding_window": None}),
}  # fmt: skip
# What an older program sees of each model: a prompt, its ids, logits, and the stop token.
SEEN = """
import json, sys, torch, transformers
from transformers import AutoModelForCausalLM, AutoTokenizer
assert transformers.__version__.startswith("4.57"), transformers.__version__
question, ids, *directories = sys.argv[1:]
seen = []
for directory in directories:
    tokenizer = AutoTokenizer.from_pretrained(directory)
    turns = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([json.loads(ids)])).logits[0]
    own = tokenizer(prompt, add_special_tokens=False).input_ids
    seen.append([prompt, own, logits.tolist(), model.generation_config.eos_token_id])
print(json.dumps(seen))
"""


@pytest.fixture
def base(tmp_path):
    """A tiny model of a family with that family's tokenizer."""

    def write(name):
        kind, options = MODELS[name]
        tokenizer = tokenizer_of(name)
        tokenizer.save_pretrained(tmp_path / name)
        special = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id, "pad_token_id": 0}
        torch.manual_seed(0)
        config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **special, **SIZES | options)
        AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / name)
        (tmp_path / name / "tokenizer.model").write_bytes(b"sentence pieces")
        return tmp_path / name

    return write


@pytest.mark.slow
def test_transformers_4_reads_the_merged_model_of_each_family_as_transformers_5_does(prepared, base, tmp_path):
    question, ids = "What is the size of part 3?\n参数 x", list(range(5, 5 + 300))
    (tmp_path / "of").mkdir()
    for name in MODELS:
        directory = base(name)
        prepared(model__name=str(directory), train__max_steps=4, train__learning_rate=0.01)
        train.main()
        merge.main()
        paths.MERGED.parent.rename(tmp_path / "of" / name)
    directories = [str(tmp_path / "of" / name / paths.MERGED.name) for name in MODELS]
    told = json.loads(transformers_4(SEEN, question, json.dumps(ids), *directories))
    for name, directory, (prompt, prompt_ids, logits, stop) in zip(MODELS, directories, told, strict=True):
        tokenizer = AutoTokenizer.from_pretrained(directory)
        turns = [{"role": "user", "content": question}]
        assert prompt == tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True), name
        trained = AutoTokenizer.from_pretrained(tmp_path / "of" / name / paths.ADAPTER.name)
        assert prompt_ids == trained(prompt, add_special_tokens=False).input_ids, name
        model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
        with torch.inference_mode():
            ours = model(input_ids=torch.tensor([ids])).logits[0]
        torch.testing.assert_close(torch.tensor(logits), ours, atol=1e-3, rtol=1e-3)
        assert stop == tokenizer.eos_token_id
        assert (Path(directory) / "tokenizer.model").read_bytes() == b"sentence pieces"


@pytest.mark.parametrize("name", MODELS)
def test_the_older_form_of_a_config_means_the_same_to_transformers_5(base, name, tmp_path):
    directory = base(name)
    before = AutoConfig.from_pretrained(directory)
    portable.change(directory / "config.json", portable.model_config)
    written = read_json(directory / "config.json")
    assert "rope_parameters" not in written and written["rope_theta"] == (5e5 if name == "llama3.2" else 1e6)
    assert AutoConfig.from_pretrained(directory).rope_parameters == before.rope_parameters


def test_a_rope_that_only_transformers_5_knows_stays_as_it_is():
    config = {"rope_parameters": {"a": {"rope_type": "default", "rope_theta": 1.0}, "b": {}}}
    assert portable.model_config(config) == config


def test_the_tokenizer_reads_as_before_and_carries_its_template_where_servers_look(base, tmp_path):
    directory = base("gemma3")
    tokenizer = AutoTokenizer.from_pretrained(directory)
    section = params.load(ROOT / "params.yaml").model.model_copy(update={"name": str(directory)})
    directory = tmp_path / "merged"
    AutoConfig.for_model("gemma3_text").save_pretrained(directory)
    portable.write(directory, tokenizer, section)
    written = read_json(directory / "tokenizer_config.json")
    assert written["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert written["chat_template"] == tokenizer.chat_template
    again = AutoTokenizer.from_pretrained(directory)
    text = "<start_of_turn>user\n\n\n参数 <table> x<end_of_turn>"
    assert again(text).input_ids == tokenizer(text).input_ids and again.eos_token == tokenizer.eos_token
