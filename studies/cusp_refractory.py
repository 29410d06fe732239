"""When can a network with a refractory state fire at two different rates?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = (R(t)/tau) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t),      dR/dt + R/tau = N,      int n dv + R = 1

Expected: between two folds (S11; Caceres & Perthame 2014, section 3). Steady states are N = 1/(I(m) + tau), b = m/N;
a state that fires faster than 1/tau is impossible, so the upper branch that escapes to infinity without a refractory
state turns back at a second fold. Folds are I + m I' + tau = 0, a curve in (b, tau); inside it there are three steady
states, outside one. The two folds meet in a cusp, 2 I' + m I'' = 0, at tau = 0.32545: beyond, there is one state for
every b. In the three-state region two networks that differ only in how they start settle at different rates, as long
as the upper state has not lost its stability in a Hopf bifurcation.
"""

import numpy as np

import felif as fl
from felif.analysis import exact
from felif.output import label, panels, rate_curve

TAUS = (0.05, 0.1, 0.2)
CHEAP = {"tol": 1e-8, "rtol": 1e-6}
# closed form in 40 digits, and finite elements
EXPECTED = {
    "fold_b": (
        # for each of TAUS two
        (
            2.146429138231881,
            1.579726051834629,
            2.193862816054697,
            1.827569291790583,
            2.296180297710294,
            2.167734940725883,
        ),
        1e-9,
    ),
    "cusp": ((2.44953546218913, 0.3254467330969838, 0.6411371684440275), 1e-9),
    "off_curve": (0.0, 1e-8),  # folds in (b, tau) against the closed form
    "states": ((0.33287668354789, 0.786527970809086, 1.800699168360383), 1e-8),
    "settled": (0.0, 3e-5),  # both runs against their steady states, relative
}


@fl.study.numerics(cells=None, degree=6, tol=1e-8, t_end=40.0, rtol=1e-8)
def main(solver, b=2.23, tau=0.2, a0=1.0) -> dict:
    """Follow the folds from one tau to all of (b, tau); start two runs of one network in different densities.

    b: Connectivity of the network of the runs.
    tau: Mean time a neuron of the runs rests after firing.
    """
    folds = []
    for rest in TAUS:
        problem = solver.discretize(fl.RefractoryLIF(b=0.5, tau=rest, a0=a0))
        branch = fl.continuation(problem, fl.steady_state(problem), "b", (0.0, 8.0), N_max=8.0, stability=False)
        folds += branch.folds
    box = {"b": (0.5, 12.0), "tau": (0.02, 2.0)}
    curve = fl.fold_curve(problem, branch.folds[0], "b", "tau", box, N_max=8.0, stability=False)
    on_curve = [curve.table[name] for name in ("b", "tau", "N")]
    off_curve = max(
        min(np.hypot(x - fold.b, N / fold.N - 1) for fold in exact.folds(fl.RefractoryLIF(b=b, tau=rest, a0=a0)))
        for x, rest, N in zip(*on_curve, strict=True)
        if rest < 0.999 * on_curve[1].max()  # at the cusp itself folds are ill-conditioned
    )
    problem = solver.discretize(fl.RefractoryLIF(b=b, tau=tau, a0=a0))
    states = fl.steady_states(problem)
    quiet = solver.evolve("quiet", problem, fl.Gaussian(-1.0, 0.5, boundary_layer=0.5))
    excited = solver.evolve("excited", problem, fl.Gaussian(1.0, 0.1, boundary_layer=0.5))
    return {
        **{f"curve_{name}": values for name, values in zip(("b", "tau", "N"), on_curve, strict=True)},
        "off_curve": off_curve,
        "exact_curve": _exact_curve(a0),
        "fold_b": np.array([fold.b for fold in folds]),
        "fold_tau": np.array([fold.tau for fold in folds]),
        "cusp": np.array([(cusp.b, cusp.tau, cusp.N) for cusp in curve.cusps]).ravel(),
        "states": np.array([state.N for state in states]),
        "stable": np.array([state.stable for state in states]),
        "settled": max(abs(quiet.final.N / states[0].N - 1), abs(excited.final.N / states[-1].N - 1)),
    }


def _exact_curve(a0: float) -> np.ndarray:
    """(b, tau) with tau = -(I + m I'), b = m (I + tau) for the drift centres m at which tau > 0."""
    m = np.geomspace(0.05, 40.0, 4000)
    alone = exact.log_interval(fl.NoisyLIF(a0=a0), m)
    tau = -np.exp(alone.log) * (1 + m * alone.by_m)
    b = m * (np.exp(alone.log) + tau)
    return np.array([b[tau > 0.02], tau[tau > 0.02]])


@panels(1, 2)
def figure(results, left, right):
    """Left: folds in (b, tau) with the cusp, the closed form over them. Right: one network, two rates."""
    quiet, excited = results["quiet"], results["excited"]
    left.plot(results["curve_b"], results["curve_tau"], "C0", lw=2.4, label="folds")
    left.plot(*results["exact_curve"], "k", lw=0.7, label="closed form")
    left.plot(results["fold_b"], results["fold_tau"], "o", color="w", mec="k", ms=5, zorder=5)
    if len(results["cusp"]):
        b, tau, _ = results["cusp"]
        left.plot(b, tau, "D", color="C3", ms=7, zorder=6)
        arrow = {"arrowstyle": "-", "color": "C3", "lw": 0.8}
        text = f"cusp\n$b={b:.6f}$\n$\\tau={tau:.6f}$"
        left.annotate(text, (b, tau), (1.25, 0.19), color="C3", arrowprops=arrow)
    left.plot(quiet.model.b, quiet.model.tau, "*", color="C1", ms=13, zorder=6, label="runs on the right")
    for x, text in ((1.35, "1 state"), (1.97, "3 states"), (2.5, "1 state")):
        left.text(x, 0.07, text, ha="center")
    label(left, "b", r"refractory time $\tau$", legend="upper left", xlim=(1.15, 2.8), ylim=(0.0, 0.36))
    right.semilogy(*rate_curve(quiet), "C0", label="quiet start")
    right.semilogy(*rate_curve(excited), "C3", label="excited start")
    aside = {"ha": "right", "va": "bottom", "transform": right.get_yaxis_transform()}
    for N, stable in zip(results["states"], results["stable"], strict=True):
        right.axhline(N, color="k", lw=0.9, ls="-" if stable else "--")
        right.text(0.99, N, f"$N={N:.5f}$, {'stable' if stable else 'unstable'}", **aside)
    right.set(xlim=(0.0, min(15.0, quiet.times[-1])), ylim=(0.05, 4.0))
    title = f"$b={quiet.model.b:g}$, $\\tau={quiet.model.tau:g}$"
    label(right, "t", "N", legend="lower right", title=title)


if __name__ == "__main__":
    fl.study.run_script(main)
