"""Floquet multipliers of a periodic orbit: eigenvalues of the linearised flow over one period, by Arnoldi."""

from __future__ import annotations

import numpy as np

from ..algebra import eigenvalues
from .orbit_system import Linearised, Silent
from .tuning import SPECTRA


def multipliers(linearised: Linearised, count: int = 8) -> np.ndarray:
    """The `count` multipliers of largest modulus, on perturbations that keep every total; one of them is 1 (the phase).

    With delays a perturbation is y and the past of the delayed scalars; where a delay is shorter than a piece of the
    time mesh the present one is iterated.
    """
    march = _Period(linearised)
    x = np.random.default_rng(0).standard_normal(march.size)
    x = march.project(x)
    V, H = np.zeros((SPECTRA.krylov + 1, march.size)), np.zeros((SPECTRA.krylov + 1, SPECTRA.krylov))
    V[0] = x / np.linalg.norm(x)
    steps = min(SPECTRA.krylov, march.rank)
    for k in range(steps):
        x = march.project(march(V[k]))
        for _ in range(2):
            h = V[: k + 1] @ x
            x -= h @ V[: k + 1]
            H[: k + 1, k] += h
        H[k + 1, k] = np.linalg.norm(x)
        if H[k + 1, k] < 1e-14 * np.abs(H[: k + 1, : k + 1]).max():
            steps = k + 1
            break
        V[k + 1] = x / H[k + 1, k]
    values = eigenvalues(H[:steps, :steps])
    return values[np.argsort(-np.abs(values))][:count]


class _Period:
    """The linearised flow over one period: (y, pasts) -> (y, pasts) a period later."""

    def __init__(self, linearised: Linearised) -> None:
        self.at = linearised
        m, n, s = linearised.orbit.Y.shape
        self.n, self.k, self.shape = n, len(linearised.names), (m, s)
        delays = [delay for _, delay in linearised.problem.delays.values()]
        #: how many whole periods of the past are needed
        reach = max(delays, default=0.0) / linearised.orbit.period
        self.periods = int(np.ceil(reach + linearised.mesh.widths[0])) if reach else 0
        self.size = n + self.periods * self.k * m * s
        self.rank = self.size - len(linearised.C) - len(linearised.silent)
        self.delays = delays
        self._silent = [(one, self._silence(one)) for one in linearised.silent]

    def _silence(self, one: Silent) -> np.ndarray:
        """Weights of int_{-D}^0 N over the pasts, shape (periods, m, s)."""
        weights, found = self.at.mesh.over_last(one.length), np.zeros((self.periods, *self.shape))
        kept = min(len(weights), self.periods)
        found[:kept] = self.at.orbit.period * weights[:kept]
        return found

    def project(self, x: np.ndarray) -> np.ndarray:
        """On perturbations that keep every total, with R = int N over a dead time."""
        y, E, C = x[: self.n], self.at.E, self.at.C
        y -= E @ (C @ y)
        pasts = x[self.n :].reshape(self.periods, self.shape[0], self.k, self.shape[1])
        for one, weights in self._silent:
            way = -E @ C[:, one.place]
            way[one.place] += 1.0
            y -= (y[one.place] - np.vdot(weights, pasts[:, :, one.series])) / way[one.place] * way
        return x

    def __call__(self, x: np.ndarray) -> np.ndarray:
        at, (m, s), n, k = self.at, self.shape, self.n, self.k
        if not self.delays:
            return at.pieces.sweep(x)[-1, :, -1]
        # pasts[p]: the series p periods ago, p = 0 the present one, which grows as the pieces are passed
        pasts = np.concatenate([np.zeros((1, m, k, s)), x[n:].reshape(self.periods, m, k, s)])
        y = x[:n]
        for i in range(len(at.pieces)):
            for _ in range(1 if min(self.delays) >= at.scale[i] else 12):
                lag = self._read(pasts, i)
                forcing = sum(at.scale[i] * U[i] * values for U, values in zip(at.U, lag, strict=True))
                dY = at.pieces.solve(i, y, forcing)
                pasts[0, i] = np.einsum("skn,ns->ks", at.G[i], dY)
                for Gamma, values in zip(at.Gamma, lag, strict=True):
                    pasts[0, i] += Gamma[i] * values
            y = np.ascontiguousarray(dY[:, -1])
        return np.concatenate([y, pasts[:-1].ravel()])

    def _read(self, pasts: np.ndarray, i: int) -> np.ndarray:
        """The delayed inputs at the points of piece i, shape (inputs, s)."""
        mesh, T = self.at.mesh, self.at.orbit.period
        m, _ = self.shape
        values = []
        for (series, _, _), delay in zip(self.at.lags, self.delays, strict=True):
            times = mesh.points[i] - delay / T
            ago = -np.floor(times).astype(int)
            piece, place = mesh.locate(times)
            before = np.where(piece > 0, ago, ago + 1)  # the period in which the piece before this one lies
            basis = mesh.basis(place)
            starts = basis[:, 0] * pasts[before, piece - 1, series, -1]
            values.append(starts + np.einsum("ps,ps->p", basis[:, 1:], pasts[ago, piece, series]))
        return np.array(values)
