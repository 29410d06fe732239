"""What solvers and integrators see of a model: M dy/dt = F(t, y), its derivatives, and what it conserves.

y holds the nodal values of every field followed by the differential scalars (R). Algebraic scalars (N) are not
unknowns: `Problem.scalars` computes them from y, and the Jacobian already contains their derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .algebra import Band, BandLowRank
from .given.arguments import array, checked
from .given.text import listed
from .notebook import cells_of, page, shown
from .outcome import BeyondEquations as BeyondEquations
from .outcome import BlowUp as BlowUp
from .outcome import Infeasible as Infeasible
from .outcome import NotConverged as NotConverged
from .outcome import Outcome as Outcome

Hook = Callable[..., Any] | None


class Problem:
    """M dy/dt = F(t, y; parameters): what every engine answers. See `felif.assembly` for those `discretize` makes.

    What a problem cannot say is None, or empty, as it is here; whoever asks goes on without.
    """

    size: int  # number of differential unknowns, len(y)
    mass: Band  # M
    scalar_names: tuple[str, ...] = ()  # algebraic scalars first, then differential ones
    field_names: tuple[str, ...] = ()  # densities
    line_names: tuple[str, ...] = ()  # functions of w, of a density over (v, w)
    functions: tuple[str, ...] = ()  # of one axis, of equations over any axes: what equals or holds
    groups: tuple[str, ...] = ()  # numbers with one value for each entry of an index
    conserved: Mapping[str, np.ndarray] = {}  # name -> c with c.y constant in time
    parameter_names: tuple[str, ...] = ()  # numbers that `at` may change
    nonnegative: Sequence[str] | None = None  # scalars that are rates; None: all of them
    totals: np.ndarray | None = None  # of the conserved quantities; None: ones
    delays: Mapping[str, tuple[str, float]] = {}  # of what is heard late: name -> (scalar, delay)
    slopes: Mapping[str, str] = {}  # of these, what is the time derivative of which other
    jumps: bool = False  # whether rates stay finite where the margin falls to 0
    driven: Mapping[str, Any] = {}  # parameters that are functions of time
    held: Mapping[str, Any] = {}  # sources that a dead time keeps out of y
    breakpoints: tuple[float, ...] = ()  # times at which inputs jump
    history: Any = None
    default_scheme = "Rodas5P"
    operator: Any = None  # the terms of densities over v; `positive` where it keeps them >= 0

    # the mesh; None: there is none that could change
    tol: float | None = None  # from which it was made
    space: Any = None
    cells: np.ndarray | None = None
    lines: Mapping[str, Any] | None = None  # elements by axis, of systems over any axes
    marks: Mapping[str, float] = {}  # potentials that have a name, V_R and V_F
    degree: int = 6
    end: Any = None  # where a drift that runs away is cut off
    truncation: str = ""  # what is to be said of a mesh that is too short
    decay_lengths: tuple[float, float] = (0.0, 0.0)  # beyond its ends

    def __copy__(self) -> Problem:
        return self  # nothing in it changes

    def __deepcopy__(self, memo: Any) -> Problem:
        return self

    @cached_property
    def kinks(self) -> frozenset[float]:
        """Those of `breakpoints` at which inputs have kinks but do not jump: steps go on behind them as they were."""
        return frozenset().union(*(getattr(function, "kinks", ()) for function in self.driven.values()))

    @cached_property
    def conserved_rows(self) -> Any:
        """The vectors of `conserved` below one another; sparse where they are many."""
        return np.array([*self.conserved.values()]).reshape(len(self.conserved), self.size)

    @cached_property
    def model(self) -> Any:
        """What the parameters belong to: the problem itself where there is no other."""
        return self

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y). Raises Infeasible."""
        raise NotImplementedError

    def jacobian(self, t: float, y: np.ndarray) -> BandLowRank:
        """dF/dy, the algebraic scalars eliminated. Raises Infeasible."""
        raise NotImplementedError

    def scalars(self, t: float, y: np.ndarray) -> np.ndarray:
        """Values of `scalar_names`. Raises Infeasible."""
        raise NotImplementedError

    def scalar_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """d(scalars)/dy, shape (len(scalar_names), size)."""
        raise NotImplementedError

    def scalar_changes(self, t: float, y: np.ndarray) -> Any:
        """What a change of y is multiplied with, `@`, to see that of the scalars."""
        return self.scalar_gradient(t, y)

    def time_derivative(self, t: float, y: np.ndarray, step: float) -> np.ndarray | None:
        """dF/dt at fixed y, from values in [t, t + step] only; None where F does not depend on t."""

    def margin(self, t: float, y: np.ndarray) -> float:
        """1 - f1.n, scaled to 1 for an empty network: falls to 0 at blow-up."""
        return 1.0

    def observe(self, t: float, y: np.ndarray) -> dict[str, float]:
        """What a run records at every step: scalars, integrals, conserved quantities, min n."""
        return {}

    def frozen(self, t: float, y: np.ndarray) -> BandLowRank | None:
        """A with F = A y when the scalars in A are those of y (for positivity); None if not offered."""

    def parameter_derivative(self, t: float, y: np.ndarray, name: str) -> np.ndarray:
        """dF/d(parameter) at fixed y."""
        raise NotImplementedError

    def at(self, **parameters: Any) -> Problem:
        """The same discretisation with other numerical parameters."""
        raise NotImplementedError

    def with_history(self, history: Any) -> Problem:
        """With what is known of the past; this problem where nothing of it is delayed."""
        return self

    def field(self, name: str, y: np.ndarray) -> FieldValue:
        """The named field of y as a function."""
        raise NotImplementedError

    def instant_blow_up(self, y: np.ndarray, compatible: bool) -> str | None:
        """Why there is no solution from y on, or None."""

    def as_data(self, y: np.ndarray) -> dict[str, Any] | None:
        """Densities as initial data of another mesh, None where nothing is known of a blow-up."""

    @property
    def rate_names(self) -> Sequence[str]:
        """Scalars of which the largest is followed towards a blow-up: N, or the first."""
        return ("N",) if "N" in self.scalar_names else self.scalar_names[:1]

    @property
    def infinite_rates(self) -> Sequence[str]:
        """Scalars that are infinite where data do not vanish at the threshold."""
        return self.scalar_names

    @shown
    def _repr_html_(self) -> str:
        """For notebooks: what it prints, and the widths of its cells along the first axis."""
        return page(repr(self), [cells_of(self)])

    # What follows may be None where a problem does not offer it.
    #
    # at rest
    linear_at: Hook = None  # (t, scalars) -> A(s) with F = A(s) y where the scalars of y are s; G y are they, first
    neurons: Hook = None  # (t, totals, highest) -> one neuron a population (`solvers.boxes.Rates`), or None and why not
    starts: Hook = None  # (t, totals) -> (problem, y) to start Newton from, where no bounds isolate states at rest
    spreads: Hook = None  # (y) -> why densities fit no mesh, or nothing
    stationary: Hook = None  # of lines over (v, w): their states at rest, see `solvers.plane`
    line_matrices: Hook = None  # of lines over (v, w) without learning: the linearisation, line by line
    relaxed: Hook = None  # (t, y) -> y with unknowns at rest that relax to what the others say
    symmetry: Hook = None  # (t, y) -> the direction in which a symmetry moves y, or None
    mesh_at_rest: Hook = None  # (t, scalars) -> the same on a mesh that fits the densities at rest, or None

    # other meshes: (problem, y on it), and a reason where it is chosen for a state; None where the present one serves
    at_points: Hook = None  # (times, states, derivatives) -> `Linearisations` of many states at once, or None
    along: Hook = None  # (names) -> (values -> what Newton needs at these values, cheaper than `at`), or None
    rebuilt: Hook = None  # (**parameters) -> discretised again, with parameters that shape the mesh
    enriched: Hook = None  # (y, by=2) -> in a richer space on the same cells, for error estimates
    missed: float = 1.0  # an error over what `enriched` changes
    adapted: Hook = None  # (t, y) -> a better mesh
    recut: Hook = None  # (t, y) -> the drift cut off elsewhere
    coarsened: Hook = None  # (t, y) -> a coarser mesh that serves as well
    extended: Hook = None  # (t, y, mass=None) -> a mesh that cuts off less than `mass`
    extended_for_modes: Hook = None  # (t, y, values, x, z, limits) -> ends change eigenvalues by less than the limits
    carried: Hook = None  # (state) -> for a state of another mesh, as a starting value
    received: Hook = None  # (state of another mesh) -> y on this mesh, interpolated; on triangles projected
    on_cells: Hook = None  # (cells) -> the same model and space on other cells
    mesh_arrays: Hook = None  # () -> the arrays that `on_arrays` makes the mesh from, for a run folder
    with_model: Hook = None  # (model) -> with parameters of any kind changed
    described_mesh: Any = None  # in words, where it has more than one dimension

    # what the mesh cuts off
    cut_off: Hook = None  # (t, y) -> the part of each conserved quantity that y, continued, has below the mesh
    cut_off_modes: Hook = None  # (t, y, values, x, z) -> errors of eigenvalues with vectors x and z (modes, size)
    cut_uncertainty: Hook = None  # (t, y) -> what cutting off the drift leaves uncertain of each scalar
    beyond: Hook = None  # (t, y) -> densities beyond the ends

    # functions
    function: Hook = None  # (values) -> the function with these values at all nodes
    adjoint_field: Hook = None  # (t, y, name, z) -> the test function that a row z of the linearisation stands for
    weighted_forms: Hook = None  # (t, y, name) -> `stiffness`, `mass`: int P u' v', int P u v, P the named field
    drawing_points: Hook = None  # () -> where densities are drawn, see `spaces.drawing`
    initial_state: Hook = None  # (start) -> (problem, y, compatible), of problems that read initial data themselves

    # steps in time; the first three of problems that split themselves (`evolution.additive`)
    implicit_part: Hook = None  # (t, y) -> what is treated implicitly
    limited: Hook = None  # (y) -> densities brought back to where they lie
    starting: Hook = None  # (y) -> what a step starts from
    arrivals: Hook = None  # (t) -> neurons that the drift carries to V_F
    condensed: Any = None  # the problem as the compiled core takes it
    input_functions: Mapping[str, Any] = {}  # the inputs that it asks for: functions of time
    leak_rate: float | None = None
    lines_stay: bool = False  # over (v, w): nothing moves from line to line
    feedback: Any = None  # of the threshold on drift and noise
    exponential_moment: Any = None
    threshold_transport: Any = None
    largest_and_lowest: Hook = None  # (states) -> of the densities


_PLACES = array("numbers", finite=False)


@dataclass(frozen=True, eq=False)
class FieldValue:
    """A density on its mesh: call it at points (NaN at NaN); `.integral()`; its `.values` at its `.nodes`."""

    nodes: np.ndarray
    values: np.ndarray
    evaluate: Callable[[np.ndarray], np.ndarray]
    weights: np.ndarray

    @checked(v=_PLACES)
    def __call__(self, v: Any) -> Any:
        unknown = np.isnan(v)
        result = self.evaluate(np.where(unknown, self.nodes[0], v).ravel()).reshape(v.shape)
        result = np.where(unknown, np.nan, result)
        return result if v.ndim else result.item()

    def integral(self) -> float:
        return (self.weights @ self.values).item()

    def min(self) -> float:
        return float(np.min(self.values))


@dataclass(frozen=True, eq=False)
class PlaneField:
    """A density over (v, w): call it at points, which broadcast; `.integral()`; `.nodes` (2, n) and `.values` (n,).

    NaN where v or w is.
    """

    nodes: np.ndarray
    values: np.ndarray
    evaluate: Callable[[np.ndarray, np.ndarray], np.ndarray]  # at as many v as w
    weights: np.ndarray

    @checked(v=_PLACES, w=_PLACES)
    def __call__(self, v: Any, w: Any) -> Any:
        v, w = np.broadcast_arrays(v, w)
        unknown = np.isnan(v) | np.isnan(w)
        inside = (np.where(unknown, known, x).ravel() for known, x in zip(self.nodes[:, 0], (v, w), strict=True))
        result = np.where(unknown, np.nan, self.evaluate(*inside).reshape(v.shape))
        return result if v.ndim else result.item()

    def integral(self) -> float:
        return (self.weights @ self.values).item()

    def min(self) -> float:
        return float(np.min(self.values))


def require_one_axis(problem: Problem, verb: str, over_v: bool = False) -> None:
    """ValueError where `verb` is not for a density over (v, w), or for none but those of the engine over v."""
    if problem.line_names or (over_v and problem.weighted_forms is None):
        raise ValueError(
            f"{verb}: {type(problem.model).__name__} is a density over (v, w), or of another engine than that over v "
            "(see print(problem)); allowed is one over v, such as NoisyLIF"
        )


def require_below(name: str, density: Any, top: float) -> None:
    """ValueError where too much of a density that knows its own shape lies above V_F, where a model has no neurons.

    Gaussian and Uniform know it. Of any other callable only what it is below V_F counts: values above are no data.
    """
    share_above = getattr(density, "share_above", None)
    if share_above is None:
        return
    share = float(share_above(top))
    if share > density.allowed_beyond:
        raise ValueError(
            f"start: {100 * share:.3g} % of the density {name} = {density!r} lies above v_fire = {top:g}, where "
            f"this model has no neurons; allowed is at most {100 * density.allowed_beyond:.3g} %. A callable is cut "
            "at v_fire and normalised there"
        )


class State:
    """Named view of y at a time: `state.n(v)`, `state.N`, `state.R`, `state.t`.

    Over (v, w): `state.p(v, w)`, functions of w `state.N(w)`, `state.C(w)`, and the number `state.Nbar`. Over any axes:
    whatever equals or holds along an axis, such as `state.N(w)` of AdaptiveLIF.

    Attributes
    ----------
    problem : Problem
        On whose mesh it is.
    t : float
        The time.
    y : array
        All unknowns.
    known : mapping or None
        Values of scalars that are known better than y says.

    Examples
    --------
    >>> import felif as fl
    >>> run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3), fl.Gaussian(0.0, 0.25), t_end=0.1, rtol=1e-3)
    >>> state = run.at(0.05)
    >>> state.n([0.0, 1.0]).shape, state.t
    ((2,), 0.05)
    """

    def __init__(self, problem: Problem, t: float, y: np.ndarray, known: Mapping[str, float] | None = None) -> None:
        """`known`: scalars that are not those of y: inf where data do not vanish at V_F, NaN of a failed run."""
        self.problem, self.t, self.y, self._known = problem, float(t), y, known or {}

    def __getattr__(self, name: str) -> Any:
        problem = self.__dict__.get("problem")
        if problem is None or name.startswith("__"):
            raise AttributeError(name)
        if name in problem.scalar_names:
            if name in self.__dict__.get("_known", ()):
                return float(self._known[name])
            try:
                return float(problem.scalars(self.t, self.y)[problem.scalar_names.index(name)])
            except Infeasible:
                return float("inf")
        if name in problem.field_names:
            return problem.field(name, self.y)
        if name in problem.groups:  # numbers, one for each entry of an index
            return problem.group(name, self.t, self.y)
        if name in problem.line_names or name in problem.functions:
            return problem.line(name, self.t, self.y)
        known = ", ".join((*problem.field_names, *problem.line_names, *problem.functions, *problem.scalar_names))
        raise AttributeError(f"this state has no {name!r}; it has: {known}")

    def __repr__(self) -> str:
        scalars = listed(self.problem.scalar_names, lambda name: f"{name}={getattr(self, name):.10g}")
        return f"State(t={self.t:.10g}, {scalars})"
