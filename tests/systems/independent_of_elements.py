"""Methods that share nothing with felif's elements, to check systems against."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev as T
from numpy.polynomial import legendre as L
from scipy.integrate import quad, solve_ivp
from scipy.linalg import solve_banded
from scipy.optimize import brentq, fsolve


def wall_density(closure, n_0, length, mu_0, t_end, count=20):
    """(q, mu) = (n(0, t), mu(t)) of a polarising cell as functions of t, without a mesh in z.

    q/2 = int G(m(t) - x, t) n_0(x) dx + int_0^t (m(t) - m(s))/(2 (t - s)) G(m(t) - m(s), t - s) q(s) ds
          [ - int_0^t G(m(t) - m(s), t - s) mu'(s) ds for "exchange" ],     m = int mu,
    q a Chebyshev series in sqrt(t), s = t sin^2 of an angle.
    """
    root = np.sqrt(t_end)
    theta = root * (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2
    x, w = L.leggauss(60)
    angle, weight = np.pi * (x + 1) / 4, np.pi * w / 4
    kernel = lambda d, t: np.exp(-(d**2) / (4 * t)) / np.sqrt(4 * np.pi * t)
    unit = lambda u: 2 * u / root - 1
    inverse = np.linalg.inv(T.chebvander(unit(theta), count - 1))

    def series(values):
        """(q, mu, m) as functions of sqrt(t), from values of q at the nodes."""
        q = lambda u: T.chebval(unit(u), inverse @ values)
        if closure == "trace":
            mu = q
        else:
            fine, dense = 0.5 * (x + 1), []
            for u in theta:  # mu = mu_0 e^{-t/L} + int_0^t e^{-(t-s)/L} q ds
                s = u * fine
                dense.append(
                    mu_0 * np.exp(-(u**2) / length) + 0.5 * u * w @ (2 * s * np.exp(-(u**2 - s**2) / length) * q(s))
                )
            mu = lambda u, c=inverse @ np.array(dense): T.chebval(unit(u), c)
        moved = [0.5 * u * w @ (u * (x + 1) * mu(0.5 * u * (x + 1))) for u in theta]
        return q, mu, lambda u, c=inverse @ np.array(moved): T.chebval(unit(u), c)

    def residual(values):
        q, mu, m = series(values)
        found = []
        for u, value in zip(theta, values, strict=True):
            t, here = u**2, m(u)
            low = -here / (2 * u)
            z = low + (7 - low) * (x + 1) / 2
            start = (7 - low) / 2 * w @ (np.exp(-(z**2)) / np.sqrt(np.pi) * n_0(here + 2 * u * z))
            s, gap = u * np.sin(angle), t * np.cos(angle) ** 2
            ds = 2 * t * np.sin(angle) * np.cos(angle) * weight
            went = here - m(s)
            past = ds @ (went / (2 * gap) * kernel(went, gap) * q(s))
            if closure == "exchange":
                past -= ds @ (kernel(went, gap) * (q(s) - mu(s) / length))
            found.append(value / 2 - start - past)
        return np.array(found)

    values = fsolve(residual, np.full(count, float(n_0(np.zeros(1))[0])), xtol=1e-12)
    q, mu, _ = series(values)
    return lambda t: q(np.sqrt(t)), lambda t: mu(np.sqrt(t))


def oscillators(K, D, A, omega, z_1, times, modes=30):
    """r(t) from z_k' = (i k omega - D k^2) z_k + (k/2) (h z_{k-1} - conj(h) z_{k+1}), h = K z_1 + A.

    z_1: z_1(0), or that and the following; z_k(0) = 0 beyond.
    """
    k = np.arange(1, modes + 1)

    def rate(_, z):
        h = K * z[0] + A
        below, above = np.append(1.0, z[:-1]), np.append(z[1:], 0.0)
        return (1j * k * omega - D * k**2) * z + k / 2 * (h * below - np.conj(h) * above)

    start = np.zeros(modes, complex)
    start[: np.size(z_1)] = z_1
    found = solve_ivp(rate, (0.0, times[-1]), start, "DOP853", times, rtol=1e-10, atol=1e-13)
    return np.abs(found.y[0])


class Age:
    """Rest of neurons structured by age with the hazard 1/(1 + e^{-(s - sigma(x))/delta}), sigma = A - B x, x = J."""

    def __init__(self, delta, A=2.75, B=2.25):
        x, self._w = L.leggauss(12)
        ends = np.unique(np.concatenate([np.linspace(0, 6, 401), np.linspace(6, 40, 171)]))
        self._half = np.diff(ends)[:, None] / 2
        self.s = (ends[:-1, None] + self._half * (1 + x)).ravel()
        self.weights = (self._half * self._w).ravel()
        to_modes, eye = np.linalg.inv(L.legvander(x, 11)), np.eye(12)
        self._rest = np.column_stack([L.legval(1.0, L.legint(e)) - L.legval(x, L.legint(e)) for e in eye]) @ to_modes
        survive = lambda N: np.exp(
            -delta * (np.logaddexp(0, (self.s - A + B * N) / delta) - np.logaddexp(0, (B * N - A) / delta))
        )
        self.N = brentq(lambda N: 1 - N * (self.weights @ survive(N)), 0.02, 0.9, xtol=1e-15)
        p = 1 / (1 + np.exp(-(self.s - A + B * self.N) / delta))
        self.S, self.p_x = survive(self.N), p * (1 - p) * B / delta

    def characteristic(self, value, tau):
        """(1 + lambda tau) int S e^{-lambda s} - N int S(s) int_0^s p_x(u) e^{-lambda (s - u)}, over its first part."""
        g = (self.S * np.exp(-value * self.s)).reshape(len(self._half), -1)
        parts = (g @ self._w) * self._half[:, 0]
        beyond = np.append(np.cumsum(parts[::-1])[::-1][1:], 0.0)
        later = np.exp(value * self.s) * (self._half * (g @ self._rest.T) + beyond[:, None]).ravel()
        first = (1 + value * tau) * parts.sum()
        return (first - self.N * (self.weights @ (self.p_x * later))) / abs(first)


def cohorts(hazard, tau, density, J, t_end, dt=2e-3, oldest=16.0):
    """N(t_end) along characteristics, by the trapezoidal rule: of second order in dt. tau = None: neurons hear N."""
    s = np.arange(round(oldest / dt) + 1) * dt
    n = density(s)
    weights = np.full(len(s), dt)
    weights[[0, -1]] /= 2
    n /= weights @ n
    for _ in range(60 if tau is None else 0):
        J = weights @ (hazard(s, J) * n)
    p = hazard(s, J)
    N = weights @ (p * n)
    n[0] = (n[0] + N) / 2  # between those of the start and those that fire first
    for _ in range(round(t_end / dt)):
        ahead, J_1 = N, N if tau is None else J + dt * (N - J) / tau
        for _ in range(8 if tau is None else 3):
            p_1 = hazard(s, J_1)
            moved = np.append(0.0, n[:-1] * np.exp(-dt / 2 * (p[:-1] + p_1[1:])))
            ahead = weights[1:] @ (p_1[1:] * moved[1:]) / (1 - weights[0] * p_1[0])
            J_1 = ahead if tau is None else (J + dt / (2 * tau) * (N + ahead - J)) / (1 + dt / (2 * tau))
        moved[0] = ahead
        n, N, J, p = moved, ahead, J_1, p_1
    return N


def late_step(a, b, delay, density, history, slope, pieces, times=None):
    """N at times, or delay, 2 delay, ..., of neurons that fire at rate 1 once older than sigma = a + b N(t - delay).

    Along characteristics: N' = n(sigma, t) (1 - sigma') - N, where n(sigma, t) is N(t - sigma), or of the start; by the
    method of steps. `slope`, a function or a number, is the derivative of `history`, which ends at
    N(0) = int n beyond sigma.
    """
    total = quad(density, 0, 60, limit=200, epsabs=1e-13)[0]
    found = []

    def N(t):
        return history(t) if t <= 0 else float(found[min(int(t / delay), len(found) - 1)].sol(t)[0])

    def rate(t, y, k):
        x = N(t - delay)
        dx = (slope(t - delay) if callable(slope) else slope) if k == 0 else rate(t - delay, x, k - 1)
        sigma = a + b * x
        edge = density(sigma - t) / total if sigma > t else N(t - sigma)
        return edge * (1 - b * dx) - y

    y = quad(density, a + b * history(-delay), 60, limit=200, epsabs=1e-13)[0] / total
    for k in range(pieces):
        how = {"rtol": 1e-7, "atol": 1e-9, "max_step": delay / 10, "dense_output": True}
        found.append(solve_ivp(lambda t, y, k=k: [rate(t, y[0], k)], (k * delay, (k + 1) * delay), [y], **how))
        y = found[-1].y[0, -1]
    return np.array([one.y[0, -1] for one in found] if times is None else [N(t - 1e-12) for t in times])


def followed_step(a, b, tau, density, jumps, J, t_end):
    """t -> N(t) of neurons that fire at rate 1 once older than sigma = a + b J, where their density first jumps.

    Along characteristics: N' = n(sigma, t) (1 - sigma') - N, where n(sigma, t) is N(t - sigma), or of the start; piece
    by piece from one arrival of what jumps, or of what such an arrival left behind, to the next.
    """
    mass = lambda low: quad(density, low, 200, points=[s for s in jumps if s > low], limit=400, epsabs=1e-13)[0]
    total, found = mass(0), []
    fronts = sorted(-s for s in (0.0, *jumps) if s < a + b * J)  # times at which those neurons fired that lead
    N = lambda t: float(next(one for start, one in reversed(found) if t >= start)(t)[0])

    def rate(t, y):
        fired = min(t - a - b * y[1], fronts[0] - 1e-13)  # on this side of the front, however far a step reaches
        change = (y[0] - y[1]) / tau
        return [(density(-fired) / total if fired < 0 else N(fired)) * (1 - b * change) - y[0], change]

    arrived = lambda t, y: t - a - b * y[1] - fronts[0]
    arrived.terminal = True
    t, y = 0.0, [mass(a + b * J) / total, J]
    while t < t_end:
        how = {"rtol": 1e-9, "atol": 1e-11, "dense_output": True, "events": arrived}
        piece = solve_ivp(rate, (t, min(t_end, t + 0.3 * (a + b * y[1]))), y, "DOP853", **how)
        found.append((t, piece.sol))
        t, y = float(piece.t[-1]), piece.y[:, -1]
        if len(piece.t_events[0]):
            fronts = [*fronts[1:], t]
    return N


def rate_of_an_adapting_neuron(jump, tau_w, current, t_end, steps=600, count=16, w_high=4.0):
    """Nbar of uncoupled neurons of AdaptiveLIF at rest, a0 = 1, V_R = 1, V_F = 2.

    After a spike with w the next comes at a time T, the first passage of an Ornstein-Uhlenbeck process through a moving
    boundary: density by the Volterra equation of Buonocore, Nobile & Ricciardi (1987), to about 3e-4. Then w is
    w e^{-T/tau_w} + jump, a Markov chain over spikes; the mean of T over it is 1/Nbar.
    """
    x = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    w = (jump + (w_high - jump) * (x + 1) / 2)[:, None]
    t = t_end * np.linspace(0, 1, steps + 1) ** 1.5
    leak = np.exp(-t)
    held = t * leak if tau_w == 1 else (np.exp(-t / tau_w) - leak) / (1 - 1 / tau_w)
    boundary = 2.0 - (leak + current * (1 - leak) - w * held)  # of v less its mean
    slope = -(-(2.0 - boundary) + current - w * np.exp(-t / tau_w))

    def kernel(k, y, s):
        left = np.exp(-(t[k] - s))
        variance, z = -np.expm1(-2 * (t[k] - s)), boundary[:, k, None] - y * left
        bracket = y * left - z * left**2 / variance + (slope[:, k, None] - boundary[:, k, None]) / 2
        return np.exp(-(z**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance) * bracket

    weights, density = np.zeros(steps + 1), np.zeros_like(boundary)
    weights[1:] += np.diff(t) / 2
    weights[:-1] += np.diff(t) / 2
    for k in range(1, steps + 1):
        inner = slice(1, k)
        earlier = (density[:, inner] * weights[inner] * kernel(k, boundary[:, inner], t[inner])).sum(axis=1)
        density[:, k] = 2 * earlier - 2 * kernel(k, np.zeros_like(w), t[:1])[:, 0]
    density /= (density @ weights)[:, None]
    following = T.chebvander(2 * (w * np.exp(-t / tau_w)) / (w_high - jump) - 1, count - 1)
    chain = np.einsum("wt,wtc->wc", density * weights, following) @ np.linalg.inv(T.chebvander(x, count - 1))
    mean = density @ (weights * t)
    for _ in range(200):  # the mean of what follows, over and over
        mean = chain @ mean
    return 1 / mean[0]


def steady_conductances(V_E, V_F, g, spread, v, t):
    """N(t) of VoltageConductance where conductances stay: Gaussian in g, neurons at first around v, each periodic.

    v(t) is g V_E / (1 + g) + (...) e^{-(1 + g) t} from one threshold to the next.
    """
    x, weights = L.leggauss(200)
    g = g + 7 * spread * x
    share = weights * np.exp(-(((g - g.mean()) / spread) ** 2) / 2)
    share /= share.sum()
    rest = g * V_E / (1 + g)
    period = np.log(rest / (rest - V_F)) / (1 + g)
    ago = (t / period) % 1 * period  # how long before they fire for the first time, of those that fire at t
    at = rest - (rest - V_F) * np.exp((1 + g) * ago)
    cells = np.linspace(0, V_F, 2001)
    start = v(cells)
    total = ((start[1:] + start[:-1]) / 2).sum() * (cells[1] - cells[0])
    return share @ (v(at) * (g * V_E - (1 + g) * at)) / total


def rates_of_adapting_neurons(jump, tau_w, current, density, width, t_end, steps=120, count=14, cells=320):
    """Nbar at k t_end / steps of uncoupled neurons of AdaptiveLIF, a0 = 1, V_R = 1, V_F = 2, p = density(v) g(w) at 0.

    g is a Gaussian around 0 of this width, on w >= 0. Renewal: u(t, w), the rate a time t after a spike that left w, is
        u(t, w) = f(t, w) + int_0^t f(s, w) u(t - s, w e^{-s/tau_w} + jump) ds
    with f the density of the next spike, by Crank and Nicolson's scheme along v alone; a Chebyshev series along w.
    """
    t, high = np.linspace(0, t_end, steps + 1), 6.0
    x = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    inverse = np.linalg.inv(T.chebvander(x, count - 1))
    after = jump + (high - jump) * (x + 1) / 2
    nodes, weights = L.leggauss(12)
    before = 2.5 * width * (nodes + 1)
    share = weights * np.exp(-(before**2) / (2 * width**2))
    share /= share.sum()
    v = -7 + 9 * (np.arange(1, cells) / cells)
    h, leading = 9 / cells, np.zeros(cells - 1)
    place = (1 + 7) / h - 1  # of V_R among the inner points
    leading[int(place)], leading[int(place) + 1] = 1 - place % 1, place % 1

    def passage(start, w):
        """Density of the first spike at the times t, of neurons with n = start and adaptation w e^{-t/tau_w}."""
        n, dt, found = start / (start.sum() * h), t[1] / 3, [start[-1] / (start.sum() * h) / h]
        for k in range(3 * steps):
            drift = current - w * np.exp(-(k + 0.5) * dt / tau_w) - v
            above, below = 1 / h**2 - drift[1:] / (2 * h), 1 / h**2 + drift[:-1] / (2 * h)
            for part in (0.5, 0.5) if k < 3 else (1.0,):  # Euler's steps at first, which damp
                theta = 1.0 if k < 3 else 0.5
                band = np.ones((3, cells - 1))
                band[0, 1:], band[1], band[2, :-1] = (
                    -theta * part * dt * above,
                    1 + 2 * theta * part * dt / h**2,
                    -theta * part * dt * below,
                )
                right = n.copy()
                if theta < 1:
                    right += (dt / 2) * (-2 / h**2 * n + np.append(above * n[1:], 0) + np.append(0, below * n[:-1]))
                n = solve_banded((1, 1), band, right)
            found.append((4 * n[-1] - n[-2]) / (2 * h))  # -n_v at V_F, of second order
        return np.array(found[::3])

    follow = lambda w: T.chebvander(2 * np.multiply.outer(w, np.exp(-t / tau_w)) / (high - jump) - 1, count - 1)
    first, later = (np.array([passage(s, w) for w in values]) for s, values in ((density(v), before), (leading, after)))
    to_first, to_later = (follow(w) @ inverse for w in (before, after))
    u = np.zeros((steps + 1, count))
    for k in range(1, steps + 1):
        u[k] = later[:, k] + t[1] * np.einsum("ws,wsc,sc->w", later[:, 1:k], to_later[:, 1:k], u[k - 1 : 0 : -1])
    past = np.zeros((steps + 1, len(before)))
    for k in range(1, steps + 1):
        past[k] = t[1] * np.einsum("ws,wsc,sc->w", first[:, :k], to_first[:, :k], u[k:0:-1])
        past[k] -= t[1] / 2 * first[:, 0] * (to_first[:, 0] @ u[k])
    return t, share @ first + past @ share


def hazard(s, x):
    return 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / 0.2))


def blow_up_spike_by_spike(b, current, below, count):
    """When one spike makes a twentieth of `count` neurons on [1, 2] fire at once, without noise; below(v): a fraction.

    All move by v -> a x + c with x their own, a neuron that fires begins at 1 anew and kicks all by b / count.
    """
    v = np.linspace(1.0, 2.0, 4001)
    x = np.interp((np.arange(count) + 0.5) / count, below(v), v).tolist()
    a, c, t, first = 1.0, 0.0, 0.0, count - 1
    while True:
        wait = np.log((current - a * x[first] - c) / (current - 2.0))
        t, a, c = t + wait, a * np.exp(-wait), current + (c - current) * np.exp(-wait)
        size = 0
        while a * x[first] + c >= 2.0 - 1e-12:
            x[first], c, first, size = (1.0 - c) / a, c + b / count, (first - 1) % count, size + 1
            if size > count / 20:
                return t
