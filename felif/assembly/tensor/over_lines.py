"""What the modules of this room read of a problem over (v, w) on lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..plane import OverPlane
from .line_forms import Activity, LineForms
from .mending import Mender
from .spaces import Axis, Tensor


class OverLines(OverPlane):
    """One density on nodes of v times nodes of w; `TensorProblem` fulfils it."""

    space: Tensor
    forms: LineForms  # matrices along v
    axis: Axis  # cells and elements along w
    base: np.ndarray  # cells of w that no mesh is coarser than
    mesh: Any  # of v, of scikit-fem
    cells: np.ndarray  # of v: their ends, sorted
    widths: np.ndarray
    nodes: np.ndarray  # of v, with V_F
    w_cells: np.ndarray  # of w: their ends, sorted
    w_nodes: np.ndarray
    shape: tuple[int, int]  # nodes of v but V_F, nodes of w
    v_weights: np.ndarray  # of integrals over v, at its nodes but V_F
    w_weights: np.ndarray
    total_weights: np.ndarray  # at w-nodes: Nbar = total_weights . N
    plane: Callable[[np.ndarray], np.ndarray]  # y as p[v-node, w-node]
    rates: Callable[[float, np.ndarray], tuple[np.ndarray, float]]  # (t, y) -> N(w), Nbar. Raises Infeasible
    activity: Callable[[float, np.ndarray], Activity]  # (t, y) -> what the lines fire. Raises Infeasible
    total_gradient: Callable[[float, np.ndarray], np.ndarray]  # (t, y) -> dNbar/dy of the last unknowns
    cut_off_lines: Callable[[np.ndarray], float]  # part of the mass of y below the mesh
    on_cells: Callable[..., OverLines]  # the same on other cells of v, of w, or of both
    transport: Any  # across the lines: `transport.Transport`
    mender: Mender
