"""What do inhibitory and excitatory networks settle into?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: the lecture's figure for an inhibitory network (b < 0) and its excitatory counterpart (S6; Caceres, Carrillo &
Perthame 2011): from the same Gaussian both reach a steady state, the inhibitory one after an overshoot of N, because
firing neurons quieten the others only once they fire. An inhibitory network has one steady state; an excitatory one
(a0 = 1, a1 = 0) has one for b <= 1, two for 1 < b < 2.10097 (the lower is stable), none above. The steady rates drawn
are the closed form. The Gaussian does not vanish at V_F: N starts from infinity like t^(-1/2), and falls at once.
"""

import felif as fl
from felif.analysis import exact
from felif.output import label, panels, plot_densities, plot_rates

TIMES = (0.1, 0.5, 1.0, 2.0, 5.0)
CHEAP = {"tol": 1e-6, "rtol": 1e-6}
# N at TIMES: finite elements of several degrees and finite volumes, converged to the digits given
EXPECTED = {
    "N_inhibitory": ((0.029774681, 0.098171583, 0.102777637, 0.096410342, 0.093177841), 5e-8),
    "N_excitatory": ((0.030693867, 0.129229035, 0.165539453, 0.183395601, 0.191650851), 5e-8),
    "steady_excitatory": ((0.192364012568479359, 2.289125707746862800), 1e-12),  # closed form in 40 digits
    "min_n": (0.0, 1e-6),  # n >= 0 up to tol
}


@fl.study.numerics(cells=None, degree=6, tol=1e-8, t_end=5.0, rtol=1e-8, mesh={"v_min": -8.0})
def main(solver, b=-1.5, b_excitatory=1.5, a0=1.0, a1=0.0) -> dict:
    """Evolve the Gaussian exp(-2 v^2) in two networks that differ in their connectivity alone.

    b: Connectivity of the inhibitory network.
    """
    results = {}
    for name, connectivity in (("inhibitory", b), ("excitatory", b_excitatory)):
        network = fl.NoisyLIF(b=connectivity, a0=a0, a1=a1)
        # with a1 > 0 a rate exists only where the initial density vanishes at V_F
        run = solver.evolve(name, network, fl.Gaussian(0.0, 0.25, boundary_layer=0.5 if a1 else 0.0))
        results[f"N_{name}"] = run.sample("N", [t for t in TIMES if t <= run.times[-1]])
        results[f"steady_{name}"] = exact.steady_rates(network)
    return results


@panels(2, 2)
def figure(results, *axes):
    """A row for each network, as on the slide: n(v, t) left, N(t) right."""
    for name, left, right in (("inhibitory", *axes[:2]), ("excitatory", *axes[2:])):
        run, steady = results[name], results[f"steady_{name}"]
        t_end = run.times[-1]
        plot_densities(left, run, [t for t in (0.0, 0.2, 0.5, 1.0, 2.0) if t < t_end] + [t_end])
        label(left, "v", "n", title=f"{name}, $b={run.model.b:g}$", pad=16)
        plot_rates(right, run)
        for N in steady[:1]:
            right.axhline(N, color="k", ls="--", lw=1.0, label=f"steady state, $N={N:.5f}$")
        label(right, "t", "N", legend="lower right" if len(steady) else None)


if __name__ == "__main__":
    fl.study.run_script(main)
