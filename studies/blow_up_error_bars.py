"""Does the error bar of a blow-up time contain the truth?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: yes, in 95 of 100 random networks or more. b, a0, a1, V_R and the data (Gaussians that vanish at V_F) are
drawn from a seeded generator; every network is run at the tolerance asked for and again at a hundredth of it, whose
time is taken for the truth. The bars are estimates on the safe side, most of them many times the error. `contained` is
the fraction of blow-ups with |time - truth| <= error; `disagreeing` counts networks of which one run blows up and the
other does not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"cases": 6, "tol": 1e-4, "rtol": 1e-4}
EXPECTED = {
    "contained": (1.0, 0.05),  # what an error bar is
    "disagreeing": (0, 0),
    "defect": (0.0, 100.0),  # of the exponential-moment identity, in units of the tolerance
}


def draw(seed: int, cases: int) -> list[tuple[fl.NoisyLIF, fl.Gaussian]]:
    """Random networks and data: excitatory, with noise that grows or not, and inhibitory with noise that does."""
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(cases):
        kind, width = random.integers(3), random.uniform(0.5, 2.0)
        a1 = (0.0, random.uniform(0.02, 0.5), random.uniform(0.8, 2.0))[kind] * width
        b = (random.uniform(0.4, 4.0), random.uniform(0.2, 2.0), -random.uniform(0.2, 1.5))[kind] * width
        network = fl.NoisyLIF(
            b=b, a0=random.uniform(0.2, 1.5) * width**2, a1=a1 * width, v_reset=2.0 - width, v_fire=2.0
        )
        distance = random.uniform(0.1, 0.6) * width
        start = fl.Gaussian(2.0 - distance, (distance / random.uniform(2.5, 4.0)) ** 2, boundary_layer=0.5 * distance)
        drawn.append((network, start))
    return drawn


def main(
    cells: int | None = None,
    tol: float = 1e-6,
    t_end: float = 2.0,
    rtol: float = 1e-6,
    cases: int = 60,
    seed: int = 4,
    sharper: float = 100.0,
    out: Path | None = None,
) -> dict:
    """Draw networks, run each twice, and count.

    Parameters
    ----------
    cells
        Number of cells on (-8, V_F) of the first run, fixed, without a mesh that follows the solution.
    tol
        Accuracy of N from which a mesh is chosen, and adapted.
    t_end
        Latest end of the runs, in membrane time constants.
    rtol
        Tolerance of a time step.
    cases
        Number of networks.
    seed
        Of the random numbers.
    sharper
        How much tighter the tolerances of the second run are.
    """
    times, truths, errors, own, defects = [], [], [], [], [0.0]
    disagreeing, kept = 0, None
    for network, start in draw(seed, cases):
        mesh = None if cells is None else fl.interval(network, v_min=-8.0, cells=cells, grading=3.0)
        problem = fl.discretize(network, tol=tol) if mesh is None else fl.discretize(network, mesh)
        folder = fl.study.folder(out, "first") if kept is None else None
        run = fl.evolve(problem, start, t_end, rtol=rtol, folder=folder, resume=True)
        kept = run if kept is None else kept
        sharp = fl.evolve(fl.discretize(network, tol=tol / sharper), start, t_end, rtol=rtol / sharper)
        defects.append(run.moment_defect)
        if (run.blow_up is None) != (sharp.blow_up is None):
            disagreeing += 1
        elif run.blow_up is not None:
            times.append(run.blow_up.time)
            errors.append(run.blow_up.error)
            truths.append(sharp.blow_up.time)
            own.append(sharp.blow_up.error)
    times, errors, truths = np.array(times), np.array(errors), np.array(truths)
    inside = abs(times - truths) <= errors
    return {
        "blow_ups": len(times),
        "contained": float(np.mean(inside)) if len(times) else 1.0,
        "disagreeing": disagreeing,
        "median_ratio": float(np.median(errors / np.maximum(abs(times - truths), 1e-300))) if len(times) else None,
        "largest_relative_error": float(np.max(abs(times - truths) / truths)) if len(times) else None,
        "defect": max(defects) / max(tol if cells is None else 0.0, rtol),
        "times": times,
        "errors": errors,
        "truths": truths,
        "errors_of_truths": np.array(own),
        "first": kept,
    }


def figure(results: dict):
    """Error bar against true error, both relative; points above the diagonal are right."""
    figure, axes = new_figure()
    truths = np.asarray(results["truths"], float)
    true = np.maximum(abs(np.asarray(results["times"]) - truths) / truths, 1e-13)
    bars = np.asarray(results["errors"], float) / truths
    with house_style():
        axes.loglog(true, bars, "o", ms=4, alpha=0.7)
        ends = np.array([min(true.min(), bars.min()) / 2, 2 * max(true.max(), bars.max())])
        axes.loglog(ends, ends, "k--", lw=1.0, label="bar = error")
        axes.fill_between(ends, ends / 1e12, ends, color="0.85", label="bar too short")
        axes.set(xlim=ends, ylim=ends)
        axes.set(xlabel="error of the blow-up time, relative", ylabel="its error bar, relative")
        axes.set_title(
            f"{100 * results['contained']:.0f} % of {results['blow_ups']} bars contain the truth", loc="left"
        )
        axes.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
