"""Branches of steady states in one parameter, with what happens along them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import BOUNDS, FLAG, FOLDER, POSITIVE, SYSTEM, TEXT, checked, number, optional, whole
from ..output.branches import FILES
from ..output.progress import Bar
from ..output.work import Work, open_work
from ..problem import Outcome, Problem, State, require_one_axis
from .arclength import Limit, Trace
from .branch import Branch, Point
from .events import Seen, seen_at, special_points
from .family import Family
from .keeping import both_ways, count_array, count_from, further, keep_branch, told_point, told_problem
from .newton import conservation, newton
from .system import AtParameter, Metric, Node, System, correct, default_rate, density_unit, normalise
from .tuning import WALK


@checked(
    problem=SYSTEM,
    parameter=TEXT,
    bounds=BOUNDS,
    N_max=optional(number(above=0.0, most=1e100)),
    max_step=POSITIVE,
    max_points=whole(1),
    folder=optional(FOLDER),
    **dict.fromkeys(("stability", "resume", "overwrite", "progress"), FLAG),
)
def continuation(
    problem: Problem,
    state: State,
    parameter: str,
    bounds: tuple[float, float],
    *,
    N_max: float | None = None,
    max_step: float = 1.0,
    max_points: int = 1000,
    stability: bool = True,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Branch:
    """The branch of steady states F(y; p) = 0, C y = totals through `state`, followed in both directions.

    Arc length: ds^2 = (20 dp/(p_max - p_min))^2 + sum (20 dN/N_max)^2 + (dy, M dy)/max(1/(V_F - V_R), (y, M y)).

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    state : State or Point
        A steady state of `problem` (anything with `.y`; its own mesh is used), or a branch point of another branch,
        from which the branch that crosses there is followed.
    parameter : str
        Any number of the model (b, a0, a1, tau, current, delay; V_R and V_F move the mesh), or an entry of an
        array (coupling_0_1).
    bounds : tuple of two float
        Where the branch ends.
    N_max : float
        A scalar that reaches it ends the branch: by default 20 in units of the leak rate (20 for a drift -v, 20 / tau_m
        for -v / tau_m), whatever unit of time the model is written in.
    max_step : float
        Longest step, in units of a twentieth of the bounds and of N_max.
    max_points : int
        In each direction.
    stability : bool
        False leaves out eigenvalues and with them Hopf and branch points.
    folder : path
        Written while the branch is followed, readable with `read_branch` at any time.
    resume, overwrite : bool
        `resume` returns the branch that is in the folder, or goes on with it to the same digits, if it is the one that
        is asked for; to wider bounds, a larger N_max or more points it goes on from where it is, in steps of the same
        unit. `overwrite` replaces a branch; what felif did not write there is never touched.
    progress : bool
        A line on a terminal.

    Returns
    -------
    Branch
        `.table`, `.folds`, `.hopfs`, `.branch_points`; it ends at the bounds, at N_max, where it closes, after
        max_points, or where no step succeeds: `.outcome` says which.

    Raises
    ------
    ValueError
        For an unknown parameter, bounds that do not hold its value, a state of another model, an input that depends on
        time, and another branch in the folder, naming it.
    NotConverged
        If there is no steady state near `state`.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=2.0), tol=1e-4)
    >>> state = fl.steady_state(problem)
    >>> branch = fl.continuation(problem, state, "b", bounds=(1.9, 2.2), N_max=3.0, stability=False, progress=False)
    >>> round(branch.folds[0].b, 3)
    2.101
    """
    require_one_axis(problem, "continuation")
    start, y = _start(problem, state, parameter)
    N_max = default_rate(start) if N_max is None else N_max
    low, high = _around(bounds, parameter, start)
    crossing = state.details["crossing"] if getattr(state, "kind", "") == "branch point" else None
    family = Family(start, (parameter,))
    y = np.array(y, float) if crossing is not None else newton(start, y).y
    system = System(family, conservation(start) @ y)
    if crossing is not None:
        first = Node(system, start, y, family.start, *crossing)
    else:
        first = correct(system, y, family.start, AtParameter(0, family.start[0]))
    asked = {"problem": told_problem(problem), "state": told_point(state), "parameter": parameter, "bounds": bounds}
    asked |= {"N_max": N_max, "max_step": max_step, "max_points": max_points, "stability": stability}
    reach = {"bounds": [[low, high]], "N_max": N_max, "max_points": max_points}
    how = {"resume": resume, "overwrite": overwrite, "description": {"reach": reach, "unit": [high - low, N_max]}}
    with (
        Bar("continuation", shown=progress) as told,
        open_work("continuation", "branch", folder, asked, FILES, **how, further=further(reach)) as work,
    ):
        span, largest = work.description.get("unit", [high - low, N_max])  # as it was begun
        metric = Metric(np.array([span / WALK.parts]), largest / WALK.parts, density_unit(start, y))
        first = normalise(metric, first, (np.zeros(len(y)), np.ones(1)))
        if crossing is None:
            first = Trace(first, metric, (), longest=max_step, first=max_step, most=1).served(
                first, AtParameter(0, family.start[0])
            )
            if first.tz[0] < 0:
                first = _reversed(first)
        limits = _limits(parameter, low, high, N_max, start.scalar_names)
        traces = [
            Trace(node, metric, limits, longest=max_step, first=min(0.2, max_step), most=max_points)
            for node in (first, _reversed(first))
        ]
        crossed = (first, {"crossing": state.tangent}) if crossing is not None else None
        nodes, ends = both_ways(traces, work, (parameter,), "", told)
        branch = Branch((parameter,), _points(nodes, (parameter,), metric, stability, crossed, work, told), ends, "")
        keep_branch(branch, work)
    return branch


def _limits(parameter: str, low: float, high: float, N_max: float, scalars: Sequence[str]) -> list[Limit]:
    limits = [
        Limit(0, low, -1.0, False, Outcome("bound", f"{parameter} = {low:g} is the lower bound")),
        Limit(0, high, 1.0, False, Outcome("bound", f"{parameter} = {high:g} is the upper bound")),
    ]
    limits += [
        Limit(k, N_max, 1.0, True, Outcome("N_max", f"{name} = {N_max:g} is the largest value looked at (N_max)"))
        for k, name in enumerate(scalars)
    ]
    return limits


def _start(problem: Problem, state: Any, parameter: str) -> tuple[Problem, np.ndarray]:
    """(the problem, a state of it near the start): on the state's own mesh where that is one of the same model."""
    own = getattr(state, "problem", problem)
    y = getattr(state, "y", None)
    if not isinstance(y, np.ndarray):
        raise ValueError(f"state = {state!r}; allowed is a steady state, such as steady_states(problem)[0]")
    model, other = problem.model, own.model
    if type(model) is not type(other):
        raise ValueError(f"state is one of {type(other).__name__}, the problem one of {type(model).__name__}")
    if model == other or getattr(state, "kind", ""):
        problem = own
    elif problem.carried is not None:  # at other parameters: a start for Newton's method
        problem, y = problem.carried(State(own, 0.0, y))
    if y.shape != (problem.size,):
        raise ValueError(f"state has {y.size} unknowns and the problem {problem.size}: it belongs to another mesh")
    if problem.time_derivative(0.0, y, 1.0) is not None:
        raise ValueError(f"{model}: an input depends on time, so there are no steady states to continue")
    return problem, y


def _around(bounds: tuple[float, float], parameter: str, start: Problem) -> tuple[float, float]:
    value = Family(start, (parameter,)).start[0]
    low, high = (float(bound) for bound in bounds)
    if not (np.isfinite([low, high]).all() and low <= value <= high):
        raise ValueError(f"bounds = {bounds!r}; allowed are two finite numbers around {parameter} = {value:g}")
    return low, high


def _reversed(node: Node) -> Node:
    return Node(node.system, node.problem, node.y, node.z, -node.ty, -node.tz)


def _points(
    nodes: list[Node],
    names: tuple[str, ...],
    metric: Metric,
    stability: bool,
    crossed: tuple | None,
    work: Work,
    told: Callable[[str], None],
) -> list[Point]:
    """Points in the order of arc length, from 0; `crossed`: the branch point where the branch was begun, if it was."""
    seen, kept = [], iter(work.kept("seen"))
    for node in nodes:
        arrays = next(kept, None)
        if arrays is not None:
            one = Seen(node, arrays["eigenvalues"], count_from(arrays["unstable"]))
        else:
            one = seen_at(node) if stability else Seen(node, np.zeros(0), None)
            work.keep("seen", {"eigenvalues": one.eigenvalues, "unstable": count_array(one.unstable)})
            told(f"stability of {len(seen)} of {len(nodes)} points")
        if crossed is not None and node is crossed[0]:
            one = replace(one, kind="branch point", details=crossed[1])
        seen.append(one)
    all_seen = sorted([*seen, *special_points(seen, metric, work)], key=lambda one: one.node.s)
    start = all_seen[0].node.s
    return [
        Point(
            names,
            one.node.problem,
            one.node.y,
            one.node.s - start,
            one.eigenvalues,
            one.unstable,
            one.kind,
            one.details,
            (one.node.ty, one.node.tz),
        )
        for one in all_seen
    ]
