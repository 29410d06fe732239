"""Through synchronous spikes: sizes, rates and densities after them against the references and exact cases.

References: finite elements and a prototype that shares no code; the first row agrees with particles.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import erfc

import felif as fl

LAYER = {"boundary_layer": 0.5}
NEAR = fl.Gaussian(1.83, 0.003, **LAYER)
ROWS = {  # time, size, N a time x after the event
    "b = 0.5": (
        fl.NoisyLIF(b=0.5),
        NEAR,
        0.009224431428,
        0.52373045,
        {0.05: 0.969891435, 0.5: 0.4265551713, 2.0: 0.1647664059, 8.0: 0.134810309373},
    ),
    "b = 0.8": (
        fl.NoisyLIF(b=0.8),
        fl.Gaussian(1.7, 0.005, **LAYER),
        0.0263756927048,
        0.47087962,
        {0.05: 2.952597085, 0.5: 0.576633246, 2.0: 0.1894880666, 8.0: 0.1465956836},
    ),
    "noise": (
        fl.NoisyLIF(b=0.5, a1=0.05),
        NEAR,
        0.00247291642,
        0.84696243,
        {0.05: 1.89034799, 0.5: 0.4369557, 2.0: 0.16702397},
    ),
}


@pytest.fixture(scope="module", params=list(ROWS))
def row(request):
    model, start, *expected = ROWS[request.param]
    return model, through(model, start, max(expected[2]) + 0.1, tol=1e-7), *expected


def through(model, start, t_end, tol=1e-6, **options):
    problem = fl.discretize(model, tol=tol)
    return fl.evolve(problem, start, t_end, rtol=tol, after_blow_up=fl.Continue(**options))


class Mixture:
    """w on [1.9, 2], 1 - w on [-2, -1], both uniform."""

    breakpoints = features = (-2.0, -1.0, 1.9, 2.0)

    def __init__(self, w):
        self.w = w

    def __call__(self, v):
        return 10 * self.w * ((v >= 1.9) & (v <= 2)) + (1 - self.w) * ((v >= -2) & (v <= -1))


class TestReferences:
    def test_time_and_size(self, row):
        model, run, time, size, _ = row
        assert run.outcome.name == "finished"
        (event,) = run.events
        assert event.kind == ("diffusion" if model.a1 else "transport")
        assert event.size == pytest.approx(size, rel=1e-6)
        assert event.time == pytest.approx(time, rel=1e-6)
        assert abs(event.time - time) < event.error < 1e-4 * time

    def test_rates_after_it(self, row):
        _, run, _, _, rates = row
        after = run.events[0].time + np.array(list(rates))
        assert run.sample("N", after) == pytest.approx(list(rates.values()), rel=1e-5)

    def test_mass_is_kept(self, row):
        assert row[1].drift["mass"] < 1e-10
        assert row[1].moment_defect < 1e-5


def test_density_right_after_a_spike():
    run = through(*ROWS["b = 0.5"][:2], 0.02, tol=1e-8)
    expected = [1.8204981, 2.4557457, 0.5018121, 0.01798793, 0.1919035]
    assert run.events[0].state.n(np.array([1.1, 1.3, 1.5, 1.7, 1.9])) == pytest.approx(expected, rel=5e-6)


def test_rate_just_after_a_spike_with_growing_noise_is_finite():
    """(a0/a1) phi/(1 - phi) with the flux phi at the end of the event; the next instant is continuous."""
    run = through(*ROWS["noise"][:2], 0.02)
    event = run.events[0]
    assert event.state.N == pytest.approx(10.8909118, rel=1e-5)
    assert run.sample("N", event.time + 1e-8) == pytest.approx(10.8909118, rel=1e-2)


def test_sizes_and_rates_converge():
    for tol in (1e-4, 1e-5, 1e-6):
        run = through(fl.NoisyLIF(b=0.5), NEAR, 0.08, tol=tol)
        assert run.events[0].size == pytest.approx(0.52373045, rel=tol)
        # 7 tol measured at 1e-4
        assert run.sample("N", run.events[0].time + 0.05) == pytest.approx(0.969891435, rel=10 * tol)


@pytest.mark.parametrize("w", [0.25, 0.3, 0.6, 0.9])
def test_uniform_data_move_as_the_exact_solution(w):
    """b = 0.5, b w < 1: those in [1.9, 2] fire, nobody else comes near: size w, everybody moved up by w/2."""
    run = through(fl.NoisyLIF(b=0.5), Mixture(w), 0.01)
    event = run.events[0]
    assert event.time == 0.0
    assert event.size == pytest.approx(w, rel=1e-9)
    shift = w / 2
    inside = np.array([-1.8, -1.5, -1.2]) + shift
    assert event.state.n(inside) == pytest.approx(1 - w, rel=1e-3)  # of the continuous space to a density with jumps
    assert event.state.n(np.array([0.95 + shift])) == pytest.approx(10 * w, rel=0.02)
    assert event.state.n(np.array([0.0, 1.9])) == pytest.approx(0.0, abs=1e-3)
    assert run.drift["mass"] < 1e-10


@pytest.mark.parametrize(("w", "size"), [(0.5, 0.5), (0.68, np.inf)])
def test_uniform_data_at_stronger_coupling(w, size):
    """b = 1.5: kicks b s beyond L = 1 bring back those that were reset: b w > 1 never ends."""
    run = through(fl.NoisyLIF(b=1.5), Mixture(w), 0.01)
    assert run.events[0].size == pytest.approx(size, rel=1e-9)
    assert run.outcome.name == ("eternal_blow_up" if np.isinf(size) else "finished")


@pytest.mark.parametrize(
    ("b", "start"), [(1.5, fl.Gaussian(1.5, 0.005, **LAYER)), (3.0, fl.Gaussian(-1.0, 0.5, **LAYER))]
)
def test_eternal_blow_ups_are_named(b, start):
    run = through(fl.NoisyLIF(b=b), start, 10.0)
    assert run.outcome.name == "eternal_blow_up"
    assert "never ends" in run.outcome.message
    assert np.isinf(run.events[-1].size)
    assert run.blow_up.time == run.events[-1].time


def exact_size(b, noise, density, near):
    """Q(s) = s, Q = spikes per neuron after s kicks: passages of v_0 + b s + sqrt(2 a1) W_s to V_F, V_F + L, ..."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    distances, weights = 5 * (nodes + 1), weights * density(2.0 - 5 * (nodes + 1))
    weights /= weights.sum()

    def queue(s):
        total, spread = -s, np.sqrt(4 * noise * s)
        for k in itertools.count():  # first-passage probability of a Brownian motion with drift
            z = distances + k
            passed = erfc((z - b * s) / spread) + np.exp(b * z / noise) * erfc((z + b * s) / spread)
            total += 0.5 * weights @ passed
            if weights @ passed < 1e-12:
                return total

    return brentq(queue, 0.9 * near, 1.1 * near, rtol=1e-11)


@pytest.mark.parametrize(
    ("b", "noise", "mean", "size"), [(-1.5, 1e3, 0.0, 492.06511956), (-0.5, 30.0, 1.0, 24.4374042073)]
)
def test_a_spike_of_a_network_with_overwhelming_noise_ends(b, noise, mean, size):
    """Neurons fire hundreds of times at once and are thrown far down; b < V_F - V_R empties every queue at last."""
    expected = exact_size(b, noise, lambda v: np.exp(-2 * (v - mean) ** 2), near=size)
    assert expected == pytest.approx(size, rel=1e-9)
    run = through(fl.NoisyLIF(b=b, a1=noise), fl.Gaussian(mean, 0.25), 1e-3)
    assert run.events[0].size == pytest.approx(expected, rel=1e-6)
    assert run.outcome.name == "finished"


def test_a_spike_too_small_for_the_mesh_is_no_eternal_one():
    """n(V_F) = 5e-4 and a1 > 0: Q ~ 2 n(V_F) sqrt(a1 s/pi), a queue that is empty after 3e-8 kicks."""
    run = through(fl.NoisyLIF(b=0.5, a1=0.1), fl.Gaussian(0.0, 0.25), 0.1)
    assert run.outcome.name == "finished"
    assert [event.size for event in run.events] == [pytest.approx(0.0, abs=1e-6)]


def test_nothing_happens_where_nothing_blows_up():
    run = through(fl.NoisyLIF(b=0.8), fl.Gaussian(1.5, 0.02, **LAYER), 1.0)
    assert (run.outcome.name, run.events) == ("finished", [])
    plain = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.8)), fl.Gaussian(1.5, 0.02, **LAYER), 1.0)
    assert run.final.N == plain.final.N


def test_a_refractory_network_fires_in_synchrony_again_and_again():
    run = through(fl.RefractoryLIF(b=3.0, tau=0.1), fl.Gaussian(-1.0, 0.5), 5.5)
    times, sizes = (np.array([getattr(event, name) for event in run.events]) for name in ("time", "size"))
    assert times[0] == pytest.approx(3.78757, abs=5e-6)
    assert sizes[0] == pytest.approx(0.73173, abs=5e-6)
    assert len(times) == 5
    assert np.diff(times)[1:] == pytest.approx(0.37753, abs=2e-4)  # a cycle: the same interval again and again
    assert run.drift["total"] < 1e-10
    assert run.outcome.name == "finished"


def test_the_default_is_to_stop_and_report():
    run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5)), NEAR, 1.0)
    assert run.outcome.name == "blow_up"
    assert run.events == []


def test_max_events():
    start = fl.Gaussian(1.0, 0.01, boundary_layer=0.3)
    run = through(fl.NoisyLIF(b=0.5, a0=0.05, current=6.0), start, 0.6, tol=1e-3, max_events=2)
    assert len(run.events) == 2
    assert run.outcome.name == "blow_up"


def test_a_run_through_a_spike_is_saved_and_read_back(tmp_path):
    run = through(*ROWS["b = 0.5"][:2], 0.05)
    run.save(tmp_path / "run", snapshots=5)
    again = fl.load_run(tmp_path / "run")
    assert again.final.N == run.final.N
    assert [(e.time, e.size, e.kind, e.error) for e in again.events] == [
        (e.time, e.size, e.kind, e.error) for e in run.events
    ]
    v = np.linspace(0, 2, 50)
    assert np.array_equal(again.events[0].state.n(v), run.events[0].state.n(v))
    assert len(again.series["t"]) == again.statistics["steps"] + 1 + len(run.events)  # a row right after each spike
    assert all(np.array_equal(again.series[name], values) for name, values in run.series.items())


@pytest.mark.parametrize(("name", "value"), [("N_max", 10.0), ("N_max", np.nan), ("max_events", 0)])
def test_bad_options_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        fl.Continue(**{name: value})


@pytest.mark.parametrize(
    "model", [fl.ExcitatoryInhibitoryLIF(b_EE=3.0, b_IE=0.2, b_EI=0.5, b_II=0.2), fl.NoisyLIF(b=0.5, delay=0.1)]
)
def test_models_whose_spikes_cannot_be_followed_are_refused_first(model):
    with pytest.raises(ValueError, match="one population without delay"):
        fl.evolve(fl.discretize(model), NEAR, 1.0, after_blow_up=fl.Continue())


@pytest.mark.parametrize(("t_start", "tol", "size_error"), [(1e3, 1e-8, 1e-5), (1e4, 1e-6, 5e-5)])
def test_spikes_late_on_the_clock(t_start, tol, size_error):
    """The clock resolves 1e-13 and 2e-12: N cannot be followed far, nor the layers right after the spike."""
    run = fl.evolve(
        fl.discretize(fl.NoisyLIF(b=0.5), tol=tol),
        NEAR,
        t_start=t_start,
        t_end=t_start + 0.06,
        rtol=tol,
        after_blow_up=fl.Continue(),
    )
    assert run.outcome.name == "finished"
    assert run.events[0].time - t_start == pytest.approx(0.009224431428, abs=1e-9)
    assert run.events[0].size == pytest.approx(0.52373045, rel=size_error)
    assert run.sample("N", run.events[0].time + 0.05) == pytest.approx(0.969891435, rel=1e-4)


def test_tight_tolerances_where_rounding_ends_the_approach():
    """At rtol = 1e-9 no step succeeds beyond N = 2e5: that is the blow-up, and the steps after it are too short."""
    problem = fl.discretize(fl.RefractoryLIF(b=3.0, tau=0.1), tol=1e-6)
    run = fl.evolve(problem, fl.Gaussian(-1.0, 0.5), 3.8, rtol=1e-9, after_blow_up=fl.Continue())
    assert run.outcome.name == "finished"
    assert [event.size for event in run.events] == [pytest.approx(0.73173244, rel=1e-6)]


def test_all_neurons_may_wait_after_a_spike():
    run = through(fl.RefractoryLIF(b=3.0, tau=0.1), fl.Uniform(1.9, 2.0), 0.2)
    assert [event.size for event in run.events] == [pytest.approx(1.0, abs=1e-9)]
    assert run.events[0].state.R == 1.0
    assert run.sample("R", 0.02) == pytest.approx(np.exp(-0.2), rel=1e-4)  # nobody has fired again
    assert run.drift["total"] < 1e-10
