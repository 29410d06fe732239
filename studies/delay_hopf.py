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

from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

import felif as fl
from felif.output import label, panels, rate_curve, ticks

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
}


@fl.study.numerics(cells=None, degree=6, tol=1e-8, t_end=45.0, rtol=1e-7)
def main(solver, b=-60.0, delay=1.0, a0=1.0, points=40, tol_cycle=1e-6) -> dict:
    """Follow the Hopf points in (d, b); compute the limit cycle of (delay, b), and run into it.

    b: Connectivity of the limit cycle, below the Hopf point of its delay.
    delay: Time a spike takes to arrive.
    points: Largest number of points on the curve of Hopf points, in each direction.
    tol_cycle: Accuracy of N from which the mesh of the limit cycle is made, where cells are not given.
    """
    found = {d: _hopf(solver, a0, d) for d in {*DELAYS, delay}}
    hopfs, start = [found[d] for d in DELAYS], found[delay]
    problem = solver.discretize(fl.NoisyLIF(b=b, a0=a0, delay=delay))
    box = {"b": (-250.0, 0.0), "delay": (0.3, 6.0)}
    curve = fl.hopf_curve(start.problem, start, "b", "delay", box, max_points=points, stability=False)
    coarse = _hopf(replace(solver, tol=tol_cycle), a0, delay) if solver.cells is None else start
    orbit = fl.periodic_orbit(coarse.problem, coarse, b=b, tol=max(1e-4, 10 * tol_cycle))
    run = solver.evolve("run", problem, fl.Gaussian(0.0, 0.25, boundary_layer=0.5), history=0.0, snapshots=201)
    t = np.linspace(0.0, orbit.period, 401)
    return {
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
    }


def _hopf(solver, a0: float, delay: float):
    """The first Hopf point below b = 0, which lies near -80 for d = 1 and moves like a power of d."""
    problem = solver.discretize(fl.NoisyLIF(b=-9.0, a0=a0, delay=delay))
    branch = fl.continuation(problem, fl.steady_state(problem), "b", (-20.0 - 45.0 * delay**-2, -8.0), max_step=2.0)
    if not branch.hopfs:
        raise fl.NotConverged(f"no Hopf point for delay = {delay}, a0 = {a0} above b = {branch.table['b'].min():g}")
    return max(branch.hopfs, key=lambda point: point.b)


def _compared(run: fl.Run, orbit) -> dict:
    """Last period of the run, and how far its N(t) is from the cycle when both begin where N rises through its mean."""
    T, t_end, level = orbit.period, run.times[-1], (orbit.max["N"] + orbit.min["N"]) / 2
    rises = _rises(lambda t: run.sample("N", t) - level, t_end - 3 * T, t_end) if t_end >= 4 * T else []
    if len(rises) < 2:
        return {"period_run": None, "distance": None, "shift": None}
    shift = rises[-1] - _rises(lambda t: orbit.sample("N", t) - level, 0.0, 1.5 * T)[0]
    t = np.linspace(t_end - T, t_end, 400)
    largest = float(np.abs(run.sample("N", t) - orbit.sample("N", t - shift)).max() / orbit.max["N"])
    return {"period_run": rises[-1] - rises[-2], "distance": largest, "shift": shift}


def _rises(f, start: float, end: float) -> list[float]:
    """Where f rises through 0."""
    t = np.linspace(start, end, 600)
    values = f(t)
    places = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    return [brentq(lambda s: float(f(s)), t[k], t[k + 1], xtol=1e-12) for k in places]


@panels(2, 2)
def figure(results, curve, periods, early, late):
    """Left: where a steady state is stable, in (d, b). Right: a run and the cycle; below, the amplitude against b."""
    run, T, shift = results["run"], results["period"], results["shift"]
    b, d, order = run.model.b, run.model.delay, np.argsort(results["curve_delay"])
    delays, hollow = results["curve_delay"][order], {"color": "w", "mec": "k", "ms": 6, "zorder": 5}
    curve.loglog(delays, -results["curve_b"][order], "C0", label="Hopf points, followed")
    curve.plot(DELAYS, -results["hopf_b"], "o", label="found on branches in $b$", **hollow)
    curve.plot(d, -b, "*", color="C3", ms=13, zorder=6, label="run below")
    for x, y, text in ((0.5, 0.1, "steady state stable"), (0.62, 0.55, "oscillations")):
        curve.text(x, y, text, transform=curve.transAxes, ha="center")
    label(curve, "delay $d$ (membrane time constants)", "inhibition $-b$", legend="upper right")
    ticks(curve.xaxis, (0.5, 1, 2, 5))
    ticks(curve.yaxis, (10, 20, 50, 100, 200))
    periods.plot(delays, 2 * np.pi / results["curve_frequency"][order], "C0")
    periods.plot(DELAYS, 2 * np.pi / results["hopf_omega"], "o", **hollow)
    periods.plot(d, T, "*", color="C3", ms=13, zorder=6, label=f"cycle, $b={b:g}$")
    label(periods, "delay $d$ (membrane time constants)", "period $2\\pi/\\omega$ at the Hopf point", "lower right")
    t, N = rate_curve(run)
    early.plot(t, N, "C0", lw=1.2)
    early.axhline(results["steady_N"], color="k", ls="--", lw=1.0, label="steady state, unstable")
    label(early, "t", "N", "upper right", title=f"$b={b:g}$, $d={d:g}$", ylim=(0.0, 1.3 * N[t > d].max()))
    label(late, "t", "N")
    if shift is not None:
        last = t > t[-1] - 2 * T
        late.plot(t[last], N[last], "C0", lw=3.5, alpha=0.5, label="run")
        cycle = np.interp((t[last] - shift) % T, *results["cycle"])
        late.plot(t[last], cycle, "k", lw=1.0, label=f"cycle by collocation, period ${T:.5f}$")
        late.set_ylim(0.0, 1.35 * N[last].max())
        late.legend(loc="upper right")


if __name__ == "__main__":
    fl.study.run_script(main)
