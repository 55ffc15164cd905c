"""Metrics say what their names say."""

from stages.shared.evaluation import metrics
from stages.shared.evaluation.answers import Answer


def test_exact_match_passes_over_marks_and_case_but_not_over_content():
    assert metrics.exact_match("`32`.", "32")
    assert metrics.exact_match("３２ 行", "32 行")
    assert not metrics.exact_match("32 rows", "32")
    assert not metrics.exact_match("-1", "1")


def test_the_figures_of_an_empty_set_are_empty():
    assert metrics.scores([], [], None) == {}


def test_scores_are_shares_over_all_answers():
    answers = [Answer("`32`", True), Answer("no idea", False)]
    figures = metrics.scores(answers, ["32", "64"], 0.0)
    assert figures["exact_match"] == 0.5 and figures["stopped"] == 0.5 and figures["perplexity"] == 1.0


def test_chrf_of_chinese_text_grows_with_the_characters_it_shares():
    reference = ["额定电压为 220 千伏"]
    assert metrics.chrf(reference, reference) == 100
    assert metrics.chrf(["额定电压为 110 千伏"], reference) > metrics.chrf(["没有相关说明"], reference)
