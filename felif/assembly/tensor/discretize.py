"""Meshes over (v, w) from a tolerance, and the problem on them."""

from __future__ import annotations

import cmath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...given.parameters import parameters_of
from ...meshing import Line, is_line, tagged
from ...translation import weak_form_of
from ...translation.weak_form import Field, Scalar, WeakForm
from ..automatic import Flow, choose_nodes
from ..cell_sizes import in_equal_parts
from .line_forms import LineForms, transports_in_w
from .problem import TensorProblem
from .spaces import Axis, Tensor
from .tuning import LINES

DEFAULT_TOLERANCE = 1e-6


def discretize_tensor(model: Any, mesh: Sequence[Any] | None, space: Tensor | None, tol: float | None) -> TensorProblem:
    """The model's equations over (v, w) on lines.

    mesh: a pair of a mesh of v (`interval`) and the ends of the cells of w, sorted, from w_min to w_max; None: both
    are chosen from tol, and evolve adapts the cells of w. Raises ValueError for a pair that does not fit the model.
    """
    space = Tensor() if space is None else space
    ends = (float(model.w_min), float(model.w_max))
    if mesh is None:
        tol = DEFAULT_TOLERANCE if tol is None else tol
        v_mesh = tagged(_nodes_in_v(model, space, tol), model)
        w_cells = np.linspace(*ends, _cells_in_w(space, tol) + 1)
    else:
        v_mesh, w_cells = _given(model, mesh, ends)
    forms = LineForms(model, v_mesh, space.v)
    return TensorProblem(forms, Axis(w_cells, space.w), space, tol, w_cells, discretize_tensor)


def tensor_from_arrays(model: Any, arrays: Mapping[str, np.ndarray], space: Tensor, tol: float | None) -> TensorProblem:
    """The problem that `TensorProblem.mesh_arrays` describes."""
    forms = LineForms(model, tagged(arrays["cells"], model), space.v)
    return TensorProblem(forms, Axis(arrays["w_cells"], space.w), space, tol, arrays["base"], discretize_tensor)


def _given(model: Any, mesh: Any, ends: tuple[float, float]) -> tuple[Line, np.ndarray]:
    if is_line(mesh) or not isinstance(mesh, Sequence) or len(mesh) != 2:
        raise ValueError(
            f"discretize: mesh = {type(mesh).__name__}; allowed with Tensor is a pair (mesh of v, ends of cells of w)"
        )
    v_mesh, w_cells = mesh
    if not is_line(v_mesh):
        raise ValueError(f"discretize: mesh[0] = {type(v_mesh).__name__}; allowed is a MeshLine (interval, read_mesh)")
    try:
        cells = np.asarray(w_cells, float)
    except (TypeError, ValueError):
        cells = np.zeros(0)
    if cells.ndim != 1 or len(cells) < 2 or not np.all(np.diff(cells) > 0) or (*cells[[0, -1]],) != ends:
        raise ValueError(
            f"discretize: mesh[1] = {w_cells!r}; allowed are numbers that rise from w_min = {ends[0]:g} to "
            f"w_max = {ends[1]:g}"
        )
    # tags and node positions are checked, whoever made the mesh
    return tagged(v_mesh.p[0], model), cells


def _cells_in_w(space: Tensor, tol: float) -> int:
    """Cells to begin with; those of low degree cannot be resolved by a look at their highest modes alone."""
    q = space.w.degree
    return LINES.base_cells if q >= 3 else int(np.clip(np.ceil(2.0 * tol ** (-1 / (q + 2))), 16, 512))


def _nodes_in_v(model: Any, space: Tensor, tol: float) -> np.ndarray:
    """Cells of v that serve the lines: locally as small as the smallest that any of them asks for."""
    form = weak_form_of(model)
    ends = form.landings[0], form.top
    found = [choose_nodes(flow_on_line(model, w), space.v, tol, must_hold=True) for w in _different_lines(model)]
    low = min(float(nodes[0]) for nodes in found)
    return np.unique(np.concatenate([_finest(found, low, ends[0]), _finest(found, *ends)]))


def _different_lines(model: Any) -> list[float]:
    """The weights at both ends and in the middle, and those with the weakest and the strongest drift up to V_F."""
    places = np.linspace(float(model.w_min), float(model.w_max), LINES.looked_at)
    flows = [flow_on_line(model, float(w)) for w in places]
    chosen = {0, LINES.looked_at // 2, LINES.looked_at - 1}
    for rate in (0.0, 1.0):
        drifts = [float(flow.at(np.array([flow.top]), rate)[0][0]) for flow in flows]
        chosen |= {int(np.argmin(drifts)), int(np.argmax(drifts))}
    return [float(places[k]) for k in sorted(chosen)]


def _finest(meshes: list[np.ndarray], low: float, high: float) -> np.ndarray:
    """Cell ends from low to high whose sizes follow the smallest of the meshes everywhere."""
    ends = np.unique(np.concatenate([[low, high], *(m[(m > low) & (m < high)] for m in meshes)]))
    middles = (ends[1:] + ends[:-1]) / 2
    density = np.zeros(len(middles))
    for mesh in meshes:
        cell = np.searchsorted(mesh, middles, side="right") - 1
        inside = (cell >= 0) & (cell < len(mesh) - 1)
        density[inside] = np.maximum(density[inside], 1 / np.diff(mesh)[cell[inside]])
    density = np.maximum(density, density[density > 0].min())
    count = np.concatenate([[0.0], np.cumsum(density * np.diff(ends))])
    return in_equal_parts(ends, count)


def flow_on_line(model: Any, w: float) -> Flow:
    """Drift and noise on one line w = const, as if all of the network were there: Nbar = N."""
    whole, m = weak_form_of(model), parameters_of(model)
    field, rate = whole.fields[0].name, whole.lines[0].name
    total = next(s.name for s in whole.scalars if s.algebraic == "integral")

    def at_w(coefficient: Any) -> Any:
        def value(s: Any, _: Any) -> Any:
            N = getattr(s, rate)
            here = SimpleNamespace(w=np.array([w]), **{rate: N, total: N})
            answer = np.asarray(coefficient(here, m)).ravel()[0].item()
            if not cmath.isfinite(answer):
                raise ValueError(_what_is_not_finite(model, coefficient, here, m))
            return answer

        return coefficient and value

    def on_line(form: Any) -> Any:
        return lambda *given: form(*given[:-1], np.stack([given[-1][0], np.full_like(given[-1][0], w)]))

    terms = [t for t in whole.terms if t.into == field and not transports_in_w(t, field)]
    line = WeakForm(
        unknowns=(Field(field), Scalar(rate, algebraic="flux", of=field, over="firing")),
        terms=tuple(replace(t, form=on_line(t.form), coefficient=at_w(t.coefficient)) for t in terms),
        points=whole.points,
    )
    return Flow(model, line, where=f" on the line w = {w:.6g}")


def _what_is_not_finite(model: Any, coefficient: Any, s: SimpleNamespace, m: Any) -> str:
    """Names the parameter that makes a coefficient inf or NaN: the function among those it calls that is not finite."""
    kind, found = type(model).__name__, []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            value = getattr(m, name)
            if not callable(value):
                return value

            def watched(x: Any) -> Any:
                answer = value(x)
                if not np.isfinite(answer).all():
                    found.append(f"{kind}: {name}({np.ravel(x)[0]:.6g}) = {np.ravel(answer)[0]}")
                return answer

            return watched

    coefficient(s, Watched())
    where = found[0] if found else f"{kind}: a coefficient is not finite at w = {s.w[0]:.6g}"
    return f"{where}; allowed are finite values"
