"""The plan: what is said before anything is sent is what is then sent; and focus on what curate found uncovered."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.llm.entries import Response
from stages.common.llm.outcome import Outcome
from stages.common.llm.store import Store
from stages.common.records.files import read_json, read_jsonl, write_jsonl
from stages.common.records.rows import Pair
from stages.common.text import tokens
from stages.generate import __main__ as generate
from stages.generate import pace, plan
from stages.generate.labelling.labelling import Labelling
from support.lamps import PAIR, chunk, lamps, prepare, report, run, teacher
from support.repository import ROOT
from support.settings import change_params


@pytest.fixture
def ask(write_params) -> Callable[..., list[Pair]]:
    return partial(run, write_params)


def made(**settings: object) -> plan.Plan:
    """The plan for the chunks and params that were prepared last."""
    if settings:
        change_params(paths.PARAMS, {f"generate.{name}": value for name, value in settings.items()})
    with Store.of_repository() as store:
        labelling = Labelling(params.load().generate, store, lambda: read_jsonl(paths.CHUNKS))
        return plan.make(labelling, store, "cl100k_base")


def said(**settings: object) -> list[str]:
    return list(made(**settings).lines(params.load().generate))


def test_a_plan_says_what_will_be_asked_and_nothing_is_sent(endpoint, write_params, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    prepare(write_params, lamps(4), styles={"fact": 1}, paraphrases=0)
    lines = said()
    assert lines[0].startswith("4 chunks make 4 requests: 0 are already answered in the store, 4 will be sent")
    assert "estimated: no answers of this model are stored yet" in lines[1]
    assert lines[2] == "cost: no generate.price_per_million; time: unknown before the first run"
    assert endpoint.requests == []


def test_the_calls_and_prompt_tokens_of_a_plan_are_those_of_the_run(endpoint, ask, write_params):
    endpoint.reply = teacher
    prepare(write_params, [chunk(f"Lamp {n} is number {n}.", tokens=15) for n in range(5)], paraphrases=0)
    before = made()
    generate.main()
    assert before.calls() == report()["calls"] == 15
    sent = sum(tokens.count(turn["content"], "cl100k_base") for body in endpoint.requests for turn in body["messages"])
    assert abs(before.prompt_tokens() - sent) < 0.05 * sent
    assert made().calls() == 0
    assert said() == ["5 chunks, 15 requests, all already answered in the store: nothing to send"]


def test_wordings_are_a_guess_before_their_questions_are_known_and_exact_after(endpoint, ask, write_params):
    endpoint.reply = teacher
    prepare(write_params, lamps(3), styles={"fact": 1}, pairs_per_chunk=2)
    assert (made().calls(), made().later) == (3 + 6, 6)
    assert "about 9 will be sent (3 for pairs, about 6 for other wordings)" in said()[0]
    change_params(paths.PARAMS, {"generate.paraphrases": 0})
    generate.main()
    after = made(paraphrases=2)
    assert (after.calls(), after.later) == (3, 0)
    assert (
        "6 requests: 3 are already answered in the store, 3 will be sent (0 for pairs, 3 for other wordings)"
        in said()[0]
    )
    generate.main()
    assert report()["calls"] == 3


def test_the_stage_says_its_plan_first(endpoint, ask, capsys):
    endpoint.reply = teacher
    ask(lamps(2), styles={"fact": 1}, paraphrases=0)
    assert capsys.readouterr().out.startswith("generate: plan: 2 chunks make 2 requests: 0 are already answered")
    ask(lamps(2), styles={"fact": 1}, paraphrases=0)
    assert capsys.readouterr().out.startswith(
        "generate: plan: 2 chunks, 2 requests, all already answered in the store: nothing"
    )


@pytest.fixture
def half_answered(write_params) -> None:
    """Ten chunks of which five are answered, with 200 prompt and 50 answer tokens and 4 s each."""
    prepare(write_params, lamps(10), styles={"fact": 1}, paraphrases=0, concurrency=2)
    with Store.of_repository() as store:
        labelling = Labelling(params.load().generate, store, lambda: iter(lamps(5)))
        answer = json.dumps({"pairs": [PAIR]})
        store.put_all(Response(r.key(), answer, "", "teacher", 200, 50, 4.0) for r in labelling.questions())
        store.put_all([Response("other recipe", answer, "", "teacher", 900, 950, 40.0)])


def test_answer_tokens_and_time_come_from_what_is_stored_of_this_recipe(half_answered):
    found = made()
    assert (found.calls(), found.answer_tokens, found.seconds) == (5, 250, 10.0)
    assert said()[2].endswith("time: about 10 s")
    other = made(temperature=0.1)
    assert other.answer_tokens == 10 * 200  # a new recipe: the mean of all answers of the model
    assert made(model="unknown").seconds is None
    assert made(model="teacher", temperature=0.7, requests_per_minute=5).seconds == 60


def test_the_cost_is_tokens_by_price_and_a_batch_is_cheaper(half_answered):
    price = {"prompt": 1000.0, "answer": 10_000.0}
    found = made(price_per_million=price)
    full = (found.prompt_tokens() * 1000 + 250 * 10_000) / 1e6
    assert f"cost: about {full:,.2f};" in said()[2]
    assert f"cost: about {full / 2:,.2f};" in said(backend="batch")[2]
    assert f"cost: about {full * 0.9:,.2f};" in said(batch_discount=0.1)[2]


def test_a_plan_takes_little_of_a_long_run(write_params, monkeypatch):
    counted: list[str] = []
    real = tokens.count
    monkeypatch.setattr(tokens, "count", lambda text, encoding: counted.append(text) or real(text, encoding))
    prepare(write_params, [chunk(f"Lamp {n}. " + "word " * 900, tokens=950) for n in range(20)])
    made()
    assert max(map(len, counted)) < 4500  # no chunk is counted again, no system part more than once
    assert len([text for text in counted if len(text) > 1000]) <= 2


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (89, "89 s"), (600, "10 min"), (86400, "24.0 h")])
def test_durations_are_in_the_unit_that_fits(seconds, words):
    assert plan.duration(seconds) == words


def test_the_pace_of_answers_has_few_points_that_add_up_and_always_one():
    assert pace.pace(Outcome()) == [{"second": 0, "answers_per_second": 0.0}]
    long = Outcome()
    for second in range(0, 10_000, 3):
        long.per_second[second] = second % 7
    points = pace.pace(long)
    width = points[1]["second"]
    assert len(points) <= pace.MOST_POINTS
    assert abs(sum(p["answers_per_second"] for p in points) * width - long.per_second.total()) < 0.001 * 10_000


@pytest.mark.parametrize("backend", ["extractive", "llm"])
def test_every_backend_writes_the_pace(endpoint, ask, backend):
    endpoint.reply = teacher
    write_jsonl(paths.DOCS, [{"path": "page.md", "title": "Manual", "breadcrumbs": []}])
    ask(lamps(3), backend=backend, styles={"fact": 1}, paraphrases=0)
    points = read_json(paths.REPORTS / "generate_log.json")
    assert points and all(set(point) == {"second", "answers_per_second"} for point in points)
    total = sum(point["answers_per_second"] for point in points)
    assert total == (3 if backend == "llm" else 0)


def test_doclore_plan_without_dvc_or_fresh_chunks_says_what_to_run(write_params):
    prepare(write_params, lamps(1))
    command = [sys.executable, "-m", "stages.commands.main", "plan"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "doclore: no DVC repository here; type: git init && dvc init\n"
    write_params({"generate.backend": "extractive"})
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.stdout == "generate.backend is extractive: no model is asked, so a run costs nothing\n"


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}


ONE = {"styles": {"fact": 1}, "paraphrases": 0}


def uncover(*chunks: dict) -> None:
    """Write what curate would: these chunks have no surviving pair."""
    write_jsonl(paths.UNCOVERED, chunks)


def lock(judged: bytes) -> None:
    """Write what DVC would: curate has read these pairs."""
    dep = {"path": "data/pairs.jsonl", "hash": "md5", "md5": hashlib.md5(judged).hexdigest()}
    paths.LOCK.write_text(json.dumps({"schema": "2.0", "stages": {"curate": {"deps": [dep]}}}), encoding="utf-8")


def test_only_uncovered_chunks_are_asked_anew_and_nothing_is_lost(endpoint, ask):
    endpoint.reply = teacher
    before = ask(lamps(6), **ONE)
    uncover(lamps(6)[1], lamps(6)[4])
    endpoint.requests.clear()
    endpoint.reply = lambda body: teacher(body).replace("a fact", "again")
    after = ask(lamps(6), **ONE, focus="uncovered")
    assert len(endpoint.requests) == 2
    assert [pair for pair in after if pair in before] == before
    assert [pair["instruction"] for pair in after if pair not in before] == ["Lamp 1, again?", "Lamp 4, again?"]
    assert [pair["chunk_id"] for pair in after] == sorted(
        (pair["chunk_id"] for pair in after), key=[row["chunk_id"] for row in lamps(6)].index
    )


def test_a_second_run_with_the_same_list_finds_the_answers_of_one_that_was_cut_off(endpoint, ask, monkeypatch):
    endpoint.reply = teacher
    ask(lamps(3), **ONE)
    lock(paths.PAIRS.read_bytes())
    uncover(lamps(3)[1])
    endpoint.requests.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Labelling, "pairs", lambda *_: iter(1 / 0 for _ in "x"))
        with pytest.raises(ZeroDivisionError):
            ask(lamps(3), **ONE, focus="uncovered")
    assert len(endpoint.requests) == 1
    ask(lamps(3), **ONE, focus="uncovered")
    assert len(endpoint.requests) == 1


def test_a_round_asks_nothing_until_curate_has_judged_the_last_one_then_asks_the_next_sample(endpoint, ask, capsys):
    endpoint.reply = lambda body: teacher(body).replace("a fact", f"round {len(endpoint.requests)}")
    ask(lamps(2), **ONE)
    lock(paths.PAIRS.read_bytes())
    uncover(lamps(2)[0])
    assert len(ask(lamps(2), **ONE, focus="uncovered")) == 3
    assert len(endpoint.requests) == 3
    written = paths.PAIRS.read_bytes(), paths.RESPONSES.read_bytes()
    ask(lamps(2), **ONE, focus="uncovered")
    assert len(endpoint.requests) == 3
    assert "data/pairs.jsonl is newer than the last run of curate" in capsys.readouterr().out
    assert (paths.PAIRS.read_bytes(), paths.RESPONSES.read_bytes()) == written
    lock(paths.PAIRS.read_bytes())
    assert len(ask(lamps(2), **ONE, focus="uncovered")) == 4
    assert len(endpoint.requests) == 4


def test_another_model_may_be_asked_about_the_uncovered_chunks_while_the_other_pairs_stay(endpoint, ask):
    endpoint.models = ["teacher", "larger"]
    endpoint.reply = teacher
    before = ask(lamps(3), **ONE)
    uncover(lamps(3)[2])
    endpoint.reply = lambda body: teacher(body).replace("a fact", body["model"])
    after = ask(lamps(3), **ONE, focus="uncovered", model="larger")
    assert [pair["instruction"] for pair in after if pair not in before] == ["Lamp 2, larger?"]
    assert [pair for pair in after if pair in before] == before


def test_pages_that_vanish_take_their_rows_along_and_going_back_to_all_asks_nothing(endpoint, ask, tmp_path):
    endpoint.reply = teacher
    everything = ask(lamps(4), **ONE)
    uncover(lamps(4)[0])
    assert {pair["chunk_id"] for pair in ask(lamps(2), **ONE, focus="uncovered")} == {
        row["chunk_id"] for row in lamps(2)
    }
    for file in (tmp_path / ".cache").glob("responses.sqlite*"):
        file.unlink()
    endpoint.requests.clear()
    assert ask(lamps(4), **ONE) == everything
    assert endpoint.requests == []


def test_focus_without_a_list_is_one_line(endpoint, ask):
    with pytest.raises(
        UserError, match=r"generate.focus = 'uncovered' needs data/uncovered.jsonl, which curate writes"
    ):
        ask(lamps(1), focus="uncovered")


def test_rewrites_are_counted_and_free_once_they_are_stored(endpoint, ask, write_params):
    endpoint.reply = lambda body: json.dumps({"text": "Anew."}) if "Rewrite" in str(body) else teacher(body)
    settings = {"styles": {"fact": 1}, "paraphrases": 0, "rewrites": 2}
    prepare(write_params, lamps(3), **settings)
    assert "9 will be sent (3 for pairs, 0 for other wordings, 6 for passages in other words)" in said()[0]
    ask(lamps(3), **settings)
    assert "all already answered in the store" in said()[0]
