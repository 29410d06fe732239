"""fit: parameters of a neuron from its interspike intervals, by maximum likelihood through their density."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2, kstwo, norm

from .intervals import as_intervals
from .likelihood import STEP, TIME, Likelihood
from .passage import FirstPassage

_ITERATIONS, _MATCHING = 60, 60
_CLOSE = 1e-7  # squared distance from the maximum, in standard errors, at which it is reached
_PATIENCE, _FLAT, _SLOW = 8, 1e-3, 1.0  # gains in log-likelihood, in so many iterations, not worth going on; on a ridge
_RIDGE = 1e-2  # smallest singular value of the normalised scores there
_SINGULAR = 1e-5  # smallest singular value of the normalised scores, below which parameters are not told apart
_WEAK = 5e-3  # the same where that is said, but fitted
_DAMPED = 1e12


@dataclasses.dataclass(frozen=True)
class Profile:
    """Profile likelihood of one parameter: the largest log-likelihood at each of its `values`, the others free."""

    name: str
    values: np.ndarray
    log_likelihood: np.ndarray
    estimate: float
    maximum: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Where 2 (max - profile) is below the quantile of chi2 with one degree of freedom; inf beyond the values."""
        root = np.sign(self.values - self.estimate) * np.sqrt(2 * np.maximum(self.maximum - self.log_likelihood, 0.0))
        bound = math.sqrt(chi2.ppf(level, 1))
        return (
            float(np.interp(-bound, root, self.values)) if root[0] < -bound else -math.inf,
            float(np.interp(bound, root, self.values)) if root[-1] > bound else math.inf,
        )


class Fit:
    """Maximum-likelihood estimates.

    values, errors     {name: estimate}, {name: standard error} (observed information; inf where it is singular)
    confidence(name)   95 % interval: estimate -+ 1.96 standard errors, of the logarithm for positive parameters
    covariance         of the estimates, in the order of `values`
    profile(name)      profile likelihood, with `.interval(level)`
    log_likelihood, aic, count    of the intervals
    ks, p_value        Kolmogorov-Smirnov distance between intervals and fitted law; its p-value is on the safe side
                       (too large), as the law was fitted to the same intervals
    passage            the fitted law, a FirstPassage, its times in units of `membrane_time`
    model              the model with the estimates
    converged, identifiable, message, iterations, evaluations
    """

    def __init__(self, likelihood: Likelihood, theta: np.ndarray, iterations: int, converged: bool):
        self._likelihood, self._theta, self.iterations = likelihood, theta, iterations
        self.intervals, self.count = likelihood.intervals, len(likelihood.intervals)
        self.passage: FirstPassage
        self.passage, self.membrane_time = likelihood.passage(theta)
        self.model = likelihood.at(theta)[0]
        self.values = dict(zip(likelihood.names, likelihood.values(theta).tolist(), strict=True))
        self.log_likelihood = likelihood.total(theta)
        self.aic = 2 * len(theta) - 2 * self.log_likelihood
        self.converged, self.message, self.identifiable = converged, "", True
        self._theta_covariance = self._invert()
        if not converged:
            hint = ": start from a model nearer to the data." if self.identifiable else " on a ridge."
            self.message = f"Stopped after {iterations} iterations{hint} {self.message}".strip()
        slopes = likelihood.slopes(theta)
        self.covariance = self._theta_covariance * np.outer(slopes, slopes)
        errors = np.sqrt(np.diag(self.covariance)).tolist()
        self.errors = dict(zip(likelihood.names, errors, strict=True))
        uniform = np.sort(1 - self.passage.survival(self.intervals / self.membrane_time))
        ranks = np.arange(self.count + 1) / self.count
        self.ks = float(max(np.max(ranks[1:] - uniform), np.max(uniform - ranks[:-1])))
        self.p_value = float(kstwo.sf(self.ks, self.count))
        self.evaluations = likelihood.evaluations

    def _invert(self) -> np.ndarray:
        likelihood, theta = self._likelihood, self._theta
        scores = likelihood.scores(theta, np.arange(len(theta)))
        nothing = np.full((len(theta), len(theta)), np.inf)
        if scores is None:
            return nothing
        told = _told_apart(scores, likelihood.names, _WEAK)
        if told:
            self.identifiable, self.message = False, told
        try:
            rough = np.sqrt(np.diag(np.linalg.inv(scores.T @ scores)))
            information = likelihood.information(theta, 0.1 * rough)
            if not np.isfinite(information).all():
                raise np.linalg.LinAlgError
            np.linalg.cholesky(information)
            return np.linalg.inv(information)
        except np.linalg.LinAlgError:
            self.identifiable = False
            self.message = f"{self.message} The information matrix is not positive: no standard errors.".strip()
            return nothing

    def confidence(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Interval that covers the true value with probability `level`, for many intervals."""
        j = self._place(name)
        half = float(norm.ppf(0.5 + level / 2) * np.sqrt(self._theta_covariance[j, j]))
        low, high = self._theta.copy(), self._theta.copy()
        low[j], high[j] = low[j] - half, high[j] + half
        return float(self._likelihood.values(low)[j]), float(self._likelihood.values(high)[j])

    def profile(self, name: str, values: Sequence[float] | None = None, points: int = 13) -> Profile:
        """Profile likelihood at `values`, or at `points` within 3.5 standard errors of the estimate.

        Raises ValueError for a name that was not fitted.
        """
        j, likelihood = self._place(name), self._likelihood
        if values is None:
            error = math.sqrt(self._theta_covariance[j, j])
            if not math.isfinite(error):
                raise ValueError(f"profile: {name!r} has no standard error; give values")
            given = self._theta[j] + error * np.linspace(-3.5, 3.5, points)
        else:
            whole = np.tile(likelihood.values(self._theta), (len(values), 1))
            whole[:, j] = values
            given = np.array([likelihood.theta(row)[j] for row in whole])
        given = np.sort(given)
        free = np.delete(np.arange(len(self._theta)), j)
        heights = np.empty(len(given))
        centre = int(np.argmin(np.abs(given - self._theta[j])))
        for path in (range(centre, len(given)), range(centre - 1, -1, -1)):
            theta = self._theta.copy()
            for k in path:
                shift = given[k] - theta[j]
                theta[j] = given[k]
                if len(free):  # along the ridge
                    theta[free] += shift * self._ridge(j, free)
                    theta = _maximise(likelihood, theta, free)[0]
                heights[k] = likelihood.total(theta)
        whole = np.tile(self._theta, (len(given), 1))
        whole[:, j] = given
        at = np.array([likelihood.values(row)[j] for row in whole])
        return Profile(name, at, heights, self.values[name], self.log_likelihood)

    def _ridge(self, j: int, free: np.ndarray) -> np.ndarray:
        slope = self._theta_covariance[free, j] / self._theta_covariance[j, j]
        return np.where(np.isfinite(slope), slope, 0.0)

    def _place(self, name: str) -> int:
        if name not in self.values:
            raise ValueError(f"{name!r} was not fitted; fitted are {', '.join(self.values)}")
        return list(self.values).index(name)

    def plot(self, path: Any = None) -> Any:
        """Histogram of the intervals and the fitted density; written to `path` if given."""
        from .output.intervals import plot_intervals

        time = self.membrane_time
        return plot_intervals(self.intervals, lambda t: self.passage.density(t / time) / time, path)

    def __repr__(self) -> str:
        rows = []
        for name, value in self.values.items():
            low, high = self.confidence(name)
            rows.append(f"  {name:<14}{value:.6g} +- {self.errors[name]:.2g}   (95 %: {low:.6g} to {high:.6g})")
        state = "converged" if self.converged else "not converged"
        return "\n".join(
            [
                f"Fit of {type(self.model).__name__} to {self.count} intervals: {state}, {self.iterations} iterations",
                *rows,
                f"  log-likelihood {self.log_likelihood:.6f}, Kolmogorov-Smirnov distance {self.ks:.4f} "
                f"(p = {self.p_value:.3f})",
                *([f"  {self.message}"] if self.message else []),
            ]
        )


def fit(
    intervals: Any,
    model: Any,
    parameters: Sequence[str] = ("current", "a0"),
    *,
    kind: Literal["intervals", "times"] = "intervals",
    rate: float | None = None,
    membrane_time: float = 1.0,
) -> Fit:
    """Parameters of a neuron from independent interspike intervals t_i:  max over theta of sum log f(t_i; theta).

    f is the first-passage density of the model (`first_passage`), so a refractory state or a random threshold counts.

    intervals      an array (several arrays: separate recordings), in units of the time that `membrane_time` is in
    model          where the search begins, and the values of what is not fitted
    parameters     numbers of the model ("current", "a0", "v_reset", "v_fire", "tau", ...), or "membrane_time", the
                   model's unit of time in that of the intervals
    kind           "intervals" or "times" of spikes
    rate           firing rate of the network around the neuron, for models with b or a1 (see `first_passage`)

    Raises ValueError for bad intervals and names, and for parameters that intervals cannot tell apart: of current, a0,
    v_reset and v_fire of a leaky neuron only two can be fitted, since a change of the scale and of the origin of v
    leaves all intervals as they are. NotConverged where the model hardly ever fires to begin with.
    """
    data = as_intervals(intervals, kind)
    names = tuple([parameters] if isinstance(parameters, str) else parameters)
    _check(model, names, membrane_time)
    if len(data) <= len(names):
        raise ValueError(f"intervals: {len(data)}; allowed are more than there are parameters ({len(names)})")
    likelihood = Likelihood(data, model, names, rate, float(membrane_time))
    likelihood.passage(likelihood.start)  # says what is wrong
    start, everything = _near(likelihood), np.arange(len(names))
    scores = likelihood.scores(start, everything)
    if scores is not None:
        confused = _told_apart(scores, names, _SINGULAR)
        if confused:
            raise ValueError(f"parameters = {list(names)}: {confused}")
    theta, iterations, converged = _maximise(likelihood, start, everything)
    return Fit(likelihood, theta, iterations, converged)


def _near(likelihood: Likelihood) -> np.ndarray:
    """The start given; where it explains the intervals worse than an exponential law, one of their mean and cv.

    Gauss-Newton steps in (log mean, log cv), the shortest ones where more than two parameters are free.
    """
    theta, data = likelihood.start, likelihood.intervals
    if likelihood.total(theta) > -len(data) * (1 + math.log(data.mean())) - 0.1 * len(data):
        return theta
    wanted = np.log([data.mean(), max(data.std() / data.mean(), 1e-3)])
    found = likelihood.moments(theta)
    for _ in range(_MATCHING):
        columns = []
        for move in np.diag(STEP * likelihood.scales):
            moved = likelihood.moments(theta + move)
            columns.append((moved - found) / move.sum() if moved is not None else np.zeros(2))
        # a change of scale 1 in a parameter counts as much as a factor e in a moment
        scaled = np.array(columns).T * likelihood.scales
        step = likelihood.scales * np.linalg.lstsq(scaled, wanted - found, rcond=1e-8)[0]
        step *= min(1.0, float(1 / np.max(np.abs(step) / likelihood.scales)))
        while (new := likelihood.moments(theta + step)) is None or _length(wanted - new) > _length(wanted - found):
            step = step / 2
            if np.max(np.abs(step) / likelihood.scales) < 1e-3:
                return theta
        theta, found = theta + step, new
        if _length(wanted - found) < 1e-2:
            break
    return theta


def _length(x: np.ndarray) -> float:
    return float(np.linalg.norm(x))


def _maximise(likelihood: Likelihood, theta: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, int, bool]:
    """(theta, iterations, reached): Gauss-Newton steps with the scores' outer product for the information, damped."""
    value, damping = likelihood.total(theta), 1e-3
    before = [-math.inf] * _PATIENCE
    for iteration in range(1, _ITERATIONS + 1):
        scores = likelihood.scores(theta, free)
        if scores is None:
            return theta, iteration, False
        norms = np.maximum(np.linalg.norm(scores, axis=0), 1e-300)
        gradient, B = scores.sum(axis=0) / norms, (scores / norms).T @ (scores / norms)
        if gradient @ np.linalg.lstsq(B, gradient, rcond=1e-9)[0] < _CLOSE:  # along a ridge there is no gradient
            return theta, iteration, True
        while damping < _DAMPED:
            step = np.zeros(len(theta))
            step[free] = np.linalg.lstsq(B + damping * np.eye(len(B)), gradient, rcond=1e-9)[0] / norms
            step *= min(1.0, float(1 / np.max(np.abs(step) / likelihood.scales)))
            new = likelihood.total(theta + step)
            if new > value:
                theta, value, damping = theta + step, new, damping / 10
                break
            damping = max(10 * damping, 1e-3)
        else:
            return theta, iteration, False
        ridge = np.linalg.svd(scores / norms, compute_uv=False)[-1] < _RIDGE
        if value - before.pop(0) < (_SLOW if ridge else _FLAT):
            return theta, iteration, False
        before.append(value)
    return theta, _ITERATIONS, False


def _told_apart(scores: np.ndarray, names: tuple[str, ...], least: float) -> str:
    """What intervals do not tell apart, in a sentence; empty if they tell all parameters."""
    norms = np.linalg.norm(scores, axis=0)
    if np.any(norms == 0):
        return f"The intervals do not depend on {', '.join(np.array(names)[norms == 0])}."
    _, singular, rows = np.linalg.svd(scores / norms, full_matrices=False)
    weak = rows[singular < least]
    if not len(weak):
        return ""
    mixed = [name for name, column in zip(names, np.abs(weak).max(axis=0), strict=True) if column > 0.05]
    which = " and ".join([", ".join(mixed[:-1]), mixed[-1]]) if len(mixed) > 1 else mixed[0]
    return f"Intervals do not tell {which} apart: fix {len(weak)} of them and fit the rest."


def _check(model: Any, names: tuple[str, ...], time: Any) -> None:
    if not dataclasses.is_dataclass(model) or not hasattr(model, "weak_form"):
        raise ValueError(f"fit: model = {model!r}; allowed is a model")
    numbers = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
    known = [k for k, v in numbers.items() if isinstance(v, int | float) and not isinstance(v, bool)] + [TIME]
    for given in model.weak_form().inputs:
        if given.of is None and callable(numbers[given.parameter]):
            raise ValueError(f"fit: {given.parameter} depends on time, so that intervals are not alike; give a number")
    if not names or len(set(names)) != len(names):
        raise ValueError(f"fit: parameters = {list(names)}; allowed are different names, at least one")
    for name in names:
        if name not in known:
            raise ValueError(f"fit: {type(model).__name__} has no number {name!r} to fit; there are {', '.join(known)}")
    if not isinstance(time, int | float) or not (0 < time < math.inf):
        raise ValueError(f"fit: membrane_time = {time!r}; allowed is a positive number")
