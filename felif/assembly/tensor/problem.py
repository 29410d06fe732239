"""The Problem over (v, w) on the tensor path: nodes in v times nodes in w, M dp/dt = lines + transport across them.

The unknowns are p at (v-node, w-node), w innermost: shape (n_v, n_w), without the node on V_F, where p = 0. N(w) and
Nbar are functionals of p (see `tensor.line_forms`); the lines are implicit with Nbar frozen, transport in w is explicit
(`evolution.additive`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from ...algebra import Band
from ...given.parameters import with_parameters
from ...given.portable import require_portable
from ...given.text import model_text
from ...problem import FieldValue, Infeasible, PlaneField
from ...spaces import DrawingPoints, over_rectangles
from . import cells_in_w, initial, stationary
from .implicit import FrozenLines
from .line_forms import Activity, LineForms
from .mending import Mender
from .over_lines import OverLines
from .spaces import Axis, Tensor, evaluate_plane
from .transport import Transport


def _copied(
    model: Any, mesh: Any, w_cells: np.ndarray, space: Tensor, tol: float | None, base: np.ndarray, again: Callable
) -> TensorProblem:
    return TensorProblem(LineForms(model, mesh, space.v), Axis(w_cells, space.w), space, tol, base, again)


class TensorProblem(OverLines):
    """A model over (v, w) on lines. Immutable: `at`, `on_cells` and `rebuilt` return another one."""

    _meshes = cells_in_w

    def __init__(
        self, forms: LineForms, axis: Axis, space: Tensor, tol: float | None, base: np.ndarray, again: Callable
    ) -> None:
        """`base`: the cells of w that the problem was made with; no mesh of evolve is coarser.

        `again`: (model, mesh, space, tol) -> the problem discretised anew.
        """
        self.again = again
        self.forms, self.axis, self.space, self.tol, self.base = forms, axis, space, tol, base
        self.model = forms.model
        self.mesh, self.cells, self.widths = forms.mesh, forms.cells, np.diff(forms.cells)
        self.nodes, self.degree = forms.nodes, forms.degree
        self.w_cells, self.w_nodes = axis.cells, axis.nodes
        self.shape = (len(forms.weights), axis.size)
        self.size = self.shape[0] * self.shape[1]
        self.v_weights, self.w_weights = forms.weights, axis.weights
        self.mass = Band.diagonal(np.outer(self.v_weights, self.w_weights).ravel())
        self._named(forms.weak_form, forms.rate_name, (forms.total_name,), self.mass.data[0])
        self.transport = Transport(forms, axis)
        self.total_weights = axis.weights * forms.total_weights(axis.nodes)
        self._memory: tuple[Any, Any] = (None, None)
        self.default_scheme = "BackwardEuler" if space.positive else "ARK43"

    def __reduce__(self) -> tuple[Any, ...]:
        require_portable(type(self.model).__name__, model=self.model)
        made = (self.model, self.mesh, self.w_cells, self.space, self.tol, self.base, self.again)
        return _copied, made

    # parameters and meshes --------------------------------------------------------------------------------------

    def at(self, **parameters: Any) -> TensorProblem:
        """The same meshes with other parameters. Raises ValueError for unknown ones and those that shape the mesh."""
        forms = LineForms(with_parameters(self.model, parameters), self.mesh, self.space.v)
        return TensorProblem(forms, self.axis, self.space, self.tol, self.base, self.again)

    def rebuilt(self, **parameters: Any) -> TensorProblem:
        """Discretised again with other parameters, those that shape the mesh included."""
        model = dataclasses.replace(self.model, **parameters)
        mesh = None if self.tol is not None else (self.mesh, self.base)
        return self.again(model, mesh, self.space, self.tol)

    def on_cells(self, cells: np.ndarray | None = None, w_cells: np.ndarray | None = None) -> TensorProblem:
        """The same model and space on other cells of v, of w, or of both."""
        forms, axis = self.forms, self.axis
        if cells is not None and not np.array_equal(cells, self.cells):
            forms = self.forms.on_cells(cells)
        if w_cells is not None and not np.array_equal(w_cells, axis.cells):
            axis = Axis(w_cells, self.space.w)
        return TensorProblem(forms, axis, self.space, self.tol, self.base, self.again)

    def mesh_arrays(self) -> dict[str, np.ndarray]:
        """What `on_arrays` makes this mesh from, for a run folder."""
        return {"cells": self.cells, "w_cells": self.w_cells, "base": self.base}

    def on_arrays(self, arrays: Mapping[str, np.ndarray]) -> TensorProblem:
        """This problem on the mesh that `mesh_arrays` described."""
        return self.on_cells(arrays["cells"], arrays["w_cells"])

    @property
    def driven(self) -> Mapping[str, Any]:
        """Parameters that are functions of time, by name."""
        values = {i.parameter: getattr(self.model, i.parameter) for i in self.weak_form.inputs}
        return {name: value for name, value in values.items() if callable(value)}

    # scalars ----------------------------------------------------------------------------------------------------

    def plane(self, y: np.ndarray) -> np.ndarray:
        """y as p[v-node, w-node]."""
        return y.reshape(self.shape)

    def activity(self, t: float, y: np.ndarray) -> Activity:
        """What the lines fire; an integrator asks several times at one point, which is known by what N is made of."""
        tail = self.plane(y)[self.shape[0] - self.forms.tail :]
        key = (t, tail.tobytes())
        if self._memory[0] != key:
            self._memory = (key, self.forms.solve_total(t, self.w_nodes, self.total_weights, tail))
        return self._memory[1]

    def scalars(self, t: float, y: np.ndarray) -> np.ndarray:
        """[Nbar]. Raises Infeasible where no rate exists."""
        return np.array([self.activity(t, y).Nbar])

    def scalar_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """dNbar/dy, shape (1, size)."""
        gradient, tail = np.zeros((1, self.size)), self.total_gradient(t, y)
        gradient[0, self.size - tail.size :] = tail
        return gradient

    def total_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """dNbar/dy of the last unknowns, on which alone it depends."""
        activity = self.activity(t, y)
        return (activity.rows * self.total_weights / activity.slope).ravel()

    def margin(self, t: float, y: np.ndarray) -> float:
        """1 - dg/dNbar with Nbar = g(Nbar) at this state; 0 where no rate exists."""
        try:
            return self.activity(t, y).slope
        except Infeasible:
            return 0.0

    # the system -------------------------------------------------------------------------------------------------

    def rates(self, t: float, y: np.ndarray) -> tuple[np.ndarray, float]:
        """(N at the w-nodes, Nbar)."""
        activity = self.activity(t, y)
        return activity.N, activity.Nbar

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y), shape (size,)."""
        part = self.implicit_part(t, y)
        return part @ y + part.remainder(t, y)

    def implicit_part(self, t: float, y: np.ndarray) -> FrozenLines:
        """L: drift, noise and reset on the lines, with Nbar as it is at y and its changes to first order."""
        return FrozenLines(self, t, y)

    def step_limit(self, t: float, y: np.ndarray) -> float:
        """1 / (spectral radius of transport across the lines)."""
        N, Nbar = self.rates(t, y)
        return self.transport.step_limit(t, N, Nbar)

    def limited(self, y: np.ndarray) -> np.ndarray:
        """y with polynomials in w that fall below zero mended (`tensor.mending`); y itself where none does.

        Keeps the mean of every cell on every line v = const, and the order of accuracy. Where C(w) stays so does y.
        Source: X. Zhang, C.-W. Shu, J. Comput. Phys. 229 (2010) 3091-3120.
        """
        return y if self.lines_stay else self.mender.mended(self.plane(y)).reshape(-1)

    # looking at a state -----------------------------------------------------------------------------------------

    def observe(self, t: float, y: np.ndarray) -> dict[str, float]:
        """Nbar, mass, smallest value of p at nodes and between, total variation of C."""
        row = self._observed(t, y, self.connectivity(y), self.conserved)
        return row | {f"min_{self.field_names[0]}": self.mender.smallest(self.plane(y))}

    def connectivity(self, y: np.ndarray) -> np.ndarray:
        """C(w) = int p dv at the w-nodes."""
        return self.v_weights @ self.plane(y)

    def _C(self, t: float, y: np.ndarray) -> FieldValue:
        return self._along_w(self.connectivity(y))

    def _N(self, t: float, y: np.ndarray) -> FieldValue:
        return self._along_w(self.rates(t, y)[0])

    def _along_w(self, values: np.ndarray) -> FieldValue:
        return FieldValue(self.w_nodes, values, lambda w: self.axis.evaluate(values, w), self.w_weights)

    def _density(self, y: np.ndarray) -> PlaneField:
        p = self.plane(y)
        full = np.concatenate([p, np.zeros((1, self.shape[1]))])

        def evaluate(v: np.ndarray, w: np.ndarray) -> np.ndarray:
            return evaluate_plane(self.cells, self.degree, self.axis, full, v, w)

        nodes = np.array(np.meshgrid(self.nodes, self.w_nodes, indexing="ij")).reshape(2, -1)
        return PlaneField(nodes, full.ravel(), evaluate, np.outer(self.forms.all_weights, self.w_weights).ravel())

    def drawing_points(self) -> DrawingPoints:
        """Where p is drawn: every rectangle by itself."""
        return over_rectangles(("v", "w"), (self.cells, self.w_cells), (self.degree, self.space.w.degree))

    def initial_state(self, start: Any) -> tuple[TensorProblem, np.ndarray, bool]:
        """(problem, y, compatible) for initial data, see `initial`."""
        return initial.initial_state(self, start)

    # lines at rest, see `tensor.stationary` ---------------------------------------------------------------------------

    def stationary(self, t: float, Nbar: float, C: np.ndarray) -> np.ndarray:
        """y with every line at rest at this total activity, and masses C. Raises SingularMatrix."""
        return stationary.stationary(self, t, Nbar, C)

    def stationary_total(self, t: float, Nbar: float, C: np.ndarray) -> float:
        """What such lines fire together."""
        return stationary.stationary_total(self, t, Nbar, C)

    def line_matrices(self, t: float, y: np.ndarray) -> np.ndarray:
        """M_v^-1 A of every line at the activity of y, shape (n_w, n_v, n_v)."""
        return stationary.line_matrices(self, self.implicit_part(t, y).lines)

    def coupling(self, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(dF/dNbar, dNbar/dy) at y, each of shape (size,)."""
        change = self.forms.slope(self.activity(t, y), self.plane(y), self.w_weights)
        change = np.zeros(self.shape) if change is None else change
        return change.ravel(), self.scalar_gradient(t, y)[0]

    def with_connectivity(self, C: Any) -> tuple[TensorProblem, np.ndarray]:
        """(problem, C at its w-nodes) on cells of w that resolve C. Raises ValueError."""
        return stationary.with_connectivity(self, C)

    def cut_off_lines(self, y: np.ndarray) -> float:
        """Part of the mass that y, continued as it decays there, has below the mesh."""
        first, second = np.maximum(self.plane(y)[:2], 1e-300) @ self.w_weights
        length = (self.nodes[1] - self.nodes[0]) / max(np.log(max(second / first, 1.0)), 1e-2)
        return float(first * length / (self.mass.data[0] @ y))

    def resolving(self, y: np.ndarray) -> TensorProblem | None:
        """The problem on cells of v that resolve y; None if these do."""
        return stationary.resolving(self, y)

    def enriched(self, y: np.ndarray, by: int = 2) -> tuple[TensorProblem, np.ndarray]:
        """(problem, y on it) in richer spaces on the same cells, for error estimates."""
        richer = stationary.enriched(self, by)
        return richer, cells_in_w.transferred(self, richer, y)

    @cached_property
    def mender(self) -> Mender:
        """What brings densities that fall below zero back."""
        return Mender(self.forms, self.axis)

    @cached_property
    def lines_stay(self) -> bool:
        """Whether nothing moves across the lines, so that C(w) stays as it is."""
        one = np.ones(len(self.w_nodes))
        return not any(speed.any() for speed in self.forms.speeds(0.0, self.w_nodes, one, 1.0))

    def lines_at_start(self, y: np.ndarray) -> Any:
        """What `line_drift` compares with, of the state that a run begins with."""
        return self, self.line("C", 0.0, y)

    def line_drift(self, start: Any, states: np.ndarray) -> float:
        """Largest int |C(w, t) - C(w, 0)| dw of some states; `start`: `lines_at_start` of the run."""
        first, C0 = start
        before = C0(self.w_nodes) if self is not first else C0.values
        return max((float(self.w_weights @ np.abs(self.connectivity(y) - before)) for y in states), default=0.0)

    @cached_property
    def described_mesh(self) -> dict[str, Any]:
        """What run.json says about the mesh."""
        return {
            "cells": len(self.widths),
            "v_min": self.cells[0],
            "v_max": self.cells[-1],
            "smallest_cell": self.widths.min(),
            "largest_cell": self.widths.max(),
            "degree": self.degree,
            "w_cells": self.axis.count,
            "w_min": self.w_cells[0],
            "w_max": self.w_cells[-1],
            "smallest_w_cell": self.axis.widths.min(),
            "w_degree": self.space.w.degree,
            "unknowns": self.size,
        }

    def __repr__(self) -> str:
        v, w = self.cells[[0, -1]], self.w_cells[[0, -1]]
        lines = [
            f"Problem: {model_text(self.model)}",
            f"  unknowns   {self.field_names[0]}, {', '.join(self.line_names)}, {self.scalar_names[0]}   "
            f"({self.shape[0]} x {self.shape[1]} = {self.size} degrees of freedom)",
            "  terms      " + ", ".join(f"{t.name} -> {t.into}" for t in self.weak_form.terms),
            f"  space      {self.space.v} on {len(self.widths)} cells of [{v[0]:g}, {v[1]:g}], "
            f"{self.space.w} on {self.axis.count} cells of [{w[0]:g}, {w[1]:g}]",
            f"  conserved  {', '.join(self.conserved) or 'nothing'}",
        ]
        if self.tol is not None:
            lines.append(f"  mesh       chosen from tol = {self.tol:g}; evolve adapts it in w")
        return "\n".join(lines)
