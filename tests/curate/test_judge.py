"""The judge: what it said is paid for once, and thresholds come after."""

import json
import re
import shutil

import pytest

from stages.common.base import paths
from stages.common.base.errors import ParamsError, UserError
from stages.common.records.files import read_json, read_jsonl
from support.curation import chunk, corpus, dataset, pair, run
from support.endpoint import FakeEndpoint
from support.repository import ROOT

JUDGED = {
    "judge.enabled": True,
    "judge.prompts": str(ROOT / "prompts"),
    "judge.model": "teacher",
    "forms.unanswerable_exam": 0,  # about which the judge is asked, too: test_absent.py
    "min_score": 8.0,
    "holdout_pages": 0.0,
}
GOOD = {"faithful": "yes", "answers": "yes", "clear": "yes"}


def asked_about(body: dict) -> list[str]:
    return re.findall(r"pair_id: (\w{16})", body["messages"][1]["content"])


def opinion_of(verdicts: dict[str, dict[str, str]]):
    """A reply of the endpoint that says so of these pairs, and nothing but good of the others."""

    def reply(body: dict) -> str:
        found = [{"pair_id": pair_id, **GOOD, **verdicts.get(pair_id, {})} for pair_id in asked_about(body)]
        return json.dumps({"verdicts": found})

    return reply


@pytest.fixture
def judge(endpoint: FakeEndpoint) -> FakeEndpoint:
    endpoint.reply = opinion_of({})
    return endpoint


def test_each_pair_is_judged_once_several_of_a_chunk_together(judge, write_params):
    pairs, chunks = corpus(range(5))
    parts = run(pairs, chunks, write_params, **JUDGED)
    asked = [asked_about(body) for body in judge.requests]
    assert sorted(pair_id for ids in asked for pair_id in ids) == sorted(row["pair_id"] for row in pairs)
    assert sorted(map(len, asked)) == [4] * 5 + [8] * 5
    assert all(row["score"] == 10.0 for row in dataset(parts))
    content = judge.requests[0]["messages"][1]["content"]
    assert any(of["text"] in content for of in chunks)
    assert judge.requests[0]["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ({}, 10.0),
        ({"clear": "partly"}, 8.3),
        ({"faithful": "no"}, 6.7),
        ({"answers": "partly", "clear": "partly"}, 6.7),
        ({"faithful": "no", "answers": "no", "clear": "no"}, 0.0),
    ],
)
def test_the_score_is_the_share_of_the_points_and_the_threshold_decides(judge, write_params, said, score):
    pairs, chunks = corpus(range(3))
    judge.reply = opinion_of({pairs[0]["pair_id"]: said})
    parts = run(pairs, chunks, write_params, **JUDGED)
    rejected = [(row["pair_id"], row["check"], row["value"]["score"], row["threshold"]) for row in parts["rejected"]]
    assert rejected == ([(pairs[0]["pair_id"], "judge", score, 8.0)] if score < 8 else [])


def test_a_threshold_asks_nothing_and_so_does_a_second_run(judge, write_params):
    pairs, chunks = corpus(range(6))
    doubtful = {pairs[0]["pair_id"]: {"clear": "partly"}, pairs[1]["pair_id"]: {"faithful": "no"}}
    judge.reply = opinion_of(doubtful)
    first = run(pairs, chunks, write_params, **JUDGED)
    sent = len(judge.requests)
    assert run(pairs, chunks, write_params, **JUDGED) == first
    strict = run(pairs, chunks, write_params, **JUDGED | {"min_score": 10.0})
    lax = run(pairs, chunks, write_params, **JUDGED | {"min_score": 0.0})
    run(pairs, chunks, write_params, **JUDGED, max_question_chars=20, min_evidence=1.0)
    assert len(judge.requests) == sent
    assert [len(parts["rejected"]) for parts in (first, strict, lax)] == [1, 2, 0]


def test_a_pair_that_leaves_or_joins_asks_about_no_other(judge, write_params):
    pairs, chunks = corpus(range(4))
    run(pairs[1:], chunks, write_params, **JUDGED)
    before = len(judge.requests)
    run(pairs, chunks, write_params, **JUDGED)
    assert [asked_about(body) for body in judge.requests[before:]] == [[pairs[0]["pair_id"]]]


def test_a_colleague_who_pulled_the_verdicts_asks_nothing(judge, write_params, monkeypatch, tmp_path):
    pairs, chunks = corpus(range(4))
    first = run(pairs, chunks, write_params, **JUDGED)
    sent = len(judge.requests)
    shutil.rmtree(tmp_path / ".cache")
    monkeypatch.delenv("OPENAI_API_KEY")
    assert run(pairs, chunks, write_params, **JUDGED) == first
    assert len(judge.requests) == sent


def test_switching_the_judge_off_and_on_again_asks_nothing(judge, write_params, tmp_path):
    pairs, chunks = corpus(range(4))
    first = run(pairs, chunks, write_params, **JUDGED)
    sent = len(judge.requests)
    shutil.rmtree(tmp_path / ".cache")
    off = run(pairs, chunks, write_params, **JUDGED | {"judge.enabled": False})
    assert list(read_jsonl(paths.VERDICTS)) == []
    assert not any("score" in row for row in dataset(off))
    assert run(pairs, chunks, write_params, **JUDGED) == first
    assert len(judge.requests) == sent


def test_a_reply_that_leaves_a_pair_out_is_asked_about_that_pair_alone(judge, write_params):
    pairs, chunks = corpus(range(3))
    lost = pairs[5]["pair_id"]

    def forgetful(body: dict) -> str:
        ids = asked_about(body)
        return json.dumps({"verdicts": [{"pair_id": one, **GOOD} for one in ids if one != lost or len(ids) == 1]})

    judge.reply = forgetful
    parts = run(pairs, chunks, write_params, **JUDGED)
    assert parts["rejected"] == []
    assert [lost] in [asked_about(body) for body in judge.requests]


def test_a_pair_without_any_verdict_does_not_pass(judge, write_params):
    pairs, chunks = corpus(range(3))
    judge.reply = lambda body: json.dumps({"verdicts": [{"pair_id": "another", **GOOD}]})
    with pytest.raises(UserError, match="no pair is left to train on"):
        run(pairs, chunks, write_params, **JUDGED)


@pytest.mark.parametrize("reply", ["not JSON", '{"verdicts": [{"pair_id": "x", "faithful": "maybe"}]}'])
def test_too_many_pairs_without_a_verdict_are_one_line(judge, write_params, reply):
    pairs, chunks = corpus(range(3))
    judge.reply = lambda body: reply
    with pytest.raises(UserError, match=r"have no (verdict|answer)"):
        run(pairs, chunks, write_params, **JUDGED, **{"judge.max_retries": 0})


def test_the_judge_never_sees_what_checks_rejected_nor_what_a_person_accepted(judge, write_params):
    pairs, chunks = corpus(range(3))
    bad = pair(chunks[0], "Part?", "0 kg")
    review = {"pair_id": pairs[0]["pair_id"], "verdict": "accept"}
    paths.REVIEW.parent.mkdir(exist_ok=True)
    paths.REVIEW.write_text(json.dumps(review) + "\n", encoding="utf-8")
    run([*pairs, bad], chunks, write_params, **JUDGED)
    seen = {pair_id for body in judge.requests for pair_id in asked_about(body)}
    assert seen == {row["pair_id"] for row in pairs[1:]}


def test_a_chinese_page_is_judged_in_chinese_and_figures_count_the_answers(judge, write_params):
    of = {**chunk("灯的额定功率为 40 W，默认亮度为 7 lux。", "灯.md"), "headings": ["灯"]}
    pairs, chunks = corpus(range(3))
    run([*pairs, pair(of, "灯的额定功率是多少？", "40 W", of["text"])], [*chunks, of], write_params, **JUDGED)
    assert sum("审核员" in body["messages"][0]["content"] for body in judge.requests) == 1
    figures = read_json(paths.REPORTS / "curate.json")["judge"]
    assert figures == {"answers_yes": len(pairs) + 1, "clear_yes": len(pairs) + 1, "faithful_yes": len(pairs) + 1}


def test_a_judge_without_a_model_is_one_line_that_names_the_key(judge, write_params):
    pairs, chunks = corpus(range(3))
    with pytest.raises(ParamsError, match=r"curate\.judge\.model"):
        run(pairs, chunks, write_params, **JUDGED | {"judge.model": ""})
