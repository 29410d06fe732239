"""What does one noisy neuron do, and does the equation know how long its interspike intervals are?

    dV = (-V + I) dt + sqrt(2 a0) dW,   V = V_F: a spike, V is reset to V_R
    n_t + [(-v + I) n]_v - a0 n_vv = 0,   n(V_F, t) = 0,   n(v, 0) = delta(v - V_R),   f(t) = -a0 n_v(V_F, t)

Expected: f, the density of the time to the first passage through V_F, is the density of the intervals (lecture, S1).
Its mean is 1/N with the stationary rate N of the network's equation (Siegert's formula), and where the threshold is
at rest, I = V_F, f is known: P(T > t) = erf(x0/sqrt(2(e^{2t} - 1))), x0 = (V_F - V_R)/sqrt(a0). Simulated intervals are
drawn from it: their Kolmogorov-Smirnov distance times sqrt(intervals) is below 1.95 in 999 cases of 1000.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.special import erf

import felif as fl
from felif.analysis import exact
from felif.analysis.exact_time import first_passage_density
from felif.output.intervals import draw_intervals
from felif.output.style import house_style, new_figure

CHEAP = {"neurons": 60, "intervals": 20}
EXPECTED = {
    "mean_times_rate": (1.0, 1e-8),  # Siegert's closed form
    "integral": (1.0, 1e-10),
    "error_density": (0.0, 1e-7),  # largest difference from the closed form at I = V_F
    "error_survival": (0.0, 1e-7),
    "distance": (0.0, 1.95),  # Kolmogorov: p = 0.001
    "distance_in_time": (0.0, 1e-6),  # the equation by steps in time against the inverted Laplace transform: rtol
    "defect": (0.0, 1e4),  # of the exponential-moment identity, in units of rtol: a delta decays fast at first
    "error_deterministic": (0.0, 1e-13),  # T = log((I - V_R)/(I - V_F)), rounding
}


def main(
    cells: int | None = None,
    degree: int = 10,
    current: float = 2.5,
    a0: float = 0.3,
    neurons: int = 400,
    intervals: int = 50,
    t_end: float = 8.0,
    rtol: float = 1e-9,
    dt: float = 1e-3,
    seed: int = 1,
    out: Path | None = None,
) -> dict:
    """One path, many intervals, and their density from the equation in two ways.

    Parameters
    ----------
    cells
        Number of cells on (-6, V_F), without a mesh chosen from the tolerance.
    degree
        Polynomial degree of the elements on such a mesh.
    current
        Input I.
    a0
        Noise.
    neurons
        Independent neurons that are simulated.
    intervals
        Intervals of each of them.
    t_end
        Length of the path, and of the run of the equation.
    rtol
        Tolerance of a time step of that run.
    dt
        Step of the simulated neurons.
    seed
        Of the random numbers.
    """
    neuron = fl.NoisyLIF(current=current, a0=a0)
    law = fl.first_passage(neuron if cells is None else on_mesh(neuron, cells, degree))
    path = fl.neuron_path(neuron, t_end, seed=seed, dt=dt)
    silent = fl.NoisyLIF(current=max(current, 2.1))
    period = np.log((silent.current - silent.v_reset) / (silent.current - silent.v_fire))
    regular = fl.spike_times(silent, t_end)

    drawn = simulated(neuron, law, neurons, intervals, dt, seed)
    sorted_intervals = np.sort(drawn)
    levels = 1 - law.survival(sorted_intervals)
    ranks = np.arange(len(drawn) + 1) / len(drawn)
    distance = max(np.max(ranks[1:] - levels), np.max(levels - ranks[:-1]))

    problem = law.problem  # without reset, on its own mesh; the delta is phi(V_R) against every test function
    impulse = (np.abs(problem.nodes - neuron.v_reset) < 1e-12)[: problem.size - 1] / problem.mass.data[0, :-1]
    start = fl.State(problem, 0.0, np.append(impulse, 0.0))
    run = fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, "run"), resume=True, snapshots=41)
    t = np.linspace(0.0, t_end, 61)
    density = law.density(t)

    resting = fl.NoisyLIF(current=2.0, a0=a0)
    at_rest = fl.first_passage(resting if cells is None else on_mesh(resting, cells, degree))
    s = np.geomspace(1e-3, 20.0, 400)
    f, S = at_rest.both(s)
    x0 = (neuron.v_fire - neuron.v_reset) / np.sqrt(a0)
    return {
        "run": run,
        "mean": law.mean,
        "cv": law.cv,
        "mean_times_rate": law.mean * exact.firing_rate(neuron),
        "integral": law.integral,
        "error_density": float(np.abs(f - first_passage_density(s, x0 * np.sqrt(a0), a0)).max()),
        "error_survival": float(np.abs(S - erf(x0 / np.sqrt(2 * np.expm1(2 * s)))).max()),
        "distance": float(distance * np.sqrt(len(drawn))),
        "distance_in_time": float(np.abs(run.sample("N", t[1:]) - density[1:]).max()),
        "error_deterministic": float(np.abs(regular - period * np.arange(1, len(regular) + 1)).max(initial=0.0)),
        "defect": run.moment_defect / rtol,
        "mean_simulated": float(drawn.mean()),
        "cv_simulated": float(drawn.std() / drawn.mean()),
        "intervals": drawn,
        "path_t": path.t,
        "path_v": path.v,
        "spikes": path.spikes,
        "threshold": neuron.v_fire,
        "reset": neuron.v_reset,
        "t": t,
        "density": density,
    }


def on_mesh(neuron: fl.NoisyLIF, cells: int, degree: int):
    """The neuron's problem, whose mesh `first_passage` takes."""
    return fl.discretize(neuron, fl.interval(neuron, v_min=-6.0, cells=cells), space=fl.SpectralElement(degree))


def simulated(neuron: fl.NoisyLIF, law, neurons: int, intervals: int, dt: float, seed: int) -> np.ndarray:
    """The first `intervals` of each neuron, all of which start at V_R: long enough that none is cut off."""
    t_end = law.mean * (intervals + 8 * law.cv * np.sqrt(intervals) + 10)
    run = fl.simulate_particles(
        neuron,
        neurons=neurons,
        t_end=t_end,
        dt=dt,
        start=np.full(neurons, neuron.v_reset),
        seed=seed,
        record=neurons,
        progress=False,
    )
    return np.concatenate([np.diff(times, prepend=0.0)[:intervals] for times in run.spikes])


def figure(results: dict):
    """A path with its spikes; the histogram of the intervals with the density of the equation over it."""
    figure, (left, right) = new_figure(1, 2)
    times = np.concatenate([results["path_t"], np.repeat(results["spikes"], 3)])
    jump = np.tile([results["threshold"], results["threshold"] + 1.0, results["reset"]], len(results["spikes"]))
    order = np.argsort(times, kind="stable")
    with house_style():
        left.plot(times[order], np.concatenate([results["path_v"], jump])[order], lw=0.9)
        left.axhline(results["threshold"], color="k", ls="--", lw=0.9)
        left.axhline(results["reset"], color="k", ls=":", lw=0.9)
        left.set(xlabel="time $t$ (membrane time constants)", ylabel="membrane potential $V$")
    t, density = np.asarray(results["t"]), np.asarray(results["density"])
    law = fl.first_passage(results["run"].model.model)
    draw_intervals(right, np.asarray(results["intervals"]), law.density)
    with house_style():
        right.plot(t[1:], density[1:], ".", ms=4, color="k", label="by steps in time")
        right.set_xlim(0, np.quantile(results["intervals"], 0.99))
        right.legend()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
