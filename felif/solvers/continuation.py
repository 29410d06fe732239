"""Branches of steady states in one parameter, with what happens along them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import BOUNDS, FLAG, FOLDER, POSITIVE, SYSTEM, TEXT, checked, number, optional, whole
from ..problem import Problem, State, require_one_axis
from .arclength import Trace
from .border import conservation
from .branch import Branch
from .events import special_points
from .family import Family
from .following import Curve, followed_curve
from .keeping import told_point, told_problem
from .newton import newton
from .points import Seen, seen_at
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
    curve = Curve(
        "continuation", asked, "", (parameter,), [(low, high)], N_max, start.scalar_names, max_step, min(0.2, max_step)
    )

    def begin(unit: tuple[float, float]) -> tuple[Metric, Node]:
        metric = Metric(np.array([unit[0] / WALK.parts]), unit[1] / WALK.parts, density_unit(start, y))
        begun = normalise(metric, first, (np.zeros(len(y)), np.ones(1)))
        if crossing is None:
            place = AtParameter(0, family.start[0])
            begun = Trace(begun, metric, (), longest=max_step, first=max_step, most=1).served(begun, place)
        return metric, begun if crossing is not None or begun.tz[0] >= 0 else begun.reversed()

    def look(node: Node) -> Seen:
        seen = seen_at(node, stability)
        begun_there = crossing is not None and node.y is first.y
        return replace(seen, kind="branch point", details={"crossing": state.tangent}) if begun_there else seen

    how = {"folder": folder, "resume": resume, "overwrite": overwrite, "progress": progress}
    return followed_curve(curve, [high - low, N_max], begin, look, special_points, **how)


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
