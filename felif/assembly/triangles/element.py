"""The orthonormal polynomials on triangles as an element of scikit-fem."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from skfem.element import ElementH1
from skfem.refdom import RefTri

from .space import modes, shapes


class ModalTriangle(ElementH1):
    """The basis as an element of scikit-fem: all degrees of freedom belong to the triangle, so nothing is shared."""

    refdom = RefTri

    def __init__(self, degree: int) -> None:
        self.maxdeg = degree
        self.interior_dofs = modes(degree)
        self.dofnames = ["u"] * self.interior_dofs
        self.doflocs = np.full((self.interior_dofs, 2), 1 / 3)
        self._degree = degree

    def lbasis(self, X: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
        flat = X.reshape(2, -1)
        values, slopes = shapes(self._degree, flat)
        return values[i].reshape(X.shape[1:]), slopes[i].reshape(2, *X.shape[1:])


@lru_cache
def element(degree: int) -> ModalTriangle:
    return ModalTriangle(degree)
