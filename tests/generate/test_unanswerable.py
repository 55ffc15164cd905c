"""Questions that the documentation does not answer, by a prompt: asked for once about a share of the chunks, counted by
the plan, and written for curate."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from stages.common.base import params, paths
from stages.common.llm.store import Store
from stages.common.records.files import read_jsonl
from stages.generate import plan
from stages.generate.labelling.labelling import Labelling
from support.lamps import lamps, run, teacher

ONE = {"styles": {"fact": 1}, "paraphrases": 0}


@pytest.fixture
def ask(write_params) -> Callable[..., list]:
    return partial(run, write_params)


def answers(body: dict) -> str:
    if "does not answer" not in body["messages"][1]["content"]:
        return teacher(body)
    lamp = body["messages"][1]["content"].split("<passage>\n")[1].split(" is")[0]
    asked = [{"question": f"Can {lamp} be dimmed by voice (way {n})?", "missing": "by voice"} for n in range(6)]
    return json.dumps({"questions": asked})


def absent() -> list[dict]:
    return list(read_jsonl(paths.ABSENT))


def test_a_share_of_the_chunks_is_asked_about_once_and_a_larger_one_asks_about_the_rest(endpoint, ask):
    endpoint.reply = answers
    pairs = ask(lamps(12), **ONE, unanswerable=0.5)
    some = absent()
    chunks = {row["chunk_id"] for row in some}
    assert 0 < len(chunks) < 12 and len(some) == 4 * len(chunks), "no more than were asked for"
    assert set(some[0]) == {"chunk_id", "path", "request_key", "question", "missing"}
    assert {row["request_key"] for row in some} <= {row["key"] for row in read_jsonl(paths.RESPONSES)}
    endpoint.requests.clear()
    assert ask(lamps(12), **ONE, unanswerable=1.0) == pairs
    assert len(endpoint.requests) == 12 - len(chunks) and [row for row in absent() if row in some] == some
    endpoint.requests.clear()
    assert ask(lamps(12), **ONE) == pairs and absent() == [] and endpoint.requests == []


def test_the_plan_counts_them(endpoint, ask):
    endpoint.reply = answers
    ask(lamps(3), **ONE)
    ask(lamps(1), **ONE, unanswerable=1.0)
    endpoint.reply = lambda body: 500
    ask(lamps(3), **ONE, unanswerable=1.0, max_failed=1.0)
    with Store.of_repository() as store:
        section = params.load().generate
        made = plan.make(Labelling(section, store, lambda: iter(lamps(3))), store, "cl100k_base")
    assert (made.absent.requests, made.absent.calls, made.calls()) == (3, 2, 2)
    assert "0 for other wordings, 2 for questions without an answer)" in next(iter(made.lines(section)))
