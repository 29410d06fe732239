"""What does one noisy neuron do, and does the equation know how long its interspike intervals are?

    dV = (-V + I) dt + sqrt(2 a0) dW,   V = V_F: a spike, V is reset to V_R
    n_t + [(-v + I) n]_v - a0 n_vv = 0,   n(V_F, t) = 0,   n(v, 0) = delta(v - V_R),   f(t) = -a0 n_v(V_F, t)

Expected: f, the density of the time to the first passage through V_F, is the density of the intervals (lecture, S1).
Its mean is 1/N with the stationary rate N of the network's equation (Siegert's formula), and where the threshold is
at rest, I = V_F, f is known: P(T > t) = erf(x0/sqrt(2(e^{2t} - 1))), x0 = (V_F - V_R)/sqrt(a0). Simulated intervals are
drawn from it: their Kolmogorov-Smirnov distance times sqrt(intervals) is below 1.95 in 999 cases of 1000.
"""

import numpy as np
from scipy.special import erf

import felif as fl
from felif.analysis import exact
from felif.analysis.agreement import distribution_agreement
from felif.analysis.exact_time import first_passage_density
from felif.output import draw_intervals, label, panels

CHEAP = {"neurons": 60, "intervals": 20}
EXPECTED = {
    "mean_times_rate": (1.0, 1e-8),  # Siegert's closed form
    "integral": (1.0, 1e-10),
    "error_density": (0.0, 1e-7),  # largest difference from the closed form at I = V_F
    "error_survival": (0.0, 1e-7),
    "distance": (0.0, 1.95),  # Kolmogorov: p = 0.001
    "distance_in_time": (0.0, 1e-6),  # the equation by steps in time against the inverted Laplace transform: rtol
    "error_deterministic": (0.0, 1e-13),  # T = log((I - V_R)/(I - V_F)), rounding
}


@fl.study.numerics(cells=None, degree=10, t_end=8.0, rtol=1e-9, mesh={"v_min": -6.0})
def main(solver, current=2.5, a0=0.3, neurons=400, intervals=50, dt=1e-3, seed=1) -> dict:
    """One path, many intervals, and their density from the equation in two ways.

    degree: Polynomial degree of the elements, where cells are given.
    neurons: Independent neurons that are simulated.
    intervals: Intervals of each of them.
    """
    neuron, resting = fl.NoisyLIF(current=current, a0=a0), fl.NoisyLIF(current=2.0, a0=a0)
    passage = lambda model: fl.first_passage(model if solver.cells is None else solver.discretize(model))
    law, at_rest = passage(neuron), passage(resting)
    path = fl.neuron_path(neuron, solver.t_end, seed=seed, dt=dt)
    silent = fl.NoisyLIF(current=max(current, 2.1))
    period = np.log((silent.current - silent.v_reset) / (silent.current - silent.v_fire))
    regular = fl.spike_times(silent, solver.t_end)

    # all start at V_R; long enough that none of the first intervals is cut off
    last = law.mean * (intervals + 8 * law.cv * np.sqrt(intervals) + 10)
    options = {"start": np.full(neurons, neuron.v_reset), "seed": seed, "record": neurons, "progress": False}
    spikes = fl.simulate_particles(neuron, neurons=neurons, t_end=last, dt=dt, **options).spikes
    drawn = np.concatenate([np.diff(times, prepend=0.0)[:intervals] for times in spikes])

    problem = law.problem  # without reset, on its own mesh; the delta is phi(V_R) against every test function
    impulse = (np.abs(problem.nodes - neuron.v_reset) < 1e-12)[: problem.size - 1] / problem.mass.data[0, :-1]
    run = solver.evolve("run", problem, fl.State(problem, 0.0, np.append(impulse, 0.0)), snapshots=41)
    t, s = np.linspace(0.0, solver.t_end, 61), np.geomspace(1e-3, 20.0, 400)
    density, (f, S) = law.density(t), at_rest.both(s)
    x0 = (neuron.v_fire - neuron.v_reset) / np.sqrt(a0)
    return {
        "mean": law.mean,
        "cv": law.cv,
        "mean_times_rate": law.mean * exact.firing_rate(neuron),
        "integral": law.integral,
        "error_density": float(np.abs(f - first_passage_density(s, x0 * np.sqrt(a0), a0)).max()),
        "error_survival": float(np.abs(S - erf(x0 / np.sqrt(2 * np.expm1(2 * s)))).max()),
        "distance": distribution_agreement(drawn, lambda x: 1 - law.survival(x)).statistic * float(np.sqrt(len(drawn))),
        "distance_in_time": float(np.abs(run.sample("N", t[1:]) - density[1:]).max()),
        "error_deterministic": float(np.abs(regular - period * np.arange(1, len(regular) + 1)).max(initial=0.0)),
        "mean_simulated": float(drawn.mean()),
        "cv_simulated": float(drawn.std() / drawn.mean()),
        "intervals": drawn,
        "path": np.array([path.t, path.v]),
        "spikes": path.spikes,
        "density": np.array([t, density]),
    }


@panels(1, 2)
def figure(results, left, right):
    """A path with its spikes; the histogram of the intervals with the density of the equation over it."""
    neuron, spikes, (times, v) = results["run"].model.model, results["spikes"], results["path"]
    times = np.concatenate([times, np.repeat(spikes, 3)])
    v = np.concatenate([v, np.tile([neuron.v_fire, neuron.v_fire + 1.0, neuron.v_reset], len(spikes))])
    order = np.argsort(times, kind="stable")
    left.plot(times[order], v[order], lw=0.9)
    left.axhline(neuron.v_fire, color="k", ls="--", lw=0.9)
    left.axhline(neuron.v_reset, color="k", ls=":", lw=0.9)
    label(left, "t", "membrane potential $V$")
    draw_intervals(right, results["intervals"], fl.first_passage(neuron).density)
    right.plot(*results["density"][:, 1:], ".", ms=4, color="k", label="by steps in time")
    right.set_xlim(0, np.quantile(results["intervals"], 0.99))
    right.legend()


if __name__ == "__main__":
    fl.study.run_script(main)
