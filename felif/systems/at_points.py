"""F, its derivatives and the scalars of a system at many states at once, where its Jacobian is a band."""

from __future__ import annotations

import numpy as np

from ..algebra import Linearisations
from .changes import algebraic_scalars, input_number
from .constraint import require_conditions
from .on_axes import OnAxes


def at_points(system: OnAxes, times: np.ndarray, states: np.ndarray, derivatives: bool) -> Linearisations | None:
    """See `Problem`; None where it is no band. Raises Infeasible."""
    structure, scalars = system._structure, system._scalar_places
    if not structure.is_band:
        return None
    X = np.zeros((len(times), len(system.layout.columns)))
    X[:, : system.size] = states
    for t, row in zip(times.tolist(), X, strict=True):
        system._inputs(t, row)
    X = system.constraint.solve_many(X)
    for row in X:
        require_conditions(system.equations, system.layout, system.model, row)
    F = system._operator.residual(X)[:, : system.size]
    if not derivatives:
        return Linearisations(F, X[:, scalars])
    here, by_inputs = structure.at(system._operator.jacobian(X)), {}
    if system.delays:
        dz = -here.by_g_z(here.dense_block("g_in"))
        dF = here.dense_block("F_in") + here.dense_block("F_z") @ dz
        numbers = {name: input_number(system, name) for name in system.delays}
        by_inputs = {name: (dF[:, :, k], dz[:, algebraic_scalars(system), k]) for name, k in numbers.items()}
    widths, gradients = (structure.reach, structure.reach), here.gradient(scalars)
    return Linearisations(F, X[:, scalars], widths, here.band, here.U, here.G, gradients, by_inputs)
