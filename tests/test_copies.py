"""Results go to other processes and back, and give the same digits there; runs in several threads give those of one."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import felif as fl

MODEL, START = fl.NoisyLIF(b=0.5), fl.Gaussian(-0.5, 0.25)
LEARNING = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4), current=1.5, w_min=-1.0, w_max=0.0)
ENDLESS = fl.NoisyLIF(drift=fl.Exponential(delta=0.2, v_soft=1.5), v_reset=0.0, v_fire=np.inf)
DELAYED = fl.NoisyLIF(b=-2.0, delay=0.5, current=5.0)
PROBLEMS = {
    "elements": lambda: fl.discretize(MODEL, tol=1e-3),
    "a mesh of the user": lambda: fl.discretize(MODEL, fl.interval(MODEL, v_min=-4.0, cells=8)),
    "fitted": lambda: fl.discretize(MODEL, space=fl.ExponentialFitting(), tol=1e-2),
    "a drift that is cut off": lambda: fl.discretize(ENDLESS, tol=1e-3),
    "two populations": lambda: fl.discretize(fl.ExcitatoryInhibitoryLIF(), tol=1e-2),
    "lines": lambda: fl.discretize(LEARNING, space=fl.Tensor(), tol=3e-2),
    "triangles": lambda: fl.discretize(LEARNING, space=fl.Triangles(1), tol=3e-2),
    "any axes": lambda: fl.discretize(fl.Kuramoto(K=1.0, D=0.5)),
}


def weighted(v, w):
    return np.exp(-((v - 0.3) ** 2) / 0.6) * -np.expm1(-(((2 - v) / 0.5) ** 4)) * (v < 2) * w**4 * (1 + w) ** 4


def wave(theta):
    return 1 + 0.5 * np.cos(theta)


def data(problem):
    return weighted if problem.model is LEARNING else wave if problem.lines is not None else START


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_copy_of_a_problem_makes_the_same_steps(name):
    problem = PROBLEMS[name]()
    other = pickle.loads(pickle.dumps(problem))
    start, end = data(problem), 0.02
    one, two = (fl.evolve(p, start, end, progress=False) for p in (problem, other))
    assert np.array_equal(one.times, two.times)
    assert np.array_equal(one.final.y, two.final.y)
    again = pickle.loads(pickle.dumps(one))
    assert all(np.array_equal(again.series[name], one.series[name]) for name in one.series)
    assert np.array_equal(again.at(end / 3).y, one.at(end / 3).y)
    assert copy.deepcopy(problem) is problem  # it does not change


def test_a_copy_of_a_run_goes_on_and_tells_its_error_alike(tmp_path):
    problem = fl.discretize(DELAYED, tol=1e-2)
    run = fl.evolve(problem, START, 1.0, history=0.3, folder=tmp_path / "run", after_blow_up=None)
    for other in (pickle.loads(pickle.dumps(run)), pickle.loads(pickle.dumps(fl.load_run(tmp_path / "run")))):
        assert other.asked == run.asked
        assert np.array_equal(other.sample("N", [0.1, 0.77]), run.sample("N", [0.1, 0.77]))
    assert pickle.loads(pickle.dumps(run)).error("N") == run.error("N")
    state = pickle.loads(pickle.dumps(run.final))
    assert state.N == run.final.N
    ends = [fl.evolve(s.problem.with_history(None), s, 0.1, history=0.3).final.y for s in (state, run.final)]
    assert np.array_equal(*ends)


def test_copies_of_steady_states_branches_spectra_and_orbits_are_used_further():
    problem = fl.discretize(DELAYED, tol=1e-2)
    states = fl.steady_states(problem)
    copied = pickle.loads(pickle.dumps(states))
    assert (copied.message, copied.complete) == (states.message, states.complete)
    branches = [fl.continuation(problem, found[0], "b", (-2.1, -1.7)) for found in (states, copied)]
    assert np.array_equal(branches[0].table["N"], branches[1].table["N"])
    branch = pickle.loads(pickle.dumps(branches[0]))
    assert branch.at(-1.9)[0].N == branches[0].at(-1.9)[0].N
    assert branch.hopfs[0].errors == branches[0].hopfs[0].errors
    orbit = fl.periodic_orbit(problem, branch.hopfs[0], b=-1.87, tol=1e-2)
    other = pickle.loads(pickle.dumps(orbit))
    assert np.array_equal(other.multipliers, orbit.multipliers)
    assert np.array_equal(other.path["period"], orbit.path["period"])
    plain = fl.discretize(MODEL, tol=1e-2)
    spectrum = fl.spectrum(plain, fl.steady_states(plain)[0])
    again = pickle.loads(pickle.dumps(spectrum))
    assert again.right[1].n(0.5) == spectrum.right[1].n(0.5)
    assert again.left[1].n(0.5) == spectrum.left[1].n(0.5)


def test_copies_of_simulations_and_fits_are_used_further():
    run = fl.simulate_particles(MODEL, neurons=100, t_end=0.1, start=START, seed=1)
    other = pickle.loads(pickle.dumps(run))
    assert np.array_equal(other.final.v, run.final.v)
    assert other.mean("N", 0.0, 0.1) == run.mean("N", 0.0, 0.1)
    law = fl.first_passage(fl.NoisyLIF(current=2.0))
    assert np.array_equal(pickle.loads(pickle.dumps(law)).density([0.5, 1.0]), law.density([0.5, 1.0]))
    fit = fl.fit(law.sample(100, seed=1), fl.NoisyLIF(current=1.8), ["current"])
    copied = pickle.loads(pickle.dumps(fit))
    assert copied.confidence("current", 0.9) == fit.confidence("current", 0.9)


def test_what_holds_a_lambda_says_so_in_a_sentence():
    model = fl.NoisyLIF(current=lambda t: 1.0 + t)
    problem = fl.discretize(model, tol=1e-2)
    run = fl.evolve(problem, START, 0.1)
    neurons = fl.simulate_particles(model, neurons=10, t_end=0.1, start=START, seed=1)
    for result in (problem, run, run.final, neurons):
        with pytest.raises(pickle.PicklingError, match=r"its model = NoisyLIF\(.* not lambdas"):
            pickle.dumps(result)
    with pytest.raises(pickle.PicklingError, match="A run cannot go to another process: its start = <function"):
        pickle.dumps(fl.evolve(fl.discretize(MODEL, tol=1e-2), lambda v: np.exp(-(v**2)), 0.1))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_of_processes_return_runs(method):
    problem = fl.discretize(MODEL, tol=1e-2)
    expected = fl.evolve(problem, START, 0.5, progress=False)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        runs = [pool.submit(fl.evolve, problem, START, 0.5, progress=False) for _ in range(2)]
        for run in (future.result() for future in runs):
            assert np.array_equal(run.final.y, expected.final.y)
            assert np.array_equal(run.times, expected.times)


def test_runs_in_several_threads_at_once_are_those_of_one():
    problem = fl.discretize(MODEL, tol=1e-3)
    starts = [fl.Gaussian(-0.2 * k, 0.2) for k in range(6)]
    alone = [fl.evolve(problem, start, 1.0, progress=False) for start in starts]
    shared = fl.discretize(MODEL, tol=1e-3)
    with ThreadPoolExecutor(6) as pool:
        runs = pool.map(lambda start: fl.evolve(shared, start, 1.0, progress=False), starts)
        for run, expected in zip(runs, alone, strict=True):
            assert np.array_equal(run.times, expected.times)
            assert np.array_equal(run.final.y, expected.final.y)
