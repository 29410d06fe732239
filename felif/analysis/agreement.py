"""Does a sample agree with a law? Tests on means of independent batches, and on a distribution function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import kolmogorov
from scipy.stats import f as fisher

from .tuning import AGREEMENT


@dataclass(frozen=True)
class Agreement:
    """Outcome of a test: `statistic` has `degrees` degrees of freedom.

    p: the probability of a larger one by chance. nan where the sample is too small for a test.
    """

    statistic: float
    degrees: int
    p: float


NO_TEST = Agreement(np.nan, 0, np.nan)


def merged(counts: np.ndarray, expected: float) -> np.ndarray:
    """Batches (rows) of counts added up until each is expected to hold enough, but two are left; (rows, columns)."""
    rows = int(np.clip(expected // AGREEMENT.fewest, 2, counts.shape[0]))
    return np.add.reduceat(counts, np.arange(rows) * counts.shape[0] // rows, axis=0)


def groups(batches: int, expected: float, most: int = 10) -> int:
    """Number of columns that so many batches can test at once, `expected` counts in a batch spread over them."""
    return int(np.clip(min(batches // 4, expected // AGREEMENT.fewest), 1, most))


def mean_agreement(samples: np.ndarray, expected: np.ndarray) -> Agreement:
    """Hotelling's T^2: chi-square of the mean of independent rows against `expected`, correlations of columns included.

        T^2 = K d^T S^-1 d,   d = mean - expected,   S the covariance of the K rows (columns: B < K)

    For normal rows (K - B)/(B (K - 1)) T^2 has Fisher's F distribution with B and K - B degrees of freedom, whatever
    the true covariance; T^2 is chi-square with B in the limit of many rows. Columns that never vary are left out.
    Source: Anderson, An introduction to multivariate statistical analysis, section 5.2.
    """
    samples, expected = np.asarray(samples, float), np.asarray(expected, float)
    varying = samples.std(axis=0) > 0
    samples, expected = samples[:, varying], expected[varying]
    rows, columns = samples.shape
    if rows < 2 or not 0 < columns < rows:
        return NO_TEST
    scale = samples.std(axis=0, ddof=1)
    distance = (samples.mean(axis=0) - expected) / scale
    covariance = np.atleast_2d(np.cov(samples / scale, rowvar=False))
    statistic = float(rows * distance @ np.linalg.lstsq(covariance, distance, rcond=1e-10)[0])
    p = float(fisher.sf((rows - columns) / (columns * (rows - 1)) * statistic, columns, rows - columns))
    return Agreement(statistic, columns, p)


def distribution_agreement(
    sample: np.ndarray, cdf: Callable[[np.ndarray], np.ndarray], inflation: float = 1.0
) -> Agreement:
    """Kolmogorov and Smirnov: `statistic` is the largest distance between the distribution functions.

    inflation: variance of the sample's distribution function over that of independent draws (a sample of correlated
    neurons counts as sample.size / inflation of them; at least 1). The p-value is that of large samples.
    """
    n = sample.size
    if n < AGREEMENT.fewest_in_all:
        return NO_TEST
    F = np.asarray(cdf(np.sort(sample)))
    ranks = np.arange(n + 1) / n
    distance = float(max((ranks[1:] - F).max(), (F - ranks[:-1]).max()))
    return Agreement(distance, n, float(kolmogorov(np.sqrt(n / max(inflation, 1.0)) * distance)))


def counts_agreement(counts: np.ndarray, expected: np.ndarray) -> Agreement:
    """Counts of batches (rows) in columns against what is expected of a batch; columns are merged to equal shares."""
    rows, total = len(counts), float(expected.sum())
    if total * rows < AGREEMENT.fewest_in_all:
        return NO_TEST
    by_batch = merged(counts, total * rows)
    factor = rows / len(by_batch)
    wanted = groups(len(by_batch), total * factor)
    share = np.minimum((np.cumsum(expected) - 0.5 * expected) / total * wanted, wanted - 1e-9).astype(int)
    starts = np.flatnonzero(np.diff(share, prepend=-1))
    sizes = np.diff(np.append(np.arange(len(by_batch)) * rows // len(by_batch), rows))[:, None]
    return mean_agreement(np.add.reduceat(by_batch, starts, axis=1) / sizes, np.add.reduceat(expected, starts))


def shares_agreement(fractions: np.ndarray, expected: np.ndarray, size: float, resting: bool) -> Agreement:
    """Like `counts_agreement` for bars that hold all neurons of a batch, so that the last follows from the others.

    resting: some neurons are in none of the bars, and it does not.
    """
    rows, columns = fractions.shape
    if rows * size < AGREEMENT.fewest_in_all:
        return NO_TEST
    wanted = groups(rows, size) + (0 if resting else 1)
    starts = np.unique(np.arange(wanted) * columns // wanted)
    found, shares = np.add.reduceat(fractions, starts, axis=1), np.add.reduceat(expected, starts)
    return mean_agreement(found, shares) if resting else mean_agreement(found[:, :-1], shares[:-1])


def inflation_of(cells: np.ndarray) -> float:
    """Variance between batches of their distribution functions over that of independent neurons."""
    awake = cells.sum(axis=1, keepdims=True)
    if not (awake > 0).all():
        return 1.0
    F = (np.cumsum(cells, axis=1) / awake)[:, :-1]
    mean = F.mean(axis=0)
    return float(np.mean(F.var(axis=0, ddof=1)) / np.mean(mean * (1 - mean)) * awake.mean())
