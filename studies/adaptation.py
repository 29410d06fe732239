"""What does a current that grows at every spike do to the rate of a neuron?

    p_t + d/dv[(-v + I - w) p] - a p_vv - d/dw[(w/tau_w) p] = N(w - jump, t) delta(v - V_R),    v < V_F, w >= 0

Expected: when the neuron is switched on it fires at first as it would without adaptation, then slower, as w builds up
to its mean wbar = tau_w jump Nbar, which is exact at rest. The slope of the rate against the input falls: from
Nbar = r(I), r the rate of the neuron without adaptation, to nearly Nbar = r(I - tau_w jump Nbar), the solution where
fluctuations of w do not count. The density over (v, w) is checked against as many neurons simulated one by one.
"""

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.analysis.oscillation import smooth
from felif.output import label, panels, plot_density, plot_series

V_CELLS = (-5.0, -3.0, -1.5, -0.5, 0.3, 1.0, 1.6, 2.0)
mesh = lambda model, cells: {"v": np.array(V_CELLS), "w": np.linspace(0.0, 5.0, cells + 1)}
CHEAP = {"cells": 12, "degree": 3, "currents": (1.0,), "t_end": 10.0, "neurons": 4000, "rtol": 1e-3}
EXPECTED = {
    "balance": (0.0, 5e-3),  # wbar / (tau_w jump Nbar) - 1 at the end of the run: e^{-t_end/tau_w}
    "without": (0.0, 5e-3),  # jump = 0 against the closed form, relative; w of the start fades like e^{-t/tau_w}
    "particles": (0.0, 4.5),  # spikes of the particles less those of the density, in standard deviations
}


@fl.study.numerics(cells=20, degree=4, t_end=20.0, rtol=1e-4, mesh=mesh)
def main(solver, current=2.0, jump=0.5, tau_w=2.0, currents=(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0), neurons=20000) -> dict:
    """Switch neurons with and without adaptation on, and follow them to rest at several inputs.

    cells: Cells along w.
    current: Input, of the run that is compared with particles.
    jump: How much w rises at a spike.
    tau_w: Time constant of w, in membrane time constants.
    currents: Inputs at which the rate at rest is computed.
    neurons: Number of particles.
    """
    start = lambda v, w: np.exp(-2 * v**2 - 4 * w**2) * (1 - np.exp(-((2 - v) ** 4)))

    neuron = lambda I, b: fl.AdaptiveLIF(b, tau_w, current=I, w_max=5.0)

    def settled(I: float, b: float) -> float:
        problem = solver.discretize(neuron(I, b))
        return float(fl.evolve(problem, start, solver.t_end, rtol=solver.rtol, progress=False).final.Nbar)

    run = solver.evolve("adapting", neuron(current, jump), start)
    edges = np.linspace(0.0, min(solver.t_end, 6.0), 31)
    spikes = _spikes(fl.AdaptiveLIF(jump, tau_w, current=current), edges, neurons)
    expected = neurons * float(smooth(run, "Nbar", since=0.0).integrate(0.0, edges[-1]))
    rates = lambda b: np.array([exact.firing_rate(fl.NoisyLIF(b=b, current=I)) for I in currents])
    return {
        "edges": edges,
        "spikes": spikes / (neurons * np.diff(edges)),
        "currents": np.array(currents),
        "rates": np.array([settled(I, jump) for I in currents]),
        "rates_without": rates(0.0),
        "rates_of_mean": rates(-tau_w * jump),
        "balance": float(run.final.wbar / (tau_w * jump * run.final.Nbar) - 1),
        "without": settled(currents[-1], 0.0) / rates(0.0)[-1] - 1,
        "particles": float((spikes.sum() - expected) / np.sqrt(expected)),
    }


def _spikes(model: fl.AdaptiveLIF, edges: np.ndarray, neurons: int, dt: float = 1e-3) -> np.ndarray:
    """Spikes between the edges of neurons simulated one by one, those within a step found by Brownian bridges."""
    random = np.random.default_rng(1)
    v, w = (np.zeros(0),) * 2
    while len(v) < neurons:  # the start by rejection
        x, y = random.normal(0, 0.5, neurons), np.abs(random.normal(0, 8**-0.5, neurons))
        kept = (x < 2) & (random.random(neurons) < 1 - np.exp(-((2 - np.minimum(x, 2)) ** 4)))
        v, w = np.append(v, x[kept])[:neurons], np.append(w, y[kept])[:neurons]
    count = np.zeros(len(edges) - 1, int)
    for k in range(round(edges[-1] / dt)):
        new = v + dt * (model.current - v - w) + np.sqrt(2 * model.a0 * dt) * random.standard_normal(neurons)
        room = np.maximum(model.v_fire - v, 0) * np.maximum(model.v_fire - new, 0)
        fired = random.random(neurons) < np.exp(-room / (model.a0 * dt))
        v, w = np.where(fired, model.v_reset, new), w * np.exp(-dt / model.tau_w) + model.jump * fired
        count[min(np.searchsorted(edges, (k + 0.5) * dt) - 1, len(count) - 1)] += fired.sum()
    return count


@panels(1, 3)
def figure(results, times, rates, plane):
    """Left: rate after switching on. Middle: rates at rest against the input. Right: density over v and w."""
    run, edges, I = results["adapting"], results["edges"], results["currents"]
    times.stairs(results["spikes"], edges, color="0.7", fill=True, label="simulated neurons")
    plot_series(times, run, "Nbar", "C0", until=edges[-1], label="$\\bar N(t)$")
    plot_series(times, run, "wbar", "C1", until=edges[-1], lw=1.1, label="mean $w$")
    label(times, "time $t$", "rate, adaptation", "upper right", ylim=(0.0, 1.4))
    rates.plot(I, results["rates_without"], "C2o-", ms=4, label="no adaptation")
    rates.plot(I, results["rates"], "C0o-", ms=4, label="adaptation")
    rates.plot(I, results["rates_of_mean"], "k--", lw=1.0, label="its mean alone")
    label(rates, "input $I$", "rate at rest", "upper left", xmargin=0.05, ylim=(0.0, None))
    plot_density(plane, run.final)
    label(plane, "potential $v$", "adaptation $w$")


if __name__ == "__main__":
    fl.study.run_script(main)
