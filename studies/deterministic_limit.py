"""Does a network without noise blow up, and how much noise prevents it?

    n_t + d/dv[(-v + I + b N) n] - a n_vv = N delta(v - V_R),     n(V_F, t) = 0,     a -> 0

Expected (S25; Mauroy & Sepulchre 2012; Carrillo, Dou, Roux & Zhou 2024): with an input beyond V_F, I = 2.5, everybody
fires, and N = (I - V_F) n_F/(1 - b n_F) becomes infinite where b n(V_F) = 1. For b > 0 every start but the splay state
does so, after some rounds, which a linear recursion in the part of neurons that have fired follows exactly. Small noise
changes the time by a multiple of a; more smooths the density so much that the blow-up waits for the next round, or the
one after; still more and there is none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-4, "rtol": 1e-5, "t_end": 2.2, "noises": (0.003, 0.02)}
EXPECTED = {
    # the recursion with 24 and 40 Chebyshev nodes, and a label equation with root finding
    "time_noiseless": (1.425025404837, 1e-10),
    "round_noiseless": (3, 0.0),
    "fraction_noiseless": (0.650257153881, 1e-9),
    "time_little": (1.42484, 2e-5),  # a = 0.003; this equation on meshes made from 1e-5 and 1e-6
    "outcome_much": ("finished", 0.0),  # a = 0.02
    "mass_drift": (0.0, 1e-12),  # rounding
}


def main(
    b: float = 0.5,
    current: float = 2.5,
    noises: tuple[float, ...] = (0.001, 0.002, 0.003, 0.005, 0.006, 0.008, 0.01, 0.012, 0.02),
    tol: float = 1e-5,
    t_end: float = 4.0,
    rtol: float = 1e-6,
    out: Path | None = None,
) -> dict:
    """Find the blow-up without noise by the recursion, and run the network with noise from the same uniform start.

    Parameters
    ----------
    b
        Connectivity.
    current
        Input, beyond V_F = 2.
    noises
        Noise a of the runs, among them 0.003 and 0.02.
    tol
        Accuracy from which meshes are chosen.
    t_end
        Length of the runs.
    rtol
        Tolerance of a time step.
    """
    start = fl.Uniform(1.0, 2.0)
    exact = fl.noiseless_blow_up(b, current, start)
    runs, table = {}, []
    for a in noises:
        problem = fl.discretize(fl.NoisyLIF(b=b, current=current, a0=a), tol=tol)
        run = fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, f"noise_{a:g}"), resume=True)
        blow = run.blow_up
        table.append((a, blow.time if blow else np.nan, blow.error if blow else np.nan))
        runs[f"noise_{a:g}"] = run
    table = np.array(table)
    return runs | {
        "time_noiseless": exact.time,
        "round_noiseless": exact.round,
        "fraction_noiseless": exact.fraction,
        "ends": np.array(exact.ends),
        "blow_ups": table,
        "time_little": float(table[table[:, 0] == 0.003, 1][0]),
        "outcome_much": runs["noise_0.02"].outcome.name,
        "mass_drift": runs["noise_0.02"].drift["mass"],
    }


def figure(results: dict):
    """Left: N(t) with three noises. Right: blow-up times against the noise, and the one without noise."""
    figure, (times, against) = new_figure(1, 2)
    table, exact = results["blow_ups"], results["time_noiseless"]
    names = [name for name in results if name.startswith("noise_")]
    shown = [names[0], names[len(names) // 2], "noise_0.02"] if len(names) > 2 else names
    with house_style():
        for name in shown:
            run = results[name]
            t = np.linspace(0.0, run.times[-1] * (1 - 1e-9), 1500)
            N = run.sample("N", t)
            times.plot(t[N < 40], N[N < 40], lw=1.2, label=f"$a={run.model.a0:g}$")
        times.axvline(exact, color="k", ls="--", lw=0.9, label="blow-up without noise")
        times.set(xlabel="time $t$ (membrane time constants)", ylabel="firing rate $N(t)$", ylim=(0.0, 20.0))
        times.legend(loc="upper right")
        known = np.isfinite(table[:, 1])
        against.errorbar(table[known, 0], table[known, 1], table[known, 2], fmt="C3o", ms=5, label="blow-up")
        none = table[~known, 0]
        top = max(run.times[-1] for run in (results[name] for name in names))
        against.plot(none, np.full(len(none), top), "C0^", ms=6, label="none up to here")
        against.axhline(exact, color="k", ls="--", lw=0.9, label="without noise, by recursion")
        for k, end in enumerate(results["ends"][:3]):
            against.axhline(end, color="0.6", ls=":", lw=0.9, label="rounds end, without noise" if k == 0 else None)
        against.set(xlabel="noise $a$", ylabel="time", xscale="log", ylim=(0.0, 1.15 * top))
        against.legend(loc="upper left", bbox_to_anchor=(0.0, 0.9))
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
