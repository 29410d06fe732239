"""What do an excitatory and an inhibitory population do to each other?

    (n_i)_t + [(-v + b_Ei N_E - b_Ii N_I) n_i]_v - a0 (n_i)_vv = N_i delta(v - V_R),   v < V_F,   i = E, I
    n_i(V_F, t) = 0,      N_i(t) = -a0 (n_i)_v(V_F, t)

Expected: one, two or three steady states (S24; Caceres & Schneider 2017, theorem 3.1), the solutions of
N_E = r(b_EE N_E - b_IE N_I), N_I = r(b_EI N_E - b_II N_I), r(m) the rate of one neuron with drift m - v. For
(b_EE, b_IE, b_EI, b_II) = (3, 4, 0.6, 0) there are three and the lowest is stable. For large rates r(m) ~ m/L,
L = V_F - V_R: the branch comes from infinity at b_EE = L + b_IE b_EI/(L + b_II) = 3.4, turns at 2.689 and again at
4.610, beyond which there is no state. With the weak coupling of the run there is one, and both rates settle; N_I first
overshoots, as those neurons start closer to V_F and quieten each other only once they fire.
"""

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output import label, mark_thresholds, only, panels, rate_curve, ticks

WEAK = {"b_EE": 0.5, "b_IE": 0.25, "b_EI": 0.25, "b_II": 1.0}  # of the run
CHEAP = {"tol": 1e-8, "rtol": 1e-7}
EXPECTED = {
    # the three states and their leading eigenvalues: closed form in 40 digits, and finite elements
    "N_E": ((0.0659323226863444, 1.06453465713952, 9.48601885361725), 1e-7),
    "N_I": ((0.128513643700094, 0.313556117691895, 4.39193331341884), 1e-7),
    "stable": ((1, 0, 0), 0.0),
    "growth": ((5.7362874209, 343.6), 0.05),  # of the unstable ones; the digits of the reference
    # folds of the closed form, which is a curve over N_I
    "fold_b_EE": ((4.6099905201987506, 2.6894286505059757), 1e-6),
    "fold_N_E": ((0.15031636022427933, 2.7050105580102533), 1e-6),
    "off_curve": (0.0, 1e-4),  # b_EE on the branch against the closed form
    # the run of weak coupling: finite elements and finite volumes
    "at_1": ((0.0957388396, 0.1200575000), 1e-7),
    "at_3": ((0.1248258096, 0.1062907335), 1e-7),
    "settled": (0.0, 1e-5),  # against N = (0.128111412736119, 0.105267520805272), closed form; e^(-1.114 t) is left
}


@fl.study.numerics(cells=None, degree=6, tol=1e-8, t_end=12.0, rtol=1e-8)
def main(solver, b_EE=3.0, b_IE=4.0, b_EI=0.6, b_II=0.0, a0=1.0, N_max=12.0) -> dict:
    """Find all steady states, follow the lowest in b_EE; evolve two Gaussians under weak coupling.

    b_EE: Connectivity from excitatory to excitatory neurons.
    b_IE: Connectivity from inhibitory to excitatory neurons; enters with a minus sign.
    b_EI: Connectivity from excitatory to inhibitory neurons.
    b_II: Connectivity from inhibitory to inhibitory neurons; enters with a minus sign.
    """
    network = fl.ExcitatoryInhibitoryLIF(b_EE=b_EE, b_IE=b_IE, b_EI=b_EI, b_II=b_II, a0=a0)
    problem = solver.discretize(network)
    states = fl.steady_states(problem)
    branch = fl.continuation(problem, states[0], "b_EE", (0.0, 1.0 + 1.5 * b_EE), N_max=N_max)
    rates = branch.table["N_I"]
    weak = solver.discretize(fl.ExcitatoryInhibitoryLIF(**WEAK, a0=a0))
    n_E, n_I = fl.Gaussian(-0.5, 0.5, boundary_layer=0.7), fl.Gaussian(0.2, 0.3, boundary_layer=0.7)
    run, rest = solver.evolve("run", weak, {"n_E": n_E, "n_I": n_I}), fl.steady_state(weak)
    off_rest = np.abs(np.subtract([run.final.N_E, run.final.N_I], (0.128111412736119, 0.105267520805272)))
    return {
        "N_E": np.array([state.N_E for state in states]),
        "N_I": np.array([state.N_I for state in states]),
        "stable": np.array([int(state.stable) for state in states]),
        "growth": np.array([np.real(state.growth) for state in states if not state.stable]),
        "b_EE": b_EE,
        **{f"branch_{name}": branch.table[name] for name in ("b_EE", "N_E", "N_I", "stable")},
        **{f"fold_{x}": np.array([getattr(fold, x) for fold in branch.folds]) for x in ("b_EE", "N_E", "N_I")},
        "exact_curve": steady_curve(network, np.geomspace(rates.min(), rates.max(), 400)),
        "off_curve": float(np.abs(steady_curve(network, rates)[0] - branch.table["b_EE"]).max()),
        **{f"at_{t:g}": [run.sample(x, t) for x in ("N_E", "N_I")] for t in (1.0, 3.0) if t <= solver.t_end},
        "weak_N": np.array([rest.N_E, rest.N_I]),
        "settled": float(off_rest.max()) if a0 == 1.0 else None,
    }


def steady_curve(network: fl.ExcitatoryInhibitoryLIF, N_I: np.ndarray) -> np.ndarray:
    """(b_EE, N_E, N_I) of the steady states over N_I: with m = r^-1(N), b_EI N_E = m_I + b_II N_I; b_EE from m_E."""
    alone = fl.NoisyLIF(a0=network.a0, v_reset=network.v_reset, v_fire=network.v_fire)
    N_E = (exact.drift_centre(alone, N_I) + network.b_II * N_I) / network.b_EI
    return np.array([(exact.drift_centre(alone, N_E) + network.b_IE * N_I) / N_E, N_E, N_I])


@panels(2, 2)
def figure(results, excitatory, inhibitory, rates, densities):
    """Above: the branch in b_EE with its folds and the states of the network. Below: the run."""
    run, b, stable = results["run"], results["branch_b_EE"], results["branch_stable"]
    m, v = run.model, np.linspace(-3.7, run.model.v_fire, 400)
    kinds = (("E", "C3", excitatory, "excitatory"), ("I", "C0", inhibitory, "inhibitory"))
    for k, (i, colour, axes, kind) in enumerate(kinds):
        N, states = results[f"branch_N_{i}"], results[f"N_{i}"]
        axes.semilogy(only(b, stable), N, colour, lw=2.4, label="stable")
        axes.semilogy(only(b, ~stable), N, colour, lw=2.4, ls=(0, (2.0, 1.2)), label="unstable")
        axes.semilogy(results["exact_curve"][0], results["exact_curve"][1 + k], "k", lw=0.7, label="closed form")
        folds = results["fold_b_EE"], results[f"fold_N_{i}"]
        axes.plot(*folds, "o", color="w", mec="k", ms=6, zorder=5, label="folds")
        look = {"color": "C1", "mec": "k", "ms": 6, "zorder": 6, "label": f"states, $b_{{EE}}={results['b_EE']:g}$"}
        axes.plot(np.full(len(states), results["b_EE"]), states, "D", **look)
        label(axes, r"connectivity $b_{EE}$", f"firing rate $N_{{{i}}}$, {kind}")
        places = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
        ticks(axes.yaxis, [place for place in places if N.min() / 1.2 < place < 1.2 * N.max()])
        rates.plot(*rate_curve(run, f"N_{i}"), colour, label=f"$N_{{{i}}}(t)$")
        rates.axhline(results["weak_N"][k], color=colour, ls="--", lw=1.0)
        for s, style in ((0.0, ":"), (run.times[-1], "-")):
            n = getattr(run.at(s), f"n_{i}")(v)
            densities.plot(v, n, colour, ls=style, label=f"$n_{{{i}}}$, $t={s:g}$")
    excitatory.legend(loc="upper left")
    title = f"$b_{{EE}}={m.b_EE:g}$, $b_{{IE}}={m.b_IE:g}$, $b_{{EI}}={m.b_EI:g}$, $b_{{II}}={m.b_II:g}$"
    label(rates, "t", "firing rates", legend="lower right", title=title, ylim=(0.0, None))
    mark_thresholds(densities, run.problem.marks)
    label(densities, "v", "densities $n_E$, $n_I$", legend="upper left", ylim=(0.0, None))


if __name__ == "__main__":
    fl.study.run_script(main)
