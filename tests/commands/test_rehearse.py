"""The base model's own answers to general prompts: kept when whole, and replayed without a download."""

from collections import Counter

import pyarrow.parquet as pq
import pytest

from stages.commands.main import parser
from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.chat.conversations import general_prompts
from stages.common.records.files import read_jsonl, write_jsonl
from stages.common.text.wording import language
from stages.format import __main__ as format_stage
from stages.format.mixing.replay import SELF
from support.endpoint import FakeEndpoint
from support.formatting import row


@pytest.fixture
def project(endpoint: FakeEndpoint, tiny_model, write_params):
    def prepared(**changes: object) -> FakeEndpoint:
        served = {"evaluate.endpoint": "env", "evaluate.base_model": "teacher", "model.name": str(tiny_model)}
        write_params(served | changes)
        return endpoint

    return prepared


def rehearse(*arguments: str) -> None:
    found = parser().parse_args(["rehearse", *arguments])
    found.run(found)


def said(body: dict) -> str:
    return body["messages"][-1]["content"]


def in_its_language(body: dict) -> str:
    return "好的，我来回答。" if language(said(body)) == "zh" else "Here is what I know."


def test_the_base_is_asked_every_prompt_but_those_of_evaluate_and_its_whole_answers_are_kept(project, capsys):
    endpoint = project()
    faults = {"Tell me a joke.": {"content": "Well, so it goes on", "finish_reason": "length"},
              "Hello!": "嗨，你好，今天我能帮你什么？", "Who are you?": "I'm sorry, I cannot answer that.",
              "What does a for loop do?": "again and again, " * 9}  # fmt: skip
    endpoint.reply = lambda body: faults.get(said(body), in_its_language(body))
    rehearse("--max-new-tokens", "64", "--answers", "1")
    prompts = general_prompts(held_out=False)
    assert sorted(map(said, endpoint.requests)) == sorted(prompts)
    assert all(body["max_tokens"] == 64 and body["temperature"] == 0 for body in endpoint.requests)
    rows = {one["instruction"]: one["output"] for one in read_jsonl(SELF)}
    asked = faults.keys() & set(prompts)
    assert len(asked) > 1 and rows.keys() == set(prompts) - asked, "hashes decide which of them evaluate asks"
    assert set(rows.values()) == {"好的，我来回答。", "Here is what I know."}
    assert f"{len(rows)} answers of {len(prompts)}" in capsys.readouterr().out


def test_the_answers_are_replayed_among_the_rows(project):
    endpoint = project(**{"format.replay.source": "self", "format.replay.share": 0.5})
    endpoint.reply = in_its_language
    with pytest.raises(UserError, match="type: doclore rehearse"):
        format_stage.main()
    rehearse()
    rows = [row(f"What is the size of part {i}?", f"`{i * 7}`") for i in range(20)]
    for name, part in zip(paths.SPLITS, (rows, [], []), strict=True):
        write_jsonl(paths.DATASET / f"{name}.jsonl", part)
    format_stage.main()
    texts = pq.read_table(paths.FORMATTED / "train.parquet")["text"].to_pylist()
    replayed = [text for text in texts if "Here is what I know." in text or "好的" in text]
    assert len(texts) == 30 and len(replayed) == 10
    assert not any(prompt in text for text in replayed for prompt in general_prompts(held_out=True) if len(prompt) > 20)


def test_further_answers_are_drawn_and_those_that_repeat_another_are_left_out(project, capsys):
    endpoint = project()

    def drawn(body: dict) -> str:
        return in_its_language(body) + (f" 这是另一种说法 {body['seed'] % 7}。" if body["temperature"] else "")

    endpoint.reply = lambda body: drawn(body) if language(said(body)) == "zh" else in_its_language(body)
    rehearse("--answers", "2")
    answers = Counter(one["instruction"] for one in read_jsonl(SELF))
    assert answers.keys() == set(general_prompts(held_out=False))
    assert {language(prompt): count for prompt, count in answers.items()} == {"zh": 2, "en": 1}
    with pytest.raises(UserError, match="--answers 0"):
        rehearse("--answers", "0")


def test_a_base_that_answers_nothing_whole_is_told(project):
    endpoint = project()
    endpoint.reply = lambda body: {"content": "on and on", "finish_reason": "length"}
    with pytest.raises(UserError, match=r"no answer to keep; left out: \d+ without an end"):
        rehearse()
    assert not SELF.exists() and params.load()
