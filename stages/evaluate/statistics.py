"""How sure the figures are: intervals and tests that resample pages, since rows of one page are not independent."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
SEED = 3407
LEVEL = 0.95
Z = 1.959964  # quantile of the normal distribution for LEVEL, both sides
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


def share_interval(pages: Sequence[str], right: Sequence[float]) -> Interval | None:
    """Interval of the share of right answers; None where all rest on one page, which tells nothing about others. Where
    all answers are alike every resample is, too, and the bootstrap knows nothing; there it is Wilson's, each page
    counted as one observation: the effective size that Korn and Graubard (1998, Survey Methodology 24, 193-201) take
    when nothing tells how alike the rows of a page are."""
    if len(set(pages)) < 2:
        return None
    if len(set(right)) == 1:
        return wilson(float(right[0]), len(set(pages)))
    return bootstrap(per_page(pages, right), lambda sums: sums[:, 0] / sums[:, 1])


def wilson(share: float, size: int) -> Interval:
    """Score interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953; recommended for small samples by
    Brown, Cai and DasGupta 2001, doi:10.1214/ss/1009213286): of 0 in 30 it is 0 to 0.11."""
    centre = share + Z * Z / (2 * size)
    reach = Z * math.sqrt(share * (1 - share) / size + Z * Z / (4 * size * size))
    scale = 1 + Z * Z / size
    return Interval(max((centre - reach) / scale, 0.0), min((centre + reach) / scale, 1.0))


def difference_interval(pages: Sequence[str], base: Sequence[float], tuned: Sequence[float]) -> Interval | None:
    """Interval of the gain in the share of right answers on the same questions; None where all rest on one page. Where
    the gain is the same on every page the bootstrap knows nothing; there it is put together from those of the two
    shares (square-and-add with the correlation of the pairs: Newcombe 1998,
    doi:10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C)."""
    resampled = bootstrap(per_page(pages, base, tuned), lambda sums: (sums[:, 1] - sums[:, 0]) / sums[:, 2])
    before, after = share_interval(pages, base), share_interval(pages, tuned)
    if before is None or after is None:
        return None
    if resampled.low < resampled.high:
        return resampled
    shares = sum(base) / len(pages), sum(tuned) / len(pages)
    varied = len(set(base)) > 1 and len(set(tuned)) > 1
    correlation = float(np.corrcoef(base, tuned)[0, 1]) if varied else 0.0
    below = added(shares[1] - after.low, before.high - shares[0], correlation)
    above = added(after.high - shares[1], shares[0] - before.low, correlation)
    gain = shares[1] - shares[0]
    return Interval(gain - below, gain + above)


def added(one: float, other: float, correlation: float) -> float:
    """How far the difference of two figures reaches that reach so far themselves."""
    return math.sqrt(max(one**2 + other**2 - 2 * correlation * one * other, 0.0))


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
) -> Interval | None:
    """Interval of the gap recovery; None where all rest on one page, or the gap itself may be none: the ratio may then
    be anything (Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x)."""
    gap = difference_interval(pages, base_closed, base_gold)
    if gap is None or gap.low <= 0:
        return None

    def statistic(sums: Numbers) -> Numbers:
        gaps = sums[:, 1] - sums[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(gaps > 0, (sums[:, 2] - sums[:, 0]) / gaps, np.nan)

    return bootstrap(per_page(pages, base_closed, base_gold, tuned_closed), statistic)
