"""What a failed run reached cannot be mistaken for a result; fixed steps start from data with a jump at V_F."""

from __future__ import annotations

import math

import numpy as np
import pytest
from own_models import Own

import felif as fl
from felif.problem import BlowUp

JUMP, SMOOTH = fl.Gaussian(-1.0, 0.5), fl.Gaussian(-2.0, 0.1)
FINE = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-10)
EXACT = fl.evolve(FINE, JUMP, 1.0, rtol=1e-12, progress=False)


def fixed(scheme, h, start=JUMP, problem=FINE, **settings):
    return fl.evolve(problem, start, 1.0, scheme=scheme, fixed_step=h, progress=False, **settings)


@pytest.mark.parametrize("scheme", [fl.TRBDF2(), fl.ESDIRK43(), fl.BackwardEuler(), fl.Rodas5P()], ids=repr)
def test_fixed_steps_of_every_scheme_start_from_data_that_do_not_vanish_at_the_threshold(scheme):
    """Order 2 at most, whatever the scheme: see docs/theory.md, section 8."""
    sizes = (0.1, 0.05, 0.025, 0.0125)
    runs = [fixed(scheme, h) for h in sizes]
    assert {run.outcome.name for run in runs} == {"finished"}
    errors = np.array([abs(run.final.N - EXACT.final.N) for run in runs])
    order = 1.0 if scheme == fl.BackwardEuler() else 2.0
    assert np.log2(errors[:-1] / errors[1:]) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(
    ("scheme", "b", "order"), [(fl.Rodas5P(), 0.0, 5.6), (fl.ESDIRK43(), 0.0, 4.0), (fl.TRBDF2(), 0.0, 2.0)], ids=repr
)
def test_without_coupling_the_same_data_cost_no_order(scheme, b, order):
    """A linear equation forgets its data: L-stable schemes have their full order at t = 1."""
    alone = fl.discretize(fl.NoisyLIF(b=b), tol=1e-10)
    exact = fl.evolve(alone, JUMP, 1.0, rtol=1e-12, progress=False).final.N
    errors = np.array([abs(fixed(scheme, h, problem=alone).final.N - exact) for h in (0.1, 0.05)])
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def test_with_coupling_it_is_the_first_steps_that_cost_it():
    """From the accurate state at t = .1 of the same run, and from data that vanish at V_F, it is the usual one."""
    state = fl.evolve(FINE, JUMP, 0.1, rtol=1e-12, progress=False).final
    later = [
        fl.evolve(FINE, state, 1.0, t_start=0.1, scheme=fl.ESDIRK43(), fixed_step=0.9 / n, progress=False).final.N
        for n in (9, 18)
    ]
    errors = np.abs(np.array(later) - EXACT.final.N)
    assert np.log2(errors[0] / errors[1]) == pytest.approx(4.0, abs=0.15)
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
