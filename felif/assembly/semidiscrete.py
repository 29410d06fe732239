"""The Problem that `discretize` makes: M dy/dt = F(t, y) with the firing rate eliminated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import spaces
from ..algebra import BandLowRank
from ..firing import at_threshold as facts
from ..firing import resting_neurons
from ..firing.advected import Arrivals
from ..firing.dilated import Dilated
from ..firing.over_v import OverV
from ..given.parameters import Parameters, changeable, parameters_of, with_parameters
from ..problem import FieldValue, Infeasible, State
from . import coarsen, condensed, conservation, linearised, observing, splitting, tails
from .at_points import at_points
from .at_rest import mesh_at_rest
from .automatic import Flow, choose_nodes
from .explicit import along
from .moments import exponential_moment
from .recut import over_potentials, recut, uncertainty, warn_where_wrong
from .scalars import Past, ScalarEquations
from .shared import describe
from .stored import mesh_arrays, on_arrays, reduced
from .watch import MeshWatch
from .weighted import adjoint_values, weighted_forms
from .widened import reached, truncation


class SemiDiscrete(OverV):
    """A model on a mesh. Immutable: `at` and `rebuilt` return another one.

    The algebraic scalars N solve g(N; y, t) = 0, one small system an evaluation; where every coefficient is affine in
    them this is N = f0.n / (1 - f1.n) with two constant rows f0, f1, and 1 - f1.n <= 0 is blow-up (Infeasible).
    """

    def __init__(self, assembled: Any, model: Any, history: Past | None = None) -> None:
        """`assembled` is an `Assembled` of discretize.py, shared by all problems that `at` makes from one."""
        self._assembled, self.model = assembled, model
        vars(self).update(assembled.shared)
        self.weak_form = assembled.weak_form
        self.marks = {"V_R": self.landings[0], "V_F": float(self.top)}
        self.held = {i.name: i.held for i in self.weak_form.inputs if i.held is not None}
        self.parameters: Parameters = parameters_of(model)  # `m`, as coefficients read them
        self.equations = ScalarEquations(model, assembled, self.parameters, history)
        self.operator, self._explicit, self.history = self.equations.operator, self.equations.explicit, history
        self.driven: Mapping[str, Any] = self.equations.driven  # parameters that are functions of time, by name
        self._memory: tuple = (None, {})

    # parameters -------------------------------------------------------------------------------------------------

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Numbers that `at` may change, in the order of the model."""
        return changeable(self.model)

    def at(self, **parameters: Any) -> SemiDiscrete:
        """The same discretisation with other parameters; nothing is assembled again.

        Raises ValueError for unknown parameters, those that shape forms or geometry, and what changes the terms.
        """
        model = with_parameters(self.model, parameters)
        weak_form = self._assembled.form_of(model)
        for what in ("unknowns", "terms") if weak_form is not self.weak_form else ():
            if [u.name for u in getattr(weak_form, what)] != [u.name for u in getattr(self.weak_form, what)]:
                raise ValueError(f"{parameters} changes the {what} of {type(model).__name__}; call discretize again")
        new = SemiDiscrete(self._assembled.for_parameters(model), model, self.history)
        conservation.require_as_before(self.weak_form, new, weak_form, parameters)
        return new

    along, at_points = along, at_points  # see `Problem`

    def rebuilt(self, **parameters: Any) -> SemiDiscrete:
        """Discretised again with other parameters, those that shape the mesh included."""
        return self._assembled.rebuild(dataclasses.replace(self.model, **parameters))

    def on_cells(self, cells: np.ndarray) -> SemiDiscrete:
        """The same model and space on other cells."""
        new = self._assembled.on_cells(self.model, cells, self.history)
        if "natural" in vars(self):
            new.natural = self.natural
        return new

    def enriched(self, y: np.ndarray, by: int = 2, reach: bool = True) -> tuple[SemiDiscrete, np.ndarray]:
        """(problem, y on it) with elements of a degree higher by `by` on the same cells, for error estimates.

        On a mesh of the user also beyond its ends, as far as the model has neurons, unless `reach` is False.
        """
        wide, y = reached(self, y) if reach and self.tol is None else (self, y)
        return wide._assembled.enriched(wide, y, by)

    def carried(self, state: State) -> tuple[SemiDiscrete, np.ndarray]:
        """(problem, y) for a state of the same unknowns: on the state's own cells if this mesh may change, else here.

        A starting value, not a projection: the state is interpolated. Raises ValueError for other unknowns.
        """
        old = state.problem
        if old.scalar_names != self.scalar_names or old.field_names != self.field_names:
            raise ValueError(f"{state!r} has other unknowns than {type(self.model).__name__}")
        ends = (old.landings, old.top) == (self.landings, self.top)
        here = self.on_cells(old.cells) if self.tol is not None and ends else self
        return here, splitting.transfer(old, here, state.y)

    def received(self, state: State) -> np.ndarray:
        """The unknowns of a state of another mesh, interpolated on this one."""
        return splitting.transfer(state.problem, self, state.y)

    def coarser(self, factor: float) -> SemiDiscrete:
        """The same problem discretised less well: for `factor` times its tolerance, or on every second cell end."""
        return self._assembled.coarser(self.model, factor).with_history(self.history)

    @property
    def initial_states(self) -> dict[Any, Any]:
        """Those that are known of this discretisation, by model and density (see `initial`)."""
        return vars(self._assembled).setdefault("initial_states", {})

    @property
    def delays(self) -> dict[str, tuple[str, float]]:
        """Delayed inputs: name -> (the scalar, how long ago)."""
        given = [i for i in self.weak_form.inputs if i.of is not None]
        return {i.name: (i.of, float(getattr(self.model, i.parameter))) for i in given}

    def with_history(self, history: Past | None) -> SemiDiscrete:
        """The same problem with a past, history(scalar, t); None: delayed scalars are the present ones, as at rest."""
        return SemiDiscrete(self._assembled, self.model, history)

    def tied_row(self, field: str) -> np.ndarray | None:
        """m_F: the mass row of the test function of V_F, shape (size,); None where the mass is lumped."""
        return None if self.mass.kl == 0 else self._assembled.tied_rows[field]

    # scalars ----------------------------------------------------------------------------------------------------

    def _point(self, t: float, y: np.ndarray) -> dict[str, Any]:
        """What is known of the last point looked at: an integrator asks several questions there."""
        key, known = (t, y.tobytes()), self._memory
        if known[0] != key:  # another thread may put its own there
            known = self._memory = (key, {"solved": self.equations.solve(t, y)})
        return known[1]

    def scalars(self, t: float, y: np.ndarray) -> np.ndarray:
        """Values of `scalar_names`; Infeasible where no firing rate exists."""
        if self._explicit is not None:
            return np.array([self._explicit.solve(y)[0]])
        s = self.namespace(t, y)
        return np.array([getattr(s, name) for name in self.scalar_names])

    def scalar_values(self, times: np.ndarray, states: np.ndarray) -> np.ndarray:
        """`scalars` of many states, shape (len(times), len(scalar_names))."""
        s = self.equations.of_many(times, states)
        return np.array([getattr(s, n) for n in self.scalar_names]).reshape(len(self.scalar_names), len(times)).T

    def namespace(self, t: float, y: np.ndarray) -> SimpleNamespace:
        """`s` at (t, y): every scalar and input by name, as coefficients read it."""
        return self._point(t, y)["solved"][0]

    def point(self, rate: float) -> SimpleNamespace:
        """`s` with every algebraic scalar equal to `rate`, constant inputs, and everything else 0."""
        return self.equations.point(rate)

    @property
    def threshold_transport(self) -> Mapping[str, Any]:
        """Field -> (coefficient, convection, diffusion) at `landings` and V_F (see `firing.layers`)."""
        return self._assembled.threshold_transport

    def margin(self, t: float, y: np.ndarray) -> float:
        """1 - f1.n, scaled to 1 for an empty network; 0 or below at blow-up."""
        try:
            slope = self._explicit.solve(y)[1] if self._explicit is not None else self._point(t, y)["solved"][3]
            return slope / self.equations.empty_slope
        except Infeasible:
            return 0.0

    # the system -------------------------------------------------------------------------------------------------

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y), shape (size,)."""
        if self._explicit is not None:
            return self._explicit.rate(y)
        return self.operator.rate(y, self.equations.coefficients(t, y))

    def _linearised(self, t: float, y: np.ndarray) -> tuple[Any, ...]:
        point = self._point(t, y)
        if "linearised" not in point:
            solved = point["solved"][:3]
            if self._explicit is not None:
                point["linearised"] = (*solved, *self._explicit.linearised(y))
            else:
                point["linearised"] = linearised.linearise(self.equations, self.places, *solved, y)
        return point["linearised"]

    def jacobian(self, t: float, y: np.ndarray) -> BandLowRank:
        """dF/dy = band + U G: columns U = dF/d(scalar), rows G = d(scalar)/dy."""
        if self._explicit is not None:
            return self._explicit.jacobian(y)
        _, c, _, U, G, _ = self._linearised(t, y)
        return BandLowRank(self.operator.jacobian_band(c), np.asfortranarray(U), G)

    def scalar_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """d(scalars)/dy, shape (scalars, size)."""
        return self._explicit.gradient(y) if self._explicit is not None else self._linearised(t, y)[4]

    time_derivative = linearised.time_derivative

    def input_derivative(self, t: float, y: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(dF, d(algebraic scalars)) by one input, such as a delayed N in a problem that has a history."""
        return linearised.input_derivative(self.equations, self._linearised(t, y), y, name)

    def parameter_derivative(self, t: float, y: np.ndarray, name: str) -> np.ndarray:
        """dF/d(parameter) at fixed y, through the scalars too; ValueError unless it is a number `at` may change."""
        return linearised.parameter_derivative(self, self._assembled, self._linearised(t, y), y, name)

    def linear_at(self, t: float, scalars: np.ndarray) -> BandLowRank:
        """A(s) with F = A(s) y wherever the scalars of y are s: drift and noise frozen at `scalars`, sources coupled.

        Raises ValueError for a model with a source that is no multiple of the scalars.
        """
        return linearised.linear_at(self.equations, self.places, self.size, t, scalars)

    def frozen(self, t: float, y: np.ndarray) -> BandLowRank | None:
        """A with F = A y, frozen at the scalars of y: an M-matrix for exponential fitting; None for other spaces."""
        return self.linear_at(t, self.scalars(t, y)) if self.operator.positive else None

    mesh_arrays, on_arrays, __reduce__ = mesh_arrays, on_arrays, reduced
    neurons, mesh_at_rest = resting_neurons.neurons, mesh_at_rest  # the network at rest: see `firing.resting_neurons`
    infinite_rates, as_data = property(facts.infinite_rates), facts.as_data
    feedback = cached_property(facts.feedback)
    warn_where_wrong, largest_and_lowest = warn_where_wrong, facts.largest_and_lowest
    instant_blow_up, exponential_moment = facts.instant_blow_up, exponential_moment
    totals = property(lambda self: np.ones(len(self.conserved)))

    def pulse(self, name: str, y: np.ndarray) -> tuple[np.ndarray, float]:
        """What one neuron that fires does at y, through the algebraic scalar `name`: (change of M y, 1 - f1.n)."""
        return linearised.pulse(self.equations, y, name)

    def dilated(self) -> SemiDiscrete:
        """The problem in dilated time (see `firing.dilated`) on the same cells; y gains the count of spikes."""
        new = self._assembled.on_cells(Dilated(self.model), self.cells)
        new.natural = self.natural
        return new

    # looking at a state -----------------------------------------------------------------------------------------

    observe, observed = observing.observe, observing.observed  # what a run records of a state, and of many

    def full(self, name: str, y: np.ndarray) -> np.ndarray:
        """Nodal values of a field at all `nodes`, the zero at V_F included."""
        values = np.zeros(len(self.nodes), np.result_type(y, float))
        values[: self.layout.free(name)] = y[self.layout.slice(name)]
        return values

    def field(self, name: str, y: np.ndarray) -> FieldValue:
        """The named density as a function of v."""
        return over_potentials(self.function(self.full(name, y)), self.end)

    def function(self, values: np.ndarray) -> FieldValue:
        """The function of v with these values at all `nodes`."""
        at = partial(spaces.evaluate, self.cells, self.degree, values)
        return FieldValue(self.nodes, values, at, self._assembled.weights)

    def adjoint_field(self, t: float, y: np.ndarray, name: str, z: np.ndarray) -> FieldValue:
        """The test function that a row vector z of the linearisation at y stands for (a left eigenvector)."""
        return self.function(adjoint_values(self, t, y, name, z))

    drawing_points = observing.drawing_points
    weighted_forms = weighted_forms  # int P u' v', int P u v with a named density P: see `Problem`

    def coupling(self, t: float, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, Mapping[str, np.ndarray]]:
        """(dF/d(scalars), dg/d(algebraic scalars) of their equations g, m_F M^-1 of fields without lumped mass)."""
        *_, U, _, own = self._linearised(t, y)
        return U, own, self._assembled.flux_weights

    @property
    def flow(self) -> Flow:
        """Drift and noise of the first field on this mesh."""
        return Flow(self.model, None, self._assembled.end)

    @cached_property
    def truncation(self) -> str:
        """What the ends of a mesh given by the user visibly cut off without activity; nothing where they do not."""
        return "" if self.tol is not None else truncation(self)

    @cached_property
    def decay_lengths(self) -> tuple[float, float]:
        """How far the density reaches beyond either end of the mesh, without activity."""
        return self.flow.decay_lengths(self.cells[[0, -1]])

    @cached_property
    def leak_rate(self) -> float:
        """By how much the drift falls from V_R to V_F, over their distance: 1 / tau_m of a leaky neuron; 0 for none."""
        return self.flow.leak_rate

    def adapted(self, t: float, y: np.ndarray) -> tuple[SemiDiscrete, np.ndarray, str] | None:
        """A mesh that serves this state better; None for a mesh the user has chosen."""
        if self.end is not None and self.tol is not None:
            warn_where_wrong(self, t, y)
        if self.tol is None or (self._watch is not None and self._watch.quiet(y)):
            return None
        return splitting.adapted(self, t, y)

    @cached_property
    def arrivals(self) -> Arrivals:
        """Neurons that the drift alone carries to V_F, for the norm of an error (see `firing.advected`)."""
        return Arrivals(self)

    @cached_property
    def _watch(self) -> MeshWatch | None:
        return MeshWatch(self) if self._explicit is not None and self.degree >= 3 else None

    def coarsened(self, t: float, y: np.ndarray) -> tuple[SemiDiscrete, np.ndarray, str] | None:
        """A mesh without cells that this state no longer needs; None where that is not worth it. Raises Infeasible."""
        return None if self.tol is None else coarsen.coarsened(self, t, y)

    @cached_property
    def natural(self) -> np.ndarray:
        """Cell ends that the tolerance asks for whatever the state: no mesh is made coarser than that."""
        return self.cells if self.tol is None else choose_nodes(Flow(self.model, end=self.end), self.space, self.tol)

    @cached_property
    def mergeable(self) -> np.ndarray:
        """Pairs of neighbouring cells whose union is no larger than the cells that the tolerance asks for."""
        return coarsen.mergeable(self, self.cells)

    condensed = cached_property(condensed.condensed)  # the system as the compiled core takes it, or None
    mesh = property(lambda self: self.marked.mesh)
    input_functions = property(lambda self: self.equations.inputs)
    remembered = _point  # room for what is computed from (t, y), until another point is looked at; raises Infeasible

    cut_off, cut_off_modes = tails.cut_off, tails.cut_off_modes  # what lies below V_min: see `Problem` and tails.py
    extended_for_modes = tails.extended_for_modes

    extended = tails.extended  # on a mesh that cuts off less: see `Problem`
    recut, cut_uncertainty = recut, uncertainty  # where the line ends below V_F

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Times at which an input jumps and says so (Piecewise)."""
        return tuple(sorted({t for f in self.driven.values() for t in getattr(f, "breakpoints", ())}))

    def __repr__(self) -> str:
        return describe(self)
