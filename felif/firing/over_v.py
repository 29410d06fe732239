"""What the rooms `firing` and `assembly` read of a problem whose densities are functions of v."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.parameters import Parameters
from ..problem import Problem
from ..translation.weak_form import WeakForm


class OverV(Problem):
    """Densities over v on one mesh; `assembly.SemiDiscrete` fulfils it."""

    weak_form: WeakForm
    parameters: Parameters  # `m` of coefficients
    layout: Any  # where each unknown stands in y: `assembly.assembler.Layout`
    equations: Any  # of the scalars: `assembly.scalars.ScalarEquations`
    landings: tuple[float, ...]  # V_R, and other places where neurons may enter
    top: float  # V_F, or where the line ends before it
    length: float  # V_F - V_R, the unit of potentials
    cells: np.ndarray  # their ends, sorted
    widths: np.ndarray
    nodes: np.ndarray  # of one density, sorted, with V_F
    cell_nodes: np.ndarray  # (cells, degree + 1), their numbers in each cell
    natural: np.ndarray  # ends of the cells that the tolerance asks for whatever the state
    mergeable: np.ndarray  # pairs of neighbours whose union is no larger than those
    flow: Any  # drift and noise of the first density: `assembly.automatic.Flow`
    full: Callable[[str, np.ndarray], np.ndarray]  # (field, y) -> its values at all nodes
    namespace: Callable[[float, np.ndarray], SimpleNamespace]  # (t, y) -> `s` of coefficients. Raises Infeasible
    point: Callable[[float], SimpleNamespace]  # (rate) -> `s` with every algebraic scalar equal to it
    pulse: Callable[[str, np.ndarray], tuple[np.ndarray, float]]  # (scalar, y) -> what one neuron that fires does
    tied_row: Callable[[str], np.ndarray | None]  # (field) -> the mass row of V_F, where the mass is not lumped
    coupling: Callable[..., tuple]  # (t, y) -> what the scalars do: dF/d(scalars), dg/d(scalars), m_F M^-1
