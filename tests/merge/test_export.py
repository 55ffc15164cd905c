"""What leaves for other servers is the trained model with the trained prompt, or nothing leaves."""

import json
import os
import subprocess
import sys

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.chat.conversations import conversation
from stages.common.chat.templates import Chat, adds_bos, chat_for
from stages.common.models.base import hub
from stages.common.models.base.embedded import EMBEDDED
from stages.common.records.files import read_json
from stages.merge import __main__ as merge
from stages.merge import audit
from stages.merge.exports import exports, gguf, ollama
from stages.train import __main__ as train
from support.families import FAMILIES, tokenizer_of
from support.repository import ROOT

USER, SYSTEM = {"role": "user", "content": 'What is "x"?\n{{ .y }} 简短'}, {"role": "system", "content": "用中文。"}
LONGER = [USER, {"role": "assistant", "content": "220 V"}, {"role": "user", "content": "And then?"}]


def chat_of(name: str, mode: str = "chat") -> Chat:
    section = params.load(ROOT / "params.yaml").format.model_copy(update={"mode": mode})
    return chat_for(tokenizer_of(name), section)


def as_ollama(found: ollama.Pieces, turns: list[dict]) -> str:
    """What `ollama.go_template` says, in Python."""
    system = next((turn["content"] for turn in turns if turn["role"] == "system"), "")
    text = found.system_opening + system + found.system_closing if system else found.opening
    spoken = [turn for turn in turns if turn["role"] != "system"]
    for place, turn in enumerate(spoken):
        last = place == len(spoken) - 1
        behind = (found.prompt if last else found.answer) if turn["role"] == "user" else "" if last else found.question
        text += turn["content"] + behind
    return text


@pytest.mark.parametrize("mode", ["chat", "alpaca"])
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("turns", [[USER], [SYSTEM, USER], LONGER, [SYSTEM, *LONGER]], ids=len)
def test_ollama_asks_with_the_prompt_that_was_trained(name, mode, turns):
    chat = chat_of(name, mode)
    row = {"messages": [*turns, {"role": "assistant", "content": ""}]}
    trained = chat.texts([conversation(row, chat)[:-1]], prompt=True)[0]
    bos = chat.tokenizer.bos_token if adds_bos(chat.tokenizer) else ""
    assert as_ollama(ollama.pieces(chat), turns) == trained.removeprefix(bos), "Ollama writes the BOS token"


def test_a_template_that_counts_its_turns_is_refused_for_ollama():
    chat = chat_of("smollm2")
    counting = chat.template.replace(
        "{{'<|im_start|>' + message['role']", "{{loop.index}}{{'<|im_start|>' + message['role']"
    )
    assert counting != chat.template
    with pytest.raises(UserError, match="leave ollama out"):
        ollama.pieces(Chat(chat.tokenizer, counting, chat.section, folds_system=False))


def test_ollama_without_a_gguf_beside_it_is_refused(write_params):
    with pytest.raises(ParamsError, match=r"merge: .*ollama also needs gguf-q8_0 or gguf-q4_k_m"):
        params.load(write_params({"merge.export": ["ollama", "vllm"]}))


@pytest.fixture
def merged(after):
    def run(**changes):
        after(train, train__max_steps=30, train__learning_rate=0.02, **changes)
        merge.main()

    return run


def test_nothing_is_exported_by_default_but_a_readme(merged):
    merged()
    assert [file.name for file in paths.EXPORTS.iterdir()] == ["README.md"]
    assert read_json(paths.REPORTS / "merge.json")["exports"] == {}


def test_the_vllm_script_serves_the_merged_model_from_anywhere(merged, tmp_path):
    merged(merge__export=["vllm"], format__system_prompt="It's $HOME; 简短。")
    fake = tmp_path / "bin" / "vllm"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nls "$2/config.json" && printf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    environment = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}"}
    script = str((paths.EXPORTS / "vllm.sh").absolute())
    said = subprocess.run(
        [script, "--port", "81"], env=environment, cwd="/", capture_output=True, text=True, check=True
    )
    words = said.stdout.splitlines()
    assert words[1:3] == ["serve", "../merged"] and words[-2:] == ["--port", "81"]
    assert json.loads(words[words.index("--override-generation-config") + 1]) == {"temperature": 0.0}
    assert "简短。" in (paths.EXPORTS / words[words.index("--chat-template") + 1]).read_text("utf-8")


@pytest.fixture
def tools():
    pytest.importorskip("xllamacpp", reason="the extra export is not installed")
    pytest.importorskip("ik_llama_cpp", reason="the extra export is not installed")


@pytest.mark.slow
def test_a_tokenizer_that_llama_cpp_does_not_know_is_one_line(merged, tools):
    with pytest.raises(UserError, match=r"cannot be converted to GGUF: .*; leave it out: -S 'merge\.export=\[\]'"):
        merged(merge__export=["gguf-q8_0"])


def test_a_tool_that_the_system_ended_is_one_line_about_memory():
    with pytest.raises(
        UserError, match=r"cannot be written as q8_0: the system ended the tool, most likely for lack of memory"
    ):
        gguf.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], "written as q8_0")


def test_without_the_tools_the_stage_says_what_to_install_before_it_merges(merged, monkeypatch):
    monkeypatch.setattr(gguf, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"pip install 'doclore\[export\]'"):
        merged(merge__export=["gguf-q8_0"])
    assert not paths.MERGED.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("embedded_cache")
def test_llama_cpp_answers_from_each_gguf_as_base_and_adapter_do(merged, tools, tmp_path):
    merged(model__name=str(small_model(tmp_path / "small", 0)), merge__export=["gguf-q8_0", "gguf-q4_k_m", "ollama"])
    figures = read_json(paths.REPORTS / "merge.json")["exports"]
    assert set(figures) == {"q8_0", "q4_k_m"}
    assert figures["q8_0"]["greedy_agreement"] >= 0.9 and figures["q4_k_m"]["greedy_agreement"] >= 0.8
    assert figures["q4_k_m"]["bytes"] < figures["q8_0"]["bytes"]
    assert sorted(file.name for file in paths.EXPORTS.glob("*model*")) == ["model-q4_k_m.gguf", "model-q8_0.gguf"]
    assert "FROM ./model-q8_0.gguf" in (paths.EXPORTS / "Modelfile").read_text()

    settings, tokenizer, file = params.load(), AutoTokenizer.from_pretrained(paths.MERGED), exports.file_of("q8_0")
    gguf.write(small_model(tmp_path / "other", 1), {"q8_0": file}, "bfloat16")
    with pytest.raises(UserError, match=r"q8_0: .* of the tokens agree with base \+ adapter"):
        audit.check(exports.predictions(file, tokenizer, merge.reference(settings)), settings.merge.audit, "q8_0")
    tokenizer.chat_template += " "
    with pytest.raises(UserError, match="chat template"):
        exports.predictions(file, tokenizer, audit.Reference([], [], 0.0))


def small_model(directory, seed):
    """Random weights, large enough to be sure of their answers, with the embedded tokenizer, which llama.cpp knows."""
    embedded = params.load(ROOT / "params.yaml").model.model_copy(update={"name": EMBEDDED})
    tokenizer = AutoTokenizer.from_pretrained(hub.source(embedded))
    torch.manual_seed(seed)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=len(tokenizer), eos_token_id=2, initializer_range=0.2, **sizes)
    LlamaForCausalLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory
