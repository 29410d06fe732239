"""Does the error bar of a blow-up time contain the truth?

    n_t + [(-v + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),   v < V_F
    n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t)

Expected: yes, in 95 of 100 random networks or more. b, a0, a1, V_R and the data (Gaussians that vanish at V_F) are
drawn from a seeded generator; every network is run at the tolerance asked for and again at a hundredth of it, whose
time is taken for the truth. The bars are estimates on the safe side, most of them many times the error. `contained` is
the fraction of blow-ups with |time - truth| <= error; `disagreeing` counts networks of which one run blows up and the
other does not.
"""

import numpy as np

import felif as fl
from felif.output import label, panels

CHEAP = {"cases": 6, "tol": 1e-4, "rtol": 1e-4}
EXPECTED = {"contained": (1.0, 0.05), "disagreeing": (0, 0)}  # what an error bar is


@fl.study.numerics(cells=None, tol=1e-6, t_end=2.0, rtol=1e-6)
def main(solver, cases=60, seed=4, sharper=100.0) -> dict:
    """Draw networks, run each twice, and count.

    cells: Number of cells of the first run, fixed, without a mesh that follows the solution.
    cases: Number of networks.
    sharper: How much tighter the tolerances of the second run are.
    """
    found, defects, disagreeing, random = [], [], 0, np.random.default_rng(seed)
    for network, start in (draw(random) for _ in range(cases)):
        run = fl.evolve(solver.discretize(network), start, solver.t_end, rtol=solver.rtol)
        sharp = fl.discretize(network, tol=solver.tol / sharper)
        sharp = fl.evolve(sharp, start, solver.t_end, rtol=solver.rtol / sharper)
        defects.append(run.moment_defect)
        if (run.blow_up is None) != (sharp.blow_up is None):
            disagreeing += 1
        elif run.blow_up is not None:
            found.append((run.blow_up.time, run.blow_up.error, sharp.blow_up.time, sharp.blow_up.error))
    solver.evolve("last", network, start)  # to look at
    times, errors, truths, own = np.array(found).reshape(-1, 4).T
    true = abs(times - truths)
    return {
        "blow_ups": len(times),
        "contained": float(np.mean(true <= errors)) if found else 1.0,
        "disagreeing": disagreeing,
        "median_ratio": float(np.median(errors / np.maximum(true, 1e-300))) if found else None,
        "largest_relative_error": float(np.max(true / truths)) if found else None,
        "defect": max(defects) / solver.tolerance,
        "times": times,
        "errors": errors,
        "truths": truths,
        "errors_of_truths": own,
    }


def draw(random: np.random.Generator) -> tuple[fl.NoisyLIF, fl.Gaussian]:
    """A random network and data: excitatory, with noise that grows or not, or inhibitory with noise that does."""
    kind, width = random.integers(3), random.uniform(0.5, 2.0)
    a1 = (0.0, random.uniform(0.02, 0.5), random.uniform(0.8, 2.0))[kind] * width
    b = (random.uniform(0.4, 4.0), random.uniform(0.2, 2.0), -random.uniform(0.2, 1.5))[kind] * width
    a0 = random.uniform(0.2, 1.5) * width**2
    network = fl.NoisyLIF(b=b, a0=a0, a1=a1 * width, v_reset=2.0 - width, v_fire=2.0)
    distance = random.uniform(0.1, 0.6) * width
    return network, fl.Gaussian(
        2.0 - distance, (distance / random.uniform(2.5, 4.0)) ** 2, boundary_layer=0.5 * distance
    )


@panels()
def figure(results, axes):
    """Error bar against true error, both relative; points above the diagonal are right."""
    times, errors, truths = (results[name] for name in ("times", "errors", "truths"))
    true, bars = np.maximum(abs(times - truths) / truths, 1e-13), errors / truths
    axes.loglog(true, bars, "o", ms=4, alpha=0.7)
    ends = np.array([min(true.min(), bars.min()) / 2, 2 * max(true.max(), bars.max())])
    axes.loglog(ends, ends, "k--", lw=1.0, label="bar = error")
    axes.fill_between(ends, ends / 1e12, ends, color="0.85", label="bar too short")
    title = f"{100 * results['contained']:.0f} % of {results['blow_ups']} bars contain the truth"
    names = "error of the blow-up time, relative", "its error bar, relative"
    label(axes, *names, "lower right", title, xlim=ends, ylim=ends)


if __name__ == "__main__":
    fl.study.run_script(main)
