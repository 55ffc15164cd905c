"""The API of `doclore serve`, without a model behind it: what a request may say, and what it gets."""

import asyncio
import json
import threading
from types import SimpleNamespace

import pytest

from stages.commands.serving import openai_server
from stages.commands.serving.talk import Ending

ASKED = {"model": "m", "messages": [{"role": "user", "content": "What is a chunk?"}]}


class Parrot:
    """A talker that repeats its prompt, word by word."""

    ending = Ending(4, 2, True)

    def prompt(self, turns: list[dict]) -> str:
        return " ".join(turn["content"] for turn in turns)

    def room(self, prompt: str) -> int:
        if len(prompt) > 10_000:
            raise ValueError("the prompt has more tokens than the model has room for")
        return 7

    def answer(self, prompt: str, max_new_tokens: int, sampling: dict):
        yield from (f"{word} " for word in prompt.split()[:max_new_tokens])


def ask(body: object, path: str = "/v1/chat/completions", method: str = "POST", key: str = "right") -> tuple[int, str]:
    """Status and text of the application's reply."""
    app = openai_server.application(Parrot(), "m", "right")
    sent: list[dict] = []
    received = []

    async def receive() -> dict:
        if received:
            await asyncio.Event().wait()  # the reader stays
        received.append(body)
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
             "headers": [(b"authorization", f"Bearer {key}".encode())], "http_version": "1.1"}  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"model": "another"},
        {"messages": []},
        {"messages": "hello"},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "assistant", "content": "hello"}]},
        {"messages": [{"role": "tool", "content": "x"}, *ASKED["messages"]]},
        {"max_tokens": -1},
        {"max_tokens": "many"},
        {"temperature": "hot"},
        {"n": 2},
        {"stop": ["."]},
        {"tools": [{"type": "function"}]},
    ],
    ids=str,
)
def test_a_request_that_cannot_be_answered_is_a_400_in_the_api_s_form(change):
    status, text = ask(ASKED | change)
    assert status == 400 and json.loads(text)["error"]["message"].startswith("the request cannot be answered: ")


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_a_body_of_another_shape_is_a_400(body):
    assert ask(body)[0] == 400


def test_a_wrong_key_is_a_401_whatever_is_asked_and_another_path_a_404():
    for path in ("/v1/models", "/v1/chat/completions", "/elsewhere"):
        assert ask(ASKED, path, key="wrong")[0] == 401
    assert ask(ASKED, "/v1/completions")[0] == 404 and ask(ASKED, "/v1/models")[0] == 405


def test_a_prompt_longer_than_the_model_has_room_for_is_a_400_and_an_answer_gets_the_room_that_is_left():
    long = [{"role": "user", "content": "word " * 3_000}]
    status, text = ask(ASKED | {"messages": long})
    assert status == 400 and "room" in json.loads(text)["error"]["message"]
    assert openai_server.read(ASKED | {"max_tokens": 500}, Parrot(), "m").max_tokens == 7
    assert openai_server.read(ASKED | {"max_tokens": 2}, Parrot(), "m").max_tokens == 2


def test_a_body_in_pieces_obeys_the_limit_and_deep_nesting_is_a_400():
    piece = b"[1," * (1 << 19)
    sent, pieces = [], iter([piece] * 20)

    async def receive() -> dict:
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    async def send(message: dict) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "raw_path": b"", "query_string": b"",
             "headers": [(b"authorization", b"Bearer right")], "http_version": "1.1"}  # fmt: skip
    asyncio.run(openai_server.application(Parrot(), "m", "right")(scope, receive, send))
    assert sent[0]["status"] == 413 and len(list(pieces)) > 10
    nested: list = []
    for _ in range(900):
        nested = [nested]
    assert ask(nested)[0] == 400


def test_an_answer_is_the_same_whole_and_in_pieces():
    status, text = ask(ASKED | {"max_completion_tokens": 3})
    whole = json.loads(text)
    assert status == 200 and whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"] == {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    streamed = ask(ASKED | {"max_tokens": 3, "stream": True, "stream_options": {"include_usage": True}})[1]
    *events, last = [line.removeprefix("data: ") for line in streamed.split("\n\n") if line]
    assert last == "[DONE]"
    pieces = [json.loads(event) for event in events]
    said = "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces if piece["choices"])
    assert said.strip() == whole["choices"][0]["message"]["content"] == "What is a"
    assert pieces[-1]["usage"] == whole["usage"] and len({piece["id"] for piece in pieces}) == 1


def test_parts_of_text_are_one_text_and_a_temperature_is_the_only_way_to_sampling():
    parts = [{"type": "text", "text": "What "}, {"type": "text", "text": "is it?"}]
    read = openai_server.read(ASKED | {"messages": [{"role": "user", "content": parts}]}, Parrot(), "m")
    assert read.prompt == "What is it?" and read.sampling == {}
    assert openai_server.sampling({"top_p": 0.5}) == {}
    hot = openai_server.sampling({"temperature": 1, "top_p": 0.5, "seed": 7})
    assert hot == {"do_sample": True, "temperature": 1.0, "top_k": 0, "seed": 7, "top_p": 0.5}


def test_a_reader_that_leaves_frees_the_model_for_the_next():
    alone = threading.Lock()
    asked = SimpleNamespace(prompt="a b c", max_tokens=3, sampling={}, usage=False)
    stream = openai_server.events(Parrot(), asked, alone, {})
    next(stream), next(stream)
    assert alone.locked()
    stream.close()
    assert not alone.locked()
