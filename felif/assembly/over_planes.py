"""Which discretisation a model over (v, w) gets: lines or triangles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..given.libraries import skfem
from ..spaces import ExponentialFitting, SpectralElement
from ..translation import weak_form_of
from .tensor.spaces import Tensor
from .triangles.space import Triangles


def has_weights(model: Any) -> bool:
    """Whether a model's density is over potentials and weights, (v, w)."""
    return any(field.over == ("v", "w") for field in weak_form_of(model).fields)


def discretize_plane(model: Any, mesh: Any, space: Tensor | Triangles | None, tol: float | None) -> Any:
    """The model on triangles where the mesh or the space says so, on lines otherwise. Raises ValueError."""
    if space is not None and not isinstance(space, Tensor | Triangles):
        raise ValueError(
            f"discretize: space = {space!r}; allowed for a density over (v, w) are Tensor(v, w), Triangles(degree)"
        )
    if isinstance(space, Triangles) or space is None and isinstance(mesh, skfem.MeshTri):
        from .triangles.discretize import discretize_triangles

        return discretize_triangles(model, mesh, space, tol)
    from .tensor.discretize import discretize_tensor

    return discretize_tensor(model, mesh, space, tol)


def plane_from_arrays(
    model: Any, arrays: Mapping[str, np.ndarray], space: Tensor | Triangles, tol: float | None
) -> Any:
    """The problem on the mesh that a run folder holds, from `mesh_arrays` of the problem that wrote it."""
    if isinstance(space, Tensor):
        from .tensor.discretize import tensor_from_arrays

        return tensor_from_arrays(model, arrays, space, tol)
    from .triangles.discretize import triangles_from_arrays

    return triangles_from_arrays(model, arrays, space, tol)


def discretize_over_axes(model: Any, mesh: Any, space: Any, tol: float | None) -> Any:
    """A model with `equations()`.

    Raises ValueError for other spaces than SpectralElement(degree) and, on a mesh that is given, ExponentialFitting().
    """
    from ..systems.discretize import discretize_equations

    if space is None:
        space = SpectralElement(6)
    fitted = isinstance(space, ExponentialFitting)
    if not fitted and not isinstance(space, SpectralElement):
        raise ValueError(
            f"discretize: space = {space!r}; allowed for {type(model).__name__} are SpectralElement(degree), "
            "ExponentialFitting()"
        )
    if fitted and mesh is None:
        raise ValueError(
            f"discretize: space = {space!r} chooses no cells for {type(model).__name__}; allowed is a mesh, "
            "{axis: ends of cells}, in place of tol: the cells of discretize(model, tol=1e-3).lines, say, halved until "
            "the errors of steady states, or a run on halved cells, are as small as wanted"
        )
    return discretize_equations(model, mesh, space, tol)
