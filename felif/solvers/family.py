"""A problem as a function of some of its parameters: F(y; p), its derivative in p, and the totals that stay fixed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

import numpy as np

from ..algebra import BandLowRank
from ..given.memory import remembered
from ..given.parameters import value_of
from ..problem import Infeasible, Problem
from .tuning import NEWTON


class Family:
    """The problems that differ from one in the parameters `names` only, all on the same cells.

    A parameter that shapes the mesh (V_R, V_F) moves the nodes with it: y then holds nodal values on moving
    nodes, and dF/dp comes from central differences. Raises ValueError for unknown parameters, those that are no
    numbers and those that have the name of an unknown.
    """

    def __init__(self, problem: Problem, names: tuple[str, ...]) -> None:
        if both := set(names) & set(problem.scalar_names):
            raise ValueError(f"{sorted(both)}: both a parameter and an unknown; allowed are different names")
        self.base, self.names = problem, names
        self.start = np.array([parameter_value(problem, name) for name in names])
        self._moving = frozenset(name for name in names if not _is_numerical(problem, name))
        self._known: dict[tuple[float, ...], Problem] = {}
        self._derivatives: dict[int, tuple] = {}
        self._last: tuple = ()

    @property
    def moves_nodes(self) -> bool:
        """Whether Newton's method converges linearly only, with `derivative_near`."""
        return bool(self._moving)

    def at(self, p: np.ndarray) -> Problem:
        """The problem with these values; Infeasible where the model does not allow them."""
        key = tuple(float(value) for value in p)
        if (known := self._known.get(key)) is not None:
            return known
        changes = dict(zip(self.names, key, strict=True))
        try:
            made = self._moved(changes) if self._moving else self.base.at(**changes)
        except ValueError as error:
            raise Infeasible(str(error)) from error
        return remembered(self._known, key, made, NEWTON.kept)

    @cached_property
    def _along(self) -> Callable[[np.ndarray], Problem] | None:
        return None if self._moving or self.base.along is None else self.base.along(self.names)

    def near(self, p: np.ndarray) -> Problem:
        """`at` for one step of Newton's method: rates, Jacobians and scalars only, perhaps beyond what is allowed."""
        key = tuple(float(value) for value in p)
        if key in self._known or self._along is None:
            return self.at(p)
        if not self._last or self._last[0] != key:
            self._last = (key, self._along(key))
        return self._last[1]

    def _moved(self, changes: dict[str, float]) -> Problem:
        """Discretised again on the cells of `base`, stretched to the new V_R and V_F."""
        new, old = self.base.rebuilt(**changes), self.base
        marks = [(old.cells[0], old.cells[0]), *zip(old.landings, new.landings, strict=True), (old.top, new.top)]
        if old.cells[-1] > old.top:
            marks.append((old.cells[-1], old.cells[-1] + new.top - old.top))
        before, after = np.array(sorted(marks)).T
        if np.any(np.diff(after) <= 0):
            raise ValueError(f"the mesh cannot be stretched to {changes}")
        return new.on_cells(np.interp(old.cells, before, after))

    def derivative(self, y: np.ndarray, p: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(dF/dp_k, d(C y)/dp_k): the second vanishes unless the nodes move with p_k."""
        if self.names[k] not in self._moving:
            problem = self.near(p)
            return problem.parameter_derivative(0.0, y, self.names[k]), np.zeros(len(problem.conserved))
        low, high, width = self.around(p, k)
        rate = (high.rate(0.0, y) - low.rate(0.0, y)) / width
        return rate, np.array([(high.conserved[c] - low.conserved[c]) @ y / width for c in high.conserved])

    def derivative_near(self, y: np.ndarray, p: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """`derivative`, or the last one where nodes move (two new meshes each) and (y, p) has hardly changed since.

        Good for Newton's method, which converges with a factor of about NEWTON.near then, and for tangents.
        """
        if self.names[k] not in self._moving:
            return self.derivative(y, p, k)
        known = self._derivatives.get(k)
        if known is not None and len(known[0]) == len(y):
            moved = max(np.abs(y - known[0]).max() / np.abs(y).max(), np.max(np.abs(p - known[1]) / (np.abs(p) + 0.1)))
            if moved < NEWTON.near:
                return known[2]
        self._derivatives[k] = (y, p, self.derivative(y, p, k))
        return self._derivatives[k][2]

    def around(self, p: np.ndarray, k: int) -> tuple[Problem, Problem, float]:
        """Problems a little below and above p in direction k, and their distance, for central differences."""
        step = np.zeros(len(p))
        step[k] = NEWTON.step * max(abs(p[k]), 0.1)
        ends = [p - step, p + step]
        for side in (0, 1):
            try:
                self.at(ends[side])
            except Infeasible:  # the end of what the model allows: a one-sided difference
                ends[side] = p
        return self.at(ends[0]), self.at(ends[1]), float(ends[1][k] - ends[0][k])

    def on(self, problem: Problem) -> Family:
        """The same parameters on another mesh."""
        return Family(problem, self.names)

    def forget(self) -> None:
        """Make the next derivatives by moving nodes anew."""
        self._derivatives.clear()

    def as_arrays(self) -> dict[str, np.ndarray]:
        """What tells it from others of the same names: values of the parameters, the mesh, where derivatives are."""
        mesh = self.base.mesh_arrays() if self.base.mesh_arrays is not None else {}
        arrays = {"start": self.start, **{f"mesh {name}": values for name, values in mesh.items()}}
        for k, (y, p, _) in self._derivatives.items():
            arrays |= {f"derivative y {k}": y, f"derivative p {k}": p}
        return arrays

    def from_arrays(self, arrays: Mapping[str, np.ndarray]) -> Family:
        """The family that `as_arrays` told of; this one where it is the same."""
        own, family = self.as_arrays(), self
        mesh = {name: values for name, values in arrays.items() if name.startswith("mesh ")}
        if any(
            not np.array_equal(own.get(name), values) for name, values in (mesh | {"start": arrays["start"]}).items()
        ):
            changes = dict(zip(self.names, arrays["start"].tolist(), strict=True))
            base = self.base.rebuilt(**changes) if self._moving else self.base.at(**changes)
            if mesh:
                base = base.on_arrays({name.removeprefix("mesh "): values for name, values in mesh.items()})
            family = Family(base, self.names)
        for k in range(len(self.names)):
            y, p = (arrays.get(f"derivative {part} {k}") for part in "yp")
            at = family._derivatives.get(k)
            if y is not None and not (at is not None and np.array_equal(at[0], y) and np.array_equal(at[1], p)):
                family._derivatives[k] = (y, p, family.derivative(y, p, k))
        return family


def parameter_value(problem: Problem, name: str) -> float:
    """The number that the problem's model has for a parameter; ValueError if it has none."""
    return value_of(problem.model, name)


def _is_numerical(problem: Problem, name: str) -> bool:
    try:
        problem.at(**{name: parameter_value(problem, name)})
    except ValueError:
        return False
    return True


def step_along(y: np.ndarray, direction: np.ndarray) -> float:
    """e of central differences between y + e v and y - e v."""
    return NEWTON.step * max(float(np.abs(y).max()), 1e-3) / max(float(np.abs(direction).max()), 1e-300)


def second_derivative(
    jacobian: Callable[[np.ndarray], BandLowRank], y: np.ndarray, u: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """F_yy[u, v] from the Jacobian as a function of y, for complex u and v too."""
    return sum((factor * (high @ v - low @ v) / width for high, low, width, factor in _pairs(jacobian, y, u)), 0 * y)


def second_derivative_row(
    jacobian: Callable[[np.ndarray], BandLowRank], y: np.ndarray, w: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """The row w^T F_yy[v, .] (w transposed, not conjugated), for complex w and v too."""
    return sum(
        (
            factor * (high.transpose() @ w - low.transpose() @ w) / width
            for high, low, width, factor in _pairs(jacobian, y, v)
        ),
        0 * y,
    )


def _pairs(jacobian: Callable, y: np.ndarray, direction: np.ndarray) -> Iterator[tuple]:
    """Jacobians on both sides of y along the real and imaginary part of a direction: (high, low, distance, factor)."""
    for part, factor in ((direction.real, 1.0), (direction.imag, 1j)):
        if part.any():
            step = step_along(y, part)
            yield jacobian(y + step * part), jacobian(y - step * part), 2 * step, factor
