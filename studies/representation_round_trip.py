"""Can a network give any output to any input, if its connectivity is right?

    p_t + [(-v + I(w) + w sigma(Nbar)) p]_v - a p_vv = N(w,t) delta(v - V_R),   v < V_F
    p(V_F,w,t) = 0,   N(w,t) = -a p_v(V_F,w,t),   Nbar = int N dw,   C(w) = int p dv

Expected: the representation theorem (S18). For every input I(w) and output N(w) there is one compatible connectivity,
C = N/r(I + w sigma(Nbar)); the network with this C has the output N again, to rounding by the fixed point for Nbar, and
to the tolerance by the equation itself run for long without learning. The mass of C is what it is; only for one
amplitude nu of the output, N = nu S, it is 1 in an inhibitory network. Excitatory ones have one such nu, two or none,
for the mass stops growing with nu where the network excites itself.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import felif as fl
from felif.analysis.learning_representation import amplitudes
from felif.output.style import house_style, new_figure


def rising(w):
    """An input, here and below: functions with a name are found again when a run is read."""
    return 1 + w**2


def waves(w):
    return 1.5 + np.sin(6 * w)


def step(w):
    return np.where(w < -0.5, 0.0, 2.0)


# pairs of an input and the shape of an output; the first is the one whose amplitude is known
PAIRS = {
    "bell": (rising, lambda w: 30 * w**2 * (1 + w) ** 2),
    "two-bells": (waves, lambda w: w**2 * (1 + w) ** 2 * np.sin(2 * np.pi * w) ** 2),
    "step": (step, lambda w: -w * (1 + w)),
}
STRENGTHS = (-1.0, 1.0, 5.0, 10.0)  # of the coupling in the curves of mass; < 0: the inhibitory network of the pairs
CHEAP = {"tol": 1e-4, "rtol": 1e-4, "t_end": 6.0, "snapshots": 3}
EXPECTED = {
    "nu_bell": (0.493636484581037, 1e-13),  # quadrature in 40 digits
    "mass": ((1.0, 1.0, 1.0), 1e-12),
    "round_trip": (0.0, 1e-10),  # rounding: 1e-15 measured
    "equation": (0.0, 2e-5),  # what is left of the start, and tol
    "drift_of_C": (0.0, 1e-10),  # nothing is learned: C stays line by line, to rounding
    "counts": ((1, 1, 2, 0), 0),  # amplitudes of mass 1 for STRENGTHS
}


def parabola(w: np.ndarray) -> np.ndarray:
    return np.abs(w) * (1 - np.abs(w))


def discretized(model: fl.LearningLIF, cells: int | None, tol: float):
    if cells is None:
        return fl.discretize(model, tol=tol)
    w_cells = np.linspace(model.w_min, model.w_max, cells + 1)
    return fl.discretize(model, (fl.interval(model, v_min=-6.0, cells=12), w_cells), space=fl.Tensor())


def main(
    cells: int | None = None,
    tol: float = 1e-6,
    t_end: float = 12.0,
    rtol: float = 1e-6,
    strength: float = 1.0,
    a0: float = 1.0,
    snapshots: int = 21,
    out: Path | None = None,
) -> dict:
    """From inputs and outputs to connectivities, and back by the fixed point and by the equation.

    Parameters
    ----------
    cells
        Number of cells of w, fixed, and 12 cells of v, without a mesh chosen from tol.
    tol
        Accuracy from which the mesh of the run is chosen.
    t_end
        Length of the run, in membrane time constants.
    rtol
        Tolerance of a time step.
    strength
        s of sigma(Nbar) = s Nbar in the inhibitory network.
    a0
        Noise.
    snapshots
        Number of times at which the density is written for ParaView.
    """
    model = fl.LearningLIF(eps=0.0, K=-1.0, sigma=fl.Proportional(strength), current=0.0, a0=a0)
    w = np.linspace(-1.0, 0.0, 401)
    results: dict = {"w": w, "round_trip": 0.0}
    masses, totals = [], []
    for name, (current, shape) in PAIRS.items():
        network = replace(model, current=current)
        found = fl.representation(network, shape, normalise=True)
        back = fl.stationary_output(network, found.C)
        results["round_trip"] = max(results["round_trip"], float(np.abs(back.N(w) - found.N(w)).max()))
        masses.append(found.mass)
        totals.append(found.Nbar)
        results |= {f"I_{name}": current(w), f"N_{name}": found.N(w), f"C_{name}": found.C(w)}
        results["nu_bell"] = results.get("nu_bell", found.nu)
    results |= {"mass": np.array(masses), "Nbar": np.array(totals)}

    current, shape = PAIRS["bell"]
    network = replace(model, current=current)
    found = fl.representation(network, shape, normalise=True)
    start = lambda v, w: found.C(w) * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))
    folder = fl.study.folder(out, "run")
    problem = discretized(network, cells, tol)
    run = fl.evolve(problem, start, t_end, rtol=rtol, folder=folder, snapshots=snapshots, resume=True)
    results |= {
        "run": run,
        "equation": float(np.abs(run.final.N(w) - found.N(w)).max()),
        "drift_of_C": run.drift["C"],
    }

    nu, counts = np.geomspace(0.05, 50.0, 25), []
    results["nu"] = nu
    for strength_ in STRENGTHS:
        excitatory = strength_ > 0
        other = fl.LearningLIF(
            eps=0.0,
            K=1.0,
            sigma=fl.Proportional(abs(strength_)),
            current=0.0,
            w_min=0.0 if excitatory else -1.0,
            w_max=1.0 if excitatory else 0.0,
            a0=a0,
        )
        counts.append(len(amplitudes(other, parabola)))
        results[f"mass_{strength_:g}"] = np.array(
            [fl.representation(other, lambda w, nu=nu: nu * parabola(w)).mass for nu in nu]
        )
    return results | {"counts": np.array(counts)}


def figure(results: dict):
    """Inputs, outputs (with those of the equation), connectivities; the mass of C against the amplitude."""
    figure, ((inputs, outputs), (connectivities, amplitude)) = new_figure(2, 2)
    w = results["w"]
    with house_style():
        for k, name in enumerate(PAIRS):
            inputs.plot(w, results[f"I_{name}"], f"C{k}", label=name)
            outputs.plot(w, results[f"N_{name}"], f"C{k}")
            connectivities.plot(w, results[f"C_{name}"], f"C{k}", label=name)
        run, some = results["run"], w[::16]
        outputs.plot(some, run.final.N(some), "C0o", ms=3.5, label=f"equation, $t={run.times[-1]:g}$")
        inputs.set(xlabel="weight $w$", ylabel="input $I(w)$")
        highest = max(results[f"N_{name}"].max() for name in PAIRS)  # room for the legend
        outputs.set(xlabel="weight $w$", ylabel="output $N(w)$", ylim=(0.0, 1.2 * highest))
        connectivities.set(xlabel="weight $w$", ylabel="connectivity $C(w)$", ylim=(0.0, None))
        inputs.legend()
        outputs.legend(loc="upper center")
        for strength in STRENGTHS:
            factor = "" if abs(strength) == 1 else f"{abs(strength):g}"
            kind = "excitatory" if strength > 0 else "inhibitory"
            amplitude.loglog(results["nu"], results[f"mass_{strength:g}"], label=rf"{kind}, $\sigma={factor}\bar N$")
        amplitude.axhline(1.0, color="k", ls="--", lw=1.0)
        amplitude.set(xlabel=r"amplitude $\nu$ of the output", ylabel=r"mass $\int\;C\,dw$", ylim=(0.03, 30))
        amplitude.legend()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
