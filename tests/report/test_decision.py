"""What the report leads with, and how answers are shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from stages.common.base import paths
from stages.common.records.files import write_json
from stages.report import decision, markdown, texts
from stages.report.differences import Piece, pieces
from support.reporting import HOSTILE, evaluation, prediction, prepare, rendered, text_of

GATE = {"gate": {"passed": True, "reasons": []}}


def told(rows: list[dict], **changes: object) -> dict[str, dict]:
    figures = evaluation(rows, **({"gate": {"passed": False, "reasons": ["x"]}} | changes))
    return {one.key: one.values for one in decision.sentences(figures, rows)}


def exam(count: int, split: str = "exam", **right: bool) -> list[dict]:
    rows = [prediction(n, split, **right) for n in range(count)]
    for row in rows:
        for answer in row["answers"].values():
            answer["stopped"] = True
    return rows


SITUATIONS = {
    "next_promote": (exam(10, tuned_closed=True), GATE),
    "next_exam": (exam(10, "eval_seen", tuned_closed=True), GATE),
    "next_gate": (exam(10, tuned_closed=True), {}),
    "next_endless": ([prediction(n, "exam") for n in range(10)], GATE),
    "next_reads": (exam(10, tuned_gold=True), GATE),
    "next_misreads": (exam(10, base_closed=True), GATE),
    "next_learn": (
        [
            row | {"answers": {name: row["answers"][name] for name in ("base_closed", "tuned_closed")}}
            for row in exam(10)
        ],
        GATE,
    ),
    "lead_none": ([], GATE),
    "lead_exam": (exam(4), GATE),
    "lead_trained": (
        exam(4),
        GATE | {"exam": evaluation(exam(4))["exam"] | {"trained": {"rows": 3, "tuned_closed": 0.5}}},
    ),
    "lead_eval_seen": (exam(4, "eval_seen"), GATE),
    "lead_eval_unseen": (exam(4, "eval_unseen"), GATE),
    "lead_search_better": (exam(4, tuned_closed=True), GATE),
    "lead_search_worse": (exam(4, base_retrieved=True), GATE),
    "lead_search_like": (exam(4), GATE),
    "lead_search_both": (exam(4, tuned_retrieved=True), GATE),
    "lead_doubtless": (
        [
            row | {"answers": {cell: one | {"refused": False} for cell, one in row["answers"].items()}}
            for row in exam(4)
        ],
        GATE,
    ),
}


@pytest.mark.parametrize("key", SITUATIONS)
def test_each_sentence_is_said_where_it_is_true(key):
    rows, changes = SITUATIONS[key]
    found = told(rows, **changes)
    assert key in found
    assert sum(name.startswith("next_") for name in found) == (key != "lead_none")
    english = texts.plain(key, found[key], "en")
    assert "{" not in english and "<" not in english.replace("<1%", "")


def test_a_search_for_the_tuned_model_is_only_praised_where_it_is_better_than_either_alone():
    assert "lead_search_both" not in told(exam(4, tuned_retrieved=True, tuned_closed=True))
    rows = exam(4, tuned_retrieved=True)
    del rows[0]["answers"]["tuned_retrieved"]
    assert "lead_search_both" not in told(rows), "not asked about every question"


def test_every_sentence_has_its_situation():
    assert {key for key in texts.TEXTS if key.startswith(("lead_", "next_"))} == SITUATIONS.keys()


def test_answers_that_are_wrong_and_do_not_say_so_are_counted_without_those_that_refuse():
    rows = exam(10)
    for n, row in enumerate(rows):
        row["answers"]["tuned_closed"] |= {"refused": n < 3, "key_values": n > 7}
    assert told(rows)["lead_doubtless"]["share"] == "50%"


def test_the_exam_leads_and_is_told_by_tag_with_the_page_that_fails_most(write_params):
    rows = [prediction(n, "exam", tuned_closed=n < 3) for n in range(8)] + exam(4, "eval_seen", tuned_closed=True)
    prepare(rows=rows)
    figures = evaluation(rows)
    figures["exam"] |= {"pages": 1, "tags": {"asked in May": {"rows": 8, "base_closed": 0.0, "tuned_closed": 0.375}}}
    write_json(paths.REPORTS / "evaluate.json", figures)
    page = rendered(write_params)
    said = text_of(page)
    assert said.index("Your exam: the tuned model answers 38% correctly") < said.index("Trained facts: asked")
    assert "8 questions about one page" in said and "so there is no interval" in said and "asked in May" in said
    assert said.index("Pages with the most wrong answers") < said.index("lamps/灯 3.md")
    assert 'href="../docs/lamps/%E7%81%AF%203.md"' in page


def shown(text: str, other: str = "") -> str:
    return str(markdown.marked(pieces(text, other)))


def test_markdown_of_an_answer_is_rendered_and_nothing_of_it_runs_or_loads():
    assert shown("Set `lora.r` to **16**:\n\n- one\n- two") == (
        "<p>Set <code>lora.r</code> to <strong>16</strong>:</p><ul><li>one</li><li>two</li></ul>"
    )
    assert shown("```sh\nmake <run>\n```") == "<pre><code>make &lt;run&gt;</code></pre>"
    assert shown("# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |").startswith(
        "<p><b>Title</b></p><table><thead><tr><th>a</th>"
    )
    assert "<td>2</td>" in shown("| a | b |\n|---|---|\n| 1 | 2 |")
    found = shown(f"{HOSTILE}\n\n[click](javascript:alert(1)) ![x](http://a/b.png) <http://a.b> [ok](http://a.b)")
    assert not re.search(r"<(?!/?(?:p|strong|br)>)", found), found


def test_what_differs_is_marked_inside_of_the_markup():
    assert shown("The **size** is `16`.", "The **size** is `32`.") == (
        "<p>The <strong>size</strong> is <code><mark>16</mark></code>.</p>"
    )
    assert shown("- one\n- two", "- one").count("<li>") == 2
    marked = markdown.marked([Piece("same\n\n", False), Piece("- new\n- newer", True)])
    assert marked == Markup("<p>same</p><ul><li><mark>new</mark></li><li><mark>newer</mark></li></ul>")


@given(st.text("ab 灯`*_#|>-\n.<&", max_size=40), st.text("ab 灯`*\n.", max_size=20))
def test_any_answer_gives_balanced_html_without_a_sign_of_ours(text, other):
    found = shown(text, other)
    assert not re.search("[\ufdd0\ufdd1]", found)
    open_tags: list[str] = []
    for slash, tag in re.findall(r"<(/?)(\w+)>", found):
        if slash:
            assert open_tags.pop() == tag
        elif tag not in ("br", "hr"):
            open_tags.append(tag)
    assert open_tags == []
