"""Intervals and p-values beside the same figures worked out slowly, row by row."""

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from stages.evaluate import statistics

PAGES = list("aabbbcddddeeffgghh")
BASE = [n in (3, 9) for n in range(18)]
GOLD = [n not in (5, 12) for n in range(18)]
TUNED = [n % 3 > 0 for n in range(18)]


def resampled(
    figure: Callable[[list[tuple]], float | None], *columns: list[bool], named: list[str] = PAGES
) -> list[float]:
    """The interval of a figure of rows, by drawing whole pages."""
    rows = list(zip(*columns, strict=True))
    pages = [[row for row, page in zip(rows, named, strict=True) if page == name] for name in sorted(set(named))]
    draws = np.random.default_rng(statistics.SEED).integers(len(pages), size=(statistics.RESAMPLES, len(pages)))
    values = [figure([row for place in draw for row in pages[place]]) for draw in draws]
    return list(np.percentile([value for value in values if value is not None], [2.5, 97.5]))


def test_a_share_and_a_gain_are_resampled_page_by_page():
    share = resampled(lambda rows: sum(row[0] for row in rows) / len(rows), TUNED)
    assert statistics.share_interval(PAGES, TUNED) == pytest.approx(share)
    gain = resampled(lambda rows: sum(tuned - base for base, tuned in rows) / len(rows), BASE, TUNED)
    assert statistics.difference_interval(PAGES, BASE, TUNED) == pytest.approx(gain)


def test_gap_recovery_is_resampled_over_the_draws_in_which_the_page_helps():
    def recovery(rows: list[tuple]) -> float | None:
        base, gold, tuned = (sum(column) for column in zip(*rows, strict=True))
        return (tuned - base) / (gold - base) if gold > base else None

    interval = statistics.gap_recovery_interval(PAGES, BASE, GOLD, TUNED)
    assert interval == pytest.approx(resampled(recovery, BASE, GOLD, TUNED))
    pages, *few = [*"abcdefgh"], [False] * 7 + [True], [True] * 5 + [False] * 2 + [True], [True, False] * 4
    interval = statistics.gap_recovery_interval(pages, *few)
    assert interval == pytest.approx(resampled(recovery, *few, named=pages)), "a draw with a gap of one row counts"


def test_wilsons_interval_is_that_of_the_tables():
    assert statistics.wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


@pytest.mark.parametrize(
    ("base", "tuned"),
    [([0, 0, 1, 0], [1, 0, 1, 1]), ([0, 0, 0, 0], [1, 0, 1, 0]), ([1, 0, 1, 0], [1, 1, 1, 1])],
)
def test_a_gain_that_is_the_same_on_every_page_has_newcombes_interval(base, tuned):
    pages = list("aabb")
    before, after = statistics.share_interval(pages, base), statistics.share_interval(pages, tuned)
    first, second = np.mean(base), np.mean(tuned)
    both = len({*base}) == len({*tuned}) == 2
    phi = float(np.corrcoef(base, tuned)[0, 1]) if both else 0.0
    down, up = (second - after.low, before.high - first), (after.high - second, first - before.low)
    low, high = (math.sqrt(a * a + b * b - 2 * phi * a * b) for a, b in (down, up))
    expected = second - first - low, second - first + high
    assert statistics.difference_interval(pages, base, tuned) == pytest.approx(expected)


def test_the_p_value_of_a_gain_is_the_share_of_the_arrangements_that_reach_it():
    gains = 2, 1, 1, -1, 0, 1  # of the pages; a has two questions
    exact = np.mean([abs(np.dot(signs, gains)) >= 4 for signs in product((-1, 1), repeat=6)])
    pages = list("aabcdef")
    base, tuned = [0, 0, 0, 0, 1, 0, 0], [1, 1, 1, 1, 0, 0, 1]
    assert statistics.paired_p(pages, base, tuned) == pytest.approx(exact, abs=0.03)
    assert statistics.paired_p(pages, base, tuned) == statistics.paired_p(pages, base, tuned)
