"""Whether the tuned model is good enough to be promoted, and why not."""

from typing import Any

from stages.shared.params import Evaluate


def verdict(figures: dict[str, Any], section: Evaluate) -> dict[str, Any]:
    """`passed` and the `reasons` against, each one sentence. Judged on eval_seen, where learning shows."""
    reasons = list(failures(figures, section))
    return {"passed": not reasons, "reasons": reasons}


def failures(figures: dict[str, Any], section: Evaluate) -> Any:
    gate = section.gate
    seen = figures["eval_seen"]
    if "tuned_minus_base" not in seen:
        yield "eval_seen has no rows, so that nothing shows whether the model learnt"
        return
    gain, tuned = seen["tuned_minus_base"], seen["tuned_closed"]
    if gain["key_values"] < gate.min_gain:
        yield f"the gain in key values on eval_seen is {gain['key_values']:.2f}, below gate.min_gain = {gate.min_gain}"
    if gain["low"] <= 0:
        yield f"the interval of that gain reaches down to {gain['low']:.2f}, so it may be chance"
    if tuned["stopped"] < gate.min_stopped:
        yield f"{tuned['stopped']:.0%} of the answers end by themselves, below gate.min_stopped = {gate.min_stopped}"
    for task, scores in figures.get("forgetting", {}).items():
        loss = scores["base"] - scores["tuned"]
        if loss > gate.max_forgetting:
            yield f"{task} fell by {loss:.3f}, more than gate.max_forgetting = {gate.max_forgetting}"
