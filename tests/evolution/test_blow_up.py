"""Blow-up is an outcome with a time and an error, and nothing else is taken for it."""

import numpy as np
import pytest
from toys import Explosion, Toy, full

from felif.evolution import ESDIRK43, TRBDF2, BackwardEuler, Rodas5P, integrate
from felif.evolution.blow_up import BlowUpWatch
from felif.problem import Infeasible

SCHEMES = [Rodas5P(), ESDIRK43(), TRBDF2()]
names = lambda scheme: type(scheme).__name__


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
@pytest.mark.parametrize("rtol", [1e-4, 1e-6])
def test_the_blow_up_time_lies_within_its_error(scheme, rtol):
    run = integrate(Explosion(), [1.0], 0, 1, scheme=scheme, rtol=rtol)
    assert run.outcome.name == "blow_up"
    assert run.blow_up.N > 1e5
    # 20: at rtol = 1e-4 steps are two thirds of what remains, where no estimate of an error is asymptotic.
    assert abs(run.blow_up.time - 0.5) < (20 if rtol > 1e-5 else 5) * run.blow_up.error
    assert run.blow_up.error < 1e3 * rtol


def test_blow_up_where_no_rate_exists_any_more_is_found_from_the_law():
    run = integrate(Explosion(feasible_below=300.0), [1.0], 0, 1, rtol=1e-8)
    assert run.outcome.name == "blow_up"
    assert run.t < 0.5 - 5e-6  # it stops at N = 300, where 1/(2 N^2) = 5.6e-6 remain
    assert run.blow_up.time == pytest.approx(0.5, abs=2e-6)
    assert run.blow_up.error >= abs(run.blow_up.time - 0.5)


@pytest.mark.parametrize("scheme", [ESDIRK43(), BackwardEuler()], ids=names)
def test_blow_up_ends_fixed_steps_too(scheme):
    run = integrate(Explosion(feasible_below=300.0), [1.0], 0, 1, scheme=scheme, fixed_step=1e-3)
    assert run.outcome.name in ("blow_up", "newton_failed")
    assert 0.4 < run.t < 0.6


def test_a_start_without_a_rate_is_blow_up_at_once():
    run = integrate(Explosion(feasible_below=300.0), [400.0], 2, 3)
    assert run.outcome.name == "blow_up"
    assert run.blow_up.time == 2
    assert "start" in run.outcome.message


class Burst(Toy):
    """y' = -y^3 with N = y: an enormous rate that falls, like that of incompatible data."""

    size, scalar_names = 1, ("N",)

    def rate(self, t, y):
        return -(y**3)

    def jacobian(self, t, y):
        return full(-3 * y[0] ** 2)

    def scalars(self, t, y):
        return y.copy()

    def scalar_gradient(self, t, y):
        return np.ones((1, 1))


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_a_rate_beyond_the_bound_that_falls_is_no_blow_up(scheme):
    run = integrate(Burst(), [1e7], 0, 1, scheme=scheme, rtol=1e-4)
    assert run.outcome.name == "finished"
    assert run.segments[-1].states[-1, 0] == pytest.approx(1 / np.sqrt(2), rel=1e-3)


class Narrow(Toy):
    """y = 1 + amplitude exp(-((t-1)/width)^2), N = y, margin = 1/y: a spike that comes close to infinity and goes."""

    size, scalar_names = 1, ("N",)
    amplitude, width = 1e4, 1e-2

    def rate(self, t, y):
        x = (t - 1) / self.width
        return np.array([-2 * x / self.width * self.amplitude * np.exp(-x * x)])

    def jacobian(self, t, y):
        return full(0.0)

    def time_derivative(self, t, y, step):
        return (self.rate(t + step, y) - self.rate(t, y)) / step

    def scalars(self, t, y):
        if y[0] <= 0:
            raise Infeasible("negative")
        return y.copy()

    def scalar_gradient(self, t, y):
        return np.ones((1, 1))

    def margin(self, t, y):
        return 1 / y[0]


@pytest.mark.parametrize("scheme", SCHEMES, ids=names)
def test_a_large_rate_that_recovers_is_no_blow_up(scheme):
    run = integrate(Narrow(), [1.0], 0, 2, scheme=scheme, rtol=1e-7, max_step=0.01)
    assert run.outcome.name == "finished"
    assert run.series["y0"].max() == pytest.approx(1e4, rel=0.05)


def test_a_rate_that_fell_before_it_ended_has_a_bar_all_the_same():
    """N = (T - t)^(-1/2) but for a dent: what is left at N is a third of the time in which it doubled."""
    watch = BlowUpWatch(1e5)
    for t in np.linspace(0.0, 0.999, 1000):
        watch.record(t, (1.0 - t) ** -0.5, 1e-3, 1e-6)
    t = 0.9991
    watch.record(t, watch.rates[-1] * 0.9, 1e-3, 1e-6)
    found = watch.estimate(t, watch.rates[-1], "No step leads on.")
    assert found.time == t
    assert 1.0 - t < found.error < 6 * (1.0 - t)
    restored = BlowUpWatch(1e5)
    restored.restore(watch.to_arrays())
    assert restored.estimate(t, watch.rates[-1], "No step leads on.") == found


def test_rates_of_nobody_and_what_a_new_mesh_reads_otherwise_do_not_hide_the_law():
    """N = (T - t)^(-1/2), after N = -1e-10, and 1e-4 less in the first step on a new mesh, as measured of networks."""
    watch = BlowUpWatch(1e5)
    watch.record(-1.0, -1e-10, 1e-3, 1e-6)
    for k, left in enumerate(np.geomspace(1.0, 1e-11, 400)):
        watch.on_new_mesh = k % 100 == 99
        watch.record(1.0 - left, 0.9999 * watch.rates[-1] if watch.on_new_mesh else left**-0.5, 1e-3, 1e-6)
    assert watch.beyond
    assert watch.lawful
    watch.record(1.0, 0.9999 * watch.rates[-1], 1e-3, 1e-6)  # a fall on the same mesh is one
    assert not watch.rising
