"""An answer is right when it states the fact's values, in whatever words, and no others."""

import pytest

from stages.common.exam.key_values import holds, is_amount, key_values, stated, states, states_values

RIGHT = [
    ("The default is 32.", "`32`"),
    ("1 s", "1000 ms"),
    ("It may hold 1,000 rows.", "1000 rows"),
    ("额定电压为 220 千伏", "额定电压为 220 kV"),
    ("是 三 个节点", "3 个节点"),
    ("data/docs.jsonl", "`data/docs.jsonl`"),
    ("Type python -m stages.merge", "```sh\npython -m stages.merge\n```"),
    ("a number between 0 and 1", "number, at least 0 and below 1"),
    ("It is auto.", "`auto`"),
    ("verdicts of reviewers.", "verdicts of reviewers"),
    ("答案是：评审人的意见。", "评审人的意见"),
    ("use `--dry-run` for that", "Add `--dry-run`."),
    ("since v1.10.0", "It came with v1.10.0."),
    ("额定电压为 `220` kV", "220 kV"),
    ("额定电压为 `220`kV", "220 kV"),
    ("It is 10.0.0.1.", "10.0.0.1"),
    ("`--jobs` is 4.", "Set `--jobs` to 4."),
]
WRONG = [
    ("32 rows, or perhaps 64", "32 rows"),
    ("32 kV", "32 V"),
    ("-1", "1"),
    ("`data/ingest/`", "`data/docs.jsonl`"),
    ("`data/docs.jsonl` and `data/other.jsonl`", "`data/docs.jsonl`"),
    ("autosave", "`auto`"),
    ("额定电压 110kV", "220 kV"),
    ("`[q_proj, k_proj]`", "`[q_proj, k_proj, v_proj]`"),
    ("since v1.1.0", "It came with v1.10.0."),
    ("10.0.0.2", "10.0.0.1"),
    ("verdicts of writers", "verdicts of reviewers"),
    ("", "`auto`"),
]


@pytest.mark.parametrize(("answer", "reference"), RIGHT)
def test_an_answer_with_the_values_is_right_in_any_words(answer, reference):
    assert states(answer, reference, "")


@pytest.mark.parametrize(("answer", "reference"), WRONG)
def test_an_answer_without_a_value_or_with_another_one_is_wrong(answer, reference):
    assert not states(answer, reference, "")


def test_what_the_question_and_the_evidence_name_may_be_repeated():
    known = "What is the default of `lora.r` on 2 GPUs?"
    assert states("With 2 GPUs `lora.r` is 32.", "32", known)
    assert not states("With 2 GPUs `lora.r` is 32.", "32", "")


def test_every_reference_is_right_for_itself_and_says_what_is_looked_for():
    for _, reference in RIGHT + WRONG:
        assert states(reference, reference, "") and all(key_values(reference).written())


def test_a_symbol_of_latex_stays_as_it_is_written():
    reference = r"The efficiency is $F\eta_e$."
    assert key_values(reference).written() == [r"\eta_e"]
    assert states(r"It is $F\eta_e$", reference, "") and not states(r"It is $F\eta_m$", reference, "")
    assert key_values(r"Set `max\_rows`, or max\_tokens.").written() == ["max_rows", "max_tokens"]


def test_only_a_name_of_more_than_twenty_characters_may_stand_inside_a_word():
    assert holds("old" + "a" * 21, "a" * 21)
    assert not holds("old" + "a" * 20, "a" * 20)
    assert not holds("another word", "a" * 21)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        *[("10", True), ("10 MB", True), ("10MB", True), ("10 rows", False), ("10 MB each", False), ("2 of 3", False)],
        *[("version 3", False), ("auto", False), ("", False), ("3 3 MB", False)],
    ],
)
def test_an_amount_is_one_number_with_a_unit_or_none(text, amount):
    assert is_amount(text) is amount


def test_a_value_that_a_person_wrote_down_is_an_amount_in_any_unit_or_words_or_one_of_several():
    assert stated("It waits 2 s.", "2000 ms") and not stated("It waits 2 ms.", "2000 ms")
    assert stated("It is set to auto.", "auto | automatic") and stated("It is automatic.", "auto |  automatic ")
    assert not stated("It is manual.", "auto | automatic")
    assert states_values("It waits 2 s, then `stops`.", ["2000 ms", "stops"], "")
    assert not states_values("It waits 2 s.", ["2000 ms", "stops"], "")
    assert not states_values("It waits 2 s, or 3 s.", ["2000 ms"], "")
    assert states_values("It waits 2 s, or 3 s.", ["2000 ms"], "Not 3 s.")
