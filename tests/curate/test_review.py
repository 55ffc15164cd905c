"""Review: what a person said about a pair holds on every run, merges by itself, and is never lost silently."""

import json
from pathlib import Path

import pytest

from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_json
from stages.curate.review import Orphan, Review, edited, orphans, read_reviews, told, write_reviews
from support.curation import corpus, dataset, pair, run

FILE = Path("data/review.jsonl")
PAIR = {"pair_id": "p1", "instruction": "灯多亮？", "input": "", "output": "七流明", "evidence": "七流明"}


def review(pair_id: str, verdict: str, **more) -> Review:
    return Review.model_validate({"pair_id": pair_id, "verdict": verdict, **more})


def give(*lines: str) -> None:
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def row(pair_id: str, verdict: str = "accept", **more) -> str:
    return json.dumps({"pair_id": pair_id, "verdict": verdict, **more}, ensure_ascii=False)


def test_what_is_written_is_read_again_sorted_and_readable_in_a_diff():
    given = [review("b", "reject", note="太短"), review("a", "edit", text={"output": "八流明"}, question="灯多亮？")]
    write_reviews(FILE, given)
    assert read_reviews(FILE) == {item.pair_id: item for item in given}
    assert FILE.read_text("utf-8").splitlines() == [
        '{"pair_id": "a", "verdict": "edit", "text": {"output": "八流明"}, "question": "灯多亮？"}',
        '{"pair_id": "b", "verdict": "reject", "note": "太短"}',
    ]


def test_a_missing_and_an_empty_file_hold_no_verdicts():
    assert read_reviews(FILE) == {}
    give("", " ")
    assert read_reviews(FILE) == {}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "Invalid JSON"),
        ('{"pair_id": "a"}', "verdict: Field required"),
        (row("a", "maybe"), "verdict: Input should be 'accept', 'reject' or 'edit'"),
        (row("a", "edit"), "an edit needs one"),
        (row("a", "accept", text={"output": "x"}), "belongs to an edit"),
        (row("a", "edit", text={"output": " "}), "must not be blank"),
        (row("a", "edit", text={"answer": "x"}), "text.answer: Extra inputs are not permitted"),
        (row("a", verdit="accept"), "verdit: Extra inputs are not permitted"),
        ("<<<<<<< HEAD", "a merge conflict"),
        ("=======", "a merge conflict"),
    ],
)
def test_a_malformed_row_is_told_with_file_line_and_what_is_wrong(line, problem):
    give(row("z"), line, row("y"))
    with pytest.raises(UserError) as error:
        read_reviews(FILE)
    assert str(error.value).startswith("data/review.jsonl:2: ") and problem in str(error.value)


def test_all_malformed_rows_are_told_up_to_a_bound():
    give(*["{"] * 30)
    with pytest.raises(UserError) as error:
        read_reviews(FILE)
    told = str(error.value).splitlines()
    assert [line.split(": ")[0] for line in told[:3]] == [f"data/review.jsonl:{n}" for n in (1, 2, 3)]
    assert told[-1] == "… and 20 more"


def test_bytes_that_are_not_utf8_are_told():
    FILE.parent.mkdir()
    FILE.write_bytes('{"pair_id": "a", "verdict": "accept", "note": "好"}\n'.encode("gbk"))
    with pytest.raises(UserError, match=r"review.jsonl:1: .*utf-8"):
        read_reviews(FILE)


def test_two_reviewers_who_agree_are_one_verdict_and_who_differ_are_told():
    give(row("a", note="x"), row("a", note="y"))
    assert list(read_reviews(FILE)) == ["a"]
    give(row("a"), row("b"), row("a", "reject"))
    with pytest.raises(UserError, match=r"review.jsonl:3: another verdict on a than in line 1; keep one"):
        read_reviews(FILE)


def test_an_edit_replaces_the_text_and_keeps_the_lineage():
    new = edited(PAIR, review("p1", "edit", text={"instruction": "这盏灯多亮？"}))
    assert new == {**PAIR, "instruction": "这盏灯多亮？", "review": "edit"}
    assert edited(PAIR, review("p1", "accept")) == {**PAIR, "review": "accept"}
    assert edited(PAIR, review("p1", "reject")) == edited(PAIR, None) == PAIR


def test_an_edit_of_a_conversation_changes_its_last_exchange():
    first = [{"role": "user", "content": "在吗"}, {"role": "assistant", "content": "在"}]
    last = [{"role": "user", "content": "灯多亮？"}, {"role": "assistant", "content": "七流明"}]
    talk = {**PAIR, "messages": [*first, *last]}
    new = edited(talk, review("p1", "edit", text={"output": "八流明"}))
    assert new["messages"] == [*first, last[0], {"role": "assistant", "content": "八流明"}]
    assert talk["messages"] == [*first, *last]


QUESTIONS = {
    "n1": "灯的默认亮度是多少？",
    "n2": "What is the default of `lamp.level`?",
    "n3": "泵的额定功率是多少？",
}


def test_a_verdict_whose_pair_is_gone_is_reported_with_the_closest_new_pair():
    given = [review("n1", "accept"), review("old", "reject", question="灯的默认亮度为多少？"), review("lost", "accept")]
    given.append(review("far", "accept", question="zzzz"))
    found = {orphan.review.pair_id: orphan for orphan in orphans({item.pair_id: item for item in given}, QUESTIONS)}
    assert list(found) == ["far", "lost", "old"]
    assert found["old"][1:] == ("n1", QUESTIONS["n1"], 89)
    assert found["far"].pair_id == found["lost"].pair_id == ""
    assert "n1" in told(found["old"]) and "89 % alike" in told(found["old"])
    assert told(Orphan(given[2], "", "", 0)) == "lost: accept has no pair any more; none is close"


def test_accept_overrides_checks_reject_drops_and_edit_replaces(write_params):
    pairs, chunks = corpus(range(20))
    bad = pair(chunks[0], "Heavy?", "made up", evidence="nowhere to be found")
    give(
        row(bad["pair_id"], "accept"),
        row(pairs[0]["pair_id"], "reject", note="too easy"),
        row(pairs[5]["pair_id"], "edit", text={"instruction": "Ok?", "output": "40 kg <think>"}),
    )
    parts = run([*pairs, bad], chunks, write_params)
    kept = {found["pair_id"]: found for found in dataset(parts)}
    (dropped,) = parts["rejected"]
    assert (dropped["pair_id"], dropped["check"], dropped["value"]) == (pairs[0]["pair_id"], "review", "too easy")
    assert kept[bad["pair_id"]]["review"] == "accept"
    changed = kept[pairs[5]["pair_id"]]
    assert (changed["instruction"], changed["output"], changed["review"]) == ("Ok?", "40 kg <think>", "edit")
    assert (changed["chunk_id"], changed["evidence"]) == (pairs[5]["chunk_id"], pairs[5]["evidence"])
    assert len(kept) == len(pairs)


def test_verdicts_hold_on_every_run_whatever_the_limits(write_params):
    pairs, chunks = corpus(range(20))
    give(row(pairs[0]["pair_id"], "reject"), row(pairs[1]["pair_id"], "accept"))
    for longest in (40, 17):
        parts = run(pairs, chunks, write_params, max_question_chars=longest)
        ids = {found["pair_id"] for found in dataset(parts)}
        assert pairs[1]["pair_id"] in ids and pairs[0]["pair_id"] not in ids


@pytest.mark.parametrize("accepted", [0, 1])
def test_of_two_answers_to_one_question_the_accepted_one_stays(write_params, accepted):
    pairs, chunks = corpus(range(20))
    both = [pair(chunks[n], "What does the crate weigh?", f"{n * 100} kg", chunks[n]["text"]) for n in range(2)]
    give(row(both[accepted]["pair_id"], "accept"))
    parts = run([*pairs, *both], chunks, write_params)
    (other,) = parts["rejected"]
    assert (other["check"], other["pair_id"]) == ("unambiguous", both[1 - accepted]["pair_id"])


def test_of_two_equal_pairs_the_accepted_one_stays(write_params):
    pairs, chunks = corpus(range(20))
    again = pair(chunks[0], pairs[0]["instruction"].upper(), pairs[0]["output"])
    give(row(again["pair_id"], "accept"))
    parts = run([*pairs, again], chunks, write_params)
    assert [(found["check"], found["pair_id"]) for found in parts["rejected"]] == [("distinct", pairs[0]["pair_id"])]


def test_orphans_are_told_and_counted(write_params, capsys):
    pairs, chunks = corpus(range(20))
    give(row("0" * 16, "reject", question="How heavy is the part 0x0?"), row(pairs[3]["pair_id"], "accept"))
    run(pairs, chunks, write_params)
    report = read_json(paths.REPORTS / "curate.json")["review"]
    assert (report["accept"], report["reject"], report["edit"], report["orphans"]) == (1, 0, 0, 1)
    assert report["orphaned"][0]["closest"] == pairs[0]["pair_id"]
    assert "0000000000000000" in capsys.readouterr().out


def test_a_malformed_file_stops_the_run_before_anything_is_written(write_params):
    give("{")
    with pytest.raises(UserError, match=r"data/review.jsonl:1"):
        run(*corpus(range(3)), write_params)
    assert not paths.DATASET.exists()


def test_an_edited_answer_is_a_fact_of_its_own(write_params):
    pairs, chunks = corpus(range(20))
    give(row(pairs[0]["pair_id"], "edit", text={"output": "1 t"}))
    kept = {found["pair_id"]: found for found in dataset(run(pairs, chunks, write_params))}
    assert kept[pairs[0]["pair_id"]]["fact_id"] != kept[pairs[1]["pair_id"]]["fact_id"]


def test_verdicts_apply_to_own_rows_too(write_params):
    pairs, chunks = corpus(range(20))
    paths.EXTRA.mkdir(parents=True)
    line = json.dumps({"instruction": "你是谁？", "output": "<think>"}, ensure_ascii=False)
    (paths.EXTRA / "a.jsonl").write_text(line, encoding="utf-8")
    (bad,) = run(pairs, chunks, write_params)["rejected"]
    give(row(bad["pair_id"], "edit", text={"output": "臣妾。"}))
    parts = run(pairs, chunks, write_params)
    assert parts["rejected"] == []
    assert [found["output"] for found in dataset(parts) if found["style"] == "own"] == ["臣妾。"]
