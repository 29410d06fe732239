"""What solvers and integrators see of a model: M dy/dt = F(t, y), its derivatives, and what it conserves.

y holds the nodal values of every field followed by the differential scalars (R). Algebraic scalars (N) are not
unknowns: `Problem.scalars` computes them from y, and the Jacobian already contains their derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .algebra import Band, BandLowRank
from .given.arguments import array, checked


class Infeasible(ArithmeticError):
    """No firing rate satisfies its equation at this state: 1 - f1.n <= 0, the mechanism of blow-up."""


class BeyondEquations(Infeasible):
    """The model's equations do not hold at this state, see `language.Condition`."""

    kind = "beyond_equations"


class NotConverged(RuntimeError):
    """An answer that was asked for does not exist or was not found; the message says what was tried, what to change."""


@dataclass(frozen=True)
class Outcome:
    """Why a computation stopped: `name` for programs ("finished", "blow_up", ...), `message` for people."""

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@dataclass(frozen=True)
class BlowUp:
    """Where a solution ceased to exist.

    time, error  of the blow-up, and an estimate of its error
    N            where the integration stopped
    exponent     N ~ (time - t)^(-exponent) there: 1/2, approached slowly where the noise is constant
    mechanism    "drift": b n(V_F^-) = 1;  "noise": a1 |n_v(V_F)| = 1;  "step_underflow": no step leads on
    remaining    int N dt from where the integration stopped to the blow-up
    steps        the part of `error` that counts what the steps leave
    """

    time: float
    error: float
    N: float
    message: str
    exponent: float = 0.5
    mechanism: str = "drift"
    remaining: float = 0.0
    steps: float = 0.0


@runtime_checkable
class Problem(Protocol):
    """M dy/dt = F(t, y; parameters). See `felif.assembly` for the one that `discretize` makes."""

    size: int  # number of differential unknowns, len(y)
    mass: Band  # M
    scalar_names: tuple[str, ...]  # algebraic scalars first, then differential ones
    conserved: Mapping[str, np.ndarray]  # name -> c with c.y constant in time
    parameter_names: tuple[str, ...]  # numbers that `at` may change
    field_names: tuple[str, ...]
    model: Any

    def rate(self, t: float, y: np.ndarray) -> np.ndarray:
        """F(t, y). Raises Infeasible."""

    def jacobian(self, t: float, y: np.ndarray) -> BandLowRank:
        """dF/dy, the algebraic scalars eliminated. Raises Infeasible."""

    def time_derivative(self, t: float, y: np.ndarray, step: float) -> np.ndarray | None:
        """dF/dt at fixed y, from values in [t, t + step] only; None where F does not depend on t."""

    def scalars(self, t: float, y: np.ndarray) -> np.ndarray:
        """Values of `scalar_names`. Raises Infeasible."""

    def scalar_gradient(self, t: float, y: np.ndarray) -> np.ndarray:
        """d(scalars)/dy, shape (len(scalar_names), size)."""

    def margin(self, t: float, y: np.ndarray) -> float:
        """1 - f1.n, scaled to 1 for an empty network: falls to 0 at blow-up."""

    def observe(self, t: float, y: np.ndarray) -> dict[str, float]:
        """What a run records at every step: scalars, integrals, conserved quantities, min n."""

    def frozen(self, t: float, y: np.ndarray) -> BandLowRank | None:
        """A with F = A y when the scalars in A are those of y (for positivity); None if not offered."""

    def linear_at(self, t: float, scalars: np.ndarray) -> BandLowRank:
        """A(s) with F = A(s) y wherever the scalars of y are s (drift and noise frozen at s, sources coupled).

        The first rows of its G give the scalars of y: G y.
        """

    def neurons(self, t: float, totals: np.ndarray, highest: float) -> tuple[Any, str]:
        """The network at rest as one neuron a population (see `solvers.boxes.Rates`), or None and why it is not one."""

    def mesh_at_rest(self, t: float, scalars: np.ndarray) -> Problem | None:
        """The same on a mesh that fits the densities at rest at these scalars; None where the mesh may not change."""

    def parameter_derivative(self, t: float, y: np.ndarray, name: str) -> np.ndarray:
        """dF/d(parameter) at fixed y."""

    def at(self, **parameters: Any) -> Problem:
        """The same discretisation with other numerical parameters."""

    def rebuilt(self, **parameters: Any) -> Problem:
        """Discretised again, with parameters that shape the mesh."""

    def enriched(self, y: np.ndarray, by: int = 2) -> tuple[Problem, np.ndarray]:
        """(problem, y on it) in a richer space on the same cells, for error estimates."""

    def adapted(self, t: float, y: np.ndarray) -> tuple[Problem, np.ndarray, str] | None:
        """A better mesh for this state: (problem, y on it, why), or None when the present one serves."""

    def carried(self, state: State) -> tuple[Problem, np.ndarray]:
        """(problem, y) for a state of another mesh, as a starting value."""

    def cut_off(self, t: float, y: np.ndarray) -> np.ndarray:
        """Part of each conserved quantity that y, continued, has below the mesh, shape (conserved,)."""

    def cut_off_modes(self, t: float, y: np.ndarray, values: np.ndarray, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Errors of eigenvalues at y, with vectors x and z (modes, size), that come from the ends of the mesh."""

    def extended(self, t: float, y: np.ndarray, mass: float | None = None) -> tuple[Problem, np.ndarray] | None:
        """(problem, y) on a mesh that cuts off less than `mass`; None when the present one serves."""

    def extended_for_modes(
        self, t: float, y: np.ndarray, values: np.ndarray, x: np.ndarray, z: np.ndarray, limits: np.ndarray
    ) -> tuple[Problem, np.ndarray] | None:
        """(problem, y) on a mesh whose ends change eigenvalues by less than the limits; None when this one serves."""

    def field(self, name: str, y: np.ndarray) -> FieldValue:
        """The named field of y as a function."""

    def function(self, values: np.ndarray) -> FieldValue:
        """The function with these values at all nodes."""

    def adjoint_field(self, t: float, y: np.ndarray, name: str, z: np.ndarray) -> FieldValue:
        """The test function that a row vector z of the linearisation at y stands for."""

    def weighted_forms(self, t: float, y: np.ndarray, name: str) -> Any:
        """`stiffness`, `mass`: int P u' v', int P u v with P the named field of y; `noise`; nodes first:last."""


_PLACES = array("numbers", finite=False)


@dataclass(frozen=True, eq=False)
class FieldValue:
    """A density on its mesh: call it at points; `.integral()`; `.nodes` and `.values` are the nodal representation.

    NaN at NaN.
    """

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


def nothing_known(problem: Any, *_: Any) -> None:
    """What a problem answers that knows nothing of how its solutions may blow up."""


def all_scalars(problem: Any) -> list[str]:
    """Names of all scalars of a problem."""
    return list(problem.scalar_names)


def require_over_v(problem: Any, verb: str) -> None:
    """ValueError for a density over (v, w), where `verb` has no meaning or is not available."""
    if hasattr(problem, "line_names"):
        raise ValueError(
            f"{verb}: {type(problem.model).__name__} is a density over (v, w); allowed is one over v, such as NoisyLIF"
        )


def require_below(name: str, density: Any, v_fire: float) -> None:
    """ValueError where too much of a density that knows its own shape lies above V_F, where a model has no neurons.

    Gaussian and Uniform know it. Of any other callable only what it is below V_F counts: values above are no data.
    """
    share_above = getattr(density, "share_above", None)
    if share_above is None:
        return
    share = float(share_above(v_fire))
    if share > density.allowed_beyond:
        raise ValueError(
            f"start: {100 * share:.3g} % of the density {name} = {density!r} lies above v_fire = {v_fire:g}, where "
            f"this model has no neurons; allowed is at most {100 * density.allowed_beyond:.3g} %. A callable is cut "
            "at v_fire and normalised there"
        )


class State:
    """Named view of y at a time: `state.n(v)`, `state.N`, `state.R`, `state.t`.

    Over (v, w): `state.p(v, w)`, functions of w `state.N(w)`, `state.C(w)`, and the number `state.Nbar`.
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
        if name in getattr(problem, "groups", ()):  # numbers, one for each entry of an index
            return problem.group(name, self.t, self.y)
        lines = getattr(problem, "line_names", ())  # functions of w of a problem over (v, w)
        if name in lines:
            return problem.line(name, self.t, self.y)
        known = ", ".join((*problem.field_names, *lines, *problem.scalar_names))
        raise AttributeError(f"this state has no {name!r}; it has: {known}")

    def __repr__(self) -> str:
        scalars = ", ".join(f"{name}={getattr(self, name):.10g}" for name in self.problem.scalar_names)
        return f"State(t={self.t:.10g}, {scalars})"
