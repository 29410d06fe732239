"""Step control, breakpoints, events, restarts, meshes that change, and runs that cannot go on."""

import numpy as np
import pytest
from toys import Diffusion, Oscillator, Smooth, Switched, Toy, full

from felif.evolution import (
    ESDIRK43,
    TRBDF2,
    BackwardEuler,
    Checkpoint,
    Event,
    Rodas5P,
    integrate,
)

SCHEMES = [Rodas5P(), ESDIRK43(), TRBDF2(), BackwardEuler()]
names = lambda scheme: type(scheme).__name__


# -- breakpoints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_steps_land_on_breakpoints_and_never_look_across(scheme):
    def current(t):
        assert t not in (0.0, 0.3, 0.7), "the value at a jump is nobody's business"
        return 1.0 if 0.3 < t < 0.7 else 0.0

    problem = Switched(current)
    run = integrate(problem, [0.0], 0, 1, scheme=scheme, breakpoints=[0.7, 0.0, 0.3], rtol=1e-4)
    assert {0.3, 0.7} <= set(run.series["t"])
    charged = lambda t: 1 - np.exp(-t)
    exact = lambda t: charged(min(max(t - 0.3, 0), 0.4)) * np.exp(-max(t - 0.7, 0))
    for t in np.linspace(0, 1, 41):
        assert run.evaluate(t)[1][0] == pytest.approx(exact(t), abs=1e-2 if scheme == BackwardEuler() else 1e-3)


def test_a_jump_costs_no_accuracy():
    # Without the breakpoint the step control finds the jump by rejections; with it, the error is that of smooth parts.
    problem = Switched(lambda t: 1.0 if t >= 1 / 3 else 0.0)
    run = integrate(problem, [0.0], 0, 1, breakpoints=[1 / 3], rtol=1e-8)
    assert run.segments[-1].states[-1, 0] == pytest.approx(1 - np.exp(-2 / 3), abs=1e-8)
    assert run.statistics["rejected"] <= 2


@pytest.mark.parametrize("jump", [0.0, 3.0])
def test_steps_behind_a_breakpoint_begin_anew_where_inputs_jump_and_smaller_where_they_do_not(jump):
    problem = Switched(lambda t: 1.0 + abs(t - 0.5) + jump * (t > 0.5))
    how = {"breakpoints": [0.5], "first_step": 1e-3, "rtol": 1e-6}
    whole, part = (integrate(problem, [0.5], 0, end, **how) for end in (1.0, 0.5))
    k = part.series["t"].size
    behind = whole.series["t"][k] - 0.5
    if jump:  # 0.01 of the time in which y changes by itself
        y = part.segments[-1].states[-1, 0]
        assert behind == pytest.approx(0.01 * y / (4.0 - y), rel=1e-6)
    else:
        assert behind == pytest.approx(float(part.checkpoint.memory["h"]) / 64, rel=1e-12)
    rest = integrate(problem, None, 0, 1.0, checkpoint=part.checkpoint, **how)
    assert rest.series["t"].tolist() == [0.5, *whole.series["t"][k:]]


def test_time_derivatives_are_taken_inside_the_step():
    problem = Switched(lambda t: np.cos(t))
    integrate(problem, [0.0], 0, 1, breakpoints=[0.5])
    assert 0.5 not in problem.seen
    assert max(problem.seen) <= 1.0


# -- events ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES[:2], ids=names)
def test_events_are_located_on_the_dense_output_in_order(scheme):
    position = Event("position", lambda state: state.y[0], terminal=False)
    rising = Event("rising", lambda state: state.y[0], direction=1, terminal=False)
    slow = Event("slow", lambda state: state.y[1], terminal=False)
    run = integrate(Oscillator(), [1.0, 0.0], 0, 7, events=[position, rising, slow], scheme=scheme, rtol=1e-9)
    found = [(event.name, event.time) for event in run.events]
    expected = [("position", 0.5), ("slow", 1.0), ("position", 1.5), ("rising", 1.5), ("slow", 2.0)]
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert [t / np.pi for _, t in found] == pytest.approx([t for _, t in expected], abs=1e-7)
    assert run.events[0].state.y[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_a_terminal_event_ends_the_run_there_and_names_the_outcome(scheme):
    event = Event("half", lambda state: state.y[0] - 0.5, direction=-1)
    run = integrate(Oscillator(), [1.0, 0.0], 0, 7, events=[event], scheme=scheme, rtol=1e-4)
    assert run.outcome.name == "half"
    assert run.t == run.events[-1].time == run.series["t"][-1]
    assert run.t == pytest.approx(np.pi / 3, abs=2e-2 if scheme == BackwardEuler() else 2e-3)
    assert run.segments[-1].states[-1][0] == pytest.approx(0.5, abs=1e-12)


def test_the_shortened_last_step_has_the_same_dense_output():
    whole = integrate(Oscillator(), [1.0, 0.0], 0, 7, rtol=1e-4)
    event = Event("half", lambda state: state.y[0] - 0.5)
    run = integrate(Oscillator(), [1.0, 0.0], 0, 7, events=[event], rtol=1e-4)
    for t in np.linspace(0, run.t, 57):
        assert run.evaluate(t)[1] == pytest.approx(whole.evaluate(t)[1], abs=1e-14)


def test_an_event_that_begins_at_zero_has_not_happened():
    run = integrate(Oscillator(), [0.0, 1.0], 0, 1, events=[Event("position", lambda state: state.y[0])])
    assert run.outcome.name == "finished"


# -- restart -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_a_restart_gives_the_same_bits(scheme, tmp_path):
    problem, settings = Diffusion(size=40), {"scheme": scheme, "rtol": 1e-3, "breakpoints": [0.02]}
    stored = []

    def store(trajectory):
        np.savez(tmp_path / f"{len(stored)}.npz", **trajectory.checkpoint.to_arrays())
        stored.append(trajectory.t)

    whole = integrate(problem, problem.start(), 0, 0.1, observers=[store], **settings)
    for k in {0, len(stored) // 2, stored.index(0.02), len(stored) - 3}:
        with np.load(tmp_path / f"{k}.npz") as arrays:
            checkpoint = Checkpoint.from_arrays(arrays)
        rest = integrate(problem, None, 0, 0.1, checkpoint=checkpoint, **settings)
        assert rest.statistics == whole.statistics
        for name, values in whole.series.items():
            assert np.array_equal(rest.series[name][1:], values[k + 2 :]), (name, k)


def test_a_restart_within_the_shortest_steps_gives_the_same_bits():
    """At t = 9e9 the clock tells no times apart within the first layer: steps of 64 ulps are accepted as they are."""
    problem, t, stored = Diffusion(size=40), 9e9, []
    start = np.zeros(40)
    start[20:22] = 1.0, -1.0
    observers = [lambda trajectory: stored.append(trajectory.checkpoint)]
    whole = integrate(problem, start, t, t + 0.1, rtol=1e-3, observers=observers)
    for k in range(4):
        rest = integrate(problem, None, t, t + 0.1, rtol=1e-3, checkpoint=stored[k])
        assert rest.series["t"].tolist() == whole.series["t"][k + 1 :].tolist()
        assert np.array_equal(rest.segments[-1].states[-1], whole.segments[-1].states[-1])


def test_observers_do_not_change_the_numbers():
    problem = Diffusion()
    seen = []
    plain = integrate(problem, problem.start(), 0, 0.1)
    watched = integrate(problem, problem.start(), 0, 0.1, observers=[lambda run: seen.append(run.last["N"])])
    assert np.array_equal(plain.series["N"], watched.series["N"])
    assert seen == watched.series["N"][1:].tolist()


# -- meshes that change ------------------------------------------------------------------------------------------------


class Growing(Toy):
    """y_i' = -y_i on a `mesh` of `size` equal unknowns that asks for twice as many once y < 0.5."""

    conserved = {}

    def __init__(self, size):
        self.size = size

    def rate(self, t, y):
        return -y

    def jacobian(self, t, y):
        return full(-np.eye(self.size))

    def adapted(self, t, y):
        return (Growing(4), np.repeat(y, 2), "finer") if self.size == 2 and y[0] < 0.5 else None


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_a_problem_may_change_its_mesh_after_a_step(scheme):
    run = integrate(Growing(2), [1.0, 1.0], 0, 2, scheme=scheme, rtol=1e-5)
    first, second = run.segments
    assert run.statistics["remeshes"] == 1
    assert (first.states.shape[1], second.states.shape[1]) == (2, 4)
    assert first.times[-1] == second.times[0]
    assert len(run.series["t"]) == len(first.times) + len(second.times) - 1
    assert second.times[1] - second.times[0] > 0.5 * (first.times[-1] - first.times[-2])  # the step size goes on
    for t in (0.1, 1.0, 2.0):
        problem, y = run.evaluate(t)
        assert y == pytest.approx(np.full(problem.size, np.exp(-t)), abs=2e-3)


# -- ends --------------------------------------------------------------------------------------------------------------


def test_no_time_to_integrate_gives_one_point():
    run = integrate(Smooth(), [1.0, 0.0], 3, 3)
    assert (run.outcome.name, run.series["t"].tolist(), run.statistics["steps"]) == ("finished", [3.0], 0)
    assert run.evaluate(3)[1].tolist() == [1.0, 0.0]


def test_the_number_of_steps_can_be_limited_and_the_rest_made_later():
    problem = Smooth()
    part = integrate(problem, problem.exact(0), 0, 2, max_steps=3)
    assert (part.outcome.name, part.statistics["steps"]) == ("max_steps", 3)
    rest = integrate(problem, None, 0, 2, checkpoint=part.checkpoint)
    assert rest.outcome.name == "finished"
    whole = integrate(problem, problem.exact(0), 0, 2)
    assert np.array_equal(rest.segments[-1].states[-1], whole.segments[-1].states[-1])


class Broken(Oscillator):
    """The oscillator until `until`; then its rate is what `value` says."""

    def __init__(self, until, value):
        self.until, self.value = until, value

    def rate(self, t, y):
        return super().rate(t, y) if t < self.until else self.value(y)


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_not_a_number_is_an_outcome_with_a_reason(scheme):
    run = integrate(Broken(1.0, lambda y: y * np.nan), [1.0, 0.0], 0, 2, scheme=scheme, rtol=1e-3)
    assert run.outcome.name == "not_finite"
    assert run.t == pytest.approx(1.0, abs=1e-9)
    assert "t = 1" in run.outcome.message or "t = 0.99999" in run.outcome.message
    assert run.blow_up is None


def test_a_start_that_is_not_finite_is_an_outcome():
    assert integrate(Oscillator(), [1.0, np.nan], 0, 1).outcome.name == "not_finite"


def test_a_tolerance_that_no_step_meets_is_an_outcome():
    noise = np.random.default_rng(1)
    run = integrate(Broken(1.0, lambda y: 1e30 * noise.standard_normal(2)), [1.0, 0.0], 0, 2)
    assert run.outcome.name == "step_underflow"
    assert "tolerance" in run.outcome.message
    assert run.blow_up is None


def test_a_fixed_step_that_fails_ends_the_run_with_the_reason():
    run = integrate(Broken(1.0, lambda y: y * np.nan), [1.0, 0.0], 0, 2, fixed_step=0.3)
    assert (run.outcome.name, run.t) == ("not_finite", pytest.approx(0.9))


def test_the_largest_step_is_respected():
    run = integrate(Smooth(), [1.0, 0.0], 0, 2, max_step=0.05, first_step=0.01)
    assert run.series["dt"].max() <= 0.05 * (1 + 1e-12)
    assert run.series["dt"][1] == pytest.approx(0.01)


def test_keyboard_interrupts_pass_through():
    def interrupt(trajectory):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        integrate(Smooth(), [1.0, 0.0], 0, 2, observers=[interrupt])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"scheme": "Rodas5P"}, "scheme"),
        ({"rtol": 0.0}, "rtol"),
        ({"rtol": float("nan")}, "rtol"),
        ({"fixed_step": -1.0}, "fixed_step"),
        ({"max_step": 0.0}, "max_step"),
        ({"max_steps": -1}, "max_steps"),
        ({"breakpoints": [float("inf")]}, "breakpoints"),
        ({"atol": -1.0}, "atol"),
    ],
)
def test_bad_settings_are_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        integrate(Smooth(), [1.0, 0.0], 0, 2, **wrong)


def test_a_state_of_the_wrong_size_and_a_time_before_the_start_are_named():
    with pytest.raises(ValueError, match="2 unknowns"):
        integrate(Smooth(), [1.0], 0, 2)
    with pytest.raises(ValueError, match="t_end"):
        integrate(Smooth(), [1.0, 0.0], 0, -1)
    run = integrate(Smooth(), [1.0, 0.0], 0, 1)
    for t in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="outside"):
            run.evaluate(t)
