"""The Stefan problem of a run: reference values, and heat potentials that know nothing of meshes."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl

START = fl.Gaussian(-0.5, 0.5, boundary_layer=0.7)


def run(model, tol, t_end=1.0, start=START):
    return fl.evolve(fl.discretize(model, tol=tol), start, t_end, rtol=tol)


@pytest.mark.parametrize(
    ("model", "N", "s"),
    [
        (fl.NoisyLIF(), 0.094673564230, 2 * np.e),
        (fl.NoisyLIF(b=1.5), 0.113589475653, 5.24466444),
        (fl.NoisyLIF(b=-2.0, current=0.5), 0.141009923655, None),
    ],
)
def test_reference_values(model, N, s):
    moved = fl.stefan(run(model, 1e-8))
    assert moved.M[-1] * np.exp(2) == pytest.approx(N, abs=1e-9)
    assert moved.s_1[-1] == pytest.approx(moved.s[-1] - np.e)
    if s is not None:
        assert moved.s[-1] == pytest.approx(s, abs=5e-9)


@pytest.mark.parametrize(
    "model",
    [
        fl.NoisyLIF(b=1.5),
        fl.NoisyLIF(b=-2.0, a0=0.3, current=0.5, v_reset=0.5),
        fl.NoisyLIF(b=0.3, a1=0.5, current=lambda t: 0.3 * np.sin(t)),
    ],
    ids=["excitatory", "inhibitory", "noise that grows, current"],
)
def test_the_residual_falls_with_the_tolerance(model):
    residuals = [fl.stefan(run(model, tol)).residual() for tol in (1e-4, 1e-6, 1e-8)]
    assert all(residual < 30 * tol for residual, tol in zip(residuals, (1e-4, 1e-6, 1e-8), strict=True))


def test_the_residual_sees_a_wrong_rate():
    wrong = run(fl.NoisyLIF(b=1.5), 1e-6)
    moved = fl.stefan(wrong)
    sample = wrong.sample
    wrong.sample = lambda name, t: 1.01 * sample(name, t)
    assert moved.residual() > 50 * 2.7e-6  # of the right one


def test_earlier_times_and_data_that_do_not_vanish():
    moved = fl.stefan(run(fl.NoisyLIF(b=1.5), 1e-8, start=fl.Gaussian(0.0, 0.25)))
    assert moved.residual(float(moved.t[len(moved.t) // 2])) < 1e-6
    assert moved.u(np.array([moved.s[-1], moved.s[-1] + 1.0])) == pytest.approx([0.0, 0.0], abs=1e-12)
    tau, s = moved.boundary()
    assert np.interp(moved.tau[1:-1], tau, s) == pytest.approx(moved.s[1:-1], rel=1e-3)


def test_up_to_a_blow_up():
    moved = fl.stefan(run(fl.NoisyLIF(b=1.5), 1e-6, start=fl.Gaussian(1.5, 0.005, boundary_layer=0.5)))
    assert moved.run.outcome.name == "blow_up"
    assert moved.residual() < 1e-5


@pytest.mark.parametrize(
    "model", [fl.RefractoryLIF(b=0.5), fl.NoisyLIF(b=0.5, delay=0.1), fl.NoisyLIF(drift=fl.Leaky(conductance=2.0))]
)
def test_other_models_are_refused(model):
    with pytest.raises(ValueError, match="stefan"):
        fl.stefan(run(model, 1e-3, t_end=0.1))


def test_other_times_are_refused():
    moved = fl.stefan(run(fl.NoisyLIF(), 1e-3))
    with pytest.raises(ValueError, match="accepted times"):
        moved.residual(0.123456)
