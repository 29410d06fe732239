"""What happens between two successive points of a branch: folds, branch points, Hopf points, found and located."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..problem import NotConverged
from .branch_points import branch_point_at
from .criticality import criticality
from .folds import SingularJacobian, fold_at
from .hopf import hopf_at
from .stability import leading, sorted_leading, unstable
from .system import Metric, Node, at_distance, correct, normalise


@dataclass(frozen=True, eq=False)
class Seen:
    """A node and what is known of its stability; special ones have a kind."""

    node: Node
    eigenvalues: np.ndarray
    unstable: int | None
    kind: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def special_points(seen: list[Seen], metric: Metric) -> list[Seen]:
    """Every fold, branch point and Hopf point between successive nodes.

    A fold turns the parameter's direction and takes one real eigenvalue through 0; a branch point takes one through 0
    without turning; at a Hopf point the number of unstable eigenvalues changes by a complex pair.
    """
    found: list[Seen] = []
    for a, b in zip(seen[:-1], seen[1:], strict=True):
        if a.kind or b.kind:
            continue  # next to the branch point where this branch was begun
        turned = a.node.tz[0] * b.node.tz[0] < 0
        if turned:
            found += _fold(a, b, metric)
        if a.unstable is None or b.unstable is None:
            continue
        crossed = _real_unstable(a) % 2 != _real_unstable(b) % 2
        if crossed and not turned:
            found += _branch_point(a, b, metric)
        pairs = abs(b.unstable - a.unstable) // 2
        if pairs:
            found += _hopf(a, b, metric)
    return found


def _real_unstable(one: Seen) -> int:
    return int(np.count_nonzero((one.eigenvalues.real > 0) & (one.eigenvalues.imag == 0)))


def _fold(a: Seen, b: Seen, metric: Metric) -> list[Seen]:
    part = a.node.tz[0] / (a.node.tz[0] - b.node.tz[0])
    for guess in _between(a, b, part, metric):
        try:
            node = fold_at(guess)
        except NotConverged:
            continue
        if _place(node, a, b, metric):
            row = metric.row(a.node.problem, a.node.y, a.node.ty, a.node.tz) if len(a.node.y) == len(node.y) else None
            node = normalise(metric, node, row or metric.row(b.node.problem, b.node.y, b.node.ty, b.node.tz))
            return [_special(node, "fold", a, {"quadratic": _quadratic(node)}, 1)]
    return []


def _quadratic(node: Node) -> float:
    condition = SingularJacobian.near(node.system.family, node.y, node.z)
    return condition.quadratic(node.problem, node.y)


def _branch_point(a: Seen, b: Seen, metric: Metric) -> list[Seen]:
    smallest = [min(one.eigenvalues[one.eigenvalues.imag == 0].real, key=abs) for one in (a, b)]
    for guess in _between(a, b, _zero(*smallest), metric):
        try:
            node, crossing = branch_point_at(guess)
        except NotConverged:
            continue
        if _place(node, a, b, metric):
            return [_special(node, "branch point", a, {"crossing": crossing}, 1)]
    return []


def _hopf(a: Seen, b: Seen, metric: Metric) -> list[Seen]:
    """The pair on the unstable side that is nearest to the axis, followed to it."""
    more, less = (a, b) if a.unstable > b.unstable else (b, a)
    pair = [value for value in more.eigenvalues if value.real > 0 and value.imag > 0]
    other = less.eigenvalues[less.eigenvalues.imag > 0]
    if not pair or not len(other):
        return []
    value = min(pair, key=lambda value: value.real)
    before = other[np.argmin(np.abs(other - value))]
    part = _zero(before.real, value.real) if more is b else _zero(value.real, before.real)
    for guess in _between(a, b, part, metric):
        try:
            found = hopf_at(guess, float(value.imag))
        except NotConverged:
            continue
        omega = float(found.z[1])
        node = Node(guess.system, found.problem, found.y, found.z[:1], guess.ty, guess.tz)
        if omega > 1e-6 and _place(node, a, b, metric):
            details = {"frequency": omega, "criticality": criticality(node.problem, node.y, omega)}
            return [_special(node, "hopf", less, details, 2)]
    return []


def _zero(first: float, last: float) -> float:
    return float(np.clip(first / (first - last), 0.0, 1.0)) if first * last < 0 else 0.5


def _between(a: Seen, b: Seen, part: float, metric: Metric) -> list[Node]:
    """Nodes of the branch between two, the likeliest place of the event first."""
    nodes = []
    length = b.node.s - a.node.s
    for share in (part, 0.5, 0.25, 0.75, 0.0, 1.0):
        end, ds = (a, share * length) if len(nodes) % 2 else (b, (share - 1) * length)
        try:
            y, z = end.node.y + ds * end.node.ty, end.node.z + ds * end.node.tz
            node = correct(end.node.system, y, z, at_distance(metric, end.node, ds))
        except NotConverged:
            continue
        row = metric.row(end.node.problem, end.node.y, end.node.ty, end.node.tz)
        nodes.append(normalise(metric, node, row))
    return nodes


def _place(node: Node, a: Seen, b: Seen, metric: Metric) -> bool:
    """Gives the node its arc length from the end that lives on the same mesh; False if it is not between a and b."""
    length = b.node.s - a.node.s
    for end in (a.node, b.node):
        if len(end.y) == len(node.y):
            row, row_z = metric.row(end.problem, end.y, end.ty, end.tz)
            node.s = end.s + float(row @ (node.y - end.y) + row_z @ (node.z - end.z))
            if -0.1 * length <= node.s - a.node.s <= 1.1 * length:
                node.s = min(max(node.s, a.node.s), b.node.s)
                return True
    return False


def _special(node: Node, kind: str, before: Seen, details: Mapping[str, Any], critical: int) -> Seen:
    """With its eigenvalues, those that cross put on the axis, and counted as unstable."""
    if before.unstable is None:
        return Seen(node, np.zeros(0), None, kind, details)
    values = leading(node.problem, node.y)
    target = 1j * details.get("frequency", 0.0)
    exact = np.array([target, -target] if critical == 2 else [0.0], complex)
    values = np.delete(values, [np.argmin(np.abs(values - one)) for one in exact])
    count = unstable(values) + critical
    values = np.concatenate([values, exact])
    return Seen(node, sorted_leading(values), count, kind, details)
