"""Every system converges at the order of its elements and of its scheme: three values on meshes, and with steps, halved
twice. Elements of degree 3 have the order 4 at least, numbers of smooth densities up to 6."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl


def bell(v):
    return np.exp(-(v**2)) * -np.expm1(-((2 - v) ** 4))


def over_weights(v, w):
    return np.exp(-2 * v**2 - 4 * (w - 0.5) ** 2) * -np.expm1(-((2 - v) ** 4))


def hazard(s, x):
    return 1 / (1 + np.exp(-4 * (s - 1 + x)))


V = {"v": [(-5.0, 1.0, 4), (1.0, 2.0, 2)]}
Z = {"z": [(0.0, 2.0, 2), (2.0, 14.0, 4)]}
FINE = {"z": [(0.0, 2.0, 4), (2.0, 14.0, 8)]}
S = {"s": [(0.0, 3.0, 4), (3.0, 15.0, 6)]}
THETA = {"theta": [(0.0, 2 * np.pi, 4)]}
AGES = {"n": lambda s: np.exp(-s), "J": 0.3}
PHASES = lambda theta: 1 + 0.5 * np.cos(theta)  # noqa: E731
# data of cells have no flux at the wall: n_z + mu n = 0, or mu'
CASES = {
    "populations": (fl.Populations(coupling=[[0.5, -1.0], [0.8, -0.2]], current=0.5), bell, V, "N_0"),
    "resting": (fl.Populations(coupling=[[0.5, -1.0], [0.8, -0.2]], current=0.5, tau=0.1), bell, V, "N_0"),
    "trace": (fl.CellPolarisation("trace", mass=0.9), lambda z: np.exp(-z) * (1 + np.sqrt(0.1) * z), FINE, "trace"),
    "integrated": (
        fl.CellPolarisation("integrated", L=0.5, mass=1.0),
        {"n": lambda z: np.exp(-(z**2)), "mu": 0.0},
        Z,
        "mu",
    ),
    "exchange": (
        fl.CellPolarisation("exchange", mass=1.5),
        {"n": lambda z: np.exp(-(z**2)) * (1 + z), "mu": 0.0},
        Z,
        "mu",
    ),
    "frequencies": (fl.Kuramoto(K=2.0, D=0.5, frequencies=([-0.5, 0.5], [0.5, 0.5])), PHASES, THETA, "r"),
    "rotators": (fl.Kuramoto(K=2.0, D=0.5, A=1.2), PHASES, THETA, "r"),
    "age": (fl.TimeElapsed(hazard, tau=0.2), AGES, S, "N"),
    "age at once": (fl.TimeElapsed(hazard), {"n": AGES["n"]}, S, "N"),
    "step": (fl.TimeElapsed(fl.StepHazard(lambda x: 2.0 - x), tau=0.2), AGES, {"a": [(0.0, 1.0, 2)]}, "N"),
    "conductance": (
        fl.VoltageConductance(g_in=0.5, S=0.05, a=0.01),
        lambda v, g: (v * (1 - v)) ** 4 * np.exp(-((g - 0.5) ** 2) / 0.03),
        {"v": [(0.0, 1.0, 2)], "g": [(0.0, 3 / 11, 1), (3 / 11, 1.1, 2)]},
        "N",
    ),
    "adaptive": (
        fl.AdaptiveLIF(jump=0.5, current=1.5),
        over_weights,
        {"v": [(-4.0, 1.0, 2), (1.0, 2.0, 1)], "w": [(0.0, 4.0, 3)]},
        "Nbar",
    ),
}


def halved(mesh, times):
    ends = lambda parts: np.unique(np.concatenate([np.linspace(a, b, 2**times * k + 1) for a, b, k in parts]))
    return {axis: ends(parts) for axis, parts in mesh.items()}


def order(values):
    """From the last three of values that converge."""
    differences = np.abs(np.diff(values))
    return np.log2(differences[-2] / differences[-1])


@pytest.mark.filterwarnings("ignore:.*cuts off")
@pytest.mark.parametrize("name", CASES)
def test_systems_converge_with_elements_and_steps(name):
    model, start, mesh, number = CASES[name]
    plane = len(mesh) == 2
    t_end, first = 0.1 if plane else 0.5, 4 if name == "exchange" else 3
    # the coarsest cells of planes do not resolve the data, of which they are given the moments
    problems = [fl.discretize(model, halved(mesh, k + plane), space=fl.SpectralElement(3)) for k in range(3)]
    value = lambda problem, **how: fl.evolve(problem, start, t_end, progress=False, **how).sample(number, t_end)
    assert order([value(problem, rtol=1e-7 if plane else 1e-9) for problem in problems]) > 3.9
    steps = [value(problems[1 - plane], fixed_step=t_end / 2**k) for k in range(first, first + 3)]
    least = 3.5 if name == "trace" else 3.8  # its data fit the wall to first order, not in their slopes in time
    assert order(steps) > least  # Rodas5P has order 5 where nothing is stiff, 4 where it is


def test_hebbian_units_converge_with_steps():
    problem = fl.discretize(fl.WilsonCowan(k=[[18.0, -23.0], [44.0, -3.0]], s=[-0.5, -2.8]))
    run = lambda h: fl.evolve(problem, {"N": 0.1, "w": 0.0}, 2.0, fixed_step=h, progress=False)
    assert order([run(h).final.N[0] for h in (0.25, 0.125, 0.0625)]) > 4.4
