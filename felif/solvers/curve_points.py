"""Points of curves of folds and Hopf points: what is seen at nodes, cusps and Bogdanov-Takens points between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..algebra.roots import root
from ..problem import NotConverged
from .criticality import criticality
from .folds import SingularJacobian
from .points import Seen, seen_at
from .system import Metric, Node, beside


def seen_on_curve(node: Node, stability: bool, kind: str = "") -> Seen:
    """With the eigenvalues on the axis put there and left out of the count of the unstable ones."""
    details: dict[str, Any] = {}
    on_axis: tuple[complex, ...] = (0.0,)
    if len(node.z) == 3:
        omega = float(node.z[2])
        details = {"frequency": omega, "criticality": criticality(node.problem, node.y, omega)}
        on_axis = (1j * omega, -1j * omega)
    return seen_at(node, stability, kind, details, on_axis)


def double_points(a: Seen, b: Seen, metric: Metric) -> list[Seen]:
    """The cusp or Bogdanov-Takens point between two nodes of a curve of folds, if there is one."""
    if len(a.node.z) != 2:
        return []
    counts = a.unstable, b.unstable
    if (a.node.tz / metric.z) @ (b.node.tz / metric.z) < 0:
        return _root(a, b, metric, SingularJacobian.quadratic, "cusp")
    if None not in counts and counts[0] % 2 != counts[1] % 2:
        return _root(a, b, metric, SingularJacobian.double_zero, "bogdanov-takens")
    return []


def _root(a: Seen, b: Seen, metric: Metric, function: Callable, kind: str) -> list[Seen]:
    """Where a function of the null vectors vanishes between two nodes, sought on the mesh of the second."""
    condition, nodes = b.node.system.condition, {}

    def value(ds: float) -> float:
        nodes[ds] = beside(metric, b.node, ds, exact=True)
        return function(condition, nodes[ds].problem, nodes[ds].y)

    try:
        ds = root(value, a.node.s - b.node.s, 0.0, within=1e-9)
    except (ValueError, NotConverged):  # no change of sign, or no curve there
        return []
    value(ds)
    return [seen_on_curve(nodes[ds], b.unstable is not None, kind)]
