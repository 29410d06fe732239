"""Error bars of a run: the same run again, far more accurately, and the difference of whatever is asked for.

`companion`: elements of a degree higher by two (four below 4) on the cells the run began with, extended and adapted
for a tolerance 30 times tighter, which the steps have too; along an axis of transport alone on cells half as wide,
since cells spread what jumps over their width. Of a mesh that the user chose nothing is taken for granted,
its ends nor its cells: the companion starts from the data as they were given, on a mesh made from a tolerance
of its own. The difference contains what mesh, V_min, V_max, remeshing, steps and dense output contribute, with their
signs, for every functional at once; a margin stands for the companion's own error. Where an error comes from, in v and
t, is what `dual_weighted` says. How often bars contain the truth: tests/runs/test_error_bars.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..assembly import SpectralElement, discretize
from ..assembly.tensor.cells_in_w import transferred
from ..evolution import BackwardEuler
from ..given.arguments import FUNCTION, RUN, TEXT, TIMES, checked, either, optional, value_of
from ..given.inputs import FAST
from ..given.types import Times
from ..problem import Problem, State
from .run import Run
from .tuning import BARS


def companion(run: Run) -> Run:
    """The run made again with richer elements and tighter steps; kept with the run."""
    if run.kept_companion is None:
        run.kept_companion = _made_again(run)
    return run.kept_companion


@checked(run=RUN, quantity=optional(either(TEXT, FUNCTION)), times=optional(TIMES))
def error_estimate(run: Run, quantity: str | Callable[[State], float] | None = None, times: Times | None = None) -> Any:
    """Bar of the distance of J(run) from J(exact), by a more accurate companion run.

    The first call costs one to three times the run, the next ones nothing. What V_min of a user's mesh cuts off the
    data is seen but for callables of a run read from a folder, which are not stored.

    Parameters
    ----------
    run : Run
        One that `evolve` returned.
    quantity : str or callable
        A series of the run ("N", "R", "mass", ...) or any function of a State: lambda state: state.n(1.5); by default
        the first scalar of the model, a firing rate: "N", of several populations "N_E", over (v, w) "Nbar".
    times : float or array
        Where; by default at the end.

    Returns
    -------
    float or array
        Of the shape of `times`; inf where the more accurate run has no state: it has blown up before.

    Raises
    ------
    ValueError
        For an unknown series, times outside the run, and on triangles.

    Examples
    --------
    >>> import felif as fl
    >>> run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4), fl.Gaussian(0.0, 0.25), t_end=0.5, rtol=1e-4)
    >>> bool(0 < fl.error_estimate(run, "N") < 1e-3)
    True
    """
    asked = np.asarray(run.times[-1] if times is None else times, float)
    quantity = run.problem.scalar_names[0] if quantity is None else quantity
    for t in np.ravel(asked):
        _value(run, quantity, float(t))  # what is not known is said before anything is computed again
    better = companion(run)
    apart = cache(lambda t: abs(_value(run, quantity, t) - _value(better, quantity, t)))
    values = [_difference(run, better, quantity, float(t), apart) for t in np.ravel(asked)]
    return np.array(values).reshape(asked.shape) if asked.ndim else values[0]


def _difference(run: Run, better: Run, quantity: Any, t: float, apart: Callable[[float], float]) -> float:
    if t > better.times[-1]:
        return math.inf
    here, there = _value(run, quantity, t), _value(better, quantity, t)
    unseen = np.finfo(float).eps * abs(here)
    if run.problem.line_names:
        return float(BARS.margin * abs(here - there) + unseen)
    difference = abs(here - there)
    if _spreads(run.problem):  # what is off oscillates where a jump arrives, and passes through 0
        beside = (apart(s) for s in _around(run, t) if s <= better.times[-1])
        difference = BARS.spread * max([difference, *beside])
    if run.problem.tol is not None:
        unseen += BARS.floor * max(run.problem.tol, run.settings.rtol) * abs(there)
    elif better.problem.tol is not None:
        unseen += better.problem.tol * abs(there)
    return float(BARS.margin * difference + unseen)


def _around(run: Run, t: float) -> list[float]:
    """The steps of a run next to a time, on either side."""
    k = int(np.searchsorted(run.times, t))
    return run.times[max(k - BARS.beside, 0) : k + BARS.beside].tolist()


def _value(run: Run, quantity: Any, t: float) -> float:
    return value_of(quantity, run.at(t)) if callable(quantity) else float(run.sample(quantity, t))


def _made_again(run: Run) -> Run:
    from .driving import seen
    from .starting import evolve

    settings, first = run.settings, run.segments[0]
    if first.problem.enriched is None:
        raise ValueError(f"error_estimate: {first.problem.space} has no richer space; over (v, w) allowed is Tensor()")
    over_plane = first.problem.line_names
    own = None if over_plane or first.problem.tol is not None else _chosen_mesh(first.problem, settings.rtol)
    problem, y = _richer(first.problem, first.states[0]) if own is None else (own, None)
    start = run.start
    if start is None or over_plane and isinstance(start, State) or _copied(start, first.problem):
        if y is None:
            problem, y = _holding(own, first.problem, first.states[0])
        start = State(problem, settings.t_start, y)
    fixed = settings.fixed_step
    scheme, step = None, None  # the most accurate one, whatever the run was made with
    if over_plane:
        scheme = settings.scheme
        step = None if fixed is None else fixed / (8 if isinstance(scheme, BackwardEuler) else 2)
    rtol = max(settings.rtol / BARS.tighter, BARS.tightest)
    better = evolve(
        problem,
        start,
        float(run.times[-1]),
        t_start=settings.t_start,
        rtol=rtol if own is None else own.tol,
        atol=None if settings.atol is None else settings.atol / BARS.tighter,
        scheme=scheme,
        breakpoints=seen(
            problem, settings.breakpoints, settings.t_start, float(run.times[-1]), BARS.looks * FAST.samples
        ),
        fixed_step=step,
        max_step=settings.max_step,
        N_max=settings.N_max,
        history=0.0 if run.past is None else run.past.before,
        after_blow_up=settings.after_blow_up,
        progress=False,
    )
    better.compatible = run.compatible
    return better


def _richer(problem: Problem, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """(problem, y on it) with elements of a higher degree on cells that reach as far as the tighter tolerance asks."""
    by = 4 if problem.degree < 4 else 2
    if problem.line_names:
        return _over_plane(problem, y, by)
    if problem.starts is not None:  # over any axes
        richer, finer = problem.enriched(y, by=by)
        if not _spreads(problem):
            return richer, finer
        halved = _on_halves(richer, problem)
        return halved, halved.received(State(richer, 0.0, finer))
    richer, same = problem.enriched(y, by=by, reach=False)
    if problem.tol is None:
        return richer, same
    wide = discretize(problem.model, space=richer.space, tol=max(problem.tol / BARS.tighter, BARS.tightest))
    low, high = wide.cells[wide.cells < richer.cells[0]], wide.cells[wide.cells > richer.cells[-1]]
    cells = np.concatenate([low, richer.cells, high])
    wide = wide.on_cells(cells)
    return wide, wide.received(State(richer, 0.0, same))


def _spreads(problem: Problem) -> bool:
    """Whether cells spread a jump of the density: those along an axis of transport alone, which carry it."""
    lines = list((problem.lines or {}).values())
    return len(lines) == 1 and not lines[0].continuous


def _on_halves(richer: Problem, problem: Problem) -> Any:
    """A problem on cells half as wide as its own, and as those of another."""
    cells = {}
    for name, line in richer.lines.items():
        ends = np.unique(np.concatenate([line.cells, problem.lines[name].cells]))
        cells[name] = np.sort(np.concatenate([ends, (ends[:-1] + ends[1:]) / 2]))
    return richer.on_cells(cells)


def _over_plane(problem: Problem, y: np.ndarray, by: int) -> tuple[Any, np.ndarray]:
    """The same over (v, w); lines of a mesh of the user go on below it as far as the model has neurons."""
    if problem.tol is None:
        wide = discretize(problem.model, space=problem.space, tol=BARS.of_lines)
        low = wide.cells[wide.cells < problem.cells[0]]
        if low.size:
            wide = problem.on_cells(np.concatenate([low, problem.cells]))
            problem, y = wide, transferred(problem, wide, y)
    return problem.enriched(y, by=by)


def _chosen_mesh(problem: Problem, rtol: float) -> Any:
    """The model of a problem on a mesh made from a tolerance; None where no V_min or V_max can be chosen for it.

    The ends that the user gave are then walls of the model, and not something that is cut off.
    """
    space = SpectralElement(max(6, problem.degree))
    try:
        own = discretize(problem.model, space=space, tol=max(min(BARS.of_users, rtol / BARS.tighter), BARS.tightest))
    except ValueError:
        return None
    return _on_halves(own, problem) if _spreads(own) else own


def _holding(own: Any, problem: Problem, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """(problem, y on it) for a state of which nothing but y is known: cells of either mesh."""
    own = own.on_cells(np.unique(np.concatenate([own.cells, problem.cells])))
    return own, own.received(State(problem, 0.0, y))


def _copied(start: Any, problem: Problem) -> bool:
    """Whether the data are a State of the very mesh that a run began with."""
    if not isinstance(start, State) or start.problem.space != problem.space:
        return False
    return np.array_equal(start.problem.cells, problem.cells)
