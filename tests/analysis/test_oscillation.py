"""What a series does in the end, measured on functions whose period, extrema and rates are known."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from felif.analysis.oscillation import decay_rate, last_cycle, smooth


def run_of(wave: Callable, end: float = 20.0, steps: int = 200) -> SimpleNamespace:
    """What is read of a run whose series are all this function of time."""
    return SimpleNamespace(times=np.linspace(0.0, end, steps), sample=lambda name, t: wave(np.asarray(t)))


def test_the_last_cycle_of_a_wave_has_its_period_and_extrema():
    found = last_cycle(run_of(lambda t: 2.0 + np.sin(3.0 * t)))
    assert found.period == pytest.approx(2 * np.pi / 3, rel=1e-7)  # cubic pieces of length 0.0126
    assert found.change == pytest.approx(0.0, abs=1e-7)
    assert np.sin(3.0 * found.begins) == pytest.approx(0.0, abs=1e-6)
    assert (found.lowest, found.highest) == pytest.approx((1.0, 3.0), abs=1e-8)


def test_of_a_growing_wave_the_extrema_are_those_of_the_last_period():
    found = last_cycle(run_of(lambda t: np.exp(0.05 * t) * np.sin(3.0 * t)))
    assert np.exp(0.05 * found.begins) < found.highest < np.exp(0.05 * (found.begins + found.period))


@pytest.mark.parametrize(
    "wave",
    [
        lambda t: np.cos(0.2 * t),  # less than a whole period
        lambda t: 1.0 + np.exp(-t) * np.sin(3.0 * t),  # settled in the half that is looked at
        lambda t: 1.0 + np.where(t < 16.0, np.sin(3.0 * t), np.sin(48.0)),  # over since t = 16
    ],
)
def test_where_nothing_oscillates_to_the_end_there_is_no_period(wave):
    found = last_cycle(run_of(wave))
    assert (found.begins, found.period, found.change) == (None, None, None)
    assert found.lowest <= found.highest


def test_a_run_of_a_single_long_step_is_looked_at_within_it():
    found = last_cycle(run_of(lambda t: 1.0 + 0.1 * t, steps=2))
    assert (found.lowest, found.highest) == pytest.approx((2.0, 3.0))


def test_a_series_as_a_spline_has_integrals_and_roots():
    spline = smooth(run_of(np.cos), "N", since=0.0)
    assert float(spline.integrate(0.0, np.pi / 2)) == pytest.approx(1.0, abs=1e-9)
    assert spline.solve(0.0, extrapolate=False)[0] == pytest.approx(np.pi / 2, abs=1e-8)


def test_the_slowest_of_two_rates_is_found_and_the_limit_need_not_be_known():
    found = decay_rate(run_of(lambda t: 3.0 + np.exp(-0.7 * t) - 2.0 * np.exp(-1.9 * t), end=10.0))
    assert found == pytest.approx(0.7, rel=1e-6)  # differences lose nine digits to 3.0, sixty samples give some back
