"""Whether the tuned model is good enough to be promoted, and why not."""

from collections.abc import Iterator
from typing import Any

from stages.common.schema import Evaluate

# What a check says when it fails, with the values that it fails by; reporting/words.py says the same in both languages.
REASONS = {
    "no_rows": "eval_seen has no rows, so that nothing shows whether the model learnt",
    "min_gain": "the gain in key values on eval_seen is {value:.2f}, below gate.min_gain = {limit}",
    "chance": "the interval of that gain reaches down to {value:.2f}, so it may be chance",
    "min_stopped": "{value:.0%} of the answers end by themselves, below gate.min_stopped = {limit}",
    "max_forgetting": "{task} fell by {value:.3f}, more than gate.max_forgetting = {limit}",
}


def verdict(figures: dict[str, Any], section: Evaluate) -> dict[str, Any]:
    """`passed`, the `reasons` against in one sentence each, and the same as `failed` checks with their values. Judged
    on eval_seen, where learning shows."""
    failed = list(failures(figures, section))
    reasons = [REASONS[failure["check"]].format(**failure) for failure in failed]
    return {"passed": not failed, "reasons": reasons, "failed": failed}


def failures(figures: dict[str, Any], section: Evaluate) -> Iterator[dict[str, Any]]:
    gate = section.gate
    seen = figures["eval_seen"]
    if "tuned_minus_base" not in seen:
        yield {"check": "no_rows"}
        return
    gain, stopped = seen["tuned_minus_base"], seen["tuned_closed"]["stopped"]
    if gain["key_values"] < gate.min_gain:
        yield {"check": "min_gain", "value": gain["key_values"], "limit": gate.min_gain}
    if gain["low"] <= 0:
        yield {"check": "chance", "value": gain["low"]}
    if stopped < gate.min_stopped:
        yield {"check": "min_stopped", "value": stopped, "limit": gate.min_stopped}
    for task, scores in figures.get("forgetting", {}).items():
        fall = scores["base"] - scores["tuned"]
        if fall > gate.max_forgetting:
            yield {"check": "max_forgetting", "task": task, "value": round(fall, 4), "limit": gate.max_forgetting}
