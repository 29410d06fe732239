"""What a fit found: estimates, their intervals, profiles of the likelihood."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import chi2, kstwo

from ..given.arguments import FILE, FLAG, FOLDER, TEXT, TIMES, checked, optional, shown, whole
from ..problem import NotConverged
from .fit_files import save_fit
from .likelihood import NONNEGATIVE, POSITIVE, Likelihood
from .likelihood_maximum import LIMIT, STOPPED, told_apart
from .likelihood_profile import FLAT, LOST, Better, End, Profile, ProfilePath, check_level
from .passage_law import FirstPassage
from .tuning import CLIMB


class Fit:
    """Maximum-likelihood estimates of parameters.

    Attributes
    ----------
    values, errors : dict
        {name: estimate} and {name: standard error} (observed information; inf where it is singular, and of use only
        where the likelihood is nearly quadratic).
    covariance : array
        Of the estimates, in the order of `values`.
    likelihood, theta : the likelihood and where it is largest
        In the coordinates of the search.
    log_likelihood, aic, count : float, float, int
        Of the intervals.
    ks, p_value : float
        Kolmogorov-Smirnov distance between intervals and fitted law; its p-value is on the safe side (too large), as
        the law was fitted to the same intervals.
    passage : FirstPassage
        The fitted law, its times in units of `membrane_time`.
    model : model
        With the estimates.
    converged : bool
        Whether the likelihood is the largest there is near the start: a maximum, or, where it goes on rising more and
        more slowly as parameters grow, its supremum to a thousandth.
    iterations, evaluations, how : int, int, str
        Of the search, and how it ended.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.NoisyLIF(current=1.0, a0=0.5)
    >>> found = fl.fit(fl.first_passage(neuron, tol=1e-4).sample(50, seed=1), neuron, ["current"])
    >>> found.converged, found.identifiable, list(found.values)
    (True, True, ['current'])
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
        if self.p_value < CLIMB.misfit:
            self._notes.append("The fitted law is not that of the intervals: see ks and p_value.")
        self.evaluations = likelihood.evaluations

    @property
    def open(self) -> tuple[str, ...]:
        """Parameters whose 95 % interval has an end that the intervals do not give."""
        ends = {name: self._likelihood_interval(name, 0.95) for name in self.values} if self.converged else {}
        return tuple(name for name, pair in ends.items() if any(end.why in (FLAT, LOST) for end in pair))

    @property
    def identifiable(self) -> bool:
        """Whether every parameter is told by the intervals.

        False where they are confused, or where the 95 % interval of one has no end.
        """
        return not (self._confused or self.open)

    @property
    def message(self) -> str:
        """What is to be said about the fit; empty if nothing."""
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
        self._confused = "" if scores is None else told_apart(scores, likelihood.names, CLIMB.weak)
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

    @checked(name=TEXT)
    def confidence(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Interval by the likelihood ratio: values at which 2 (max log L - profile) <= chi2 quantile of `level`.

        It covers the true value with probability `level`, for many intervals, and has no end (inf; 0 below, for
        positive parameters) where the profile stays above that.

        Parameters
        ----------
        name : str
            A parameter that was fitted.
        level : float
            Between 0 and 1.

        Returns
        -------
        low, high : float

        Raises
        ------
        ValueError
            For a name that was not fitted and a level that is not allowed.
        NotConverged
            For a fit that has not converged.
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
        """Find the intervals of all parameters: what is seen on the way of one counts for the others. Raises Better.

        Parameters
        ----------
        level : float
            Of the intervals.
        """
        check_level(level)
        q = float(chi2.ppf(float(level), 1))
        for _ in range(CLIMB.rounds):
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
        """The intervals as `ends` gave them.

        Parameters
        ----------
        arrays : mapping of str to array
            What `ends` returned.
        """
        if "ends" in arrays:
            for name, values, whys in zip(self.values, arrays["ends"].tolist(), arrays["why"].tolist(), strict=True):
                self._ends[name, 0.95] = tuple(End(x, why) for x, why in zip(values, whys, strict=True))

    def _path(self, name: str) -> ProfilePath:
        return ProfilePath(self.likelihood, self.theta, self.log_likelihood, self._theta_covariance, self._place(name))

    @checked(name=TEXT, values=optional(TIMES), points=whole(3))
    def profile(self, name: str, values: Sequence[float] | None = None, points: int = 13) -> Profile:
        """Profile likelihood: the largest likelihood at each value of one parameter.

        Parameters
        ----------
        name : str
            A parameter that was fitted.
        values : sequence of float
            Where; by default at `points` within 3.5 standard errors of the estimate.
        points : int
            How many, at least 3.

        Returns
        -------
        Profile
            `.values`, `.log_likelihood`, `.interval(level)`.

        Raises
        ------
        ValueError
            For a name that was not fitted, and for values or points that are not allowed.
        """
        j, likelihood = self._place(name), self.likelihood
        if values is None:
            error = math.sqrt(self._theta_covariance[j, j])
            if not math.isfinite(error):
                raise ValueError(f"profile: {name!r} has no standard error; give values")
            given = self.theta[j] + error * np.linspace(-3.5, 3.5, points)
        else:
            lowest = 0.0 if name in POSITIVE else -1e-300 if name in NONNEGATIVE else -math.inf
            if values.ndim != 1 or not values.size:
                raise ValueError(f"profile: values = {shown(values)}; allowed is a row of finite numbers")
            if not np.all(values > lowest):
                raise ValueError(f"profile: values = {shown(values)}; {name!r} must be positive")
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

    @checked(path=optional(FILE))
    def plot(self, path: Any = None) -> Any:
        """Histogram of the intervals and the fitted density.

        Parameters
        ----------
        path : path
            Where it is written, if anywhere.

        Returns
        -------
        matplotlib figure
        """
        from ..output.interval_plots import plot_intervals

        time = self.membrane_time
        unit = "membrane time constants" if time == 1 else "unit of the data"
        return plot_intervals(self.intervals, lambda t: self.passage.density(t / time) / time, path, unit)

    @checked(folder=FOLDER, overwrite=FLAG)
    def save(self, folder: Any, overwrite: bool = False) -> Any:
        """Write run.json, intervals.csv, density.csv, final.npz; `load_fit` reads them back.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        overwrite : bool
            Replace a fit that is there.

        Returns
        -------
        path
            The folder.

        Raises
        ------
        ValueError
            If the folder holds anything else, or a fit and `overwrite` is False.
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
