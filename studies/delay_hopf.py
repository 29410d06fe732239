"""Can an inhibitory network oscillate by itself if its spikes arrive late?

    n_t + [(-v + b N(t - d)) n]_v - a0 n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -a0 n_v(V_F, t)

Expected: yes; the delay d is what the convergence of inhibitory networks (S8) cannot do without. The steady states are
those without delay; at a curve b_H(d) < 0 a pair of eigenvalues lambda = i omega crosses the axis, where,
with psi(v) = He_{-lambda}((bN - v)/sqrt a0),

    psi(V_F) - psi(V_R) = b N e^(-lambda d) [psi'(V_F) - psi'(V_R)]/(1 + lambda)

(a Hopf bifurcation, supercritical here). Below it N(t) tends to a periodic solution with a period of two to three
delays: firing neurons quieten the others a delay later, and are themselves set free another delay later. The cycle is
computed directly, by collocation in time, and by a run from a Gaussian that reaches it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.optimize import brentq

import felif as fl
from felif.output.plots import rate_curve
from felif.output.style import house_style, new_figure

DELAYS = (0.5, 1.0, 2.0)
CHEAP = {"tol": 1e-7, "rtol": 1e-6, "points": 6, "t_end": 30.0, "tol_cycle": 1e-5}
EXPECTED = {
    # b_H and omega for d = 0.5, 1, 2: root of the equation above in 40 digits, and finite elements
    "hopf_b": ((-167.9546290638735, -41.96438540303076, -18.4978509544613), 5e-5),
    "hopf_omega": ((4.271813468408337, 2.264965373906230, 1.233077078041944), 1e-6),
    "supercritical": (1.0, 0.0),
    "period": (2.84763, 1e-5),  # b = -60, d = 1: a boundary-value problem in time, all digits of the reference
    "N_min": (0.0019035, 1e-7),
    "N_max": (0.0407179, 1e-7),
    "period_run": (2.84763, 1e-4),
    "distance": (0.0, 2e-3),  # N(t) of the run to the cycle, in units of its largest N; e^(-t/3.5) is left
    "mass_drift": (0.0, 1e-12),  # rounding
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-8,
    t_end: float = 45.0,
    rtol: float = 1e-7,
    b: float = -60.0,
    delay: float = 1.0,
    a0: float = 1.0,
    points: int = 40,
    tol_cycle: float = 1e-6,
    out: Path | None = None,
) -> dict:
    """Follow the Hopf points in (d, b); compute the limit cycle of (delay, b), and run into it.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), without a mesh chosen from tol.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen.
    t_end
        Length of the run, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity of the limit cycle, below the Hopf point of its delay.
    delay
        Time a spike takes to arrive.
    a0
        Noise.
    points
        Largest number of points on the curve of Hopf points, in each direction.
    tol_cycle
        Accuracy of N from which the mesh of the limit cycle is chosen, where cells are not given.
    """
    found = {d: _hopf(cells, degree, tol, a0, d) for d in {*DELAYS, delay}}
    hopfs, start = [found[d] for d in DELAYS], found[delay]
    problem = _problem(fl.NoisyLIF(b=b, a0=a0, delay=delay), cells, degree, tol)
    curve = fl.hopf_curve(
        start.problem,
        start,
        "b",
        "delay",
        {"b": (-250.0, 0.0), "delay": (0.3, 6.0)},
        max_points=points,
        stability=False,
    )
    coarse = _hopf(cells, degree, tol_cycle, a0, delay) if cells is None else start
    orbit = fl.periodic_orbit(coarse.problem, coarse, b=b, tol=max(1e-4, 10 * tol_cycle))
    gaussian = fl.Gaussian(0.0, 0.25, boundary_layer=0.5)
    run = fl.evolve(
        problem, gaussian, t_end, rtol=rtol, history=0.0, folder=fl.study.folder(out, "run"), resume=True, snapshots=201
    )
    t = np.linspace(0.0, orbit.period, 401)
    return {
        "run": run,
        **{f"curve_{name}": curve.table[name] for name in ("b", "delay", "frequency", "N")},
        "hopf_b": np.array([hopf.b for hopf in hopfs]),
        "hopf_omega": np.array([hopf.frequency for hopf in hopfs]),
        "supercritical": float(all(hopf.criticality < 0 for hopf in hopfs)),
        "steady_N": fl.steady_state(problem).N,
        "period": orbit.period,
        "N_min": orbit.min["N"],
        "N_max": orbit.max["N"],
        "multiplier": float(np.abs(orbit.multipliers).max()),
        "cycle": np.array([t, orbit.sample("N", t)]),
        "path": np.column_stack([orbit.path[name] for name in ("b", "period", "max N")]),
        **_compared(run, orbit),
        "mass_drift": run.drift["mass"],
        "defect": run.moment_defect / max(tol if cells is None else 0.0, rtol),
    }


def _problem(network: fl.NoisyLIF, cells: int | None, degree: int, tol: float):
    space = fl.SpectralElement(degree)
    if cells is None:
        return fl.discretize(network, space=space, tol=tol)
    return fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells, grading=3.0), space=space)


def _hopf(cells: int | None, degree: int, tol: float, a0: float, delay: float):
    """The first Hopf point below b = 0, which lies near -80 for d = 1 and moves like a power of d."""
    problem = _problem(fl.NoisyLIF(b=-9.0, a0=a0, delay=delay), cells, degree, tol)
    branch = fl.continuation(problem, fl.steady_state(problem), "b", (-20.0 - 45.0 * delay**-2, -8.0), max_step=2.0)
    if not branch.hopfs:
        raise fl.NotConverged(f"no Hopf point for delay = {delay}, a0 = {a0} above b = {branch.table['b'].min():g}")
    return max(branch.hopfs, key=lambda point: point.b)


def _compared(run: fl.Run, orbit) -> dict:
    """Last period of the run, and how far its N(t) is from the cycle when both begin where N rises through its mean."""
    T, t_end = orbit.period, run.times[-1]
    if t_end < 4 * T:
        return {"period_run": None, "distance": None, "shift": None}
    level = (orbit.max["N"] + orbit.min["N"]) / 2
    rises = _rises(lambda t: run.sample("N", t) - level, t_end - 3 * T, t_end)
    if len(rises) < 2:
        return {"period_run": None, "distance": None, "shift": None}
    shift = rises[-1] - _rises(lambda t: orbit.sample("N", t) - level, 0.0, 1.5 * T)[0]
    t = np.linspace(t_end - T, t_end, 400)
    largest = float(np.abs(run.sample("N", t) - orbit.sample("N", t - shift)).max() / orbit.max["N"])
    return {"period_run": rises[-1] - rises[-2], "distance": largest, "shift": shift}


def _rises(f, start: float, end: float) -> list[float]:
    t = np.linspace(start, end, 600)
    values = f(t)
    return [
        brentq(lambda s: float(f(s)), t[k], t[k + 1], xtol=1e-12)
        for k in np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    ]


def figure(results: dict):
    """Left: where a steady state is stable, in (d, b). Right: a run and the cycle; below, the amplitude against b."""
    run = results["run"]
    b, d = run.model.b, run.model.delay
    figure, axes = new_figure(2, 2)
    (curve, frequencies), (early, late) = axes
    with house_style():
        order = np.argsort(results["curve_delay"])
        curve.plot(results["curve_delay"][order], -results["curve_b"][order], "C0", label="Hopf points, followed")
        curve.plot(
            DELAYS, -results["hopf_b"], "o", color="w", mec="k", ms=6, zorder=5, label="found on branches in $b$"
        )
        curve.plot(d, -b, "*", color="C3", ms=13, zorder=6, label="run below")
        curve.set(xlabel="delay $d$ (membrane time constants)", ylabel="inhibition $-b$", yscale="log", xscale="log")
        for axis, ticks in ((curve.xaxis, (0.5, 1, 2, 5)), (curve.yaxis, (10, 20, 50, 100, 200))):
            axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
            axis.set_ticks([], minor=True)
        curve.text(0.5, 0.1, "steady state stable", transform=curve.transAxes, ha="center")
        curve.text(0.62, 0.55, "oscillations", transform=curve.transAxes, ha="center")
        curve.legend(loc="upper right")
        frequencies.plot(results["curve_delay"][order], 2 * np.pi / results["curve_frequency"][order], "C0")
        frequencies.plot(DELAYS, 2 * np.pi / results["hopf_omega"], "o", color="w", mec="k", ms=6, zorder=5)
        frequencies.plot(d, results["period"], "*", color="C3", ms=13, zorder=6, label=f"cycle, $b={b:g}$")
        frequencies.set(xlabel="delay $d$ (membrane time constants)", ylabel="period $2\\pi/\\omega$ at the Hopf point")
        frequencies.legend(loc="lower right")
        t, N = rate_curve(run)
        early.plot(t, N, "C0", lw=1.2)
        early.axhline(results["steady_N"], color="k", ls="--", lw=1.0, label="steady state, unstable")
        shown = N[t > d]
        early.set(
            xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$", ylim=(0.0, 1.3 * shown.max())
        )
        early.legend(loc="upper right")
        early.set_title(f"$b={b:g}$, $d={d:g}$", loc="left")
        T, shift = results["period"], results["shift"]
        if shift is not None:
            last = t > t[-1] - 2 * T
            s = t[last]
            cycle = np.interp((s - shift) % T, *results["cycle"])
            late.plot(s, N[last], "C0", lw=3.5, alpha=0.5, label="run")
            late.plot(s, cycle, "k", lw=1.0, label=f"cycle by collocation, period ${T:.5f}$")
            late.set(ylim=(0.0, 1.35 * N[last].max()))
            late.legend(loc="upper right")
        late.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
