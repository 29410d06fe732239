"""The points of a curve: its nodes with their stability, special ones between them, kept as they are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..output.work import Work
from .branch import Point
from .stability import leading_and_unstable, sorted_leading, unstable
from .system import Metric, Node

_DETAIL = "detail_"


@dataclass(frozen=True, eq=False)
class Seen:
    """A node and what is known of its stability; special ones have a kind."""

    node: Node
    eigenvalues: np.ndarray
    unstable: int | None
    kind: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def point(self, names: tuple[str, ...], start: float) -> Point:
        """As users see it, at its arc length from `start`."""
        node, known = self.node, (self.eigenvalues, self.unstable, self.kind, self.details)
        return Point(names, node.problem, node.y, node.s - start, *known, (node.ty, node.tz))


def seen_at(
    node: Node,
    stability: bool = True,
    kind: str = "",
    details: Mapping[str, Any] | None = None,
    critical: Sequence[complex] = (),
    growing: int = 0,
) -> Seen:
    """The node with its leading eigenvalues; with none, where they cannot be counted or are not asked for.

    critical: those that lie on the axis, and are put there; `growing` of them are counted as unstable.
    """
    values, count = leading_and_unstable(node.problem, node.y) if stability else (np.zeros(0), None)
    if count is not None and len(critical):
        values = np.delete(values, [np.argmin(np.abs(values - one)) for one in critical])
        count = unstable(values) + growing
        values = sorted_leading(np.concatenate([values, np.array(critical, complex)]))
    return Seen(node, values, count, kind, details or {})


def points_along(
    nodes: list[Node],
    names: tuple[str, ...],
    metric: Metric,
    work: Work,
    told: Callable[[str], None],
    look: Callable[[Node], Seen],
    between: Callable[[Seen, Seen, Metric], list[Seen]],
) -> list[Point]:
    """Points in the order of arc length, from 0: what `look` sees at nodes, and what is `between` two of them.

    What is kept of them already is not computed again.
    """
    seen, kept = [], iter(work.kept("seen"))
    for node in nodes:
        arrays = next(kept, None)
        if arrays is None:
            seen.append(look(node))
            work.keep("seen", _seen_arrays(seen[-1]))
            told(f"stability of {len(seen)} of {len(nodes)} points")
        else:
            seen.append(_seen_from(arrays, node))
    special: list[Seen] = []
    kept = iter(work.kept("special"))
    for a, b in zip(seen[:-1], seen[1:], strict=True):
        arrays = next(kept, None)
        if arrays is None:
            for end in (a, b):  # what is kept does not depend on what was computed before
                end.node.system.family.forget()
            found = between(a, b, metric)
            work.keep("special", _special_arrays(found, b))
        else:
            found = _special_from(arrays, a, b)
        special += [one for one in found if not any(_same(one, other, metric) for other in special[-8:])]
    ordered = sorted([*seen, *special], key=lambda one: one.node.s)
    return [one.point(names, ordered[0].node.s) for one in ordered]


def _same(one: Seen, other: Seen, metric: Metric) -> bool:
    """Two finds of one special point."""
    near = abs(one.node.z - other.node.z) <= 1e-7 * (metric.z + abs(one.node.z))
    frequencies = [seen.details.get("frequency", 0.0) for seen in (one, other)]
    return (
        one.kind == other.kind
        and bool(near.all())
        and abs(one.node.s - other.node.s) <= 1e-2
        and abs(frequencies[0] - frequencies[1]) <= 1e-6 * (1 + frequencies[0])
    )


def _seen_arrays(one: Seen) -> dict[str, np.ndarray]:
    """What is known at a node: stability, the kind, numbers and directions of a special point."""
    count = -1 if one.unstable is None else one.unstable
    arrays = {"eigenvalues": one.eigenvalues, "unstable": np.array(count), "kind": np.array(one.kind)}
    for name, value in one.details.items():
        parts = value if isinstance(value, tuple) else (value,)
        arrays |= {f"{_DETAIL}{name}_{len(parts)}{k}": np.asarray(part) for k, part in enumerate(parts)}
    return arrays


def _seen_from(arrays: Mapping[str, np.ndarray], node: Node) -> Seen:
    details: dict[str, Any] = {}
    for key, value in sorted(arrays.items()):
        if key.startswith(_DETAIL):
            name, _, place = key.removeprefix(_DETAIL).rpartition("_")
            details[name] = value.item() if place[0] == "1" else (*details.get(name, ()), value)
    count = None if arrays["unstable"] < 0 else int(arrays["unstable"])
    return Seen(node, arrays["eigenvalues"], count, str(arrays["kind"]), details)


def _special_arrays(between: list[Seen], b: Seen) -> dict[str, np.ndarray]:
    """Special points between two nodes as they are kept: on the mesh of b, or on that of the node before it."""
    arrays = {"count": np.array(len(between))}
    for k, one in enumerate(between):
        node, own = one.node, _seen_arrays(one)
        own |= {"y": node.y, "z": node.z, "ty": node.ty, "tz": node.tz, "s": np.array(node.s)}
        own |= {"later": np.array(node.system.family is b.node.system.family)}
        arrays |= {f"{k}-{name}": values for name, values in own.items()}
    return arrays


def _special_from(arrays: Mapping[str, np.ndarray], a: Seen, b: Seen) -> list[Seen]:
    between = []
    for k in range(int(arrays["count"])):
        own = {name.removeprefix(f"{k}-"): values for name, values in arrays.items() if name.startswith(f"{k}-")}
        system, z = (b if own["later"] else a).node.system, own["z"]
        node = Node(system, system.at(z), own["y"], z, own["ty"], own["tz"], float(own["s"]))
        between.append(_seen_from(own, node))
    return between
