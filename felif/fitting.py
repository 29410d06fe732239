"""fit: parameters of a neuron from its interspike intervals, by maximum likelihood through their density."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2, kstwo, norm

from .intervals import as_intervals
from .likelihood import POSITIVE, TIME, Likelihood
from .likelihood_maximum import maximise, near, told_apart
from .passage import FirstPassage

_SINGULAR = 1e-5  # smallest singular value of the normalised scores, below which parameters are not told apart
_WEAK = 5e-3  # the same where that is said, but fitted


@dataclasses.dataclass(frozen=True)
class Profile:
    """Profile likelihood of one parameter: the largest log-likelihood at each of its `values`, the others free."""

    name: str
    values: np.ndarray
    log_likelihood: np.ndarray
    estimate: float
    maximum: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Where 2 (max - profile) is below the quantile of chi2 with one degree of freedom; inf beyond the values.

        Raises ValueError for a level that is not between 0 and 1.
        """
        _check_level(level)
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
    save(folder)       to disk: run.json, intervals.csv, density.csv; `load_fit` reads it
    converged, identifiable, message, iterations, evaluations
    """

    def __init__(self, likelihood: Likelihood, theta: np.ndarray, iterations: int, converged: bool):
        self.likelihood, self.theta, self.iterations = likelihood, theta, iterations
        self.intervals, self.count = likelihood.intervals, len(likelihood.intervals)
        self.passage: FirstPassage
        self.passage, self.membrane_time = likelihood.passage(theta)
        self.model, self.mesh_theta = likelihood.at(theta)[0], likelihood.mesh_theta.copy()
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
        likelihood, theta = self.likelihood, self.theta
        scores = likelihood.scores(theta, np.arange(len(theta)))
        nothing = np.full((len(theta), len(theta)), np.inf)
        if scores is None:
            return nothing
        told = told_apart(scores, likelihood.names, _WEAK)
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
        """Interval that covers the true value with probability `level`, for many intervals.

        Raises ValueError for a name that was not fitted, and for a level that is not between 0 and 1.
        """
        _check_level(level)
        j = self._place(name)
        half = float(norm.ppf(0.5 + level / 2) * np.sqrt(self._theta_covariance[j, j]))
        low, high = self.theta.copy(), self.theta.copy()
        low[j], high[j] = low[j] - half, high[j] + half
        return float(self.likelihood.values(low)[j]), float(self.likelihood.values(high)[j])

    def profile(self, name: str, values: Sequence[float] | None = None, points: int = 13) -> Profile:
        """Profile likelihood at `values`, or at `points` within 3.5 standard errors of the estimate.

        Raises ValueError for a name that was not fitted, and for values or points that are not allowed.
        """
        j, likelihood = self._place(name), self.likelihood
        if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 3:
            raise ValueError(f"profile: points = {points!r}; allowed is a whole number >= 3")
        if values is None:
            error = math.sqrt(self._theta_covariance[j, j])
            if not math.isfinite(error):
                raise ValueError(f"profile: {name!r} has no standard error; give values")
            given = self.theta[j] + error * np.linspace(-3.5, 3.5, points)
        else:
            asked = np.asarray(values)
            lowest = 0.0 if name in POSITIVE else -math.inf
            if asked.ndim != 1 or not asked.size or asked.dtype.kind not in "iuf" or not np.isfinite(asked).all():
                raise ValueError(f"profile: values = {values!r}; allowed is a row of finite numbers")
            if not np.all(asked > lowest):
                raise ValueError(f"profile: values = {values!r}; {name!r} must be positive")
            whole = np.tile(likelihood.values(self.theta), (len(values), 1))
            whole[:, j] = values
            given = np.array([likelihood.theta(row)[j] for row in whole])
        given = np.sort(given)
        free = np.delete(np.arange(len(self.theta)), j)
        heights = np.empty(len(given))
        centre = int(np.argmin(np.abs(given - self.theta[j])))
        for path in (range(centre, len(given)), range(centre - 1, -1, -1)):
            theta = self.theta.copy()
            for k in path:
                shift = given[k] - theta[j]
                theta[j] = given[k]
                if len(free):  # along the ridge
                    theta[free] += shift * self._ridge(j, free)
                    theta = maximise(likelihood, theta, free)[0]
                heights[k] = likelihood.total(theta)
        whole = np.tile(self.theta, (len(given), 1))
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

    def save(self, folder: Any, overwrite: bool = False) -> Any:
        """Write run.json, intervals.csv, density.csv, final.npz; `load_fit` reads them back.

        Raises ValueError if the folder holds anything else, or a fit and `overwrite` is False.
        """
        from .fit_files import save_fit

        return save_fit(self, folder, overwrite)

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
    parameters     numbers of the model ("current", "a0", "v_reset", "v_fire", "tau", "dead_time", ...), or
                   "membrane_time", the model's unit of time in that of the intervals
    kind           "intervals" or "times" of spikes
    rate           firing rate of the network around the neuron, for models with b or a1 (see `first_passage`)

    Raises ValueError for bad intervals and names, and for parameters that intervals cannot tell apart: of current, a0,
    v_reset and v_fire of a leaky neuron only two can be fitted, since a change of the scale and of the origin of v
    leaves all intervals as they are. NotConverged where the model hardly ever fires to begin with.
    """
    data = as_intervals(intervals, kind)
    names = _names(parameters)
    _check(model, names, membrane_time, rate)
    _check_dead_time(model, names, data, float(membrane_time))
    if len(data) <= len(names):
        raise ValueError(f"intervals: {len(data)}; allowed are more than there are parameters ({len(names)})")
    if len(names) > 1 and {"a0", TIME} & set(names) and np.ptp(data) <= 1e-9 * data.max():
        raise ValueError(f"intervals: all {len(data)} are {data[0]:g}; the less noise the better they fit, without end")
    likelihood = Likelihood(data, model, names, rate, float(membrane_time))
    likelihood.passage(likelihood.start)  # says what is wrong
    start, everything = near(likelihood), np.arange(len(names))
    if likelihood.impossible(start):
        raise ValueError(
            f"intervals: their mean is {data.mean():.3g}, that of the model to begin with "
            f"{math.exp(likelihood.moments(likelihood.start)[0]):.3g}: too far apart to begin there; allowed is a "
            "model nearer to them, or the membrane_time in their unit"
        )
    scores = likelihood.scores(start, everything)
    if scores is not None:
        confused = told_apart(scores, names, _SINGULAR)
        if confused:
            raise ValueError(f"parameters = {list(names)}: {confused}")
    theta, iterations, converged = maximise(likelihood, start, everything)
    return Fit(likelihood, theta, iterations, converged)


def _check_dead_time(model: Any, names: tuple[str, ...], data: np.ndarray, time: float) -> None:
    dead_time = getattr(model, "dead_time", None)
    if "dead_time" in names and not dead_time:
        raise ValueError(
            f"fit: dead_time = {dead_time!r} to begin with; allowed is a positive number where it is fitted"
        )
    if dead_time and TIME not in names and dead_time * time >= data.min():
        raise ValueError(
            f"fit: dead_time = {dead_time!r}; the smallest interval is {data.min() / time:.6g} membrane times: allowed "
            "are dead times below it"
        )


def _check_level(level: Any) -> None:
    if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise ValueError(f"level = {level!r}; allowed is a number between 0 and 1")


def _names(parameters: Any) -> tuple[str, ...]:
    names = [parameters] if isinstance(parameters, str) else parameters
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"fit: parameters = {parameters!r}; allowed are names of parameters")
    return tuple(names)


def _check(model: Any, names: tuple[str, ...], time: Any, rate: Any) -> None:
    def number(value: Any) -> bool:
        return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)

    if isinstance(model, type) or not dataclasses.is_dataclass(model) or not hasattr(model, "weak_form"):
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
    if rate is not None and not (number(rate) and rate >= 0):
        raise ValueError(f"fit: rate = {rate!r}; allowed is None or a number >= 0")
    if not (number(time) and time > 0):
        raise ValueError(f"fit: membrane_time = {time!r}; allowed is a positive number")
