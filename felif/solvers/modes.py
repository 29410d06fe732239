"""What a spectrum is made of: eigenvalues, eigenfunctions, and what is known of their accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..notebook import page, picture, shown
from ..output.frames import frame
from ..problem import FieldValue, Problem, State


class Mode:
    """An eigenvector as functions: `mode.n(v)`, complex if the eigenvalue is; `mode.vector` is all of it."""

    def __init__(self, vector: np.ndarray, functions: Any) -> None:
        self.vector, self._functions = vector, functions

    def __getattr__(self, name: str) -> FieldValue:
        functions = self.__dict__.get("_functions")
        if functions is None or name.startswith("__"):
            raise AttributeError(name)
        return functions(name, self.vector)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues with the largest real parts, conserved modes removed, and their eigenfunctions.

    Attributes
    ----------
    problem : Problem
        The one they belong to.
    state : State
        The steady state.
    eigenvalues : array (count,)
        Sorted by falling real part, pairs complete (positive imaginary part first); real if all are.
    right, left : tuples of Mode
        `right[k].n(v)` is the perturbation, `left[k].n(v)` the test function that measures it; left_j . M right_k = 1
        if j = k, else 0 (not conjugated), and the largest value of each right mode is 1.
    errors : array (count,)
        Bounds of the distance to the exact eigenvalues: against elements of a higher degree, what V_min cuts off,
        rounding.
    condition : array (count,)
        Inverse of abs(z . M x) for unit vectors in the balanced variable: 1 for a single neuron, infinite for a double
        eigenvalue with one eigenvector.
    residuals : array (count,)
        Sum of abs(J x - lambda M x) over that of abs(J) abs(x).
    message : str
        What is to be said about accuracy, and modes that are counted but not listed (delays only).
    """

    problem: Problem
    state: State
    eigenvalues: np.ndarray
    right: tuple[Mode, ...]
    left: tuple[Mode, ...]
    errors: np.ndarray
    condition: np.ndarray
    residuals: np.ndarray
    message: str

    @property
    def gap(self) -> float:
        """Slowest decay rate of perturbations that keep the conserved quantities; negative if unstable."""
        return float(-self.eigenvalues[0].real)

    def to_pandas(self) -> Any:
        """A row a mode: real and imaginary part, error, condition, residual. Needs the extra `xarray`."""
        values = np.asarray(self.eigenvalues, complex)
        columns = {"real": values.real, "imaginary": values.imag, "error": self.errors}
        return frame("to_pandas", columns | {"condition": self.condition, "residual": self.residuals})

    @shown
    def _repr_html_(self) -> str:
        values = np.asarray(self.eigenvalues, complex)
        points = list(zip(values.real.tolist(), values.imag.tolist(), strict=True))
        return page(repr(self), [picture([], "Re", "Im", points=points, marks={"stability": 0.0})])

    def __repr__(self) -> str:
        values = ", ".join(f"{value:.10g}" for value in self.eigenvalues)
        return f"Spectrum(gap={self.gap:.10g}: {values}){' ' + self.message if self.message else ''}"
