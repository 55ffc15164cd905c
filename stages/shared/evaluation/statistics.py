"""How sure the figures are: intervals and tests that resample pages, since rows of one page are not independent."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
SEED = 3407
LEVEL = 0.95
Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


class Interval(NamedTuple):
    low: float
    high: float


def per_page(pages: Sequence[str], *columns: Sequence[float]) -> Numbers:
    """Sums of each column over the rows of a page, and the number of its rows: shape (pages, columns + 1)."""
    _, place = np.unique(np.array(pages), return_inverse=True)
    sums = np.zeros((place.max() + 1, len(columns) + 1))
    np.add.at(sums, place, np.column_stack([*columns, np.ones(len(pages))]).astype(float))
    return sums


def bootstrap(sums: Numbers, statistic: Callable[[Numbers], Numbers]) -> Interval:
    """Percentile interval of a statistic of column sums (Efron and Tibshirani 1993, chapter 13), by cluster bootstrap
    over pages (Davison and Hinkley 1997, 3.8). `statistic` takes sums of shape (resamples, columns + 1); resamples
    for which it has no value (NaN) are left out."""
    draws = np.random.default_rng(SEED).integers(len(sums), size=(RESAMPLES, len(sums)))
    values = statistic(sums[draws].sum(axis=1))
    values = values[np.isfinite(values)]
    if not len(values):
        return Interval(float("nan"), float("nan"))
    tail = (1 - LEVEL) / 2 * 100
    low, high = np.percentile(values, [tail, 100 - tail])
    return Interval(float(low), float(high))


def share_interval(pages: Sequence[str], right: Sequence[bool]) -> Interval:
    """Interval of the share of right answers."""
    return bootstrap(per_page(pages, right), lambda sums: sums[:, 0] / sums[:, 1])


def difference_interval(pages: Sequence[str], base: Sequence[bool], tuned: Sequence[bool]) -> Interval:
    """Interval of the gain in the share of right answers on the same questions."""
    return bootstrap(per_page(pages, base, tuned), lambda sums: (sums[:, 1] - sums[:, 0]) / sums[:, 2])


def paired_p(pages: Sequence[str], base: Sequence[bool], tuned: Sequence[bool]) -> float:
    """Two-sided p-value of the gain: approximate randomisation (Noreen 1989; recommended for paired results of NLP
    systems by Dror et al. 2018, aclanthology.org/P18-1128), the two models' answers swapped page by page."""
    sums = per_page(pages, base, tuned)
    gains = sums[:, 1] - sums[:, 0]
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(RESAMPLES, len(gains)))
    as_large = np.abs(signs @ gains) >= abs(gains.sum()) - 1e-9
    return float((as_large.sum() + 1) / (RESAMPLES + 1))


def gap_recovery(base_closed: float, base_gold: float, tuned_closed: float) -> float | None:
    """Which part of what the base model lacks without the page the tuned model has: 0 nothing, 1 as if the page lay
    before the base model. None when the page does not help the base model."""
    gap = base_gold - base_closed
    return (tuned_closed - base_closed) / gap if gap > 0 else None


def gap_recovery_interval(
    pages: Sequence[str], base_closed: Sequence[bool], base_gold: Sequence[bool], tuned_closed: Sequence[bool]
) -> Interval:
    def statistic(sums: Numbers) -> Numbers:
        gap = sums[:, 1] - sums[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(gap > 0, (sums[:, 2] - sums[:, 0]) / gap, np.nan)

    return bootstrap(per_page(pages, base_closed, base_gold, tuned_closed), statistic)
