"""Does a network of noisy neurons burst by itself, with no input at all?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv + (n/eps) 1_{v > V_F} = (R/tau) delta(v - V_R),   v real
    N(t) = int_{v > V_F} n/eps dv,      dR/dt + R/tau = N,      int n dv + R = 1

Expected: yes (the lecture's "spontaneous activity", S13; Caceres & Perthame 2014, section 4). Above V_F neurons fire at
the rate 1/eps instead of at once, which bounds N; then they rest for tau. A burst starts when firing neurons lift
others over V_F, and ends when most are at rest. For tau = 1, eps = 0.05, a0 = 1 the steady state is unstable and
N(t) tends to a periodic solution for 4.56878 < b < 17.00030, between two Hopf bifurcations; outside N(t) settles, and
period is None. `felif sweep spontaneous_activity --b 4:18:15` draws the line.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.optimize import brentq, minimize_scalar

import felif as fl
from felif.analysis import exact
from felif.output.style import fine_times, house_style, mark_thresholds, new_figure

CHEAP = {"tol": 1e-6, "rtol": 1e-6}
# the cycle for b = 5: a boundary-value problem in time, two discretisations in v
EXPECTED = {
    "period": (2.570905199, 1e-6),
    "N_max": (2.49761587, 1e-5),
    "N_min": (0.1333280115, 1e-6),
    "steady_N": (0.5678758563191, 1e-12),  # closed form
    "total_drift": (0.0, 1e-12),  # int n + R: rounding
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}
CONVERGENCE = {"option": "rtol", "values": [1e-4, 1e-5, 1e-6, 1e-7], "result": "N_max", "reference": 2.49761587}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-7,
    t_end: float = 22.0,
    rtol: float = 1e-7,
    b: float = 5.0,
    eps: float = 0.05,
    a0: float = 1.0,
    a1: float = 0.0,
    tau: float = 1.0,
    out: Path | None = None,
) -> dict:
    """Evolve a Gaussian, with nobody at rest, and measure the last burst: period, largest and smallest N.

    Parameters
    ----------
    cells
        Number of cells on (-8, 12), fixed, without a mesh that follows the solution.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Length of the run, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity.
    eps
        Mean time a neuron spends above V_F before it fires.
    a0
        Noise of a silent network.
    a1
        Increase of the noise with N.
    tau
        Mean time a neuron rests after firing.
    """
    network = fl.RandomThresholdLIF(b=b, eps=eps, tau=tau, a0=a0, a1=a1)
    space = fl.SpectralElement(degree)
    if cells is None:
        problem = fl.discretize(network, space=space, tol=tol)
    else:
        problem = fl.discretize(network, fl.interval(network, v_min=-8.0, v_max=12.0, cells=cells), space=space)
    start = fl.Gaussian(mean=0.0, variance=0.25)
    run = fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, "activity"), resume=True)
    return {
        "activity": run,
        **last_burst(run),
        "steady_N": exact.steady_rates(network)[0],
        "total_drift": run.drift["total"],
        "min_n": run.series["min_n"].min(),
        "defect": run.moment_defect / max(tol if cells is None else 0.0, rtol),
    }


def last_burst(run: fl.Run) -> dict:
    """period, its change from the burst before, N_max, N_min; None unless N oscillates to the end of the run.

    A burst begins where N rises through the geometric mean of its extrema in the second half of the run.
    """
    nothing = dict.fromkeys(("period", "period_change", "N_max", "N_min"))
    t = fine_times(run.times)
    N = run.sample("N", t)
    late = N[t > t[-1] / 2]
    if late.size == 0 or late.max() < 1.05 * late.min():
        return nothing
    level = np.sqrt(late.max() * late.min())
    rises = np.flatnonzero((N[:-1] < level) & (N[1:] >= level))
    begins = [brentq(lambda s: run.sample("N", s) - level, t[k], t[k + 1], xtol=1e-13) for k in rises]
    if len(begins) < 3 or t[-1] > begins[-1] + 1.5 * (begins[-1] - begins[-2]):
        return nothing
    before, first, last = begins[-3:]
    inside = np.flatnonzero((t > first) & (t < last))
    top, bottom = inside[np.argmax(N[inside])], inside[np.argmin(N[inside])]
    return {
        "period": last - first,
        "period_change": abs(last - 2 * first + before),
        "N_max": -_least(lambda s: -run.sample("N", s), t[top - 1], t[top + 1]),
        "N_min": _least(lambda s: run.sample("N", s), t[bottom - 1], t[bottom + 1]),
    }


def _least(function, low: float, high: float) -> float:
    return float(minimize_scalar(function, bounds=(low, high), method="bounded", options={"xatol": 1e-8}).fun)


def figure(results: dict):
    """Above: N(t) and R(t), as on the slide. Below: n(v, t) on the same axis of time."""
    run = results["activity"]
    figure, (above, below) = new_figure(2, 1, height=2.0, wide=True, sharex=True)
    t = fine_times(run.times)
    with house_style():
        above.plot(t, run.sample("N", t), label="firing rate $N(t)$")
        above.plot(t, run.sample("R", t), label="fraction at rest $R(t)$", lw=1.2)
        stability = "unstable " if results["period"] else ""
        above.axhline(results["steady_N"], color="0.4", ls="--", lw=1.0, label=f"{stability}steady state")
        above.set(ylabel="$N(t)$, $R(t)$", ylim=(0.0, None))
        period = f", period {results['period']:.6f}" if results["period"] else ""
        above.set_title(f"$b={run.model.b:g}${period}", loc="left")
        above.legend(loc="lower right", ncols=3, bbox_to_anchor=(1.02, 0.98))
        times = np.linspace(run.times[0], run.times[-1], 500)
        v = np.linspace(-3.0, 4.0, 280)
        n = np.array([run.at(s).n(v) for s in times])
        # the initial peak would leave the rest dark
        top = np.quantile(n[times > 0.05 * times[-1]], 0.999)
        mesh = below.pcolormesh(times, v, n.T, cmap="viridis", vmin=0.0, vmax=top, shading="gouraud", rasterized=True)
        figure.colorbar(mesh, ax=below, label="$n(v,t)$", pad=0.01, extend="max")
        mark_thresholds(below, run.problem.marks, along="v on y", color="white")
        below.grid(False)
        below.set(xlabel="time $t$ (membrane time constants)", ylabel="membrane potential $v$")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
