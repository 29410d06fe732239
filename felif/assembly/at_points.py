"""F, its derivatives and the scalars at many states at once, where coefficients are affine in scalars and inputs."""

from __future__ import annotations

import numpy as np

from ..algebra import Band, Linearisations
from ..firing.over_v import OverV
from .operators import FormsOperator


def at_points(problem: OverV, times: np.ndarray, states: np.ndarray, derivatives: bool) -> Linearisations | None:
    """See `Problem`; None where coefficients are not affine. Raises Infeasible."""
    equations, operator = problem.equations, problem.operator
    form = equations.affine_form()
    if form is None or not isinstance(operator, FormsOperator):
        return None
    constant, slopes = form
    number, names, count = len(equations.algebraic), equations.names, len(times)
    places = problem.places  # of the differential scalars
    offset = np.tile(np.array(constant, float), (count, 1))
    for name in equations.inputs:
        offset += np.outer(equations.input_at(name, times), slopes[name])
    for name, place in zip(names[number:], places, strict=True):
        offset += np.outer(states[:, place], slopes[name])
    projected = np.moveaxis(operator.rows @ states.T, 2, 0) + operator.numbers  # (points, 1 + coefficients, algebraic)
    by_names = np.array([slopes[name] for name in names]).reshape(len(names), len(constant))
    slope_of = np.einsum("bk,pka->pab", by_names, projected[:, 1:])
    own = slope_of[:, :, :number] - equations.own_slopes()
    equations.require_solvable(own)
    g = projected[:, 0] + np.einsum("pk,pka->pa", offset, projected[:, 1:])
    N = np.linalg.solve(-own, g[:, :, None])[:, :, 0]
    c = offset + N @ by_names[:number]

    columns = np.ascontiguousarray(states.T)
    moved = {k: _times(band, columns) for k, band in operator._bands}
    sources = operator._sources

    def along(dc: np.ndarray) -> np.ndarray:
        """The change of F by these changes (points or 1, coefficients) of the coefficients, shape (points, size)."""
        total = np.zeros((problem.size, count))
        for k, product in moved.items():
            if dc[:, k].any():
                total += dc[:, k] * product
        for k, at, values in sources:
            total[at] += values[:, None] * dc[:, k]
        return total.T

    F = _times(operator.band, columns).T + along(c)
    if operator.vector is not None:
        F += operator.vector
    scalars = np.column_stack([N, states[:, places]])
    if not derivatives:
        return Linearisations(F, scalars)
    U = np.stack([along(one[None]) for one in by_names], axis=2)
    G = np.zeros((count, len(names), problem.size))
    G[:, number + np.arange(len(places)), places] = 1.0
    rows = np.einsum("pk,kan->pan", np.column_stack([np.ones(count), c]), operator.rows)
    G[:, :number] = np.linalg.solve(-own, rows + slope_of[:, :, number:] @ G[:, number:])
    data = np.broadcast_to(operator.band.data.T, (count, *operator.band.data.T.shape)).copy()
    for k, band in operator._bands:
        data += c[:, k, None, None] * band.data.T
    by_inputs = {}
    for name in problem.delays:
        dc = np.array(slopes[name])
        changes = np.linalg.solve(-own, np.einsum("k,pka->pa", dc, projected[:, 1:])[:, :, None])[:, :, 0]
        by_inputs[name] = along(dc[None]) + np.einsum("pna,pa->pn", U[:, :, :number], changes), changes
    kl, ku = operator.band.kl, operator.band.ku
    return Linearisations(F, scalars, (kl, ku), np.swapaxes(data, 1, 2), U, G, G, by_inputs)


def _times(band: Band, columns: np.ndarray) -> np.ndarray:
    """A x for every column x, diagonal by diagonal."""
    n, total = band.n, np.zeros(columns.shape)
    for d in range(-band.ku, band.kl + 1):  # row - column
        low, high = max(0, -d), min(n, n - d)
        total[low + d : high + d] += band.data[band.ku + d, low:high, None] * columns[low:high]
    return total
