"""Answers in other words: asked for once, for what can be checked, given to other wordings of the question."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from stages.common.base import params, paths
from stages.common.base.errors import ParamsError
from stages.common.llm.store import Store
from stages.common.records.files import read_jsonl
from stages.common.records.rows import Pair
from stages.generate import plan
from stages.generate.labelling.labelling import Labelling
from stages.generate.labelling.rewording import is_checkable
from support.lamps import lamps, report, run, teacher

ON = {"styles": {"fact": 1}, "paraphrases": 2, "answer_paraphrases": 2}


@pytest.fixture
def ask(write_params) -> Callable[..., list[Pair]]:
    return partial(run, write_params)


def answers(body: dict) -> str:
    """Words the lamp's number in two other ways, as the prompt asks."""
    text = body["messages"][1]["content"]
    if "Its answer:" not in text:
        return teacher(body)
    answer = text.split("Its answer:\n")[1].split("\n")[0]
    return json.dumps({"answers": [f"It is {answer.lower()}", f"{answer} That is it."]})


def planned() -> plan.Plan:
    with Store.of_repository() as store:
        labelling = Labelling(params.load().generate, store, lambda: read_jsonl(paths.CHUNKS))
        return plan.make(labelling, store, "cl100k_base")


def test_each_other_wording_of_a_question_gets_another_wording_of_the_answer_with_its_request(endpoint, ask):
    endpoint.reply = answers
    rows = ask(lamps(2), **ON, held_out=1.0)
    trained = [row for row in rows if not row.get("held_out")]
    assert [row.get("reworded") for row in trained[:3]] == [None, "It is number 0.", "Number 0. That is it."]
    assert {row["output"] for row in rows if "Lamp 0" in row["instruction"]} == {"Number 0."}, "which curate checks"
    keys = {row["answer_key"] for row in trained if "reworded" in row}
    assert len(keys) == 2 and keys <= {row["key"] for row in read_jsonl(paths.RESPONSES)}
    assert not any("reworded" in row for row in rows if row.get("held_out")), "the exam's reference stays"


def test_nothing_changes_without_it_and_nothing_is_paid_twice(endpoint, ask):
    endpoint.reply = answers
    plain = ask(lamps(3), **ON | {"answer_paraphrases": 0})
    written = paths.PAIRS.read_bytes(), paths.RESPONSES.read_bytes()
    endpoint.requests.clear()
    first = ask(lamps(3), **ON)
    assert len(endpoint.requests) == 3 and all("Its answer:" in str(body) for body in endpoint.requests)
    stripped = [{key: row[key] for key in row if key not in ("reworded", "answer_key")} for row in first]
    assert stripped == plain
    endpoint.requests.clear()
    assert ask(lamps(3), **ON) == first and endpoint.requests == []
    ask(lamps(3), **ON | {"answer_paraphrases": 0})
    assert (paths.PAIRS.read_bytes(), paths.RESPONSES.read_bytes()) == written


def test_the_plan_counts_them_as_a_guess_before_and_exactly_after(endpoint, ask):
    endpoint.reply = answers
    ask(lamps(4), **ON | {"paraphrases": 2, "answer_paraphrases": 0})
    ask(lamps(2), **ON)
    change = params.load()
    assert planned().answers.requests == 2 and planned().calls() == 0
    line = next(iter(planned().lines(change.generate)))
    assert "all already answered in the store" in line
    ask(lamps(1), **ON, max_failed=1.0)
    endpoint.reply = lambda body: 500 if "Its answer:" in str(body) else answers(body)
    ask(lamps(6), **ON, max_failed=1.0)
    after = planned()
    assert (after.answers.requests, after.answers.calls, after.later) == (6, 4, 0)
    assert "4 for answers in other words" in next(iter(after.lines(change.generate)))
    assert report()["chunks"] == 6


@pytest.mark.parametrize(
    ("answer", "checkable"),
    [
        ("`0.5`", True),
        ("左轴", True),
        ("A worker runs one job at a time and then looks for the next one in the queue.", False),
        ("A worker runs at most 4 jobs at a time and then looks for the next one in the queue.", True),
        ("1. Open it.\n2. Close it.", False),
    ],
)
def test_only_answers_that_can_be_checked_are_asked_about(answer, checkable):
    assert is_checkable(answer) is checkable


def test_more_answers_than_questions_are_refused_in_one_line(write_params):
    with pytest.raises(ParamsError, match=r"answer_paraphrases = 3 is above paraphrases = 2"):
        params.load(write_params({"generate.answer_paraphrases": 3}))
