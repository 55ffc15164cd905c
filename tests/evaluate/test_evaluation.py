"""Intervals, search, context and kept answers of evaluate, on known cases."""

import json
from pathlib import Path

import pytest

from stages.commands import summary
from stages.common.base import params, paths
from stages.common.base.errors import ParamsError
from stages.common.chat.passages import passage
from stages.common.chat.templates import chat_for
from stages.common.exam.search import Search
from stages.common.models.base import hub
from stages.evaluate import cells, figures, gate, local, statistics
from stages.evaluate.answers import Answer
from stages.evaluate.asking import Asking
from stages.evaluate.cells import Question
from stages.report import texts
from support.evaluation import question


def chunk(name: str, text: str, *headings: str) -> dict:
    return {"chunk_id": name, "path": f"{name}.md", "headings": list(headings) or [name], "text": text, "also_in": []}


def test_rows_of_one_page_count_as_one_observation():
    right = [True] * 10 + [False] * 10
    apart = statistics.share_interval([str(i) for i in range(20)], right)
    together = statistics.share_interval(["a"] * 10 + ["b"] * 10, right)
    assert 0.2 < apart.low < 0.5 < apart.high < 0.8
    assert tuple(together) == (0.0, 1.0)


def test_a_gain_on_every_page_is_no_chance_and_one_that_cancels_out_is():
    pages = [str(i) for i in range(12)]
    assert statistics.paired_p(pages, [False] * 12, [True] * 12) < 0.01
    assert statistics.paired_p(pages, [True, False] * 6, [False, True] * 6) == 1.0
    low, high = statistics.difference_interval(pages, [False] * 12, [True] * 12)
    assert 0.6 < low < 0.8 and high == 1.0
    low, high = statistics.difference_interval(pages, [False] * 12, [False] * 12)
    assert low < 0 < high and low == pytest.approx(-high)
    half = [True, False] * 6
    assert statistics.difference_interval(pages, half, half).high < 0.05, "the same answers to every question"


def test_no_right_answer_and_none_wrong_are_no_certainty_and_fewer_pages_are_less():
    none = statistics.share_interval([str(i) for i in range(32)], [False] * 32)
    assert none.low == 0 and none.high == pytest.approx(0.107, abs=0.001), "Wilson's of 0 in 32"
    every = statistics.share_interval([str(i) for i in range(32)], [True] * 32)
    assert every.high == 1 and every.low == pytest.approx(1 - none.high)
    assert statistics.share_interval(["a", "b"] * 16, [False] * 32).high > 0.6


def test_gap_recovery_is_1_where_the_tuned_model_equals_the_base_with_the_page():
    assert statistics.gap_recovery(0.1, 0.9, 0.9) == pytest.approx(1)
    assert statistics.gap_recovery(0.1, 0.9, 0.1) == 0
    assert statistics.gap_recovery(0.5, 0.5, 0.9) is None, "the page does not help"


def test_gap_recovery_is_taken_over_the_rows_that_all_its_cells_have():
    rows = [question("`7`", path=str(i)) for i in range(4)]
    good, bad = Answer("7", True), Answer("8", True)
    found = {
        "base_closed": [bad] * 4,
        "base_gold": [good, good, None, None],
        "tuned_closed": [good, bad, good, good],
    }
    assert figures.headline(rows, found)["gap_recovery"] == 0.5


def test_gap_recovery_has_no_interval_where_the_page_may_not_help_at_all():
    pages = [str(i) for i in range(20)]
    base, tuned = [False] * 20, [True] * 20
    sure = statistics.gap_recovery_interval(pages, base, [True] * 15 + [False] * 5, tuned)
    assert 1 < sure.low < sure.high < 2.5
    assert statistics.gap_recovery_interval(pages, base, [True] + [False] * 19, tuned) is None
    rows = [question("`7`", path=page) for page in pages]
    good, bad = Answer("7", True), Answer("8", True)
    found = {"base_closed": [bad] * 20, "base_gold": [good] + [bad] * 19, "tuned_closed": [good] * 20}
    told = figures.headline(rows, found)
    assert told["gap_recovery"] == 20 and "low" not in told
    assert told["gap"] == 0.05 and told["gap_low"] <= 0 < told["gap_high"]
    assert "no interval" in summary.headline({"headline": told, "gate": {"passed": True}})


def test_a_search_over_nothing_finds_nothing():
    assert Search([]).find("Where is it?", 3) == []


def test_search_finds_chinese_without_spaces_and_names_in_code():
    search = Search(["变压器的额定电压为 220 千伏", "发电机的惯性时间常数", "Set `lora.r` to 16"])
    assert search.find("惯性时间常数是多少？", 1) == [1]
    assert search.find("What does lora.r do?", 1) == [2]
    assert len(search.find("额定电压", 9)) == 3


def test_a_search_by_meaning_finds_what_is_said_in_other_words(word_model, section):
    fillers = [f"filler {n} length" for n in range(9)]
    texts = ["use of length", *fillers, "the lever has a use", *fillers, "the lever is red", "use of length"]

    def searching(model: str) -> Search:
        chunks = [chunk("c", text) for text in texts]
        return cells.Library(chunks, section.model_copy(update={"semantic_model": model})).search

    search = searching(word_model)
    assert search.find("purpose", 1) == [10], "texts without any of the words have no place in the order by words"
    assert search.find("the red lever", 1) == [20], "words count, too"
    with pytest.raises(ParamsError, match=r"evaluate\.semantic_model"):
        searching("nowhere")


def test_a_chunk_that_is_cut_keeps_its_evidence(tiny_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    long = chunk("a", "filler words here. " * 200 + "The size is 42 rows. " + "more filler. " * 200, "Page")
    text = passage(long, "The size is 42 rows.", tokenizer, 150)
    assert "The size is 42 rows." in text and text.startswith("Page\n")
    assert len(tokenizer(text).input_ids) <= 160


class Counting(local.LocalModel):
    """A subject that counts what it is asked for."""

    def __init__(self, identity: str) -> None:
        self.asked: list[str] = []
        super().__init__("base", identity, lambda: object(), None)


@pytest.fixture
def section(write_params):
    write_params()
    return params.load().evaluate


def test_an_answer_is_generated_once_even_by_another_run(section, monkeypatch):
    calls = []

    def generate(model, tokenizer, prompts, *rest):
        calls.append(list(prompts))
        return [Answer(prompt.upper(), True) for prompt in prompts]

    monkeypatch.setattr(local.answers, "generate", generate)
    first = Counting("m").answers(["a", "bb", "a"], section, "")
    assert [answer.text for answer in first] == ["A", "BB", "A"] and sorted(calls[0]) == ["a", "bb"]
    assert Counting("m").answers(["bb", "ccc"], section, "")[1].text == "CCC"
    assert calls[1:] == [["ccc"]]
    Counting("other").answers(["a"], section, "")
    assert calls[2:] == [["a"]], "another model answers for itself"


def test_a_reference_that_is_longer_than_the_room_gets_room_to_be_answered_and_no_other(tiny_model, section):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    chat = chat_for(tokenizer, params.load().format)
    section = section.model_copy(update={"max_new_tokens": 8, "max_context_rows": 1})
    references = ["4 kV", "one two three four five six seven eight nine ten", "5 kV"]
    rows = [question(text, f"What is {text[:3]}?") for text in references]
    tokens = len(tokenizer(references[1], add_special_tokens=False).input_ids) + 1
    wide = cells.answer_budget(rows[1], chat, section)
    assert tokens <= wide < 2 * tokens and wide % 8 == 0 and cells.answer_budget(rows[0], chat, section) == 8
    exact = section.model_copy(update={"max_new_tokens": tokens})
    assert cells.answer_budget(rows[1], chat, exact) == tokens, "the stop token has its place"

    class Echo:
        def answers_to(self, turns, chat, section, *_):
            return [Answer(f"{turn[-1]['content']} in {section.max_new_tokens}", True) for turn in turns]

    found, _ = Asking(chat, section).all_cells({"eval_seen": rows}, {"base": Echo(), "tuned": Echo()})
    asked = [row.row["instruction"] for row in rows]
    assert [answer.text for answer in found["eval_seen"]["tuned_closed"]] == [
        f"{asked[0]} in 8", f"{asked[1]} in {wide}", f"{asked[2]} in 8",
    ]  # fmt: skip


def test_a_line_that_a_kill_cut_off_is_asked_again(section, monkeypatch):
    monkeypatch.setattr(local.answers, "generate", lambda m, t, prompts, *rest: [Answer("x", True) for _ in prompts])
    one = Counting("m")
    one.answers(["a", "b"], section, "")
    whole = one.file.read_text()
    one.file.write_text(whole[:-5])
    again = Counting("m")
    assert len(again.known) == 1
    assert len(again.answers(["a", "b"], section, "")) == 2


def test_the_hash_of_a_model_follows_its_bytes(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"one")
    (tmp_path / "README.md").write_text("a")
    first = hub.fingerprint(tmp_path)
    (tmp_path / "README.md").write_text("b")
    assert hub.fingerprint(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"two!")
    assert hub.fingerprint(tmp_path) != first
    assert json.loads((paths.cache_dir() / "answers" / "hashes.json").read_text())


def gain(share: float, low: float, stopped: float = 1.0, measured: str = "eval_seen") -> dict:
    return {measured: {"tuned_minus_base": {"key_values": share, "low": low}, "tuned_closed": {"stopped": stopped}}}


def test_the_gate_asks_for_a_sure_gain_and_answers_that_end(section):
    assert gate.verdict(gain(0.5, 0.3), section) == {"set": "eval_seen", "passed": True, "reasons": [], "failed": []}
    for figures_, words in [
        (gain(0.01, 0.005), "gain"),
        (gain(0.5, -0.1), "chance"),
        (gain(0.5, 0.0), "chance"),
        ({"eval_seen": {"tuned_minus_base": {"key_values": 1.0}, "tuned_closed": {"stopped": 1.0}}}, "one page"),
        (gain(0.5, 0.3, 0.5), "end on their own"),
        (gain(0.5, 0.3) | {"forgetting": {"mmlu": {"base": 0.5, "tuned": 0.3}}}, "mmlu"),
        ({"eval_seen": {"rows": 0}}, "no rows"),
    ]:
        verdict = gate.verdict(figures_, section)
        assert not verdict["passed"] and words in verdict["reasons"][0]
        assert "{" not in texts.failed(verdict["failed"][0]), "the report says it, too, in both languages"


def test_a_figure_at_its_limit_passes_the_gate_and_a_fall_is_told_to_four_digits(section):
    limits = section.gate
    at_limit = {"base": limits.max_forgetting, "tuned": 0.0}, {"base": 0.5, "tuned": 0.5}
    figures_ = gain(limits.min_gain, 0.001, limits.min_stopped) | {"forgetting": dict(zip("ab", at_limit, strict=True))}
    assert gate.verdict(figures_, section)["passed"]
    below = gain(0.5, 0.3) | {"forgetting": {"mmlu": {"base": 0.5, "tuned": 0.312351}}}
    assert gate.verdict(below, section)["failed"][0]["value"] == 0.1876


def test_the_report_knows_every_reason_of_the_gate():
    assert texts.GATE.keys() == gate.REASONS.keys()


def test_a_question_without_a_chunk_has_no_context(section):
    assert Question(question("x").row, None, []).gold is None
    assert cells.messages("base_closed", question("x"), FakeChat(), section)
    assert cells.messages("base_gold", question("x"), FakeChat(), section) is None


class FakeChat:
    folds_system = False
    template = ""

    class section:  # noqa: N801
        mode, system_prompt, thinking = "chat", "", "empty"


def test_an_edit_of_the_code_that_answers_asks_again(section, monkeypatch, tmp_path):
    monkeypatch.setattr(local.answers, "generate", lambda m, t, prompts, *rest: [Answer("old", True) for _ in prompts])
    assert Counting("m").answers(["a"], section, "")[0].text == "old"
    edited = tmp_path / "answers.py"
    edited.write_bytes(Path(local.answers.__file__).read_bytes() + b"\n# edited\n")
    monkeypatch.setattr(local.answers, "__file__", str(edited))
    monkeypatch.setattr(local.answers, "generate", lambda m, t, prompts, *rest: [Answer("new", True) for _ in prompts])
    assert Counting("m").answers(["a"], section, "")[0].text == "new"
    monkeypatch.setattr(local, "version", lambda library: "99.0")
    monkeypatch.setattr(local.answers, "generate", lambda m, t, prompts, *rest: [Answer("99", True) for _ in prompts])
    assert Counting("m").answers(["a"], section, "")[0].text == "99", "another version of a library answers anew"


def test_a_figure_that_rests_on_one_page_has_no_interval():
    right, wrong = Answer("`7`", True), Answer("8", True)
    rows = [question("`7`", f"Q{n}", "page.md") for n in range(6)]
    found, headline = figures.set_figures(
        rows, {"base_closed": [wrong] * 6, "base_gold": [right] * 6, "tuned_closed": [right] * 5 + [wrong]}, {}
    )
    assert found["pages"] == 1 and found["tuned_closed"]["key_values"] == pytest.approx(0.8333)
    assert not [key for part in (found["tuned_closed"], found["tuned_minus_base"], headline)
                for key in part if key.endswith(("low", "high")) or key == "p"]  # fmt: skip


def test_chance_is_never_ruled_out_for_certain():
    """The observed answers are one of the arrangements that are counted, so p is never 0 (Phipson and Smyth 2010)."""
    pages = [str(n) for n in range(40)]
    assert statistics.paired_p(pages, [False] * 40, [True] * 40) == pytest.approx(1 / 2001)


@pytest.mark.parametrize(("one", "other"), [((1, 13), (5, 8)), ((6, 9), (2, 14))])
def test_two_orders_are_joined_by_reciprocal_ranks_with_the_constant_of_the_paper(one, other):
    """By 1 / (60 + rank) the first text is ahead in both cases; with 61 it would be behind in the first, with 59 in the
    second."""

    class Orders(Search):
        def __init__(self) -> None:
            self.embeddings, self.ranks = True, {100: one, 200: other}

        def order(self, n: int) -> list[int]:
            places = {ranks[n]: text for text, ranks in self.ranks.items()}
            return [places.get(rank, 1000 * (n + 1) + rank) for rank in range(1, 20)]

        def by_words(self, question, most):
            return self.order(0)

        def by_meaning(self, question):
            return self.order(1)

    assert [text for text in Orders().find("x", 40) if text in (100, 200)] == [100, 200]


def test_a_long_answer_moves_while_it_is_written(tiny_model):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    seen: list[int] = []
    watched = local.answers.generate(model, tokenizer, ["Why is that?", "a"], 5, 2, seen.append)
    assert seen == list(range(1, len(seen) + 1)) and 1 <= len(seen) <= 5
    assert watched == local.answers.generate(model, tokenizer, ["Why is that?", "a"], 5, 2)
