"""Which connectivity does the learning rule make, and is it the only one?

    p_t + [(-v + I(w) + w sigma(Nbar)) p]_v + eps [(Phi - w) p]_w - a p_vv = N(w,t) delta(v - V_R),   v < V_F, w <= 0
    p(V_F,w,t) = 0,   N(w,t) = -a p_v(V_F,w,t),   Nbar = int N dw,   Phi = K N(w,t) Nbar(t)

Expected: the connectivity of an inhibitory network (S20) tends to a stationary C(w) on [-A, 0] with a shock at -A,
which two scalar equations give (`felif.learned_connectivity`). Long runs on finer and finer cells of w (finite volumes
with limited slopes) tend to it with order 1 in L1, the order of a jump, and better in the smooth number Nbar. The
lecture calls the connectivity unique; this holds where I(w) + w sigma does not decrease in w. For an input that falls
steeply at w = -1/4 there are three: runs from initial weights on [-0.25, 0] and [-0.3, 0] tend to the first and to the
third, the second is the watershed. An excitatory network has two: the second is the watershed between settling into the
first, and blow-up.
"""

import numpy as np

import felif as fl
from felif.output import label, panels, ticks

WEIGHTS = (0.1, 0.25, 0.3)  # widths of the initial weights of the runs with three answers
CHEAP = {"cells": 32, "t_end": 5.0, "rtol": 1e-4, "t_several": 2.0, "coarse": 4}
# A and Nbar: quadrature in 40 digits and finite elements
EXPECTED = {
    "A": (1.38533724551031, 1e-13),
    "Nbar": (0.25292681970602, 1e-13),
    "A_several": ((0.1700055892395, 0.2791991955136, 3.4331989585805), 1e-12),
    "order_L1": (1.0, 0.35),  # a jump somewhere in a cell
    "error_Nbar": (0.0, 2e-3),
    "tends_to": ((0, 0, 2), 0),  # which of the three each of the runs approaches
    "A_excitatory": ((0.40251687502388, 3.42755217866848), 1e-12),
    "below_second": ("finished", 0),  # weights 5 % below those of the second connectivity settle
    "above_second": ("blow_up", 0),
}


def bell(w: np.ndarray, width: float) -> np.ndarray:
    """Initial weights on [-width, 0]."""
    x = np.clip(w / width, -1, 0)
    return 630 * x**4 * (1 + x) ** 4 / width


def start(width: float):
    return lambda v, w: bell(w, width) * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))


def falling(w: np.ndarray) -> np.ndarray:
    """An input that falls steeply at w = -1/4."""
    return 2.5 - 2.5 * np.tanh((w + 0.25) / 0.03)


def finite_volumes(model: fl.LearningLIF, w_cells: np.ndarray):
    mesh = fl.interval(model, v_min=-4.0, cells=6, grading=2.0), w_cells
    return fl.discretize(model, mesh, space=fl.Tensor(w=fl.MUSCL()))


@fl.study.numerics(cells=160, t_end=16.0, rtol=1e-6)
def main(solver, eps=1.0, t_several=10.0, coarse=1) -> dict:
    """Follow learning for long, on three meshes; and from several initial weights where there are several answers.

    cells: Cells of w of the finest of three meshes, each half as fine as the next.
    eps: Speed of learning.
    t_several: Length of the runs for inputs with several answers.
    coarse: How many times coarser the meshes of these are than by default.
    """
    model = fl.LearningLIF(eps=eps, K=-15.0, sigma=fl.Proportional(4), current=1.5, w_min=-2.0)
    (learned,) = fl.learned_connectivity(model)
    w = np.linspace(model.w_min, 0.0, 2001)
    sizes, errors = np.array([solver.cells // 4, solver.cells // 2, solver.cells]), []
    results: dict = {"A": learned.A, "Nbar": learned.Nbar, "w": w, "C_learned": learned.C(w), "cells": sizes}
    for size in sizes:
        problem = finite_volumes(model, np.linspace(model.w_min, 0.0, size + 1))
        final = solver.evolve(f"cells_{size}", problem, start(2.0), snapshots=6).final
        results[f"C_{size}"] = C = final.C(w)
        errors.append((np.trapezoid(np.abs(C - learned.C(w)), w), abs(final.Nbar - learned.Nbar)))
    order_L1, order_Nbar = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    error_L1, errors_Nbar = np.array(errors).T
    results |= {"error_L1": error_L1, "errors_Nbar": errors_Nbar, "error_Nbar": errors_Nbar[-1]}
    results |= {"order_L1": order_L1, "order_Nbar": order_Nbar, "tends_to": [], "mass_drift": 0.0}

    def followed(name: str, problem, density) -> fl.Run:
        run = fl.evolve(problem, density, t_several, rtol=10 * solver.rtol)
        results.update({f"t_{name}": run.times, f"Nbar_{name}": run.series["Nbar"]})
        results["mass_drift"] = max(results["mass_drift"], run.drift["mass"])
        return run

    several = fl.LearningLIF(eps=eps, K=-1.0, sigma=fl.Proportional(0.2), current=falling, w_min=-5.0)
    answers = fl.learned_connectivity(several)
    totals = np.array([answer.Nbar for answer in answers])
    far, near = np.linspace(-5.0, -0.6, 44 // min(coarse, 2) + 1), np.linspace(-0.6, 0.0, max(60 // coarse, 20) + 1)
    problem = finite_volumes(several, np.concatenate([far[:-1], near]))
    for width in WEIGHTS:
        Nbar = followed(f"{width:g}", problem, start(width)).final.Nbar
        results["tends_to"].append(int(np.argmin(np.abs(np.log(Nbar / totals)))))
    excitatory = fl.LearningLIF(eps=eps, K=5.0, sigma=fl.Proportional(), current=0.0, w_min=0.0, w_max=6.0)
    both = first, second = fl.learned_connectivity(excitatory)
    problem = finite_volumes(excitatory, np.linspace(0.0, 6.0, (72 // coarse) + 1))
    for side, stretch in (("below", 0.95), ("above", 1.05)):
        run = followed(side, problem, lambda v, w, stretch=stretch: second.p(v, w / stretch))
        results[f"{side}_second"] = run.outcome.name
    x = {"several": np.unique([*np.linspace(-4.0, 0.0, 401), *np.linspace(-0.4, 0.0, 401)])}
    x["excitatory"] = np.linspace(0.0, 4.0, 801)
    for name, found in (("several", answers), ("excitatory", both)):
        results |= {f"A_{name}": np.array([c.A for c in found]), f"Nbar_{name}": np.array([c.Nbar for c in found])}
        results |= {f"w_{name}": x[name], f"C_{name}": np.array([c.C(x[name]) for c in found])}
    return results | {"mass_drift": max(results["mass_drift"], solver.checks()["mass_drift"])}


@panels(3, 2)
def figure(results, left, right, three, times, two, away):
    """C(w) on three meshes, and their errors; three answers, and two; Nbar(t) from several initial weights."""
    sizes, w = results["cells"], results["w"]
    left.plot(w, bell(w, 2.0), "0.6", label="$t=0$")
    for k, size in enumerate(sizes):
        left.plot(w, results[f"C_{size}"], f"C{k}", label=f"{size} cells")
    left.plot(w, results["C_learned"], "k--", lw=1.0, label="semi-analytic")
    label(left, "w", "C", "best", "one connectivity", ylim=(0.0, None))
    for name, order, text in (
        ("error_L1", "order_L1", r"$\int\;|C-C_\infty|\,dw$"),
        ("errors_Nbar", "order_Nbar", r"$|\bar N-\bar N_\infty|$"),
    ):
        right.loglog(sizes, results[name], "o-", label=f"{text}, order {results[order]:.1f}")
    label(right, "cells of $w$", "error", "best")
    ticks(right.xaxis, sizes)
    for A, C in zip(results["A_several"], results["C_several"], strict=True):
        three.loglog(-results["w_several"], np.where(C > 0, C, np.nan), label=f"$A={A:.4g}$")
    three.set(xlim=(0.01, 4.0), ylim=(1e-2, 30))
    label(three, "weight, $-w$", "C", "best", "one input, three connectivities")
    for A, C in zip(results["A_excitatory"], results["C_excitatory"], strict=True):
        two.plot(results["w_excitatory"], C, label=f"$A={A:.4g}$")
    label(two, "w", "C", "best", "an excitatory network", ylim=(0.0, None))
    curves = [(times, f"{width:g}", f"$w_0\\in[-{width:g},0]$") for width in WEIGHTS]
    for axes, name, text in (*curves, (away, "below", "5 % below the second"), (away, "above", "5 % above")):
        axes.semilogy(results[f"t_{name}"], results[f"Nbar_{name}"], label=text)
    for axes, name, top in ((times, "several", 4), (away, "excitatory", 30)):
        for Nbar in results[f"Nbar_{name}"]:
            axes.axhline(Nbar, color="k", ls="--", lw=1.0)
        label(axes, "t", r"total activity $\bar N(t)$", "best", ylim=(0.05, top))
    away.set_xlim(0.0, min(6.0, results["t_below"][-1]))


if __name__ == "__main__":
    fl.study.run_script(main)
