"""The audit lets the merged model pass, and nothing else."""

import json

import pytest
from safetensors.torch import load_file, save_file

from stages.common.base import params, paths
from stages.common.base.errors import UserError
from stages.common.records.files import read_json
from stages.merge import __main__ as merge
from stages.merge import audit
from stages.train import __main__ as train


@pytest.fixture
def merged(after):
    after(train, merge, train__max_steps=30, train__learning_rate=0.02)


def again() -> dict:
    """The audit of what lies in models/merged now."""
    from transformers import AutoTokenizer

    settings, tokenizer = params.load(), AutoTokenizer.from_pretrained(paths.ADAPTER)
    return merge.audited(settings, tokenizer, merge.reference(settings))


def change_weights(factor: float) -> None:
    file = paths.MERGED / "model.safetensors"
    weights = {name: weight * factor if "down_proj" in name else weight for name, weight in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})


def test_the_merged_model_chooses_as_base_and_adapter_do(merged):
    figures = read_json(paths.REPORTS / "merge.json")["audit"]
    assert figures["prompts"] == 12, "4 held-out rows, filled up with trained ones"
    assert figures["greedy_agreement"] >= 0.95 and figures["perplexity_change"] < 0.05
    assert figures == again()


@pytest.mark.parametrize("factor", [0.0, -1.0], ids=["a layer lost", "a layer with the wrong sign"])
def test_other_weights_fail_the_stage(merged, factor):
    change_weights(factor)
    with pytest.raises(UserError, match=r"merge audit: .*merge\.audit"):
        again()


def test_the_base_without_the_adapter_fails_the_stage(merged, tiny_model):
    base = load_file(tiny_model / "model.safetensors")
    save_file(base, paths.MERGED / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="merge audit"):
        again()


def test_another_template_or_stop_token_fails_the_stage(merged):
    template = paths.MERGED / "chat_template.jinja"
    kept = template.read_text()
    template.write_text(kept + " ")
    with pytest.raises(UserError, match="chat template"):
        again()
    template.write_text(kept)
    file = paths.MERGED / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token_id": 5}))
    with pytest.raises(UserError, match="does not stop at"):
        again()


def test_one_end_may_differ_by_a_rounding_and_two_may_not(write_params):
    section = params.load(write_params()).merge.audit
    figures = {"greedy_agreement": 0.99, "worst_pair": "p", "perplexity_change": 0.0, "answers_ended": 4}
    audit.check(figures | {"stop_agreement": 0.75}, section)
    with pytest.raises(UserError, match=r"only 50\.0% of the answers end"):
        audit.check(figures | {"stop_agreement": 0.5}, section)


def test_fewer_bits_have_limits_of_their_own(write_params):
    section = params.load(write_params()).merge.audit
    figures = {"greedy_agreement": 0.85, "worst_pair": "p", "perplexity_change": 0.3, "answers_ended": 0}
    figures["stop_agreement"] = 1.0
    audit.check(figures, section, "q4_k_m")
    for kind, limit in (("q8_0", "min_agreement_q8_0 = 0.9"), ("", "min_agreement = 0.95")):
        with pytest.raises(UserError, match=rf"85\.0% of the tokens agree .*merge\.audit\.{limit}"):
            audit.check(figures, section, kind)
