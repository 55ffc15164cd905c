"""evaluate asks models behind an OpenAI-compatible address as it asks those that it loads."""

import json
import shutil

import pytest

from stages.commands.main import parser
from stages.common import schema
from stages.common.base import params, paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.chat.conversations import conversation
from stages.common.chat.templates import chat_for
from stages.common.models.base import pretrained
from stages.common.records.files import read_json, read_jsonl, write_json, write_jsonl
from stages.evaluate import __main__ as evaluate
from stages.evaluate import models
from stages.evaluate.endpoint import EndpointModel
from stages.merge.servers.template import served_template
from support.endpoint import FakeEndpoint
from support.families import FAMILIES, tokenizer_of
from support.repository import ROOT
from support.serving import serving

TURNS = [[{"role": "user", "content": f"What is the size of part {n}?"}] for n in range(3)]


def tuned(weights: str = "w1") -> EndpointModel:
    return EndpointModel("tuned", "teacher", weights)


def ask(served: EndpointModel, section: schema.Evaluate, turns=TURNS):
    return served.answers_to(turns, None, section, "eval_seen tuned_closed")


@pytest.fixture
def section(write_params) -> schema.Evaluate:
    return params.load(write_params({"evaluate.max_new_tokens": 12})).evaluate


def test_a_served_model_is_asked_greedily_in_plain_text_and_once(endpoint: FakeEndpoint, section, monkeypatch):
    endpoint.reply = lambda body: {
        "content": " 40 lux\n",
        "finish_reason": "length" if "part 1" in str(body) else "stop",
    }
    answers = ask(tuned(), section)
    assert [(answer.text, answer.stopped) for answer in answers] == [("40 lux", n != 1) for n in range(3)]
    body = endpoint.requests[0]
    assert body["temperature"] == 0 and body["max_tokens"] == 12 and "response_format" not in body
    assert {json.dumps(body["messages"]) for body in endpoint.requests} == {json.dumps(turns) for turns in TURNS}
    monkeypatch.delenv("OPENAI_API_KEY")
    assert ask(tuned(), section) == answers and len(endpoint.requests) == 3


def test_other_weights_under_the_same_name_answer_for_themselves(endpoint: FakeEndpoint, section):
    endpoint.reply = lambda body: "first"
    ask(tuned("w1"), section)
    endpoint.reply = lambda body: "second"
    assert [answer.text for answer in ask(tuned("w2"), section)] == ["second"] * 3
    assert [answer.text for answer in ask(tuned("w1"), section)] == ["first"] * 3


def test_an_empty_answer_and_one_that_looks_like_json_are_answers(endpoint: FakeEndpoint, section):
    texts = {TURNS[0][0]["content"]: "", TURNS[1][0]["content"]: '{"text": 1}', TURNS[2][0]["content"]: "<think> x"}
    endpoint.reply = lambda body: texts[body["messages"][0]["content"]]
    assert [answer.text for answer in ask(tuned(), section)] == list(texts.values())


def test_a_missing_answer_stops_the_stage_with_a_line_and_the_others_stay(endpoint: FakeEndpoint, section):
    endpoint.reply = lambda body: 400 if "part 0" in str(body) else "40 lux"
    with pytest.raises(UserError, match=r"1 of 3 answers of teacher \(eval_seen tuned_closed\) are missing"):
        ask(tuned(), section)
    sent = len(endpoint.requests)
    ask(tuned(), section, TURNS[1:])
    assert len(endpoint.requests) == sent


def test_a_name_that_the_endpoint_does_not_know_is_one_line_with_the_key(endpoint: FakeEndpoint, section):
    endpoint.reply = lambda body: 404
    with pytest.raises(ParamsError, match=r"params\.yaml: evaluate\.tuned_model = 'techer': .*teacher"):
        ask(EndpointModel("tuned", "techer", "w"), section)


def test_an_endpoint_without_any_name_is_one_line(write_params):
    with pytest.raises(ParamsError, match="base_model or tuned_model"):
        params.load(write_params({"evaluate.endpoint": "env"}))


def test_an_alpaca_row_s_input_goes_along_in_the_question(endpoint: FakeEndpoint, section):
    endpoint.reply = lambda body: "x"
    ask(tuned(), section, [[{"role": "user", "content": "Sum up.", "input": "long text"}]])
    assert endpoint.requests[0]["messages"] == [{"role": "user", "content": "Sum up.\nlong text"}]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_server_adds_no_system_prompt_to_a_conversation_that_has_it(name):
    section = params.load(ROOT / "params.yaml").format.model_copy(update={"system_prompt": "Be brief."})
    chat = chat_for(tokenizer_of(name), section)
    turns = conversation({"messages": [*TURNS[0], {"role": "assistant", "content": ""}]}, chat)[:-1]
    found = chat.tokenizer.apply_chat_template(
        turns, chat_template=served_template(chat), tokenize=False, add_generation_prompt=True
    )
    assert found == chat.texts([turns], prompt=True)[0] and found.count("Be brief.") == 1


@pytest.mark.slow
def test_answers_of_a_real_server_are_those_of_the_model_loaded_here(trained, write_params, monkeypatch, tmp_path):
    for name in ("ingest", "chunk", "curate"):
        write_json(paths.REPORTS / f"{name}.json", {})
    write_jsonl(paths.CHUNKS, [])
    evaluate.main()
    here, found = list(read_jsonl(paths.REPORTS / "predictions.jsonl")), read_json(paths.REPORTS / "evaluate.json")
    assert "loss" in found["eval_seen"]["tuned_closed"]
    settings = params.load().model_dump()
    with serving() as (url, _):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "right")
        served = settings["evaluate"] | {"endpoint": "env", "tuned_model": "models/merged"}
        write_all(write_params, settings | {"evaluate": served})
        evaluate.main()
    there = list(read_jsonl(paths.REPORTS / "predictions.jsonl"))
    assert there == here and any(row["answers"]["tuned_closed"]["text"] for row in here)
    figures = read_json(paths.REPORTS / "evaluate.json")
    assert "loss" not in figures["eval_seen"]["tuned_closed"] and "loss" in figures["eval_seen"]["base_closed"]
    evaluate.main()
    assert list(read_jsonl(paths.REPORTS / "predictions.jsonl")) == there, "the server is gone, its answers are not"
    for file in (tmp_path / ".cache").glob("responses.*"):
        file.unlink()
    take = parser().parse_args(["store", "import", str(paths.ASKED)])
    take.run(take)
    evaluate.main()
    assert list(read_jsonl(paths.REPORTS / "predictions.jsonl")) == there, "what was asked moves to another machine"


@pytest.mark.slow
def test_base_and_adapter_of_one_server_are_measured_without_loading_either(
    trained, endpoint: FakeEndpoint, write_params, monkeypatch
):
    """The fixture trains a model."""
    for name in ("ingest", "chunk", "curate"):
        write_json(paths.REPORTS / f"{name}.json", {})
    write_jsonl(paths.CHUNKS, [])
    shutil.rmtree(paths.MERGED)
    for load in ("causal_lm", "merge_base"):
        monkeypatch.setattr(pretrained, load, lambda *given, **options: pytest.fail("a model is loaded"))
    endpoint.reply = lambda body: "40 lux" if body["model"] == "docs-adapter" else "I do not know."
    endpoint.models = ["the-base", "docs-adapter"]
    settings = params.load().model_dump()
    served = {"endpoint": "env", "model": "adapter", "base_model": "the-base", "tuned_model": "docs-adapter"}
    write_all(write_params, settings | {"evaluate": settings["evaluate"] | served})
    evaluate.main()
    rows = list(read_jsonl(paths.REPORTS / "predictions.jsonl"))
    of_base, of_tuned = ({row["answers"][cell]["text"] for row in rows} for cell in ("base_closed", "tuned_closed"))
    assert (of_base, of_tuned) == ({"I do not know."}, {"40 lux"})
    assert {body["model"] for body in endpoint.requests} == {"the-base", "docs-adapter"}
    figures = read_json(paths.REPORTS / "evaluate.json")
    assert "loss" not in figures["eval_seen"]["tuned_closed"] | figures["eval_seen"]["base_closed"]

    sent = len(endpoint.requests)
    evaluate.main()
    assert len(endpoint.requests) == sent, "the same weights are not asked again"
    adapter = paths.ADAPTER / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:-1] + b"\x01")
    evaluate.main()
    asked = {body["model"] for body in endpoint.requests[sent:]}
    assert asked == {"docs-adapter"}, "another adapter under the same name answers for itself"


def write_all(write_params, settings: dict) -> None:
    changes = {
        f"{section}.{key}": value
        for section, keys in settings.items()
        for key, value in keys.items()
        if not isinstance(value, dict)
    }
    write_params(changes)


@pytest.mark.slow
def test_the_adapter_answers_in_place_of_the_merged_model(trained, write_params):
    settings = params.load()
    tokenizer = evaluate.trained_chat(settings).tokenizer
    chat = chat_for(tokenizer, settings.format, tokenizer.chat_template)
    write_all(write_params, settings.model_dump() | {"evaluate": settings.evaluate.model_dump() | {"model": "adapter"}})
    changed = params.load()
    merged, adapter = (models.under_test(each, chat)["tuned"] for each in (settings, changed))
    assert merged.file != adapter.file, "what one answered is not taken for the other's answer"
    answers = [each.answers_to(TURNS, chat, settings.evaluate, "") for each in (merged, adapter)]
    assert type(adapter.model).__name__ == "PeftModelForCausalLM"
    same = sum(a.text == b.text for a, b in zip(*answers, strict=True))
    assert same >= 2, "merging rounds to 16 bits and changes nothing else"
    (paths.ADAPTER / "adapter_config.json").unlink()
    with pytest.raises(UserError, match="no adapter"):
        models.under_test(changed, chat)
