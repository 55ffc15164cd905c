"""Answers in other words: taken where they state the same, and no fact loses its identity or a question by one."""

import pytest

from stages.common.base import paths
from stages.common.records.files import read_json
from stages.common.text.wording import fact_id
from support.curation import chunk, pair, run

LINE = "The **lamp** draws 40 W, unless `eco_mode` is on."
LAMP = chunk(LINE)
FIRST = "The lamp draws 40 W."


def trained(write_params, *reworded: str, **changes: object) -> list[dict]:
    """Three questions about the lamp, the later ones with answers in other words, as curate leaves them."""
    questions = ("How much power does the lamp draw?", "Power draw of our lamp", "What wattage has the lamp, please?")
    pairs = [pair(LAMP, question, FIRST, LINE) for question in questions]
    for row, text in zip(pairs[1:], reworded, strict=False):
        row |= {"reworded": text, "answer_key": "k"}
    parts = run(pairs, [LAMP], write_params, holdout_pages=0.0, holdout_facts=0.0, **changes)
    assert len(parts["train"]) == 3 and parts["rejected"] == [], "no question is lost"
    return parts["train"]


def test_an_answer_that_states_the_same_is_trained_in_its_own_words(write_params):
    rows = trained(write_params, "40 watts are what it takes.", "Its draw: 0.04 kW")
    assert [row["output"] for row in rows] == [FIRST, "40 watts are what it takes.", "Its draw: 0.04 kW"]
    assert {row.get("first_output") for row in rows[1:]} == {FIRST} and rows[1]["answer_key"] == "k"
    assert {row["fact_id"] for row in rows} == {fact_id(pair(LAMP, "?", FIRST, LINE))}, "one fact, whatever its words"
    assert not any("reworded" in row for row in rows)
    assert read_json(paths.REPORTS / "curate.json")["answers_in_other_words"] == {"taken": 2}


@pytest.mark.parametrize(
    "other",
    [
        "It draws 45 W.",  # another value
        "It draws a little power.",  # none
        "It draws 40 W at 230 V.",  # one more
        "The lamp does not draw 40 W.",  # the opposite
        "It draws 40 W, see `max_power`.",  # a name that is nowhere
        "灯的功率是 40 W，这是它的额定功率。",  # another language
    ],
)
def test_an_answer_that_states_something_else_is_left_and_the_first_one_trained(write_params, other):
    rows = trained(write_params, other)
    assert [row["output"] for row in rows] == [FIRST] * 3
    assert not any({"reworded", "first_output", "answer_key"} & row.keys() for row in rows)
    assert read_json(paths.REPORTS / "curate.json")["answers_in_other_words"] == {"left": 1}


def test_the_report_says_nothing_about_answers_that_nobody_reworded(write_params):
    trained(write_params)
    assert "answers_in_other_words" not in read_json(paths.REPORTS / "curate.json")


def test_a_fact_whose_wordings_answer_in_other_words_is_still_held_out_by_one_of_them(write_params):
    questions = (
        "How much power does the lamp draw?",
        "Wattage, lamp",
        "I need the consumption, in watts",
    )
    pairs = [pair(LAMP, question, FIRST, LINE) for question in questions]
    for row, text in zip(pairs, ("40 W", "It takes 40 W.", "40 W is the draw."), strict=True):
        row |= {"reworded": text, "answer_key": "k"}
    parts = run(pairs, [LAMP], write_params, holdout_pages=0.0, holdout_facts=0.9)
    assert len(parts["eval_seen"]) == 1 and len(parts["train"]) == 2, parts["rejected"]
