"""The compiled core against the loop that it replaces: the same steps, the same solutions, the same refusals."""

from __future__ import annotations

import ctypes
import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import own_models
import pytest
import randomised

import felif as fl
from felif.algebra import compiled
from felif.evolution import bursts, schemes, step_control, tuning

pytestmark = pytest.mark.skipif(compiled.built() is None, reason="felif was installed without its compiled core")


@pytest.fixture
def by_both(monkeypatch):
    """(run of the core, run of the loop)."""

    def run(problem, start, **how):
        runs = []
        for core in ("compiled", "python"):
            monkeypatch.setenv("FELIF_CORE", core)
            runs.append(fl.evolve(problem, start, progress=False, **how))
        monkeypatch.delenv("FELIF_CORE")
        return runs

    return run


def sine(size, frequency):
    return lambda t: size * math.sin(frequency * t)


def drawn(rng):
    """(a random problem of one of the models, data), with or without inputs in time, delays, refractory states."""
    b, a0, a1 = rng.uniform(-2, 1.2), 10 ** rng.uniform(-1, 0.3), float(rng.choice([0.0, rng.uniform(0, 0.2)]))
    jump, wave = fl.Piecewise((0.3, 0.5), (0.0, rng.uniform(-1, 1), 0.2)), sine(rng.uniform(0, 1), rng.uniform(1, 6))
    times = np.linspace(0, 1, 60)
    recorded = fl.Sampled(times, rng.normal(0, 0.5, 60), "cubic", tol=0.1)
    own = {"b": b, "a0": a0, "a1": a1, "current": [0.0, rng.uniform(-1, 1), wave, jump, recorded][rng.integers(5)]}
    couplings = dict(zip(("b_EE", "b_IE", "b_EI", "b_II"), rng.uniform(0, 0.8, 4), strict=True))
    pair = {**couplings, "a0": a0, "current_E": own["current"], "current_I": rng.uniform(-1, 1)}
    start = fl.Gaussian(rng.uniform(-1, 0.5), rng.uniform(0.05, 0.4), boundary_layer=0.3)
    exponential = {"drift": fl.Exponential(delta=0.2, v_soft=1.5), "v_reset": 0.0, "v_fire": math.inf}
    rest = {"tau": float(rng.choice([0.0, 0.3])), "tau_m": rng.uniform(0.5, 2, 2)}
    pools = {"coupling": rng.uniform(-0.6, 0.5, (2, 2)), "a0": a0, "a1": rng.uniform(0, 0.1, (2, 2)), **rest}
    cell = {"L": rng.uniform(0.5, 2), "mass": rng.uniform(0.4, 1.5)}
    kinds = [
        lambda: fl.NoisyLIF(**own),
        lambda: fl.NoisyLIF(**own, drift=fl.Quadratic()),
        lambda: fl.NoisyLIF(**own, **exponential),
        lambda: fl.NoisyLIF(**own, delay=rng.uniform(0.1, 0.4)),
        lambda: fl.NoisyLIF(**own, delay=0.2, noise_delay=rng.uniform(0.1, 0.4)),
        lambda: fl.NoisyLIF(**own, dead_time=rng.uniform(0.1, 0.4)),
        lambda: fl.RefractoryLIF(**own, tau=rng.uniform(0.05, 1)),
        lambda: fl.RandomThresholdLIF(**own, eps=rng.uniform(0.05, 0.5), tau=rng.uniform(0.1, 1)),
        lambda: fl.ExcitatoryInhibitoryLIF(**pair, tau=float(rng.choice([0.0, 0.3]))),
        lambda: fl.ExcitatoryInhibitoryLIF(**pair, delay=rng.uniform(0.1, 0.4)),
        lambda: fl.Populations(**pools),
        lambda: fl.CellPolarisation(rng.choice(["trace", "integrated", "exchange"]).item(), **cell),
    ]
    model = kinds[rng.integers(len(kinds))]()
    return model, (lambda z: np.exp(-(z**2))) if isinstance(model, fl.CellPolarisation) else start


@pytest.mark.parametrize("seed", randomised.seeds(24))
def test_core_and_loop_agree_on_random_problems_to_a_thousandth_of_the_tolerance(seed, by_both):
    rng = np.random.default_rng(seed)
    (model, start), tol = drawn(rng), 10 ** rng.uniform(-6, -3)
    core, loop = by_both(fl.discretize(model, tol=tol), start, t_end=0.8, rtol=tol)
    assert core.problem.condensed is not None
    assert core.outcome.name == loop.outcome.name, model
    end = 0.9 * min(core.times[-1], loop.times[-1])  # N of a blow-up is as uncertain as its time
    for name in core.problem.scalar_names:
        one, other = (run.sample(name, np.linspace(0.01, end, 40)) for run in (core, loop))
        assert np.abs(one - other).max() < 1e-3 * tol * (np.abs(other).max() + 1e-2), (model, name)
    assert max(core.drift.values()) < 1e-13
    if loop.blow_up is not None:
        assert abs(core.blow_up.time - loop.blow_up.time) < 1e-3 * loop.blow_up.error


def test_results_of_the_core_are_the_same_to_the_bit_in_every_run():
    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=sine(0.5, 3.0)), tol=1e-5)
    one, other = (fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=1.0) for _ in range(2))
    assert np.array_equal(one.final.y, other.final.y)


def solved(problem, y, shift, rates):
    """((shift M - A)^-1 y by the core, whether a pivot was small) with A at these rates, without its low rank."""
    core, found = compiled.built(), problem.condensed
    system, c = ctypes.byref(found.system), found.arrays["weights"] @ np.array([1.0, *rates])
    work, x = np.zeros(core.felif_work(system) + 8), np.empty_like(y)
    at = compiled.pointer
    small = core.felif_solve(system, at(c), shift, at(y), at(x), 1, at(work))
    return x, bool(small)


@pytest.mark.parametrize("degree", [3, 5, 6, 8, 12])
@pytest.mark.parametrize("shift", [1e-1, 1e2, 1e6])
@pytest.mark.parametrize("populations", [1, 2])
def test_condensed_solutions_are_those_of_dense_elimination(degree, shift, populations):
    model = fl.NoisyLIF(b=0.5) if populations == 1 else fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.3, b_EI=0.2)
    problem = fl.discretize(model, tol=1e-5, space=fl.SpectralElement(degree))
    y = np.random.default_rng(0).standard_normal(problem.size)
    x, small = solved(problem, y, shift, [0.3] * populations)
    band = problem.operator.jacobian_band(problem.equations.at(problem.point(0.3)))
    matrix = shift * problem.mass.dense() - band.dense()
    assert not small
    rounding = 1e-15 * np.abs(matrix).max() * np.abs(x).max()  # measured: 2.4e-16 of these sizes
    assert np.abs(matrix @ x - y).max() < rounding


def test_small_pivots_are_said():
    """At an eigenvalue of a cell's inner nodes, where elimination without pivoting breaks down."""
    problem = fl.discretize(fl.NoisyLIF(), tol=1e-4, space=fl.SpectralElement(3))
    band = problem.operator.jacobian_band(problem.equations.at(problem.point(0.0))).dense()
    inner = problem.cell_nodes[4, 1:-1]
    mass = problem.mass.data[0][inner]
    first = band[inner[0], inner[0]] / mass[0]
    assert solved(problem, np.ones(problem.size), first * (1 + 1e-12), [0.0])[1]
    assert not solved(problem, np.ones(problem.size), 1.0, [0.0])[1]


@pytest.mark.parametrize(
    ("model", "how"),
    [
        (fl.NoisyLIF(b=0.5), {"space": fl.ExponentialFitting()}),  # coefficients are not those of sums of matrices
        (fl.NoisyLIF(b=0.5), {"space": fl.Lagrange(3)}),  # the mass matrix is no diagonal
        (
            own_models.Own(drive=lambda s, m: s.I + m.b * s.N / (1 + s.N)),
            {"tol": 1e-4},
        ),  # a coefficient that is not affine
    ],
    ids=["exponential fitting", "consistent mass", "saturating coefficient"],
)
def test_what_the_core_does_not_take_is_integrated_by_the_loop(model, how, by_both):
    problem = fl.discretize(model, **how) if "tol" in how else fl.discretize(model, fl.interval(model, cells=20), **how)
    assert problem.condensed is None
    core, loop = by_both(problem, fl.Gaussian(-1.0, 0.3), t_end=0.2, rtol=1e-5)
    assert np.array_equal(core.final.y, loop.final.y)


def test_a_function_that_fails_within_a_burst_reaches_the_user():
    def current(t):
        if t > 0.5:
            raise KeyError("no such time")
        return 0.0

    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=current), tol=1e-4)
    with pytest.raises(KeyError, match="no such time"):
        fl.evolve(problem, fl.Gaussian(-1.0, 0.3), t_end=1.0, rtol=1e-4)


def test_events_end_a_run_of_the_core_where_they_end_that_of_the_loop(by_both):
    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=sine(1.0, 3.0)), tol=1e-6)
    loud = fl.Event("loud", lambda state: state.N - 0.12, direction=1)
    core, loop = by_both(problem, fl.Gaussian(-1.0, 0.3), t_end=3.0, rtol=1e-6, events=[loud])
    assert core.outcome.name == loop.outcome.name == "loud"
    assert abs(core.times[-1] - loop.times[-1]) < 1e-9
    assert abs(core.final.N - 0.12) < 1e-12


def test_fixed_steps_are_made_by_the_core_too(by_both):
    problem = fl.discretize(fl.RefractoryLIF(b=0.5, tau=0.2), tol=1e-6)
    core, loop = by_both(problem, fl.Gaussian(-1.0, 0.3, boundary_layer=0.2), t_end=1.0, fixed_step=0.05)
    assert np.array_equal(core.times, loop.times)
    assert np.abs(core.series["N"] - loop.series["N"]).max() < 1e-12


def test_the_core_is_given_the_numbers_of_the_control_in_the_order_of_its_own_structure():
    header = (Path(compiled.__file__).parent / "core" / "core.h").read_text()
    own = header.partition("typedef struct {\n    double floor")[2].partition("} Control")[0]
    names = [field.name for field in dataclasses.fields(tuning.Control)]
    assert ["floor", *re.findall(r"\w+", own)] == [name for name, _ in compiled.Control._fields_] == names


@pytest.mark.parametrize(
    ("numbers", "more"),
    [
        ({"safety": 0.5}, True),
        ({"largest": 1.5, "upward": 0.0}, True),
        ({"count": 1e-5, "floor": 1e-4}, True),
        ({"first": 1e-6, "first_of_span": 1e-7, "after_first": 2.0}, True),
        ({"rising": 1e-1, "count": 1e-1}, False),
    ],
)
def test_numbers_of_the_control_mean_the_same_in_core_and_loop(numbers, more, by_both, tune):
    problem = fl.discretize(fl.NoisyLIF(b=0.5, current=sine(2.0, 3.0)), tol=1e-4)
    plain, _ = by_both(problem, fl.Gaussian(-1.0, 0.3), t_end=1.0, rtol=1e-4)
    tune(step_control, "CONTROL", **numbers)
    tune(bursts, "CONTROL", **numbers)
    core, loop = by_both(problem, fl.Gaussian(-1.0, 0.3), t_end=1.0, rtol=1e-4)
    assert len(core.times) == len(loop.times)
    assert np.allclose(core.times, loop.times, rtol=1e-6)
    assert len(core.times) > len(plain.times) if more else len(core.times) < len(plain.times)


def test_a_tableau_whose_error_is_not_its_last_stage_is_left_to_the_loop(by_both, monkeypatch):
    """The core reads the error off the last stage: with 1000 times the estimate it took as many steps as without."""
    problem, tableau = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4), schemes.RODAS5P_COEFFICIENTS
    plain, _ = by_both(problem, fl.Gaussian(-1.0, 0.3), t_end=1.0, rtol=1e-4)
    monkeypatch.setattr(schemes, "RODAS5P_COEFFICIENTS", dataclasses.replace(tableau, e=1000 * tableau.e))
    core, loop = by_both(problem, fl.Gaussian(-1.0, 0.3), t_end=1.0, rtol=1e-4)
    assert len(core.times) == len(loop.times) > 2 * len(plain.times)


def test_the_environment_chooses_the_core(monkeypatch):
    monkeypatch.setenv("FELIF_CORE", "fortran")
    with pytest.raises(ValueError, match="FELIF_CORE = 'fortran'; allowed are python and compiled"):
        compiled.library()
    monkeypatch.setenv("FELIF_CORE", "python")
    assert compiled.library() is None
    assert compiled.describe() == "python"


def test_the_version_says_which_core_runs(monkeypatch):
    from felif.study.cli import _version

    monkeypatch.delenv("FELIF_CORE", raising=False)
    assert _version().startswith(f"{fl.__version__}, core: compiled")
    monkeypatch.setenv("FELIF_CORE", "python")
    assert _version() == f"{fl.__version__}, core: python"


@pytest.mark.parametrize("core", ["compiled", "python"])
def test_a_run_is_resumed_with_the_core_that_wrote_it(core, tmp_path, monkeypatch):
    problem, start = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4), fl.Gaussian(0.0, 0.25)
    how = {"t_end": 1.0, "rtol": 1e-4, "progress": False}
    monkeypatch.setenv("FELIF_CORE", core)
    whole = fl.evolve(problem, start, **how)
    fl.evolve(problem, start, folder=tmp_path / "run", max_steps=9, snapshots=2, **how)
    monkeypatch.delenv("FELIF_CORE")
    resumed = fl.resume(tmp_path / "run", max_steps=1000, progress=False)
    assert resumed.settings.core == core
    assert np.array_equal(resumed.series["N"], whole.series["N"])


def test_a_run_of_the_core_that_goes_on_without_it_says_so(tmp_path, monkeypatch):
    problem, start = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4), fl.Gaussian(0.0, 0.25)
    monkeypatch.delenv("FELIF_CORE", raising=False)
    fl.evolve(problem, start, t_end=1.0, rtol=1e-4, folder=tmp_path / "run", max_steps=9, snapshots=2, progress=False)
    monkeypatch.setenv("FELIF_CORE", "python")
    with pytest.warns(UserWarning, match="was written by the compiled core, which does not run here"):
        assert fl.resume(tmp_path / "run", max_steps=1000, progress=False).outcome.name == "finished"
