"""A semi-discrete system as the compiled core takes it: cell by cell, everything affine in inputs and scalars.

    F = sum_m c_m A_m y + sum_z z f_z,      g = sum_z z (r_z . y + rho_z) - N,      c_m = sum_z weights_mz z

with z = (1, inputs, differential scalars, algebraic scalars). See `felif/algebra/core/core.h` for the arrays.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from .. import spaces
from ..algebra import compiled
from ..algebra.lanes import Condensed, Lanes
from ..firing import layers
from ..firing.over_v import OverV
from ..given.memory import remembered
from . import coarsen, splitting
from .operators import FormsOperator
from .tuning import MEMORY, SPLITTING


def condensed(problem: OverV) -> Condensed | None:
    """None where the core does not take the system.

    That is: coefficients that are not affine in scalars and inputs, exponential fitting, a consistent mass matrix,
    elements of degree 1, a mesh that is adapted with elements of degree 2, more scalars than it has room for.
    """
    kept = vars(problem._assembled).setdefault("condensed", {})
    key, model = (id(problem.model), problem.history is None), problem.model
    known = kept.get(key)
    if known is None or known[0] is not model:
        known = remembered(kept, key, (model, _condensed(problem)), MEMORY.systems)
    return known[1]


def _condensed(problem: OverV) -> Condensed | None:
    equations, operator = problem.equations, problem.operator
    form = equations.affine_form()
    if form is None or not isinstance(operator, FormsOperator) or problem.mass.kl or problem.mass.ku:
        return None
    algebraic, differential = problem.layout.algebraic, problem.layout.differential
    names = (*equations.inputs, *differential, *algebraic)
    if not compiled.LOWEST_DEGREE <= problem.degree <= compiled.HIGHEST_DEGREE:
        return None
    if problem.tol is not None and problem.degree < 3:
        return None
    if len(algebraic) > compiled.MOST_ALGEBRAIC or len(algebraic) + len(differential) > compiled.MOST_SCALARS:
        return None
    if 1 + len(names) > compiled.MOST_Z or len({*problem.scalar_names, *problem.quantities}) != len(
        problem.scalar_names
    ) + len(problem.quantities):
        return None
    constant, slopes = form
    lanes = lanes_of(problem)
    # what every form is multiplied by: one row a form, one column an entry of z
    factors = np.column_stack([constant, *(slopes[name] for name in names)]).reshape(len(constant), 1 + len(names))
    places = [problem.layout.offsets[name] for name in differential]
    arrays = _forms(operator, lanes, factors)
    arrays |= lanes.quantities(problem.mass.data[0], problem.conserved.values(), places)
    arrays["integral"] = equations.own_slopes().diagonal().copy()
    numbers = {"worthwhile": -1}
    if problem.tol is not None:
        _watched(problem, lanes, names, numbers, arrays)
    _arriving(problem, lanes, numbers, arrays)
    each = problem.tol is not None and problem.end is not None
    return lanes.handed_over(arrays, equations.inputs, problem.scalar_names, equations.empty_slope, each, **numbers)


def lanes_of(problem: OverV) -> Lanes:
    """Made once for all problems on a mesh."""
    known = vars(problem._assembled)
    if "lanes" not in known:
        known["lanes"] = _lanes(problem)
    return known["lanes"]


def _lanes(problem: OverV) -> Lanes:
    layout, cells, degree = problem.layout, len(problem.widths), problem.degree
    used = (cells + 1) * len(layout.tied) + len(layout.differential)
    count = -(-used // compiled.LANES) * compiled.LANES
    index, first = np.full((degree + 1, count), -1), []
    nodes = np.full((degree + 1, cells + 1), -1)
    nodes[:, :-1] = problem.cell_nodes.T
    nodes[0, -1] = degree * cells
    lane = 0
    for name in layout.tied:
        free = layout.free(name)
        known = (nodes >= 0) & (nodes < free)
        index[:, lane : lane + cells + 1] = np.where(known, nodes + layout.offsets[name], -1)
        first.append(lane)
        lane += cells + 1
    for name in layout.differential:
        index[0, lane] = layout.offsets[name]
        lane += 1
    return Lanes.numbered(index, problem.size, first)


def _forms(operator: FormsOperator, lanes: Lanes, factors: np.ndarray) -> dict[str, np.ndarray]:
    """Matrices, rows and sources by the entries of z."""
    varying, count, width = operator.varying, factors.shape[1], operator.band.ku
    bands = [k for k, part in enumerate(varying) if part.band is not None]
    fixed = operator.band.data + sum(factors[k, 0] * varying[k].band.data for k in bands)
    by_form = [k for k in bands if factors[k, 1:].any()]
    by_entry = [j for j in range(1, count) if factors[bands, j].any()]
    if len(by_form) < len(by_entry):
        parts = [varying[k].band.data for k in by_form]
        weights = factors[by_form].copy()
        weights[:, 0] = 0.0
    else:
        parts = [sum(factors[k, j] * varying[k].band.data for k in bands) for j in by_entry]
        weights = np.zeros((len(by_entry), count))
        weights[np.arange(len(by_entry)), by_entry] = 1.0
    own = np.zeros((1, count))
    own[0, 0] = 1.0
    everything = np.concatenate([own, factors])
    rows = np.tensordot(everything.T, operator.rows, 1)
    sources = np.zeros((count, operator.size))
    for k, part in enumerate(varying):
        if part.vector is not None:
            sources += factors[k][:, None] * part.vector
    if operator.vector is not None:
        sources[0] += operator.vector
    A, weights = lanes.matrices(np.array([fixed, *parts]), width), np.concatenate([own, weights])
    return lanes.forms(A, weights, rows, everything.T @ operator.numbers, sources)


def _watched(
    problem: OverV,
    lanes: Lanes,
    names: tuple[str, ...],
    numbers: dict[str, float],
    arrays: dict[str, np.ndarray],
) -> None:
    """When the mesh must be looked at: the reasons of `splitting`, or weaker ones, as in `watch`."""
    cells, tol = len(problem.widths), problem.tol
    if np.count_nonzero(problem.mergeable) >= (least := coarsen.worthwhile(problem)):
        numbers["worthwhile"] = int(np.ceil(least))
    arrays |= {"pairs": problem.mergeable.astype(int), "first_lane": np.array(lanes.first)}
    low, high = problem.decay_lengths
    ends = [(problem.layout.slice(name).start, tol / max(low, 1e-300)) for name in problem.field_names]
    if high:
        ends += [(problem.layout.slice(name).stop - 1, SPLITTING.top * tol / high) for name in problem.field_names]
    layers = _layers(problem, names)
    arrays |= {
        "tops": _tops(problem, lanes),
        "layer_table": layers,
        "end_limit": np.array([limit for _, limit in ends]),
    }
    arrays["end_place"] = lanes.place[[place for place, _ in ends]]
    numbers |= {"fields": len(lanes.first), "cells": cells, "smooth": coarsen.SMOOTH_CONTENT}
    numbers |= {"ends": len(ends), "layers": len(layers), "undershoot": tol}


def _tops(problem: OverV, lanes: Lanes) -> np.ndarray:
    """The two highest modes of every cell, over what is allowed of them; made once for all problems on a mesh."""
    known, cells = vars(problem._assembled), len(problem.widths)
    if "tops" not in known:
        tops = np.zeros((2, lanes.degree + 1, lanes.count))
        scale = problem.widths / (SPLITTING.unresolved * problem.tol)
        top = spaces.modal_transform(problem.degree)[-2:]
        for first in lanes.first:
            tops[:, :, first : first + cells] = top[:, :, None] * scale
        known["tops"] = tops
    return known["tops"]


def _layers(problem: OverV, names: tuple[str, ...]) -> np.ndarray:
    """For the layers below V_F and V_R: cell width over the widest allowed, drift and noise as rows on z."""
    nothing = problem.point(0.0)
    tables = [layers.transport(problem, nothing)]
    for name in names:
        s = SimpleNamespace(**vars(nothing))
        problem.equations.assign(s, name, getattr(s, name) + 1.0)
        tables.append(layers.transport(problem, s))
    rows = []
    for field in tables[0]:
        for k, place in enumerate((*problem.landings, problem.top)):
            width = float(problem.widths[int(np.searchsorted(problem.cells, place)) - 1])
            if width > splitting.thinnest(problem, place):
                at = np.array([[part[k] for part in table[field]] for table in tables])
                at[1:] -= at[0]
                rows.append([width / SPLITTING.layer_cells, *at[:, 0], *at[:, 1]])
    return np.array(rows).reshape(len(rows), 1 + 2 * (1 + len(names)))


def _arriving(problem: OverV, lanes: Lanes, numbers: dict[str, float], arrays: dict[str, np.ndarray]) -> None:
    """Neurons that the drift carries to V_F (see `firing.advected`), as functions of the inputs."""
    parts = problem.arrivals.parts(tuple(problem.equations.inputs))
    if parts is None:
        return
    speed, noise, spread = parts
    nodes = [np.arange(min(problem.layout.free(name), speed.shape[1])) for name in problem.field_names]
    unknowns = [problem.layout.offsets[name] + own for name, own in zip(problem.field_names, nodes, strict=True)]
    places = np.column_stack([lanes.place[np.concatenate(unknowns)], np.concatenate(nodes)])
    arrays |= {"speed": speed, "arriving_noise": noise, "arriving_place": places}
    numbers |= {"arriving": speed.shape[1], "arriving_places": len(places), "spread": spread}
