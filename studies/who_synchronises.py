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

from __future__ import annotations

from pathlib import Path

import numpy as np

import felif as fl
from felif.output.style import house_style, new_figure

CHEAP = {"tol": 1e-3, "rtol": 1e-3, "t_end": 4.0}
EXPECTED = {
    "outcome_excited": ("blow_up", 0.0),
    "outcome_weakly_excited": ("finished", 0.0),
    "time_excited": (2.07808, 2e-2),  # this network on meshes made from 1e-5, where its bar is 3e-5
    "total_drift": (0.0, 1e-12),  # rounding
}
LENGTHS = {"excited": 4.0, "resting": 16.0, "ring": 60.0, "age": 40.0, "oscillators": 30.0}


def main(tol: float = 1e-4, t_end: float = 60.0, rtol: float = 1e-5, out: Path | None = None) -> dict:
    """Run every network below and beyond its critical coupling.

    Parameters
    ----------
    tol
        Accuracy from which meshes are chosen.
    t_end
        Longest run; no network is followed further than its picture needs.
    rtol
        Tolerance of a time step.
    """
    runs = {}
    for name, (weak, strong, start) in _networks().items():
        for model, called in ((strong, name), (weak, f"weakly_{name}")):
            problem, folder = fl.discretize(model, tol=tol), fl.study.folder(out, called)
            runs[called] = fl.evolve(problem, start, min(t_end, LENGTHS[name]), rtol=rtol, folder=folder, resume=True)
    excited = runs["excited"]
    return runs | {
        "outcome_excited": excited.outcome.name,
        "outcome_weakly_excited": runs["weakly_excited"].outcome.name,
        "time_excited": excited.blow_up.time if excited.blow_up else None,
        "total_drift": max(max(run.drift.values()) for run in runs.values() if run is not excited),
        **{f"swing_{name}": _swing(run) for name, run in runs.items() if run is not excited},
    }


def _networks() -> dict:
    """{name: (below the critical coupling, beyond it, start)}."""
    gaussian = fl.Gaussian(0.0, 0.25)
    ring = -np.roll(np.eye(5), 1, axis=0)
    turned = [
        lambda v, i=i: (
            np.exp(-(v**2)) * (1 - np.exp(-((2 - v) ** 4))) * (1 + 0.6 * np.cos(4 * np.pi * i / 5) * np.tanh(v))
        )
        for i in range(5)
    ]
    hazard = lambda width: lambda s, x: 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / width))
    young = {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3}
    return {
        "excited": (fl.NoisyLIF(b=0.5), fl.NoisyLIF(b=3.0), gaussian),
        "resting": (
            fl.RandomThresholdLIF(b=3.0, eps=0.05, tau=1.0),
            fl.RandomThresholdLIF(b=5.0, eps=0.05, tau=1.0),
            gaussian,
        ),
        "ring": tuple(fl.Populations(coupling=ring, current=1.0, strength=beta) for beta in (3.0, 8.0)) + (turned,),
        "age": tuple(fl.TimeElapsed(hazard(width), tau=0.1) for width in (0.4, 0.05)) + (young,),
        "oscillators": tuple(fl.Kuramoto(K=K, D=0.5) for K in (0.7, 1.6)) + (lambda theta: 1 + 0.2 * np.cos(theta),),
    }


def _series(run: fl.Run) -> str:
    names = run.problem.scalar_names
    return "r" if "r" in names else "N_0" if "N_0" in names else "N"


def _swing(run: fl.Run) -> float:
    """(max - min)/(max + min) of the rate over the last quarter; r at the end for oscillators."""
    t = np.linspace(0.75 * run.times[-1], run.times[-1], 2000)
    values = run.sample(_series(run), t)
    if _series(run) == "r":
        return float(values[-1])
    return float((values.max() - values.min()) / (values.max() + values.min()))


def figure(results: dict):
    """Rates of five networks below (dashed) and beyond the critical coupling, and how far each swings."""
    figure, panels = new_figure(2, 3)
    titles = {
        "excited": ("excitation", "$b={0.b:g}$"),
        "resting": ("rest", "$b={0.b:g}$"),
        "ring": ("ring", "$\\beta={0.strength:g}$"),
        "age": ("age", ""),
        "oscillators": ("phases", "$K/D={1:g}$"),
    }
    with house_style():
        for axes, (name, (title, label)) in zip(panels.flat, titles.items(), strict=False):
            for called, style in ((f"weakly_{name}", "C1--"), (name, "C0-")):
                run = results[called]
                t = np.linspace(0.0, run.times[-1] * (1 - 1e-9), 1500)
                values = run.sample(_series(run), t)
                seen = values < 12
                ratio = run.model.K / run.model.D if name == "oscillators" else 0.0
                text = label.format(run.model, ratio) or ("blurred" if "weakly" in called else "sharp")
                axes.plot(t[seen], values[seen], style, lw=1.2, label=text)
            axes.set(xlabel="time $t$", ylabel="$r(t)$" if name == "oscillators" else "$N(t)$")
            axes.set_title(title, loc="left")
            axes.set_ylim(0.0, 1.35 * axes.get_ylim()[1])
            axes.legend(loc="upper right", ncols=2)
        bars, names = panels.flat[-1], list(titles)
        for k, name in enumerate(names):
            bars.barh(k + 0.2, results[f"swing_weakly_{name}"], 0.35, color="C1", alpha=0.8)
            bars.barh(k - 0.2, results.get(f"swing_{name}", 1.0), 0.35, color="C0")
        bars.set_yticks(range(len(names)), [titles[name][0] for name in names])
        bars.set(xlabel="swing of $N$ (1: blow-up) or $r$", xlim=(0.0, 1.05))
        bars.invert_yaxis()
    return figure


if __name__ == "__main__":
    fl.study.run_script(main)
