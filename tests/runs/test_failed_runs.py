"""What a failed run reached cannot be mistaken for a result; fixed steps start from data with a jump at V_F."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from own_models import Own

import felif as fl
from felif.problem import BlowUp

JUMP, SMOOTH = fl.Gaussian(-1.0, 0.5), fl.Gaussian(-2.0, 0.1)
FINE = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-10)


def fixed(scheme, h, start=JUMP, problem=FINE, **settings):
    return fl.evolve(problem, start, 1.0, scheme=scheme, fixed_step=h, progress=False, **settings)


SCHEMES = [(fl.BackwardEuler(), 1.0), (fl.TRBDF2(), 2.0), (fl.ESDIRK43(), 4.0)]
INHIBITED = fl.discretize(fl.NoisyLIF(b=-1.0), tol=1e-8)
ROUGH = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4)
COARSE = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-8)


@cache
def reference(problem, start):
    return fl.evolve(problem, start, 0.5, rtol=1e-10, progress=False).final.N


@pytest.mark.parametrize(("scheme", "order"), SCHEMES, ids=str)
@pytest.mark.parametrize(
    ("problem", "start"),
    [(FINE, JUMP), (COARSE, fl.Gaussian(0.0, 1.0)), (INHIBITED, fl.Gaussian(0.5, 0.5))],
    ids=["small", "large", "inhibited"],
)
def test_fixed_steps_have_the_order_of_the_scheme_behind_a_jump_at_the_threshold(scheme, order, problem, start):
    """TRBDF2 and ESDIRK43 were wrong by 36 and 16 % of N from Gaussian(0, 1), whatever the step was."""
    exact = reference(problem, start)
    how = {"scheme": scheme, "progress": False}
    runs = [fl.evolve(problem, start, 0.5, fixed_step=h, **how) for h in (0.025, 0.0125)]
    assert {run.outcome.name for run in runs} == {"finished"}
    errors = np.array([abs(run.final.N - exact) for run in runs])
    assert errors[0] < {1.0: 5e-3, 2.0: 5e-5, 4.0: 1e-8}[order]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


def test_fixed_steps_of_the_default_scheme_are_exact_behind_a_jump():
    exact = reference(COARSE, fl.Gaussian(0.0, 1.0))
    errors = [
        abs(fl.evolve(COARSE, fl.Gaussian(0.0, 1.0), 0.5, fixed_step=h, progress=False).final.N - exact)
        for h in (0.05, 0.0125)
    ]
    assert errors[0] < 2e-9  # 1e-3 before
    assert errors[1] < 1e-10


def test_the_start_of_fixed_steps_is_divided_and_the_rest_is_not(tmp_path):
    run = fl.evolve(ROUGH, JUMP, 1.0, scheme=fl.TRBDF2(), fixed_step=0.025, folder=tmp_path / "run", progress=False)
    t = run.times
    assert np.all(np.diff(t) > 0)
    later = t[t >= 0.05 - 1e-12]  # two steps are more than a 32nd of the run
    assert later == pytest.approx(0.05 + 0.025 * np.arange(39), rel=1e-12)
    assert len(t) > 60
    for made in (5, len(t) - len(later)):  # in the start and at its end
        folder = tmp_path / f"stopped {made}"
        how = {"scheme": fl.TRBDF2(), "fixed_step": 0.025, "progress": False, "folder": folder}
        fl.evolve(ROUGH, JUMP, 1.0, max_steps=made, **how)
        on = fl.resume(folder, max_steps=1000, progress=False)
        assert np.array_equal(on.times, t)
        assert on.final.N == run.final.N
    smooth = fl.evolve(ROUGH, SMOOTH, 1.0, scheme=fl.TRBDF2(), fixed_step=0.025, progress=False)
    assert smooth.times == pytest.approx(0.025 * np.arange(41), rel=1e-12)


def test_fixed_steps_from_data_that_vanish_have_the_order_of_the_scheme():
    exact = fl.evolve(FINE, SMOOTH, 1.0, rtol=1e-12, progress=False).final.N
    for scheme, order in ((fl.Rodas5P(), 3.8), (fl.ESDIRK43(), 4.1)):
        errors = np.array([abs(fixed(scheme, h, SMOOTH).final.N - exact) for h in (0.1, 0.05)])
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


# failed runs -----------------------------------------------------------------------------------------------------


def stuck(**settings):
    """A coefficient that is not finite beyond N = .12: no step leads on."""
    barrier = lambda s, m: 0.5 * s.N + 1e-9 * s.N**2 if not trap or np.real(s.N) < 0.12 else np.nan * s.N
    trap = []
    problem = fl.discretize(Own(drive=barrier), fl.interval(Own()))
    trap.append(True)
    start = fl.Gaussian(-1.0, 0.2, boundary_layer=0.5)
    return fl.evolve(problem, start, 9.0, progress=False, **settings)


def test_a_run_whose_steps_fail_says_so_first_and_has_no_final_rate():
    run = stuck()
    assert run.outcome.name == "not_finite"
    assert run.failed
    assert str(run).startswith("FAILED: not_finite: No step however small succeeds at t = ")
    assert "the coefficient of 'current' is not finite at N = 0.12" in str(run)
    assert "  final " not in str(run)
    assert "no result" in str(run)
    assert math.isnan(run.final.N)
    assert "N=nan" in repr(run.final)
    reached = float(run.times[-1])
    assert 0.0 < run.at(reached).N < 0.1201  # what was reached is there for whoever asks for that time
    for t in (reached + 1e-6, 9.0):
        with pytest.raises(ValueError, match="t = "):
            run.at(t)
        with pytest.raises(ValueError, match="t = "):
            run.sample("N", t)
        with pytest.raises(ValueError, match="t = "):
            run.sample("N", [0.1, t])


@pytest.mark.parametrize("name", ["step_underflow", "newton_failed", "not_finite", "unstable_step", "unresolved"])
def test_every_failure_is_one(name, tmp_path):
    run = fl.evolve(FINE, JUMP, 0.01, rtol=1e-3, progress=False)
    run.outcome = fl.problem.Outcome(name, "because.")
    assert run.failed
    assert math.isnan(run.final.N)
    assert str(run).startswith(f"FAILED: {name}: because.")
    run.save(tmp_path / "run", snapshots=3)
    read = fl.load_run(tmp_path / "run")
    assert read.failed
    assert math.isnan(read.final.N)


def test_finished_runs_events_and_blow_ups_are_no_failures():
    event = fl.Event("not_finite", lambda state: state.t - 0.5)  # a user may call an event so
    run = fl.evolve(FINE, SMOOTH, 1.0, rtol=1e-4, events=[event], progress=False)
    assert not run.failed
    assert run.outcome.name == "not_finite"
    assert run.final.N == run.at(run.times[-1]).N
    blow = fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-3), JUMP, 9.0, rtol=1e-3, progress=False)
    assert isinstance(blow.blow_up, BlowUp)
    assert not blow.failed
    assert blow.final.N > 1e4


def test_a_rate_that_is_infinite_at_the_start_is_so_wherever_one_looks():
    run = fl.evolve(FINE, JUMP, 0.0, progress=False)
    assert run.final.N == run.at(0.0).N == run.sample("N", 0.0) == run.series["N"][0] == math.inf
    assert fl.evolve(FINE, fl.Gaussian(-1.0, 0.5, boundary_layer=0.5), 0.0, progress=False).final.N < 1.0
