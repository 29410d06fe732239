"""Transport across lines: upwind fluxes between cells of polynomials, and of limited slopes; where they are negative.

    out[v, w] += mass[v] x (what flows into the test function of w),     p_t + (c p)_w = 0,  no flux through both ends

Between cells the Rusanov flux  (c- p- + c+ p+)/2 - alpha (p+ - p-)/2  is used, one alpha for all v. The loops are those
of the compiled core (across.h), or numpy's where it was not built.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from . import compiled


def polynomial_cells(
    p: np.ndarray,
    c: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
    alpha: np.ndarray,
    blend: np.ndarray,
    inner: np.ndarray,
    volume: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    mass: np.ndarray,
    out: np.ndarray,
) -> None:
    """Discontinuous Galerkin cells with nodes per cell, each blended with finite volumes around its nodes.

    p (n, cells * nodes); c at nodes; below, above, alpha (cells + 1): speeds on either side of a face, and the upwind
    coefficient; blend (cells): share of finite volumes; inner (cells, nodes - 1): upwind coefficients between nodes;
    volume[q, i] = weight_q phi_i'(x_q); left, right: shape functions at the ends of a cell.
    """
    n, nodes, cells = p.shape[0], len(left), len(blend)
    core = compiled.library()
    if core is not None:
        names = {"c": c, "below": below, "above": above, "alpha": alpha, "blend": blend, "inner": inner}
        names |= {"volume": volume, "left": left, "right": right, "mass": mass}
        _call(core.felif_polynomial_cells, (n, cells, nodes), p, out, names)
        return
    local, share = p.reshape(n, cells, nodes), blend[:, None]
    start = (1.0 - blend) * (local @ left) + blend * local[:, :, 0]
    end = (1.0 - blend) * (local @ right) + blend * local[:, :, -1]
    flux = np.zeros((n, cells + 1))
    before, after = end[:, :-1], start[:, 1:]
    flux[:, 1:-1] = 0.5 * (below[1:-1] * before + above[1:-1] * after - alpha[1:-1] * (after - before))
    g = c.reshape(cells, nodes) * local
    total = left * flux[:, :-1, None] - right * flux[:, 1:, None] + g @ volume
    between = np.empty((n, cells, nodes + 1))
    between[:, :, 0], between[:, :, -1] = flux[:, :-1], flux[:, 1:]
    between[:, :, 1:-1] = 0.5 * (g[:, :, :-1] + g[:, :, 1:] - inner * np.diff(local, axis=2))
    total = (1.0 - share) * total - share * np.diff(between, axis=2)
    out += mass[:, None] * total.reshape(p.shape)


def limited_slopes(
    p: np.ndarray,
    widths: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
    alpha: np.ndarray,
    mass: np.ndarray,
    out: np.ndarray,
) -> None:
    """MUSCL: straight lines in every cell, with the smaller of both neighbouring slopes, none at the ends."""
    core = compiled.library()
    if core is not None:
        names = {"widths": widths, "below": below, "above": above, "alpha": alpha, "mass": mass}
        _call(core.felif_limited_slopes, (*p.shape, 1), p, out, names)
        return
    half, flux = widths * half_slopes(p, widths), np.zeros((len(p), p.shape[1] + 1))
    end, start = (p + half)[:, :-1], (p - half)[:, 1:]
    inside = slice(1, -1)
    flux[:, 1:-1] = 0.5 * ((alpha + below)[inside] * end - (alpha - above)[inside] * start)
    out -= mass[:, None] * np.diff(flux, axis=1)


def half_slopes(p: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Half the smaller of both neighbouring slopes in every cell, none at the ends and extrema; p (..., cells)."""
    slopes, result = np.diff(p) / (widths[1:] + widths[:-1]), np.zeros_like(p)
    a, b = slopes[..., :-1], slopes[..., 1:]
    result[..., 1:-1] = np.where(a * b > 0.0, np.where(np.abs(a) < np.abs(b), a, b), 0.0)
    return result


def suspect_cells(p: np.ndarray, samples: np.ndarray, floor: float) -> np.ndarray:
    """Cells in which a polynomial may fall below zero by more than `floor` on some line v, in ascending order.

    p (n, cells, nodes); samples (points, nodes): shape functions so close together that a polynomial falls by less than
    a tenth of its size between them.
    """
    core = compiled.library()
    if core is None:
        values = p @ samples.T
        low, size = values.min(axis=2), np.abs(values).max(axis=2)
        return np.flatnonzero((low < np.minimum(0.1 * size, size - floor)).any(axis=0))
    table = np.ascontiguousarray(np.pad(samples, ((0, -len(samples) % 4), (0, 0)), "edge").T)
    p, suspect = np.ascontiguousarray(p, float), np.empty(p.shape[1], np.int64)
    at = (compiled.pointer(p), compiled.pointer(table), table.shape[1], floor, compiled.pointer(suspect))
    core.felif_suspects(ctypes.byref(compiled.Across(*p.shape)), *at)
    return np.flatnonzero(suspect)


def _call(function: Any, sizes: tuple[int, int, int], p: np.ndarray, out: np.ndarray, names: dict) -> None:
    kept = {name: np.ascontiguousarray(values, float) for name, values in names.items()}
    kept["work"] = np.empty(3 * sizes[1] + 1)
    given = compiled.Across(*sizes, **{name: compiled.pointer(values) for name, values in kept.items()})
    p = np.ascontiguousarray(p, float)
    function(ctypes.byref(given), compiled.pointer(p), compiled.pointer(out))
