"""Whether the tuned model is good enough to be promoted, and why not."""

from collections.abc import Iterator
from typing import Any

from stages.common.schema import Evaluate

# What a check says when it fails, with the values that it fails by; report/texts.yaml says the same in both languages.
REASONS = {
    "no_rows": "{set} has no rows, so it is unknown whether the model learned",
    "min_gain": "the gain in key values on {set} is {value:.2f}, below gate.min_gain = {limit}",
    "one_page": "{set} rests on one page, so its gain may be chance",
    "chance": "the interval of the gain on {set} reaches down to {value:.2f}, so it may be chance",
    "min_stopped": "{value:.0%} of the answers on {set} end on their own, below gate.min_stopped = {limit}",
    "min_reading": "{value:.0%} of the answers with mixed passages are right, below gate.min_reading = {limit}",
    "min_refused": "{value:.0%} of the unanswerable questions are refused, below gate.min_refused = {limit}",
    "max_refused_answerable": "{value:.0%} of the answerable questions are refused, above "
    "gate.max_refused_answerable = {limit}",
    "max_confident_wrong": "{value:.0%} of the answers are wrong without being refusals, above "
    "gate.max_confident_wrong = {limit}",
    "max_retention_loss": "the loss on the base's own answers rose by {value:.2f} nats, above "
    "gate.max_retention_loss = {limit}",
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
    yield from outside(figures, section)
    for task, scores in figures.get("forgetting", {}).items():
        fall = scores["base"] - scores["tuned"]
        if fall > gate.max_forgetting:
            yield {"check": "max_forgetting", "task": task, "value": round(fall, 4), "limit": gate.max_forgetting}


def outside(figures: dict[str, Any], section: Evaluate) -> Iterator[dict[str, Any]]:
    """What fails of reading, abstention (closed-book) and retention, where they were measured."""
    measured = {
        "min_reading": figures.get("reading", {}).get("mixed", {}).get("tuned_mixed"),
        "max_retention_loss": figures.get("retention", {}).get("loss_change"),
    }
    for name in ("refused", "refused_answerable", "confident_wrong"):
        limit = "min_refused" if name == "refused" else f"max_{name}"
        measured[limit] = figures.get("abstention", {}).get("tuned_closed", {}).get(name)
    for check, value in measured.items():
        limit = getattr(section.gate, check)
        if value is not None and (value < limit if check.startswith("min") else value > limit):
            yield {"check": check, "value": value, "limit": limit}
