"""Curves of folds and of Hopf points in two parameters, with cusps and Bogdanov-Takens points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ..given.arguments import BOUNDS, FLAG, FOLDER, POSITIVE, SYSTEM, TEXT, checked, mapping, optional, whole
from ..output.branches import FILES
from ..output.progress import Spinner
from ..output.work import Work, open_work
from ..problem import Infeasible, NotConverged, Outcome, Problem
from .arclength import Limit, Trace
from .branch import Branch, Point
from .criticality import criticality
from .family import Family, parameter_value
from .folds import SingularJacobian
from .hopf import ImaginaryPair
from .keeping import (
    both_ways,
    count_array,
    count_from,
    details_arrays,
    details_from,
    keep_branch,
    told_point,
    told_problem,
)
from .newton import conservation
from .stability import leading_and_unstable, sorted_leading, unstable
from .system import (
    AtParameter,
    Condition,
    Metric,
    Node,
    System,
    at_distance,
    correct,
    default_rate,
    density_unit,
    normalise,
)

Bounds = Mapping[str, tuple[float, float]] | None
_RANGE, _STEP = 10.0, 0.2  # default bounds and unit of length of a parameter, in units of max(1, |value|) and |value|
_BOUNDS = optional(mapping(BOUNDS, "a mapping of parameters to (low, high)"))
_KINDS = {"problem": SYSTEM, "first": TEXT, "second": TEXT, "bounds": _BOUNDS, "N_max": optional(POSITIVE)}
_KINDS |= {"max_points": whole(1), "folder": optional(FOLDER)}
_KINDS |= dict.fromkeys(("stability", "resume", "overwrite", "progress"), FLAG)
_SLOWEST = 1e-3  # frequency at which a curve of Hopf points ends


@checked(**_KINDS)
def fold_curve(
    problem: Problem,
    fold: Any,
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

    bounds: parameter -> (low, high); by default ten times max(1, value) to both sides, as far as the model allows.
    `cusps` are the points where two folds meet (F_yy along the null vector vanishes), `of_kind("bogdanov-takens")`
    those where the zero eigenvalue is double. folder, resume, overwrite, progress: as for `continuation`. Raises
    ValueError for parameters that cannot be varied or a point that is no fold; NotConverged if the fold cannot be
    reproduced.

    >>> fold_curve(problem, branch.folds[0], "b", "tau").cusps[0].tau
    """
    _require("fold", fold, ("fold", "cusp"))
    family, start = _family(problem, fold, (first, second), bounds)
    condition = SingularJacobian.near(family, fold.y, start)
    asked = {"problem": told_problem(problem), "fold": told_point(fold), "first": first, "second": second}
    asked |= {"bounds": bounds, "N_max": N_max, "max_points": max_points, "stability": stability}
    place = {"folder": folder, "resume": resume, "overwrite": overwrite}
    with Spinner("fold_curve", shown=progress) as told:
        return _curve("fold_curve", family, fold.y, start, condition, asked, "folds", place, told)


@checked(**_KINDS)
def hopf_curve(
    problem: Problem,
    hopf: Any,
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

    Every point has `.frequency` and `.criticality`; the curve also ends where the frequency falls to 0 (a
    Bogdanov-Takens point). bounds, folder, errors: as for `fold_curve`.
    """
    _require("hopf", hopf, ("hopf",))
    family, start = _family(problem, hopf, (first, second), bounds)
    start = np.append(start, hopf.frequency)
    condition = ImaginaryPair.near(family, hopf.y, start)
    asked = {"problem": told_problem(problem), "hopf": told_point(hopf), "first": first, "second": second}
    asked |= {"bounds": bounds, "N_max": N_max, "max_points": max_points, "stability": stability}
    place = {"folder": folder, "resume": resume, "overwrite": overwrite}
    with Spinner("hopf_curve", shown=progress) as told:
        return _curve("hopf_curve", family, hopf.y, start, condition, asked, "Hopf points", place, told)


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
    place: Mapping[str, Any],
    told: Callable[[str], None],
) -> Branch:
    names, problem = family.names, family.at(z[:2])
    bounds, N_max, max_points, stability = (asked[name] for name in ("bounds", "N_max", "max_points", "stability"))
    system = System(family, conservation(problem) @ y, condition)
    units = np.array([_STEP * max(abs(value), 0.05) for value in z])
    N_max = default_rate(problem) if N_max is None else N_max
    metric = Metric(units, N_max / 20, density_unit(problem, y))
    first = _first(system, metric, y, z)
    limits = []
    for k, name in enumerate(names):
        low, high = (bounds or {}).get(name) or _default_bounds(family, z, k)
        if not low <= z[k] <= high:
            raise ValueError(f"bounds[{name!r}] = {(low, high)!r}; allowed are two numbers around {z[k]:g}")
        limits.append(Limit(k, low, -1.0, False, Outcome("bound", f"{name} = {low:g} is the lower bound")))
        limits.append(Limit(k, high, 1.0, False, Outcome("bound", f"{name} = {high:g} is the upper bound")))
    for k, name in enumerate(problem.scalar_names):
        limits.append(Limit(k, N_max, 1.0, True, Outcome("N_max", f"{name} = {N_max:g} (N_max)")))
    if len(z) > 2:
        limits.append(
            Limit(
                2,
                _SLOWEST * default_rate(problem) / 20,
                -1.0,
                False,
                Outcome("zero_frequency", "the frequency falls to 0"),
            )
        )
    backwards = Node(system, first.problem, first.y, first.z, -first.ty, -first.tz)
    traces = [Trace(node, metric, limits, longest=2.0, first=0.1, most=max_points) for node in (first, backwards)]
    with open_work(
        who, "branch", place["folder"], asked, FILES, resume=place["resume"], overwrite=place["overwrite"]
    ) as work:
        nodes, ends = both_ways(traces, work, names, what, told)
        branch = Branch(names, _points(nodes, names, metric, stability, work, told), ends, what)
        keep_branch(branch, work)
    return branch


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
    value, reach = float(z[k]), _RANGE * max(1.0, abs(float(z[k])))
    p = z[:2].copy()
    p[k] = -value if value > 0 else value
    try:
        family.at(p)
    except Infeasible:
        return value / 100, value + reach  # the model wants it positive
    return value - reach, value + reach


def _points(
    nodes: list[Node],
    names: tuple[str, ...],
    metric: Metric,
    stability: bool,
    work: Work,
    told: Callable[[str], None],
) -> list[Point]:
    points, kept = [], iter(work.kept("seen"))
    for node in nodes:
        arrays = next(kept, None)
        if arrays is None:
            points.append(_point(node, names, stability, ""))
            work.keep("seen", _seen_arrays(points[-1]))
            told(f"stability of {len(points)} of {len(nodes)} points")
        else:
            points.append(_from_arrays(arrays, node, names))
    special, kept = [], iter(work.kept("special"))
    if len(nodes[0].z) == 2:
        pairs = zip(nodes[:-1], nodes[1:], points[:-1], points[1:], strict=True)
        for a, b, point_a, point_b in pairs:
            turned = (a.tz / metric.z) @ (b.tz / metric.z) < 0
            if not turned and not (stability and point_a.unstable % 2 != point_b.unstable % 2):
                continue
            kind = "cusp" if turned else "bogdanov-takens"
            arrays = next(kept, None)
            if arrays is None:
                b.system.family.forget()  # what is kept does not depend on what was computed before
                function = SingularJacobian.quadratic if turned else SingularJacobian.double_zero
                found = _root(a, b, names, metric, stability, function, kind)
                work.keep("special", _root_arrays(found))
            else:
                found = _root_from(arrays, b, names, kind)
            special += found
    points = sorted([*points, *special], key=lambda point: point.arclength)
    start = points[0].arclength
    for point in points:
        object.__setattr__(point, "arclength", point.arclength - start)
    return points


def _seen_arrays(point: Point) -> dict[str, np.ndarray]:
    """What is known of the stability at a node."""
    arrays = {"eigenvalues": point.eigenvalues, "unstable": count_array(point.unstable)}
    return arrays | details_arrays(point.details)


def _from_arrays(arrays: Mapping[str, np.ndarray], node: Node, names: tuple[str, ...], kind: str = "") -> Point:
    values, count = arrays["eigenvalues"], count_from(arrays["unstable"])
    tangent = (node.ty, node.tz)
    return Point(names, node.problem, node.y, node.s, values, count, kind, details_from(arrays), tangent)


def _root_arrays(found: list[Point]) -> dict[str, np.ndarray]:
    """A point between two nodes, if there is one, as it is kept."""
    if not found:
        return {}
    (point,) = found
    z = np.array([parameter_value(point.problem, name) for name in point.names])
    own = {"y": point.y, "z": z, "ty": point.tangent[0], "tz": point.tangent[1], "s": np.array(point.arclength)}
    return own | _seen_arrays(point)


def _root_from(arrays: Mapping[str, np.ndarray], b: Node, names: tuple[str, ...], kind: str) -> list[Point]:
    if not arrays:
        return []
    y, z, ty, tz = (arrays[name] for name in ("y", "z", "ty", "tz"))
    node = Node(b.system, b.system.at(z), y, z, ty, tz, float(arrays["s"]))
    return [_from_arrays(arrays, node, names, kind)]


def _root(
    a: Node, b: Node, names: tuple[str, ...], metric: Metric, stability: bool, function: Callable, kind: str
) -> list[Point]:
    """The point between two nodes where a function of the null vectors vanishes, sought on the mesh of the second."""
    condition, nodes = b.system.condition, {}

    def value(ds: float) -> float:
        y, z = b.y + ds * b.ty, b.z + ds * b.tz
        nodes[ds] = normalise(metric, correct(b.system, y, z, at_distance(metric, b, ds), exact=True))
        return function(condition, nodes[ds].problem, nodes[ds].y)

    try:
        ds = brentq(value, a.s - b.s, 0.0, xtol=1e-9)
    except (ValueError, NotConverged):  # no change of sign, or no curve there
        return []
    value(ds)
    node = nodes[ds]
    node.s = b.s + ds
    return [_point(node, names, stability, kind)]


def _point(node: Node, names: tuple[str, ...], stability: bool, kind: str) -> Point:
    """With the eigenvalues on the axis put there and left out of the count of the unstable ones."""
    details: dict[str, Any] = {}
    exact = np.zeros(1, complex)
    if len(node.z) == 3:
        details = {"frequency": float(node.z[2]), "criticality": criticality(node.problem, node.y, float(node.z[2]))}
        exact = np.array([1j, -1j]) * node.z[2]
    values, count = np.zeros(0), None
    if stability:
        values, count = leading_and_unstable(node.problem, node.y)
    if count is not None:
        values = np.delete(values, [np.argmin(np.abs(values - one)) for one in exact])
        count = unstable(values)
        values = np.concatenate([values, exact])
        values = sorted_leading(values)
    return Point(names, node.problem, node.y, node.s, values, count, kind, details, (node.ty, node.tz))
