"""The Problem that `discretize` makes of equations: M dy/dt = F(t, y), what is algebraic eliminated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from ..given.inputs import input_value
from ..problem import FieldValue, Infeasible
from ..spaces import Line
from ..weakform import Equations, Given
from . import changes, looking, positive, reach, rest, resting, transport
from . import condensed as core
from .at_points import at_points
from .constraint import Constraint, require_conditions
from .layout import Layout
from .on_axes import OnAxes
from .operator import Operator, is_empty, restricted
from .pieces import Builder
from .reuse import take
from .schur import Schur

Past = Callable[[str, float], float]


class System(OnAxes):
    """Equations of a model on elements along its axes. Immutable: `at`, `on_lines` and `with_history` return another.

    y holds the nodal values of what evolves, densities first; z, what equals or holds, is solved for at every state.
    """

    def __init__(
        self,
        model: Any,
        equations: Equations,
        lines: Mapping[str, Line],
        space: Any,
        tol: float | None,
        again: Callable[..., System],
        history: Past | None = None,
        like: System | None = None,
    ) -> None:
        """`again`: (model, mesh, space, tol) -> the system anew; `like`: one of the same mesh, history and unknowns."""
        self.again = again
        self.model, self.equations, self.lines, self.space, self.tol = model, equations, dict(lines), space, tol
        self.history = history
        self._memory: tuple[Any, dict[str, Any]] = (None, {})
        if like is None or not take(self, like):
            self.layout = Layout(equations, lines, history is not None)
            self.size = self.layout.n_y
            looking.measure(self)

    # assembled when first asked for: on many meshes nothing is asked but where unknowns stand

    @cached_property
    def pieces(self) -> list[Any]:
        """The terms as matrices on the rows of y and z."""
        layout = self.layout
        pieces = Builder(self.equations, self.lines, layout.places, layout.size, self.model).pieces()
        layout.select(*resting.heard_and_emptied(layout, pieces, self.model), resting.lags(self.equations, self.model))
        if layout.is_everything:
            return pieces
        return [p for piece in pieces if not is_empty(p := restricted(piece, layout.rows, layout.selection))]

    @property
    def selected(self) -> Layout:
        """The layout, once it is known which inputs from the past are heard."""
        _ = self.pieces
        return self.layout

    @cached_property
    def _algebraic(self) -> dict[int, Any]:
        """{number of a piece: its rows of z}."""
        below = np.arange(self.size, self.size + self.layout.n_z)
        rows = [restricted(piece, below) for piece in self.pieces]
        return {k: piece for k, piece in enumerate(rows) if not is_empty(piece)}

    @cached_property
    def _operator(self) -> Operator:
        pieces, layout = self.pieces, self.layout
        return Operator(pieces, layout.n_y + layout.n_z, len(layout.columns), self.model, self._own)

    _known: Operator | None = None  # that of a constraint of other parameters

    @cached_property
    def constraint(self) -> Constraint:
        """The equations of what is algebraic."""
        n_y, n_z, columns = self.layout.n_y, self.layout.n_z, len(self.layout.columns)
        operator = Operator([*self._algebraic.values()], n_z, columns, self.model, self._own[n_y:], self._known)
        return Constraint(operator, ", ".join(u.name for u in self.layout.algebraic), n_y, n_z)

    @cached_property
    def _own(self) -> Any:
        """-z of what equals its terms, tested as they are."""
        layout = self.layout
        columns = len(layout.columns)
        rows, values = [], []
        for u in layout.algebraic:
            if u.kind == "equals":
                rows.append(layout.position[layout.indices(u.name)])
                values.append(-layout.weights(u.name))
        at = np.concatenate([np.zeros(0, int), *rows])
        return sparse.csr_matrix((np.concatenate([np.zeros(0), *values]), (at, at)), (layout.n_y + layout.n_z, columns))

    functionals, kept = cached_property(looking.functionals), cached_property(looking.kept)
    quantities, conserved = cached_property(looking.quantities), cached_property(looking.conserved)
    recorded, conserved_rows = cached_property(looking.recorded), cached_property(looking.conserved_rows)

    # parameters and meshes --------------------------------------------------------------------------------------

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """Numbers that `at` may change, in the order of the model."""
        from ..given.parameters import changeable

        return changeable(self.model)

    def at(self, **parameters: Any) -> System:
        """The same meshes with other parameters. Raises ValueError for unknown ones and those that shape the mesh."""
        from ..given.parameters import with_parameters

        return self.with_model(with_parameters(self.model, parameters))

    def with_model(self, model: Any) -> System:
        """The same meshes for a model of the same unknowns, such as one whose parameters are arrays."""
        return System(model, model.equations(), self.lines, self.space, self.tol, self.again, self.history, self)

    def on_lines(self, lines: Mapping[str, Line]) -> System:
        """The same model on other elements."""
        lines = {**self.lines, **lines}
        return System(self.model, self.equations, lines, self.space, self.tol, self.again, self.history)

    def with_history(self, history: Past | None) -> System:
        """The same problem with a past, history(name, t); None: what is delayed is what is now, as at rest."""
        return System(self.model, self.equations, self.lines, self.space, self.tol, self.again, history)

    delays, held = cached_property(resting.delays_of), cached_property(resting.held_of)
    relaxing, relaxed = cached_property(rest.relaxing_of), rest.relaxed
    slopes, jumps = cached_property(resting.slopes_of), cached_property(looking.jumps)
    rate_names = cached_property(looking.rate_names)

    @cached_property
    def driven(self) -> dict[str, Any]:
        """Parameters that are functions of time, by name."""
        given = [i for i in self.equations.inputs if isinstance(i, Given)]
        return {i.parameter: value for i in given if callable(value := getattr(self.model, i.parameter))}

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Times at which inputs are known to jump."""
        return tuple(sorted({t for f in self.driven.values() for t in getattr(f, "breakpoints", ())}))

    nonnegative = ()
    frozen_parts, frozen = positive.frozen_parts, positive.frozen
    coarser, on_cells, enriched, rebuilt = changes.coarser, changes.on_cells, changes.enriched, changes.rebuilt
    mesh_arrays, on_arrays = changes.mesh_arrays, changes.on_arrays
    adapted, carried, received = changes.adapted, changes.carried, changes.received
    met = cached_property(transport.met)
    __reduce__ = changes.reduced
    parameter_derivative, time_derivative = changes.parameter_derivative, changes.time_derivative
    condensed, input_functions = cached_property(core.condensed), property(core.input_functions)
    observed, scalar_values, input_derivative = looking.observed, core.scalar_values, changes.input_derivative
    at_points = at_points  # see `Problem`
    observe, as_data, symmetry = looking.observe, looking.as_data, looking.symmetry
    beyond = looking.beyond
    largest_and_lowest, described_mesh = looking.largest_and_lowest, property(looking.described_mesh)
    __repr__ = looking.described

    @property
    def degree(self) -> int:
        """Of the elements along every axis."""
        return max((line.degree for line in self.lines.values()), default=0)

    # the system -------------------------------------------------------------------------------------------------

    _late = cached_property(resting.heard_late)

    def _inputs(self, t: float, X: np.ndarray) -> None:
        """Fills in the inputs."""
        layout, (late, unheard) = self.layout, self._late
        for given in (given for given in layout.inputs if isinstance(given, Given)):
            value = getattr(self.model, given.parameter)
            value = input_value(given.parameter, value, t) if callable(value) else value
            X[layout.position[layout.indices(given.name)]] = value
        X[unheard] = 0.0
        for place, name, lag in late:
            X[place] = self.history(name, t - lag)

    def _point(self, t: float, y: np.ndarray) -> dict[str, Any]:
        """What is known of the last point looked at: an integrator asks several questions there."""
        key = (t, y.tobytes())
        if self._memory[0] != key:
            X = np.zeros(len(self.layout.columns))
            X[: self.size] = y
            self._inputs(t, X)
            solved, margin = self.constraint.solve(X)
            require_conditions(self.equations, self.layout, self.model, solved)
            self._memory = (key, {"X": solved, "margin": margin})
        return self._memory[1]

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y), shape (size,). Raises Infeasible."""
        return self._residual(t, y)[: self.size]

    def _residual(self, t: float, y: np.ndarray) -> np.ndarray:
        point = self._point(t, y)
        if "R" not in point:
            point["R"] = self._operator.residual(point["X"])
        return point["R"]

    def constraint_residual(self, t: float, y: np.ndarray) -> tuple[np.ndarray, float]:
        """(g at the algebraic unknowns of y, the size of its largest parts)."""
        X = self._point(t, y)["X"]
        g = self.constraint.operator.residual(X)
        return g, float(abs(self.constraint.matrix(X)).max() * np.abs(X).max() + 1e-300) if len(g) else 1.0

    def _schur(self, t: float, y: np.ndarray) -> Any:
        point = self._point(t, y)
        if "schur" not in point:
            X = point["X"]
            point["schur"] = self._structure.at(self._operator.jacobian(X), lambda: self.constraint.factors(X))
        return point["schur"]

    @cached_property
    def _structure(self) -> Schur:
        layout = self.layout
        return Schur(self._operator.pattern, layout.n_y, layout.n_z, layout.n_in, layout.n_fields or layout.n_y)

    def jacobian(self, t: float, y: np.ndarray) -> Any:
        """dF/dy, the algebraic unknowns eliminated: a band plus a few columns, or sparse blocks. Raises Infeasible."""
        return self._schur(t, y).jacobian

    def scalars(self, t: float, y: np.ndarray) -> np.ndarray:
        """Values of `scalar_names`. Raises Infeasible."""
        return self._point(t, y)["X"][self._scalar_places]

    def scalar_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """d(scalars)/dy, shape (scalars, size)."""
        return self._schur(t, y).gradient(self._scalar_places)

    def scalar_changes(self, t: float, y: np.ndarray) -> Any:
        """What a change of y is multiplied with to see that of the scalars: their gradient, or what does as much."""
        return looking.scalar_changes(self, t, y)

    def group(self, name: str, t: float, y: np.ndarray) -> np.ndarray:
        """The values of a function of indices, in its shape."""
        shape, places = self.groups[name]
        return np.where(places >= 0, self._point(t, y)["X"][places], 0.0).reshape(shape)

    def margin(self, t: float, y: np.ndarray) -> float:
        """det(-g_z) over that of an empty network: falls to 0 at blow-up; 0 where no solution exists."""
        try:
            return self._point(t, y)["margin"]
        except Infeasible:
            return 0.0

    @property
    def positive(self) -> bool:
        """Whether backward Euler keeps densities >= 0 (`systems.positive`)."""
        return self.space.degree == 1

    @property
    def missed(self) -> float:
        """Halved cells, which keep densities >= 0, leave a quarter of an error of order 2."""
        return 4 / 3 if self.positive else 1.0

    @property
    def default_scheme(self) -> str:
        """Backward Euler where it keeps densities >= 0."""
        return "BackwardEuler" if self.positive else "Rodas5P"

    def cut_off(self, t: float, y: np.ndarray) -> np.ndarray:
        """0 of every conserved quantity: the space that `enriched` offers reaches further instead."""
        return np.zeros(len(self.conserved))

    def cut_off_modes(self, t: float, y: np.ndarray, values: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """0 of every mode: the space that `enriched` offers reaches further instead."""
        return np.zeros(len(values))

    starts, spreads = rest.starts, reach.spreads  # see `Problem`

    @property
    def totals(self) -> np.ndarray:
        """What is conserved, as the model says it is at the start, or 1."""
        return rest.totals_of(self)

    def frozen_at(self, t: float, numbers: np.ndarray) -> Any:
        """A with F = A y where every coefficient reads `numbers` (all numbers, in the order of (y, z)) and y = 0."""
        X = np.zeros(len(self.layout.columns))
        X[self.layout.n_fields : self.size + self.layout.n_z] = numbers
        self._inputs(t, X)
        return self._structure.at(self._operator.jacobian(X, frozen=True)).jacobian

    # looking at a state -----------------------------------------------------------------------------------------

    def full(self, name: str, y: np.ndarray) -> np.ndarray:
        """All nodal values of an unknown that evolves, zeros where it is held included, in its shape."""
        at = self.layout.position[self.layout.indices(name)]
        return np.where(at >= 0, y[at], 0.0).reshape(self.layout.shapes[name])

    def field(self, name: str, y: np.ndarray) -> Any:
        """The named density as a function of its axes; one over an index: a tuple of functions, one an entry."""
        from .values import field_value

        return field_value(self, name, self.full(name, y))

    def line(self, name: str, t: float, y: np.ndarray) -> FieldValue:
        """An algebraic function of one axis, such as N(w)."""
        from .values import field_value

        layout = self.layout
        values = self._point(t, y)["X"][layout.position[layout.indices(name)]]
        return field_value(self, name, values.reshape(layout.shapes[name]))

    drawing_points = looking.drawing_points

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the algebraic unknowns that are functions of an axis."""
        return tuple(u.name for u in self.layout.algebraic if self.equations.lines(u))

    # other meshes, see `systems.changes` --------------------------------------------------------------------------

    def initial_state(self, start: Any) -> tuple[System, np.ndarray, bool]:
        """(problem, y, compatible) for initial data, see `systems.initial`."""
        from .initial import initial_state

        return initial_state(self, start)

    def extended(self, t: float, y: np.ndarray, mass: float | None = None) -> tuple[System, np.ndarray] | None:
        """On a mesh that cuts off less than `mass` of a density at rest; None: this one does, or the user chose it."""
        return None if self.tol is None or mass is None else changes.extended(self, y, mass)
