"""How many steady states does a network have, and which of them does it settle into?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: 1, 2 or 0 (S6; Caceres, Carrillo & Perthame 2011, theorem 3.1). With m = b N the steady states are the
curve N = 1/I(m), b = m I(m), I(m) the mean time between two spikes of a neuron with drift m - v. There is one for
b <= V_F - V_R; from N = infinity a second one comes down, meets the first at the fold, where I + m I' = 0, and beyond
there is none. The lower one is stable. The upper one has a single unstable mode and is the watershed: a network that
starts in it falls to the lower one if b is made a little smaller, and blows up in finite time if b is made larger.
"""

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output import label, only, panels, rate_curve

CHEAP = {"tol": 1e-8, "rtol": 1e-6, "step": 1.0}
# closed form in 40 digits, and finite elements
EXPECTED = {
    "fold_b": ((6.10669605822591009, 2.10096776045578754, 1.38794065700503145), 1e-9),
    "fold_N": ((0.0586446604927718, 0.424224359786284124, 1.51383504335094910), 1e-8),
    "counts": ((1, 2, 0), 0.0),  # theorem: b <= V_F - V_R, up to the fold, beyond
    "states": ((0.192364012568479359, 2.289125707746862800), 1e-9),
    "growth": ((-0.83043545, 3.8817950745961), 1e-7),  # lower: root of psi(V_F) - psi(V_R) = b N [psi']/(1 + lambda)
    "off_curve": (0.0, 1e-7),  # b on the branches against the closed form
    "settled_N": (0.0, 1e-4),  # from the lower state, relative
    "outcome": ("blow_up", 0.0),
}


@fl.study.numerics(cells=None, degree=6, tol=1e-9, t_end=15.0, rtol=1e-7)
def main(solver, b=1.5, kick=0.02, a0=1.0, a1=0.0, N_max=20.0, step=0.4) -> dict:
    """Follow the steady states for the noises a0/2, a0, 2 a0; start two runs in the upper state of b.

    b: Connectivity; states are counted at b - 1, b and b + 1, and the runs start in the upper state of b.
    kick: The runs have the connectivities b - kick and b + kick.
    """
    results: dict = {"noises": np.array([a0 / 2, a0, 2 * a0]), "N_max": N_max, "off_curve": 0.0}
    folds = []
    for name, noise in zip(("half", "one", "double"), results["noises"], strict=True):
        network = fl.NoisyLIF(b=0.0, a0=noise, a1=a1)
        problem = solver.discretize(network)
        branch = fl.continuation(problem, fl.steady_state(problem), "b", (-4.0, 8.0), N_max=N_max, max_step=step)
        folds += branch.folds[:1]
        results |= {f"{column}_{name}": branch.table[column] for column in ("b", "N", "stable", "leading")}
        on_curve = lambda N, network=network: exact.steady_curve_over_rate(network, N)[0]
        b_branch, N = branch.table["b"], branch.table["N"]
        results["off_curve"] = float(max(results["off_curve"], np.abs(on_curve(N) - b_branch).max()))
        N = np.geomspace(N.min(), N.max(), 300)
        results[f"exact_{name}"] = np.array([on_curve(N), N])

    problem = solver.discretize(fl.NoisyLIF(b=b, a0=a0, a1=a1))
    states = fl.steady_states(problem)
    start = states[-1] if states else fl.Gaussian(0.0, 0.25, boundary_layer=0.5)
    on_its_mesh = states[-1].problem if states else problem
    falls = solver.evolve("falls", on_its_mesh.at(b=b - kick), start)
    blows_up = solver.evolve("blows_up", on_its_mesh.at(b=b + kick), start)
    lower = exact.steady_rates(falls.model)
    return results | {
        "fold_b": np.array([fold.b for fold in folds]),
        "fold_N": np.array([fold.N for fold in folds]),
        "counts": np.array([len(fl.steady_states(problem.at(b=x))) for x in (b - 1, b, b + 1)]),
        "states": np.array([state.N for state in states]),
        "growth": np.array([state.growth.real for state in states]),
        "settled_N": falls.final.N / lower[0] - 1 if len(lower) else None,
        "outcome": blows_up.outcome.name,
    }


@panels(1, 2)
def figure(results, left, right):
    """Left: N against b for three noises, the closed form over it. Right: two runs that start in the upper state."""
    for k, name in enumerate(("half", "one", "double")):
        b, N, stable = (results[f"{column}_{name}"] for column in ("b", "N", "stable"))
        left.semilogy(only(b, stable), N, f"C{k}", lw=2.2, label=f"$a_0={results['noises'][k]:g}$")
        left.semilogy(only(b, ~stable), N, f"C{k}", lw=2.2, ls=(0, (2.0, 1.2)))
        left.semilogy(*results[f"exact_{name}"], "k", lw=0.7, label="closed form" if k == 2 else None)
    left.plot(results["fold_b"], results["fold_N"], "o", color="w", mec="k", ms=6, zorder=5, label="folds")
    for x, count in ((-1.5, "1 state"), (1.55, "2"), (4.1, "0")):
        left.text(x, 0.8 * results["N_max"], count, ha="center", va="top", color="C1")
    for x in (1.0, *results["fold_b"][1:2]):
        left.axvline(x, color="C1", lw=0.8, ls=":")
    left.set(xlim=(-4.0, 7.0), ylim=(None, results["N_max"]))
    label(left, "b", "firing rate $N$ of the steady states", title="solid: stable, dashed: unstable")
    left.legend(loc="upper right", bbox_to_anchor=(1.0, 0.92))
    falls, blows_up = results["falls"], results["blows_up"]
    for run, colour in ((falls, "C0"), (blows_up, "C3")):
        end = rf", $t_{{\mathrm{{BU}}}}={run.blow_up.time:.4f}$" if run.blow_up else ""
        right.semilogy(*rate_curve(run), colour, label=f"$b={run.model.b:g}${end}")
    for N, name, style in zip(results["states"], ("lower", "upper"), ("-", "--"), strict=False):
        right.axhline(N, color="0.4", lw=1.0, ls=style)
        text = f"{name} state of $b={(falls.model.b + blows_up.model.b) / 2:g}$"
        right.text(falls.times[-1], 1.1 * N, text, ha="right")
    label(right, "t", "N", legend="upper right", title="from the upper state", ylim=(0.1, 100.0))


if __name__ == "__main__":
    fl.study.run_script(main)
