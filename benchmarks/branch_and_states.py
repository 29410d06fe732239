"""A bifurcation diagram and all steady states: felif against what a user would write by hand, timed in turn.

    python benchmarks/branch_and_states.py [--repeat 7] [--check]

NoisyLIF, V_R = 1, V_F = 2, a0 = 1, a1 = 0.

Branch: b from -10 through the fold (b* = 2.10096776045578754) back to b ~ 1 at N = 20, with the stability of every
point. By hand: central finite volumes on a graded mesh, pseudo-arclength with dense Newton steps,
`numpy.linalg.eigvals`, about as many points, the fold as the largest b over N. Column "fold": the error of b*.

States: all steady states for b = 1.5, 0.5 and 3 (two, one, none). By hand: the closed form N I(bN) = 1 by scipy's
`quad`, scanned over N and solved by `brentq`, which knows this model only and returns rates, no densities, no
stability. Column "error": of the lowest N for b = 1.5.

Orbit: the limit cycle of a network with b = -60 whose spikes arrive 1 late, from its Hopf point, beside a run that
reaches it from a density at rest. Column "error": of the period 2.8476315549, of the run between its last two maxima.

Times are least processor times. --check ends with status 1 where a ratio is below its bar.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from baselines import graded
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

import felif as fl

FOLD = 2.10096776045578754
BARS = {"by hand, 240 cells": 2.5, "by hand, quad + brentq, 60 points": 1.2, "run to t = 45": 1.0}
PERIOD = 2.8476315549
STATES = {1.5: (0.192364012568479359, 2.289125707746862800), 0.5: (0.13477507993525,), 3.0: ()}
B_START, N_END = -10.0, 20.0


class Volumes:
    """Central finite volumes for ((-v + m) n)_v - n_vv = N delta(v - V_R): A_0 + m A_1 on the nodes below V_F."""

    def __init__(self, cells: int, ratio: float, v_min: float) -> None:
        nodes = graded(cells, v_min, ratio)
        v, h, n = nodes[:-1], np.diff(nodes), cells
        self.volume = np.concatenate([[h[0] / 2], (h[:-1] + h[1:]) / 2])
        face, k = v + h / 2, np.arange(n - 1)
        drift, spread = np.zeros((n, n)), np.zeros((n, n))  # flux through face i, of n; n = 0 at V_F
        i = np.arange(n)
        spread[i, i], drift[i, i] = -face / 2 + 1 / h, 0.5
        spread[k, k + 1], drift[k, k + 1] = (-face / 2 - 1 / h)[:-1], 0.5
        difference = np.eye(n) - np.eye(n, k=-1)
        self.A0 = -(difference @ spread) / self.volume[:, None]
        self.A1 = -(difference @ drift) / self.volume[:, None]
        near, far = h[-1], h[-1] + h[-2]
        self.flux = np.zeros(n)  # N = -n_v(V_F), one-sided, second order
        self.flux[-1], self.flux[-2] = far / (near * h[-2]), -near / (far * h[-2])
        self.source = np.zeros(n)
        reset = int(np.argmin(np.abs(nodes - 1.0)))
        self.source[reset] = 1 / self.volume[reset]

    def steady(self, n: np.ndarray, b: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """F(n, b) with the mass condition in place of the first equation, F_n and F_b."""
        N = self.flux @ n
        A = self.A0 + b * N * self.A1
        F, F_b = A @ n + N * self.source, N * (self.A1 @ n)
        J = A + np.outer(b * (self.A1 @ n) + self.source, self.flux)
        F[0], J[0], F_b[0] = self.volume @ n - 1, self.volume, 0.0
        return F, J, F_b

    def stable(self, n: np.ndarray, b: float) -> bool:
        """All eigenvalues but the zero of mass have a negative real part."""
        A = self.A0 + b * (self.flux @ n) * self.A1
        values = np.linalg.eigvals(A + np.outer(b * (self.A1 @ n) + self.source, self.flux))
        values = np.delete(values, np.argmin(np.abs(values)))
        return bool(values.real.max() < 0)


def by_hand(cells: int, ratio: float, v_min: float, stability: bool = True) -> tuple[float, int]:
    """(fold, number of points) of a pseudo-arclength loop in (n, b) from b = -10 to N = 20."""
    fv = Volumes(cells, ratio, v_min)
    size = cells + 1
    weight = np.append(fv.volume, 0.04)  # of the arc length: b counts like the density, N through a term of its own

    def newton(x: np.ndarray, direction: np.ndarray | None, target: np.ndarray) -> tuple[np.ndarray, int] | None:
        for iteration in range(8):
            F, J, F_b = fv.steady(x[:-1], x[-1])
            K = np.empty((size, size))
            K[:-1, :-1], K[:-1, -1] = J, F_b
            K[-1] = np.append(np.zeros(cells), 1.0) if direction is None else direction
            step = np.linalg.solve(K, np.append(F, K[-1] @ (x - target)))
            x = x - step
            if np.abs(step).max() < 1e-9 * max(1.0, np.abs(x).max()):
                return x, iteration + 1
        return None

    x = np.append(np.exp(-0.5 * graded(cells, v_min, ratio)[:-1] ** 2), B_START)
    x[:-1] /= fv.volume @ x[:-1]
    x, _ = newton(x, None, x)
    points, ds = [x], 0.1
    second, _ = newton(x + np.append(np.zeros(cells), 0.1), None, x + np.append(np.zeros(cells), 0.1))
    points.append(second)
    stable = [fv.stable(p[:-1], p[-1]) for p in points] if stability else []
    while fv.flux @ points[-1][:-1] < N_END and len(points) < 2000:
        secant = points[-1] - points[-2]
        change = (fv.flux @ secant[:-1]) / N_END
        tangent = secant / np.sqrt(secant @ (weight * secant) + change**2)
        row = weight * tangent + np.append(fv.flux, 0.0) * (fv.flux @ tangent[:-1]) / N_END**2
        target = points[-1] + ds * tangent
        found = newton(target, row, target)
        if found is None:
            ds /= 2
            continue
        points.append(found[0])
        if stability:
            stable.append(fv.stable(found[0][:-1], found[0][-1]))
        ds = min(ds * (1.4 if found[1] <= 3 else 1.0 if found[1] == 4 else 0.6), 0.11)
    top = int(np.argmax([p[-1] for p in points]))
    guess, row = points[top], np.append(fv.flux, 0.0)

    def b_at(z: float) -> float:
        N = row @ guess
        return newton(guess, row, guess * (np.exp(z) / N))[0][-1]

    low, high = (np.log(row @ points[k]) for k in (top - 1, top + 1))
    fold = minimize_scalar(lambda z: -b_at(z), bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(-fold.fun), len(points)


def by_felif(tol: float, stability: bool = True) -> tuple[float, int]:
    problem = fl.discretize(fl.NoisyLIF(b=B_START), tol=tol)
    state = fl.steady_state(problem)
    branch = fl.continuation(problem, state, "b", (B_START, 4.0), N_max=N_END, stability=stability)
    return branch.folds[0].b, len(branch)


def scan(points: int = 60) -> float:
    """The lowest rate for b = 1.5, after all three scans."""

    def interval(m: float) -> float:
        def integrand(s: float) -> float:
            return np.exp(-s * s / 2) * (np.exp(s * (2 - m)) - np.exp(s * (1 - m))) / s if s else 1.0

        return quad(integrand, 0.0, max(10.0, 10.0 - m + 2), epsabs=1e-13, epsrel=1e-12, limit=200)[0]

    lowest = 0.0
    for b, exact in STATES.items():
        N = np.geomspace(1e-3, 1e3, points)
        f = [x * interval(b * x) - 1 for x in N]
        roots = [
            brentq(lambda x, b=b: x * interval(b * x) - 1, N[k], N[k + 1], xtol=1e-13)
            for k in range(points - 1)
            if f[k] * f[k + 1] < 0
        ]
        assert len(roots) == len(exact)
        lowest = roots[0] if b == 1.5 else lowest
    return lowest


def all_states(tol: float, problem=None) -> float:
    problem = problem or fl.discretize(fl.NoisyLIF(), tol=tol)
    lowest = 0.0
    for b, exact in STATES.items():
        states = fl.steady_states(problem.at(b=b))
        assert len(states) == len(exact)
        lowest = states[0].N if b == 1.5 else lowest
    return lowest


def cycle() -> float:
    """The period by collocation, from the Hopf point on."""
    problem = fl.discretize(fl.NoisyLIF(b=-40.0, delay=1.0), tol=1e-4)
    return fl.periodic_orbit(problem, HOPF[0], b=-60.0, tol=1e-4, progress=False).period


def run_to_cycle() -> float:
    """The period of a run that has nearly reached the cycle: between the last two maxima of N."""
    problem = fl.discretize(fl.NoisyLIF(b=-60.0, delay=1.0), tol=1e-6)
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=45.0, rtol=1e-6, progress=False)
    times = np.linspace(36.0, 45.0, 90001)
    N = run.sample("N", times)
    tops = times[1:-1][(N[1:-1] > N[:-2]) & (N[1:-1] >= N[2:])]
    return float(tops[-1] - tops[-2])


HOPF: list = []  # found once


def timed(methods: dict[str, Callable], repeat: int) -> dict[str, tuple[float, object]]:
    """Least processor seconds of each, all of them in turn, and what they return; the first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in methods}
    values = {name: method() for name, method in methods.items()}
    for _ in range(repeat):
        for name, method in methods.items():
            start = time.process_time()
            method()
            times[name].append(time.process_time() - start)
    return {name: (min(times[name]), values[name]) for name in methods}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    repeat, ratios = given.repeat, {}

    found = timed(
        {
            "felif, tol=1e-8": lambda: by_felif(1e-8),
            "felif, tol=1e-4": lambda: by_felif(1e-4),
            "by hand, 120 cells": lambda: by_hand(120, 20.0, -5.0),
            "by hand, 240 cells": lambda: by_hand(240, 20.0, -5.0),
            "felif, tol=1e-8, no stability": lambda: by_felif(1e-8, stability=False),
            "by hand, 120 cells, no stability": lambda: by_hand(120, 20.0, -5.0, stability=False),
            "by hand, 240 cells, no stability": lambda: by_hand(240, 20.0, -5.0, stability=False),
        },
        repeat,
    )
    unit = found["felif, tol=1e-8"][0]
    print(f"branch from b = -10 to N = 20\n{'':34s}{'points':>8s}{'fold':>10s}{'seconds':>10s}{'ratio':>8s}")
    for name, (seconds, (fold, points)) in found.items():
        print(f"{name:34s}{points:8d}{abs(fold - FOLD):10.1e}{seconds:10.3f}{seconds / unit:8.2f}")
        ratios[name] = seconds / unit

    prepared = fl.discretize(fl.NoisyLIF(), tol=1e-8)
    found = timed(
        {
            "felif, tol=1e-8, prepared problem": lambda: all_states(1e-8, prepared),
            "felif, tol=1e-8": lambda: all_states(1e-8),
            "by hand, quad + brentq, 60 points": lambda: scan(60),
            "by hand, quad + brentq, 20 points": lambda: scan(20),
        },
        repeat,
    )
    unit = found["felif, tol=1e-8, prepared problem"][0]
    print(f"\nall steady states for three b\n{'':34s}{'error':>18s}{'ms a call':>10s}{'ratio':>8s}")
    for name, (seconds, lowest) in found.items():
        print(f"{name:34s}{abs(lowest - STATES[1.5][0]):18.1e}{1e3 * seconds / 3:10.1f}{seconds / unit:8.2f}")
        ratios[name] = seconds / unit

    inhibited = fl.discretize(fl.NoisyLIF(b=-40.0, delay=1.0), tol=1e-4)
    branch = fl.continuation(inhibited, fl.steady_state(inhibited), "b", (-45.0, -40.0), progress=False)
    HOPF.append(branch.hopfs[0])
    found = timed({"felif, collocation, tol=1e-4": cycle, "run to t = 45": run_to_cycle}, min(repeat, 3))
    unit = found["felif, collocation, tol=1e-4"][0]
    print(f"\nlimit cycle\n{'':34s}{'error':>18s}{'seconds':>10s}{'ratio':>8s}")
    for name, (seconds, period) in found.items():
        print(f"{name:34s}{abs(period - PERIOD):18.1e}{seconds:10.3f}{seconds / unit:8.2f}")
        ratios[name] = seconds / unit
    below = [f"{name}: {ratios[name]:.2f} < {least:g}" for name, least in BARS.items() if ratios[name] < least]
    print("\n".join(below) or "every ratio is above its bar")
    return 1 if given.check and below else 0


if __name__ == "__main__":
    sys.exit(main())
