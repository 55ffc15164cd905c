"""The curves of reports/train_log.json as small line charts."""

import math
from collections.abc import Iterable
from typing import NamedTuple

WIDTH, HEIGHT = 480, 170  # user units of the SVG
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 24  # margins for the axes
MAX_POINTS = 240
CURVES = ("loss", "learning_rate", "grad_norm", "tokens_per_second")


class Tick(NamedTuple):
    """A place on an axis, in user units, and its number."""

    at: float
    text: str


class Curve(NamedTuple):
    """`points` are those of an SVG polyline."""

    name: str
    points: str
    across: list[Tick]
    up: list[Tick]
    first: str
    last: str


def curves(log: list[dict[str, float]]) -> list[Curve]:
    """A chart for each figure that the log has at least two finite values of."""
    charts = []
    for name in CURVES:
        points = [(row["step"], row[name]) for row in log if math.isfinite(row.get(name, math.nan))]
        if len(points) > 1:
            charts.append(curve(name, points))
    return charts


def curve(name: str, points: list[tuple[float, float]]) -> Curve:
    """Steps to the right, the figure upwards from 0."""
    last = max(x for x, _ in points) or 1
    steps = ticks(max(y for _, y in points))
    top = steps[-1] or 1.0

    def x(step: float) -> float:
        return LEFT + step / last * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)

    return Curve(
        name,
        " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in thinned(points)),
        [Tick(x(step), number(step)) for step in (0, last)],
        [Tick(y(value), number(value)) for value in steps],
        number(points[0][1]),
        number(points[-1][1]),
    )


def thinned(points: list[tuple[float, float]]) -> Iterable[tuple[float, float]]:
    """At most MAX_POINTS points: means of runs of like length."""
    size = math.ceil(len(points) / MAX_POINTS)
    for start in range(0, len(points), size):
        run = points[start : start + size]
        yield sum(x for x, _ in run) / len(run), sum(y for _, y in run) / len(run)


def ticks(top: float) -> list[float]:
    """Round numbers from 0 to just above the top, at most five steps (the 1-2-5 rule)."""
    if top <= 0:
        return [0.0]
    power = 10 ** math.floor(math.log10(top / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * 5 >= top)
    return [step * n for n in range(math.ceil(round(top / step, 9)) + 1)]


def number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
