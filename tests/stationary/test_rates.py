"""Steady rates at many parameters are those of `steady_states` and of closed forms, all of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import felif as fl
from felif.analysis import exact
from felif.solvers import steady_state
from felif.stationary.rates_at_rest import RestingNeurons


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (fl.NoisyLIF(), {"b": [-2.0, 0.0, 1.5, 3.0], "a0": [0.3, 1.0]}),
        (fl.NoisyLIF(a1=0.1), {"b": [-1.0, 1.0, 2.5]}),
        (fl.RefractoryLIF(), {"tau": [0.1, 0.5], "b": [0.5, 3.0]}),
        (fl.NoisyLIF(b=-30.0), {"delay": [0.1, 1.0]}),  # by discretisation: what shapes a delay is no coefficient
        (fl.RandomThresholdLIF(b=1.0), {"eps": [0.1, 0.2]}),  # likewise: no flux
    ],
)
def test_rates_and_stability_are_those_of_steady_states(model, parameters):
    found = fl.rate_map(model, parameters)
    for index in np.ndindex(found.count.shape):
        values = {name: float(v[i]) for (name, v), i in zip(found.parameters.items(), index, strict=True)}
        states = fl.steady_states(fl.discretize(dataclasses.replace(model, **values), tol=1e-9))
        assert found.count[index] == len(states)
        for k, state in enumerate(states):
            bar = 1e-6 * state.N if np.isnan(found.slope[index][k]) else state.error + 1e-10 * state.N
            assert found.N[index][k] == pytest.approx(state.N, rel=0, abs=bar)
            assert bool(found.stable[index][k]) == state.stable
            assert not (found.slope[index][k] > 1 and state.stable)
        assert np.isnan(found.N[index][len(states) :]).all()


def test_rates_are_those_of_the_closed_form_up_to_a_fold_and_beyond():
    b = np.linspace(2.0, 2.4, 81)
    found = fl.rate_map(fl.NoisyLIF(), {"b": b}, stability=False)
    assert found.complete.all()
    assert found.stable is None
    for k in range(0, len(b), 10):
        expected = np.exp(exact.log_steady_rates(fl.NoisyLIF(b=float(b[k]))))
        assert found.count[k] == len(expected)
        assert found.N[k, : len(expected)] == pytest.approx(expected, rel=1e-10)
    assert set(found.count.tolist()) == {0, 2}
    two = found.count == 2
    assert (found.slope[two, 0] < 1).all()
    assert (found.slope[two, 1] > 1).all()


def test_rates_that_no_number_holds_are_counted_as_zero():
    found = fl.rate_map(fl.NoisyLIF(b=0.3), {"a0": [1e-3, 1e-2]})
    assert found.count.tolist() == [1, 1]
    assert found.N[0, 0] == fl.steady_states(fl.discretize(fl.NoisyLIF(b=0.3, a0=1e-3)))[0].N == 0.0
    expected = np.exp(exact.log_steady_rates(fl.NoisyLIF(b=0.3, a0=1e-2)))
    assert found.N[1] == pytest.approx(expected, rel=1e-10)


def test_points_side_by_side_and_any_number_of_threads():
    side = fl.rate_map(fl.NoisyLIF(), {"b": [0.0, 1.0], "a0": [1.0, 2.0]}, paired=True, workers=1)
    one, three = (fl.rate_map(fl.NoisyLIF(), {"b": [0.0, 1.0], "a0": [1.0, 2.0]}, workers=n) for n in (1, 3))
    assert one.N.tobytes() == three.N.tobytes()
    assert side.N[:, 0] == pytest.approx([one.N[0, 0, 0], one.N[1, 1, 0]], rel=1e-13)


def test_few_boxes_are_looked_at_where_out_follows_N(monkeypatch):
    """At b = V_F - V_R out/N tends to 1, and boxes were cut to a ten-thousandth: 15,000 of them, now 2,700."""
    looked, slopes = [], RestingNeurons._slopes
    monkeypatch.setattr(RestingNeurons, "_slopes", lambda own, p, *box: looked.append(len(p)) or slopes(own, p, *box))
    found = fl.rate_map(fl.NoisyLIF(), {"b": np.linspace(0.99, 1.01, 11)}, stability=False)
    assert sum(looked) < 4000
    assert found.complete.all()
    assert found.N[5, 0] == pytest.approx(np.exp(exact.log_steady_rates(fl.NoisyLIF(b=1.0))[0]), rel=1e-10)


def test_a_point_whose_modes_cannot_be_counted_costs_no_map(monkeypatch):
    def uncounted(problem, y, count):
        raise fl.NotConverged("modes could not be counted")

    monkeypatch.setattr(steady_state, "leading", uncounted)
    found = fl.rate_map(fl.NoisyLIF(b=-3.0), {"delay": [0.1, 0.5]})
    assert np.isnan(found.stable).all()
    assert found.N == pytest.approx(fl.rate_map(fl.NoisyLIF(b=-3.0), {"delay": [0.1, 0.5]}, stability=False).N)
    states = fl.steady_states(fl.discretize(fl.NoisyLIF()))
    assert "of unknown stability" in repr(states)
    assert steady_state.stability_of(states[0])[0] is None


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match="no parameter 'bb'"):
        fl.rate_map(fl.NoisyLIF(), {"bb": [1.0]})
    with pytest.raises(ValueError, match="a firing rate N"):
        fl.rate_map(fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0), {"b_EE": [0.1]})
