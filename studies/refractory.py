"""Does a refractory state prevent the blow-up of an excitatory network?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = (R(t)/tau) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t),      dR/dt + R/tau = N

Expected: no (S11; Caceres & Perthame 2014). After firing, a neuron rests for an exponential time of mean tau; R(t) is
the fraction that rests, and int n dv + R = 1 stays constant. For moderate b (first row) the network settles where
N = R/tau = 1/(I(bN) + tau), I(m) being the mean time from V_R to V_F under the drift m - v. For b = 3 (second row) the
firing rate becomes infinite at t = 3.78757: later than without a refractory state (3.41737), because neurons at rest
are not there to be excited, but it does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output.plots import plot_densities, rate_curve
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-6, "rtol": 1e-6}
EXPECTED = {
    "time": (3.78757, 1e-5),  # all digits of the reference (two methods); b = 3, tau = 0.1
    "N": (0.15302172977906, 1e-7),  # N = 1/(I + tau), b = N I + N tau: closed form
    "total_drift": (0.0, 1e-12),  # int n + R: rounding
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def main(
    cells: int | None = None,
    degree: int = 6,
    tol: float = 1e-8,
    t_end: float = 20.0,
    rtol: float = 1e-8,
    b: float = 1.0,
    b_large: float = 3.0,
    a0: float = 1.0,
    a1: float = 0.0,
    tau: float = 0.1,
    out: Path | None = None,
) -> dict:
    """Evolve a Gaussian, with nobody at rest, in two networks that differ in their connectivity alone.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F), fixed, without a mesh that follows the solution.
    degree
        Polynomial degree of the elements.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Latest end of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    b
        Connectivity of the network that settles.
    b_large
        Connectivity of the network that blows up.
    a0
        Noise of a silent network.
    a1
        Increase of the noise with N; data must vanish at V_F then.
    tau
        Mean time a neuron rests after firing.
    """
    start = fl.Gaussian(mean=-1.0, variance=0.5, boundary_layer=0.5 if a1 else 0.0)
    runs = {}
    for name, connectivity in (("settles", b), ("blows_up", b_large)):
        network = fl.RefractoryLIF(b=connectivity, tau=tau, a0=a0, a1=a1)
        space = fl.SpectralElement(degree)
        if cells is None:
            problem = fl.discretize(network, space=space, tol=tol)
        else:
            problem = fl.discretize(network, fl.interval(network, v_min=-8.0, cells=cells, grading=3.0), space=space)
        runs[name] = fl.evolve(problem, start, t_end, rtol=rtol, folder=fl.study.folder(out, name), resume=True)
    blow_up = runs["blows_up"].blow_up
    return runs | {
        "N": runs["settles"].final.N,
        "steady_N": exact.steady_rates(runs["settles"].model),
        "time": None if blow_up is None else blow_up.time,
        "error": None if blow_up is None else blow_up.error,
        "total_drift": max(run.drift["total"] for run in runs.values()),
        "min_n": min(run.series["min_n"].min() for run in runs.values()),
        "defect": max(run.moment_defect for run in runs.values()) / max(tol if cells is None else 0.0, rtol),
    }


def figure(results: dict):
    """A row for each network: n(v, t); N(t) and R(t)/tau; where the neurons are, R and int n, which add up to 1."""
    figure, axes = new_figure(2, 3)
    for (density, rates, shares), name in zip(axes, ("settles", "blows_up"), strict=True):
        run = results[name]
        t_end = run.times[-1] if run.blow_up is not None else min(8.0, run.times[-1])
        plot_densities(density, run, t_end * np.array([0.0, 0.05, 0.15, 0.4, 1.0]))
        t, N = (values[1:] for values in rate_curve(run))
        t, N = t[t <= t_end], N[t <= t_end]
        R = run.sample("R", t)
        mass = run.sample("mass", t)
        with house_style():
            density.set_title(f"$b={run.model.b:g}$, $\\tau={run.model.tau:g}$", loc="left", pad=16)
            density.set(xlabel="membrane potential $v$", ylabel="density $n(v,t)$")
            rates.plot(t, N, label="$N(t)$, firing")
            rates.plot(t, R / run.model.tau, label=r"$R(t)/\tau$, back from rest")
            if run.blow_up is not None:
                rates.set_yscale("log")
                rates.set_ylim(bottom=1e-3)
                rates.axvline(
                    run.blow_up.time, color="0.35", ls=":", label=rf"$t_{{\mathrm{{BU}}}}={run.blow_up.time:.5f}$"
                )
            else:
                steady = results["steady_N"][0]
                rates.set_ylim(0.0, 1.4 * steady)
                rates.axhline(steady, color="k", ls="--", lw=1.0, label=f"steady state, $N={steady:.5f}$")
            rates.set(xlabel="time $t$", ylabel="rates (per time constant)")
            rates.legend(loc="lower right" if run.blow_up is None else "upper left")
            drift = run.drift["total"]
            shares.semilogy(t, R + mass, "k", lw=1.0, label=f"sum, to {drift:.0e}")
            shares.semilogy(t, mass, label=r"$\int n\,dv$")
            shares.semilogy(t, R, label="$R(t)$, at rest")
            shares.set(xlabel="time $t$", ylabel="fraction of neurons", ylim=(1e-4, 2.0))
            if run.blow_up is None:  # the same below
                shares.legend()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
