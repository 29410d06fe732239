"""Certificates: their formulas by independent quadrature, and never contradicted by runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

import felif as fl
from felif.analysis.certificates import moment


def state(model, start, tol=1e-8):
    return fl.evolve(fl.discretize(model, tol=tol), start, 0.0).at(0.0)


def scaled_moment(density, mu, v_fire=2.0):
    points = {"points": [1.0, 1.5, 1.9], "limit": 200}
    mass = quad(density, -4.0, v_fire, **points)[0]
    return quad(lambda v: density(v) * np.exp(mu * (v - v_fire)), -4.0, v_fire, **points)[0] / mass


def density(v):
    return np.exp(-((v - 1.5) ** 2) / 0.02) * (1 - np.exp(-(((2 - v) / 0.3) ** 4)))


@pytest.mark.parametrize("mu", [0.5, 4.0, 40.0])
def test_moments_by_quadrature(mu):
    found = moment(state(fl.NoisyLIF(), fl.Gaussian(1.5, 0.01, boundary_layer=0.3)), mu)
    assert found == pytest.approx(scaled_moment(density, mu), rel=1e-7)


def test_margins_are_those_of_the_theorems():
    start = fl.Gaussian(1.5, 0.01, boundary_layer=0.3)
    lecture = fl.excitatory_blow_up(state(fl.NoisyLIF(b=0.4, a0=0.5), start))
    assert lecture.margin == pytest.approx(0.4 * 8 * scaled_moment(density, 8.0) - 1, rel=1e-6)  # mu = 2 max(2.5, 4)
    noise = fl.noise_blow_up(state(fl.NoisyLIF(b=-1.5, a1=1.0), start), mu=5.0)
    assert noise.margin == pytest.approx((-1.5 * 5 + 25) * scaled_moment(density, 5.0) - 1, rel=1e-6)
    best = fl.noise_blow_up(state(fl.NoisyLIF(b=-1.5, a1=1.0), start))
    assert best.margin >= noise.margin


def test_the_bound_is_that_of_the_barrier():
    start = fl.Uniform(1.2, 1.7)
    found = fl.bounded_rate(state(fl.NoisyLIF(b=-1.0, a0=0.5), start))
    assert found.applies
    assert found.value == pytest.approx(0.5 * 2.0 / 0.3, rel=0.2)  # n = 2 on (1.2, 1.7); oscillations at the jumps


@pytest.mark.parametrize(
    ("test", "model"),
    [
        (fl.excitatory_blow_up, fl.NoisyLIF(b=-1.0)),
        (fl.excitatory_blow_up, fl.NoisyLIF(b=1.0, delay=0.1)),
        (fl.excitatory_blow_up, fl.NoisyLIF(b=1.0, current=np.sin)),
        (fl.noise_blow_up, fl.NoisyLIF(b=-1.0)),
        (fl.noise_blow_up, fl.RandomThresholdLIF(b=8.0)),
        (fl.bounded_rate, fl.NoisyLIF(b=0.1)),
        (fl.bounded_rate, fl.NoisyLIF(b=-1.0, current=1.5)),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_what_a_theorem_does_not_cover_it_says(test, model):
    found = test(state(model, fl.Gaussian(0.0, 0.25, boundary_layer=0.5), tol=1e-4))
    assert not found.applies
    assert found.margin < 0
    assert found.message.startswith("Does not apply:")


def test_a_mu_that_the_proof_does_not_allow_is_refused():
    with pytest.raises(ValueError, match="mu = 1.0; allowed are numbers above 2"):
        fl.noise_blow_up(state(fl.NoisyLIF(b=1.0), fl.Gaussian(0.0, 0.25), tol=1e-4), mu=1.0)


@pytest.mark.parametrize("seed", range(12))
def test_runs_do_as_certified(seed):
    random = np.random.default_rng(seed)
    model = [fl.NoisyLIF, fl.RefractoryLIF][seed % 2](
        b=random.uniform(-2, 3), a0=random.uniform(0.5, 1.5), a1=float(random.choice([0.0, 0.5, 2.0]))
    )
    d = random.uniform(0.1, 0.8)
    recorder = fl.CertificateRecorder()
    run = fl.evolve(
        fl.discretize(model, tol=1e-5),
        fl.Gaussian(2 - d, (d / 3) ** 2, boundary_layer=d / 2),
        t_end=1.0,
        rtol=1e-5,
        observers=[recorder],
    )
    first = run.at(0.0)
    for certificate in (fl.excitatory_blow_up(first), fl.noise_blow_up(first)):
        if certificate.applies and certificate.value < 1.0:
            assert run.outcome.name == "blow_up"
            assert run.blow_up.time <= certificate.value
    bound = fl.bounded_rate(first)
    if bound.applies:
        assert run.outcome.name == "finished"
        assert np.all(run.series["N"] <= bound.value * np.exp(run.times))
    found = fl.certificates(run, run.times[1:4])
    assert found["noise_blow_up"] == pytest.approx(recorder.arrays["noise_blow_up"][:3], rel=1e-3)
    assert set(found) == {"t", "excitatory_blow_up", "noise_blow_up", "bounded_rate", "rate_bound"}


def test_every_concentrated_network_with_noise_that_grows_is_certified():
    found = fl.noise_blow_up(state(fl.NoisyLIF(b=-1.0, a1=0.2), fl.Gaussian(1.98, 1e-5, boundary_layer=0.01)))
    assert found.applies
    assert found.value > 0
