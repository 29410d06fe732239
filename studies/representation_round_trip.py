"""Can a network give any output to any input, if its connectivity is right?

    p_t + [(-v + I(w) + w sigma(Nbar)) p]_v - a p_vv = N(w,t) delta(v - V_R),   v < V_F
    p(V_F,w,t) = 0,   N(w,t) = -a p_v(V_F,w,t),   Nbar = int N dw,   C(w) = int p dv

Expected: the representation theorem (S18). For every input I(w) and output N(w) there is one compatible connectivity,
C = N/r(I + w sigma(Nbar)); the network with this C has the output N again, to rounding by the fixed point for Nbar, and
to the tolerance by the equation itself run for long without learning. The mass of C is what it is; only for one
amplitude nu of the output, N = nu S, it is 1 in an inhibitory network. Excitatory ones have one such nu, two or none,
for the mass stops growing with nu where the network excites itself.
"""

from dataclasses import replace

import numpy as np

import felif as fl
from felif.analysis.learning_representation import amplitudes
from felif.output import label, panels


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
mesh = lambda model, cells: (fl.interval(model, v_min=-6.0, cells=12), np.linspace(-1.0, 0.0, cells + 1))
CHEAP = {"tol": 1e-4, "rtol": 1e-4, "t_end": 6.0, "snapshots": 3}
EXPECTED = {
    "nu_bell": (0.493636484581037, 1e-13),  # quadrature in 40 digits
    "mass": ((1.0, 1.0, 1.0), 1e-12),
    "round_trip": (0.0, 1e-10),  # rounding: 1e-15 measured
    "equation": (0.0, 2e-5),  # what is left of the start, and tol
    "drift_of_C": (0.0, 1e-10),  # nothing is learned: C stays line by line, to rounding
    "counts": ((1, 1, 2, 0), 0),  # amplitudes of mass 1 for STRENGTHS
}


@fl.study.numerics(cells=None, tol=1e-6, t_end=12.0, rtol=1e-6, mesh=mesh)
def main(solver, strength=1.0, a0=1.0, snapshots=21) -> dict:
    """From inputs and outputs to connectivities, and back by the fixed point and by the equation.

    cells: Number of cells of w, fixed, and 12 cells of v, in place of a mesh made from tol.
    strength: s of sigma(Nbar) = s Nbar in the inhibitory network.
    """
    w = np.linspace(-1.0, 0.0, 401)
    results: dict = {"w": w, "round_trip": 0.0}
    model = fl.LearningLIF(eps=0.0, K=-1.0, sigma=fl.Proportional(strength), current=0.0, a0=a0)
    networks = {name: replace(model, current=current) for name, (current, _) in PAIRS.items()}
    made = {name: fl.representation(networks[name], shape, normalise=True) for name, (_, shape) in PAIRS.items()}
    for name, found in made.items():
        back = fl.stationary_output(networks[name], found.C)
        results["round_trip"] = max(results["round_trip"], float(np.abs(back.N(w) - found.N(w)).max()))
        results |= {f"I_{name}": PAIRS[name][0](w), f"N_{name}": found.N(w), f"C_{name}": found.C(w)}

    bell = made["bell"]
    start = lambda v, w: bell.C(w) * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))
    run = solver.evolve("run", networks["bell"], start, snapshots=snapshots)

    parabola = lambda w: np.abs(w) * (1 - np.abs(w))
    nu, counts = np.geomspace(0.05, 50.0, 25), []
    for s in STRENGTHS:
        ends = {"w_min": 0.0, "w_max": 1.0} if s > 0 else {"w_min": -1.0, "w_max": 0.0}
        other = fl.LearningLIF(eps=0.0, K=1.0, sigma=fl.Proportional(abs(s)), current=0.0, a0=a0, **ends)
        counts.append(len(amplitudes(other, parabola)))
        mass = [fl.representation(other, lambda w, x=x: x * parabola(w)).mass for x in nu]
        results[f"mass_{s:g}"] = np.array(mass)
    return results | {
        "nu_bell": bell.nu,
        "mass": np.array([found.mass for found in made.values()]),
        "Nbar": np.array([found.Nbar for found in made.values()]),
        "equation": float(np.abs(run.final.N(w) - bell.N(w)).max()),
        "drift_of_C": run.drift["C"],
        "nu": nu,
        "counts": np.array(counts),
    }


@panels(2, 2)
def figure(results, inputs, outputs, connectivities, amplitude):
    """Inputs, outputs (with those of the equation), connectivities; the mass of C against the amplitude."""
    run, w = results["run"], results["w"]
    for k, name in enumerate(PAIRS):
        inputs.plot(w, results[f"I_{name}"], f"C{k}", label=name)
        outputs.plot(w, results[f"N_{name}"], f"C{k}")
        connectivities.plot(w, results[f"C_{name}"], f"C{k}", label=name)
    outputs.plot(w[::16], run.final.N(w[::16]), "C0o", ms=3.5, label=f"equation, $t={run.times[-1]:g}$")
    label(inputs, "w", "input $I(w)$", "best")
    highest = max(results[f"N_{name}"].max() for name in PAIRS)  # room for the legend
    label(outputs, "w", "output $N(w)$", "upper center", ylim=(0.0, 1.2 * highest))
    label(connectivities, "w", "C", ylim=(0.0, None))
    for s in STRENGTHS:
        kind, factor = "excitatory" if s > 0 else "inhibitory", "" if abs(s) == 1 else f"{abs(s):g}"
        amplitude.loglog(results["nu"], results[f"mass_{s:g}"], label=rf"{kind}, $\sigma={factor}\bar N$")
    amplitude.axhline(1.0, color="k", ls="--", lw=1.0)
    label(amplitude, r"amplitude $\nu$ of the output", r"mass $\int\;C\,dw$", "best", ylim=(0.03, 30))


if __name__ == "__main__":
    fl.study.run_script(main)
