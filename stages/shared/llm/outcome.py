"""What became of the requests of one run."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outcome:
    """Counts of one call of `client.complete`. A request is a hit, answered, failed or refused.

    `failures` (transient, asked again by the next run) and `refusals` (permanent, stored) are counted by kind;
    `example` is the first message behind one.
    """

    hits: int = 0
    answered: int = 0
    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def unanswered(self) -> int:
        """Requests of this run without an answer."""
        return self.failures.total() + self.refusals.total()

    def reasons(self) -> str:
        """Why requests have no answer, for a line to the user."""
        kinds = (self.failures + self.refusals).most_common()
        text = ", ".join(f"{count} × {kind}" for kind, count in kinds)
        return f"{text}; the first: {self.example}" if self.example else text

    def report(self) -> dict[str, Any]:
        """The figures for a stage's report."""
        return {
            "hits": self.hits,
            "calls": self.calls,
            "retries": self.retries,
            "prompt_tokens": self.prompt_tokens,
            "answer_tokens": self.answer_tokens,
            "failed": self.unanswered(),
        }
