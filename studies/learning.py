"""How does a network learn an input?

    p_t + [(-v + I(w) + w sigma(Nbar)) p]_v + eps [(Phi - w) p]_w - a p_vv = N(w,t) delta(v - V_R),   v < V_F, w <= 0
    p(V_F,w,t) = 0,   N(w,t) = -a p_v(V_F,w,t),   Nbar = int N dw,   Phi = K N(w,t) Nbar(t)

Expected: an inhibitory network (S17) that hears I(w) for long moves its weights until Phi = w, where none moves any
more. Its output is then the straight line N(w) = w/(K Nbar) on [-A, 0], whatever the input was; what was heard stands
in the connectivity, C = N/r(I + w sigma(Nbar)), which is small where the input is strong. C has a jump at -A, a shock
of the equation, which forms from smooth data between t = 1 and 2 (eps = 0.2). Dashed: the semi-analytic state that the
weights tend to (`felif.learned_connectivity`). A constant input is the case whose numbers are known.
"""

import numpy as np

import felif as fl
from felif.output import draw_line_spacetime, label, panels

TIMES = (0.25, 0.5, 1.0)
mesh = lambda model, cells: (fl.interval(model, v_min=-6.0, cells=12), np.linspace(-1.0, 0.0, cells + 1))
CHEAP = {"tol": 1e-3, "rtol": 1e-5, "t_end": 1.0, "snapshots": 3}
# two discretisations, spectral elements x DG and exponential fitting x MUSCL, extrapolated to the digits given
EXPECTED = {
    "Nbar": ((0.3132451128, 0.3719775948, 0.3880724248), 1e-5),
    "first_moment": (-0.4531872259, 5e-6),  # int w C dw at t = 1
    "second_moment": (0.2205941661, 5e-6),
    "Nbar_before": (0.370964144791024, 1e-13),  # of the first C, without learning: quadrature in 40 digits
    "min_p": (0.0, 1e-6),  # of the largest p, between nodes too
}


def first_connectivity(w: np.ndarray) -> np.ndarray:
    """Weights before anything is learned: a bell around -1/2."""
    return 630 * w**4 * (1 + w) ** 4


def start(v: np.ndarray, w: np.ndarray) -> np.ndarray:
    return first_connectivity(w) * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))


def structured(w: np.ndarray) -> np.ndarray:
    """What is heard more by some."""
    return 1.5 + np.exp(-(((w + 0.35) / 0.08) ** 2))


SIGNALS = {"constant": 1.5, "structured": structured}


@fl.study.numerics(cells=None, tol=3e-4, t_end=20.0, rtol=1e-5, mesh=mesh)
def main(solver, eps=0.2, strength=4.0, a0=1.0, snapshots=41) -> dict:
    """Let one network learn a constant input, another one that is stronger for some weights.

    cells: Number of cells of w, fixed, and 12 cells of v, in place of a mesh made from tol.
    t_end: Length of the runs, in membrane time constants; the numbers expected are those up to t = 1.
    eps: Speed of learning.
    """
    w = np.linspace(-1.0, 0.0, 401)
    results: dict = {"w": w, "min_p": 0.0}
    for name, heard in SIGNALS.items():
        model = fl.LearningLIF(eps=eps, K=-1.0, sigma=fl.Proportional(strength), current=heard, a0=a0)
        run = solver.evolve(name, model, start, snapshots=snapshots)
        before, learned = fl.stationary_output(model, first_connectivity), fl.learned_connectivity(model)[0]
        results |= {
            f"N_before_{name}": before.N(w),
            f"C_learned_{name}": learned.C(w),
            f"N_learned_{name}": learned.N(w),
            f"A_{name}": learned.A,
            f"distance_{name}": float(np.trapezoid(np.abs(run.final.C(w) - learned.C(w)), w)),
            f"distance_Nbar_{name}": abs(run.final.Nbar - learned.Nbar),
        }
        results["min_p"] = min(results["min_p"], run.series["min_p"].min() / run.final.p.values.max())
        results.setdefault("Nbar_before", before.Nbar)  # of the constant input
    run = solver.runs["constant"]
    C = run.at(min(1.0, solver.t_end)).C
    return results | {
        "Nbar": run.sample("Nbar", [t for t in TIMES if t <= solver.t_end]),
        "first_moment": float(C.weights @ (C.nodes * C.values)),
        "second_moment": float(C.weights @ (C.nodes**2 * C.values)),
    }


@panels(2, 3)
def figure(results, *axes):
    """A row for each input: C(w,t) as an image; C(w) and N(w) before and after, with what they tend to."""
    w = results["w"]
    for k, (name, heard) in enumerate(SIGNALS.items()):
        run, (image, left, right) = results[name], axes[3 * k : 3 * k + 3]
        draw_line_spacetime(image, run, "C")
        label(image, "time $t$", "w", title=f"{name} input: $C(w,t)$")
        left.plot(w, first_connectivity(w), "C0", label="before")
        left.plot(w, run.final.C(w), "C1", label=f"$t={float(run.times[-1]):g}$")
        left.plot(w, results[f"C_learned_{name}"], "k--", lw=1.0, label=r"$t\to\infty$; right: $w/(K\bar N)$")
        left.plot(w, heard(w) if callable(heard) else np.full_like(w, heard), "0.6", lw=1.0, label="input $I(w)$")
        label(left, "w", "C", ylim=(0.0, None))
        right.plot(w, results[f"N_before_{name}"], "C0")
        right.plot(w, run.final.N(w), "C1")
        right.plot(w, results[f"N_learned_{name}"], "k--", lw=1.0)
        label(right, "w", "output $N(w)$", ylim=(0.0, None))
    left.figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)


if __name__ == "__main__":
    fl.study.run_script(main)
