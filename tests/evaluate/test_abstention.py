"""Refusals, reading and what is kept of the base: figures on known cases, and a tiny model asked for real."""

import pytest

from stages.common.base import params, paths
from stages.common.chat.conversations import IGNORED, general_prompts
from stages.common.chat.templates import chat_for
from stages.common.records.files import write_jsonl
from stages.common.text.wording import language
from stages.evaluate import abstention, cells, figures, gate, retention
from stages.evaluate.answers import Answer
from stages.evaluate.local import LocalModel
from stages.report import texts
from support.evaluation import question

RIGHT, WRONG, REFUSED = Answer("7", True), Answer("It is 8.", True), Answer("The documentation does not say.", True)


def absent(number: int) -> list[cells.Question]:
    asked = [question("The documentation does not say.", f"What is x{n}?", f"{n}.md", " ") for n in range(number)]
    for one in asked:
        one.row["form"] = "unanswerable"
    return asked


def known(number: int) -> list[cells.Question]:
    return [question("`7`", f"What is k{n}?", f"{n}.md") for n in range(number)]


def measured(refusals: list[Answer], answers: list[Answer]) -> dict:
    found = {"base_closed": refusals, "tuned_closed": refusals}
    found |= {cell: [None] * len(refusals) for cell in ("base_retrieved", "tuned_retrieved")}
    of_known = {cell: answers if cell.endswith("closed") else [None] * len(answers) for cell in found}
    return abstention.figures(absent(len(refusals)), found, known(len(answers)), of_known)["tuned_closed"]


def test_refusals_are_counted_apart_for_questions_with_and_without_an_answer():
    one = measured([REFUSED, REFUSED, REFUSED, WRONG], [RIGHT, RIGHT, REFUSED, WRONG])
    assert one["refused"] == 0.75 and one["refused_answerable"] == 0.25
    assert one["precision"] == 0.75, "three of four refusals are right"
    assert one["confident_wrong"] == 0.25, "one invention and one wrong answer of eight"
    assert one["refused_low"] < 0.75 < one["refused_high"] and one["confident_wrong_low"] < 0.25


def test_a_model_that_refuses_everything_is_never_confidently_wrong_and_one_that_never_does_has_no_precision():
    everything = measured([REFUSED] * 3, [REFUSED] * 3)
    assert everything["confident_wrong"] == 0 and everything["refused_answerable"] == 1
    never = measured([WRONG] * 3, [RIGHT] * 3)
    assert "precision" not in never and never["refused"] == 0 and never["confident_wrong"] == 0.5


def test_unanswerable_questions_have_no_gold_chunk_and_are_asked_as_many_as_wanted(write_params):
    write_params()
    rows = [one.row | {"chunk_id": "c", "pair_id": str(n)} for n, one in enumerate(absent(9))]
    write_jsonl(paths.DATASET / "unanswerable.jsonl", rows)
    section = params.load().evaluate
    chunk = {"chunk_id": "c", "path": "c.md", "headings": ["C"], "text": "What is x1 in words?", "also_in": []}
    library = cells.Library([chunk], section)
    assert abstention.questions(section, library) == [], "none unless asked for"
    asked = abstention.questions(section.model_copy(update={"unanswerable_rows": 4}), library)
    assert len(asked) == 4 and all(one.gold is None for one in asked) and asked[0].retrieved == [chunk]


def test_near_misses_are_of_other_pages_and_do_not_hold_the_evidence(write_params):
    write_params({"evaluate.distractors": 2})
    texts_of = {"gold": "The lamp draws 40 W.", "twin": "The lamp draws 40 W.", "near": "The lamp is red.",
                "far": "A lamp hangs.", "other": "Cats purr."}  # fmt: skip
    chunks = [{"chunk_id": name, "path": f"{name}.md", "headings": [name], "text": text, "also_in": []}
              for name, text in texts_of.items()]  # fmt: skip
    library = cells.Library(chunks, params.load().evaluate)
    row = question("40 W", "What does the lamp draw?", "gold.md", "The lamp draws 40 W.").row | {"chunk_id": "gold"}
    (asked,) = library.with_near_misses(library.questions([row]))
    assert [one["chunk_id"] for one in asked.near] == ["near", "far"]
    assert {one["chunk_id"] for one in cells.before("mixed", asked)} == {"gold", "near", "far"}
    assert cells.before("absent", asked) == list(asked.near)
    without = cells.Question(row, asked.gold, [])
    assert not cells.before("mixed", without) and not cells.before("absent", without)


def test_reading_is_compared_with_the_base_and_with_knowing_on_the_same_questions():
    rows = known(4)
    behind = [RIGHT, RIGHT, None, None]
    found = {"tuned_closed": [RIGHT] * 4, "base_mixed": [WRONG, RIGHT, None, None], "tuned_mixed": behind,
             "base_absent": [WRONG] * 4, "tuned_absent": [RIGHT, WRONG, WRONG, WRONG]}  # fmt: skip
    reading = figures.reading(rows, found)
    assert reading["mixed"] | {"low": 0, "high": 0} == {
        "rows": 2, "base_mixed": 0.5, "tuned_mixed": 1.0, "difference": 0.5, "low": 0, "high": 0,
    }  # fmt: skip
    assert reading["absent_minus_closed"]["difference"] == -0.75
    assert figures.reading(rows, {cell: [None] * 4 for cell in found}) == {}


def test_general_prompts_are_of_both_languages_and_those_that_are_asked_are_never_replayed():
    asked, replayed = general_prompts(held_out=True), general_prompts(held_out=False)
    assert not set(asked) & set(replayed) and len(set(asked + replayed)) == len(asked + replayed) > 180
    for part in (asked, replayed):
        assert {language(prompt) for prompt in part} == {"en", "zh"}
    assert 0.15 < len(asked) / len(asked + replayed) < 0.35


@pytest.fixture
def chat(tiny_model, write_params):
    from transformers import AutoTokenizer

    write_params({"evaluate.retention_rows": 3, "evaluate.max_new_tokens": 6, "model.name": str(tiny_model)})
    return chat_for(AutoTokenizer.from_pretrained(tiny_model), params.load().format)


@pytest.mark.slow
def test_a_model_keeps_all_of_itself_and_another_one_does_not(tiny_model, chat):
    from transformers import AutoModelForCausalLM

    def model(name: str, noise: float) -> LocalModel:
        import torch

        def load():
            loaded = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
            with torch.no_grad():
                for weight in loaded.parameters():
                    weight += noise * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
            return loaded

        return LocalModel(name, f"{name}{noise}", load, chat.tokenizer)

    section = params.load().evaluate
    same = retention.figures({"base": model("base", 0.0), "tuned": model("tuned", 0.0)}, chat, section)
    assert same["rows"] == 3 and same["agreement"] == 1 and same["loss_change"] == 0
    other = retention.figures({"base": model("base", 0.0), "tuned": model("tuned", 0.5)}, chat, section)
    assert other["loss_change"] > 0.1 and other["agreement"] < 1
    assert other["loss_change_low"] <= other["loss_change"] <= other["loss_change_high"]
    assert gate.verdict(PASSING | {"retention": other}, section)["failed"][0]["check"] == "max_retention_loss"


def test_loss_lies_on_the_bases_answer_and_on_its_end_where_it_came_to_one(chat):
    turns = retention.conversation("Say hello.", chat)
    ended, cut = (retention.tokenised(turns, Answer("Hello", stopped), chat) for stopped in (True, False))
    assert ended["labels"][-1] == chat.tokenizer.eos_token_id and ended["input_ids"][:-1] == cut["input_ids"]
    supervised = [token for token in cut["labels"] if token != IGNORED]
    assert chat.tokenizer.decode(supervised) == "Hello"


PASSING = {"eval_seen": {"tuned_minus_base": {"key_values": 0.5, "low": 0.3}, "tuned_closed": {"stopped": 1.0}}}


def test_the_gate_looks_at_what_was_measured_and_at_nothing_else(write_params):
    write_params({"evaluate.gate.min_reading": 0.5, "evaluate.gate.min_refused": 0.8,
                  "evaluate.gate.max_refused_answerable": 0.05, "evaluate.gate.max_confident_wrong": 0.3})  # fmt: skip
    section = params.load().evaluate
    assert gate.verdict(PASSING, section)["passed"], "what is not measured fails nothing"
    good = {"tuned_closed": {"refused": 0.8, "refused_answerable": 0.05, "confident_wrong": 0.3}}
    bad = {"tuned_closed": {"refused": 0.7, "refused_answerable": 0.1, "confident_wrong": 0.4}}
    assert gate.verdict(PASSING | {"abstention": good, "reading": {"mixed": {"tuned_mixed": 0.5}}}, section)["passed"]
    verdict = gate.verdict(PASSING | {"abstention": bad, "reading": {"mixed": {"tuned_mixed": 0.4}}}, section)
    assert {one["check"] for one in verdict["failed"]} == {
        "min_reading", "min_refused", "max_refused_answerable", "max_confident_wrong",
    }  # fmt: skip
    assert all("{" not in texts.failed(one) for one in verdict["failed"]), "the report says so in both languages"
    assert all(reason.count("%") == 1 for reason in verdict["reasons"])
