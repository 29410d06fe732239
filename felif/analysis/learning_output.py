"""Stationary output of a network with a given connectivity C(w): a fixed point of one number, the total activity.

Without learning every line w is a population of its own, held at the drift centre mu(w) = I(w) + w sigma(Nbar):

    N(w) = C(w) r(mu(w)),      Nbar = int N dw = G(Nbar),      G(x) = int C(w) r(I(w) + w sigma(x)) dw,

r the rate of a single neuron (`neuron_rate`). Inhibitory networks (w <= 0, sigma nondecreasing) have exactly one Nbar,
for G decreases; excitatory ones one, several or none. With learning the same holds of what the rule has made of C.

Functions take a LearningLIF, or any object with its parameters. A function of w may be a function, a number, or an
array of values at equidistant points from w_min to w_max, linear in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..algebra.roots import root
from ..given.arguments import LEARNING, checked, number, optional, shown
from ..given.types import Model, Profile
from ..problem import NotConverged
from .quadrature import integrate, roots
from .rate_table import RateTable, rate_table
from .tuning import CONNECTIVITY

_NEEDED = ("current", "sigma", "w_min", "w_max", "a0", "v_reset", "v_fire")


@dataclass(frozen=True)
class Lines:
    """The lines w of a learning network: rates, and integrals over w."""

    current: Callable
    sigma: Callable
    w_min: float
    w_max: float
    a0: float
    v_reset: float
    v_fire: float
    breaks: tuple[float, ...] = ()

    @property
    def rates(self) -> RateTable:
        return rate_table(self.a0, self.v_reset, self.v_fire)

    def centre(self, w: Any, Nbar: float) -> np.ndarray:
        """mu(w) = I(w) + w sigma(Nbar)."""
        return self.current(w) + w * float(self.sigma(Nbar))

    def log_rate(self, w: Any, Nbar: float) -> np.ndarray:
        return self.rates.log_rate(self.centre(w, Nbar))

    def slope(self, centre: np.ndarray) -> np.ndarray:
        """r'(mu)."""
        return self.rates.slope(centre)

    def output(self, C: Callable, w: Any, Nbar: float) -> np.ndarray:
        """N(w) = C(w) r(mu(w))."""
        return C(w) * np.exp(self.log_rate(w, Nbar))

    def integral(self, f: Callable, rtol: float = 1e-14) -> float:
        """int f dw over the weights that are possible."""
        return integrate(f, self.w_min, self.w_max, self.breaks, rtol)


def lines_of(learning: Any, *functions: Callable) -> Lines:
    """The lines of a model; breaks of its functions, and of further ones, are where integrals are cut."""
    current = function_of_w(learning, learning.current, "current")
    breaks = {0.0}.union(*(getattr(f, "breakpoints", ()) for f in (current, *functions)))
    numbers = (float(getattr(learning, name)) for name in _NEEDED[2:])
    return Lines(current, learning.sigma, *numbers, breaks=tuple(sorted(map(float, breaks))))


def function_of_w(learning: Any, given: Any, name: str, nonnegative: bool = False) -> Callable:
    """`given` as a function of arrays of w; ValueError for what is not finite (or negative) at points looked at.

    A thousandth of the largest value is forgiven below zero: C(w) of a run undershoots beside a shock.
    """
    missing = [n for n in _NEEDED if not hasattr(learning, n)]
    if missing:
        raise ValueError(f"{learning!r} has no {', '.join(missing)}; allowed is a LearningLIF")
    w_min, w_max = float(learning.w_min), float(learning.w_max)
    allowed = f"allowed is a function of w, a number, or values from w_min to w_max{', >= 0' if nonnegative else ''}"
    if callable(given):
        function = _OnLines(given, tuple(map(float, getattr(given, "breakpoints", ()))))
    else:
        try:
            table = np.atleast_1d(np.asarray(given, float))
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{name} = {shown(given)}; {allowed}") from None
        if table.ndim != 1:
            raise ValueError(f"{name} has shape {table.shape}; {allowed}")
        grid = np.linspace(w_min, w_max, max(len(table), 2))
        table = np.broadcast_to(table, grid.shape)
        function = _OnLines(lambda w: np.interp(w, grid, table), tuple(grid.tolist()))
    looked_at = w_min + (w_max - w_min) * np.linspace(0.0, 1.0, 67)[1:-1]
    try:
        values = function(looked_at)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} cannot be evaluated at an array of weights ({error}); {allowed}") from error
    small = -1e-3 * np.abs(values).max() if nonnegative else -np.inf
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= small)))
    if bad.size:
        raise ValueError(f"{name}({looked_at[bad[0]]:.6g}) = {values[bad[0]]:.6g}; {allowed}")
    return function


@dataclass(frozen=True)
class _OnLines:
    """A function whose values have the shape of its argument."""

    function: Callable
    breakpoints: tuple[float, ...]

    def __call__(self, w: Any) -> np.ndarray:
        w = np.asarray(w, float)
        return np.broadcast_to(np.asarray(self.function(w), float), w.shape)


@dataclass(frozen=True)
class StationaryOutput:
    """A stationary state of a network whose connectivity C(w) is given.

    Attributes
    ----------
    Nbar : float
        The total activity, int N dw.
    mass : float
        int C dw (1 for a density; never rescaled).
    connectivity, lines
        What C(w), N(w) and centre(w) = I(w) + w sigma(Nbar) are computed from.
    """

    Nbar: float
    mass: float
    connectivity: Callable = field(repr=False)
    lines: Lines = field(repr=False)

    def C(self, w: Any) -> np.ndarray:
        """The connectivity.

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        return self.connectivity(w)

    def N(self, w: Any) -> np.ndarray:
        """The output C(w) r(mu(w)) of the line w; 0 outside [w_min, w_max].

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        w = np.asarray(w, float)
        inside = (w >= self.lines.w_min) & (w <= self.lines.w_max)
        within = np.clip(w, self.lines.w_min, self.lines.w_max)
        return np.where(inside, self.lines.output(self.connectivity, within, self.Nbar), 0.0)

    def centre(self, w: Any) -> np.ndarray:
        """mu(w) = I(w) + w sigma(Nbar), where the drift vanishes.

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        return self.lines.centre(np.asarray(w, float), self.Nbar)


@checked(learning=LEARNING)
def stationary_outputs(learning: Model, C: Profile) -> tuple[StationaryOutput, ...]:
    """All stationary states of a network with the connectivity C(w) >= 0, sorted by Nbar.

    The roots of Nbar = int C r(I + w sigma(Nbar)) dw, each to rounding.

    Parameters
    ----------
    learning : LearningLIF
        Its eps and K play no part.
    C : callable, array or float
        As for `stationary_output`.

    Returns
    -------
    tuple of StationaryOutput
        Possibly empty.

    Raises
    ------
    ValueError
        For a C that is negative or not finite.

    Examples
    --------
    >>> import felif as fl
    >>> excitatory = fl.LearningLIF(eps=0.0, K=1.0, sigma=fl.Proportional(1.3), current=0.0, w_min=0.0, w_max=3.0)
    >>> len(fl.stationary_outputs(excitatory, lambda w: 6 * w * (3 - w) / 27))
    2
    """
    C = function_of_w(learning, C, "C", nonnegative=True)
    lines = lines_of(learning, C)
    mass = lines.integral(C)

    def G(x: float, rtol: float = 1e-14) -> float:
        return lines.integral(lambda w: lines.output(C, w, x), rtol)

    return tuple(StationaryOutput(x, mass, C, lines) for x in _fixed_points(lines, C, G))


@checked(learning=LEARNING, guess=optional(number()))
def stationary_output(learning: Model, C: Profile, guess: float | None = None) -> StationaryOutput:
    """The stationary state of a network with the connectivity C(w).

        Nbar = int C(w) r(I(w) + w sigma(Nbar)) dw,      N(w) = C(w) r(I(w) + w sigma(Nbar))

    Unique for inhibitory networks.

    Parameters
    ----------
    learning : LearningLIF
        Its eps and K play no part.
    C : callable, array or float
        A function of w, values from w_min to w_max, or a number; >= 0.
    guess : float
        Of Nbar, to choose by where there are several.

    Returns
    -------
    StationaryOutput
        `.Nbar`, `.N(w)`, `.C(w)`, `.mass`.

    Raises
    ------
    NotConverged
        Where there is none, or several and no guess; `stationary_outputs` returns all of them.

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.0, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> output = fl.stationary_output(learning, 1.0)
    >>> 0 < output.Nbar < 1
    True
    """
    found = stationary_outputs(learning, C)
    if not found:
        raise NotConverged(
            "no total activity satisfies Nbar = int C r(I + w sigma(Nbar)) dw: the network excites itself without "
            "bound. Weaken sigma, or C at large w; two states appear together at the fold before this one."
        )
    return chosen(found, [s.Nbar for s in found], guess, "Nbar")


class LearnedConnectivities(tuple):
    """All learned connectivities, sorted by A: a tuple with a `message` that says how many there are and why."""

    message: str = ""

    @classmethod
    def of(cls, found: list[Any], message: str) -> LearnedConnectivities:
        all_ = cls(found)
        all_.message = message
        return all_


def chosen(found: tuple, values: list[float], guess: float | None, name: str) -> Any:
    """The only one, or the nearest to the guess; NotConverged, naming all of them, for several without a guess."""
    if guess is not None:
        return found[int(np.argmin(np.abs(np.array(values) - guess)))]
    if len(found) > 1:
        raise NotConverged(f"there are {len(found)} solutions, {name} = {values}; choose one by guess=...")
    return found[0]


def _fixed_points(lines: Lines, C: Callable, G: Callable) -> list[float]:
    """All x > 0 with x = G(x): where G decreases, between G(G(0)) and G(0); otherwise the roots of log G(x) - log x."""
    start = G(0.0)
    if start == 0.0:  # nothing fires
        return [0.0]

    def f(u: float, rtol: float = 1e-14) -> float:
        return float(np.log(max(G(float(np.exp(u)), rtol), 1e-300))) - u

    if lines.w_max <= 0 and _nondecreasing(lines.sigma, start):
        low, high = np.log(max(G(start), 1e-300)), np.log(start)
        return [start if low >= high else float(np.exp(root(f, low, high)))]
    low = np.log(start) - 1
    while f(low, CONNECTIVITY.scan) <= 0:
        low -= 1
    high = _highest(lines, C, low, max(np.log(start), 0.0) + 20)
    return [float(np.exp(u)) for u in roots(lambda u: f(u, CONNECTIVITY.scan), low - 2, high, polish=f)]


def _highest(lines: Lines, C: Callable, low: float, high: float) -> float:
    """Log of a total activity above which there is no fixed point up to e^high: G(x) stays below x there.

    By the largest response on [0, x], so that oscillations of sigma need not be followed.
    """
    u = np.arange(low, high, 0.5)
    x = np.concatenate([[0.0], np.exp(np.arange(low, high, 0.02))])
    response = np.array([float(lines.sigma(z)) for z in x])
    most, least = np.maximum.accumulate(response), np.minimum.accumulate(response)
    for k in range(len(u) - 1, -1, -1):
        within = np.searchsorted(x, np.exp(u[k]))
        ends = most[within - 1], least[within - 1]

        def most_of_all(w: np.ndarray, ends: tuple = ends) -> np.ndarray:
            centre = lines.current(w) + np.maximum(w * ends[0], w * ends[1])
            return C(w) * np.exp(lines.rates.log_rate(centre))

        if lines.integral(most_of_all, CONNECTIVITY.scan) >= np.exp(u[k]):
            return min(u[k] + 1.0, high)
    return low + 1.0


def _nondecreasing(sigma: Callable, high: float) -> bool:
    """Whether sigma does not decrease between 0 and `high`, as far as 65 points show."""
    values = np.array([float(sigma(x)) for x in np.linspace(0.0, high, 65)])
    return bool((np.diff(values) >= -1e-14 * np.abs(values).max()).all())
