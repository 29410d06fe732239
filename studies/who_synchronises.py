"""Which of the lecture's networks fire together, and what decides it?

    NNLIF             n_t + [(-v + b N) n]_v - n_vv = N delta(v - V_R)
    random threshold  above V_F neurons fire at rate 1/eps and rest for tau
    ring              five populations, each inhibits the next by -beta
    age               n_t + n_s + p(s, J) n = 0, tau J' = N - J
    oscillators       rho_t = D rho_thth - d/dth[K r sin(psi - th) rho]

Expected: all of them beyond a critical coupling, and each in a way of its own. Excitation alone ends in one volley of a
finite part of the network: N becomes infinite (b = 3). What limits a volley turns it into bursts: neurons that rest
(b = 5, period 2.5709052), or that become ready with age. Inhibition alone does so in a ring, 5 populations after each
other. Oscillators need no rate at all: their phases gather beyond K = 2 D. Below the critical coupling, drawn dashed,
every one of them settles.
"""

from functools import partial

import numpy as np

import felif as fl
from felif.analysis.oscillation import last_cycle
from felif.output import label, panels, plot_series

CHEAP = {"tol": 1e-3, "rtol": 1e-3, "t_end": 4.0}
EXPECTED = {
    "outcome_excited": ("blow_up", 0.0),
    "outcome_weakly_excited": ("finished", 0.0),
    "time_excited": (2.07808, 2e-2),  # this network on meshes made from 1e-5, where its bar is 3e-5
}
LENGTHS = {"excited": 4.0, "resting": 16.0, "ring": 60.0, "age": 40.0, "oscillators": 30.0}


@fl.study.numerics(tol=1e-4, t_end=60.0, rtol=1e-5)
def main(solver) -> dict:
    """Run every network below and beyond its critical coupling.

    t_end: Longest run; no network is followed further than its picture needs.
    """
    for name, (weak, strong, start) in _networks().items():
        for model, called in ((strong, name), (weak, f"weakly_{name}")):
            solver.evolve(called, model, start, min(solver.t_end, LENGTHS[name]))
    swings = {f"swing_{name}": _swing(run) for name, run in solver.runs.items() if not run.blow_up}
    return solver.ends() | swings


def ready(s, activity, width):
    """The rate at which neurons of age s fire: 1 beyond an age that falls with activity, within `width`."""
    return 1 / (1 + np.exp((2.75 - 2.25 * activity - s) / width))


def _networks() -> dict:
    """{name: (below the critical coupling, beyond it, start)}."""
    gaussian, ring = fl.Gaussian(0.0, 0.25), -np.roll(np.eye(5), 1, axis=0)
    around = lambda v: np.exp(-(v**2)) * (1 - np.exp(-((2 - v) ** 4)))
    turned = [lambda v, i=i: around(v) * (1 + 0.6 * np.cos(4 * np.pi * i / 5) * np.tanh(v)) for i in range(5)]
    young = {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3}
    resting = [fl.RandomThresholdLIF(b=b, eps=0.05, tau=1.0) for b in (3.0, 5.0)]
    return {
        "excited": (fl.NoisyLIF(b=0.5), fl.NoisyLIF(b=3.0), gaussian),
        "resting": (*resting, gaussian),
        "ring": (*(fl.Populations(coupling=ring, current=1.0, strength=beta) for beta in (3.0, 8.0)), turned),
        "age": (*(fl.TimeElapsed(partial(ready, width=width), tau=0.1) for width in (0.4, 0.05)), young),
        "oscillators": (*(fl.Kuramoto(K=K, D=0.5) for K in (0.7, 1.6)), lambda theta: 1 + 0.2 * np.cos(theta)),
    }


def _series(run: fl.Run) -> str:
    return next(name for name in ("r", "N_0", "N") if name in run.problem.scalar_names)


def _swing(run: fl.Run) -> float:
    """(max - min)/(max + min) of the rate over its last oscillation; r at the end for oscillators."""
    if _series(run) == "r":
        return float(run.final.r)
    cycle = last_cycle(run, _series(run), since=0.75)
    return (cycle.highest - cycle.lowest) / (cycle.highest + cycle.lowest)


@panels(2, 3)
def figure(results, *axes):
    """Rates of five networks below (dashed) and beyond the critical coupling, and how far each swings."""
    titles = {"excited": "excitation", "resting": "rest", "ring": "ring", "age": "age", "oscillators": "phases"}
    texts = {
        "ring": lambda m: f"$\\beta={m.strength:g}$",
        "age": lambda m: "sharp" if m is results["age"].model else "blurred",
        "oscillators": lambda m: f"$K/D={m.K / m.D:g}$",
    }
    bars = axes[-1]
    for k, (panel, (name, title)) in enumerate(zip(axes, titles.items(), strict=False)):
        for called, style in ((f"weakly_{name}", "C1--"), (name, "C0-")):
            run = results[called]
            text = texts.get(name, lambda m: f"$b={m.b:g}$")(run.model)
            plot_series(panel, run, _series(run), style, below=12.0, label=text)
        label(panel, "time $t$", "$r(t)$" if name == "oscillators" else "$N(t)$", title=title)
        panel.set_ylim(bottom=0.0)
        panel.legend(loc="upper right", ncols=2)
        bars.barh(k + 0.2, results[f"swing_weakly_{name}"], 0.35, color="C1", alpha=0.8)
        bars.barh(k - 0.2, results.get(f"swing_{name}", 1.0), 0.35, color="C0")
    bars.set_yticks(range(len(titles)), titles.values())
    bars.set(xlabel="swing of $N$ (1: blow-up) or $r$", xlim=(0.0, 1.05))
    bars.invert_yaxis()


if __name__ == "__main__":
    fl.study.run_script(main)
