"""How fast does a network of neurons tend to its equation, in the number of neurons and in the step?

    dV_i = -V_i dt + sqrt(2 a0) dW_i + (b/n) sum of spikes,   V_i = V_F: a spike, V_i is reset to V_R
    n_t + [(-v + b N) n]_v - a0 n_vv = N(t) delta(v - V_R),   n(V_F, t) = 0,   N(t) = -a0 n_v(V_F, t)

Expected: rate and density of n neurons differ from the equation's by chance, with a root mean square of order n^(-1/2)
(S7). The rate of a simulation that looks at its neurons at the ends of steps only is too small by an amount of order
dt^(1/2), several per cent for any step in use, as crossings within a step are missed: neurons seem to fire at
V_F + 0.5826 sqrt(2 a0 dt) (the constant is -zeta(1/2)/sqrt(2 pi); Broadie, Glasserman & Kou 1997). With the crossing
probability of a Brownian bridge, the time of the crossing, and the rest of the step walked from V_R, the bias is of
order dt at least; of this network it is too small to be measured, so its order is that of single neurons whose spikes
are at short intervals: with noise from their rate (which wants many neurons), and almost without noise, where the
threshold that is taken straight within a step shows most clearly, from the intervals themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.analysis.agreement import distribution_agreement
from felif.analysis.distribution import marginals
from felif.output.style import house_style, new_figure

CHEAP = {"neurons": 3200, "networks": 4, "tol": 1e-5, "rtol": 1e-5, "t_end": 1.0, "t_long": 3.0}
EXPECTED = {
    "slope_rate": (-0.5, 0.05),
    "slope_density": (-0.5, 0.05),
    "order_without": (0.43, 0.15),  # 1/2 for small steps; 0.43 for a threshold shifted as above, for these steps
    "excess_without": (0.0, 0.01),  # smallest step; the shift is the first term of a series in dt^(1/2)
    "excess_with": (0.0, 0.003),
    "order_regular": (2.0, 0.4),  # 1 is promised; the threshold bends by dt^2 within a step
}
RATIOS = (64, 16, 4, 1)
BRIDGED, PLAIN = (0.05, 0.02, 0.01), (0.05, 0.02, 0.01, 0.005)  # steps
DRIVEN = {"b": 0.0, "a0": 0.05, "current": 6.0}  # spikes at short intervals: the bias shows
REGULAR = {"b": 0.0, "a0": 5e-5, "current": 6.0}  # and at regular ones
REGULAR_NEURONS, REGULAR_END = 4000, 3.0
HALVED = (0.05, 0.025)
PLAIN_NEURONS = 102_400  # at most, in all
MISSED = 0.5825971579390106  # -zeta(1/2)/sqrt(2 pi)


def main(
    cells: int | None = None,
    tol: float = 1e-7,
    t_end: float = 2.0,
    rtol: float = 1e-7,
    t_long: float = 12.0,
    neurons: int = 25_600,
    networks: int = 20,
    dt: float = 0.01,
    b: float = 0.5,
    a0: float = 1.0,
    seed: int = 1,
    out: Path | None = None,
) -> dict:
    """Measure the difference of simulated networks from their equation.

    Parameters
    ----------
    cells
        Number of cells on (-6, V_F) for the equation, fixed.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        End of the runs that are compared for networks of several sizes, in membrane time constants.
    rtol
        Tolerance of a time step of the equation.
    t_long
        End of the runs from the steady state from which the bias is taken; the first two (a quarter at most) are left
        to settle.
    neurons
        In a network of the largest size; the others have a fourth, a sixteenth and a sixty-fourth of them.
    networks
        Independent ones of the largest size; twice as many for each size below.
    dt
        Step for networks of several sizes.
    b
        Connectivity.
    a0
        Noise.
    seed
        Of the neurons.
    """
    network = fl.NoisyLIF(b=b, a0=a0)
    problem = _problem(network, cells, tol)
    start = fl.Gaussian(0.0, 0.25)
    folder = fl.study.folder(out, "network")
    run = fl.evolve(problem, start, t_end, rtol=rtol, folder=folder, resume=True, snapshots=21)
    results: dict = {"network": run, "defect": run.moment_defect}

    sizes = np.array([max(neurons // ratio, 1) for ratio in RATIOS])
    below = marginals(run.final, "n")[0].distribution()
    rms, distances = [], []
    for k, size in enumerate(sizes):
        options = {"t_end": t_end, "dt": dt, "bins": 20, "start": start, "seed": seed + k}
        particles = fl.simulate_particles(network, neurons=int(size), networks=networks * 2 ** (3 - k), **options)
        comparison = fl.compare(particles, run)
        difference = particles.batches["N"] - comparison.rates["N"].expected
        rms.append(np.sqrt(np.mean(difference**2)))
        v = particles.final.v.reshape(-1, size)
        distances.append(np.mean([distribution_agreement(own, below).statistic
                                  for own in v]))  # fmt: skip
    results |= {"neurons": sizes, "rms_rate": np.array(rms), "distances": np.array(distances)}
    results["rate_p"], results["density_p"] = comparison.rates["N"].test.p, comparison.densities[-1].distance.p
    for name, values in (("rate", rms), ("density", distances)):
        results[f"slope_{name}"] = float(np.polyfit(np.log(sizes), np.log(values), 1)[0])

    # bias of the stationary rate
    state = fl.steady_state(problem)
    settle = min(2.0, t_long / 4)
    with_bridge, without, shifted = [], [], []
    for step in BRIDGED:
        options = {"t_end": t_long, "dt": step, "start": state, "seed": seed}
        particles = fl.simulate_particles(network, neurons=neurons, networks=networks, **options)
        with_bridge.append(particles.mean("N", settle, t_long))
    for step in PLAIN:
        own = np.random.default_rng([seed, round(1e6 * step)])
        first = particles.final.v.reshape(networks, neurons)[: max(PLAIN_NEURONS // neurons, 2)]
        without.append(euler(network, first.copy(), step, settle, t_long, own))
        moved = fl.NoisyLIF(b=b, a0=a0, v_fire=network.v_fire + MISSED * np.sqrt(2 * a0 * step))
        shifted.append(fl.steady_state(fl.discretize(moved, tol=tol)).N)
    bias = np.array(with_bridge) / state.N - [1.0, 0.0]
    plain = np.array(without) / state.N - [1.0, 0.0]
    shifted = np.array(shifted) / state.N - 1.0
    results |= {"N": state.N, "bias_with": bias, "bias_without": plain, "bias_shifted": shifted}
    results["excess_with"] = float(np.maximum(np.abs(bias[:, 0]) - 3 * bias[:, 1], 0.0).max())
    results["excess_without"] = max(float(abs(plain[-1, 0] - shifted[-1]) - 3 * plain[-1, 1]), 0.0)
    size = np.abs(plain[:, 0])
    results["order_without"] = float(np.polyfit(np.log(PLAIN), np.log(size), 1, w=size)[0])  # errors are alike
    results |= _order(tol, neurons, networks, t_long, settle, seed)
    return results | _order_of_intervals(seed)


def _problem(network, cells: int | None, tol: float):
    if cells is None:
        return fl.discretize(network, tol=tol)
    return fl.discretize(network, fl.interval(network, v_min=-6.0, cells=cells, grading=2.0))


def _order(tol: float, neurons: int, networks: int, t_long: float, settle: float, seed: int) -> dict:
    """Order of the bias with the bridge, of the rate of noisy neurons; order_error says whether they were enough."""
    network = fl.NoisyLIF(**DRIVEN)
    state = fl.steady_state(fl.discretize(network, tol=tol))
    bias = []
    for step in HALVED:
        options = {"t_end": t_long, "dt": step, "start": state, "seed": seed}
        particles = fl.simulate_particles(network, neurons=neurons, networks=networks, **options)
        bias.append(particles.mean("N", settle, t_long))
    bias = np.array(bias) / state.N - [1.0, 0.0]
    order = float(np.log2(np.abs(bias[0, 0] / bias[1, 0])))
    error = float(np.hypot(*(bias[:, 1] / bias[:, 0])) / np.log(2))
    return {"bias_driven": bias, "order_with": order, "order_error": error}


def _order_of_intervals(seed: int) -> dict:
    """The same of neurons almost without noise, whose mean interval is 1/N: every neuron has as many intervals."""
    network, count, bias = fl.NoisyLIF(**REGULAR), REGULAR_NEURONS, []
    phases = np.linspace(network.v_reset, network.v_fire, count, endpoint=False)  # spikes anywhere in a step
    for step in HALVED:
        options = {"t_end": REGULAR_END, "dt": step, "start": phases, "seed": seed, "record": count}
        spikes = fl.simulate_particles(network, neurons=count, **options).spikes
        least = min(len(times) for times in spikes)
        intervals = np.concatenate([np.diff(times)[: least - 1] for times in spikes])
        mean, error = intervals.mean(), intervals.std() / np.sqrt(intervals.size)
        rate = exact.firing_rate(network)
        bias.append([1 / (rate * mean) - 1, error / mean])
    bias = np.array(bias)
    return {
        "bias_regular": bias,
        "order_regular": float(np.log2(bias[0, 0] / bias[1, 0])),
        "order_regular_error": float(np.hypot(*(bias[:, 1] / bias[:, 0])) / np.log(2)),
    }


def euler(network, v: np.ndarray, dt: float, settle: float, t_end: float, random) -> tuple[float, float]:
    """(mean rate over [settle, t_end], standard error): steps of Euler and Maruyama, crossings seen at their ends only.

    v: potentials, one row a network; they are overwritten. What a first script does.
    """
    spikes, kick = np.zeros(len(v)), np.zeros((len(v), 1))
    first, last = round(settle / dt), round(t_end / dt)
    spread = np.sqrt(2 * network.a0 * dt)
    for step in range(last):
        v += dt * (network.current - v) + spread * random.standard_normal(v.shape) + kick
        fires = v >= network.v_fire
        v[fires] = network.v_reset
        fired = fires.mean(axis=1)
        kick[:, 0] = network.b * fired
        if step >= first:
            spikes += fired
    rates = spikes / ((last - first) * dt)
    return float(rates.mean()), float(rates.std(ddof=1) / np.sqrt(len(rates)))


def figure(results: dict):
    """Differences against the number of neurons; bias against the step."""
    figure, (left, right) = new_figure(1, 2)
    sizes = np.asarray(results["neurons"])
    with house_style():
        for k, (name, key, slope) in enumerate((
            ("rate in bins", "rms_rate", "slope_rate"), ("distribution function", "distances", "slope_density")
        )):  # fmt: skip
            values = np.asarray(results[key])
            fit = np.exp(np.polyval(np.polyfit(np.log(sizes), np.log(values), 1), np.log(sizes)))
            left.loglog(sizes, values, "os"[k], color=f"C{k}", label=f"{name}: slope {results[slope]:.3f}")
            left.loglog(sizes, fit, color=f"C{k}", lw=1.0)
        left.set(xlabel="neurons $n$ in a network", ylabel="difference from the equation")
        left.legend()
        bias, plain = np.asarray(results["bias_with"]), np.asarray(results["bias_without"])
        right.axhline(0.0, color="0.4", lw=0.8)
        right.errorbar(
            PLAIN, 100 * plain[:, 0], 300 * plain[:, 1], fmt="s", ms=4, capsize=3, color="C3",
            label=f"crossings at ends of steps: order {results['order_without']:.2f}",
        )  # fmt: skip
        right.plot(PLAIN, 100 * np.asarray(results["bias_shifted"]), color="C3", lw=1.0, ls="--",
                   label=r"threshold $V_F+0.5826\sqrt{2a_0\Delta t}$")  # fmt: skip
        right.errorbar(
            BRIDGED, 100 * bias[:, 0], 300 * bias[:, 1], fmt="o", ms=4, capsize=3, color="C0", label="with the bridge"
        )
        right.set(xlabel=r"step $\Delta t$", ylabel="bias of the rate, per cent", xscale="log")
        right.set_xticks(PLAIN, [f"{step:g}" for step in PLAIN])
        right.minorticks_off()
        right.legend(loc="lower left", title="three standard errors")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
