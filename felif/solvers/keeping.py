"""Points of curves as arrays, and back: what a computation along a curve keeps in its folder, to go on from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..given.identity import told
from ..output.branches import describe_branch, write_branch
from ..output.work import Further, Work
from ..problem import Outcome, Problem
from .arclength import Trace
from .branch import Branch, Point
from .system import Node, System

_END = "outcome"
_LIMITS = ("bound", "N_max")  # outcomes of a trace at a limit that may be moved
_RUNNING = Outcome("running", "the curve is still followed, or was stopped")


def told_point(point: Any) -> dict[str, Any]:
    """A state or a point of a branch, as folders compare what was asked."""
    problem = getattr(point, "problem", None)
    model = None if problem is None else told(problem.model)
    return {"y": told(np.asarray(point.y)), "model": model, "kind": getattr(point, "kind", "")}


def told_problem(problem: Problem) -> dict[str, Any]:
    """A problem, in the same way."""
    mesh = {} if problem.mesh_arrays is None else problem.mesh_arrays()
    return {
        "model": told(problem.model),
        "space": told(problem.space),
        "tol": told(problem.tol),
        "mesh": told(mesh),
    }


def further(reach: Mapping[str, Any]) -> Further:
    """How a branch or curve that is there goes on to one that reaches so far: bounds, N_max, max_points."""
    given_up = ("seen", "special")
    return Further(
        ("bounds", "N_max", "max_points"), partial(_beyond, reach), lambda stored: {"reach": reach}, given_up
    )


def _beyond(reach: Mapping[str, Any], stored: Mapping[str, Any]) -> str:
    """Why what is there is no part of what reaches so far."""
    there = stored.get("reach", {})
    if "bounds" not in there:
        return "an older felif wrote it, which did not say how far it reaches"
    pairs = zip(there["bounds"], reach["bounds"], strict=True)
    within = all(low <= a and b <= high for (a, b), (low, high) in pairs)
    if within and all(there[name] <= reach[name] for name in ("N_max", "max_points")):
        return ""
    return "it goes on to wider bounds, a larger N_max and more points only"


def node_arrays(node: Node, with_condition: bool = False) -> dict[str, np.ndarray]:
    """Everything of a node: its unknowns, tangent, mesh, and (`with_condition`) its further equations."""
    family = node.system.family
    arrays = {"y": node.y, "z": node.z, "ty": node.ty, "tz": node.tz, "at": np.array([node.s, node.iterations])}
    arrays |= {f"family_{name}": values for name, values in family.as_arrays().items()}
    if with_condition and node.system.condition is not None:
        parts = vars(node.system.condition).items()
        arrays |= {f"condition_{name}": values for name, values in parts if values is not None}
    return arrays


def node_from(arrays: Mapping[str, np.ndarray], system: System) -> Node:
    """The node that was kept; `system`: that of the node before, whose mesh is used again where it is the same."""
    parts = {name.removeprefix("condition_"): v for name, v in arrays.items() if name.startswith("condition_")}
    if parts:
        nothing = dict.fromkeys(vars(system.condition))
        system = replace(system, condition=replace(system.condition, **{**nothing, **parts}))
    family = {name.removeprefix("family_"): v for name, v in arrays.items() if name.startswith("family_")}
    own = system.family.from_arrays(family)
    if own is not system.family:
        system = replace(system, family=own)
    s, iterations = arrays["at"].tolist()
    z = arrays["z"]
    return Node(system, system.at(z), arrays["y"], z, arrays["ty"], arrays["tz"], s, int(iterations))


def followed(
    trace: Trace, work: Work, part: str, nodes: list[Node], seen: Callable[[Node], None] = lambda node: None
) -> list[Node]:
    """The nodes of a trace after its start, put into `nodes`: those that are kept, then those that are computed.

    `seen` is told of each.
    """
    system = trace.start.system
    limits = [limit.outcome for limit in trace.limits]
    for arrays in work.kept(part):
        end = Outcome(*arrays[_END].tolist()) if _END in arrays else None
        if end is not None and end.name in _LIMITS and end not in limits:
            continue  # it goes on from the node before, as if that limit had not been
        node = node_from(arrays, system)
        system = node.system
        nodes.append(node)
        seen(node)
        bend = (arrays["bend_y"], arrays["bend_z"]) if "bend_y" in arrays else None
        trace.goes_on(node, float(arrays["ds"]), bend, len(nodes))
        if end is not None:
            trace.outcome = end
            return nodes
    for node in trace:
        nodes.append(node)
        arrays = node_arrays(node, with_condition=True) | {"ds": np.array(trace.ds)}
        if trace.bend is not None:
            arrays |= {"bend_y": trace.bend[0], "bend_z": trace.bend[1]}
        if trace.ended:
            arrays[_END] = np.array([trace.outcome.name, trace.outcome.message])
        work.keep(part, arrays)
        seen(node)
    return nodes


def branch_so_far(
    names: tuple[str, ...], what: str, backward: Sequence[Node], first: Node, forward: Sequence[Node]
) -> Branch:
    """The nodes of a curve that is still followed; nothing is known of their stability."""
    row = [*((node, -node.s) for node in reversed(backward)), *((node, node.s) for node in (first, *forward))]
    points = [Point(names, node.problem, node.y, s - row[0][1], np.zeros(0), None) for node, s in row]
    return Branch(names, points, (_RUNNING, _RUNNING), what)


def both_ways(
    traces: Sequence[Trace], work: Work, names: tuple[str, ...], what: str, told: Callable[[str], None]
) -> tuple[list[Node], tuple[Outcome, Outcome]]:
    """(nodes in the order of arc length, why each end is one) of a curve followed in both directions from one node.

    traces: forwards and backwards; the second is not needed where the first closes. `told`: of where it is.
    """
    forward: list[Node] = []
    backward: list[Node] = []
    first = traces[0].start

    def seen(node: Node) -> None:
        at = ", ".join(f"{name} = {value:.6g}" for name, value in zip(names, node.z, strict=False))
        told(f"{1 + len(forward) + len(backward)} points, {at}")

    work.show = lambda: _show(branch_so_far(names, what, backward, first, forward), work, durable=False)
    followed(traces[0], work, "forward", forward, seen)
    closed = traces[0].outcome.name == "closed"
    if not closed:
        traces[1].start.system.family.forget()  # as it is where the first trace is read from a folder
        followed(traces[1], work, "backward", backward, seen)
    work.show = None
    for node in backward:  # with growing arc length again
        node.ty, node.tz, node.s = -node.ty, -node.tz, -node.s
    ends = (traces[0].outcome,) * 2 if closed else (traces[1].outcome, traces[0].outcome)
    return [*reversed(backward), first, *forward], ends


def keep_branch(branch: Branch, work: Work) -> None:
    """The branch as people read it; columns that take long are left out."""
    if work.room is not None and not work.finished:
        _show(branch, work)
        work.finish(describe_branch(branch))


def _show(branch: Branch, work: Work, durable: bool = True) -> None:
    write_branch(branch, work.room, [name for name in branch.table if branch.table.known(name)], durable)
