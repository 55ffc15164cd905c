"""Whether the tuned model is good enough to be promoted, and why not."""

from collections.abc import Iterator
from typing import Any

from stages.common.schema import Evaluate

# What a check says when it fails, with the values that it fails by; report/texts.yaml says the same in both languages.
REASONS = {
    "no_rows": "{set} has no rows, so that nothing shows whether the model learnt",
    "min_gain": "the gain in key values on {set} is {value:.2f}, below gate.min_gain = {limit}",
    "one_page": "{set} rests on one page, so nothing tells whether its gain is chance",
    "chance": "the interval of the gain on {set} reaches down to {value:.2f}, so it may be chance",
    "min_stopped": "{value:.0%} of the answers on {set} end by themselves, below gate.min_stopped = {limit}",
    "max_forgetting": "{task} fell by {value:.3f}, more than gate.max_forgetting = {limit}",
}


def verdict(figures: dict[str, Any], section: Evaluate) -> dict[str, Any]:
    """`passed`, the `reasons` against in one sentence each, and the same as `failed` checks with their values. Judged
    on `gate.set`: eval_seen, where learning shows, or the user's own exam."""
    failed = list(failures(figures, section))
    reasons = [REASONS[failure["check"]].format(**failure) for failure in failed]
    return {"set": section.gate.set, "passed": not failed, "reasons": reasons, "failed": failed}


def failures(figures: dict[str, Any], section: Evaluate) -> Iterator[dict[str, Any]]:
    gate = section.gate
    measured = figures[gate.set]
    if "tuned_minus_base" not in measured:
        yield {"check": "no_rows", "set": gate.set}
        return
    gain, stopped = measured["tuned_minus_base"], measured["tuned_closed"]["stopped"]
    if gain["key_values"] < gate.min_gain:
        yield {"check": "min_gain", "set": gate.set, "value": gain["key_values"], "limit": gate.min_gain}
    if "low" not in gain:
        yield {"check": "one_page", "set": gate.set}
    elif gain["low"] <= 0:
        yield {"check": "chance", "set": gate.set, "value": gain["low"]}
    if stopped < gate.min_stopped:
        yield {"check": "min_stopped", "set": gate.set, "value": stopped, "limit": gate.min_stopped}
    for task, scores in figures.get("forgetting", {}).items():
        fall = scores["base"] - scores["tuned"]
        if fall > gate.max_forgetting:
            yield {"check": "max_forgetting", "task": task, "value": round(fall, 4), "limit": gate.max_forgetting}
