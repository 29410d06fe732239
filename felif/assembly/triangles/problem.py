"""The Problem over v and w on triangles: M dp/dt = F(p), the part in v implicit, transport in w explicit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from skfem.mesh import MeshTri
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTri

from ...algebra import Band, gauss
from ...given.identity import is_own
from ...given.parameters import Parameters, parameters_of, with_parameters
from ...given.portable import require_portable
from ...given.text import model_text
from ...meshing.strip import triangles
from ...problem import FieldValue, PlaneField, State
from ...spaces import DrawingPoints, over_triangles
from ..splitting import conserving
from . import refinement
from .assembled import TriangleMesh
from .implicit import ImplicitPart, factored
from .initial import initial_on_triangles
from .operator import TriangleOperator
from .over_triangles import OverTriangles
from .space import modes, nodes, shapes
from .trace import LineIntegrals, full_lines
from .transfer import transfer
from .tuning import REFINEMENT


class OnTriangles(OverTriangles):
    """A model over v and w on a triangle mesh. Immutable: `at` returns another one.

    y holds, triangle by triangle, the coefficients of the orthonormal basis (the mean first), so M is diagonal. N(w) is
    a polynomial on every edge of v = V_F; C(w) = int p dv is integrated exactly.
    """

    default_scheme = "ARK43"
    no_rate = np.nan  # a run that cannot start has a first row nevertheless
    _meshes = refinement

    def __init__(self, assembled: TriangleMesh, model: Any) -> None:
        self._assembled, self.model = assembled, model
        self.mesh = assembled.mesh
        self.space, self.tol = assembled.space, assembled.tol
        self.operator: TriangleOperator = assembled.operator
        self.cells, self.coarsest = assembled.cells, assembled.coarsest  # corners of the triangles, (cells, 3, 2)
        self.degree, self.size = assembled.space.degree, self.operator.size
        self.w_min, self.w_max = float(model.w_min), float(model.w_max)
        self._number = modes(self.degree)
        self.area = self.operator.area
        self._diagonal = np.repeat(self.area, self._number)
        self.mass = Band.diagonal(self._diagonal)
        weights = np.zeros(self.size)
        weights[:: self._number] = self.area
        self.quantities = {"mass": weights}
        self._named(assembled.weak_form, self.operator.line, tuple(self.operator.integrals), weights)
        self.parameters: Parameters = parameters_of(model)
        self._limits = self.space.positive and not self.lines_stay
        self._memory: tuple[bytes, tuple] = (b"", ())

    def __reduce__(self) -> tuple[Any, ...]:
        require_portable(type(self.model).__name__, model=self.model)
        return OnTriangles, (self._assembled, self.model)

    # parameters -------------------------------------------------------------------------------------------------

    def at(self, **parameters: Any) -> OnTriangles:
        """With other parameters; assembled again for a user's coefficients, which may hold the model. See `rebuilt`."""
        model = with_parameters(self.model, parameters)
        own = all(t.coefficient is None or is_own(t.coefficient) for t in self.weak_form.terms)
        return OnTriangles(self._assembled if own else self._assembled.on_mesh(model, self.mesh), model)

    def rebuilt(self, **parameters: Any) -> OnTriangles:
        """Discretised again with other parameters. Raises ValueError where a mesh that was given does not fit them."""
        model = dataclasses.replace(self.model, **parameters)
        return self._assembled.again(model, None if self.tol is not None else self.mesh, self.space, self.tol)

    def on_cells(self, cells: np.ndarray) -> OnTriangles:
        """The same model and space on other triangles, corners (cells, 3, 2)."""
        return self.on_mesh(triangles(cells, self.model))

    def on_mesh(self, mesh: MeshTri) -> OnTriangles:
        """The same model and space on another tagged mesh."""
        return OnTriangles(self._assembled.on_mesh(self.model, mesh), self.model)

    def mesh_arrays(self) -> dict[str, np.ndarray]:
        """What `on_arrays` makes this mesh from, for a run folder."""
        return {"cells": self.cells, "coarsest": self.coarsest}

    def on_arrays(self, arrays: Mapping[str, np.ndarray]) -> OnTriangles:
        """This problem on the mesh that `mesh_arrays` described."""
        return self.on_cells(arrays["cells"])

    initial_state = initial_on_triangles  # (start) -> (problem, y, compatible)

    # scalars ----------------------------------------------------------------------------------------------------

    def _solved(self, y: np.ndarray) -> tuple:
        key = y.tobytes()
        if self._memory[0] != key:
            self._memory = (key, self.operator.solve(y, self.parameters))
        return self._memory[1]

    def scalars(self, t: float, y: np.ndarray) -> np.ndarray:
        """Values of `scalar_names`: Nbar."""
        s, _ = self._solved(y)
        return np.array([getattr(s, name) for name in self.scalar_names])

    def scalar_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """d(scalars)/dy, shape (scalars, size), what the drift makes of it included."""
        s, _ = self._solved(y)
        return self.operator.scalar_gradient(y, s, self.parameters)

    def margin(self, t: float, y: np.ndarray) -> float:
        """det(1 - df/ds), s = f(s) the equation of the scalars: positive where it has one solution near by."""
        return self.operator.firing.margin(y, self._solved(y)[0], self.parameters)

    # the system -------------------------------------------------------------------------------------------------

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y), shape (size,)."""
        return self.operator.rate(y, self.parameters)

    def implicit_part(self, t: float, y: np.ndarray) -> ImplicitPart:
        """Drift, noise, firing and reset at the Nbar of y, and its changes to first order."""
        return ImplicitPart(self, y)

    def step_limit(self, t: float, y: np.ndarray) -> float:
        """1 / (bound on the spectral radius of transport in w)."""
        radius = self.operator.explicit_rate(y, self.parameters)
        return 1.0 / radius if radius > 0 else np.inf

    def starting(self, y: np.ndarray) -> np.ndarray:
        """What a step starts from: y, or `shown(y)` with the option `positive` (without learning y: C(w) stays)."""
        return self.shown(y) if self._limits else y

    def shown(self, y: np.ndarray) -> np.ndarray:
        """y as p is shown, nonnegative, see `triangles.limiter`; y itself where it is."""
        return self._assembled.limiter.nonnegative(y)

    # looking at a state -----------------------------------------------------------------------------------------

    def observe(self, t: float, y: np.ndarray) -> dict[str, float]:
        """Nbar, mass, conserved quantities, lower bounds of p as shown and as it evolves, variation of C."""
        evolving, (name,), lowest = self.starting(y), self.field_names, self._assembled.limiter.lowest
        row = self._observed(t, y, self._assembled.rows @ evolving, self.quantities | self.conserved)
        return row | {f"min_{name}": lowest(self.shown(y)), f"evolving_min_{name}": lowest(evolving)}

    def nodal(self, y: np.ndarray) -> np.ndarray:
        """Values at equidistant nodes of every triangle, corners included, shape (cells, nodes)."""
        values, _ = shapes(self.degree, nodes(self.degree))
        return np.maximum(self.shown(y).reshape(-1, self._number) @ values, 0.0)  # below is rounding

    nodes = property(lambda self: self.places(nodes(self.degree)))  # (v, w) of those of `nodal`, (2, cells, nodes)

    def places(self, X: np.ndarray) -> np.ndarray:
        """Where points X (2, n) of the reference triangle lie in every triangle, shape (2, cells, n)."""
        corners = self.cells
        barycentric = np.array([1 - X[0] - X[1], X[0], X[1]])
        return np.einsum("csd,sn->dcn", corners, barycentric)

    def _density(self, y: np.ndarray) -> PlaneField:
        X, W = get_quadrature(RefTri, 2 * self.degree)
        values, _ = shapes(self.degree, X)
        return PlaneField(
            self.places(X).reshape(2, -1),
            np.maximum(self.shown(y).reshape(-1, self._number) @ values, 0.0).ravel(),
            lambda v, w: self.evaluate(y, v, w),
            (self.area[:, None] * (2 * W)).ravel(),
        )

    def evaluate(self, y: np.ndarray, v: np.ndarray, w: np.ndarray) -> np.ndarray:
        """p at points v, w of the same shape; zero outside the mesh. On an edge: of one of its triangles."""
        v, w = np.broadcast_arrays(np.asarray(v, float), np.asarray(w, float))
        cell, X = self._assembled.locator(np.array([v.ravel(), w.ravel()]))
        values, _ = shapes(self.degree, X)
        result = np.einsum("ip,pi->p", values, self.shown(y).reshape(-1, self._number)[cell])
        return np.where(cell >= 0, np.maximum(result, 0.0), 0.0).reshape(v.shape)

    def drawing_points(self) -> DrawingPoints:
        """Where p is drawn: every triangle by itself."""
        return over_triangles(("v", "w"), self.cells, self.degree)

    def _C(self, t: float, y: np.ndarray) -> FieldValue:
        at, y = self.integrals, self.starting(y)
        return FieldValue(at.nodes, at.matrix @ y, lambda w: self._within(w, at.at, y), at.weights)

    def _N(self, t: float, y: np.ndarray) -> FieldValue:
        trace, values = self.operator.trace, self._solved(y)[1]
        at = lambda w: self._within(w, trace.at, values)
        return FieldValue(trace.points[1], trace.at_points @ values, at, trace.dx)

    def _within(self, w: np.ndarray, rows: Any, values: np.ndarray) -> np.ndarray:
        inside = (w >= self.w_min) & (w <= self.w_max)
        return np.where(inside, rows(np.clip(w, self.w_min, self.w_max)) @ values, 0.0)

    # other meshes -----------------------------------------------------------------------------------------------

    def received(self, state: State) -> np.ndarray:
        """The unknowns of a state of other triangles on these: the L2 projection, the mass to rounding."""
        old = state.problem
        return conserving(old, self, state.y, transfer(old.cells, self.cells, old.degree, self.degree, state.y))

    def resumed(self, state: State) -> np.ndarray:
        """y of other triangles on these as a run goes on with it: (M - tau A) y is projected, A drift, noise and reset.

        What p is at V_F, and how it jumps between triangles, belongs to their size: on other triangles it would
        diffuse away, and N show it for as long. A y is as smooth as dp/dt; mass and C(w) are kept as by the projection.
        """
        old, y = state.problem, state.y
        s, _ = old._solved(y)
        change = (old.operator.implicit(s, self.parameters) @ y) / old.mass.data[0]
        density = self.received(State(old, state.t, y - REFINEMENT.settling * change))
        matrix = sparse.diags(self.mass.data[0]) - REFINEMENT.settling * self.operator.implicit(s, self.parameters)
        settled = factored(matrix.tocsc()).solve(self.operator.threshold.closed(self.mass.data[0] * density))
        return conserving(old, self, y, settled)

    @cached_property
    def lines_stay(self) -> bool:
        """Whether nothing moves in w, so that C(w) stays as it is."""
        return self.operator.lines_stay(self.parameters)

    def lines_at_start(self, y: np.ndarray) -> Any:
        """What `line_drift` compares with, of the state that a run begins with."""
        return self.integrals.by_rows(full_lines(self.coarsest)) @ y

    def line_drift(self, start: Any, states: np.ndarray) -> float:
        """Largest int |C(w, t) - C(w, 0)| dw of some states, C projected on polynomials between full lines of edges.

        `start`: `lines_at_start` of the first problem of a run.
        """
        levels = full_lines(self.coarsest)
        _, weights = gauss(self.degree + 1)
        widths = (np.diff(levels)[:, None] * weights).ravel()
        rows = self.integrals.by_rows(levels)
        return max((float(widths @ np.abs(rows @ y - start)) for y in states), default=0.0)

    @property
    def integrals(self) -> LineIntegrals:
        """int p dv as functions of w."""
        return self._assembled.integrals

    @cached_property
    def described_mesh(self) -> dict[str, Any]:
        """What run.json says about the mesh."""
        v, sides = self.mesh.p[0], np.ptp(self.cells, axis=1)
        return {
            "cells": len(self.cells),
            "v_min": float(v.min()),
            "v_max": self.top,
            "w_min": self.w_min,
            "w_max": self.w_max,
            "narrowest_in_v": float(sides[:, 0].min()),
            "narrowest_in_w": float(sides[:, 1].min()),
            "degree": self.degree,
            "unknowns": self.size,
        }

    def __repr__(self) -> str:
        v = self.mesh.p[0]
        lines = [
            f"Problem: {model_text(self.model)}",
            f"  unknowns   {', '.join((*self.field_names, *self.line_names, *self.scalar_names))}   "
            f"({self.size} degrees of freedom)",
            "  terms      " + ", ".join(f"{t.name} -> {t.into}" for t in self.weak_form.terms),
            f"  space      {self.space} on {len(self.cells)} triangles of [{v.min():g}, {self.top:g}] x "
            f"[{self.w_min:g}, {self.w_max:g}]" + ("" if self.tol is None else f", tol={self.tol:g}"),
            f"  conserved  {', '.join(self.conserved)}",
        ]
        return "\n".join(lines)
