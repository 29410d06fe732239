"""What belongs to a mesh of triangles: the operator, and functionals that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from skfem.mesh import MeshTri

from ...meshing.strip import corners_of
from ...translation import weak_form_of
from .limiter import Limiter
from .locate import Locator
from .operator import TriangleOperator
from .space import Triangles
from .trace import LineIntegrals


class TriangleMesh:
    """Everything of a problem on triangles that does not depend on numerical parameters; shared by `at`."""

    def __init__(
        self, model: Any, mesh: MeshTri, space: Triangles, tol: float | None, coarsest: np.ndarray, again: Callable
    ) -> None:
        """`again`: (model, mesh, space, tol) -> the problem discretised anew."""
        self.mesh, self.space, self.tol, self.coarsest, self.again = mesh, space, tol, coarsest, again
        self.model, self.weak_form = model, weak_form_of(model)
        self.operator = TriangleOperator(self.weak_form, mesh, space.degree, space.positive)
        self.cells = corners_of(mesh)

    def __reduce__(self) -> tuple[Any, ...]:  # copies are assembled again
        return type(self), (self.model, self.mesh, self.space, self.tol, self.coarsest, self.again)

    def on_mesh(self, model: Any, mesh: MeshTri) -> TriangleMesh:
        return TriangleMesh(model, mesh, self.space, self.tol, self.coarsest, self.again)

    @cached_property
    def integrals(self) -> LineIntegrals:
        return LineIntegrals(self.mesh, self.space.degree)

    @cached_property
    def rows(self) -> sparse.csr_matrix:
        """C in the middle of as many equal intervals as there are rows of triangles, for its total variation."""
        count = 2 * int(np.ceil(np.sqrt(len(self.cells) / 2)))
        low, high = self.integrals.ends[[0, -1]]
        return self.integrals.at(low + (high - low) * (np.arange(count) + 0.5) / count)

    @cached_property
    def locator(self) -> Locator:
        return Locator(self.cells)

    @cached_property
    def limiter(self) -> Limiter:
        return Limiter(self.cells, self.operator.area, self.space.degree, self.operator.threshold)
