"""What every model declares conserved, with every space and every scheme it takes, over many steps.

usage: python tests/conservation.py [--steps 10000] [--model NoisyLIF] [--space Lagrange] [--scheme TRBDF2] [--one]

Models, spaces and schemes are those that felif exports: one that has no line here is an error. Every combination is
tried: it runs for that many steps of at most one size, or is refused in a sentence. A line of the table says, of the
conserved quantities, the largest departure from the start, relative to the quantity, and what was taken out as
rounding, a step.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import felif as fl

ALLOWED = 1e-12  # of a conserved quantity, over 10000 steps
A_STEP = 1e-14  # of it, taken out of a step as rounding


def exported(room: str) -> list[Any]:
    return [getattr(fl, name) for name, home in fl._HOME.items() if home == room or home.startswith(f"{room}.")]


MODELS = [thing for thing in exported("models") if hasattr(thing, "equations")]
SCHEMES = [thing() for thing in exported("evolution") if thing is not fl.Event]
SPACES = [
    fl.SpectralElement(2),
    fl.SpectralElement(6),
    fl.Lagrange(1),
    fl.Lagrange(2),
    fl.Lagrange(4),
    fl.ExponentialFitting(),
    fl.Tensor(fl.SpectralElement(4), fl.DG(0)),
    fl.Tensor(fl.SpectralElement(4), fl.DG(2)),
    fl.Tensor(fl.SpectralElement(4), fl.MUSCL()),
    fl.Tensor(fl.ExponentialFitting(), fl.DG(2)),
    fl.Tensor(fl.ExponentialFitting(), fl.MUSCL()),
    fl.Triangles(1),
    fl.Triangles(2),
    fl.Triangles(1, positive=True),
]


@dataclass(frozen=True)
class Case:
    """A model and data; `cells`: a mesh that stays, besides the one that follows the density; `tol` of that one."""

    model: Any
    start: Any
    cells: Any = None
    tol: float | None = 1e-2
    step: float = 2e-4
    how: dict[str, Any] = field(default_factory=dict)


def bell(v: Any) -> Any:
    return np.exp(-2 * v**2) * -np.expm1(-(((2 - v) / 0.7) ** 4))


def over_weights(v: Any, w: Any) -> Any:
    return w**2 * (1 + w) ** 2 * np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4))


def _sigmoid(s: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / 0.2))


DOWN = np.r_[-4.0, -2.0, -1.0, 0.0, 1.0, 1.5, 1.9, 1.99, 2.0]
STRIP = {"v": DOWN, "w": np.linspace(-1.0, 0.0, 4)}
SMOOTH = fl.Gaussian(0.0, 0.6, boundary_layer=0.5)
LEARNING = {"eps": 0.2, "sigma": fl.Proportional(4.0), "current": 1.5}
CASES = [
    Case(fl.NoisyLIF(b=0.5, a1=0.1), SMOOTH, DOWN),
    Case(fl.NoisyLIF(b=-1.0, delay=0.1), SMOOTH, DOWN),
    Case(fl.NoisyLIF(b=0.5, dead_time=0.1), SMOOTH, DOWN),
    Case(fl.NoisyLIF(drift=fl.Exponential(0.2, 1.5), v_reset=0.0, v_fire=np.inf), fl.Gaussian(-0.5, 0.1)),
    Case(fl.RefractoryLIF(b=0.5, tau=0.2), SMOOTH, DOWN),
    Case(fl.RandomThresholdLIF(b=1.0, eps=0.1), SMOOTH),
    Case(fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_EI=0.3, b_IE=1.0, b_II=0.5, tau=0.1), SMOOTH, DOWN),
    Case(fl.Populations(coupling=[[0.5, -1.0], [0.8, -0.2]], tau=[0.1, 0.2]), [bell, bell], {"v": DOWN}),
    Case(fl.Populations(coupling=[[0.5, -1.0], [0.8, -0.2]], delay=[[0.1, 0.3], [0.1, 0.3]]), [bell, bell]),
    *(
        Case(fl.CellPolarisation(closure, mass=0.9), {"n": lambda z: np.exp(-z)} | mu)
        for closure, mu in (("trace", {}), ("integrated", {"mu": 0.2}), ("exchange", {"mu": 0.1}))
    ),
    Case(fl.Kuramoto(K=3.0, D=1.0), lambda th: 1 + 0.2 * np.cos(th), {"theta": np.linspace(0.0, 2 * np.pi, 7)}),
    Case(fl.Kuramoto(K=2.0, A=0.3, frequencies=([-0.5, 0.5], [0.5, 0.5])), lambda th: 1 + 0.2 * np.cos(th)),
    Case(fl.TimeElapsed(_sigmoid, tau=0.1), {"n": lambda s: np.exp(-s), "J": 0.3}),
    Case(fl.TimeElapsed(_sigmoid), {"n": lambda s: np.exp(-s)}),
    Case(fl.TimeElapsed(fl.StepHazard(lambda x: 2.0 - x), tau=0.2), lambda s: np.exp(-s)),
    Case(fl.VoltageConductance(), lambda v, g: (v * (1 - v)) ** 2 * np.exp(-40 * (g - 0.3) ** 2), tol=0.1),
    Case(fl.WilsonCowan(k=[[18.0, -23.0], [44.0, -3.0]], s=[-0.5, -2.8]), {"N": 0.1, "w": 0.0}),
    Case(
        fl.AdaptiveLIF(jump=0.5, current=1.5),
        lambda v, w: np.exp(-2 * v**2 - 4 * w**2) * (1 - np.exp(-((2 - v) ** 4))),
        {"v": DOWN[[0, 2, 4, 6, 8]], "w": np.linspace(0.0, 4.0, 5)},
        tol=None,
    ),
    Case(fl.LearningLIF(K=-1.0, **LEARNING), over_weights, STRIP, tol=0.1),
    Case(fl.LearningLIF(K=-1.0, **LEARNING | {"eps": 0.0}), over_weights, STRIP, tol=None),
]


def problems(case: Case, space: Any) -> Iterator[tuple[str, Any]]:
    """(mesh, problem or the sentence that refuses it): on cells that stay, and on those that follow the density."""
    plane = isinstance(space, fl.Tensor | fl.Triangles)
    for mesh in ("cells", "tol"):
        if (case.cells if mesh == "cells" else case.tol) is None:
            continue
        try:
            if mesh == "tol":
                yield mesh, fl.discretize(case.model, space=space, tol=case.tol)
            else:
                yield mesh, fl.discretize(case.model, _mesh(case, space) if plane else _line(case), space=space)
        except ValueError as refused:
            yield mesh, str(refused)


def _line(case: Case) -> Any:
    from felif.meshing import tagged

    if isinstance(case.cells, dict):
        return case.cells
    return tagged(case.cells, case.model)


def _mesh(case: Case, space: Any) -> Any:
    from felif.meshing import tagged

    if not isinstance(case.cells, dict) or "w" not in case.cells:
        return _line(case)
    if isinstance(space, fl.Triangles):
        return fl.strip(case.model, v_min=-4.0, cells=(6, 2))
    return tagged(case.cells["v"], case.model), case.cells["w"]


@dataclass(frozen=True)
class Found:
    steps: int
    departure: float
    rounding: float  # a step
    remeshes: int
    outcome: str
    seconds: float

    def __str__(self) -> str:
        said = f"{self.outcome}, {self.seconds:.0f} s" + (self.wrong and f"  WRONG: {self.wrong}")
        numbers = f"{self.departure:.1e} and {self.rounding:.1e} a step"
        return f"{numbers} in {self.steps} steps on {self.remeshes + 1} meshes; {said}"

    @property
    def wrong(self) -> str:
        bad = [self.outcome] if self.outcome not in ("max_steps", "blow_up", "jump") else []
        bad += ["drifts"] if not self.departure < ALLOWED else []
        return ", ".join(bad + (["more than rounding"] if not self.rounding < A_STEP else []))


def run(case: Case, problem: Any, scheme: Any, steps: int, folder: Path) -> Found:
    """So many steps, on disk as they come. ValueError where the scheme is refused."""
    began = time.process_time()
    how = {"scheme": scheme, "rtol": 1e-3, "max_steps": steps, "max_step": case.step, "progress": False, **case.how}
    found = fl.evolve(problem, case.start, 1e6, folder=folder, snapshots=0, overwrite=True, **how)
    totals = {name: abs(float(found.series[name][0])) for name in found.segments[0].problem.conserved}
    departures = [worst / totals.get(name, 1.0) for name, worst in found.drift.items()]
    made = found.statistics["steps"]
    rounding = found.trajectory.rounding / max(made, 1) / max(totals.values(), default=1.0)
    seconds = time.process_time() - began
    numbers = max(departures, default=0.0), rounding, found.statistics["remeshes"]
    return Found(made, *numbers, found.outcome.name, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    for kind in ("model", "space", "scheme"):
        parser.add_argument(f"--{kind}", default="", help="only those whose text begins so")
    parser.add_argument("--one", action="store_true", help="one scheme for each space and mesh, each in its turn")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    wrong = turn = 0
    with tempfile.TemporaryDirectory(prefix="conservation") as folder:
        for case in (case for case in CASES if str(case.model).startswith(asked.model)):
            print(f"\n{str(case.model):.160}", flush=True)
            refusals: dict[str, list[str]] = {}
            for space in (space for space in SPACES if str(space).startswith(asked.space)):
                for mesh, problem in problems(case, space):
                    if isinstance(problem, str):
                        refusals.setdefault(problem.split(";")[-1], []).append(f"{space} ({mesh})")
                        continue
                    print(f"  {space}, {mesh}, {problem.size} unknowns", flush=True)
                    turn += 1
                    for scheme in (*SCHEMES[turn % len(SCHEMES) :], *SCHEMES[: turn % len(SCHEMES)]):
                        if not type(scheme).__name__.startswith(asked.scheme):
                            continue
                        try:
                            found = run(case, problem, scheme, asked.steps, Path(folder) / "run")
                        except ValueError as refused:
                            refusals.setdefault(str(refused).split(";")[-1], []).append(f"{scheme} on {space}")
                            continue
                        wrong += bool(found.wrong)
                        print(f"    {type(scheme).__name__:14s}{found}", flush=True)
                        if asked.one:
                            break
            for sentence, which in refusals.items():
                print(f"  refused {len(which)}: {sentence.strip():.150}")
    print(f"{wrong} wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
