"""Networks of several populations as a user writes them, and their steady rates by quadratures that are not felif's."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import numpy as np
from scipy.special import erfcx

import felif as fl
from felif import Axis, Conserved, Delayed, Equations, Term, Unknown, drift, jump, noise


@dataclass(frozen=True)
class Populations:
    """k populations with inputs m = m0 + B N and noise a = a0 + A N; tau_rp > 0: a refractory scalar R for each.

    Potentials and times in any units: leak -(v - E_L)/tau_m. `delay`: drift and noise hear what was fired then.
    """

    m0: tuple
    B: tuple
    a0: tuple
    A: tuple
    tau_m: tuple
    E_L: float = 0.0
    tau_rp: float = 0.0
    delay: float = 0.0
    v_reset: float = 1.0
    v_fire: float = 2.0

    def equations(self):
        k, unknowns, resting, terms, conserved, inputs = len(self.m0), [], [], [], [], []
        heard, top, back = "N_{}_delayed" if self.delay else "N_{}", {"v": self.v_fire}, {"v": self.v_reset}
        for i in range(k):
            n, N, R = f"n_{i}", f"N_{i}", f"R_{i}"

            def current(s, m, i=i):
                return m.m0[i] + sum(m.B[i][j] * getattr(s, heard.format(j)) for j in range(k))

            def spread(s, m, i=i):
                return m.a0[i] + sum(m.A[i][j] * getattr(s, heard.format(j)) for j in range(k))

            unknowns += [Unknown(n, ("v",)), Unknown(N, (), "holds", of=n, at=top)]
            terms += [
                drift(n, "v", lambda x, i=i: -(x.v - self.E_L) / self.tau_m[i], name=f"leak {i}"),
                drift(n, "v", lambda x: 1.0, current, name=f"current {i}"),
                noise(n, "v", spread, name=f"noise {i}"),
            ]
            if self.delay:
                inputs.append(Delayed(f"N_{i}_delayed", N, "delay"))
            if self.tau_rp:
                resting.append(Unknown(R))
                leaves = lambda s, m: 1 / m.tau_rp
                terms += [
                    Term(n, N, lambda N, phi, x: -N * phi, at=top, name=f"firing {i}"),
                    Term(n, R, None, leaves, at=back, name=f"reset {i}"),
                    Term(R, N, name=f"enter {i}"),
                    Term(R, R, lambda R, phi, x: -R, leaves, name=f"leave {i}"),
                ]
            else:
                terms.append(jump(n, N, lambda x: back, at=top, name=f"spikes {i}"))
            conserved.append(Conserved(f"total_{i}", {n: 1.0, R: 1.0} if self.tau_rp else {n: 1.0}))
        axis = Axis("v", -np.inf, self.v_fire, {"reset": self.v_reset})
        return Equations((axis,), (*unknowns, *resting), tuple(terms), tuple(conserved), tuple(inputs))


def as_populations(m: fl.ExcitatoryInhibitoryLIF) -> Populations:
    """The same numbers."""
    return Populations(
        (m.current_E, m.current_I), ((m.b_EE, -m.b_IE), (m.b_EI, -m.b_II)), (m.a0, m.a0), ((0, 0), (0, 0)), (1, 1),
        tau_rp=m.tau, v_reset=m.v_reset, v_fire=m.v_fire,
    )  # fmt: skip


def log_rates(net: Populations, N: np.ndarray) -> np.ndarray:
    """log r_i at rates N of shape (..., k): r = 1/(tau_rp + tau_m int_{y_R}^{y_F} h), h = sqrt(pi/2) erfcx(-y/sqrt 2).

    Gauss's rule, in the variable log(1 - y) for y < 0; where y_F > 36 the population is silent, e^-650.
    """
    m = np.array(net.m0) + N @ np.array(net.B, float).T
    a = np.array(net.a0) + N @ np.array(net.A, float).T
    tau = np.array(net.tau_m)
    mean, root = net.E_L + tau * m, np.sqrt(tau * a)
    top, length = np.minimum((net.v_fire - mean) / root, 36.0), (net.v_fire - net.v_reset) / root
    low = top - length
    x, weights = np.polynomial.legendre.leggauss(70)
    x, weights = (x + 1) / 2, weights / 2
    start = np.log1p(np.maximum(-top, 0))
    width = np.log1p((np.maximum(-low, 0) - np.maximum(-top, 0)) / (1 + np.maximum(-top, 0)))
    stretch = np.exp(start[..., None] + width[..., None] * x)
    total = width * ((erfcx((stretch - 1) / np.sqrt(2)) * stretch) @ weights)
    high = np.maximum(top, 0)
    width = np.minimum(high - np.minimum(np.maximum(low, 0), high), 50 / np.maximum(high, 1))
    y = high[..., None] - width[..., None] * x
    total = total + width * (erfcx(-y / np.sqrt(2)) @ weights)
    return -np.log(net.tau_rp + tau * np.sqrt(np.pi / 2) * np.maximum(total, 1e-300))


def rate_by_mpmath(net: Populations, i: int, N: list[float]) -> mpmath.mpf:
    """r_i by Siegert's formula tau_m sqrt(pi) int exp(x^2) (1 + erf x) dx in 40 digits."""
    with mpmath.workdps(40):
        m = net.m0[i] + sum(b * x for b, x in zip(net.B[i], N, strict=True))
        a = net.a0[i] + sum(b * x for b, x in zip(net.A[i], N, strict=True))
        tau = mpmath.mpf(net.tau_m[i])
        mean, root = net.E_L + tau * m, mpmath.sqrt(2 * tau * a)
        low, high = (net.v_reset - mean) / root, (net.v_fire - mean) / root
        parts = mpmath.linspace(low, high, 12)
        integral = mpmath.quad(lambda x: mpmath.exp(x * x) * mpmath.erfc(-x), parts)
        return 1 / (net.tau_rp + tau * mpmath.sqrt(mpmath.pi) * integral)


def scanned_states(net: Populations, low: float = 1e-13, high: float = 1e4, points: int = 900) -> list[np.ndarray]:
    """Steady rates of two populations from a grid over (log N_0, log N_1): cells where both components of the excess
    change sign, or nearly do, then Newton's method with differences."""
    axis = np.linspace(np.log(low), np.log(high), points)
    z = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    rows = [np.maximum(log_rates(net, np.exp(part)), -115.0) - part for part in np.array_split(z.reshape(-1, 2), 400)]
    excess = np.concatenate(rows).reshape(points, points, 2)
    corners = np.stack([excess[i : points - 1 + i, j : points - 1 + j] for i in (0, 1) for j in (0, 1)])
    both = ((corners.min(axis=0) <= 0) & (corners.max(axis=0) >= 0)).all(axis=-1)
    return roots_near(net, (axis[np.argwhere(both)] + axis[np.argwhere(both) + 1]) / 2)


def roots_near(net: Populations, starts: np.ndarray) -> list[np.ndarray]:
    """N of the roots of log r - log N (no less than -115) that Newton's method with differences reaches from rows of
    log N, all at once."""
    z = np.array(starts, float)
    k, step = z.shape[1], np.full(len(z), np.inf)
    for _ in range(60):
        points = np.concatenate([z[None], z + 1e-6 * np.eye(k)[:, None, :]])
        g = np.maximum(log_rates(net, np.exp(points)), -115.0) - points
        change = -np.einsum("bij,bj->bi", np.linalg.pinv(((g[1:] - g[0]) / 1e-6).transpose(1, 2, 0)), g[0])
        step = np.abs(change).max(axis=1)
        z = np.clip(z + change * np.minimum(1.0, 1.0 / np.maximum(step, 1e-300))[:, None], -115.0, 10.0)
    residual = np.abs(np.maximum(log_rates(net, np.exp(z)), -115.0) - z).max(axis=1)
    found: list[np.ndarray] = []
    for root in z[(step < 1e-7) & (residual < 1e-6) & (z.max(axis=1) < np.log(1e4))]:
        if not any(np.abs(np.log(other) - root).max() < 1e-5 for other in found):
            found.append(np.exp(root))
    return sorted(found, key=tuple)


SILENT_I = fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_EI=0.3, b_IE=1.0, b_II=0.5, a0=0.05, current_E=1.5, current_I=0.7)
THREE = fl.ExcitatoryInhibitoryLIF(b_EE=3.0, b_IE=4.0, b_EI=0.6, b_II=0.0)


def states(model, tol=1e-8):
    return fl.steady_states(fl.discretize(model, tol=tol))


def rates(found):
    count = len(found[0].problem.field_names)
    return np.array([[getattr(s, name) for name in s.problem.scalar_names[:count]] for s in found])


def agrees(found, expected, rel=1e-6):
    """As many, and each within its error and `rel` of a right one."""
    assert len(found) == len(expected), f"{found}\nexpected {expected}"
    left = list(expected)
    for state, N in zip(found, rates(found), strict=True):
        room = [state.errors[name] for name in state.problem.scalar_names[: len(N)]]
        near = [x for x in left if (np.abs(N - x) <= rel * np.abs(x) + 2 * np.array(room) + 1e-13).all()]
        assert near, f"{state} is none of {left}"
        left = [x for x in left if x is not near[0]]
