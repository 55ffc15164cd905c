"""doclore why: every row can be walked back to its page, and every page forward to its rows."""

import argparse
import json
from collections import Counter
from pathlib import Path

import pytest

from stages.commands import why
from stages.common.base import paths
from stages.common.base.errors import UserError
from stages.common.records.files import write_jsonl
from stages.report.evidence import evidence_span
from support.curation import chunk, pair, run
from support.curation import corpus as plain_corpus


def corpus(pages: range, facts: int = 3) -> tuple[list, list]:
    pairs, chunks = plain_corpus(pages, facts)
    return pairs, [{**row, "partials": []} for row in chunks]


def ask(what: str, capsys, everything: bool = False) -> str:
    capsys.readouterr()
    why.run(argparse.Namespace(what=[what], all=everything, json=False))
    return capsys.readouterr().out


def rows_of(what: str, capsys) -> list[dict]:
    capsys.readouterr()
    why.run(argparse.Namespace(what=[what], all=False, json=True))
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def dataset(write_params) -> dict:
    """Twenty pages, one with two chunks, one of these with a partial's text; own rows; pairs rejected and reviewed."""
    pairs, chunks = corpus(range(20))
    second = {**chunk("The crate weighs 9 kg.", "page3.md", ("copy.md",)), "line_start": 20, "line_end": 30}
    second["partials"] = [{"path": "_crate.md", "line_start": 1, "line_end": 4}]
    extra = [
        pair(second, "What does the crate weigh?", "9 kg"),
        pair(second, "Heavy?", "It is"),
        pair(second, "箱子有多重？（请给出单位）", "9 kg"),
    ]
    paths.EXTRA.mkdir(parents=True)
    (paths.EXTRA / "own.jsonl").write_text('{"instruction": "你是谁？", "output": "臣妾。"}\n{\n', encoding="utf-8")
    paths.REVIEW.write_text(json.dumps({"pair_id": extra[1]["pair_id"], "verdict": "reject", "note": "vague"}) + "\n")
    parts = run([*pairs, *extra], [*chunks, second], write_params, holdout_pages=0.2)
    return {"pairs": pairs, "chunk": second, "extra": extra, "parts": parts}


def test_a_pair_is_walked_back_to_lines_chunk_partials_and_revision(dataset, capsys):
    told = ask(dataset["extra"][0]["pair_id"], capsys)
    for expected in ("page3.md:20-30", dataset["chunk"]["chunk_id"], "_crate.md:1-4", "copy.md", "c0ffee", "extractive",
                     "What does the crate weigh?", "9 kg", "Title of page3.md"):  # fmt: skip
        assert expected in told
    assert "went to   train" in told or "went to   eval" in told


def test_every_fate_is_told_as_curate_decided_it(dataset, capsys):
    for split in (*paths.SPLITS, "rejected"):
        for row in dataset["parts"][split][:3]:
            (found,) = rows_of(row["pair_id"], capsys)
            assert found["fate"] == split and found["pair_id"] == row["pair_id"]


def test_a_rejected_pair_is_told_with_check_value_and_threshold(dataset, capsys):
    told = ask(dataset["extra"][1]["pair_id"], capsys)
    for expected in ("rejected: review", "vague", "the reviewer's verdict", "reject vague"):
        assert expected in told


def test_a_question_is_found_whatever_its_case_and_marks_and_else_the_closest_is_shown(dataset, capsys):
    wanted = dataset["extra"][0]["pair_id"]
    assert wanted in ask("what does the crate weigh", capsys)
    told = ask("What weighs the crate?", capsys)
    assert told.index("No question has exactly this wording") > 0 and wanted in told
    assert dataset["extra"][2]["pair_id"] in ask("箱子有多重", capsys)
    with pytest.raises(UserError, match="no question resembles"):
        ask("0123456789 0123456789", capsys)


@pytest.mark.parametrize("before", ["", "docs/", "./docs/", "./"])
def test_a_page_leads_to_every_row_that_it_feeds(dataset, capsys, before):
    rows = [row for name in (*paths.SPLITS, "rejected") for row in dataset["parts"][name] if row["path"] == "page3.md"]
    found = rows_of(f"{before}page3.md", capsys)
    assert Counter(row["pair_id"] for row in found) == Counter(row["pair_id"] for row in rows)
    assert len(rows) == 15


def test_an_absolute_path_of_a_page_is_understood(dataset, capsys):
    assert len(rows_of(str(Path("docs/page3.md").absolute()), capsys)) == 15


@pytest.mark.parametrize(
    ("place", "count"),
    [("page3.md:3", 12), ("page3.md:9", 12), ("page3.md:10", 0), ("page3.md:20", 3), ("copy.md", 3), ("_crate.md", 3),
     ("_crate.md:4", 3), ("_crate.md:5", 0), ("data/extra/own.jsonl", 2), ("data/extra/own.jsonl:1", 1)],
)  # fmt: skip
def test_a_line_leads_to_the_rows_of_the_chunks_that_hold_it(dataset, capsys, place, count):
    assert len(rows_of(place, capsys)) == count


def test_rows_of_a_page_are_counted_by_fate_and_listed_under_their_headings(dataset, capsys):
    told = ask("page3.md", capsys)
    assert "page3.md: 2 chunks, 15 rows" in told
    assert "rejected: review" in told and "Manual (page3.md:20-30)" in told


def test_many_rows_are_cut_short_unless_all_are_asked_for(write_params, capsys):
    pairs, chunks = corpus(range(20), facts=30)
    run(pairs, chunks, write_params)
    assert "… and 80 more; --all lists them" in ask("page5.md", capsys)
    assert ask("page5.md", capsys, everything=True).count("page5.md:3-9") == 1


def test_a_row_of_one_s_own_leads_to_its_file_and_line(dataset, capsys):
    told = ask("你是谁？", capsys)
    assert "data/extra/own.jsonl:1" in told and "your own data" in told


@pytest.mark.parametrize("as_json", [False, True])
def test_what_acts_on_a_terminal_is_not_printed_whatever_own_rows_hold(write_params, capsys, as_json):
    pairs, chunks = corpus(range(20))
    paths.EXTRA.mkdir(parents=True)
    own = {"instruction": "Which lamp\x1b[2J\x9b2J is it\x07?", "output": "The \x1b]0;title\x07lamp\r of 7 W."}
    (paths.EXTRA / "own.jsonl").write_text(json.dumps(own) + "\n", "utf-8")
    run(pairs, chunks, write_params)
    capsys.readouterr()
    why.run(argparse.Namespace(what=["data/extra/own.jsonl"], all=True, json=as_json))
    told = capsys.readouterr().out
    assert "Which lamp[2J2J is it?" in told and not set(told) & set("\x1b\x9b\x07\r") and "\\u001b" not in told


@pytest.mark.parametrize("what", ["0" * 16, "page99.md", "page99.md:3"])
def test_what_is_not_there_is_one_line(dataset, capsys, what):
    with pytest.raises(UserError, match=r"no row has the pair_id|the closest is page9.md"):
        ask(what, capsys)


def test_before_the_first_run_one_line_says_what_to_type():
    with pytest.raises(UserError, match=r"data/dataset/train.jsonl is missing; run `dvc repro curate`"):
        why.run(argparse.Namespace(what=["0" * 16], all=False, json=False))


def test_an_edited_pair_shows_what_the_generator_wrote(write_params, capsys):
    pairs, chunks = corpus(range(20))
    edit = {"pair_id": pairs[0]["pair_id"], "verdict": "edit", "text": {"instruction": "How many kg has part 0x0?"}}
    paths.REVIEW.parent.mkdir()
    paths.REVIEW.write_text(json.dumps(edit) + "\n")
    run(pairs, chunks, write_params)
    told = ask(pairs[0]["pair_id"], capsys)
    assert "How many kg has part 0x0?" in told and f"{pairs[0]['instruction']} → {pairs[0]['output']}" in told


def test_the_generator_of_an_llm_pair_is_named_with_model_and_request(write_params, capsys):
    pairs, chunks = corpus(range(20))
    pairs[0]["request_key"] = "abc123"
    Path("dvc.lock").write_text(
        "stages:\n  generate:\n    params:\n      params.yaml:\n        generate:\n          model: teacher\n"
    )
    run(pairs, chunks, write_params)
    assert "llm, teacher, request abc123" in ask(pairs[0]["pair_id"], capsys)


@pytest.mark.parametrize(
    ("text", "quote", "marked"),
    [
        ("a lamp, 40 W", "40 W", "40 W"),
        ("| PV18-02 |     /      |    400 | x", "| PV18-02 | / | 400 |", "| PV18-02 |     /      |    400 |"),
        ("默认亮度为 7 lux。", "默认亮度为７ｌｕｘ", "默认亮度为 7 lux"),
        ("其额定功率为 40 W，重 3 kg。", "额定功率是 40 W，重 3 kg", "额定功率为 40 W，重 3 kg"),
        ("a lamp", "something else", None),
        ("a lamp", " ", None),
        ("", "a", None),
        ("ab", "a longer quote than the text ab", None),
    ],
)
def test_evidence_is_marked_where_it_stands(text, quote, marked):
    span = evidence_span(text, quote)
    assert (text[slice(*span)] if span else None) == marked


def test_the_judge_s_score_and_verdict_are_told(write_params, capsys):
    pairs, chunks = corpus(range(20))
    parts = run(pairs, chunks, write_params)
    kept = {**parts["train"][0], "score": 8.3}
    verdict = {"check": "judge", "value": {"faithful": "partly", "score": 5.0}, "threshold": 6.0}
    write_jsonl(paths.DATASET / "train.jsonl", [kept])
    write_jsonl(paths.REJECTED, [{**parts["train"][1], **verdict}])
    assert "8.3 of 10" in ask(kept["pair_id"], capsys)
    assert "faithful partly, score 5.0" in ask(parts["train"][1]["pair_id"], capsys)
