"""Does a cell polarise by itself, and which feedback lets the density at its wall blow up?

    n_t = n_zz + mu(t) n_z,   z > 0,      n_z(0, t) + mu n(0, t) = 0,      M = int n
    "trace": mu = n(0, t)     "integrated": mu' = n(0, t) - mu/L     "exchange": the same, and n_z(0) + mu n(0) = mu'

Expected (S15; Calvez, Hawkins, Meunier & Voituriez 2012): with mu = n(0, t) the mass decides. Below 1 the density
spreads and n(0, t) falls like t^(-1/2); at 1 it tends to a constant that the data choose; above 1 it becomes infinite
before T <= J0^2/((M - 1) M^2), J0 = int z n_0. With mu integrated in time n(0, t) grows without end but stays finite;
where what is bound at the wall is taken from n, it converges. Numbers are those of a Volterra equation for n(0, t),
solved by Chebyshev series in sqrt(t).
"""

import numpy as np

import felif as fl
from felif.output import label, panels, plot_series

CHEAP = {"tol": 1e-4, "rtol": 1e-5, "masses": 0}
EXPECTED = {
    "trace_below": ((1.323790386637, 1.177396726041, 0.812057566357), 2e-5),  # t = .25, 1, 4
    "mu_integrated": ((0.306440561622, 0.316076059930, 0.278840673939, 0.212899023939), 1e-5),  # t = .5, 1, 2, 4
    "mu_exchange": ((0.588646516530, 0.882839935502, 1.259718885248, 1.72424027953), 3e-5),
    "steady_at": (1.0, 1e-3),  # M = 1, n_0 = e^{-z}, which is a steady state: n(0, t) stays
    "time_2": (0.21708232, 5e-6),
    "late": (0, 0.0),  # blow-up times beyond the bound
}


@fl.study.numerics(tol=1e-6, t_end=4.0, rtol=1e-7)
def main(solver, masses=5) -> dict:
    """Run masses below, at and above the critical one with mu = n(0, t), and one of each of the other closures.

    masses: Number of further masses above 1 whose blow-up times are compared with the bound.
    """
    trace = lambda mass: fl.CellPolarisation("trace", mass=mass)
    half, exponential = lambda width: lambda z: np.exp(-(z**2) / (2 * width**2)), lambda z: np.exp(-z)
    below = solver.evolve("below", trace(0.9), half(0.7))
    at = solver.evolve("at", trace(1.0), exponential)
    above = solver.evolve("above", trace(2.0), exponential).blow_up
    integrated, exchange = fl.CellPolarisation("integrated", L=0.5), fl.CellPolarisation("exchange", mass=3.0)
    integrated = solver.evolve("integrated", integrated, {"n": half(1.0), "mu": 0.2})
    exchange = solver.evolve("exchange", exchange, {"n": half(1.0), "mu": 0.0})
    table = [(2.0, above.time, above.error, 1.0)]
    for M in np.geomspace(1.3, 3.0, masses).tolist():
        blow = solver.evolve(f"mass_{M:.3g}", trace(M), exponential, 1.1 / (M - 1)).blow_up
        table.append((M, blow and blow.time, blow and blow.error, 1 / (M - 1)))
    table = np.array(sorted(table), float)
    times = lambda *wanted: [t for t in wanted if t <= solver.t_end]
    return {
        "trace_below": below.sample("trace", times(0.25, 1.0, 4.0)),
        "mu_integrated": integrated.sample("mu", times(0.5, 1.0, 2.0, 4.0)),
        "mu_exchange": exchange.sample("mu", times(0.5, 1.0, 2.0, 4.0)),
        "steady_at": float(at.final.trace),
        "time_2": above.time,
        "error_2": above.error,
        "blow_ups": table,
        "late": int((table[:, 1] > table[:, 3]).sum()),
    }


@panels(1, 3)
def figure(results, masses, closures, times):
    """Left: n(0, t) with three masses; middle: with three closures; right: blow-up times and their bound."""
    for axes, name, text in (
        (masses, "below", "$M=0.9$"),
        (masses, "at", "$M=1$"),
        (masses, "above", f"$M=2$, $T^*={results['time_2']:.5f}$"),
        (closures, "above", "$\\mu=n$, $M=2$"),
        (closures, "integrated", "$\\mu'=n-2\\mu$, $M=1$"),
        (closures, "exchange", "exchange, $M=3$"),
    ):
        plot_series(axes, results[name], "trace", below=60.0, label=text)
        label(axes, "time $t$", "density at the wall $n(0,t)$", "upper right", yscale="log")
    M, time = results["blow_ups"][:, :2].T
    times.plot(M, time, "C3o-", ms=5, label="blow-up time $T^*(M)$")
    M = np.linspace(1.25, 3.1, 200)
    times.plot(M, 1 / (M - 1), "k--", lw=1.0, label="bound $J_0^2/((M-1)M^2)$")
    label(times, "mass $M$, data $M e^{-z}$", "time", "upper right", yscale="log")


if __name__ == "__main__":
    fl.study.run_script(main)
