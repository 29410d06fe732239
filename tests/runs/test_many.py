"""A model at many parameters: the common mesh gives what `evolve` gives, and what it cannot serve goes to `evolve`."""

from __future__ import annotations

import dataclasses
import importlib
import math

import numpy as np
import pytest

import felif as fl
from felif.algebra import compiled

many_runs = importlib.import_module("felif.runs.many")
START, TIMES = fl.Gaussian(0.0, 0.25), [0.0, 0.3, 0.8]
needs_core = pytest.mark.skipif(compiled.library() is None, reason="the core was not built, or is not to be used")


def by_evolve(model, values, tol):
    """The run of one point."""
    network = dataclasses.replace(model, **values)
    return fl.evolve(fl.discretize(network, tol=tol), START, t_end=TIMES[-1], rtol=tol, progress=False)


def points(many):
    for index in np.ndindex(many.outcome.shape):
        yield index, {name: float(v[i]) for (name, v), i in zip(many.parameters.items(), index, strict=True)}


@needs_core
@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (fl.NoisyLIF(), {"b": [-2.0, 0.9], "a0": [0.5, 2.0]}),
        (fl.NoisyLIF(b=0.2, a0=0.01), {"current": [2.2, 3.0]}),  # neurons that the drift carries to V_F
        (fl.RefractoryLIF(b=0.5), {"tau": [0.1, 1.0], "b": [-1.0, 1.0]}),
        (fl.RandomThresholdLIF(b=1.0), {"eps": [0.05, 0.2]}),
        (fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0), {"b_EE": [0.0, 0.8]}),
    ],
)
def test_every_point_is_within_the_tolerance_of_a_run_that_is_a_thousand_times_more_accurate(model, parameters):
    tol = 1e-5
    many = fl.evolve_many(model, parameters, START, TIMES, tol=tol)
    assert not many.alone.any()
    for index, values in points(many):
        run = by_evolve(model, values, 1e-8)
        for name, series in many.series.items():
            exact = run.sample(name, TIMES[1:])
            assert series[index][1:] == pytest.approx(exact, rel=tol, abs=1e-2 * tol)  # 0.3 tol at most, measured


@needs_core
def test_blow_ups_and_impossible_starts_are_those_of_evolve():
    many = fl.evolve_many(fl.NoisyLIF(), {"b": [0.5, 5.0], "a1": [0.0, 0.2]}, START, [0.0, 1.0], tol=1e-6)
    assert many.alone.tolist() == [[False, True], [True, True]]  # noise that grows with N, data that are not 0 at V_F
    for index, values in points(many):
        network = fl.NoisyLIF(**values)
        run = fl.evolve(fl.discretize(network, tol=1e-6), START, t_end=1.0, rtol=1e-6, progress=False)
        assert many.outcome[index] == run.outcome.name
        if run.blow_up is not None:
            assert (many.blow_up_time[index], many.blow_up_error[index]) == (run.blow_up.time, run.blow_up.error)
        else:
            assert math.isnan(many.blow_up_time[index])
    assert math.isnan(many.N[1, 0, -1])  # N ceased to exist
    assert many.N[0, 0, 0] == math.inf


@needs_core
def test_many_blow_ups_are_found_together(tune):
    tune(many_runs, "MANY", worthwhile=2)
    start, grid = fl.Gaussian(1.2, 0.05), {"b": [0.5, 2.9, 3.5]}
    many = fl.evolve_many(fl.NoisyLIF(), grid, start, [0.02, 1.0], tol=1e-4)
    assert not many.alone.any()
    for index, values in points(many):
        run = fl.evolve(fl.discretize(fl.NoisyLIF(**values), tol=1e-7), start, t_end=1.0, rtol=1e-7, progress=False)
        assert many.outcome[index] == run.outcome.name
        assert many.N[index][0] == pytest.approx(run.sample("N", 0.02), rel=1e-4)
        if run.blow_up is None:
            assert math.isnan(many.blow_up_time[index])
            continue
        assert math.isnan(many.N[index][1])
        error = abs(many.blow_up_time[index] - run.blow_up.time)
        assert error <= many.blow_up_error[index] + run.blow_up.error
        assert many.blow_up_error[index] < 1e-4


@needs_core
def test_results_do_not_depend_on_the_number_of_threads():
    grid = {"b": np.linspace(-1, 0.8, 7), "a0": [0.7, 1.0]}
    one, four = (fl.evolve_many(fl.NoisyLIF(), grid, START, TIMES, tol=1e-4, workers=n) for n in (1, 4))
    assert one.N.tobytes() == four.N.tobytes()


@pytest.mark.parametrize("parameters", [{"v_fire": [2.0, 2.2]}, {"delay": [0.1, 0.2]}])
def test_what_shapes_the_mesh_or_comes_late_is_left_to_evolve(parameters):
    many = fl.evolve_many(fl.NoisyLIF(b=0.3), parameters, START, TIMES, tol=1e-4)
    assert many.alone.all()
    for index, values in points(many):
        assert many.N[index][1:].tolist() == by_evolve(fl.NoisyLIF(b=0.3), values, 1e-4).sample("N", TIMES[1:]).tolist()


def test_without_the_core_evolve_runs_all_points(monkeypatch):
    grid = {"b": [0.0, 0.5]}
    with_core = fl.evolve_many(fl.NoisyLIF(), grid, START, TIMES, tol=1e-4)
    monkeypatch.setenv("FELIF_CORE", "python")
    without = fl.evolve_many(fl.NoisyLIF(), grid, START, TIMES, tol=1e-4)
    assert without.alone.all()
    assert without.N[:, 1:] == pytest.approx(with_core.N[:, 1:], rel=2e-4)


@dataclasses.dataclass(frozen=True)
class OneNumberAtATime(fl.NoisyLIF):
    """A user's model with a coefficient that takes one number, and no array."""

    def equations(self):
        own = super().equations()
        terms = [dataclasses.replace(term, coefficient=one_number(term.coefficient)) for term in own.terms]
        return dataclasses.replace(own, terms=tuple(terms))


@dataclasses.dataclass(frozen=True)
class Holding(fl.NoisyLIF):
    """A user's model whose coefficients hold the model itself and do not read m."""

    gain: float = 1.0

    def equations(self):
        own = super().equations()
        terms = [
            dataclasses.replace(term, coefficient=lambda s, m, c=term.coefficient: self.gain * c(s, m))
            if term.name == "noise"
            else term
            for term in own.terms
        ]
        return dataclasses.replace(own, terms=tuple(terms))


def test_coefficients_that_hold_the_model_are_those_of_every_point():
    grid, tol = {"gain": [1.0, 2.0]}, 1e-5
    exact = [by_evolve(Holding(), {"gain": gain}, 1e-8).sample("N", TIMES[1:]) for gain in grid["gain"]]
    many = fl.evolve_many(Holding(), grid, START, TIMES, tol=tol)
    assert many.N[:, 1:] == pytest.approx(np.array(exact), rel=tol)
    moved = fl.discretize(Holding(), tol=tol).at(gain=2.0)
    run = fl.evolve(moved, START, t_end=TIMES[-1], rtol=tol, progress=False)
    assert run.sample("N", TIMES[1:]) == pytest.approx(exact[1], rel=tol)
    states = fl.steady_states(fl.discretize(Holding(gain=2.0), tol=1e-9))
    assert fl.rate_map(Holding(), grid).N[1, 0] == pytest.approx(states[0].N, rel=1e-8)


def one_number(coefficient):
    if coefficient is None:
        return None
    return lambda s, m: coefficient(s, m) * math.exp(0.0 * m.b)


@needs_core
def test_coefficients_that_take_no_arrays_are_asked_point_by_point():
    grid = {"b": [0.0, 0.5]}
    many = fl.evolve_many(OneNumberAtATime(), grid, START, TIMES, tol=1e-4)
    assert not many.alone.any()
    assert many.N.tolist() == fl.evolve_many(fl.NoisyLIF(), grid, START, TIMES, tol=1e-4).N.tolist()


def test_times_are_counted_from_the_start():
    late = fl.evolve_many(fl.NoisyLIF(), {"b": [0.5]}, START, [1.3, 1.8], t_start=1.0, tol=1e-5)
    assert late.N.shape == (1, 2)
    early = fl.evolve_many(fl.NoisyLIF(), {"b": [0.5]}, START, TIMES, tol=1e-5)
    assert late.N[0] == pytest.approx(early.N[0, 1:], rel=1e-5)


def test_values_may_stand_side_by_side():
    many = fl.evolve_many(fl.NoisyLIF(), {"b": [0.0, 0.5], "a0": [1.0, 2.0]}, START, TIMES, tol=1e-4, paired=True)
    assert many.N.shape == (2, 3)
    grid = fl.evolve_many(fl.NoisyLIF(), {"b": [0.0, 0.5], "a0": [1.0, 2.0]}, START, TIMES, tol=1e-4)
    assert many.N[:, 1:] == pytest.approx(np.array([grid.N[0, 0, 1:], grid.N[1, 1, 1:]]), rel=1e-4)


@pytest.mark.parametrize(
    ("parameters", "times", "message"),
    [
        ({"bb": [1.0]}, TIMES, "no parameter 'bb'"),
        ({"b": [1.0]}, [1.0, 0.5], "times = .1.0, 0.5.; allowed are increasing numbers from t_start = 0 on"),
        ({}, TIMES, "parameters"),
        ({"a0": [1.0, -1.0]}, TIMES, "a0 = -1.0"),
        ({"a0": [1.0, -1.0, 1.0]}, TIMES, "a0 = -1.0"),
    ],
)
def test_bad_input_is_refused_by_name(parameters, times, message):
    with pytest.raises(ValueError, match=message):
        fl.evolve_many(fl.NoisyLIF(), parameters, START, times, tol=1e-4)


@pytest.mark.parametrize("count", [40, pytest.param(90, marks=needs_core)])  # one by one, and on common meshes
def test_rates_shortly_before_a_blow_up_are_as_exact_as_asked(count):
    """N = c/sqrt(T - t) has e/(2 (T - t)) of an error e of T: what steps of tol leave is 5 tol and more there."""
    rng, tol, times = np.random.default_rng(4), 1e-5, np.array([0.5, 1.0, 1.5, 2.0])
    b, a0, start = rng.uniform(2.0, 2.7, count), rng.uniform(1.1, 1.6, count), fl.Gaussian(0.0, 0.25)
    many = fl.evolve_many(fl.NoisyLIF(), {"b": b, "a0": a0}, start, [0.0, *times], tol=tol, paired=True)
    T = many.blow_up_time
    last = np.array([times[times < end][-1] if end > times[0] else np.nan for end in T])
    near = np.flatnonzero(T - last < 0.15)[:6]
    assert len(near) >= 5
    assert many.alone[near].all() == (count == 40)
    for k in near:
        run = fl.evolve(fl.discretize(fl.NoisyLIF(b=b[k], a0=a0[k]), tol=tol / 100), start, last[k], rtol=tol / 100)
        N = run.sample("N", last[k])
        assert many.N[k, 1 + int(np.searchsorted(times, last[k]))] == pytest.approx(N, rel=tol)
