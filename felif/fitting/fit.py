"""fit: parameters of a neuron from its interspike intervals, by maximum likelihood through their density."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from scipy.stats import chi2, kstwo

from ..given.arguments import checked, number, optional
from ..given.warning import warn
from ..problem import NotConverged
from .arguments import check_arguments, check_dead_time, names_of
from .files import save_fit
from .intervals import as_intervals
from .likelihood import NONNEGATIVE, POSITIVE, TIME, Likelihood
from .likelihood_maximum import LIMIT, STOPPED, maximise, near, told_apart
from .likelihood_profile import FLAT, LOST, Better, End, Profile, ProfilePath, check_level
from .passage import FirstPassage

_SINGULAR = 1e-5  # smallest singular value of the normalised scores, below which parameters are not told apart
_WEAK = 5e-3  # the same where that is said, but fitted
_MISFIT = 1e-4  # p-value of the distance between law and intervals below which it is said
_RESTARTS = 5  # from points that turn out better than the maximum
_ROUNDS = 3  # over all parameters, for intervals
_USUAL = (0.05, 8.0)  # mean intervals, in membrane times, of neurons whose unit of time nobody asks about


class Fit:
    """Maximum-likelihood estimates.

    values, errors     {name: estimate}, {name: standard error} (observed information; inf where it is singular, and of
                       use only where the likelihood is nearly quadratic)
    confidence(name)   95 % interval by the likelihood ratio; an end that the intervals do not give is inf (0 for
                       positive parameters)
    covariance         of the estimates, in the order of `values`
    profile(name)      profile likelihood, with `.interval(level)`
    log_likelihood, aic, count    of the intervals
    ks, p_value        Kolmogorov-Smirnov distance between intervals and fitted law; its p-value is on the safe side
                       (too large), as the law was fitted to the same intervals
    passage            the fitted law, a FirstPassage, its times in units of `membrane_time`
    model              the model with the estimates
    save(folder)       to disk: run.json, intervals.csv, density.csv; `load_fit` reads it
    converged          whether the likelihood is the largest there is near the start: a maximum, or, where it goes on
                       rising more and more slowly as parameters grow, its supremum to a thousandth
    identifiable       whether every parameter is told by the intervals: False where they are confused, or where the
                       95 % interval of one has no end
    message, iterations, evaluations
    """

    def __init__(self, likelihood: Likelihood, theta: np.ndarray, iterations: int, how: str):
        self.likelihood, self.theta, self.iterations, self.how = likelihood, theta, iterations, how
        self.intervals, self.count = likelihood.intervals, len(likelihood.intervals)
        self.passage: FirstPassage
        self.passage, self.membrane_time = likelihood.passage(theta)
        self.model, self.mesh_theta = likelihood.at(theta)[0], likelihood.mesh_theta.copy()
        self.values = dict(zip(likelihood.names, likelihood.values(theta).tolist(), strict=True))
        self.log_likelihood = likelihood.total(theta)
        self.aic = 2 * len(theta) - 2 * self.log_likelihood
        self.converged = how != STOPPED
        self._ends: dict[tuple[str, float], tuple[End, End]] = {}
        self._notes: list[str] = []
        self._theta_covariance = self._invert()
        if how == STOPPED:
            self._notes.append(f"Stopped after {iterations} iterations: start from a model nearer to the data.")
        if how == LIMIT:
            self._notes.append("The likelihood has no maximum: it rises, by less and less, as parameters go on.")
        self.covariance = self._theta_covariance * np.outer(*2 * [likelihood.slopes(theta)])
        self.errors = dict(zip(likelihood.names, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))
        uniform = np.sort(1 - self.passage.survival(self.intervals / self.membrane_time))
        ranks = np.arange(self.count + 1) / self.count
        self.ks = float(max(np.max(ranks[1:] - uniform), np.max(uniform - ranks[:-1])))
        self.p_value = float(kstwo.sf(self.ks, self.count))
        if self.p_value < _MISFIT:
            self._notes.append("The fitted law is not that of the intervals: see ks and p_value.")
        self.evaluations = likelihood.evaluations

    @property
    def open(self) -> tuple[str, ...]:
        """Parameters whose 95 % interval has an end that the intervals do not give."""
        ends = {name: self._likelihood_interval(name, 0.95) for name in self.values} if self.converged else {}
        return tuple(name for name, pair in ends.items() if any(end.why in (FLAT, LOST) for end in pair))

    @property
    def identifiable(self) -> bool:
        return not (self._confused or self.open)

    @property
    def message(self) -> str:
        notes = [self._confused, *self._notes]
        for name in self.open:
            low, high = self._likelihood_interval(name, 0.95)
            side = " or from ".join(s for s, end in (("below", low), ("above", high)) if end.why in (FLAT, LOST))
            lost = "; its profile could not be followed to the end" if LOST in (low.why, high.why) else ""
            notes.append(f"The likelihood is flat along {name}: the intervals do not bound it from {side}{lost}.")
        return " ".join(note for note in notes if note)

    def _invert(self) -> np.ndarray:
        likelihood, theta = self.likelihood, self.theta
        scores = likelihood.scores(theta, np.arange(len(theta)))
        nothing = np.full((len(theta), len(theta)), np.inf)
        self._confused = "" if scores is None else told_apart(scores, likelihood.names, _WEAK)
        if scores is None:
            return nothing
        try:
            rough = np.sqrt(np.diag(np.linalg.inv(scores.T @ scores)))
            information = likelihood.information(theta, 0.1 * rough)
            if not np.isfinite(information).all():
                raise np.linalg.LinAlgError
            np.linalg.cholesky(information)
            return np.linalg.inv(information)
        except np.linalg.LinAlgError:
            self._notes.append("The information matrix is not positive: no standard errors.")
            return nothing

    def confidence(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Interval by the likelihood ratio: values at which 2 (max log L - profile) <= chi2 quantile of `level`.

        It covers the true value with probability `level`, for many intervals, and has no end (inf; 0 below, for
        positive parameters) where the profile stays above that. Raises ValueError for a name that was not fitted and a
        level that is not between 0 and 1, NotConverged for a fit that has not converged.
        """
        check_level(level)
        j = self._place(name)
        if not self.converged:
            raise NotConverged(f"confidence: the fit has not converged, so there is no interval. {self._notes[0]}")
        ends = self._likelihood_interval(name, level)
        return tuple(float(self.likelihood.values(self._moved(j, end.value))[j]) for end in ends)

    def _moved(self, j: int, value: float) -> np.ndarray:
        theta = self.theta.copy()
        theta[j] = value
        return theta

    def follow(self, level: float = 0.95) -> None:
        """Find the intervals of all parameters: what is seen on the way of one counts for the others. Raises Better."""
        q = float(chi2.ppf(level, 1))
        for _ in range(_ROUNDS):
            for name in self.values:
                path, pair = self._path(name), self._ends.get((name, level))
                if pair is None or any(path.outside(end, way, q) for end, way in zip(pair, (-1, 1), strict=True)):
                    self._ends[name, level] = path.end(-1, q), path.end(+1, q)

    def _likelihood_interval(self, name: str, level: float) -> tuple[End, End]:
        """Both ends, in coordinates."""
        if (name, level) not in self._ends:
            try:
                self.follow(level)
            except Better as better:
                known = zip(self.values, self.likelihood.values(better.theta), strict=True)
                at = ", ".join(f"{name} = {value:.6g}" for name, value in known)
                raise NotConverged(f"confidence: the likelihood is larger at {at}: fit again from there") from None
        return self._ends[name, level]

    def ends(self) -> dict[str, np.ndarray]:
        """Ends of the 95 % intervals, in coordinates, and why there are none, for `save`; empty if not converged."""
        pairs = [self._likelihood_interval(name, 0.95) for name in self.values] if self.converged else []
        if not pairs:
            return {}
        return {
            "ends": np.array([[e.value for e in p] for p in pairs]),
            "why": np.array([[e.why for e in p] for p in pairs]),
        }

    def restore_ends(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The intervals as `ends` gave them."""
        if "ends" in arrays:
            for name, values, whys in zip(self.values, arrays["ends"].tolist(), arrays["why"].tolist(), strict=True):
                self._ends[name, 0.95] = tuple(End(x, why) for x, why in zip(values, whys, strict=True))

    def _path(self, name: str) -> ProfilePath:
        return ProfilePath(self.likelihood, self.theta, self.log_likelihood, self._theta_covariance, self._place(name))

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
            lowest = 0.0 if name in POSITIVE else -1e-300 if name in NONNEGATIVE else -math.inf
            if asked.ndim != 1 or not asked.size or asked.dtype.kind not in "iuf" or not np.isfinite(asked).all():
                raise ValueError(f"profile: values = {values!r}; allowed is a row of finite numbers")
            if not np.all(asked > lowest):
                raise ValueError(f"profile: values = {values!r}; {name!r} must be positive")
            whole = np.tile(likelihood.values(self.theta), (len(values), 1))
            whole[:, j] = values
            given = np.array([likelihood.theta(row)[j] for row in whole])
        given = np.sort(given)
        path = self._path(name)
        heights, centre = np.empty(len(given)), int(np.argmin(np.abs(given - self.theta[j])))
        for order in (range(centre, len(given)), range(centre - 1, -1, -1)):
            side = path.side()
            for k in order:
                heights[k] = path.at(float(given[k]), side)[0]
        at = np.array([likelihood.values(self._moved(j, x))[j] for x in given])
        return Profile(name, at, heights, self.values[name], self.log_likelihood)

    def _place(self, name: str) -> int:
        if name not in self.values:
            raise ValueError(f"{name!r} was not fitted; fitted are {', '.join(self.values)}")
        return list(self.values).index(name)

    def plot(self, path: Any = None) -> Any:
        """Histogram of the intervals and the fitted density; written to `path` if given."""
        from ..output.intervals import plot_intervals

        time = self.membrane_time
        return plot_intervals(self.intervals, lambda t: self.passage.density(t / time) / time, path)

    def save(self, folder: Any, overwrite: bool = False) -> Any:
        """Write run.json, intervals.csv, density.csv, final.npz; `load_fit` reads them back.

        Raises ValueError if the folder holds anything else, or a fit and `overwrite` is False.
        """
        return save_fit(self, folder, overwrite)

    def __repr__(self) -> str:
        rows = []
        for name, value in self.values.items():
            row = f"  {name:<14}{value:.6g} +- {self.errors[name]:.2g}"
            if self.converged:
                row += "   (95 %: {:.6g} to {:.6g})".format(*self.confidence(name))
            rows.append(row)
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


@checked(rate=optional(number()), membrane_time=optional(number()))
def fit(
    intervals: Any,
    model: Any,
    parameters: Sequence[str] = ("current", "a0"),
    *,
    kind: Literal["intervals", "times"] | None = None,
    unit: float | str | None = None,
    rate: float | None = None,
    membrane_time: float | None = None,
) -> Fit:
    """Parameters of a neuron from independent interspike intervals t_i:  max over theta of sum log f(t_i; theta).

    f is the first-passage density of the model (`first_passage`), so a refractory state or a random threshold counts.

    intervals      an array (several arrays: separate recordings), in units of the time that `membrane_time` is in
    model          where the search begins, and the values of what is not fitted
    parameters     numbers of the model ("current", "a0", "v_reset", "v_fire", "tau", "dead_time", ...), or
                   "membrane_time", the model's unit of time in that of the intervals
    kind           "intervals" (the default) or "times" of spikes
    unit           factor of plain numbers; objects with units are converted to it ("ms"; seconds by default), and
                   `membrane_time` is in the same unit (see `felif.as_intervals`)
    rate           firing rate of the network around the neuron, for models with b or a1 (see `first_passage`)
    membrane_time  the model's unit of time in that of the intervals (20.0: intervals in ms, membrane time 20 ms); 1 by
                   default, with a warning where intervals are then unusually long or short

    A search that takes long shows its progress on a terminal. The profiles of the likelihood are followed at once, and
    the search begins again where they meet a larger one.

    Raises ValueError for bad intervals and names, and for parameters that intervals cannot tell apart: of current, a0,
    v_reset and v_fire of a leaky neuron only two can be fitted, since a change of the scale and of the origin of v
    leaves all intervals as they are. NotConverged where the model hardly ever fires to begin with.
    """
    data = as_intervals(intervals, kind, unit=unit)
    names = names_of(parameters)
    time = 1.0 if membrane_time is None else membrane_time
    check_arguments(model, names, time, rate)
    check_dead_time(model, names, data, float(time))
    if len(data) <= len(names):
        raise ValueError(f"intervals: {len(data)}; allowed are more than there are parameters ({len(names)})")
    if len(names) > 1 and {"a0", TIME} & set(names) and np.ptp(data) <= 1e-9 * data.max():
        raise ValueError(f"intervals: all {len(data)} are {data[0]:g}; the less noise the better they fit, without end")
    if membrane_time is None and not _USUAL[0] <= data.mean() <= _USUAL[1]:
        warn(
            f"fit: the intervals have a mean of {data.mean():.4g} membrane times, which is unusual. Give membrane_time "
            "in the unit of the intervals (20.0 for ms), or membrane_time=1.0 if they are in membrane times.",
        )
    likelihood = Likelihood(data, model, names, rate, float(time))
    likelihood.passage(likelihood.start)  # says what is wrong
    with likelihood.shown():
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
        spent = 0
        for _ in range(_RESTARTS):
            theta, _, iterations, how = maximise(likelihood, start, everything)
            spent += iterations
            found = Fit(likelihood, theta, spent, how)
            try:
                if found.converged:
                    found.follow()
                break
            except Better as better:
                start = better.theta
        else:
            found = Fit(likelihood, theta, spent, STOPPED)
    found.evaluations = likelihood.evaluations
    return found
