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

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.analysis.agreement import distribution_agreement
from felif.analysis.distribution import marginals
from felif.output import label, panels, ticks

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
HALVED = (0.05, 0.025)
PLAIN_NEURONS = 102_400  # at most, in all
MISSED = 0.5825971579390106  # -zeta(1/2)/sqrt(2 pi)


@fl.study.numerics(cells=None, tol=1e-7, t_end=2.0, rtol=1e-7, mesh={"v_min": -6.0, "grading": 2.0})
def main(solver, t_long=12.0, neurons=25_600, networks=20, dt=0.01, b=0.5, a0=1.0, seed=1) -> dict:
    """Measure the difference of simulated networks from their equation.

    t_end: End of the runs that are compared for networks of several sizes, in membrane time constants.
    t_long: End of the runs from the steady state from which the bias is taken; the first two (a quarter at most) are
        left to settle.
    neurons: In a network of the largest size; the others have a fourth, a sixteenth and a sixty-fourth of them.
    networks: Independent ones of the largest size; twice as many for each size below.
    dt: Step for networks of several sizes.
    """
    network, start = fl.NoisyLIF(b=b, a0=a0), fl.Gaussian(0.0, 0.25)
    problem = solver.discretize(network)
    run = solver.evolve("network", problem, start, snapshots=21)
    sizes = np.array([max(neurons // ratio, 1) for ratio in RATIOS])
    below, rms, distances = marginals(run.final, "n")[0].distribution(), [], []
    for k, size in enumerate(sizes):
        options = {"t_end": solver.t_end, "dt": dt, "bins": 20, "start": start, "seed": seed + k}
        particles = fl.simulate_particles(network, neurons=int(size), networks=networks * 2 ** (3 - k), **options)
        comparison = fl.compare(particles, run)
        rms.append(np.sqrt(np.mean((particles.batches["N"] - comparison.rates["N"].expected) ** 2)))
        apart = [distribution_agreement(v, below).statistic for v in particles.final.v.reshape(-1, size)]
        distances.append(np.mean(apart))

    settle, state = min(2.0, t_long / 4), fl.steady_state(problem)

    def simulated(state, step: float):
        options = {"t_end": t_long, "dt": step, "start": state, "seed": seed}
        return fl.simulate_particles(state.problem.model, neurons=neurons, networks=networks, **options)

    def bias(state, rates) -> np.ndarray:
        """Of the stationary rate, with its standard error, both relative; a row for each (rate, error)."""
        return np.array(list(rates)) / state.N - [1.0, 0.0]

    particles = [simulated(state, step) for step in BRIDGED]
    with_bridge = bias(state, (one.mean("N", settle, t_long) for one in particles))
    without, shifted = [], []
    for step in PLAIN:
        own = np.random.default_rng([seed, round(1e6 * step)])
        v = particles[-1].final.v.reshape(networks, neurons)[: max(PLAIN_NEURONS // neurons, 2)].copy()
        without.append(euler(network, v, step, settle, t_long, own))
        moved = fl.NoisyLIF(b=b, a0=a0, v_fire=network.v_fire + MISSED * np.sqrt(2 * a0 * step))
        shifted.append(fl.steady_state(fl.discretize(moved, tol=solver.tol)).N)
    plain, shifted = bias(state, without), np.array(shifted) / state.N - 1.0
    size = np.abs(plain[:, 0])
    driven = fl.steady_state(fl.discretize(fl.NoisyLIF(**DRIVEN), tol=solver.tol))
    driven = bias(driven, (simulated(driven, step).mean("N", settle, t_long) for step in HALVED))
    regular = _bias_of_intervals(seed)
    (order, order_error), (order_regular, order_regular_error) = _order(driven), _order(regular)
    return {
        "neurons": sizes,
        "rms_rate": np.array(rms),
        "distances": np.array(distances),
        "rate_p": comparison.rates["N"].test.p,
        "density_p": comparison.densities[-1].distance.p,
        "slope_rate": float(np.polyfit(np.log(sizes), np.log(rms), 1)[0]),
        "slope_density": float(np.polyfit(np.log(sizes), np.log(distances), 1)[0]),
        "N": state.N,
        "bias_with": with_bridge,
        "bias_without": plain,
        "bias_shifted": shifted,
        "excess_with": float(np.maximum(np.abs(with_bridge[:, 0]) - 3 * with_bridge[:, 1], 0.0).max()),
        "excess_without": max(float(abs(plain[-1, 0] - shifted[-1]) - 3 * plain[-1, 1]), 0.0),
        "order_without": float(np.polyfit(np.log(PLAIN), np.log(size), 1, w=size)[0]),  # errors are alike
        "bias_driven": driven,
        "order_with": order,
        "order_error": order_error,
        "bias_regular": regular,
        "order_regular": order_regular,
        "order_regular_error": order_regular_error,
    }


def _bias_of_intervals(seed: int) -> np.ndarray:
    """Of neurons almost without noise, whose mean interval is 1/N: every neuron has as many intervals."""
    network, count, bias = fl.NoisyLIF(**REGULAR), 4000, []
    phases = np.linspace(network.v_reset, network.v_fire, count, endpoint=False)  # spikes anywhere in a step
    for step in HALVED:
        options = {"t_end": 3.0, "dt": step, "start": phases, "seed": seed, "record": count}
        spikes = fl.simulate_particles(network, neurons=count, **options).spikes
        least = min(len(times) for times in spikes)
        intervals = np.concatenate([np.diff(times)[: least - 1] for times in spikes])
        mean, error = intervals.mean(), intervals.std() / np.sqrt(intervals.size)
        bias.append([1 / (exact.firing_rate(network) * mean) - 1, error / mean])
    return np.array(bias)


def _order(bias: np.ndarray) -> tuple[float, float]:
    """Of the bias, from a step to half of it; its standard error, which says whether neurons were enough."""
    error = np.hypot(*(bias[:, 1] / bias[:, 0])) / np.log(2)
    return float(np.log2(np.abs(bias[0, 0] / bias[1, 0]))), float(error)


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


@panels(1, 2)
def figure(results, left, right):
    """Differences against the number of neurons; bias against the step."""
    sizes, log = np.asarray(results["neurons"]), np.log(results["neurons"])
    for k, (text, name, slope) in enumerate((
        ("rate in bins", "rms_rate", "slope_rate"), ("distribution function", "distances", "slope_density")
    )):  # fmt: skip
        values = np.asarray(results[name])
        left.loglog(sizes, values, "os"[k], color=f"C{k}", label=f"{text}: slope {results[slope]:.3f}")
        left.loglog(sizes, np.exp(np.polyval(np.polyfit(log, np.log(values), 1), log)), color=f"C{k}", lw=1.0)
    label(left, "neurons $n$ in a network", "difference from the equation", "best")
    plain = f"crossings at ends of steps: order {results['order_without']:.2f}"
    right.axhline(0.0, color="0.4", lw=0.8)
    for steps, name, look in (
        (PLAIN, "bias_without", {"fmt": "s", "color": "C3", "label": plain}),
        (BRIDGED, "bias_with", {"fmt": "o", "color": "C0", "label": "with the bridge"}),
    ):
        bias, error = np.asarray(results[name]).T
        right.errorbar(steps, 100 * bias, 300 * error, ms=4, capsize=3, **look)
    shifted = 100 * np.asarray(results["bias_shifted"])
    right.plot(PLAIN, shifted, "C3--", lw=1.0, label=r"threshold $V_F+0.5826\sqrt{2a_0\Delta t}$")
    label(right, r"step $\Delta t$", "bias of the rate, per cent", xscale="log")
    ticks(right.xaxis, PLAIN)
    right.legend(loc="lower left", title="three standard errors")


if __name__ == "__main__":
    fl.study.run_script(main)
