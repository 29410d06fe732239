"""Which connectivities does the learning rule make? All stationary C(w) of p(v, w, t), semi-analytically.

A stationary state has no flux in w: Phi = K(w) N(w) Nbar = w wherever C > 0, so there N = w/(K Nbar), C = N/r(mu(w)),
mu = I + w sigma(Nbar), and p = C(w) P(v; mu(w)) is an exact steady state for every eps. Phi = w leaves the support
open. At its outer edge C jumps to zero; waves in C travel at Phi - w + N dPhi/dN = 2 Phi - w = w inside and at -w
outside, so the jump is a shock (Lax) at an outer edge and would open into a fan at an inner one: the support reaches
down to w = 0. It is [-A, 0] (K < 0), or [0, A] (K > 0), and with s the sign

    Nbar_A^2 = int_0^A u/abs(K(s u)) du,      int_0^A u / (abs(K(s u)) r(I + s u sigma(Nbar_A))) du = Nbar_A:

int N dw = Nbar, and int C dw = 1, one equation for A. Vanishing noise in w selects the same. For inhibitory networks
there is at least one solution (the mass grows without bound with A), and only one if I(w) + w sigma(Nbar) does not
decrease in w; for other inputs there may be several: uniqueness needs that condition. Excitatory networks have two, or
none, or other numbers. Where K has the other sign next to 0 all weights drain to w = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..algebra.roots import root
from ..given.arguments import LEARNING, checked, number, optional
from ..given.types import Model
from .density import density
from .leaky_network import Network
from .learning_output import LearnedConnectivities, Lines, function_of_w, lines_of
from .neuron_rate import log_rate, rate
from .quadrature import integrate, roots
from .tuning import CONNECTIVITY


@dataclass(frozen=True)
class LearnedConnectivity:
    """A stationary connectivity of the learning rule, with support [low, high] = [-A, 0] or [0, A] (or [-A, B]).

    Methods: C(w), N(w) = w/(K Nbar), p(v, w) = C(w) P(v; I + w sigma(Nbar)); int C dw = 1.

    Attributes
    ----------
    A, low, high : float
        The support.
    Nbar : float
        int N dw.
    mass_slope : float
        d log(int C dw)/dA, when only int N dw = Nbar is asked for: runs tend to connectivities where it is positive,
        and leave those where it is negative (observed, not proved); with weights of both signs d log(Nbar^2/int N dw)/d
        log Nbar, when only the masses are asked for.
    rule, lines
        What the functions are computed from.
    """

    A: float
    Nbar: float
    low: float
    high: float
    mass_slope: float
    rule: Callable = field(repr=False)
    lines: Lines = field(repr=False)

    @property
    def drained(self) -> bool:
        """Whether all neurons are at w = 0."""
        return self.A == 0

    def N(self, w: Any) -> np.ndarray:
        """The output w/(K(w) Nbar), 0 outside of where neurons are.

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        w = np.asarray(w, float)
        inside = (w >= self.low) & (w <= self.high) & (w != 0) & (not self.drained)
        return np.where(inside, w / np.where(inside, self.rule(np.where(inside, w, self._some)) * self.Nbar, 1.0), 0.0)

    def C(self, w: Any) -> np.ndarray:
        """The connectivity N(w)/r(w), 0 outside of where neurons are.

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        w = np.asarray(w, float)
        N = self.N(w)
        log = self.lines.log_rate(np.where(N > 0, w, self._some), self.Nbar)
        return np.where(N > 0, np.exp(np.log(np.where(N > 0, N, 1.0)) - log), 0.0)

    def p(self, v: Any, w: Any) -> np.ndarray:
        """The stationary density itself.

        Parameters
        ----------
        v, w : float or array
            Potentials and synaptic weights, which broadcast.

        Returns
        -------
        array
        """
        v, w = np.broadcast_arrays(np.asarray(v, float), np.asarray(w, float))
        result, C = np.zeros(v.shape), self.C(w)
        values, place = np.unique(w, return_inverse=True)
        place = place.reshape(w.shape)
        for k, line in enumerate(values):
            here = (place == k) & (C > 0)
            if here.any():
                m = float(self.lines.centre(line, self.Nbar))
                alone = Network(0.0, self.lines.a0, 0.0, self.lines.v_reset, self.lines.v_fire, m, 0.0, 0.0)
                result[here] = C[here] * density(alone, rate(m, self.lines.a0, *alone[3:5]), v[here])
        return result

    def moment(self, power: int) -> float:
        """int w^power C dw.

        Parameters
        ----------
        power : int
            0 or more.

        Returns
        -------
        float
        """
        if self.drained:
            return float(power == 0)
        return integrate(lambda w: w**power * self.C(w), self.low, self.high, self.lines.breaks)

    @property
    def _some(self) -> float:
        """A weight of the support, to evaluate functions where the result is not used."""
        return 0.5 * (self.low + self.high)


@checked(learning=LEARNING, inhibitory=optional(number()))
def learned_connectivity(learning: Model, inhibitory: float | None = None) -> LearnedConnectivities:
    """All stationary connectivities C(w) of the learning rule, sorted by A.

    Support [-A, 0] where K < 0 makes inhibitory weights grow, [0, A] where K > 0 makes excitatory ones grow:

        Nbar^2 = int abs(w/K) dw,      int abs(w)/(abs(K) r(I + w sigma(Nbar))) dw = Nbar      over the support,

    to rounding. Weights beyond the interval [w_min, w_max], or beyond a zero of K, do not exist: a solution that needs
    them is none. If K has the other sign next to 0, the one entry is what everything drains to (`.drained`). Where
    weights of both signs grow, none passes 0: there are solutions, with support [-A, B] (`.low`, `.high`), for every
    share of inhibitory weights, which has to be given.

    Parameters
    ----------
    learning : LearningLIF
        Its eps plays no part.
    inhibitory : float
        Share of inhibitory weights, in [0, 1], where weights of both signs grow.

    Returns
    -------
    tuple of LearnedConnectivity
        None, one or several, each with .A, .Nbar, .C(w), .N(w), .p(v, w); `.message` says which.

    Raises
    ------
    ValueError
        If `inhibitory` is missing, lies outside [0, 1], or is given where the share is not free.

    Notes
    -----
    Source: Perthame, Salort & Wainrib, Physica D 353-354 (2017).

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> [solution.low < 0 for solution in fl.learned_connectivity(learning)]
    [True]
    """
    rule = function_of_w(learning, learning.K, "K")
    lines = lines_of(learning, rule)
    signs = [s for s, end in ((-1.0, -lines.w_min), (1.0, lines.w_max)) if end > 0 and lines.w_min <= 0 <= lines.w_max]
    if not signs:
        raise ValueError(f"w_min = {lines.w_min}, w_max = {lines.w_max}; allowed is an interval that contains 0")
    sides = [side for side in (_Side(lines, rule, s) for s in signs) if side.wall > 0]
    if inhibitory is not None and not (len(sides) == 2 and 0 <= inhibitory <= 1):
        raise ValueError(
            f"inhibitory = {inhibitory!r}; allowed is a share in [0, 1], where K makes weights of both signs grow"
        )
    if len(sides) == 2:
        if inhibitory is None:
            raise ValueError(
                f"K makes weights of both signs grow in [{lines.w_min}, {lines.w_max}]; then the share of inhibitory "
                "weights never changes, and there is a stationary C for every share: give inhibitory=..., in [0, 1]"
            )
        if 0 < inhibitory < 1:
            return _of_both_signs(*sides, inhibitory)
        sides = [sides[0] if inhibitory == 1 else sides[1]]
    if not sides:
        Nbar = float(np.exp(log_rate(lines.current(0.0), lines.a0, lines.v_reset, lines.v_fire)))
        sign = "K >= 0 for w < 0" if signs == [-1.0] else "K <= 0 for w > 0" if signs == [1.0] else "the sign of K"
        all_ = LearnedConnectivity(0.0, Nbar, 0.0, 0.0, np.nan, rule, lines)
        return LearnedConnectivities.of([all_], f"everything drains to w = 0: {sign} lets no weight grow")
    return sides[0].solutions()


class _Side:
    """Weights of one sign s: w = s u, 0 < u < wall, the first place where K stops letting them grow."""

    def __init__(self, lines: Lines, rule: Callable, sign: float) -> None:
        self.lines, self.rule, self.sign = lines, rule, sign
        self.end = -lines.w_min if sign < 0 else lines.w_max
        self.breaks = tuple(sorted(sign * b for b in lines.breaks))
        self.wall, self.closed = self._wall()

    def _wall(self) -> tuple[float, bool]:
        """The wall, and whether it is the end of the interval (where K may still be used)."""
        u = np.unique([*np.geomspace(1e-6, 1.0, 40), *np.linspace(1e-3, 1.0, 1001)]) * self.end
        growing = self._growth(u)
        bad = np.flatnonzero(growing <= 0)
        if not bad.size:
            return self.end, True
        if bad[0] == 0:
            return 0.0, False
        first, last = u[bad[0] - 1], u[bad[0]]
        if growing[bad[0]] == 0:
            return float(last), False
        return root(lambda x: float(self._growth(np.array(x))), first, last), False

    def _growth(self, u: np.ndarray) -> np.ndarray:
        return self.sign * self.rule(self.sign * u)

    def total(self, A: float, rtol: float = 1e-14) -> float:
        """Nbar_A."""
        # in x = u/A: A may be as small as the rate of a silent network
        return A * float(np.sqrt(integrate(lambda x: x / self._growth(A * x), 0.0, 1.0, self._within(A), rtol)))

    def excess(self, A: float, rtol: float = 1e-14) -> float:
        """log of int C dw, for the support that ends at A."""
        Nbar = self.total(A, rtol)
        return self.log_mass(A, Nbar, rtol) - float(np.log(Nbar))

    def log_mass(self, A: float, Nbar: float, rtol: float = 1e-14) -> float:
        """log of int_0^A u/(|K| r(I + w sigma(Nbar))) du."""
        highest = np.max(-self.lines.log_rate(self.sign * A * np.linspace(0.0, 1.0, 513), Nbar))
        shift = max(0.0, float(highest) - CONNECTIVITY.safe)  # of the logarithm, so that 1/r does not overflow

        def integrand(x: np.ndarray) -> np.ndarray:
            return x / self._growth(A * x) * np.exp(-self.lines.log_rate(self.sign * A * x, Nbar) - shift)

        # where 1/r grows by many orders of magnitude, all of the integral sits near the outer edge
        halvings = int(np.log2(max(float(highest), 1.0))) + 1 if highest > 30 else 0
        breaks = (*self._within(A), *(1 - 0.5 ** np.arange(1, halvings + 1)))
        return float(np.log(integrate(integrand, 0.0, 1.0, breaks, rtol) + 1e-300) + shift + 2 * np.log(A))

    def _within(self, A: float) -> tuple[float, ...]:
        """Breaks in units of A."""
        return tuple(b / A for b in self.breaks if 0 < b < A)

    @property
    def reach(self) -> float:
        """The largest A; int u/K may diverge at a zero of K."""
        return self.wall if self.closed else self.wall * (1 - 1e-9)

    def edge(self, share: float, Nbar: float, rtol: float = 1e-14) -> float:
        """The A at which this side has that share of the weights; inf if it cannot have it."""
        f = lambda x: self.log_mass(np.exp(x), Nbar, rtol) - np.log(share * Nbar)
        high, low = np.log(self.reach), np.log(1e-3 * self.reach)
        if f(high) < 0:
            return np.inf
        while f(low) >= 0:
            low -= 3.0
            if low < np.log(CONNECTIVITY.least):
                return 0.0
        return float(np.exp(root(f, low, high)))

    def solutions(self) -> LearnedConnectivities:
        high = self.reach
        low = 1e-3 * high
        while self.excess(low, CONNECTIVITY.scan) >= 0:
            low *= 1e-2
            if low < CONNECTIVITY.least:
                return LearnedConnectivities.of([], f"none with A > {CONNECTIVITY.least}: at w = 0 no neuron fires")
        logs = roots(
            lambda x: self.excess(np.exp(x), CONNECTIVITY.scan),
            np.log(low),
            np.log(high),
            polish=lambda x: self.excess(np.exp(x)),
        )
        found = [self._connectivity(float(np.exp(x))) for x in logs if np.exp(x) <= self.wall]
        if found:
            return LearnedConnectivities.of(found, f"{len(found)} with A = {', '.join(f'{c.A:.6g}' for c in found)}")
        place = "the interval ends" if self.closed else "K vanishes"
        hint = "weights want to grow further: extend the interval" if self.closed else "no A is left"
        return LearnedConnectivities.of(
            [],
            f"none: with A up to {high:.6g}, where {place}, the mass int C dw stays below 1 "
            f"(there it is {np.exp(self.excess(high)):.6g}); {hint}",
        )

    def _connectivity(self, A: float) -> LearnedConnectivity:
        low, high = (-A, 0.0) if self.sign < 0 else (0.0, A)
        step = 1e-4 * min(A, self.wall - A) or 1e-4 * A
        ends = [A - step, min(A + step, self.wall)]
        slope = (self.excess(ends[1]) - self.excess(ends[0])) / (ends[1] - ends[0])
        return LearnedConnectivity(A, self.total(A), low, high, slope, self.rule, self.lines)


def _of_both_signs(minus: _Side, plus: _Side, share: float) -> LearnedConnectivities:
    """For every Nbar the two edges follow from the two masses; then int N dw = Nbar is one equation for Nbar."""

    def edges(x: float, rtol: float = 1e-14) -> tuple[float, float]:
        return minus.edge(share, x, rtol), plus.edge(1 - share, x, rtol)

    def f(u: float, rtol: float = 1e-14) -> float:
        A, B = edges(np.exp(u), rtol)
        if not np.isfinite(A + B):
            return -CONNECTIVITY.most
        return float(np.log(minus.total(A, rtol) ** 2 + plus.total(B, rtol) ** 2)) - 2 * u

    low, high = -2.0, 1.0
    while f(low, CONNECTIVITY.scan) <= 0:  # int N dw falls like Nbar, not like its square
        low -= 2.0
        if low < -300:
            return LearnedConnectivities.of([], "none: [w_min, w_max] is too short for the weights of one sign")
    while high < 20 and f(high, CONNECTIVITY.scan) > -CONNECTIVITY.most:
        high += 1.0
    found = []
    for u in roots(lambda u: f(u, CONNECTIVITY.scan), low, high, polish=f):
        x = float(np.exp(u))
        A, B = edges(x)
        if np.isfinite(A + B) and abs(f(u)) < 1e-9:  # not where an edge reaches the end of the interval
            step = 1e-4
            slope = -(f(u + step) - f(u - step)) / (2 * step)
            found.append(LearnedConnectivity(A, x, -A, B, slope, minus.rule, minus.lines))
    shown = ", ".join(f"[{c.low:.6g}, {c.high:.6g}]" for c in found)
    return LearnedConnectivities.of(found, f"{len(found)} with support {shown}" if found else "none for this share")
