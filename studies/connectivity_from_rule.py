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

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

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
    "mass_drift": (0.0, 1e-12),  # rounding
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
    return fl.discretize(
        model, (fl.interval(model, v_min=-4.0, cells=6, grading=2.0), w_cells), space=fl.Tensor(w=fl.MUSCL())
    )


def main(
    cells: int = 160,
    t_end: float = 16.0,
    rtol: float = 1e-6,
    eps: float = 1.0,
    t_several: float = 10.0,
    coarse: int = 1,
    out: Path | None = None,
) -> dict:
    """Follow learning for long, on three meshes; and from several initial weights where there are several answers.

    Parameters
    ----------
    cells
        Cells of w of the finest of three meshes, each half as fine as the next.
    t_end
        Length of the runs on these meshes, in membrane time constants.
    rtol
        Tolerance of a time step.
    eps
        Speed of learning.
    t_several
        Length of the runs for inputs with several answers.
    coarse
        How many times coarser the meshes of these are than by default.
    """
    model = fl.LearningLIF(eps=eps, K=-15.0, sigma=fl.Proportional(4), current=1.5, w_min=-2.0)
    (learned,) = fl.learned_connectivity(model)
    w = np.linspace(model.w_min, 0.0, 2001)
    results: dict = {"A": learned.A, "Nbar": learned.Nbar, "w": w, "C_learned": learned.C(w)}
    sizes = np.array([cells // 4, cells // 2, cells])
    errors, drift = [], []
    for size in sizes:
        problem = finite_volumes(model, np.linspace(model.w_min, 0.0, size + 1))
        options = {"folder": fl.study.folder(out, f"cells_{size}"), "snapshots": 6, "resume": True}
        run = fl.evolve(problem, start(2.0), t_end, rtol=rtol, **options)
        C = run.final.C(w)
        errors.append((np.trapezoid(np.abs(C - learned.C(w)), w), abs(run.final.Nbar - learned.Nbar)))
        drift.append(run.drift["mass"])
        results |= {f"cells_{size}": run, f"C_{size}": C}
    slopes = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    results |= {"cells": sizes, "error_L1": np.array(errors)[:, 0], "error_Nbar": errors[-1][1]}
    results |= {"errors_Nbar": np.array(errors)[:, 1], "order_L1": -slopes[0], "order_Nbar": -slopes[1]}

    several = fl.LearningLIF(eps=eps, K=-1.0, sigma=fl.Proportional(0.2), current=falling, w_min=-5.0)
    answers = fl.learned_connectivity(several)
    totals = np.array([c.Nbar for c in answers])
    fine = max(60 // coarse, 20)
    w_cells = np.concatenate([np.linspace(-5.0, -0.6, 44 // min(coarse, 2) + 1)[:-1], np.linspace(-0.6, 0.0, fine + 1)])
    problem = finite_volumes(several, w_cells)
    ends = []
    for width in WEIGHTS:
        run = fl.evolve(problem, start(width), t_several, rtol=10 * rtol)
        ends.append(int(np.argmin(np.abs(np.log(run.final.Nbar / totals)))))
        drift.append(run.drift["mass"])
        results |= {f"t_{width:g}": run.times, f"Nbar_{width:g}": run.series["Nbar"]}
    excitatory = fl.LearningLIF(eps=eps, K=5.0, sigma=fl.Proportional(), current=0.0, w_min=0.0, w_max=6.0)
    first, second = fl.learned_connectivity(excitatory)
    problem = finite_volumes(excitatory, np.linspace(0.0, 6.0, (72 // coarse) + 1))
    for side, stretch in (("below", 0.95), ("above", 1.05)):
        near = lambda v, w, stretch=stretch: second.p(v, w / stretch)
        run = fl.evolve(problem, near, t_several, rtol=10 * rtol)
        results |= {f"{side}_second": run.outcome.name, f"t_{side}": run.times, f"Nbar_{side}": run.series["Nbar"]}
    results |= {
        "A_excitatory": np.array([first.A, second.A]),
        "Nbar_excitatory": np.array([first.Nbar, second.Nbar]),
        "w_excitatory": np.linspace(0.0, 4.0, 801),
        "C_excitatory": np.array([c.C(np.linspace(0.0, 4.0, 801)) for c in (first, second)]),
    }

    x = np.unique([*np.linspace(-4.0, 0.0, 401), *np.linspace(-0.4, 0.0, 401)])
    return results | {
        "A_several": np.array([c.A for c in answers]),
        "Nbar_several": totals,
        "w_several": x,
        "C_several": np.array([c.C(x) for c in answers]),
        "tends_to": np.array(ends),
        "mass_drift": max(drift),
    }


def figure(results: dict):
    """C(w) on three meshes, and their errors; three answers, and two; Nbar(t) from several initial weights."""
    figure, ((left, right), (three, times), (two, away)) = new_figure(3, 2)
    sizes, w = results["cells"], results["w"]
    with house_style():
        left.plot(w, bell(w, 2.0), "0.6", label="$t=0$")
        for k, size in enumerate(sizes):
            left.plot(w, results[f"C_{size}"], f"C{k}", label=f"{size} cells")
        left.plot(w, results["C_learned"], "k--", lw=1.0, label="semi-analytic")
        left.set(xlabel="weight $w$", ylabel="connectivity $C(w)$", ylim=(0.0, None))
        left.set_title("one connectivity", loc="left")
        left.legend()
        for name, label in (("error_L1", r"$\int\;|C-C_\infty|\,dw$"), ("errors_Nbar", r"$|\bar N-\bar N_\infty|$")):
            order = results[{"error_L1": "order_L1", "errors_Nbar": "order_Nbar"}[name]]
            right.loglog(sizes, results[name], "o-", label=f"{label}, order {order:.1f}")
        right.set(xlabel="cells of $w$", ylabel="error", xticks=sizes, xticklabels=[str(s) for s in sizes])
        right.minorticks_off()
        right.legend()
        for A, C in zip(results["A_several"], results["C_several"], strict=True):
            three.loglog(-results["w_several"], np.where(C > 0, C, np.nan), label=f"$A={A:.4g}$")
        three.set(xlabel="weight, $-w$", ylabel="connectivity $C(w)$", xlim=(0.01, 4.0), ylim=(1e-2, 30))
        three.set_title("one input, three connectivities", loc="left")
        three.legend()
        for width in WEIGHTS:
            times.semilogy(results[f"t_{width:g}"], results[f"Nbar_{width:g}"], label=f"$w_0\\in[-{width:g},0]$")
        for Nbar in results["Nbar_several"]:
            times.axhline(Nbar, color="k", ls="--", lw=1.0)
        times.set(xlabel="time $t$ (membrane time constants)", ylabel=r"total activity $\bar N(t)$", ylim=(0.05, 4))
        times.legend()
        for A, C in zip(results["A_excitatory"], results["C_excitatory"], strict=True):
            two.plot(results["w_excitatory"], C, label=f"$A={A:.4g}$")
        two.set(xlabel="weight $w$", ylabel="connectivity $C(w)$", ylim=(0.0, None))
        two.set_title("an excitatory network", loc="left")
        two.legend()
        for side, label in (("below", "5 % below the second"), ("above", "5 % above")):
            away.semilogy(results[f"t_{side}"], results[f"Nbar_{side}"], label=label)
        for Nbar in results["Nbar_excitatory"]:
            away.axhline(Nbar, color="k", ls="--", lw=1.0)
        away.set(xlabel="time $t$ (membrane time constants)", ylabel=r"total activity $\bar N(t)$", ylim=(0.05, 30))
        away.set_xlim(0.0, min(6.0, results["t_below"][-1]))
        away.legend()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
