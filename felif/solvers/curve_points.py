"""The points of a curve in two parameters: stability at nodes, cusps and Bogdanov-Takens points between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ..output.work import Work
from ..problem import NotConverged
from .branch import Point
from .criticality import criticality
from .family import parameter_value
from .folds import SingularJacobian
from .keeping import count_array, count_from, details_arrays, details_from
from .stability import leading_and_unstable, sorted_leading, unstable
from .system import Metric, Node, at_distance, correct, normalise


def points_of(
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
