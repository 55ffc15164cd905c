"""What the exam asks is not trained, in nearly the same words; what asks for something else is."""

import json

import pytest

from stages.common.base import paths
from stages.common.records.files import read_json
from support.curation import corpus, dataset, run


def write_exam(*questions: str) -> None:
    paths.EXAM.mkdir(parents=True, exist_ok=True)
    rows = [json.dumps({"question": question, "reference": "500 kg"}) for question in questions]
    (paths.EXAM / "asked.jsonl").write_text("\n".join(rows), "utf-8")


SAME = ["How heavy is part 5x0?", "how heavy is `part 5x0`", "So how heavy is the part 5x0?", "How heavy is  Part 5x0"]


@pytest.mark.parametrize("question", SAME)
def test_near_duplicates_of_exam_questions_are_not_trained_and_are_listed(write_params, capsys, question):
    pairs, chunks = corpus(range(30))
    write_exam(question, "Who built the harbour?")
    parts = run(pairs, chunks, write_params)
    listed = [row for row in parts["rejected"] if row["check"] == "exam_question"]
    assert [row["instruction"] for row in listed] == ["How heavy is part 5x0?"]
    assert not {row["instruction"] for row in dataset(parts)} & {"How heavy is part 5x0?"}
    assert read_json(paths.REPORTS / "curate.json")["rejected_by"]["exam_question"] == 1
    assert "1 pairs ask what data/exam asks" in capsys.readouterr().out


@pytest.mark.parametrize("question", ["How heavy is part 7y0?", "Which part weighs most?", "Weight of the crane?"])
def test_another_question_takes_nothing_out_of_training(write_params, question):
    pairs, chunks = corpus(range(30))
    write_exam(question)
    parts = run(pairs, chunks, write_params)
    assert "exam_question" not in {row["check"] for row in parts["rejected"]}


def test_own_rows_that_ask_what_the_exam_asks_are_not_trained_either(write_params):
    paths.EXTRA.mkdir(parents=True)
    row = {"instruction": "Who built the harbour wall?", "output": "The lamp makers did."}
    (paths.EXTRA / "own.jsonl").write_text(json.dumps(row), "utf-8")
    write_exam("Who built the harbour wall?")
    pairs, chunks = corpus(range(10))
    parts = run(pairs, chunks, write_params)
    assert [row["check"] for row in parts["rejected"] if row["style"] == "own"] == ["exam_question"]
    assert read_json(paths.REPORTS / "curate.json")["generated"] == len(pairs)
