"""The network of neurons: cost of a step of one neuron, and bias of the rate, beside loops as one writes them by hand.

    python benchmarks/particles.py [--neurons 100000] [--repeat 3] [--threads 1]

One network, b = 0.5, V_R = 1, V_F = 2, a = 1, from Gaussian(0, 0.25) to t = 5. Printed: nanoseconds of processor time
of a step of one neuron, their ratio to the plain Euler loop, and the mean of N on [3, 5] against the equation's. Brian2
where it is installed.
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import time
from collections.abc import Callable

import numpy as np

import felif as fl
from felif.algebra import compiled

B, A, V_R, V_F, T_END, FROM = 0.5, 1.0, 1.0, 2.0, 5.0, 3.0


def euler(v: np.ndarray, dt: float, steps: int, seed: int, bridge: bool) -> np.ndarray:
    """Euler and Maruyama in numpy, 4096 neurons at a time; `bridge`: crossings within a step, by a Brownian bridge."""
    random, spikes = np.random.default_rng(seed), np.zeros(steps)
    spread, kick = np.sqrt(2 * A * dt), 0.0
    parts = [v[first : first + 4096] for first in range(0, v.size, 4096)]
    for k in range(steps):
        fired = 0
        for part in parts:
            x = part + kick
            y = x * (1 - dt) + spread * random.standard_normal(part.size)
            fires = y >= V_F
            if bridge:
                near = np.flatnonzero(~fires & (y > V_F - 6 * spread))
                touched = np.exp(-(V_F - x[near]) * (V_F - y[near]) / (A * dt))
                fires[near] = random.random(near.size) < touched
            y[fires] = V_R
            part[:] = y
            fired += np.count_nonzero(fires)
        spikes[k] = fired / v.size
        kick = B * spikes[k]
    return spikes


def start(neurons: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    v = random.normal(0.0, 0.5, 2 * neurons)
    return v[v < V_F][:neurons].copy()


def brian2(neurons: int, dt: float, seed: int) -> float:
    """Mean of N on [FROM, T_END] by Brian2 (Euler and Maruyama, threshold and reset at the ends of steps)."""
    import brian2 as b2

    b2.seed(seed)
    b2.prefs.codegen.target = "cython"
    b2.defaultclock.dt = dt * b2.second
    group = b2.NeuronGroup(
        neurons, "dv/dt = -v/second + sqrt(2)*xi*second**-0.5 : 1", threshold="v >= 2", reset="v = 1", method="euler"
    )
    group.v = start(neurons, seed)
    # all to all with weight b/neurons: one shift of everyone a step, which is what the limit is of
    counter = b2.PopulationRateMonitor(group)

    @b2.network_operation()
    def kick():
        group.v_[:] += B * len(group.spikes) / neurons

    b2.Network(group, counter, kick).run(T_END * b2.second)
    rates = np.asarray(counter.rate / b2.Hz)
    return float(rates[round(FROM / dt) :].mean())


def why_not_brian2() -> str:
    """Why Brian2 cannot be timed; empty if it can. Brian2 2.9 fails on import with numpy 2.4."""
    try:
        import brian2  # noqa: F401
    except (ImportError, AttributeError) as reason:
        return str(reason)
    return ""


def row(name: str, dt: float, neurons: int, repeat: int, run: Callable[[int], float], reference: list) -> None:
    seconds, rates = [], []
    for seed in range(repeat):
        began = time.process_time()
        rates.append(run(seed))
        seconds.append(time.process_time() - began)
    cost = 1e9 * min(seconds) / (neurons * T_END / dt)
    reference[0] = cost if reference[0] is None else reference[0]
    error = np.std(rates, ddof=1) / np.sqrt(repeat) if repeat > 1 else np.nan
    bias, bar = np.mean(rates) / reference[1] - 1, error / reference[1]
    print(f"{name:42s} {dt:7g} {cost:8.1f} {cost / reference[0]:7.2f}   {bias:+8.2%} +- {bar:.2%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    n, model = given.neurons, fl.NoisyLIF(b=B)
    equation = fl.evolve(fl.discretize(model, tol=1e-8), fl.Gaussian(0.0, 0.25), t_end=T_END, rtol=1e-8)
    x, w = np.polynomial.legendre.leggauss(20)
    rate = float(equation.sample("N", FROM + (T_END - FROM) * (x + 1) / 2) @ w / 2)

    def late(spikes: np.ndarray, dt: float) -> float:
        return float(spikes[round(FROM / dt) :].sum()) / (T_END - FROM)

    def loop(bridge: bool, dt: float) -> Callable[[int], float]:
        return lambda seed: late(euler(start(n, seed), dt, round(T_END / dt), seed, bridge), dt)

    def felif(dt: float, neurons: int = n, threads: int = given.threads) -> Callable[[int], float]:
        settings = {"neurons": neurons, "t_end": T_END, "dt": dt, "start": fl.Gaussian(0.0, 0.25), "threads": threads}
        return lambda seed: fl.simulate_particles(model, seed=seed, **settings).mean("N", FROM, T_END)[0]

    without_brian2 = why_not_brian2()
    print(f"core: {compiled.describe()}")
    print(f"{n} neurons, N on [{FROM:g}, {T_END:g}] of the equation {rate:.8f}")
    print(f"{'':42s} {'dt':>7s} {'ns':>8s} {'ratio':>7s}   bias of the rate")
    for dt in (1e-2, 1e-3):
        reference = [None, rate]
        row("Euler", dt, n, given.repeat, loop(False, dt), reference)
        row("Euler + bridge", dt, n, given.repeat, loop(True, dt), reference)
        row(f"felif, {given.threads} thread(s)", dt, n, given.repeat, felif(dt), reference)
        if not without_brian2:
            row("Brian2", dt, n, 1, lambda seed, dt=dt: brian2(n, dt, seed), reference)
    if without_brian2:
        print(f"No rows of Brian2: {without_brian2} (pip install brian2 cython 'numpy<2.4').")


if __name__ == "__main__":
    main()
