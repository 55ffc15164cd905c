"""What became of the requests of one run."""

import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PERCENTILES = (50, 90, 99)


@dataclass
class Outcome:
    """Counts of one call of `client.complete`. Every request ends as one of: hit, answered, refused, failed.

    `faults` are the calls that brought no answer, `failures` the requests that were given up for now (transient: the
    next run asks them), `refusals` those that will never be answered (stored), all by kind; refusals that an earlier
    run stored are among the hits and counted in `refused_before`. `example` is the first message behind a request
    without an answer.
    """

    hits: int = 0
    answered: int = 0
    calls: int = 0
    retries: int = 0  # calls beyond the first for a request
    prompt_tokens: int = 0
    answer_tokens: int = 0
    refused_before: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    example: str = ""
    prompts_cut: int = 0  # calls in which the server counted far fewer prompt tokens than there are
    adapted: list[str] = field(default_factory=list)  # how calls had to be changed for the endpoint, in words
    latencies: "array[float]" = field(default_factory=lambda: array("f"))  # seconds of each completed call
    per_second: Counter[int] = field(default_factory=Counter)  # answers stored in each second of the run
    seconds: float = 0.0  # from the first call to the last answer; 0 when nothing was asked
    started: float = 0.0  # on the monotonic clock

    def __add__(self, after: "Outcome") -> "Outcome":
        """This run and the one that followed it as one."""
        both = Outcome(example=self.example or after.example, seconds=self.seconds + after.seconds)
        both.prompts_cut, both.adapted = self.prompts_cut + after.prompts_cut, [*self.adapted, *after.adapted]
        for name in ("hits", "answered", "calls", "retries", "prompt_tokens", "answer_tokens", "refused_before"):
            setattr(both, name, getattr(self, name) + getattr(after, name))
        for name in ("faults", "failures", "refusals", "latencies"):
            setattr(both, name, getattr(self, name) + getattr(after, name))
        shift = len(self.series())
        both.per_second = self.per_second + Counter({second + shift: n for second, n in after.per_second.items()})
        return both

    def hit(self, refused: str) -> None:
        """Note a request that has its entry, which says why it was refused if it was."""
        self.hits += 1
        self.refused_before += bool(refused)
        self.note(refused)

    def start(self) -> None:
        self.started = time.monotonic()

    def stop(self) -> None:
        self.seconds = time.monotonic() - self.started if self.started else 0.0

    def count_call(self, prompt_tokens: int, answer_tokens: int, seconds: float) -> None:
        """Note a call that came back with a completion."""
        self.prompt_tokens += prompt_tokens
        self.answer_tokens += answer_tokens
        self.latencies.append(seconds)

    def count_answer(self) -> None:
        self.answered += 1
        self.per_second[int(time.monotonic() - self.started)] += 1

    def note(self, message: str) -> None:
        """Keep the first message behind a request without an answer."""
        self.example = self.example or message

    def completed(self) -> int:
        """Calls that came back with a completion."""
        return len(self.latencies)

    def mean_answer_tokens(self) -> float:
        return self.answer_tokens / len(self.latencies) if self.latencies else 0.0

    def total(self) -> int:
        """All requests, those that stand twice in the stream counted once."""
        return self.hits + self.answered + self.failures.total() + self.refusals.total()

    def unanswered(self) -> int:
        """Requests without an answer, those that an earlier run found refused included."""
        return self.failures.total() + self.refusals.total() + self.refused_before

    def reasons(self) -> str:
        """Why requests have no answer, for a line to the user."""
        kinds = [f"{count} × {kind}" for kind, count in (self.failures + self.refusals).most_common()]
        if self.refused_before:
            kinds.append(f"{self.refused_before} × refused in an earlier run")
        if self.example:
            kinds[-1] += f"; the first: {self.example}"
        if self.refusals.total() > self.refusals["truncated"] or self.refused_before:
            kinds[-1] += "; refusals are not requested again unless you delete them: doclore store gc --refusals --yes"
        return ", ".join(kinds)

    def latency(self) -> dict[str, float]:
        """Seconds of a completed call by percentile (nearest rank); empty when there was none."""
        ordered = sorted(self.latencies)
        ranks = {f"p{percent}": -(-len(ordered) * percent // 100) for percent in PERCENTILES}
        return {name: round(ordered[rank - 1], 3) for name, rank in ranks.items()} if ordered else {}

    def series(self) -> list[dict[str, int]]:
        """Answers stored in each second of the run, for a plot."""
        last = max(self.per_second, default=-1)
        return [{"second": second, "answers": self.per_second[second]} for second in range(last + 1)]

    def report(self) -> dict[str, Any]:
        """The figures for a stage's report."""
        return {
            "hits": self.hits,
            "answered": self.answered,
            "calls": self.calls,
            "retries": self.retries,
            "failed": self.unanswered(),
            "faults": dict(sorted(self.faults.items())),
            "failures": dict(sorted(self.failures.items())),
            "refusals": dict(sorted(self.refusals.items())),
            "prompts_cut": self.prompts_cut,
            "prompt_tokens": self.prompt_tokens,
            "answer_tokens": self.answer_tokens,
            "latency_seconds": self.latency(),
            "seconds": round(self.seconds, 1),
        }
