"""N(t), steady states and blow-up times against closed forms, certified digits and a method of another kind.

Certified digits: two computations that share no code agree on them (two discretisations, or one and a closed form)
unless a comment says otherwise.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from independent import FiringRate
from randomised import cases

import felif as fl
from felif.analysis import exact
from felif.analysis.exact_time import ThresholdAtRest, central_second_moment

TIGHT = {"t_end": 5.0, "rtol": 1e-8}

# a = 1, V_R = 1, V_F = 2, I = 0; the plain Gaussian (mean, variance), cut at V_F; N at t = 0.1, 0.5, 1, 2, 5
TABLE = [
    (0.0, 0.0, 0.25, [0.030226449, 0.111243074, 0.125383979, 0.123001444, 0.120070227]),
    (0.5, 0.0, 0.25, [0.030380475, 0.116563117, 0.135953971, 0.136899892, 0.134864833]),
    (1.5, 0.0, 0.25, [0.030693867, 0.129229035, 0.165539453, 0.183395601, 0.191650851]),
    (-1.5, 0.0, 0.25, [0.029774681, 0.098171583, 0.102777637, 0.096410342, 0.093177841]),
    (2.0, 0.0, 0.25, [0.030853299, 0.136870662, 0.187478848, 0.229589067, 0.275782146]),
    (0.5, -1.0, 0.5, [0.003235751, 0.031716621, 0.070847556, 0.112621620, 0.133958043]),
]


@pytest.mark.parametrize(("b", "mean", "variance", "expected"), TABLE)
def test_firing_rate_in_time_has_the_certified_digits(b, mean, variance, expected):
    run = fl.evolve(fl.discretize(fl.NoisyLIF(b=b), tol=1e-8), fl.Gaussian(mean, variance), **TIGHT)
    # 5.5e-10: half a unit of the last digit printed, and a tenth of that for felif
    assert run.sample("N", [0.1, 0.5, 1, 2, 5]) == pytest.approx(expected, rel=1e-7, abs=5.5e-10)


OTHER = {
    "other V_R, V_F, a0": (fl.NoisyLIF(b=0.4, a0=0.5, v_reset=-1.0, v_fire=0.5), fl.Gaussian(-0.5, 0.3)),
    "small noise": (fl.NoisyLIF(b=0.3, a0=0.1, v_reset=0.0, v_fire=1.0, current=0.8), fl.Gaussian(0.0, 0.1)),
    "smooth current": (fl.NoisyLIF(b=0.5, current=lambda t: 0.5 + 0.8 * np.sin(2 * t)), fl.Gaussian(0.0, 0.25)),
    "jumping current": (
        fl.NoisyLIF(b=0.5, current=fl.Piecewise((0.3, 0.8), (0.0, 1.5, -1.0))),
        fl.Gaussian(0.0, 0.25),
    ),
    "strong inhibition": (fl.NoisyLIF(b=-5.0, current=3.0), fl.Gaussian(0.0, 0.25)),
    "noise that grows": (fl.NoisyLIF(b=-0.5, a1=0.3), fl.Gaussian(0.0, 0.25, boundary_layer=0.5)),
    "excitation and noise": (
        fl.NoisyLIF(b=0.5, a0=0.8, a1=0.5, current=0.3),
        fl.Gaussian(0.0, 0.25, boundary_layer=0.5),
    ),
    "refractory": (fl.RefractoryLIF(b=1.2, tau=0.3), fl.Gaussian(0.0, 0.25)),
}


@pytest.mark.parametrize(("model", "start"), OTHER.values(), ids=OTHER)
def test_firing_rate_in_time_agrees_with_heat_potentials(model, start):
    times = np.array([0.1, 0.25, 0.5, 1.0, 1.2])

    def density(v):
        vanishing = -np.expm1(-(((model.v_fire - v) / start.boundary_layer) ** 4)) if start.boundary_layer else 1.0
        return np.exp(-((v - start.mean) ** 2) / (2 * start.variance)) * vanishing

    reference = FiringRate(
        density,
        times[-1],
        b=model.b,
        a0=model.a0,
        a1=model.a1,
        v_reset=model.v_reset,
        v_fire=model.v_fire,
        tau=getattr(model, "tau", 0.0),
        current=np.vectorize(model.current) if callable(model.current) else model.current,
        breakpoints=getattr(model.current, "times", ()),
        feature=min(np.sqrt(start.variance) / 2, start.boundary_layer / 5 or np.inf),
        tolerance=1e-9 if model.a1 else 1e-11,  # slow where the kernel depends on N
    )
    run = fl.evolve(fl.discretize(model, tol=1e-8), start, t_end=times[-1], rtol=1e-8)
    # measured: at most 4e-8 with the jumping current, 1.3e-8 without
    assert run.sample("N", times) == pytest.approx(reference(times), rel=1e-7)


@pytest.mark.parametrize(("a", "variance"), [(1.0, 0.25), (0.3, 0.02)])
def test_firing_rate_with_the_threshold_at_rest_is_the_renewal_of_first_passages(a, variance):
    reference = ThresholdAtRest(mean=1.0, variance=variance, a=a, v_reset=1.0, v_fire=2.0, t_end=2.0)
    problem = fl.discretize(fl.NoisyLIF(a0=a, current=2.0), tol=1e-8)
    run = fl.evolve(problem, fl.Gaussian(1.0, variance), t_end=2.0, rtol=1e-8)
    times = np.array([0.1, 0.3, 1.0, 2.0])
    assert run.sample("N", times) == pytest.approx(reference(times), rel=1e-7)


def test_incompatible_data_start_with_the_square_root_law():
    """N sqrt(t) -> n0(V_F) sqrt(a/pi) for b = 0: Duhamel's formula on the half line."""
    reference = ThresholdAtRest(mean=1.8, variance=0.25, a=1.0, v_reset=1.0, v_fire=2.0, t_end=0.1)
    run = fl.evolve(
        fl.discretize(fl.NoisyLIF(current=2.0), tol=1e-8), lambda v: np.exp(-2 * (v - 1.8) ** 2), t_end=0.1, rtol=1e-8
    )
    assert run.series["N"][0] == np.inf
    times = np.array([1e-3, 1e-2, 0.1])
    # before t = 0.1 a run follows how many neurons have fired rather than N itself: 1e-3 of the first, sharper and
    # sharper later
    assert run.sample("N", times) == pytest.approx(reference(times), rel=1e-4)
    mass = np.sqrt(2 * np.pi * 0.25) * 0.65542174161  # of the Gaussian below V_F: Phi(0.4)
    law = np.exp(-(0.2**2) / 0.5) / mass / np.sqrt(np.pi)
    assert run.sample("N", 1e-3) * np.sqrt(1e-3) == pytest.approx(law, rel=0.05)  # the next term is O(sqrt t)


def _steady(model):
    """N after 30 membrane times from near the reset: every mode has decayed by e^-30 or so."""
    problem = fl.discretize(model, tol=1e-8)
    run = fl.evolve(problem, fl.Gaussian(model.v_reset - 1, 0.1, boundary_layer=0.3), t_end=30.0, rtol=1e-8)
    assert run.outcome.name == "finished"
    return run


@cases(8)
@given(
    b=st.integers(-40, 8).map(lambda tenths: tenths / 10),
    a0=st.floats(0.3, 2),
    v_reset=st.floats(-2, 1),
    width=st.floats(0.6, 2),
    push=st.floats(-1.5, 1.0),
)
def test_networks_settle_at_the_steady_rate_of_the_closed_form(b, a0, v_reset, width, push):
    v_fire = v_reset + width
    model = fl.NoisyLIF(b=b * width, a0=a0 * width**2, v_reset=v_reset, v_fire=v_fire, current=v_fire + push * width)
    rates = exact.steady_rates(model)
    assert _steady(model).final.N == pytest.approx(rates[0], rel=1e-7)


@pytest.mark.parametrize(
    "model",
    [
        fl.NoisyLIF(b=-10.0),
        fl.NoisyLIF(b=-0.5, a0=0.5, a1=0.3),
        fl.NoisyLIF(b=0.3, a1=0.5, current=0.4),
        fl.RefractoryLIF(b=1.2, tau=0.3),
        fl.RefractoryLIF(b=-2.0, tau=0.1, a0=0.5, current=2.0),
        fl.RandomThresholdLIF(b=2.0),
        fl.RandomThresholdLIF(b=-1.0, eps=0.2, tau=0.5, a0=0.5, current=2.0),
    ],
    ids=repr,
)
def test_other_networks_settle_at_the_steady_rate_of_the_closed_form(model):
    assert _steady(model).final.N == pytest.approx(exact.firing_rate(model), rel=1e-7)  # measured: at most 1e-8


@pytest.mark.parametrize(
    ("a0", "expected"), [(0.5, 0.019027129815149547), (1, 0.11997596523910497), (2, 0.3572112658973697)]
)
def test_a_single_neuron_settles_at_the_certified_rate(a0, expected):
    # 40-digit quadrature of the closed form and finite elements
    assert _steady(fl.NoisyLIF(a0=a0)).final.N == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("a0", [0.3, 1.0])
def test_variance_about_the_middle_decays_as_if_there_were_no_threshold(a0):
    """b = 0, I = (V_R + V_F)/2: a reset does not change (v - I)^2."""
    problem = fl.discretize(fl.NoisyLIF(a0=a0, current=1.5), tol=1e-8)
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.2, boundary_layer=0.5), t_end=2.0, rtol=1e-9)

    def variance(t):
        n = run.at(t).n
        return float(n.weights @ (n.values * (n.nodes - 1.5) ** 2))  # Gauss-Lobatto weights: exact for n v^2

    for t in (0.2, 1.0, 2.0):
        expected = central_second_moment(t, variance(0.0), a0)
        assert variance(t) == pytest.approx(float(expected), rel=5e-8)  # 1.3e-8 measured: the tail cut off at V_min


BLOW_UPS = {
    # 1 - exp(-((V_F - v)/0.5)^4) times a Gaussian
    "b = 3": (fl.NoisyLIF(b=3.0), fl.Gaussian(-1.0, 0.5, boundary_layer=0.5), 3.41805743),
    "b = 1.5": (fl.NoisyLIF(b=1.5), fl.Gaussian(1.5, 0.005, boundary_layer=0.5), 0.0475514383),
    "b = 0.5": (fl.NoisyLIF(b=0.5), fl.Gaussian(1.83, 0.003, boundary_layer=0.5), 0.00922443143),
    "noise": (fl.NoisyLIF(b=0.5, a1=0.05), fl.Gaussian(1.83, 0.003, boundary_layer=0.5), 0.00247291642),
    "inhibition and noise": (fl.NoisyLIF(b=-1.5, a1=1.0), fl.Gaussian(1.5, 0.005, boundary_layer=0.05), 0.00986114546),
    # plain Gaussians, by one method
    "b = 3, incompatible": (fl.NoisyLIF(b=3.0), fl.Gaussian(-1.0, 0.5), 3.41737422),
    "b = 1.5, incompatible": (fl.NoisyLIF(b=1.5), fl.Gaussian(1.5, 0.005), 0.040184777),
    "refractory": (fl.RefractoryLIF(b=3.0, tau=0.1), fl.Gaussian(-1.0, 0.5), 3.78757),
}


@pytest.mark.parametrize(("model", "start", "expected"), BLOW_UPS.values(), ids=BLOW_UPS)
def test_blow_up_time_lies_within_its_error_and_a_millionth(model, start, expected):
    run = fl.evolve(fl.discretize(model), start, t_end=10.0)
    assert run.outcome.name == "blow_up"
    assert abs(run.blow_up.time - expected) < min(run.blow_up.error, 1e-6)
    assert run.blow_up.error < 1e-4  # an error bar that says something
    assert run.final.N > 1e5


def test_blow_up_times_converge_with_the_tolerance():
    model, start, expected = BLOW_UPS["b = 1.5"]
    tight = fl.evolve(fl.discretize(model, tol=1e-8), start, t_end=1.0, rtol=1e-8)
    assert tight.blow_up.time == pytest.approx(expected, abs=1e-10)  # to the digits given; 2e-11 measured
    assert tight.blow_up.error < 1e-7


def test_networks_that_do_not_blow_up_are_not_taken_to():
    """a1 = 0.4: max a1 |n_v(V_F)| = 0.728 < 1 all along, by finite elements."""
    start = fl.Gaussian(1.5, 0.005, boundary_layer=0.05)
    run = fl.evolve(fl.discretize(fl.NoisyLIF(b=-1.5, a1=0.4)), start, t_end=0.1)
    assert run.outcome.name == "finished"
    margins = [
        segment.problem.margin(t, y)
        for segment in run.segments
        for t, y in zip(segment.times, segment.states, strict=True)
    ]
    assert min(margins) == pytest.approx(1 - 0.727935, abs=2e-4)  # the largest value between the steps
