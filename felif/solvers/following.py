"""Branches and curves of folds and Hopf points: followed in both directions from one node, kept in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..output.branches import FILES
from ..output.progress import Bar
from ..output.work import open_work
from ..problem import Outcome
from .arclength import Limit, Trace
from .branch import Branch
from .keeping import both_ways, further, keep_branch
from .points import Seen, points_along
from .system import Metric, Node


@dataclass(frozen=True)
class Curve:
    """A curve that is to be followed.

    who, asked: the function that follows it, and what it was asked; what: the points that it is made of, "" for steady
    states. bounds: of every parameter in `names`. longest, first: steps.
    """

    who: str
    asked: Mapping[str, Any]
    what: str
    names: tuple[str, ...]
    bounds: Sequence[tuple[float, float]]
    N_max: float
    scalars: Sequence[str]
    longest: float
    first: float
    more_limits: tuple[Limit, ...] = ()

    @property
    def limits(self) -> list[Limit]:
        found = []
        for k, (name, (low, high)) in enumerate(zip(self.names, self.bounds, strict=True)):
            found.append(Limit(k, low, -1.0, False, Outcome("bound", f"{name} = {low:g} is the lower bound")))
            found.append(Limit(k, high, 1.0, False, Outcome("bound", f"{name} = {high:g} is the upper bound")))
        for k, name in enumerate(self.scalars):
            why = f"{name} = {self.N_max:g} is the largest value looked at (N_max)"
            found.append(Limit(k, self.N_max, 1.0, True, Outcome("N_max", why)))
        return [*found, *self.more_limits]


def followed_curve(
    curve: Curve,
    unit: Any,
    begin: Callable[[Any], tuple[Metric, Node]],
    look: Callable[[Node], Seen],
    between: Callable[[Seen, Seen, Metric], list[Seen]],
    *,
    folder: str | Path | None,
    resume: bool,
    overwrite: bool,
    progress: bool,
) -> Branch:
    """The curve with its points.

    begin: of the unit of its steps, which a curve that goes on keeps, the metric and the first node. look, between: see
    `points_along`.
    """
    bounds = [[float(low), float(high)] for low, high in curve.bounds]
    reach = {"bounds": bounds, "N_max": curve.N_max, "max_points": curve.asked["max_points"]}
    how = {"resume": resume, "overwrite": overwrite, "description": {"reach": reach, "unit": unit}}
    with (
        Bar(curve.who, shown=progress) as told,
        open_work(curve.who, "branch", folder, curve.asked, FILES, **how, further=further(reach)) as work,
    ):
        metric, first = begin(work.description.get("unit", unit))  # as it was begun
        walk = {"longest": curve.longest, "first": curve.first, "most": curve.asked["max_points"]}
        traces = [Trace(node, metric, curve.limits, **walk) for node in (first, first.reversed())]
        nodes, ends = both_ways(traces, work, curve.names, curve.what, told)
        points = points_along(nodes, curve.names, metric, work, told, look, between)
        branch = Branch(curve.names, points, ends, curve.what)
        keep_branch(branch, work)
    return branch
