"""Short answers become sentences on request: one for each fact, and what counts as right stays the value."""

import pytest

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_jsonl, write_jsonl
from stages.evaluate.answers import Answer
from stages.evaluate.cells import Question
from stages.evaluate.figures import right
from stages.generate import __main__ as generate
from stages.generate.extractive import answers
from stages.generate.extractive.fact import KINDS, Fact
from support.generation import chunk

TABLE = """Sizes of the lamp.

| Key | Default | Meaning |
|---|---|---|
| `lamp.size` | `12` | how many rows the lamp lights up, counted from the top |
| `lamp.delay` | `0.5` | how long it waits |
"""
CHINESE = """灯的参数如下所示，请按需设置。

| 参数 | 默认值 | 说明 |
|---|---|---|
| `size` | `12` | 灯照亮的行数，从上往下数 |
| `delay` | `0.5` | 等待的时间 |
"""


def pairs(write_params, text: str, **changes: object) -> list[dict]:
    write_params({f"generate.{key}": value for key, value in changes.items()})
    of = chunk(text, ("Lamp",))
    write_jsonl(paths.CHUNKS, [of])
    write_jsonl(paths.DOCS, [])
    generate.main()
    return list(read_jsonl(paths.PAIRS))


@pytest.mark.parametrize(("text", "name"), [(TABLE, "`lamp.size`"), (CHINESE, "`size`")])
def test_a_short_answer_is_put_into_one_sentence_for_all_wordings_of_its_question(write_params, text, name):
    plain = {pair["instruction"]: pair for pair in pairs(write_params, text)}
    framed = {pair["instruction"]: pair for pair in pairs(write_params, text, answer_frames=True)}
    assert plain.keys() == framed.keys() and not any("value" in pair for pair in plain.values())
    sizes = [pair for pair in framed.values() if pair.get("value") == "`12`"]
    assert len({pair["output"] for pair in sizes}) == 1 and len(sizes) > 3
    assert name in sizes[0]["output"] and "`12`" in sizes[0]["output"] and len(sizes[0]["output"]) > 12
    assert all(pair["output"] == plain[key]["output"] for key, pair in framed.items() if "value" not in pair)
    assert all(pair["evidence"] == plain[key]["evidence"] for key, pair in framed.items())


def test_a_right_answer_states_the_value_and_need_not_repeat_the_subject():
    row = {"instruction": "Default?", "input": "", "evidence": "| `lamp.size` | `12` |", "value": "`12`",
           "output": "The default of `lamp.size` is `12`."}  # fmt: skip
    asked = Question(row, None, [])
    assert right(Answer("12", True), asked) and right(Answer("`lamp.size` is 12 by default.", True), asked)
    assert not right(Answer("The default of `lamp.size` is 13.", True), asked)


def test_long_answers_sentences_and_kinds_without_a_frame_stay_verbatim():
    def framed(answer: str, kind: str = "default", subject: str = "`size`") -> str:
        return answers.framed(Fact(kind, subject, answer, answer, ()), "en")

    assert framed("`12`") != "`12`"
    for answer in ("It is twelve.", "one\ntwo", "x" * 80):
        assert framed(answer) == answer
    assert framed("`12`", kind="steps") == framed("`12`", subject="") == "`12`"


def test_every_frame_is_of_a_known_kind_and_a_mistake_is_told_in_one_line(tmp_path, monkeypatch):
    assert answers.frames("en").keys() == answers.frames("zh").keys() <= KINDS.keys()
    monkeypatch.setattr(answers, "__file__", str(tmp_path / "answers.py"))
    (tmp_path / "answers.en.yaml").write_text("default: ['It is so.']\n")
    with pytest.raises(UserError, match=r"answers\.en\.yaml: default"):
        answers.frames.__wrapped__("en")
