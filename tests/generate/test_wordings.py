"""What a request says beside the passage: the language of the page, the sentences before it, an example; and wordings
that are held out."""

import json
from collections.abc import Callable
from functools import partial

import pytest

from stages.common.base import paths
from stages.common.records.files import write_jsonl
from stages.common.records.rows import Pair
from support.lamps import PAIR, chunk, lamps, report, run, teacher

ONE = {"styles": {"fact": 1}, "paraphrases": 0}


@pytest.fixture
def ask(write_params) -> Callable[..., list[Pair]]:
    return partial(run, write_params)


def answers(body: dict) -> str:
    if "questions" in json.dumps(body["response_format"]):
        who = "held out" if body["temperature"] == 1.0 else "trained"
        return json.dumps({"questions": [f"{body['messages'][1]['content'].splitlines()[-1]} ({who})"]})
    return teacher(body)


def test_held_out_wordings_come_from_a_request_of_their_own_and_are_marked(endpoint, ask):
    endpoint.reply = answers
    rows = ask(lamps(30), **ONE, held_out=0.4)
    held = [row for row in rows if row.get("held_out")]
    assert 0 < len(held) < 30
    assert all(row["family"].startswith("asked by ") and "(held out)" in row["instruction"] for row in held)
    assert len({row["family"] for row in held}) > 1
    first = {row["chunk_id"]: row for row in rows if not row.get("held_out")}
    assert all(row["output"] == first[row["chunk_id"]]["output"] for row in held)
    asked = [body for body in endpoint.requests if body["temperature"] == 1.0]
    assert len(asked) == len(held) == report()["held_out"]
    assert all("Who asks: " in body["messages"][1]["content"] for body in asked)
    endpoint.requests.clear()
    assert ask(lamps(30), **ONE, held_out=0.4) == rows
    assert endpoint.requests == []


def test_all_facts_or_none_are_held_out_when_that_is_asked(endpoint, ask):
    endpoint.reply = answers
    assert sum(row.get("held_out", False) for row in ask(lamps(5), **ONE, held_out=1.0)) == 5
    assert not any("held_out" in row for row in ask(lamps(5), **ONE, held_out=0.0))


def test_a_page_in_another_language_is_asked_about_in_it_and_others_as_before(endpoint, ask):
    endpoint.reply = lambda body: json.dumps({"pairs": [PAIR]})
    german = {**chunk("Lampe 1 ist die Nummer 1."), "path": "de.md"}
    chinese = {**chunk("灯的亮度上限是七。"), "path": "zh.md"}
    docs = [
        {"path": "de.md", "language": "de"},
        {"path": "zh.md", "language": "zh"},
        {"path": "page.md", "language": ""},
    ]
    write_jsonl(paths.DOCS, docs)
    ask([german, chinese, chunk("Lamp 1 is number 1.")], **ONE)
    prompts = [body["messages"][0]["content"] for body in endpoint.requests]
    of_german = next(p for p in prompts if "German" in p)
    assert "Write in German." in of_german and "strict annotator" in of_german
    assert sum("用中文书写" in prompt for prompt in prompts) == 1
    assert sum("Write in English." in prompt for prompt in prompts) == 1


def test_a_chunk_that_does_not_stand_alone_is_asked_with_the_sentences_before_it(endpoint, ask):
    endpoint.reply = lambda body: json.dumps({"pairs": [PAIR]})
    first = {**chunk("Lamps are rated. The limit is 7 lux. A fuse protects them."), "line_end": 5}
    second = {**chunk("It blows above 9 A."), "line_start": 6, "line_end": 8}
    third = {**chunk("Cables are red.", ("Manual", "Cable")), "line_start": 9, "line_end": 9}
    ask([first, second, third], **ONE)
    told = {body["messages"][1]["content"].split("<passage>\n")[1][:5]: body for body in endpoint.requests}
    before = "Just before the passage: The limit is 7 lux. A fuse protects them."
    assert before in told["It bl"]["messages"][1]["content"]
    assert not any("Just before" in told[text]["messages"][1]["content"] for text in ("Lamps", "Cable"))


def test_what_was_asked_without_the_sentences_before_is_not_paid_for_again(endpoint, ask):
    endpoint.reply = lambda body: json.dumps({"pairs": [PAIR]})
    second = {**chunk("It blows above 9 A."), "line_start": 6, "line_end": 8}
    ask([second], **ONE)
    first = {**chunk("A fuse protects them."), "line_end": 5}
    ask([first, second], **ONE)
    assert len(endpoint.requests) == 2


def test_an_example_is_shown_only_when_asked_for_and_is_no_answer(endpoint, ask):
    endpoint.reply = teacher
    ask(lamps(1), **ONE)
    assert "An example" not in str(endpoint.requests[0])
    shown: list[str] = []

    def repeats(body: dict) -> str:
        shown.append(body["messages"][1]["content"])
        return shown[0].split("The right answer to it: ")[1].split("\n")[0] if len(shown) == 1 else teacher(body)

    endpoint.reply = repeats
    rows = ask(lamps(1), **ONE, examples=True, max_retries=2)
    assert "An example, about another manual" in shown[0] and len(shown) == 2
    assert [row["output"] for row in rows] == ["Number 0."]


def test_figures_stand_by_style(endpoint, ask):
    blank = {**PAIR, "output": " "}
    endpoint.reply = lambda body: (
        json.dumps({"pairs": [PAIR, blank]}) if "a fact" in str(body) else json.dumps({"pairs": []})
    )
    ask(lamps(2), styles={"fact": 1, "reverse": 1}, paraphrases=0)
    assert report()["by_style"] == {
        "fact": {"answers": 2, "pairs": 2, "fewer_pairs_than_asked": 2, "blank": 2},
        "reverse": {"answers": 2, "empty": 2},
    }


def test_the_same_bytes_are_written_whatever_was_answered_before(endpoint, ask):
    """Pairs of chunks that wait for nothing are made before anything is asked; the others after."""
    endpoint.reply = answers
    settings = {"paraphrases": 2, "held_out": 0.4, "max_failed": 1.0}
    chunks = lamps(7)
    ask(chunks[1:3] + chunks[5:], **settings)
    mixed = ask(chunks, **settings)
    files = (paths.PAIRS, paths.RESPONSES, paths.REPORTS / "generate.json")
    after_some = [file.read_bytes() for file in files[:2]]
    counts = {name: report()[name] for name in ("pairs", "styles", "by_style", "answers", "held_out")}
    endpoint.requests.clear()
    assert ask(chunks, **settings) == mixed and endpoint.requests == []
    assert [file.read_bytes() for file in files[:2]] == after_some
    assert {name: report()[name] for name in counts} == counts
    for file in (*files, paths.cache_dir() / "responses.sqlite"):
        file.unlink()
    assert ask(chunks, **settings) == mixed and endpoint.requests
    assert [file.read_bytes() for file in files[:2]] == after_some
    assert {name: report()[name] for name in counts} == counts
