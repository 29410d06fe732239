"""Small problems and their results, made once: what public callables are called with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import felif as fl

QUIET = {"progress": False}
START = fl.Gaussian(-1.0, 0.3)


@cache
def network() -> Any:
    return fl.NoisyLIF(b=-0.5)


@cache
def problem() -> Any:
    return fl.discretize(network(), fl.interval(network(), v_min=-5.0, cells=6))


@cache
def delayed() -> Any:
    model = fl.NoisyLIF(b=-0.5, delay=0.2)
    return fl.discretize(model, fl.interval(model, v_min=-5.0, cells=6))


@cache
def steady() -> Any:
    return fl.steady_states(problem())[0]


@cache
def run() -> Any:
    return fl.evolve(problem(), START, 0.1, rtol=1e-3, **QUIET)


@cache
def branch() -> Any:
    return fl.continuation(problem(), steady(), "b", (-0.6, -0.4))


@cache
def law() -> Any:
    return fl.first_passage(fl.NoisyLIF(current=2.0))


@cache
def intervals() -> np.ndarray:
    return law().sample(30, seed=1)


@cache
def fitted() -> Any:
    return fl.fit(intervals(), fl.NoisyLIF(current=1.9), ["current"], membrane_time=1.0)


@cache
def particles() -> Any:
    return fl.simulate_particles(network(), neurons=40, t_end=0.1, start=START, seed=1, bins=2, **QUIET)


@cache
def learning() -> Any:
    return fl.LearningLIF(eps=0.5, K=-1.0, sigma=lambda x: x, current=1.0)


@cache
def resting() -> Any:
    model = fl.LearningLIF(eps=0.0, K=-1.0, sigma=lambda x: x, current=1.0)
    return fl.discretize(model, space=fl.Tensor(fl.SpectralElement(2), fl.DG(0)), tol=0.1)


SEMIGROUP = (
    fl.drift("n", "v", lambda x: -x.v),
    fl.noise("n", "v"),
    fl.Term("n", "N", lambda N, phi, x: -N * phi, at={"v": 2.0}),
)


@dataclass(frozen=True)
class Written:
    """A model whose equations are those given."""

    equations_given: Any

    def equations(self) -> Any:
        return self.equations_given


def written(**changes: Any) -> Any:
    """A problem whose equations have a term, an unknown or something else replaced."""
    own = {"axes": (fl.Axis("v", -math.inf, 2.0, {"reset": 1.0}),), "inputs": ()}
    own |= {"unknowns": (fl.Unknown("n", ("v",)), fl.Unknown("N", (), "holds", of="n", at={"v": 2.0}))}
    own |= {"terms": SEMIGROUP, "conserved": ()}
    how = {name: changes.pop(name) for name in [*changes] if name in (*own, "masses", "symmetric_along")}
    own |= how
    if changes:
        own["terms"] = (*own["terms"], fl.Term(**changes))
    return fl.discretize(Written(fl.Equations(**own)), tol=0.1)


@cache
def oscillating() -> tuple[Any, Any]:
    """A problem with a delay and a Hopf point of it."""
    model = fl.NoisyLIF(b=-30.0, delay=1.0, current=10.0)
    whole = fl.discretize(model, tol=1e-2)
    branch = fl.continuation(whole, fl.steady_states(whole)[0], "b", (-30.0, -1.0), progress=False)
    return whole, branch.hopfs[0]


@cache
def curved() -> tuple[Any, Any]:
    """A branch with a fold and its problem."""
    whole = fl.discretize(fl.NoisyLIF(b=1.5), tol=1e-4)
    return whole, fl.continuation(whole, fl.steady_states(whole)[0], "b", (1.0, 3.0))
