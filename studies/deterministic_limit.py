"""Does a network without noise blow up, and how much noise prevents it?

    n_t + d/dv[(-v + I + b N) n] - a n_vv = N delta(v - V_R),     n(V_F, t) = 0,     a -> 0

Expected (S25; Mauroy & Sepulchre 2012; Carrillo, Dou, Roux & Zhou 2024): with an input beyond V_F, I = 2.5, everybody
fires, and N = (I - V_F) n_F/(1 - b n_F) becomes infinite where b n(V_F) = 1. For b > 0 every start but the splay state
does so, after some rounds, which a linear recursion in the part of neurons that have fired follows exactly. Small noise
changes the time by a multiple of a; more smooths the density so much that the blow-up waits for the next round, or the
one after; still more and there is none.
"""

import numpy as np

import felif as fl
from felif.output import label, panels, plot_series

CHEAP = {"tol": 1e-4, "rtol": 1e-5, "t_end": 2.2, "noises": (0.003, 0.02)}
EXPECTED = {
    # the recursion with 24 and 40 Chebyshev nodes, and a label equation with root finding
    "time_noiseless": (1.425025404837, 1e-10),
    "round_noiseless": (3, 0.0),
    "fraction_noiseless": (0.650257153881, 1e-9),
    "time_little": (1.42484, 2e-5),  # a = 0.003; this equation on meshes made from 1e-5 and 1e-6
    "outcome_much": ("finished", 0.0),  # a = 0.02
}


@fl.study.numerics(tol=1e-5, t_end=4.0, rtol=1e-6)
def main(solver, b=0.5, current=2.5, noises=(0.001, 0.002, 0.003, 0.005, 0.006, 0.008, 0.01, 0.012, 0.02)) -> dict:
    """Find the blow-up without noise by the recursion, and run the network with noise from the same uniform start.

    current: Input, beyond V_F = 2.
    noises: Noise a of the runs, among them 0.003 and 0.02.
    """
    start = fl.Uniform(1.0, 2.0)
    exact = fl.noiseless_blow_up(b, current, start)
    table = []
    for a in noises:
        blow = solver.evolve(f"noise_{a:g}", fl.NoisyLIF(b=b, current=current, a0=a), start).blow_up
        table.append((a, blow.time if blow else np.nan, blow.error if blow else np.nan))
    table = np.array(table)
    return {
        "time_noiseless": exact.time,
        "round_noiseless": exact.round,
        "fraction_noiseless": exact.fraction,
        "ends": np.array(exact.ends),
        "blow_ups": table,
        "time_little": float(table[table[:, 0] == 0.003, 1][0]),
        "outcome_much": solver.runs["noise_0.02"].outcome.name,
    }


@panels(1, 2)
def figure(results, times, against):
    """Left: N(t) with three noises. Right: blow-up times against the noise, and the one without noise."""
    exact, runs = results["time_noiseless"], [results[name] for name in results if name.startswith("noise_")]
    for run in [runs[0], runs[len(runs) // 2], runs[-1]] if len(runs) > 2 else runs:
        plot_series(times, run, "N", "", below=40.0, label=f"$a={run.model.a0:g}$")
    times.axvline(exact, color="k", ls="--", lw=0.9, label="without noise")
    label(times, "t", "N", legend="upper right", ylim=(0.0, 20.0))
    a, time, error = results["blow_ups"].T
    none, top = a[np.isnan(time)], max(run.times[-1] for run in runs)
    against.errorbar(a, time, error, fmt="C3o", ms=5, label="blow-up")
    against.plot(none, np.full(len(none), top), "C0^", ms=6, label="none up to here")
    against.axhline(exact, color="k", ls="--", lw=0.9, label="without noise, by recursion")
    for k, end in enumerate(results["ends"][:3]):
        against.axhline(end, color="0.6", ls=":", lw=0.9, label="rounds end, without noise" if k == 0 else None)
    against.margins(x=0.06)
    label(against, "noise $a$", "time", xscale="log", ylim=(0.0, 1.15 * top))
    against.legend(loc="upper left", bbox_to_anchor=(0.0, 0.9))


if __name__ == "__main__":
    fl.study.run_script(main)
