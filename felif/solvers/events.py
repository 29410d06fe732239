"""What happens between two successive points of a branch: folds, branch points, Hopf points, found and located."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..problem import NotConverged
from .branch_points import branch_point_at
from .criticality import criticality
from .folds import SingularJacobian, fold_at
from .hopf import hopf_at
from .points import Seen, seen_at
from .stability import grow, on_axis, unstable
from .system import Metric, Node, beside, normalise
from .tuning import WALK


def special_points(a: Seen, b: Seen, metric: Metric, halvings: int = WALK.halvings) -> list[Seen]:
    """Every fold, branch point and Hopf point between two successive nodes, in order.

    A fold turns the parameter's direction and takes one real eigenvalue through 0; a branch point takes one through 0
    without turning; at a Hopf point the number of unstable eigenvalues changes by a complex pair. Where more than one
    of them lies between two nodes, or may, the step is halved until each is alone.
    """
    turned = a.node.tz[0] * b.node.tz[0] < 0
    begun = bool(a.kind or b.kind)  # next to the branch point where this branch was begun
    if a.unstable is None or b.unstable is None:
        return _fold(a, b, metric) if turned and not begun else []
    real, pairs = _real_unstable(b) - _real_unstable(a), (_paired(b) - _paired(a)) // 2
    if begun:
        real = 0
    crossings = _crossings(a, b)
    doubtful = _doubtful(a, b) or len(crossings) > abs(pairs)
    if not (real or turned or pairs or doubtful) or (begun and not pairs):
        return []
    alone: list[Seen] = []
    if doubtful and halvings:
        pass
    elif abs(real) == (2 if _may_be_turned(a) and _may_be_turned(b) else 1) and not pairs:
        alone = _fold(a, b, metric) if turned else _branch_point(a, b, metric)
    elif abs(pairs) == 1 and not real and not turned:
        alone = _hopf(a, b, metric)
    if alone or not (real or turned or pairs or halvings):
        return alone
    middle = _middle(a, b, metric) if halvings else None
    if middle is not None:
        return [*special_points(a, middle, metric, halvings - 1), *special_points(middle, b, metric, halvings - 1)]
    crossing = _fold(a, b, metric) if turned else _branch_point(a, b, metric) if real % 2 else []
    return crossing + (_hopf(a, b, metric) if pairs or crossings else [])


def _middle(a: Seen, b: Seen, metric: Metric) -> Seen | None:
    """The node halfway."""
    for end, ds in ((a, (b.node.s - a.node.s) / 2), (b, (a.node.s - b.node.s) / 2)):
        try:
            return seen_at(beside(metric, end.node, ds))
        except NotConverged:
            continue
    return None


def _may_be_turned(one: Seen) -> bool:
    """Whether a symmetry makes other eigenvectors of those of a state that it does not move."""
    hook = one.node.problem.symmetry
    if hook is None or hook(one.node.y) is not None:
        return False
    return hook(one.node.problem.mass @ np.random.default_rng(0).standard_normal(len(one.node.y))) is not None


def _real_unstable(one: Seen) -> int:
    return unstable(one.eigenvalues[one.eigenvalues.imag == 0])


def _paired(one: Seen) -> int:
    return int(one.unstable) - _real_unstable(one)


def _doubtful(a: Seen, b: Seen) -> bool:
    """Whether eigenvalues may cross the axis there and back: other ones are unstable, or some near it move far."""
    if not len(a.eigenvalues) or not len(b.eigenvalues):
        return False
    for one, other in ((a, b), (b, a)):
        values = one.eigenvalues[one.eigenvalues.imag >= 0]
        others = other.eigenvalues[other.eigenvalues.imag >= 0]
        match = _mutual(values, others)
        nearest, moved = others[match], np.abs(others[match] - values)
        close = np.abs(values.real) < 0.25 * moved
        stays = (grow(values) == grow(nearest)) & ~(on_axis(values) & on_axis(nearest))  # some stay there all along
        if ((match >= 0) & close & stays & ((values.imag > 0) == (nearest.imag > 0))).any():
            return True
    return False


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
            modes = 2 if _may_be_turned(a) else 1
            return [_special(node, "branch point", a, {"crossing": crossing, "modes": modes}, modes)]
    return []


def _crossings(a: Seen, b: Seen) -> list[tuple[complex, complex]]:
    """Pairs (one value at each node, Im > 0) that are unstable at one of them only.

    They are matched with what is nearest in both directions; as many as the numbers of unstable pairs demand are found
    among the unstable ones that have no such partner in the list of leading values of the other node.
    """
    first, last = (one.eigenvalues[one.eigenvalues.imag > 0] for one in (a, b))
    if not len(first) or not len(last):
        return []
    match = _mutual(first, last)
    matched = [(x, last[j]) for x, j in zip(first, match, strict=True) if j >= 0]
    crossings = [both for both in matched if grow(both[0]) != grow(both[1])]
    entering = sum(1 if grow(y) else -1 for _, y in crossings)
    missing = (_paired(b) - _paired(a)) // 2 - entering
    alone = last[np.setdiff1d(np.arange(len(last)), match)] if missing > 0 else first[match < 0]
    for x in alone[grow(alone)][::-1][: abs(missing)]:
        other = first if missing > 0 else last
        nearest = other[np.argmin(np.abs(other - x))]
        crossings.append((nearest, x) if missing > 0 else (x, nearest))
    return crossings


def _mutual(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """For each of `first` the place in `last` of its nearest one, if that is nearest in both directions, else -1."""
    apart = np.abs(last - first[:, None])
    match = np.argmin(apart, axis=1)
    return np.where(np.argmin(apart, axis=0)[match] == np.arange(len(first)), match, -1)


def _hopf(a: Seen, b: Seen, metric: Metric) -> list[Seen]:
    """The pairs that cross, followed to the axis."""
    found: list[Seen] = []
    for first, last in _crossings(a, b):
        found += _hopf_of(a, b, first, last, metric)
    return found


def _hopf_of(a: Seen, b: Seen, first: complex, last: complex, metric: Metric) -> list[Seen]:
    less, growing = (b, first) if _paired(a) > _paired(b) else (a, last)
    if growing.real <= 0:
        growing = first if growing is last else last
    for guess in _between(a, b, _zero(first.real, last.real), metric):
        try:
            found = hopf_at(guess, float(growing.imag))
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
            nodes.append(beside(metric, end.node, ds))
        except NotConverged:
            continue
    return nodes


def _place(node: Node, a: Seen, b: Seen, metric: Metric) -> bool:
    """Gives the node its arc length from the end that lives on the same mesh; False if it is not between a and b."""
    length = b.node.s - a.node.s
    for end in (a.node, b.node):
        if len(end.y) == len(node.y):
            row, row_z = metric.row(end.problem, end.y, end.ty, end.tz)
            node.s = end.s + float(row @ (node.y - end.y) + row_z @ (node.z - end.z))
            if -WALK.beyond * length - 1e-9 <= node.s - a.node.s <= (1 + WALK.beyond) * length + 1e-9:
                node.s = min(max(node.s, a.node.s), b.node.s)
                return True
    return False


def _special(node: Node, kind: str, before: Seen, details: Mapping[str, Any], critical: int) -> Seen:
    """With its eigenvalues, those that cross put on the axis, and counted as unstable."""
    target = 1j * details.get("frequency", 0.0)
    exact = [target, -target] if critical == 2 and target else [0.0] * critical
    return seen_at(node, before.unstable is not None, kind, details, exact, critical)
