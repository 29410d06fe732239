"""What problems of a process share is what each of them would make by itself, and nothing of another one."""

import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

import felif as fl
from felif.assembly.automatic import Flow, choose_nodes
from felif.given.identity import is_of_numbers
from felif.given.memory import forget
from felif.translation import weak_form_of

START = fl.Gaussian(0.0, 0.25)
NETWORKS = [
    fl.NoisyLIF(b=0.5),
    fl.NoisyLIF(b=-2.0),
    fl.NoisyLIF(b=0.5, a0=0.3, a1=0.1),
    fl.NoisyLIF(b=0.5, v_reset=0.8),
    fl.NoisyLIF(b=0.5, current=lambda t: 0.4 * np.cos(t)),
    fl.NoisyLIF(b=0.5, drift=fl.Leaky(conductance=2.0)),
    fl.RefractoryLIF(b=0.5, tau=0.3),
    fl.RandomThresholdLIF(b=0.5, eps=0.1),
    fl.ExcitatoryInhibitoryLIF(b_EE=0.5),
]


def _run(network, tol):
    run = fl.evolve(fl.discretize(network, tol=tol), START, t_end=0.3, rtol=tol)
    return run.final.problem.cells, run.times, run.final.y


@pytest.mark.parametrize("tol", [1e-3, 1e-6])
def test_a_run_does_not_depend_on_what_was_computed_before(tol):
    alone = []
    for network in NETWORKS:
        forget()
        alone.append(_run(network, tol))
    for network, first in [*zip(NETWORKS, alone, strict=True), *list(zip(NETWORKS, alone, strict=True))[::-1]]:
        for found, expected in zip(_run(network, tol), first, strict=True):
            assert np.array_equal(found, expected)


def test_runs_in_threads_do_not_disturb_each_other():
    networks = [fl.NoisyLIF(b=b, a1=a1) for b in (0.5, 0.5, -1.0, 0.2) for a1 in (0.0, 0.1)]
    alone = [_run(network, 1e-6) for network in networks]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(3):
            for together, expected in zip(pool.map(partial(_run, tol=1e-6), networks), alone, strict=True):
                assert all(map(np.array_equal, together, expected))


def test_networks_with_the_same_forms_share_what_is_assembled():
    one, other = (fl.discretize(fl.NoisyLIF(b=b), tol=1e-5) for b in (0.1, 0.2))
    assert one.mass is other.mass
    assert one.parameters.b == 0.1
    assert other.parameters.b == 0.2
    assert fl.discretize(fl.NoisyLIF(b=0.1, v_reset=0.9), tol=1e-5).mass is not one.mass


def test_a_copy_for_another_process_is_of_its_own_model():
    fl.discretize(fl.NoisyLIF(b=0.1, current=lambda t: 0.1), tol=1e-5)  # a function that no pickle holds
    problem = fl.discretize(fl.NoisyLIF(b=0.1), tol=1e-5)
    finer = problem.on_cells(np.sort([*problem.cells, problem.cells[:2].mean()]))
    for one in (problem, finer):
        assert pickle.loads(pickle.dumps(one)).model == fl.NoisyLIF(b=0.1)


@dataclasses.dataclass(frozen=True)
class Changing:
    """A drift whose array somebody changes."""

    slope: np.ndarray

    def __call__(self, v):
        return -self.slope[0] * v


def test_nothing_is_kept_that_was_made_by_functions_of_the_user():
    slope = np.array([1.0])
    network = fl.NoisyLIF(b=0.0, drift=Changing(slope))
    assert not weak_form_of(network).is_of_numbers
    before = choose_nodes(Flow(network), fl.SpectralElement(6), 1e-5)
    slope[0] = 4.0
    assert not np.array_equal(choose_nodes(Flow(network), fl.SpectralElement(6), 1e-5), before)
    assert weak_form_of(fl.NoisyLIF()).is_of_numbers


def test_numbers_are_told_from_what_may_change():
    held = [1.0]
    assert not is_of_numbers(lambda v: v)  # not felif's own
    assert not is_of_numbers(held)
    assert not is_of_numbers(np.ones(2))
    assert is_of_numbers(fl.Leaky())
    assert not is_of_numbers(Changing(np.ones(1)))


def test_what_problems_share_cannot_be_written_into():
    """Potentials of a problem were turned into mV in place, and so were those of the next problem."""
    problem = fl.discretize(fl.NoisyLIF(b=0.1), tol=1e-4)
    of = {**vars(problem), "mass": problem.mass.data, "mesh": problem.mesh.p, **problem.quantities, **problem.conserved}
    arrays = {name: value for name, value in of.items() if isinstance(value, np.ndarray) and name != "natural"}
    assert {"nodes", "cells", "widths", "mass", "mesh", "observers"} <= set(arrays)
    for array in arrays.values():
        with pytest.raises(ValueError, match="read-only"):
            array *= 20.0
    for names in (problem.quantities, problem.conserved):
        with pytest.raises(TypeError):
            names["mass"] = 0.0
    mesh = fl.interval(fl.NoisyLIF())
    fl.discretize(fl.NoisyLIF(), mesh)
    assert mesh.p.flags.writeable
