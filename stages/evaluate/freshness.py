"""Whether a model says what the documentation says now: facts with another answer than before, and facts that are gone
(data/previous/facts.jsonl, by `doclore update`), asked closed-book."""

from collections.abc import Sequence
from typing import Any

from stages.common.base import paths
from stages.common.chat.templates import Chat
from stages.common.exam.key_values import states
from stages.common.records.files import read_jsonl
from stages.common.schema import Evaluate
from stages.evaluate import statistics
from stages.evaluate.answers import Answer
from stages.evaluate.figures import named, rounded
from stages.evaluate.models import Models
from stages.evaluate.retention import conversation

Fact = dict[str, str]


def facts(section: Evaluate) -> list[Fact]:
    """At most `evaluate.max_rows` of them; none where `doclore update` wrote none."""
    file = paths.PREVIOUS / "facts.jsonl"
    found = list(read_jsonl(file)) if file.exists() else []
    return found[: section.max_rows or len(found)]


def figures(asked: Models, chat: Chat, section: Evaluate) -> dict[str, Any]:
    """By model the shares of the changed facts answered as now (new) and as before (stale), and of
    the gone ones the share still asserted."""
    chosen = facts(section)
    turns = [conversation(fact["question"], chat) for fact in chosen]
    found: dict[str, Any] = {}
    for name in ("base", "tuned") if chosen else ():
        answers = asked[name].answers_to(turns, chat, section, "freshness")
        found[f"{name}_closed"] = of_model(list(zip(chosen, answers, strict=True)))
    return {"rows": len(chosen), **found} if chosen else {}


def of_model(rows: Sequence[tuple[Fact, Answer]]) -> dict[str, Any]:
    changed = [(fact, answer) for fact, answer in rows if fact["new"]]
    gone = [(fact, answer) for fact, answer in rows if not fact["new"]]
    new = [says(answer, fact, "new") for fact, answer in changed]
    stale = [says(answer, fact, "old") and not fresh for (fact, answer), fresh in zip(changed, new, strict=True)]
    asserted = [says(answer, fact, "old") for fact, answer in gone]
    figures: dict[str, Any] = {"changed": len(changed), "gone": len(gone)}
    for name, hits, part in (("new", new, changed), ("stale", stale, changed), ("still_asserted", asserted, gone)):
        if hits:
            interval = statistics.share_interval([fact["path"] for fact, _ in part], hits)
            figures |= {name: sum(hits) / len(hits), **named(interval, f"{name}_")}
    return rounded(figures)


def says(answer: Answer, fact: Fact, side: str) -> bool:
    return states(answer.text, fact[side], fact["question"])
