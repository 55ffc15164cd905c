"""New knowledge: what the base model never answers right, however often it is asked; its answers are drawn by seed."""

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from stages.common import schema
from stages.common.base import params
from stages.common.chat.templates import chat_for
from stages.evaluate import figures, local, predictions
from stages.evaluate.answers import Answer
from stages.evaluate.asking import Asking
from stages.evaluate.cells import MODELS
from stages.evaluate.endpoint import EndpointModel
from stages.evaluate.local import LocalModel
from support.evaluation import question

TURNS = [[{"role": "user", "content": f"What is the size of part {n}?"}] for n in range(5)]


@pytest.fixture
def section(write_params) -> schema.Evaluate:
    return params.load(write_params({"evaluate.max_new_tokens": 6, "evaluate.base_samples": 3})).evaluate


def tiny(directory) -> LocalModel:
    tokenizer = AutoTokenizer.from_pretrained(directory)
    return LocalModel("base", "tiny", lambda: AutoModelForCausalLM.from_pretrained(directory), tokenizer)


def test_a_drawn_answer_depends_on_its_seed_and_on_no_other_in_the_batch(tiny_model, section):
    chat = chat_for(AutoTokenizer.from_pretrained(tiny_model), params.load().format)
    model = tiny(tiny_model)
    greedy, one, two = (model.answers_to(TURNS, chat, section, "x", sample) for sample in range(3))
    assert one != greedy and one != two and len({answer.text for answer in one}) > 1
    model.file.unlink()
    alone = tiny(tiny_model)
    assert [alone.answers_to([turn], chat, section, "x", 1)[0] for turn in TURNS] == one
    assert alone.answers_to(TURNS, chat, section, "x") == greedy


def test_drawn_answers_are_kept_beside_the_greedy_ones(tiny_model, section, monkeypatch):
    chat = chat_for(AutoTokenizer.from_pretrained(tiny_model), params.load().format)
    first = [tiny(tiny_model).answers_to(TURNS, chat, section, "x", sample) for sample in (0, 1)]
    monkeypatch.setattr(local.answers, "generate", lambda *_: pytest.fail("asked again"))
    assert [tiny(tiny_model).answers_to(TURNS, chat, section, "x", sample) for sample in (0, 1)] == first


def test_an_endpoint_is_asked_by_seed_and_once(endpoint, section):
    endpoint.reply = lambda body: f"{body.get('seed', 'greedy')}"
    served = EndpointModel("base", "teacher", "w")
    said = [{one.text for one in served.answers_to(TURNS, None, section, "x", sample)} for sample in (0, 1, 2)]
    assert said == [{"greedy"}, {"1"}, {"2"}]
    assert {body["temperature"] for body in endpoint.requests} == {0.0, 0.5}
    sent = len(endpoint.requests)
    served.answers_to(TURNS, None, section, "x", 2)
    assert len(endpoint.requests) == sent == 15


class Wavering:
    """Knows part 0, hits on part 1 with its second drawn answer, and on part 2 never."""

    def __init__(self, knows: bool = False) -> None:
        self.knows, self.asked = knows, []

    def answers_to(self, turns, chat, section, desc, sample):
        self.asked += [(turn[-1]["content"][-2], sample) for turn in turns]
        known = {("0", 0), ("1", 2)}
        return [Answer(f"{n} kV" if (n, sample) in known or self.knows else "?", True)
                for n in (turn[-1]["content"][-2] for turn in turns)]  # fmt: skip


def test_what_the_base_hits_on_in_a_sample_is_no_new_knowledge_and_what_it_knows_is_not_asked_again(
    tiny_model, section
):
    chat = chat_for(AutoTokenizer.from_pretrained(tiny_model), params.load().format)
    rows = [question(f"{n} kV", f"Voltage of part {n}?", f"page{n}.md") for n in range(3)]
    base = Wavering()
    answers, samples = Asking(chat, section).all_cells({"eval_seen": rows}, {"base": base, "tuned": Wavering(True)})
    assert base.asked == [("0", 0), ("1", 0), ("2", 0), ("1", 1), ("2", 1), ("1", 2), ("2", 2)]
    found, _ = figures.set_figures(rows, answers["eval_seen"], {}, samples=samples["eval_seen"])
    new = found["new_knowledge"]
    assert (new["rows"], new["key_values"], new["right_in_a_sample"]) == (1, 1.0, 1)
    written = list(predictions.predictions("eval_seen", rows, answers["eval_seen"], samples=samples["eval_seen"]))
    assert [one["key_values"] for one in written[1]["base_samples"]] == [False, True]
    assert "base_samples" not in written[0]


def test_one_sample_is_the_greedy_answer_alone(tiny_model, section):
    chat = chat_for(AutoTokenizer.from_pretrained(tiny_model), params.load().format)
    rows = [question("2 kV", "Voltage of part 2?")]
    base = Wavering()
    one = section.model_copy(update={"base_samples": 1})
    answers, samples = Asking(chat, one).all_cells({"exam": rows}, {"base": base, "tuned": Wavering()})
    assert len(base.asked) == 1 and samples == {"exam": [[]]} and set(answers["exam"]) == set(MODELS)
    found, _ = figures.set_figures(rows, answers["exam"], {}, samples=samples["exam"])
    assert "right_in_a_sample" not in found["new_knowledge"]
