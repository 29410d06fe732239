"""N(t) by heat potentials: a method of its own, without a mesh in v and without felif's code, to check felif against.

Extended by zero above V_F, the density solves  n_t + [(m - v) n]_v - a n_vv = N (delta_{V_R} - delta_{V_F})  on the
whole line, m = I + b N, a = a0 + a1 N (with a refractory state R/tau stands at V_R). Whatever m(t), a(t) are, the
kernel is

    G(v, t | w, s) = exp(-d^2/(2 S)) / sqrt(2 pi S),   d = v - w e^{-(t-s)} - int_s^t e^{-(t-r)} m dr,
                                                       S = 2 int_s^t e^{-2(t-r)} a dr.

N = -a n_v(V_F^-) is twice the principal value of -a n_v at V_F, a Volterra equation of the second kind for N alone:

    N(t) = -2 a(t) [ int n_0(w) G_v(V_F,t|w,0) dw + int_0^t (N_R(s) G_v(V_F,t|V_R,s) - N(s) G_v(V_F,t|V_F,s)) ds ].

N is smooth in theta = sqrt(t - t_0), t_0 the start or the last jump of I; theta N is where n_0(V_F) > 0. Panels of
Gauss points in theta, chosen by the decay of the Legendre coefficients; quadrature in z = sqrt(theta_i - theta), in
which the kernels are smooth. Each panel is a fixed point problem, solved by Newton with differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.polynomial import legendre

P, Q = 16, 24  # nodes of a panel, quadrature points of a panel's history
X, W = legendre.leggauss(P)
TO_COEFFICIENTS = np.linalg.inv(legendre.legvander(X, P - 1))
XQ, WQ = legendre.leggauss(Q)
XQ, WQ = 0.5 * (XQ + 1), 0.5 * WQ
LONG, LONG_W = legendre.leggauss(64)
LONG, LONG_W = 0.5 * (LONG + 1), 0.5 * LONG_W
# a panel's own history, theta = theta_i - z^2: the points in units of the panel, the polynomials there, and their
# divided differences with theta_i, which keep the relative accuracy of mean and variance of small lags
GAP = 0.5 * (X + 1)[:, None] * XQ**2  # (theta_i - theta)/(high - low)
OWN = legendre.legvander(X[:, None] - 2 * GAP, P - 1)
DIVIDED = (legendre.legvander(X, P - 1)[:, None, :] - OWN) / GAP[:, :, None]
DIVIDED[:, :, 0] = 0.0


class Panel:
    """theta in [low, high], t = origin + theta^2; Legendre coefficients of what the kernels need."""

    def __init__(self, origin: float, low: float, high: float, singular: bool) -> None:
        self.origin, self.low, self.high, self.singular = origin, low, high, singular
        self.theta = low + 0.5 * (high - low) * (X + 1)
        self.t = origin + self.theta**2
        self.start, self.end = origin + low**2, origin + high**2
        self.coefficients = np.zeros((4, P))  # of N (theta N if singular), of mean, variance, N_R

    def integral(self, integrand: np.ndarray, rate: float) -> np.ndarray:
        """Coefficients of int_start^t e^{-rate (t-r)} f(r) dr, f dt = integrand dtheta at the nodes."""
        grown = TO_COEFFICIENTS @ (integrand * np.exp(rate * (self.t - self.start)))
        total = 0.5 * (self.high - self.low) * legendre.legint(grown, lbnd=-1)
        values = legendre.legval(X, total) * np.exp(-rate * (self.t - self.start))
        end = legendre.legval(1.0, total) * np.exp(-rate * (self.end - self.start))
        return values, end


class FiringRate:
    """N(t), t in [0, t_end], for density n_0 (called with arrays, normalised here, zero outside `support`).

    `current`: a number or a function of t, smooth between `breakpoints`; `support`: n_0 is taken from there to V_F;
    `feature`: the width of its narrowest structure away from V_F. n_0(V_F) > 0 is allowed (N ~ t^{-1/2}). The error is
    about ten times `tolerance`, relative to N where N > `smallest`. tau > 0: refractory state, R(0) = R0.
    """

    def __init__(
        self,
        density: Callable,
        t_end: float,
        *,
        b: float = 0.0,
        a0: float = 1.0,
        a1: float = 0.0,
        v_reset: float = 1.0,
        v_fire: float = 2.0,
        current: float | Callable = 0.0,
        tau: float = 0.0,
        R0: float = 0.0,
        support: float = -12.0,
        feature: float = 0.2,
        breakpoints: Sequence[float] = (),
        tolerance: float = 1e-12,
        largest: float = 0.1,
        smallest: float = 1e-2,
    ) -> None:
        self.b, self.a0, self.a1, self.v_reset, self.v_fire = b, a0, a1, v_reset, v_fire
        self.current = current if callable(current) else lambda t: current + 0.0 * t
        self.tau, self.tolerance, self.smallest = tau, tolerance, smallest
        self.w, self.weight = _initial_points(support, v_fire, feature)
        values = density(self.w)
        self.weight = self.weight * values * (1 - R0) / (self.weight @ values)
        edge = float(density(np.array([v_fire - 1e-13 * (v_fire - support)]))[0])
        singular = edge * feature > 1e-12
        self.panels: list[Panel] = []
        self.state = np.array([0.0, 0.0, R0])  # mean, variance and R at the end of the last panel
        for start, end in zip([0.0, *breakpoints], [*breakpoints, t_end], strict=True):
            self._march(start, end, singular and start == 0.0, largest)

    def __call__(self, t) -> np.ndarray:
        t = np.atleast_1d(np.asarray(t, float))
        result = np.full(t.shape, np.nan)
        for panel in self.panels:
            here = (t >= panel.start - 1e-14) & (t <= panel.end + 1e-13)
            theta = np.sqrt(np.maximum(t[here] - panel.origin, 0))
            x = 2 * (theta - panel.low) / (panel.high - panel.low) - 1
            with np.errstate(divide="ignore"):
                result[here] = legendre.legval(x, panel.coefficients[0]) / (theta if panel.singular else 1)
        return result

    def _march(self, start: float, end: float, singular: bool, largest: float) -> None:
        low, last = 0.0, np.sqrt(end - start)
        length = min(0.02, last)
        guess = None
        while low < last * (1 - 1e-13):
            high = low + length if low + 1.5 * length < last else (last if low + length >= last else (low + last) / 2)
            panel = Panel(start, low, high, singular and low == 0.0)
            new = self._solve(panel, guess)
            c = np.abs(panel.coefficients[0])
            tail = np.inf if new is None else c[-2:].max() / max(c[0], self.smallest)
            if tail > self.tolerance:
                length *= 0.5
                if length < 1e-5:
                    raise ArithmeticError(f"N is not resolved near t = {panel.start} (blow-up?)")
                continue
            self.panels.append(panel)
            self.state, low = new, high
            guess = float(legendre.legval(1.0, panel.coefficients[0])) / (high if panel.singular else 1)
            if tail < 0.05 * self.tolerance:
                length = min(1.5 * length, largest)

    def _solve(self, panel: Panel, guess: float | None) -> np.ndarray | None:
        scale = panel.theta if panel.singular else np.ones(P)
        y = np.full(P, guess if guess is not None else 1e-3) * (scale if guess is None else 1)
        history = self._history(panel)
        past = lambda mean, variance: self._from_past(panel.t, history, mean, variance)
        size, jacobian = np.inf, None
        for _ in range(40):
            end, target, at = self._map(panel, y, past)
            residual = y - target
            if not np.isfinite(residual).all():
                return None
            before, size = size, np.max(np.abs(residual)) / (np.max(np.abs(y)) + 1e-12)
            if size < 1e-14 or (size < 1e-12 and size > 0.3 * before):
                return end
            if jacobian is None or size > 0.2 * before:
                step = 1e-7 * (np.max(np.abs(y)) + 1e-6)
                near = _tangent(past, *at)
                columns = [(self._map(panel, y + step * e, near)[1] - target) / step for e in np.eye(P)]
                jacobian = np.eye(P) - np.array(columns).T
            y = y - np.linalg.solve(jacobian, residual)
        return None

    def _history(self, panel: Panel) -> tuple[np.ndarray, ...]:
        """For every node (first axis) and quadrature point in the panels before: s, N ds, N_R ds, mean and variance."""
        parts = []
        for old in self.panels:
            if old.origin == panel.origin:
                top, bottom = np.sqrt(panel.theta - old.high), np.sqrt(panel.theta - old.low)
                z = top[:, None] + (bottom - top)[:, None] * XQ
                theta = panel.theta[:, None] - z**2
                dtheta = 2 * z * (bottom - top)[:, None] * WQ
            else:  # before a jump of I the kernel varies over factors of sqrt(t - s): points in its logarithm
                top, bottom = np.sqrt(panel.t - old.end), np.sqrt(panel.t - old.start)
                span = np.log(bottom / top)[:, None]
                x, weights = (LONG, LONG_W) if np.max(span) > 0.5 else (XQ, WQ)
                z = top[:, None] * np.exp(span * x)
                theta = np.sqrt(np.maximum(panel.t[:, None] - z**2 - old.origin, 0))
                dtheta = z**2 * span * weights / theta
            x = 2 * (theta - old.low) / (old.high - old.low) - 1
            N, mean, variance, reset = legendre.legval(x, old.coefficients.T)
            ds = dtheta if old.singular else theta * dtheta
            parts.append((old.origin + theta**2, 2 * N * ds, 2 * reset * theta * dtheta, mean, variance))
            if old.singular and self.tau == 0:
                parts[-1] = (*parts[-1][:2], 2 * N * ds, *parts[-1][3:])
        return tuple(np.concatenate(p, axis=1) for p in zip(*parts, strict=True)) if parts else ()

    def _map(self, panel: Panel, y: np.ndarray, past: Callable) -> tuple[np.ndarray, np.ndarray, tuple]:
        """(mean, variance, R) at the end of the panel; the right side at the nodes for trial values y; there past's
        arguments."""
        theta, t = panel.theta, panel.t
        flux = y if panel.singular else y * theta  # N dt = 2 flux dtheta
        N = y / theta if panel.singular else y
        decay, length = np.exp(-(t - panel.start)), panel.end - panel.start
        add, end_mean = panel.integral(2 * (self.current(t) * theta + self.b * flux), 1.0)
        mean = decay * self.state[0] + add
        add, end_variance = panel.integral(4 * (self.a0 * theta + self.a1 * flux), 2.0)
        variance = decay**2 * self.state[1] + add
        reset, R = N, 0.0
        if self.tau > 0:
            add, R = panel.integral(2 * flux, 1 / self.tau)
            reset = (np.exp(-(t - panel.start) / self.tau) * self.state[2] + add) / self.tau
            R += np.exp(-length / self.tau) * self.state[2]
        panel.coefficients[:] = np.array([y, mean, variance, reset]) @ TO_COEFFICIENTS.T

        gap = (panel.high - panel.low) * GAP
        inner = theta[:, None] - gap
        own_y, own_mean, own_variance, own_reset = (OWN @ c for c in panel.coefficients)
        dtheta = 2 * np.sqrt(gap * (theta - panel.low)[:, None]) * WQ
        own_N = 2 * own_y * dtheta * (1 if panel.singular else inner)
        own_reset = own_N if self.tau == 0 else 2 * own_reset * inner * dtheta
        lag = gap * (theta[:, None] + inner)
        own_drift = GAP * (DIVIDED @ panel.coefficients[1]) - np.expm1(-lag) * own_mean
        own_S = GAP * (DIVIDED @ panel.coefficients[2]) - np.expm1(-2 * lag) * own_variance
        total = self._layers(lag, own_N, own_reset, own_drift, own_S)
        total += past(mean, variance)
        result = -2 * (self.a0 + self.a1 * N) * total
        end = np.array(
            [
                np.exp(-length) * self.state[0] + end_mean,
                np.exp(-2 * length) * self.state[1] + end_variance,
                R,
            ]
        )
        return end, result * theta if panel.singular else result, (mean, variance)

    def _from_past(self, t: np.ndarray, history: tuple[np.ndarray, ...], mean: np.ndarray, variance: np.ndarray):
        """What the data and the panels before contribute at the nodes."""
        d0 = self.v_fire - self.w * np.exp(-t[:, None]) - mean[:, None]
        total = _slope(d0, variance[:, None]) @ self.weight
        if history:
            s, N_ds, reset_ds, m, S = history
            back = np.exp(s - t[:, None])
            total += self._layers(
                t[:, None] - s, N_ds, reset_ds, mean[:, None] - back * m, variance[:, None] - back**2 * S
            )
        return total

    def _layers(self, lag, N_ds, reset_ds, drift, S) -> np.ndarray:
        rise = -np.expm1(-lag)
        from_reset = _slope(self.v_fire - self.v_reset + self.v_reset * rise - drift, S)
        return np.sum(reset_ds * from_reset - N_ds * _slope(self.v_fire * rise - drift, S), axis=1)


def _tangent(f: Callable, mean: np.ndarray, variance: np.ndarray) -> Callable:
    """f to first order, by differences: every entry depends on its own mean and variance."""
    value, h, k = f(mean, variance), 1e-7 * (1 + np.abs(mean)), 1e-7 * variance
    in_mean, in_variance = (f(mean + h, variance) - value) / h, (f(mean, variance + k) - value) / k
    return lambda m, S: value + in_mean * (m - mean) + in_variance * (S - variance)


def _slope(d: np.ndarray, S: np.ndarray) -> np.ndarray:
    """dG/dv at distance d, variance S."""
    return -d / S * np.exp(-0.5 * d * d / S) / np.sqrt(2 * np.pi * S)


def _initial_points(low: float, v_fire: float, feature: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss points for n_0: panels of `feature` down to `low`, halved toward V_F."""
    uniform = v_fire - feature * np.arange(int(np.ceil((v_fire - low) / feature)), -1, -1)
    cuts = np.concatenate([uniform[:-1], v_fire - feature * 0.5 ** np.arange(1, 26), [v_fire]])
    return (
        (cuts[:-1, None] + np.diff(cuts)[:, None] * XQ).ravel(),
        (np.diff(cuts)[:, None] * WQ).ravel(),
    )
