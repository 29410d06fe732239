"""Does a refractory state prevent the blow-up of an excitatory network?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = (R(t)/tau) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t),      dR/dt + R/tau = N

Expected: no (S11; Caceres & Perthame 2014). After firing, a neuron rests for an exponential time of mean tau; R(t) is
the fraction that rests, and int n dv + R = 1 stays constant. For moderate b (first row) the network settles where
N = R/tau = 1/(I(bN) + tau), I(m) being the mean time from V_R to V_F under the drift m - v. For b = 3 (second row) the
firing rate becomes infinite at t = 3.78757: later than without a refractory state (3.41737), because neurons at rest
are not there to be excited, but it does.
"""

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output import label, panels, plot_densities, rate_curve

CHEAP = {"tol": 1e-6, "rtol": 1e-6}
EXPECTED = {
    "time": (3.78757, 1e-5),  # all digits of the reference (two methods); b = 3, tau = 0.1
    "N": (0.15302172977906, 1e-7),  # N = 1/(I + tau), b = N I + N tau: closed form
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
}


@fl.study.numerics(cells=None, degree=6, tol=1e-8, t_end=20.0, rtol=1e-8)
def main(solver, b=1.0, b_large=3.0, a0=1.0, a1=0.0, tau=0.1) -> dict:
    """Evolve a Gaussian, with nobody at rest, in two networks that differ in their connectivity alone.

    b: Connectivity of the network that settles.
    b_large: Connectivity of the network that blows up.
    """
    start = fl.Gaussian(mean=-1.0, variance=0.5, boundary_layer=0.5 if a1 else 0.0)
    settles, blows_up = (
        solver.evolve(name, fl.RefractoryLIF(b=connectivity, tau=tau, a0=a0, a1=a1), start)
        for name, connectivity in (("settles", b), ("blows_up", b_large))
    )
    end = solver.ends()
    return {
        "N": settles.final.N,
        "steady_N": exact.steady_rates(settles.model),
        "time": end["time_blows_up"],
        "error": end["error_blows_up"],
    }


@panels(2, 3)
def figure(results, *axes):
    """A row for each network: n(v, t); N(t) and R(t)/tau; where the neurons are, R and int n, which add up to 1."""
    for name, density, rates, shares in (("settles", *axes[:3]), ("blows_up", *axes[3:])):
        run, blow_up = results[name], results[name].blow_up
        t_end = run.times[-1] if blow_up else min(8.0, run.times[-1])
        plot_densities(density, run, t_end * np.array([0.0, 0.05, 0.15, 0.4, 1.0]))
        label(density, "v", "n", title=f"$b={run.model.b:g}$, $\\tau={run.model.tau:g}$", pad=16)
        t, N = (values[1:] for values in rate_curve(run))
        t, N = t[t <= t_end], N[t <= t_end]
        R, mass = run.sample("R", t), run.sample("mass", t)
        rates.plot(t, N, label="$N(t)$, firing")
        rates.plot(t, R / run.model.tau, label=r"$R(t)/\tau$, back from rest")
        if blow_up:
            rates.set(yscale="log", ylim=(1e-3, None))
            rates.axvline(blow_up.time, color="0.35", ls=":", label=rf"$t_{{\mathrm{{BU}}}}={blow_up.time:.5f}$")
        else:
            steady = results["steady_N"][0]
            rates.set_ylim(0.0, 1.4 * steady)
            rates.axhline(steady, color="k", ls="--", lw=1.0, label=f"steady state, $N={steady:.5f}$")
        label(rates, "time $t$", "rates (per time constant)", legend="upper left" if blow_up else "lower right")
        shares.semilogy(t, R + mass, "k", lw=1.0, label=f"sum, to {run.drift['total']:.0e}")
        shares.semilogy(t, mass, label=r"$\int\;n\,dv$")
        shares.semilogy(t, R, label="$R(t)$, at rest")
        label(shares, "time $t$", "fraction of neurons", legend=None if blow_up else "best", ylim=(1e-4, 2.0))


if __name__ == "__main__":
    fl.study.run_script(main)
