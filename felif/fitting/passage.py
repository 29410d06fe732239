"""first_passage: when one neuron fires. The density of its interspike interval, from the equations of the network.

A neuron that starts at V_R is the network's density without the reset term, from n(v, 0) = delta(v - V_R) (the model
`FirstSpike`); what leaves through V_F is the density of the time of the spike. The delta is no function of the finite
element space, but its products with the test functions are exact: phi(V_R), V_R a node. For constant input the system
is solved by inversion of the Laplace transform (`evolution.laplace`), without time steps, else by `evolve`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..algebra import Band, BandLowRank
from ..assembly import SpectralElement, discretize
from ..assembly.automatic import Flow, choose_nodes, end_of
from ..assembly.cell_sizes import in_equal_parts
from ..assembly.discretize import discretize_to
from ..assembly.running_away import Cut
from ..evolution.laplace import Decay
from ..evolution.tuning import LAPLACE
from ..given.arguments import TIME, checked, number, optional
from ..given.types import Model
from ..models.first_spike import COUNT, FirstSpike
from ..problem import Problem
from ..translation import has_equations, weak_form_of
from .passage_law import FirstPassage, Late
from .tuning import PASSAGE


@checked(
    start=optional(number()),
    rate=optional(number(least=0.0)),
    t_start=TIME,
    t_end=optional(TIME),
    tol=number(least=1e-13, most=1e-2),
)
def first_passage(
    model: Model,
    *,
    start: float | None = None,
    rate: float | None = None,
    t_start: float = 0.0,
    t_end: float | None = None,
    tol: float = 1e-10,
) -> FirstPassage:
    """When a neuron fires: the density of its interspike interval, or of the time of its first spike from `start`.

    Parameters
    ----------
    model : model or Problem
        Of one population; of a problem its model, on its mesh if that was given by the user.
    start : float
        Potential at `t_start`. None: V_R, and T is the interval between two spikes, refractory and dead time included;
        a number below V_F: T is the time of the first spike.
    rate : float
        Firing rate N of the network around the neuron, for models with b or a1 (steady.N gives the intervals of a
        neuron in the steady state, of mean 1/N); None for a neuron alone.
    t_start : float
        When the neuron starts, for currents that depend on time.
    t_end : float
        For such currents: time up to which the density is wanted. None: until 1e-12 of all neurons are left; earlier
        than that there is a density, but no mean.
    tol : float
        Relative accuracy.

    Returns
    -------
    FirstPassage

    Raises
    ------
    ValueError
        For bad input.
    NotConverged
        Where the neuron hardly ever fires.

    Examples
    --------
    >>> import felif as fl
    >>> law = fl.first_passage(fl.NoisyLIF(current=1.0), start=1.5, tol=1e-6)
    >>> bool(law.mean < fl.first_passage(fl.NoisyLIF(current=1.0), tol=1e-6).mean)
    True
    """
    problem = model if hasattr(model, "on_cells") else None
    model = model if problem is None else problem.model
    if not has_equations(model):
        raise ValueError(f"first_passage: model = {model!r}; allowed is a model or a problem")
    neuron, silent = FirstSpike.between_spikes(model, rate)
    if start is not None and not start < neuron.v_fire:
        raise ValueError(f"first_passage: start = {start!r}; allowed is a number below v_fire = {neuron.v_fire}")
    if start is not None:
        neuron, silent = FirstSpike.of(model, rate, "spike"), 0.0
    if t_end is not None and t_end <= t_start + silent:
        raise ValueError(
            f"first_passage: t_end = {t_end!r}; allowed is None or a number above t_start = {t_start}, and after the "
            f"dead time, {silent!r}"
        )
    start = neuron.v_reset if start is None else float(start)
    if problem is not None and problem.tol is None:
        problem = discretize(neuron, problem.marked, space=problem.space)
    else:
        problem = passage_problem(neuron, start, t_start + silent, tol)
    return passage_on(problem, start, t_start, t_end, tol, silent)


def passage_on(
    problem: Problem,
    start: float,
    t_start: float = 0.0,
    t_end: float | None = None,
    tol: float = 1e-10,
    silent: float = 0.0,
    terms: int = LAPLACE.most,
) -> FirstPassage:
    """The first passage on a discretised FirstSpike, from a cell end, after a time `silent`.

    Raises ValueError, NotConverged.
    """
    (field,) = problem.field_names
    node = int(np.argmin(np.abs(problem.nodes - start)))
    if abs(problem.nodes[node] - start) > 1e-12 * problem.length or start >= problem.top:
        raise ValueError(f"start = {start!r}; allowed is a node of the mesh below v_fire = {problem.top}")
    b = np.zeros(problem.size)
    b[problem.layout.offsets[field] + node] = 1.0
    if any(callable(getattr(problem.model, i.parameter)) for i in problem.weak_form.inputs):
        from .passage_in_time import Course

        course = Course.of(problem, b, t_start + silent, t_end, tol)
        return FirstPassage(problem, Late(course, silent) if silent else course, course.run)
    law = _decay(problem, b, start, tol, terms)
    return FirstPassage(problem, Late(law, silent) if silent else law)


def _decay(problem: Problem, b: np.ndarray, start: float, tol: float, terms: int) -> Decay:
    """The system without its last unknown, F, which acts on nothing."""
    n, y = problem.size - 1, np.zeros(problem.size)
    place = problem.layout.offsets[COUNT]
    if place != n:
        raise ValueError(f"{COUNT} is unknown number {place} of {n + 1}; it must be the last one")
    J = problem.jacobian(0.0, y)
    unit = y.copy()
    unit[place] = 1.0
    noise = Flow(problem.model).at(np.array([problem.top]))[1]
    band, U = _leading(J.band, n), J.U[:n].copy()
    for name in problem.layout.differential[:-1]:  # what a scalar does to itself belongs on the diagonal
        column, row = problem.scalar_names.index(name), problem.layout.offsets[name]
        band.data[band.ku, row] += U[row, column]
        U[row, column] = 0.0
    return Decay(
        BandLowRank(band, U, J.G[:, :n]),
        _leading(problem.mass, n),
        b[:n],
        total=problem.conserved["total"][:n],
        output=(J.transpose() @ unit)[:n],
        length=(problem.top - start) / math.sqrt(float(noise[0])),
        digits=min(max(-math.log10(tol) + 2, 4.0), 12.5),
        terms=terms,
    )


def _leading(band: Band, n: int) -> Band:
    """The leading n x n block, to which no entry outside its band storage belongs."""
    return Band(band.data[:, :n].copy(order="F"), band.kl, band.ku)


def passage_problem(neuron: FirstSpike, start: float, t: float, tol: float) -> Any:
    """`neuron` on a mesh for the passage from `start`."""
    end, space = end_of(neuron), SpectralElement(PASSAGE.degree)
    return discretize_to(end, neuron, _cells(neuron, start, t, tol, end, space), space)


def _cells(neuron: FirstSpike, start: float, t: float, tol: float, end: Cut | None, space: Any) -> np.ndarray:
    """Cell ends: fine on the way to V_F, growing below, layers at V_F resolved."""
    flow, times = Flow(neuron, end=end), _extremes(neuron, t)
    if end is not None and start >= end.last:
        raise ValueError(
            f"first_passage: start = {start!r} is so far up that the drift alone rules the rest of the way to "
            f"v_fire = {neuron.v_fire!r}; allowed are numbers below {end.last:.6g}"
        )
    if flow.bends:
        return choose_nodes(flow, space, tol, start, times)
    distance = neuron.v_fire - start
    low = min(*(flow.cut(tol, t) for t in times), start - 0.5 * distance / PASSAGE.parts)

    def size(v: np.ndarray) -> np.ndarray:
        return np.min([size_at(v, t) for t in times], axis=0)

    def size_at(v: np.ndarray, t: float) -> np.ndarray:
        step = 1e-4 * distance
        drift, noise, _ = flow.at(np.concatenate([v, v + step, v - step]), 0.0, t)
        slope = np.abs(drift[len(v) : 2 * len(v)] - drift[2 * len(v) :]) / (2 * step)
        bulk = PASSAGE.widest * np.sqrt(noise[: len(v)] / np.maximum(slope, 1e-100))
        h = np.minimum(
            bulk, distance / PASSAGE.parts + PASSAGE.growth * np.maximum(start - v, np.maximum(v - neuron.v_fire, 0.0))
        )
        steepness = np.abs(drift[: len(v)]) / noise[: len(v)]
        return np.minimum(h, np.maximum(PASSAGE.layer / np.maximum(steepness, 1e-300), PASSAGE.finest * distance))

    ends = [low, *sorted({start, neuron.v_reset}), neuron.v_fire]
    if flow.lives_above:
        ends.append(flow.cut_above(tol))
    ends = [v for v in ends if v >= low]
    return np.unique(np.concatenate([_equidistributed(size, a, b) for a, b in zip(ends, ends[1:], strict=False)]))


def _extremes(neuron: FirstSpike, t_start: float) -> list[float]:
    """Times at which a mesh must serve: the start, and where currents are smallest and, soon or in steps, largest.

    A small current later on costs cells far below only; a large one finds nobody left, but would want tiny cells.
    """
    times = {t_start}
    for given in weak_form_of(neuron).inputs:
        current = getattr(neuron, given.parameter)
        if callable(current):
            known = [t for t in getattr(current, "breakpoints", ()) if t >= t_start]
            for horizon, pick in ((10.0, np.argmin), (2.0, np.argmax)):
                samples = np.unique([*np.linspace(t_start, t_start + horizon, 101), *known])
                times.add(float(samples[pick([float(current(t)) for t in samples.tolist()])]))
    return sorted(times)


def _equidistributed(size: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> np.ndarray:
    v = np.linspace(low, high, 400)
    density = 1 / size(v)
    count = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(v))])
    if count[-1] > PASSAGE.cells:
        raise ValueError(
            f"first_passage: {count[-1]:.3g} cells between {low:.6g} and {high:.6g}; allowed are {PASSAGE.cells}: give "
            "a start nearer to v_fire, or a current, noise and drift for which the density is less narrow"
        )
    return in_equal_parts(v, count)
