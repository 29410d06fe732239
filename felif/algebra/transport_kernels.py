"""Compiled loops of transport along the lines: upwind fluxes between cells of polynomials, and of limited slopes.

    out[v, w] += mass[v] x (what flows into the test function of w),     p_t + (c p)_w = 0,  no flux through both ends

Between cells the Rusanov flux  (c- p- + c+ p+)/2 - alpha (p+ - p-)/2  is used, one alpha for all v.
"""

from __future__ import annotations

import numpy as np


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
    flux, start, end = np.zeros(cells + 1), np.zeros(cells), np.zeros(cells)
    g = np.zeros(nodes)
    for v in range(n):
        for j in range(cells):
            at, a, b = j * nodes, 0.0, 0.0
            for i in range(nodes):
                a += left[i] * p[v, at + i]
                b += right[i] * p[v, at + i]
            share = blend[j]
            if share > 0.0:
                a = (1.0 - share) * a + share * p[v, at]
                b = (1.0 - share) * b + share * p[v, at + nodes - 1]
            start[j], end[j] = a, b
        for j in range(1, cells):
            flux[j] = 0.5 * (below[j] * end[j - 1] + above[j] * start[j] - alpha[j] * (start[j] - end[j - 1]))
        m = mass[v]
        for j in range(cells):
            at = j * nodes
            for q in range(nodes):
                g[q] = c[at + q] * p[v, at + q]
            share = blend[j]
            for i in range(nodes):
                total = left[i] * flux[j] - right[i] * flux[j + 1]
                for q in range(nodes):
                    total += volume[q, i] * g[q]
                out[v, at + i] += (1.0 - share) * m * total
            if share > 0.0:
                before = flux[j]
                for i in range(nodes):
                    if i + 1 < nodes:
                        jump = p[v, at + i + 1] - p[v, at + i]
                        after = 0.5 * (g[i] + g[i + 1] - inner[j, i] * jump)
                    else:
                        after = flux[j + 1]
                    out[v, at + i] += share * m * (before - after)
                    before = after


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
    n, cells = p.shape
    half = np.zeros(cells)
    for v in range(n):
        for j in range(1, cells - 1):
            a = (p[v, j] - p[v, j - 1]) / (widths[j] + widths[j - 1])
            b = (p[v, j + 1] - p[v, j]) / (widths[j] + widths[j + 1])
            if a * b <= 0.0:
                half[j] = 0.0
            elif a > 0.0:
                half[j] = widths[j] * min(a, b)
            else:
                half[j] = widths[j] * max(a, b)
        before = 0.0
        for j in range(cells):
            after = 0.0
            if j + 1 < cells:
                end, start = p[v, j] + half[j], p[v, j + 1] - half[j + 1]
                after = 0.5 * ((alpha[j + 1] + below[j + 1]) * end - (alpha[j + 1] - above[j + 1]) * start)
            out[v, j] += mass[v] * (before - after)
            before = after
