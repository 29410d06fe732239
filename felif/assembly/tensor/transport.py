"""Transport across the lines, p_t + (c p)_w = 0, where c depends on the local rate: c(w, N(w), Nbar).

c grows with N and N with p: the flux is like that of Burgers' equation, with wave speeds c and c + N dc/dN, and shocks
form. Between cells: Rusanov's flux with the largest of both speeds on either side; none through both ends of the axis.
Upwinding on the sign of c would be anti-diffusive.
"""

from __future__ import annotations

import numpy as np

from ...algebra import transport_kernels
from .line_forms import LineForms
from .spaces import MUSCL, Axis
from .tuning import TRANSPORT


class Transport:
    """Transport in w for one model on one w-axis."""

    def __init__(self, forms: LineForms, axis: Axis) -> None:
        self._forms, self._axis = forms, axis
        self.exists = bool(forms.transports)
        q = axis.space.degree
        self._limited = isinstance(axis.space, MUSCL)
        self._threshold = 0.5 * 10.0 ** (-1.8 * (q + 1) ** 0.25) if q > 3 else TRANSPORT.jump**2
        self._mass = np.ascontiguousarray(forms.weights)
        # faces, each seen from the cell below and above it; those at the ends let nothing through
        self._faces = axis.cells

    def _speeds(
        self, t: float, N: np.ndarray, Nbar: float, blend: np.ndarray | None = None
    ) -> tuple[np.ndarray, ...] | None:
        """c and |wave speed| at nodes, c below and above each face, |wave speed| there; None where all are zero."""
        axis, tables = self._axis, self._axis.tables
        local = axis.by_cells(N)
        if self._limited:
            half = axis.widths * transport_kernels.half_slopes(N, axis.widths)  # as the kernel does with p
            start, end = N - half, N + half
        else:
            start, end = local @ tables.left, local @ tables.right
            if blend is not None:
                start = (1 - blend) * start + blend * local[:, 0]
                end = (1 - blend) * end + blend * local[:, -1]
        below, above = np.concatenate([[0.0], end]), np.concatenate([start, [0.0]])
        w = np.concatenate([axis.nodes, self._faces, self._faces])
        c, wave = self._forms.speeds(t, w, np.concatenate([N, below, above]), Nbar)
        fastest = np.maximum(np.abs(c), np.abs(wave))
        if not fastest.any():
            return None
        nodes, faces = axis.size, len(self._faces)
        places = [slice(0, nodes), slice(nodes, nodes + faces), slice(nodes + faces, None)]
        return *(c[place] for place in places), *(fastest[place] for place in places)

    def add(self, t: float, p: np.ndarray, N: np.ndarray, Nbar: float, out: np.ndarray) -> None:
        """Adds M times the rate of change by transport to `out`, shape (n_v, n_w)."""
        if not self.exists:
            return
        axis, tables = self._axis, self._axis.tables
        blend = None if self._limited else self.finite_volumes(self._mass @ p)
        speeds = self._speeds(t, N, Nbar, blend)
        if speeds is None:
            return
        c, below, above, fastest, fast_below, fast_above = speeds
        alpha = np.maximum(fast_below, fast_above)
        if self._limited:
            transport_kernels.limited_slopes(p, axis.widths, below, above, alpha, self._mass, out)
            return
        local = axis.by_cells(fastest)
        inner = np.ascontiguousarray(np.maximum(local[:, 1:], local[:, :-1]))
        transport_kernels.polynomial_cells(
            p, c, below, above, alpha, blend, inner, tables.volume, tables.left, tables.right, self._mass, out
        )

    def finite_volumes(self, C: np.ndarray) -> np.ndarray:
        """Share of finite volumes in each cell, from the size of the highest modes of C(w) there."""
        axis = self._axis
        if axis.space.degree == 0:
            return np.zeros(axis.count)
        local = axis.by_cells(C)
        energy = (local @ axis.tables.modal.T) ** 2
        total = energy.cumsum(axis=1)
        floor = (TRANSPORT.quiet * np.abs(C).max()) ** 2 + 1e-300
        highest = energy[:, -1] / (total[:, -1] + floor)
        if axis.space.degree > 3:  # of an even or odd function every other mode vanishes
            highest = np.maximum(highest, energy[:, -2] / (total[:, -2] + floor))
        else:  # a slope alone says nothing: jumps do, which are of order degree + 1 where C is smooth
            jumps = np.pad((local[1:] @ axis.tables.left - local[:-1] @ axis.tables.right) ** 2, 1)
            highest = np.maximum(jumps[1:], jumps[:-1]) / (total[:, -1] + floor)
        size = (highest / self._threshold) ** (3 if axis.space.degree > 3 else 2)
        share = size / (1.0 + size)
        share[share < TRANSPORT.negligible] = 0.0
        wider = share.copy()  # a shock about to enter a cell
        np.maximum(wider[1:], share[:-1] ** 2, out=wider[1:])
        np.maximum(wider[:-1], share[1:] ** 2, out=wider[:-1])
        return wider

    def step_limit(self, t: float, N: np.ndarray, Nbar: float) -> float:
        """1 / spectral radius; inf where nothing moves."""
        speeds = self._speeds(t, N, Nbar) if self.exists else None
        if speeds is None:
            return np.inf
        axis = self._axis
        *_, fastest, below, above = speeds
        largest = axis.by_cells(fastest).max(axis=1)
        faces = np.maximum(below, above)
        faces[[0, -1]] = 0.0
        largest = np.maximum(largest, np.maximum(faces[:-1], faces[1:]))
        return float(1.0 / (axis.tables.radius * np.max(largest / axis.widths)))
