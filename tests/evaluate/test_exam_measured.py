"""The user's exam is asked like the held-out questions, by its own key values, and the shipped one fits the manual."""

from dataclasses import replace
from pathlib import Path

import pytest

from stages.common.base import params, paths
from stages.common.exam import questions as reader
from stages.common.exam.key_values import stated, states_values
from stages.evaluate import cells, exam, figures, wordings
from stages.evaluate.answers import Answer
from support.evaluation import question
from support.repository import ROOT


@pytest.fixture
def section(write_params):
    write_params({"evaluate.max_context_rows": 0})
    return params.load().evaluate


def row(text: str, reference: str, page: str = "", key_values: list | None = None, tags: list | None = None) -> dict:
    place = {"path": "data/exam/a.md", "line_start": 5, "line_end": 9}
    lists = {"key_values": key_values or [], "tags": tags or []}
    return {"exam_id": f"id of {text}", "question": text, "reference": reference, "page": page, **lists, **place}


def chunk(name: str, path: str, text: str) -> dict:
    return {"chunk_id": name, "path": path, "headings": ["Lamps"], "text": text, "also_in": [f"copy/{path}"],
            "line_start": 3, "line_end": 9}  # fmt: skip


CHUNKS = [
    chunk("off", "ring.md", "A ring lamp is switched off by its button, which is red and small."),
    chunk("lux", "ring.md", "Much is said here about lamps.\n\nThe brightness is at most 300 lux.\n\nMore on lamps."),
    chunk("other", "wall.md", "The brightness of a wall lamp is 300 lux as well."),
]


def asked(section, *rows: dict, train: tuple[dict, ...] = ()) -> list[cells.Question]:
    return exam.questions(list(rows), cells.Library(CHUNKS, section), train)


def test_a_question_gets_the_chunk_of_its_page_that_states_its_key_values_and_their_line(section):
    (found,) = asked(section, row("How bright may it get?", "300 lux", "ring.md", tags=["May"]))
    assert found.gold["chunk_id"] == "lux" and found.row["path"] == "ring.md" and found.row["line_start"] == 3
    assert found.row["evidence"] == "The brightness is at most 300 lux." and found.tags == ("May",)
    (by_copy,) = asked(section, row("How bright?", "300 lux", "copy/wall.md"))
    assert by_copy.gold["chunk_id"] == "other"


def test_a_question_without_a_page_is_looked_up_and_one_that_no_page_answers_has_no_chunk(section):
    (found,) = asked(section, row("How do I switch a ring lamp off?", "Press the red button.", key_values=["button"]))
    assert found.gold["chunk_id"] == "off" and found.row["path"] == "ring.md"
    (nowhere,) = asked(section, row("How heavy is it?", "7 kg"))
    assert nowhere.gold is None and (nowhere.row["path"], nowhere.row["line_start"]) == ("data/exam/a.md", 5)


def test_a_question_counts_as_trained_when_an_answer_of_its_page_states_all_its_values(section):
    lux, off = row("How bright?", "300 lux", "ring.md"), row("Off?", "Press it.", "ring.md", ["button", "red"])
    other_page = {"path": "wall.md", "output": "It is 300 lux."}
    half = {"path": "ring.md", "output": "By its button."}
    assert [one.trained for one in asked(section, lux, off, train=(other_page, half))] == [False, False]
    whole = {"path": "ring.md", "output": "The red button."}
    trained = asked(section, lux, off, train=(half, whole, {**other_page, "path": "ring.md"}))
    assert [one.trained for one in trained] == [True, True]
    (some,) = (one for one in asked(section, lux, off, train=(half, whole)) if one.trained)
    assert some.row["instruction"] == "Off?"


def test_the_share_of_what_is_trained_leaves_out_what_is_not():
    questions = [replace(question("It is `lux`.", "a"), trained=True), question("It is `lumen`.", "b")]
    answers = [Answer("It is `lux`.", True), Answer("nothing", True)]
    figures_of_set, _ = figures.set_figures(questions, dict.fromkeys(cells.MODELS, answers), {})
    assert figures_of_set["trained"] == {"rows": 1, "base_closed": 1.0, "tuned_closed": 1.0}


def test_questions_about_another_documentation_are_not_asked(section, capsys):
    assert asked(section, row("How?", "7", "gone.md")) == []
    assert "1 questions are about pages that are not" in capsys.readouterr().out


def test_key_values_of_a_person_take_amounts_in_any_unit_and_either_of_two_words():
    assert states_values("It takes 1.5 s.", ["1500 ms"], "") and not states_values("It takes 2 s.", ["1500 ms"], "")
    assert stated("Type `make run`.", "dvc repro | make run") and stated("dvc repro", "dvc repro | make run")
    assert not stated("Type make.", "dvc repro | make run")
    assert stated("不用，会接着训练。", "不用") and not stated("autosave", "auto")


def test_an_answer_to_the_exam_is_right_by_its_key_values_and_wrong_when_it_invents():
    asked = replace(question("Press `stop`, at most 3 times."), key_values=("stop",))
    assert figures.right(Answer("Press stop.", True), asked)
    assert figures.right(Answer("Press stop, 3 times.", True), asked), "the reference may be quoted"
    assert not figures.right(Answer("Press stop 7 times.", True), asked)
    assert not figures.right(Answer("Press go.", True), asked)


def test_the_exam_s_figures_are_told_by_tag_and_headline_counts_held_out_families_alone():
    good, bad = Answer("It is 7.", True), Answer("8", True)
    rows = [replace(question("`7`", f"Q{n}", f"{n}.md"), tags=("a", "b")[: 1 + n % 2]) for n in range(4)]
    answers = {"base_closed": [bad] * 4, "tuned_closed": [good, bad, good, good], "base_gold": [good] * 4}
    found, headline = figures.set_figures(rows, answers, {})
    assert found["tags"] == {"a": {"rows": 4, "base_closed": 0.0, "tuned_closed": 0.75},
                             "b": {"rows": 2, "base_closed": 0.0, "tuned_closed": 0.5}}  # fmt: skip
    assert (headline["rows"], headline["held_out_families"], headline["gap_recovery"]) == (4, False, 0.75)
    for one in rows[1:3]:
        one.row["held_out"] = True
    _, headline = figures.set_figures(rows, answers, {})
    assert (headline["rows"], headline["held_out_families"], headline["gap_recovery"]) == (2, True, 0.5)


def test_the_nearest_trained_wording_is_found_and_counted():
    trained = ["What is the default of lamp.size?", "灯的默认亮度是多少？", "Who may open the door?"]
    found = wordings.nearest(["what is the  DEFAULT of lamp.size?", "默认亮度是多少", "Zebra"], trained)
    assert [one.question for one in found[:2]] == trained[:2] and found[0].similarity == 1
    assert 0.4 < found[1].similarity < 0.9 and found[2].similarity == 0
    told = wordings.distribution(found)
    assert (
        told["p100"] == 1
        and sum(told["bins"].values()) == 3
        and told["bins"]["0.9 to 1.0"] == 1
        and told["near_duplicates"] == pytest.approx(1 / 3, abs=0.01)
    )
    assert wordings.nearest(["a"], []) == [(0.0, "")]


def test_an_exam_file_that_names_no_page_of_the_documentation_is_about_another():
    def asked(question: str, page: str, path: str) -> dict:
        return {"question": question, "page": page, "path": path}

    chunks = [{"path": "lamps.md", "also_in": ["old/lamps.md"]}]
    rows = [
        asked("a", "lamps.md", "ours.md"),
        asked("b", "", "ours.md"),
        asked("c", "gone.md", "ours.md"),
        asked("d", "boats.md", "theirs.md"),
        asked("e", "", "theirs.md"),
        asked("f", "", "anyones.md"),
        asked("g", "old/lamps.md", "more.md"),
    ]
    measured, foreign = exam.of_documentation(rows, chunks)
    assert [row["question"] for row in measured] == ["a", "b", "f", "g"]
    assert [row["question"] for row in foreign] == ["c", "d", "e"]


@pytest.fixture
def shipped(monkeypatch) -> list:
    monkeypatch.chdir(ROOT)
    return reader.questions(paths.EXAM)


def test_the_shipped_exam_asks_what_the_manual_states(shipped):
    assert len(shipped) >= 40
    assert sum("zh" in question["tags"] for question in shipped) >= 10
    manual = "\n".join(page.read_text("utf-8") for page in sorted(Path("docs").rglob("*.md")))
    trained = Path(params.load().docs.path)
    assert sum(bool(asked["page"]) for asked in shipped) >= 40
    for asked in shipped:
        states = (trained / asked["page"]).read_text("utf-8") if asked["page"] else manual
        text = f"{states}\n{asked['reference'] if 'zh' in asked['tags'] else ''}"
        for value in exam.values_of(asked):
            assert stated(text, value), (asked["question"], value)
            assert stated(asked["reference"], value), (asked["question"], value)


def test_new_knowledge_counts_only_what_the_base_model_did_not_know():
    pages = [str(n) for n in range(10)]
    base = [True] * 4 + [False] * 6
    tuned = [True] * 4 + [True] * 3 + [False] * 3
    assert figures.new_knowledge(pages, base, tuned)["new_knowledge"]["key_values"] == 0.5
    found = figures.new_knowledge(["a"] * 10, base, tuned)["new_knowledge"]
    assert found == {"rows": 6, "key_values": 0.5}, "all on one page: no interval"
    assert figures.new_knowledge(pages, [True] * 10, tuned) == {}
