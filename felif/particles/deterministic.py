"""A single neuron without noise: exact spike times."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from ..given.arguments import MODEL, TIME, checked, number, optional
from ..given.inputs import Landing
from ..given.types import Model
from ..translation import law_of
from .drive import affine
from .tuning import EXACT


@checked(model=MODEL, t_end=TIME, start=optional(number()), t_start=TIME)
def spike_times(model: Model, t_end: float, *, start: float | None = None, t_start: float = 0.0) -> np.ndarray:
    """Times in (t_start, t_end] at which a neuron fires that has no noise and no network around it.

        dV/dt = f(V) + I(t),   V(t_start) = start (None: V_R),   V = V_F: a spike, V is reset to V_R (dead_time later)

    Leaky neurons: closed form for I constant or Piecewise, T = log((I - V_R)/(I - V_F)) for f = -v; for a function I(t)
    the equation is integrated exactly for polynomials that agree with I to rounding, and crossings are their roots.
    Other drifts: the interval is int dv/(f + I) for constant I, else the equation is integrated to 1e-13.

    Parameters
    ----------
    model : model
        Its drift, current, v_reset, v_fire and dead_time; a0 is not read.
    t_end, t_start : float
        In units of time of the model.
    start : float
        Potential at t_start; None: V_R.

    Returns
    -------
    array
        Times of the spikes.

    Raises
    ------
    ValueError
        For a neuron that is coupled, rests for a random time or fires at random, and for times and potentials that are
        not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> fl.spike_times(fl.NoisyLIF(current=3.0), t_end=1.5).round(6).tolist()  # every log(2)
    [0.693147, 1.386294]
    """
    law = _law_of(model)
    (neuron,) = law.populations
    if t_end <= t_start:
        raise ValueError(f"spike_times: t_end = {t_end!r}; allowed is a number above t_start = {t_start!r}")
    v = law.v_reset if start is None else start
    if not v < law.v_fire:
        raise ValueError(f"spike_times: start = {start!r}; allowed is a number below v_fire = {law.v_fire!r}")
    pair = affine(neuron.drift, neuron)
    current, spikes = Landing.of("current", neuron.current, float(t_start), float(t_end)), []
    breaks = [float(t) for t in getattr(current, "breakpoints", ()) if t_start < t < t_end]
    ends = [float(t_start), *breaks, float(t_end)]
    steps = not callable(current) or getattr(current, "in_steps", False)
    v = float(v)
    for a, b in zip(ends[:-1], ends[1:], strict=True):
        if steps:
            I = float(current(0.5 * (a + b)) if callable(current) else current)
            piece = _leaky(*pair, I, law) if pair else _nonlinear(neuron.drift, I, law)
            found, v = _constant(piece, a, b, v, law)
        elif pair:
            found, v = _leaky_in_time(pair[0], lambda t: pair[1] + float(current(t)), a, b, v, law)
        else:
            found, v = _integrated(neuron.drift, current, a, b, v, law)
        spikes.append(found)
    return np.concatenate(spikes)


def _law_of(model: Any) -> Any:
    law, kind = law_of(model), type(model).__name__
    if len(law.populations) != 1:
        raise ValueError(f"spike_times: {kind} has {len(law.populations)} populations; allowed is one neuron")
    if any(law.populations[0].kicks):
        raise ValueError(f"spike_times: {kind} is coupled, b = {law.populations[0].kicks[0]!r}; allowed is b = 0")
    if math.isinf(law.v_fire):
        raise ValueError("spike_times: v_fire = inf; allowed is a finite v_fire: give a cut-off of the spike")
    if law.refractory_time or law.escape_time:
        raise ValueError(f"spike_times: {kind} rests or fires at random times; allowed is NoisyLIF")
    if law.resets:
        raise ValueError(f"spike_times: {kind} is reset to places drawn at random; allowed is one")
    if law.dead_time and callable(law.populations[0].current):
        raise ValueError(
            f"spike_times: dead_time = {law.dead_time!r}; with a current that depends on time allowed is 0"
        )
    return law


# constant current ------------------------------------------------------------------------------------------------


def _constant(piece: tuple[Callable, Callable], a: float, b: float, v: float, law: Any) -> tuple[np.ndarray, float]:
    """(spikes, V at b) from V = v at a; `piece`: the time from v to V_F, and V a time after v."""
    wait, flow = piece
    first = a + wait(v)
    if first > b:
        return np.empty(0), flow(v, b - a)
    period = wait(law.v_reset) + law.dead_time
    count = 1 + (int((b - first) / period) if period < math.inf else 0)
    if count > EXACT.most:
        raise ValueError(f"spike_times: {count} spikes between t = {a:g} and {b:g}; allowed are at most {EXACT.most}")
    spikes = first + period * np.arange(count) if count > 1 else np.array([first])
    return spikes, flow(law.v_reset, max(b - float(spikes[-1]) - law.dead_time, 0.0))


def _leaky(g: float, m: float, I: float, law: Any) -> tuple[Callable, Callable]:
    """V' = m + I - g V."""
    speed = m + I - g * law.v_fire  # at the threshold

    def wait(v: float) -> float:
        distance = law.v_fire - v
        if speed <= 0 or speed + g * distance <= 0:
            return math.inf
        return distance / speed if g == 0 else math.log1p(g * distance / speed) / g

    def flow(v: float, t: float) -> float:
        return v + (m + I - g * v) * (t if g == 0 else -math.expm1(-g * t) / g)

    return wait, flow


def _nonlinear(drift: Callable, I: float, law: Any) -> tuple[Callable, Callable]:
    """V' = f(V) + I."""

    def speed(v: float) -> float:
        return float(drift(v)) + I

    def wait(v: float) -> float:
        points = np.linspace(v, law.v_fire, 2001)
        speeds = np.array([speed(x) for x in points])
        if speeds.min() <= 0:
            return math.inf
        slowest = points[np.argmin(speeds)]
        cuts = [slowest] if v < slowest < law.v_fire else None
        return quad(lambda x: 1 / speed(x), v, law.v_fire, points=cuts, epsabs=1e-15, epsrel=1e-13, limit=500)[0]

    def flow(v: float, t: float) -> float:
        if t == 0:
            return v
        run = solve_ivp(lambda s, y: [speed(float(y[0]))], (0.0, t), [v], method="DOP853", rtol=1e-13, atol=1e-14)
        return float(run.y[0, -1])

    return wait, flow


# current that depends on time ------------------------------------------------------------------------------------


def _leaky_in_time(
    g: float, current: Callable[[float], float], a: float, b: float, v: float, law: Any
) -> tuple[np.ndarray, float]:
    """V' = I(t) - g V piece by piece: e^{g(t-a)} V = v + Q(t), Q the integral of a Chebyshev series."""
    spikes: list[float] = []
    for low, high, series in _pieces(g, current, a, b):
        half = (high - low) / 2
        growth = chebyshev.chebinterpolate(lambda x, w=half: np.exp(g * w * (x + 1)), EXACT.degree)
        Q = half * chebyshev.chebint(chebyshev.chebmul(series, growth), lbnd=-1)
        above = chebyshev.chebsub(Q, law.v_fire * growth)  # e^{g(t-a)} (V - V_F) - v
        now = -1.0
        while (x := _first_root(above, v, now)) is not None:
            spikes.append(low + half * (x + 1))
            v += (law.v_reset - law.v_fire) * math.exp(g * half * (x + 1))
            now = x
            if len(spikes) > EXACT.most:
                raise ValueError(f"spike_times: more than {EXACT.most} spikes up to t = {spikes[-1]:g}")
        v = float(v + chebyshev.chebval(1.0, Q)) * math.exp(-2 * g * half)
    return np.array(spikes), v


def _pieces(g: float, current: Callable[[float], float], a: float, b: float):
    """(low, high, Chebyshev series of I), pieces halved until the series has converged and g x length <= 1."""
    waiting, shortest = [(a, b)], EXACT.shortest * max(b - a, abs(a), abs(b))
    while waiting:
        low, high = waiting.pop()
        nodes = 0.5 * (low + high) + 0.5 * (high - low) * chebyshev.chebpts1(EXACT.degree + 1)
        values = np.array([float(current(t)) for t in nodes.tolist()])
        if not np.isfinite(values).all():
            raise ValueError(f"spike_times: the current is not finite between t = {low:g} and {high:g}")
        series = chebyshev.chebfit(chebyshev.chebpts1(EXACT.degree + 1), values, EXACT.degree)
        size = np.abs(series).max()
        good = np.abs(series[-3:]).max() <= EXACT.small * max(size, 1.0) and abs(g) * (high - low) <= 1
        if good or high - low <= shortest:
            yield low, high, series
        else:
            middle = 0.5 * (low + high)
            waiting += [(middle, high), (low, middle)]


def _first_root(series: np.ndarray, shift: float, after: float) -> float | None:
    """First x in (after, 1] where series + shift rises through 0, or None."""
    x = np.linspace(after, 1.0, 65)
    values = chebyshev.chebval(x, series) + shift
    crossed = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    peak = np.flatnonzero((values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:]) & (values[1:-1] < 0)) + 1
    best = int(crossed[0]) if crossed.size else len(x)
    slope = chebyshev.chebder(series)
    for k in peak[peak <= best]:  # a crossing between samples: look at the maximum itself
        rise = [float(chebyshev.chebval(x[i], slope)) for i in (k - 1, k + 1)]
        if rise[0] > 0 > rise[1]:
            top = brentq(lambda z: chebyshev.chebval(z, slope), x[k - 1], x[k + 1], xtol=1e-15)
            if chebyshev.chebval(top, series) + shift >= 0:
                return float(brentq(lambda z: chebyshev.chebval(z, series) + shift, x[k - 1], top, xtol=1e-15))
    if best == len(x):
        return None
    return float(brentq(lambda z: chebyshev.chebval(z, series) + shift, x[best], x[best + 1], xtol=1e-15))


def _integrated(drift: Callable, current: Callable, a: float, b: float, v: float, law: Any) -> tuple[np.ndarray, float]:
    """By a Runge-Kutta method of order 8; the crossing is found on its dense output and corrected on the equation."""

    def speed(t: float, y: np.ndarray) -> list[float]:
        return [float(drift(float(y[0]))) + float(current(t))]

    def crossing(t: float, y: np.ndarray) -> float:
        return float(y[0]) - law.v_fire

    crossing.terminal, crossing.direction = True, 1
    how = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-14}
    spikes: list[float] = []
    while a < b:
        run = solve_ivp(speed, (a, b), [v], events=crossing, **how)
        if run.status != 1:
            if run.status < 0:
                raise ValueError(f"spike_times: the neuron cannot be followed beyond t = {run.t[-1]:g}: {run.message}")
            return np.array(spikes), float(run.y[0, -1])
        t = float(run.t_events[0][0])
        before = max(int(np.searchsorted(run.t, t)) - 1, 0)
        for _ in range(2):
            there = solve_ivp(speed, (run.t[before], t), run.y[:, before], **how).y[:, -1]
            t = min(t - (float(there[0]) - law.v_fire) / speed(t, there)[0], b)
        spikes.append(t)
        a, v = t, law.v_reset
    return np.array(spikes), v
