"""Metrics say what their names say."""

import pytest

from stages.evaluate import figures, metrics
from stages.evaluate.answers import Answer
from support.evaluation import question


def test_exact_match_passes_over_marks_and_case_but_not_over_content():
    assert metrics.exact_match("`32`.", "32")
    assert metrics.exact_match("３２ 行", "32 行")
    assert not metrics.exact_match("32 rows", "32")
    assert not metrics.exact_match("-1", "1")


def test_an_empty_set_has_no_figures_but_its_size():
    assert figures.set_figures([], {"base_closed": []}, {}) == ({"rows": 0}, {})


def test_shares_are_over_all_answers():
    rows = [(question("`32`"), Answer("`32`", True)), (question("64"), Answer("I do not know", False))]
    cell = figures.cell_figures(rows)
    assert cell["exact_match"] == cell["key_values"] == cell["stopped"] == cell["refused"] == 0.5


def test_chrf_of_chinese_text_grows_with_the_characters_it_shares():
    reference = ["额定电压为 220 千伏"]
    assert metrics.chrf(reference, reference) == 100
    assert metrics.chrf(["额定电压为 110 千伏"], reference) > metrics.chrf(["没有相关说明"], reference)


def test_rouge_l_counts_chinese_by_character_and_english_by_word_in_their_order():
    assert metrics.rouge_l("额定电压", "额定电压") == 100
    assert metrics.rouge_l("额定电流", "额定电压") == 75
    assert metrics.rouge_l("the red lamp", "the lamp") == pytest.approx(80)
    assert metrics.rouge_l("lamp the", "the lamp") == 50
    assert metrics.rouge_l("", "lamp") == 0


@pytest.mark.parametrize(
    "answer", ["抱歉，我无法回答。", "I'm sorry, I can't help.", "文档中没有提到该参数。", "I don't know.", ""]
)
def test_a_refusal_is_seen(answer):
    assert metrics.refused(answer)


@pytest.mark.parametrize("answer", ["默认值为 5。", "It retries 3 times.", "The command cannot run twice."])
def test_an_answer_is_no_refusal(answer):
    assert not metrics.refused(answer)
