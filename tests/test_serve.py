"""`doclore serve` answers as evaluate does, to those who have the key."""

import os
import subprocess
import sys

import openai
import pytest
from conftest import ROOT
from test_train import prepared  # noqa: F401

from stages import merge, train
from stages.commands import serve
from stages.commands.main import parser
from stages.shared import params
from stages.shared.errors import UserError
from stages.shared.evaluation import answers
from stages.shared.serving.talk import Talker, trained_tokenizer

QUESTION = [{"role": "user", "content": "额定电压是多少？ What is the size of part 1?"}]


@pytest.fixture
def server(prepared):  # noqa: F811
    """The real command in a process of its own; its base URL and key."""
    prepared(train__max_steps=20, train__learning_rate=0.02, format__system_prompt="Be brief.")
    train.main()
    merge.main()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOCLORE_API_KEY": "right"}
    command = [sys.executable, "-m", "stages.commands.main", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        first = run.stdout.readline()
        assert "127.0.0.1" in first
        assert all("right" not in run.stdout.readline() for _ in range(3)), "the key is not repeated"
        yield first.split(" at ")[1].split()[0]
        run.terminate()
        assert run.wait(30) in (0, -15)


@pytest.mark.slow
def test_the_openai_client_gets_evaluates_answer_whole_and_in_pieces_and_only_with_the_key(server):
    tokenizer = trained_tokenizer()
    talker = Talker("tuned", params.load(), tokenizer)
    expected = answers.generate(talker.model, tokenizer, [talker.prompt(QUESTION)], 16, 1)[0].text
    client = openai.OpenAI(base_url=server, api_key="right", max_retries=0)
    asked = {"model": client.models.list().data[0].id, "max_tokens": 16}
    asked["model"] = "models/merged"
    asked["messages"] = [{"role": "system", "content": "Be brief."}, *QUESTION]
    assert client.chat.completions.create(**asked).choices[0].message.content.strip() == expected
    pieces = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(stream=True, **asked)]
    assert "".join(pieces).strip() == expected and len(pieces) > 1
    for key in ("wrong", "", "r\u00e9"):
        with pytest.raises((openai.AuthenticationError, openai.APIConnectionError, UnicodeEncodeError)):
            openai.OpenAI(base_url=server, api_key=key or "-", max_retries=0).models.list()


def test_without_a_model_or_with_a_taken_port_serve_says_what_to_type(write_params):
    write_params()
    with pytest.raises(UserError, match="make run"):
        serve.run(parser().parse_args(["serve"]))
    taken = serve.listening("127.0.0.1", 0)
    with taken, pytest.raises(UserError, match="--port 0"):
        serve.listening("127.0.0.1", taken.getsockname()[1])


def test_vllm_is_not_promised_where_it_cannot_run():
    assert serve.choose("auto") == "transformers"
    with pytest.raises(UserError, match="NVIDIA GPU"):
        serve.choose("vllm")
