"""How fast answers came, as points of a plot."""

from stages.common.llm.outcome import Outcome

MOST_POINTS = 200


def pace(asked: Outcome) -> list[dict[str, float]]:
    """Answers per second over the run, each point the mean of as many seconds as keep the points few. Where nothing
    was asked there is one point of zero: DVC cannot draw a plot without any."""
    last = max(asked.per_second, default=0)
    width = last // MOST_POINTS + 1
    return [
        {
            "second": start,
            "answers_per_second": round(sum(asked.per_second[start + n] for n in range(width)) / width, 3),
        }
        for start in range(0, last + 1, width)
    ]
