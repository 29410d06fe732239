"""What problems over (v, w) have in common, on lines and on triangles: one density p, N(w), C(w) and Nbar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..given.parameters import changeable
from ..problem import FieldValue, Infeasible, PlaneField, Problem


class OverPlane(Problem):
    """One density over potentials and weights. Each engine sets what is declared here, and says where meshes change.

    `_C`, `_N`: (t, y) -> C(w) and N(w). `_density`: y -> p. `_meshes`: the module with `adapted` and `coarsened`.
    """

    weak_form: Any
    landings: tuple[float, ...]  # V_R, and other places where neurons may enter
    top: float  # V_F
    length: float  # V_F - V_R
    degree: int  # of the elements along v, or on triangles
    again: Callable  # (model, mesh, space, tol) -> the problem discretised anew
    no_rate: float = np.inf  # what a run records where no rate exists
    _meshes: Any
    _C: Callable[[float, np.ndarray], FieldValue]
    _N: Callable[[float, np.ndarray], FieldValue]
    _density: Callable[[np.ndarray], PlaneField]

    def _named(self, weak_form: Any, rate: str, totals: tuple[str, ...], mass: np.ndarray) -> None:
        """Names, places and what is conserved; `mass`: the functional int p."""
        self.weak_form, (field,) = weak_form, weak_form.fields
        self.landings, self.top, self.length = weak_form.landings, weak_form.top, weak_form.length
        self.marks = {"V_R": self.landings[0], "V_F": self.top}
        self.field_names, self.line_names, self.scalar_names = (field.name,), (rate, "C"), totals
        self.conserved = {q.name: q.weights[field.name] * mass for q in weak_form.conserved}

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Numbers that `at` may change, in the order of the model."""
        return changeable(self.model)

    def scalar_values(self, times: np.ndarray, states: np.ndarray) -> np.ndarray:
        """`scalars` of many states, shape (len(times), scalars)."""
        return np.array([self.scalars(t, y) for t, y in zip(times.tolist(), states, strict=True)])

    def _observed(self, t: float, y: np.ndarray, C: np.ndarray, quantities: Mapping[str, np.ndarray]) -> dict:
        """Nbar, integrals, and the total variation of C, values in the order of w."""
        try:
            scalars = self.scalars(t, y)
        except Infeasible:
            scalars = np.full(len(self.scalar_names), self.no_rate)
        row = dict(zip(self.scalar_names, scalars.tolist(), strict=True))
        row |= {name: float(weights @ y) for name, weights in quantities.items()}
        return row | {"variation_C": float(np.abs(np.diff(C, prepend=0.0, append=0.0)).sum())}

    def line(self, name: str, t: float, y: np.ndarray) -> FieldValue:
        """N(w) or C(w) as a function of w. Raises Infeasible for N where no rate exists."""
        if name not in self.line_names:
            raise ValueError(f"line: {name!r}; allowed are {', '.join(self.line_names)}")
        return (self._C if name == "C" else self._N)(t, y)

    def field(self, name: str, y: np.ndarray) -> PlaneField:
        """The density as a function of (v, w)."""
        if name not in self.field_names:
            raise ValueError(f"field: {name!r}; allowed is {self.field_names[0]}")
        return self._density(y)

    def adapted(self, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
        """A finer mesh where this state needs one; None for a mesh the user has chosen."""
        return None if self.tol is None else self._meshes.adapted(self, t, y)

    def coarsened(self, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
        """A coarser mesh where that saves a good part of the unknowns; None where it is not worth it."""
        return None if self.tol is None else self._meshes.coarsened(self, t, y)
