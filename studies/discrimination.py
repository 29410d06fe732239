"""Can a network tell the signal it has learned from another one?

    p_t + [(-v + I(w) + w sigma(Nbar)) p]_v + eps [(Phi - w) p]_w - a p_vv = N(w,t) delta(v - V_R),   v < V_F, w <= 0
    N(w,t) = -a p_v(V_F,w,t),   Nbar = int N dw,   Phi = K N(w,t) Nbar(t),   C(w) = int p dv

    int abs(N_I - N_J) dw >= int L C abs(I - J) dw / (1 + S int L C abs(w) dw)

Expected: any network with any C answers different signals I, J differently, by at least the bound of the theorem (S19):
no pair of random signals contradicts it. That alone does not say which of two signals was learned. Learning does: the
weights C that the rule makes for I do not move while I is heard, int abs(Phi - w) C dw = 0, and move for every other
signal, since its output N_J differs from N_I = w/(K Nbar). So the restlessness int abs(Phi - w) C dw, which a network
can feel, is zero for the learned signal alone; before learning it is zero for none. While I is learned it falls for I
down to what the mesh leaves of it, and stays above that for other signals.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

import felif as fl
from felif.analysis import exact
from felif.analysis.quadrature import integrate
from felif.output import label, panels

CHEAP = {"pairs": 4, "deltas": 2, "cells": 30, "t_end": 4.0, "rtol": 1e-4}
EXPECTED = {
    "left": (0.128957285852, 1e-12),  # both sides for a bell of weights, I = 1.5, J = I + sin(2 pi w)/2:
    "right": (0.050503247007, 1e-12),  # quadrature in 40 digits
    "violations": (0, 0),  # among all pairs
    "restless_learned": (0.0, 1e-12),  # the learned signal moves no weight
    "recognised": (1, 0),  # every other signal moves weights, by more than |delta|/10 of what it moves before learning
}


def bell(w: np.ndarray) -> np.ndarray:
    """Weights before anything is learned."""
    return 630 * w**4 * (1 + w) ** 4


def bump(w: np.ndarray, at: float = -0.35) -> np.ndarray:
    return np.exp(-(((w - at) / 0.08) ** 2))


def learned_signal(w: np.ndarray) -> np.ndarray:
    return 1.5 + bump(w)


FAMILIES = {  # signals at a distance delta from the learned one
    "louder": lambda w, delta: learned_signal(w) + delta,
    "elsewhere": lambda w, delta: 1.5 + bump(w, -0.35 + 0.2 * delta),
    "rippled": lambda w, delta: learned_signal(w) + delta * np.sin(6 * np.pi * w),
}


def random_signal(rng: np.random.Generator):
    level, c, phase = rng.uniform(0, 3), rng.uniform(-1, 1, 4), rng.uniform(0, 6, 4)
    return lambda w: level + sum(c[k] * np.sin((k + 1) * np.pi * w + phase[k]) for k in range(4))


def restlessness(learning: fl.LearningLIF, C, state) -> float:
    """int abs(Phi - w) C dw for the answer `state` of the connectivity C: how fast weights would move, times 1/eps."""
    speed = lambda w: np.abs(learning.K(w) * state.N(w) * state.Nbar - w)
    beside_mass = lambda w: (speed(w) + 1) * C(w)  # the integral of what is rounding alone would not settle
    total = integrate(beside_mass, learning.w_min, learning.w_max, getattr(C, "breakpoints", ()), rtol=1e-13)
    return total - state.mass


def restless_on_mesh(learning: fl.LearningLIF, C, J) -> float:
    """The same for the C of a run, on its nodes."""
    w, weights = C.nodes, C.weights
    rate = lambda x: C.values * exact.rate(J(w) + w * learning.sigma(x), learning.a0, learning.v_reset, learning.v_fire)
    Nbar = brentq(lambda x: weights @ rate(x) - x, 0.0, 10.0, xtol=1e-12)
    return float(weights @ (C.values * np.abs(learning.K(w) * rate(Nbar) * Nbar - w)))


@fl.study.numerics(cells=80, t_end=8.0, rtol=1e-6)
def main(solver, pairs=100, deltas=17, strength=4.0, a0=1.0, seed=0) -> dict:
    """Answers to families of signals, of networks that have learned one of them, and have not.

    cells: Cells of w of the run that learns.
    t_end: Length of this run, in membrane time constants (eps = 1).
    pairs: Number of pairs of random signals.
    deltas: Number of signals in every family.
    """
    learning = fl.LearningLIF(eps=1.0, K=-1.0, sigma=fl.Proportional(strength), current=learned_signal, a0=a0)
    (learned,) = fl.learned_connectivity(learning)
    after = lambda w: learned.C(w)
    after.breakpoints = (learned.low,)
    delta, w = np.linspace(-1.0, 1.0, deltas), np.linspace(-1.0, 0.0, 401)
    results: dict = {"delta": delta, "w": w, "A": learned.A, "recognised": 1}
    sides, others = [], delta != 0
    for name, family in FAMILIES.items():
        for when, C in (("before", bell), ("after", after)):
            rows = []
            for d in delta:
                found = fl.discrimination(learning, C, learned_signal, lambda w, d=d, family=family: family(w, d))
                rows.append((found.left, found.right, restlessness(learning, C, found.second)))
            left, right, restless = np.array(rows).T
            results |= {f"left_{name}_{when}": left, f"right_{name}_{when}": right, f"restless_{name}_{when}": restless}
            results |= {f"N_{name}_{when}": found.second.N(w), f"N_learned_{when}": found.first.N(w)}  # delta = 1
            sides += list(zip(left[others], right[others], strict=True))
        moves = results[f"restless_{name}_after"] > 0.1 * np.abs(delta) * results[f"restless_{name}_before"]
        results["recognised"] &= int(moves[others].all())
    itself, rng = fl.stationary_output(learning, after), np.random.default_rng(seed)
    for k in range(pairs):
        found = fl.discrimination(learning, bell if k % 2 else after, random_signal(rng), random_signal(rng))
        sides.append((found.left, found.right))
    lefts, rights = np.array(sides).T
    ripple = lambda w: 1.5 + 0.5 * np.sin(2 * np.pi * w)
    known = fl.discrimination(replace(learning, sigma=fl.Proportional(4), a0=1.0), bell, 1.5, ripple)

    mesh = fl.interval(learning, v_min=-4.0, cells=6, grading=2.0), np.linspace(-1.0, 0.0, solver.cells + 1)
    problem = fl.discretize(learning, mesh, space=fl.Tensor(w=fl.MUSCL()))
    start = lambda v, w: bell(w) * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))
    run, times = solver.evolve("run", problem, start, snapshots=6), np.linspace(0.0, solver.t_end, 25)
    states = [run.at(t).C for t in times]
    for name, family in {"learned": lambda w, d: learned_signal(w), **FAMILIES}.items():
        moved = [restless_on_mesh(learning, C, lambda w, family=family: family(w, 1.0)) for C in states]
        results[f"restless_{name}_t"] = np.array(moved)
    return results | {
        "restless_learned": restlessness(learning, after, itself),
        "lefts": lefts,
        "rights": rights,
        "violations": int(np.sum(lefts < rights)),
        "smallest_ratio": float(np.min(lefts / rights)),
        "left": known.left,
        "right": known.right,
        "times": times,
    }


@panels(2, 3)
def figure(results, signals, answers, distances, restless, while_learning, bound):
    """Signals and answers; distances and restlessness over families; random pairs; restlessness while learning."""
    w, delta, lefts, rights = (results[name] for name in ("w", "delta", "lefts", "rights"))
    signals.plot(w, learned_signal(w), "k", label="learned")
    answers.plot(w, results["N_learned_after"], "k")
    while_learning.semilogy(results["times"], results["restless_learned_t"], "k")
    for k, (name, family) in enumerate(FAMILIES.items()):
        signals.plot(w, family(w, 1.0), f"C{k}", label=rf"{name}, $\delta=1$")
        answers.plot(w, results[f"N_{name}_after"], f"C{k}")
        while_learning.semilogy(results["times"], results[f"restless_{name}_t"], f"C{k}")
        for when, style in (("before", "--"), ("after", "-")):
            distances.plot(delta, results[f"left_{name}_{when}"], f"C{k}{style}")
            restless.plot(delta, results[f"restless_{name}_{when}"], f"C{k}{style}")
        distances.plot(delta, results[f"right_{name}_after"], f"C{k}:", lw=1.0)
    bound.loglog(rights, lefts, "o", ms=3)
    bound.loglog(*[np.array([rights.min(), lefts.max()])] * 2, "k--", lw=1.0)
    apart, moved = r"$\int\;|N_I-N_J|\,dw$", r"$\int\;|\Phi_J-w|\,C\,dw$"
    difference = r"difference $\delta$ of the signals"
    label(signals, "w", "signal $J(w)$", title="signals")
    label(answers, "w", "output $N_J(w)$", title="answers after learning", ylim=(0.0, None))
    label(distances, difference, apart, title="dotted: lower bound")
    label(restless, difference, moved, title="dashed: before learning", ylim=(0.0, None))
    label(while_learning, "time $t$", moved, title="while the signal is learned")
    label(bound, "lower bound", apart, title=rf"{len(lefts)} pairs, ratio $\geq$ {results['smallest_ratio']:.2f}")
    signals.figure.legend(*signals.get_legend_handles_labels(), loc="outside lower center", ncols=4)


if __name__ == "__main__":
    fl.study.run_script(main)
