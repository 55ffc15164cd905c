"""evaluate holds one model at a time, and loads each no more often than its order of work needs."""

import weakref

from stages.common.base import params
from stages.evaluate import __main__ as evaluate
from stages.evaluate.local import LocalModel


class Weights:
    pass


def models(loads):
    alive = weakref.WeakSet()

    def load(name):
        assert not alive, f"{name} is loaded while another one is in memory"
        loads.append(name)
        alive.add(weights := Weights())
        weights.itself = weights  # a cycle, as hooks make them
        return weights

    return {name: LocalModel(name, name, lambda name=name: load(name), None) for name in ("base", "tuned")}


def test_the_weights_of_one_model_are_gone_before_the_other_ones_come(tmp_path, monkeypatch):
    monkeypatch.setattr(LocalModel, "in_memory", None)
    loads = []
    asked = models(loads)
    for name in ("base", "base", "tuned", "base"):
        assert asked[name].loaded() is asked[name].model
    assert loads == ["base", "tuned", "base"]


def test_losses_begin_with_the_model_that_is_in_memory(write_params, monkeypatch):
    monkeypatch.setattr(LocalModel, "in_memory", None)
    monkeypatch.setattr(evaluate, "tokenised", lambda split, rows: [split])
    monkeypatch.setattr(LocalModel, "loss", lambda self, rows, section, desc: self.loaded() and 1.0)
    loads = []
    asked = models(loads)
    asked["tuned"].loaded()
    found = evaluate.losses(
        {"exam": [], "eval_seen": [], "eval_unseen": []}, asked, params.load(write_params()).evaluate
    )
    assert loads == ["tuned", "base"]
    both = {"base_closed": 1.0, "tuned_closed": 1.0}
    assert found == {"exam": {}, "eval_seen": both, "eval_unseen": both}
