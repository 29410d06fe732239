"""Meshes of a line of membrane potentials with nodes exactly on V_R and V_F."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..given.arguments import MODEL, Kind, checked, having, number, optional, whole
from ..given.libraries import skfem
from ..given.types import Model
from ..translation import is_fast, weak_form_of
from ..translation.weak_form import PARAMETERS

_FARTHEST = 1e7  # end of a mesh, in units of V_F - V_R
RESET, TOP = PARAMETERS["reset"], PARAMETERS["firing"]  # of models, in messages
THRESHOLDS = Kind(
    f"{MODEL.allowed} with {RESET} and {TOP}", lambda value: having("", RESET, TOP).read(MODEL.read(value))
)
_SAME = 1e-13  # distance of cell ends, in units of V_F - V_R, below which they are the same


def require_near(v: float, reset: float, top: float) -> None:
    """ValueError for an end of a mesh that no neuron can ever come near."""
    if abs(v - top) > _FARTHEST * (top - reset):
        raise ValueError(
            f"mesh: it reaches to v = {v!r}; allowed are distances from {TOP} up to {_FARTHEST:g} ({TOP} - {RESET})"
        )


@dataclass(frozen=True, eq=False)
class Line:
    """What felif reads of a tagged mesh of a line, under the names of scikit-fem, which need not be imported for it."""

    p: np.ndarray  # (1, nodes), sorted
    boundaries: dict[str, np.ndarray]
    subdomains: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def nelements(self) -> int:
        return self.p.shape[1] - 1

    @cached_property
    def mesh(self) -> skfem.MeshLine:
        """The mesh of scikit-fem, as users hold it."""
        made = skfem.MeshLine(self.p[0]).with_boundaries(self.boundaries)
        made = made.with_subdomains(self.subdomains) if self.subdomains else made
        made.p.setflags(write=self.p.flags.writeable)
        return made


def is_line(mesh: Any) -> bool:
    """Whether this is a mesh of a line, felif's own or that of scikit-fem."""
    return isinstance(mesh, Line) or isinstance(mesh, skfem.MeshLine)


def line(nodes: np.ndarray, marks: Mapping[str, float]) -> Line:
    """Tagged mesh with these cell ends: facets "reset" (V_R), "firing" (V_F) and other points, cells "above" V_F.

    Raises ValueError where one of these is no node.
    """
    reset, top = marks["reset"], marks["firing"]
    nodes = np.unique(np.asarray(nodes, float))
    if not np.all(np.isfinite(nodes)):
        raise ValueError("mesh: nodes must be finite numbers")
    if nodes.size:
        require_near(float(nodes[0]), reset, top)
        require_near(float(nodes[-1]), reset, top)
    close = np.flatnonzero(np.diff(nodes) <= _SAME * (top - reset))  # one point, computed in two ways
    if close.size:
        nodes = np.delete(nodes, np.where(np.isin(nodes[close + 1], (*marks.values(),)), close, close + 1))
    places: dict[str, np.ndarray] = {}
    for name, value in marks.items():
        nearest = int(np.argmin(np.abs(nodes - value)))
        if nodes[nearest] != value:
            raise ValueError(
                f"mesh: no node lies exactly on {PARAMETERS.get(name, name)} = {value!r}; "
                f"the nearest is {nodes[nearest]!r}. Put a node there."
            )
        if nearest == 0:
            raise ValueError(
                f"mesh: {PARAMETERS.get(name, name)} = {value!r} is the lower end; the mesh must reach below it"
            )
        places[name] = np.array([nearest])
    above = {"above": np.arange(places["firing"][0], len(nodes) - 1)} if nodes[-1] > top else {}
    return Line(nodes[None], places, above)


@checked(
    model=THRESHOLDS,
    v_min=number(least=-1e100),
    cells=whole(1, 10**6),
    grading=number(least=1.0, most=100.0),
    v_max=optional(number()),
)
def interval(
    model: Model, v_min: float = -6.0, cells: int = 13, grading: float = 1.5, v_max: float | None = None
) -> skfem.MeshLine:
    """`cells` cells on [v_min, V_F] (or [v_min, v_max]), nodes exactly on V_R and V_F, graded toward V_F.

    Cell ends lie at V_F - (V_F - v_min) (1 - k/cells)^grading, then moved so that one of them is V_R. Other points of
    the model, such as those of a distribution of resets, are further cell ends.

    Parameters
    ----------
    model : model
        Its V_R and V_F are nodes.
    v_min : float
        Lower end, below V_R.
    cells : int
        Number of cells, >= 2 (3 where neurons live above V_F).
    grading : float
        1 to 100; 1 is uniform on both sides of V_R.
    v_max : float or None
        Upper end, for a model whose neurons live above V_F too (RandomThresholdLIF): by default V_F + 4 (V_F - V_R),
        and a third of the cells lies above V_F.

    Returns
    -------
    skfem.MeshLine
        With the facets "reset" and "firing".

    Raises
    ------
    ValueError
        For values that are not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> network = fl.NoisyLIF(b=0.5)
    >>> fl.interval(network, v_min=-6.0, cells=13).nelements
    13
    """
    form = weak_form_of(model)
    reset, top = form.landings[0], form.top
    if math.isinf(top):
        raise ValueError(f"interval: {TOP} = inf has no place on a mesh; let discretize choose one from `tol`")
    lives_above = not any(scalar.algebraic == "flux" for scalar in form.scalars)
    lowest = min(form.landings)
    if v_min >= lowest:
        what = RESET if lowest == reset else "the lowest point"
        raise ValueError(f"interval: v_min = {v_min!r}; allowed is a number below {what} = {lowest!r}")
    minimum = 3 if lives_above else 2
    if cells < minimum:
        raise ValueError(f"interval: cells = {cells!r}; allowed is an integer >= {minimum}")
    if lives_above:
        v_max = top + 4 * (top - reset) if v_max is None else v_max
        if v_max <= top:
            raise ValueError(f"interval: v_max = {v_max!r}; allowed is a number above {TOP} = {top!r}")
    elif v_max is not None and v_max != top:
        raise ValueError(f"interval: v_max = {v_max!r}, but neurons of {type(model).__name__} end at {TOP} = {top!r}")
    above = max(1, cells // 3) if lives_above else 0
    below = cells - above
    nodes = top - (top - v_min) * (1 - np.arange(below + 1) / below) ** grading
    nodes[[0, -1]] = v_min, top
    k = int(np.clip(np.argmin(np.abs(nodes - reset)), 1, below - 1))
    moved = nodes.copy()
    moved[: k + 1] = v_min + (nodes[: k + 1] - v_min) * (reset - v_min) / (nodes[k] - v_min)
    moved[k:] = top - (top - nodes[k:]) * (top - reset) / (top - nodes[k])
    moved[[0, k, -1]] = v_min, reset, top
    if above:
        beyond = top + (v_max - top) * (np.arange(1, above + 1) / above) ** grading
        beyond[-1] = v_max
        moved = np.r_[moved, beyond]
    return tagged(np.union1d(moved, form.landings), model).mesh


def tagged(nodes: np.ndarray, model: Model, end: float | None = None) -> Line:
    """`line` with the points of a model; `end`: of its line, where that is not V_F."""
    marks = marks_of(model)
    return line(nodes, marks if end is None else marks | {"firing": end})


def marks_of(model: Model) -> dict[str, float]:
    """Name and place of every point of a model."""
    if is_fast(model):
        return weak_form_of(model).places
    return {name: float(getattr(model, parameter)) for name, parameter in PARAMETERS.items()}


def stretched(mesh: Line, model: Model) -> Line:
    """A user's mesh, its parts between V_min, V_R, V_F and other points stretched to where the model has these."""
    nodes, form = np.sort(mesh.p[0]), weak_form_of(model)
    moved = {name: (mesh.p[0, facets[0]], form.places[name]) for name, facets in mesh.boundaries.items()}
    moved["low"] = nodes[0], nodes[0]
    if nodes[-1] > moved["firing"][0]:
        moved["high"] = nodes[-1], nodes[-1] + moved["firing"][1] - moved["firing"][0]
    old, new = np.array(sorted(moved.values())).T
    if (np.diff(old) <= 0).any() or (np.diff(new) <= 0).any():
        raise ValueError(f"the mesh [{nodes[0]:g}, {nodes[-1]:g}] cannot be stretched to {model}")
    return tagged(np.interp(nodes, old, new), model)
