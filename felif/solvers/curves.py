"""Curves of folds and of Hopf points in two parameters, with cusps and Bogdanov-Takens points."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import BOUNDS, FLAG, FOLDER, POSITIVE, SYSTEM, TEXT, checked, mapping, optional, whole
from ..problem import Infeasible, NotConverged, Outcome, Problem
from .arclength import Limit
from .border import conservation
from .branch import Branch, Point
from .curve_points import double_points, seen_on_curve
from .family import Family
from .folds import SingularJacobian
from .following import Curve, followed_curve
from .hopf import ImaginaryPair
from .keeping import told_point, told_problem
from .system import (
    AtParameter,
    Condition,
    Metric,
    Node,
    System,
    correct,
    default_rate,
    density_unit,
    normalise,
)
from .tuning import WALK

Bounds = Mapping[str, tuple[float, float]] | None
_BOUNDS = optional(mapping(BOUNDS, "a mapping of parameters to (low, high)"))
_KINDS = {"problem": SYSTEM, "first": TEXT, "second": TEXT, "bounds": _BOUNDS, "N_max": optional(POSITIVE)}
_KINDS |= {"max_points": whole(1), "folder": optional(FOLDER)}
_KINDS |= dict.fromkeys(("stability", "resume", "overwrite", "progress"), FLAG)


@checked(**_KINDS)
def fold_curve(
    problem: Problem,
    fold: Point,
    first: str,
    second: str,
    bounds: Bounds = None,
    *,
    N_max: float | None = None,
    max_points: int = 500,
    stability: bool = True,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Branch:
    """The folds of the steady states as a curve in two parameters, through a fold of a branch, in both directions.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    fold : Point
        A fold, such as branch.folds[0].
    first, second : str
        Two different parameters.
    bounds : mapping of str to (float, float)
        Parameter -> (low, high); by default ten times max(1, value) to both sides, as far as the model allows.
    N_max : float
        As for `continuation`.
    max_points : int
        In each direction.
    stability : bool
        False leaves out eigenvalues.
    folder, resume, overwrite, progress
        As for `continuation`, with the bounds of both parameters.

    Returns
    -------
    Branch
        `.cusps` are the points where two folds meet (F_yy along the null vector vanishes),
        `.of_kind("bogdanov-takens")` those where the zero eigenvalue is double.

    Raises
    ------
    ValueError
        For parameters that cannot be varied or a point that is no fold.
    NotConverged
        If the fold cannot be reproduced.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=2.0), tol=1e-2)
    >>> quiet = {"stability": False, "progress": False, "max_points": 20}
    >>> branch = fl.continuation(problem, fl.steady_state(problem), "b", bounds=(1.9, 2.2), N_max=3.0, **quiet)
    >>> bounds = {"b": (1.0, 3.0), "current": (-0.2, 0.2)}
    >>> curve = fl.fold_curve(problem, branch.folds[0], "b", "current", bounds, **quiet)
    >>> bool((abs(curve.table["current"]) <= 0.2).all())
    True
    """
    _require("fold", fold, ("fold", "cusp"))
    family, start = _family(problem, fold, (first, second), bounds)
    condition = SingularJacobian.near(family, fold.y, start)
    asked = {"problem": told_problem(problem), "fold": told_point(fold), "first": first, "second": second}
    asked |= {"bounds": bounds, "N_max": N_max, "max_points": max_points, "stability": stability}
    how = {"folder": folder, "resume": resume, "overwrite": overwrite, "progress": progress}
    return _curve("fold_curve", family, fold.y, start, condition, asked, "folds", how)


@checked(**_KINDS)
def hopf_curve(
    problem: Problem,
    hopf: Point,
    first: str,
    second: str,
    bounds: Bounds = None,
    *,
    N_max: float | None = None,
    max_points: int = 500,
    stability: bool = True,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Branch:
    """The Hopf points as a curve in two parameters, through one of a branch, in both directions.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    hopf : Point
        A Hopf point, such as branch.hopfs[0].
    first, second : str
        Two different parameters.
    bounds, N_max, max_points, stability
        As for `fold_curve`.
    folder, resume, overwrite, progress
        As for `continuation`.

    Returns
    -------
    Branch
        Every point has `.frequency` and `.criticality`; the curve also ends where the frequency falls to 0 (a
        Bogdanov-Takens point).

    Raises
    ------
    ValueError
        For parameters that cannot be varied or a point that is no Hopf point.
    NotConverged
        If the Hopf point cannot be reproduced.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.RandomThresholdLIF(b=4.55), tol=1e-2)
    >>> branch = fl.continuation(problem, fl.steady_state(problem), "b", bounds=(4.5, 4.65), progress=False)
    >>> hopf, few = branch.hopfs[0], {"max_points": 2, "stability": False, "progress": False}
    >>> curve = fl.hopf_curve(problem, hopf, "b", "tau", **few)
    >>> bool(abs(curve.table["frequency"] - hopf.frequency).min() < 1e-3)
    True
    """
    _require("hopf", hopf, ("hopf",))
    family, start = _family(problem, hopf, (first, second), bounds)
    start = np.append(start, hopf.frequency)
    condition = ImaginaryPair.near(family, hopf.y, start)
    asked = {"problem": told_problem(problem), "hopf": told_point(hopf), "first": first, "second": second}
    asked |= {"bounds": bounds, "N_max": N_max, "max_points": max_points, "stability": stability}
    how = {"folder": folder, "resume": resume, "overwrite": overwrite, "progress": progress}
    return _curve("hopf_curve", family, hopf.y, start, condition, asked, "Hopf points", how)


def _require(name: str, point: Any, kinds: tuple[str, ...]) -> None:
    if getattr(point, "kind", None) not in kinds:
        raise ValueError(f"{name} = {point!r}; allowed is a {kinds[0]} of a branch, such as branch.{kinds[0]}s[0]")


def _family(problem: Problem, point: Point, names: tuple[str, str], bounds: Bounds) -> tuple[Family, np.ndarray]:
    if names[0] == names[1]:
        raise ValueError(f"first = second = {names[0]!r}; allowed are two different parameters")
    unknown = set(bounds or ()) - set(names)
    if unknown:
        raise ValueError(f"bounds has the parameter {unknown.pop()!r}; allowed are {names[0]!r} and {names[1]!r}")
    if type(problem.model) is not type(point.problem.model):
        raise ValueError(f"the point is one of {type(point.problem.model).__name__}, the problem is not")
    family = Family(point.problem, names)
    return family, family.start.copy()


def _curve(
    who: str,
    family: Family,
    y: np.ndarray,
    z: np.ndarray,
    condition: Condition,
    asked: Mapping[str, Any],
    what: str,
    how: Mapping[str, Any],
) -> Branch:
    names, problem = family.names, family.at(z[:2])
    stability, ends = asked["stability"], asked["bounds"] or {}
    system = System(family, conservation(problem) @ y, condition)
    units = np.array([WALK.step * max(abs(value), 0.05) for value in z])
    rate = default_rate(problem)
    N_max = rate if asked["N_max"] is None else asked["N_max"]
    bounds = [ends.get(name) or _default_bounds(family, z, k) for k, name in enumerate(names)]
    for name, (low, high), value in zip(names, bounds, z.tolist(), strict=False):
        if not low <= value <= high:
            raise ValueError(f"bounds[{name!r}] = {(low, high)!r}; allowed are two numbers around {value:g}")
    still = Limit(2, WALK.slowest * rate / 20, -1.0, False, Outcome("zero_frequency", "the frequency falls to 0"))
    more = (still,) if len(z) > 2 else ()
    curve = Curve(who, asked, what, names, bounds, N_max, problem.scalar_names, 2.0, 0.1, more)

    def begin(largest: float) -> tuple[Metric, Node]:
        metric = Metric(units, largest / 20, density_unit(problem, y))
        return metric, _first(system, metric, y, z)

    return followed_curve(curve, N_max, begin, lambda node: seen_on_curve(node, stability), double_points, **how)


def _first(system: System, metric: Metric, y: np.ndarray, z: np.ndarray) -> Node:
    """The start, with a tangent that points towards a growing first parameter."""
    failure: Exception | None = None
    for k in (1, 0):  # at the fixed value of one parameter, as it was found
        try:
            node = correct(system, y, z, AtParameter(k, float(z[k])), exact=True)
            return normalise(metric, node, (np.zeros(len(y)), np.eye(len(z))[0]))
        except NotConverged as error:
            failure = error
    raise NotConverged(f"the first point of the curve cannot be reproduced: {failure}") from failure


def _default_bounds(family: Family, z: np.ndarray, k: int) -> tuple[float, float]:
    value, reach = float(z[k]), WALK.range * max(1.0, abs(float(z[k])))
    p = z[:2].copy()
    p[k] = -value if value > 0 else value
    try:
        family.at(p)
    except Infeasible:
        return value / 100, value + reach  # the model wants it positive
    return value - reach, value + reach
