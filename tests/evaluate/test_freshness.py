"""What changed in the documentation: which facts are asked about, what is trained again, and what a model says now."""

import pytest

from stages.commands import update
from stages.commands.tracing.changes import ComparedRow, Version, changes
from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.base.git import git
from stages.common.records.files import write_jsonl
from stages.evaluate import freshness
from stages.evaluate.answers import Answer
from stages.format.known import row_key, without_known
from support.repository import ROOT


def row(number: int, answer: str, question: str = "", part: str = "train") -> ComparedRow:
    asked = question or f"How heavy is part {number}?"
    return ComparedRow(f"{number}{asked}{answer}", part, f"page{number % 3}.md", asked, answer, "")


def changed_facts(before: Version, after: Version) -> list[dict[str, str]]:
    return update.changed_facts(changes(before, after), after.rows)


BEFORE = Version([row(n, f"{n} kg") for n in range(10)], {})


def test_changed_and_gone_facts_are_asked_once_each_in_a_held_out_wording_if_there_is_one():
    wordings = [row(0, "0 kg", "Weight of part 0?"), row(0, "0 kg", "And part 0?", "eval_seen")]
    before = Version([*BEFORE.rows, *wordings], {})
    now = [one._replace(answer="7 t", pair_id=one.pair_id + "x") if "part 0" in one.question else one
           for one in before.rows if "part 1?" not in one.question]  # fmt: skip
    facts = changed_facts(before, Version([*now, row(77, "77 kg")], {}))
    assert facts == [
        {"question": "And part 0?", "old": "0 kg", "new": "7 t", "path": "page0.md"},
        {"question": "How heavy is part 1?", "old": "1 kg", "new": "", "path": "page1.md"},
    ]


def test_an_answer_is_not_gone_because_one_wording_of_its_question_is():
    """Which wordings are trained may follow from the answer."""
    before = Version([row(0, "0 kg"), row(0, "0 kg", "And part 0?", "eval_seen")], {})
    after = Version([row(0, "7 t"), row(0, "7 t", "What does part 0 weigh?", "eval_seen")], {})
    (fact,) = changed_facts(before, after)
    assert (fact["old"], fact["new"]) == ("0 kg", "7 t")


def test_a_fact_is_not_gone_because_one_of_its_wordings_is_asked_no_more():
    """An edit elsewhere on the page may put another fact into eval_seen."""
    trained, held_out = (row(0, "0 kg", asked, part)._replace(fact="0 kg, says the page")
                         for asked, part in (("", "train"), ("I lack the mass; part 0?", "eval_seen")))  # fmt: skip
    assert changed_facts(Version([trained, held_out], {}), Version([trained], {})) == []
    other = trained._replace(fact="another line", pair_id="x", question="Which part is light?")
    assert len(changed_facts(Version([trained, held_out], {}), Version([other], {}))) == 1


def test_a_fact_whose_wordings_are_all_others_now_is_known_by_the_names_in_them():
    old, new = row(0, "0 kg", "What does `part.a` weigh?"), row(0, "7 t", "The weight of `part.a`, please")
    other = row(0, "9 m", "How long is `part.b`?")
    (fact,) = changed_facts(Version([old], {}), Version([new, other], {}))
    assert (fact["old"], fact["new"]) == ("0 kg", "7 t")
    doubtful = [row(0, "7 t", "The weight of `part.a`, please"), row(0, "9 m", "`part.a`: how long?")]
    (fact,) = changed_facts(Version([old], {}), Version(doubtful, {}))
    assert fact["new"] == "", "which of the two answers it was is anybody's guess"
    assert changed_facts(Version([old], {}), Version([other], {}))[0]["new"] == ""


def test_a_row_that_only_a_check_rejects_now_or_that_is_worded_otherwise_is_no_fact_that_is_gone():
    after = [row(1, "1 kg", "How heavy is the part 1?"), *BEFORE.rows[2:]]
    noted = changes(BEFORE, Version(after, {BEFORE.rows[0].pair_id: "judge"}))
    assert len(noted) == 2 and update.changed_facts(noted, after) == []


def test_the_cost_counts_new_and_changed_rows_and_a_share_of_the_others():
    after = Version([row(0, "7 t"), *BEFORE.rows[1:], row(77, "77 kg")], {})
    noted = changes(BEFORE, after)
    train = params.load(ROOT / "params.yaml").train
    lines = update.told("model@v1", noted, update.changed_facts(noted, after.rows), after, 0.5, train)
    assert "1 rows are new, 1 changed, 0 gone" in lines[0]
    assert "11 rows to train" in lines[2] and "about 6 (55%)" in lines[2], "two and half of nine"
    assert lines[3] == "optimizer steps: about 2 from scratch, about 1 continuing", "eight rows a step"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"num_train_epochs": 2.5}, 33),
        ({"gradient_accumulation_steps": 4}, 4),
        ({"per_device_train_batch_size": "auto", "gradient_accumulation_steps": 32}, 4),
        ({"max_steps": 7}, 7),
    ],
)
def test_steps_are_counted_as_the_trainer_counts_them(settings, expected):
    assert update.steps(100, params.load(ROOT / "params.yaml").train.model_copy(update=settings)) == expected


def test_another_wording_of_an_answer_is_no_other_fact():
    before = row(0, "0 kg")
    said = before._replace(pair_id="x", answer="Its weight: 0 kg", first="0 kg")
    assert changed_facts(Version([before], {}), Version([said], {})) == []
    changed = said._replace(pair_id="y", answer="It has a weight of 7 t", first="7 t")
    (fact,) = changed_facts(Version([said], {}), Version([changed], {}))
    assert (fact["old"], fact["new"]) == ("0 kg", "7 t")


def test_known_rows_are_kept_by_a_share_and_new_ones_always():
    rows = [{"instruction": f"How heavy is part {n}?", "input": "", "output": f"{n} kg"} for n in range(200)]
    assert list(without_known(rows, 0.2)) == rows, "nothing is known unless `doclore update` says so"
    write_jsonl(
        paths.PREVIOUS / "known.jsonl", [{"row": row_key(f"How heavy is part {n}?", f"{n} kg")} for n in range(190)]
    )
    few, more = (list(without_known(rows, share)) for share in (0.2, 0.5))
    assert rows[190:] == few[-10:] and 20 < len(few) < 70 and all(one in more for one in few) and len(more) > len(few)
    assert list(without_known(rows, 1.0)) == rows
    assert update.known(BEFORE)[3]["row"] == row_key("How heavy is part 3?", "3 kg")


def test_answers_as_now_as_before_and_in_neither_way_are_told_apart():
    facts = [{"question": f"How heavy is part {n}?", "old": "4 kg", "new": "7 kg", "path": f"{n}.md"} for n in range(4)]
    gone = [{"question": "And part 9?", "old": "9 kg", "new": "", "path": f"{n}.md"} for n in range(2)]
    said = [
        "7 kg",
        "It weighs 4 kg.",
        "I do not know.",
        "7,000 g",
        "It weighs 9 kg.",
        "The documentation does not say.",
    ]
    answers = [Answer(text, True) for text in said]
    found = freshness.of_model(list(zip(facts + gone, answers, strict=True)))
    assert (found["new"], found["stale"], found["still_asserted"]) == (0.5, 0.25, 0.5)
    assert found["changed"] == 4 and found["gone"] == 2 and found["new_low"] < 0.5 < found["new_high"]


def test_without_a_promoted_model_a_revision_has_to_be_named():
    git("init", "--quiet")
    with pytest.raises(UserError, match="doclore update REVISION"):
        update.last_promoted()
