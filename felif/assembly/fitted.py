"""Exponential fitting: the flux of a cell is that of the stationary solution through its two end values.

    J = (a/h) [B(-z) n_left - B(z) n_right],   z = h (mean drift)/a,   B(z) = z/(e^z - 1)

The tridiagonal band is a vectorised function of the coefficients; off-diagonal entries are never negative and columns
sum to the outflow, so backward Euler steps keep n >= 0. Source: Scharfetter & Gummel, IEEE Trans. ED 16 (1969).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..algebra import Band, gauss
from ..translation.coefficients import STEP
from ..translation.weak_form import CELLS, probe
from .assembler import Assembler, Contribution
from .operators import FormsOperator


def bernoulli_pair(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(B(-z), B(z)) for an array, real or complex: positive, without overflow or cancellation."""
    if np.iscomplexobj(z):
        return _stepped_pair(z)
    x = np.abs(z)
    decaying = np.maximum(x, 1e-30) / np.expm1(np.minimum(np.maximum(x, 1e-30), 600.0))  # e^-600 is zero beside e^0
    growing = x + decaying
    upwards = z >= 0
    return np.where(upwards, growing, decaying), np.where(upwards, decaying, growing)


def _stepped_pair(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same where the imaginary part is a complex step, whose cancellation at z = 0 a series avoids."""
    upwards = z.real >= 0
    x = np.where(upwards, z, -z)
    small = x.real < 1e-2
    clipped = np.minimum(np.where(small, 1.0, x.real), 600.0) + 1j * x.imag
    squared = x * x
    series = 1 - x / 2 + squared / 12 * (1 - squared / 60 * (1 - squared / 42))
    decaying = np.where(small, series, clipped / np.expm1(clipped))
    growing = x + decaying
    return np.where(upwards, growing, decaying), np.where(upwards, decaying, growing)


def bernoulli_of_minus(z: complex) -> complex:
    """B(-z) of one number, the imaginary part taken for a complex step: value and derivative in real arithmetic."""
    x = abs(z.real)
    if x < 1e-2:
        value = 1 - x / 2 + x * x / 12 * (1 - x * x / 60 * (1 - x * x / 42))
        slope = -0.5 + x / 6 * (1 - x * x / 30 * (1 - x * x / 28))
    elif x < 600:
        grown = math.expm1(x)
        value = x / grown
        slope = (1 - value) / grown - value
    else:
        value = slope = 0.0
    if z.real >= 0:
        value, slope = x + value, 1 + slope
    else:
        slope = -slope
    return complex(value, slope * z.imag) if isinstance(z, complex) else value


@dataclass(frozen=True, eq=False)
class Transport:
    """Cell means of convection and diffusion of one field: constant part and one entry per varying coefficient."""

    start: int  # of the field in y
    widths: np.ndarray
    convection: np.ndarray  # (1 + varying, cells)
    diffusion: np.ndarray  # (1 + varying, cells)
    tied: int | None  # algebraic scalar that is the flux through the last cell end

    def coefficients(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(left, right) with J = left n_left - right n_right, for coefficient values c (with a leading 1)."""
        drift, a, h = c @ self.convection, c @ self.diffusion, self.widths
        left, right = bernoulli_pair(h * drift / a)
        return a / h * left, a / h * right

    def outflow(self, c: list[complex]) -> complex:
        """`left` of the last cell: what leaves per unit of n at its lower end."""
        (drift, *drifts), (a, *noises), h = self._last
        for value, convection, diffusion in zip(c, drifts, noises, strict=True):
            drift, a = drift + value * convection, a + value * diffusion
        return a / h * bernoulli_of_minus(h * drift / a)

    @cached_property
    def _last(self) -> tuple[list[float], list[float], float]:
        return self.convection[:, -1].tolist(), self.diffusion[:, -1].tolist(), float(self.widths[-1])


@dataclass(frozen=True, eq=False)
class FittedOperator:
    """The operator interface of FormsOperator with fitted fluxes in place of convection and diffusion forms."""

    rest: FormsOperator  # reactions and sources
    transports: tuple[Transport, ...]

    affine = False
    positive = True

    @property
    def varying(self) -> tuple[Contribution, ...]:
        return self.rest.varying

    @property
    def constant_source(self) -> bool:
        return self.rest.constant_source

    @property
    def moves(self) -> tuple[bool, ...]:
        transported = [t.convection[1:].any(axis=1) | t.diffusion[1:].any(axis=1) for t in self.transports]
        return tuple(a or bool(b) for a, b in zip(self.rest.moves, np.any(transported, axis=0), strict=True))

    def prepare(self, y: np.ndarray) -> tuple[list, list[float]]:
        last = [float(y[t.start + len(t.widths) - 1]) if t.tied is not None else 0.0 for t in self.transports]
        return self.rest.prepare(y), last

    def residual(self, prepared: tuple[list, list[float]], c: list[complex]) -> list[complex]:
        rows, last = prepared
        g = list(self.rest.residual(rows, c))
        for transport, n in zip(self.transports, last, strict=True):
            if transport.tied is not None:
                g[transport.tied] = g[transport.tied] + transport.outflow(c) * n
        return g

    def residual_rows(self, y: np.ndarray, c: list[float]) -> np.ndarray:
        rows = self.rest.residual_rows(y, c).copy()
        for transport in self.transports:
            if transport.tied is not None:
                rows[transport.tied, transport.start + len(transport.widths) - 1] += transport.outflow(c).real
        return rows

    def rate(self, y: np.ndarray, c: list[complex]) -> np.ndarray:
        values = np.array([1.0, *c])
        total = self._rest_rate(y, c, values.dtype)
        for transport in self.transports:
            left, right = transport.coefficients(values)
            cells, start = len(left), transport.start
            flux = left * y[start : start + cells]
            inner = cells - (transport.tied is not None)
            flux[:inner] -= right[:inner] * y[start + 1 : start + 1 + inner]
            total[start : start + cells] -= flux
            total[start + 1 : start + 1 + inner] += flux[:inner]
        return total

    def _rest_rate(self, y: np.ndarray, c: list[complex], dtype: np.dtype) -> np.ndarray:
        if dtype == np.float64:
            return self.rest.rate(y, c)
        steps = [complex(value).imag for value in c]
        return self.rest.rate(y, [complex(value).real for value in c]) + 1j * self.rest.rate_along(y, c, steps)

    def jacobian_band(self, c: list[float]) -> Band:
        band = self.rest.jacobian_band(c)
        data, values = band.data.copy(order="F"), np.array([1.0, *c])
        for transport in self.transports:
            left, right = transport.coefficients(values)
            cells, start = len(left), transport.start
            inner = cells - (transport.tied is not None)
            data[1, start : start + cells] -= left
            data[2, start : start + inner] += left[:inner]
            data[1, start + 1 : start + 1 + inner] -= right[:inner]
            data[0, start + 1 : start + 1 + inner] += right[:inner]
        return Band(data, 1, 1)

    def rate_along(self, y: np.ndarray, c: list[float], dc: list[float]) -> np.ndarray:
        return self.rate(y, [complex(a, STEP * b) for a, b in zip(c, dc, strict=True)]).imag / STEP

    def residual_along(self, prepared: tuple[list, list[float]], c: list[float], dc: list[float]) -> list[float]:
        g = self.residual(prepared, [complex(a, STEP * b) for a, b in zip(c, dc, strict=True)])
        return [complex(value).imag / STEP for value in g]


def is_transport(term: Any, mesh: Any) -> bool:
    """Whether a term moves the density: its drift or its noise. ValueError for one that is a reaction as well."""
    if term.of is None or term.into != term.of:
        return False
    convection, diffusion, reaction = probe(term, mesh.p[0])
    transport = bool(np.any(convection) or np.any(diffusion))
    if transport and np.any(reaction):
        raise ValueError(f"Term {term.name!r} mixes transport and reaction; write two terms for ExponentialFitting")
    return transport


def cell_means(weak_form: Any, mesh: Any, assembler: Assembler) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Cell means of convection and diffusion of each transport term."""
    cells = np.sort(mesh.p[0])
    points, weights = gauss(5)
    x = cells[:-1, None] + np.diff(cells)[:, None] * points
    means = {}
    for term in weak_form.terms:
        if is_transport(term, mesh):
            convection, diffusion, _ = probe(term, x)
            here = np.ones(len(x))
            if term.over != CELLS:
                assembler.table(term.over)  # raises for cells that the mesh does not have
                here = 1.0 * np.isin(np.arange(len(x)), mesh.subdomains[term.over])
            means[term.name] = (here * (convection @ weights), here * (diffusion @ weights))
    return means
