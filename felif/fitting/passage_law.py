"""The law of the time after which a neuron fires."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..algebra import composite
from ..given.arguments import NUMBERS, SEED, checked, shown, whole
from ..problem import Problem
from .tuning import PASSAGE


class Late:
    """The law of a time of passage that begins to run after a time `silent`."""

    def __init__(self, law: Any, silent: float) -> None:
        self._law, self._silent, self.slowest = law, silent, law.slowest
        self.mean = law.mean + silent
        self.second_moment = law.second_moment + 2 * silent * law.mean + silent**2

    def require_all(self) -> None:
        self._law.require_all()

    def require_times(self, longest: float) -> None:
        self._law.require_times(max(longest - self._silent, 0.0))

    def evaluate(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        f, S = np.zeros(len(times)), np.ones(len(times))
        late = times > self._silent
        f[late], S[late] = self._law.evaluate(times[late] - self._silent)
        return f, S

    def panels(self) -> np.ndarray:
        return np.concatenate([[0.0], self._silent + self._law.panels()])


class FirstPassage:
    """The distribution of the time T after which a neuron fires, or of its interspike interval.

    Attributes
    ----------
    problem : Problem
        The discretised FirstSpike.
    law : object
        T as it was computed; read it by the methods below.
    run : Run or None
        Its solution in time, where the input depends on time.
    decay : float or None
        lambda with f ~ e^(-lambda t) in the end; None where the input depends on time.

    Examples
    --------
    >>> import felif as fl
    >>> law = fl.first_passage(fl.NoisyLIF(current=1.0), tol=1e-6)
    >>> bool(abs(law.mean / fl.analysis.exact.passage_time(1.0, 1.0, 1.0, 2.0) - 1) < 1e-6)
    True
    """

    def __init__(self, problem: Problem, law: Any, run: Any = None) -> None:
        self.problem, self.run, self._law = problem, run, law
        self.decay: float | None = -law.slowest if law.slowest is not None else None

    @property
    def mean(self) -> float:
        """E T. Raises NotConverged where a run ended (`t_end`) before the neuron has fired for certain."""
        self._law.require_all()
        return self._law.mean

    @property
    def variance(self) -> float:
        """Of T."""
        return self._law.second_moment - self.mean**2

    @property
    def cv(self) -> float:
        """Standard deviation of T over its mean."""
        return math.sqrt(self.variance) / self.mean

    @property
    def model(self) -> Any:
        """The model of the neuron."""
        return self.problem.model.model

    @checked(t=NUMBERS)
    def density(self, t: Any) -> Any:
        """The density f of T.

        Parameters
        ----------
        t : float or array
            Times >= 0, in the model's unit.

        Returns
        -------
        float or array
            f(t), of the shape of t; 0 for t = 0.

        Raises
        ------
        ValueError
            For t < 0.
        """
        return self.both(t)[0]

    @checked(t=NUMBERS)
    def survival(self, t: Any) -> Any:
        """The probability P(T > t).

        Parameters
        ----------
        t : float or array
            Times >= 0, in the model's unit.

        Returns
        -------
        float or array
            Of the shape of t.

        Raises
        ------
        ValueError
            For t < 0.
        """
        return self.both(t)[1]

    @checked(t=NUMBERS)
    def both(self, t: Any) -> tuple[Any, Any]:
        """Density and survival, computed together.

        Parameters
        ----------
        t : float or array
            Times >= 0, in the model's unit.

        Returns
        -------
        density, survival : float or array
            Of the shape of t.
        """
        times = np.asarray(t, float)
        if not np.all((times >= 0) & (times <= PASSAGE.longest)):
            raise ValueError(f"t = {shown(t.tolist())}; allowed are finite numbers >= 0, at most {PASSAGE.longest:g}")
        self._law.require_times(float(times.max(initial=0.0)))
        f, S = self._law.evaluate(times.ravel())
        if times.ndim == 0:
            return float(f[0]), float(S[0])
        return f.reshape(times.shape), S.reshape(times.shape)

    @property
    def times(self) -> np.ndarray:
        """201 times on which to plot f."""
        return np.linspace(0.0, self.quantile(0.999), 201)

    @property
    def integral(self) -> float:
        """int_0^inf f dt by quadrature, the exponential tail included: 1 but for errors."""
        panels = self._law.panels()
        t, weights = composite(panels, 20)
        f, S = self.both(np.append(t, panels[-1]))
        return float(weights.ravel() @ f[:-1] + S[-1])

    @checked(p=NUMBERS)
    def quantile(self, p: Any) -> Any:
        """t with P(T <= t) = p, by bisection and Newton's method.

        Parameters
        ----------
        p : float or array
            In [0, 1).

        Returns
        -------
        float or array
            Of the shape of p.
        """
        if not (np.all(p >= 0) and np.all(p < 1)):
            raise ValueError(f"p = {shown(p.tolist())}; allowed are numbers in [0, 1)")
        left = 1 - p.ravel()
        last = self.mean
        while left.size and self.survival(last) > left.min():
            last *= 2
        grid = np.linspace(0.0, last, PASSAGE.grid)
        falling = np.minimum.accumulate(self.survival(grid))  # but for rounding it is the survival
        above = np.clip(np.searchsorted(-falling, -left, side="right") - 1, 0, PASSAGE.grid - 2)
        low, high = grid[above], grid[above + 1]
        t = 0.5 * (low + high)
        moving = np.flatnonzero(left < 1.0)
        t[left == 1.0] = 0.0
        for _ in range(100):
            if not moving.size:
                break
            here, aim = t[moving], left[moving]
            f, S = self.both(here)
            low[moving] = a = np.where(S >= aim, here, low[moving])
            high[moving] = b = np.where(S >= aim, high[moving], here)
            with np.errstate(divide="ignore", invalid="ignore"):
                new = here + (S - aim) / f
            t[moving] = new = np.where((new > a) & (new < b), new, 0.5 * (a + b))
            moving = moving[np.abs(new - here) > 1e-13 * self.mean]
        return t.reshape(p.shape) if p.ndim else float(t[0])

    @checked(count=whole(1, 10**7), seed=SEED)
    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Independent times T, reproducible from the seed.

        Parameters
        ----------
        count, seed : int
            How many, and what they are drawn from.

        Returns
        -------
        array (count,)

        Raises
        ------
        ValueError
            For anything but whole numbers.
        """
        return self.quantile(np.random.default_rng(seed).random(count))

    def __repr__(self) -> str:
        return (
            f"FirstPassage of {self.model}\n  mean       {self.mean:.12g}\n  cv         {self.cv:.10g}\n"
            f"  decay      {'not exponential' if self.decay is None else format(self.decay, '.10g')}\n"
            f"  unknowns   {self.problem.size}"
        )
