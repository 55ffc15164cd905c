"""`doclore serve` answers as evaluate does, to those who have the key."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import openai
import pytest

from stages.commands import serve
from stages.commands.main import parser
from stages.commands.serving import openai_server
from stages.commands.serving.talk import Talker, trained_tokenizer
from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.chat.conversations import conversation
from stages.common.chat.templates import chat_for
from stages.common.models.base import embedded, hub, pretrained
from stages.common.records.files import write_json
from stages.evaluate import answers
from stages.merge.servers import llama_cpp, vllm
from stages.merge.servers.context import context
from stages.merge.servers.template import served_template
from support.families import FAMILIES, tokenizer_of
from support.repository import ROOT
from support.serving import serving

QUESTION = [{"role": "user", "content": "额定电压是多少？ What is the size of part 1?"}]
OWN_SYSTEM = [{"role": "system", "content": "用一个词回答。"}, *QUESTION]
# Not the one that lies in the GGUF file.
TEMPLATE = (
    "{% for message in messages %}{{ '(' + message['role'] + ') ' + message['content'] + eos_token }}"
    "{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '(assistant) ' }}{% endif %}"
)


def status(url: str, key: str, body: dict | None = None) -> int:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code if json.load(error)["error"]["message"] else 0


def whole(text: str) -> str:
    """A text without the half character that the limit may have left at its end, as `answers.read` gives it."""
    return text.strip().rstrip("\ufffd")


def bound_elsewhere(url: str) -> bool:
    """Whether another address of this machine than 127.0.0.1 answers, too."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.2", int(url.split(":")[2].split("/")[0]))) == 0


@pytest.mark.slow
def test_the_openai_client_gets_evaluates_answer_whole_and_in_pieces_and_only_with_the_key(trained):
    tokenizer = trained_tokenizer()
    talker = Talker("tuned", params.load(), tokenizer)
    prompt = talker.prompt(QUESTION)
    assert "Be brief." in prompt and prompt.endswith("### Response:\n"), "the text that was trained"
    expected, own = (
        answer.text for answer in answers.generate(talker.model, tokenizer, [prompt, talker.prompt(OWN_SYSTEM)], 16, 1)
    )
    assert expected != own
    with serving() as (url, process):
        client = openai.OpenAI(base_url=url, api_key="right", max_retries=0)
        assert [model.id for model in client.models.list()] == ["models/merged"]
        asked = {"model": "models/merged", "messages": QUESTION, "max_completion_tokens": 16}
        completions = client.chat.completions
        reply = completions.create(**asked)
        assert whole(reply.choices[0].message.content) == expected
        assert reply.usage.prompt_tokens == len(tokenizer(prompt, add_special_tokens=False).input_ids)
        assert reply.usage.completion_tokens == 16 and reply.choices[0].finish_reason == "length"
        pieces = [chunk.choices[0].delta.content or "" for chunk in completions.create(stream=True, **asked)]
        assert whole("".join(pieces)) == expected and len(pieces) > 1
        spoken = completions.create(**asked | {"messages": OWN_SYSTEM}).choices[0].message.content
        assert whole(spoken) == own, "a system turn of the request's own takes its place"
        hot = completions.create(temperature=5.0, seed=1, **asked).choices[0].message.content
        assert whole(hot) != expected, "a request that asks for sampling gets it"
        for key in ("wrong", "-"):
            with pytest.raises(openai.AuthenticationError):
                openai.OpenAI(base_url=url, api_key=key, max_retries=0).models.list()
        chat = f"{url}/chat/completions"
        assert status(chat, "wr\u00f6ng".encode().decode("latin-1"), asked) == 401
        assert status(chat, "right", {"model": "models/merged"}) == 400, "no messages"
        assert status(chat, "right", asked | {"model": "another"}) == 400
        assert status(f"{url.removesuffix('/v1')}/load_model", "right", {"model": "another/model"}) == 404
        assert not bound_elsewhere(url)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM)
        assert not children.exists() or not children.read_text().split()
        assert "Traceback" not in process.stderr.read()


@pytest.mark.slow
@pytest.mark.usefixtures("embedded_cache")
def test_llama_cpp_serves_an_export_with_the_trained_prompt_greedily(write_params):
    pytest.importorskip("xllamacpp", reason="the server comes with the extra teacher")
    write_params({"format.system_prompt": 'Say "yes" — 简短。'})
    settings = params.load()
    paths.EXPORTS.mkdir(parents=True)
    (paths.EXPORTS / "model-q4_1.gguf").symlink_to(embedded.embedded_file())
    tokenizer = pretrained.tokenizer(settings.model)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(paths.MERGED)
    shutil.copyfile(Path(hub.source(settings.model)) / "config.json", paths.MERGED / "config.json")
    chat = chat_for(trained_tokenizer(), settings.format, TEMPLATE)
    with serving("--backend", "llamacpp") as (url, process):
        client = openai.OpenAI(base_url=url, api_key="right", max_retries=0)
        for turns in (QUESTION, OWN_SYSTEM):
            reply = client.post(f"{url.removesuffix('/v1')}/apply-template", body={"messages": turns}, cast_to=object)
            assert reply["prompt"] == rendered(turns, chat)
        asked = {"model": client.models.list().data[0].id, "messages": QUESTION, "max_tokens": 12}
        assert asked["model"] == "models/merged"
        spoken = {client.chat.completions.create(seed=seed, **asked).choices[0].message.content for seed in range(3)}
        assert len(spoken) == 1
        assert status(f"{url}/chat/completions", "wrong", asked) == 401
        assert not bound_elsewhere(url)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT


def rendered(turns: list[dict], chat) -> str:
    """The prompt as evaluate and chat build it."""
    row = {"messages": [*turns, {"role": "assistant", "content": ""}]}
    return chat.texts([conversation(row, chat)[:-1]], prompt=True)[0]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("mode", ["chat", "alpaca"])
@pytest.mark.parametrize("system", ["", 'Say "yes"\\no {{ x }} {% y %}\n简短 😀'])
def test_a_server_that_knows_only_the_template_renders_what_was_trained(name, mode, system):
    section = params.load(ROOT / "params.yaml").format.model_copy(update={"mode": mode, "system_prompt": system})
    chat = chat_for(tokenizer_of(name), section)
    template = served_template(chat)
    longer = [*QUESTION, {"role": "assistant", "content": "220 V"}, {"role": "user", "content": "And then?"}]
    for turns in (QUESTION, OWN_SYSTEM, longer):
        found = tokenizer_of(name).apply_chat_template(
            turns, chat_template=template, tokenize=False, add_generation_prompt=True
        )
        assert found == rendered(turns, chat)


def test_vllm_is_greedy_has_the_trained_template_and_no_key_on_its_command_line(monkeypatch):
    started = []
    monkeypatch.setattr(vllm, "become", lambda command, key: started.append((command, key)))
    serve.run_vllm(serve.ServerAddress("127.0.0.1", 0, "models/merged", "secret", shown=False), 4096, "{{ trained }}")
    ((command, key),) = started
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert command[:3] == ["vllm", "serve", "models/merged"] and options["--max-model-len"] == "4096"
    assert json.loads(options["--override-generation-config"]) == {"temperature": 0.0}
    assert Path(options["--chat-template"]).read_text() == "{{ trained }}"
    assert options["--host"] == "127.0.0.1" and key == "secret" and "secret" not in command


def test_the_process_becomes_vllm_which_finds_the_key_in_its_environment(tmp_path):
    fake = tmp_path / "vllm"
    fake.write_text('#!/bin/sh\necho "$$ $VLLM_API_KEY $*"\n')
    fake.chmod(0o755)
    code = "from stages.merge.servers import vllm; vllm.become(['vllm', 'serve', 'x'], 'secret')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate()[0].split() == [str(process.pid), "secret", "serve", "x"]


@pytest.mark.parametrize(("trained", "limit", "room"), [(512, 8192, 2048), (4096, 32768, 8192), (4096, 6000, 6000)])
def test_the_room_of_a_request_is_within_what_the_model_has(trained, limit, room):
    write_json(paths.MERGED / "config.json", {"text_config": {"max_position_embeddings": limit}})
    assert context(trained) == room


def test_without_a_model_or_with_a_taken_port_serve_says_what_to_type(write_params):
    write_params()
    with pytest.raises(UserError, match="make run"):
        serve.run(parser().parse_args(["serve"]))
    taken = serve.listening("127.0.0.1", 0)
    with taken, pytest.raises(UserError, match="--port 0"):
        serve.listening("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize("key", ["two words", "end\n", "schl\u00fcssel"])
def test_a_key_that_no_header_can_carry_is_one_line_that_does_not_repeat_it(key, monkeypatch):
    monkeypatch.setenv("DOCLORE_API_KEY", key)
    with pytest.raises(UserError, match="DOCLORE_API_KEY") as caught:
        serve.own_key()
    assert key not in str(caught.value)


def test_each_server_is_taken_only_where_it_can_run(monkeypatch):
    assert serve.choose("auto") == "transformers"
    with pytest.raises(UserError, match="NVIDIA GPU"):
        serve.choose("vllm")
    with pytest.raises(UserError, match=r"merge\.export=\[gguf-q8_0\]"):
        llama_cpp.export()
    monkeypatch.setattr(openai_server, "possible", lambda: False)
    assert serve.choose("auto") == "transformers", "whose error names the extra"
    with pytest.raises(UserError, match=r"doclore\[serve\]"):
        openai_server.application(None, "models/merged", "key")
    paths.EXPORTS.mkdir(parents=True)
    for name, size in (("model-q4_k_m.gguf", 4), ("model-q8_0.gguf", 8), ("other.gguf", 9)):
        (paths.EXPORTS / name).write_bytes(b"x" * size)
    monkeypatch.setattr(llama_cpp, "find_spec", lambda name: True)
    assert serve.choose("auto") == "llamacpp" and llama_cpp.export().name == "model-q8_0.gguf"
    monkeypatch.setattr(vllm, "possible", lambda: True)
    assert serve.choose("auto") == "vllm" and serve.choose("llamacpp") == "llamacpp"
