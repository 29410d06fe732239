"""Fluctuations of finite networks against renewal theory in closed form and against simulated neurons."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

import felif as fl


def interval(lam, drive):
    """E e^(-lam T) from V_R = 1 to V_F = 2, a = 1: e^((x_R^2 - x_F^2)/4) D_(-lam)(-x_R)/D_(-lam)(-x_F)."""
    psi = lambda x: mp.e ** (x * x / 4) * mp.pcfd(-lam, -x)
    return complex(psi(mp.mpf(1 - drive)) / psi(mp.mpf(2 - drive)))


def spectrum_of(model, omega, neurons, tol=1e-7):
    problem = fl.discretize(model, tol=tol)
    state = fl.steady_states(problem)[0]
    return fl.power_spectrum(problem, state, omega, neurons)


OMEGA = np.array([0.01, 0.3, 1.0, 3.0, 10.0, 50.0])


@pytest.mark.parametrize(
    ("model", "rest"),
    [
        (fl.NoisyLIF(current=0.5), lambda lam: 1.0),
        (fl.RefractoryLIF(current=0.5, tau=0.3), lambda lam: 1 / (1 + 0.3 * lam)),
        (fl.NoisyLIF(current=0.5, dead_time=0.4), lambda lam: np.exp(-0.4 * lam)),
    ],
    ids=["leaky", "refractory", "dead time"],
)
def test_neurons_without_coupling_are_renewal_processes(model, rest):
    """r (1 - |f|^2)/|1 - f|^2 by parabolic cylinder functions (Stratonovich 1967)."""
    found = spectrum_of(model, OMEGA, 1000)
    f = np.array([interval(1j * omega, 0.5) * rest(1j * omega) for omega in OMEGA.tolist()])
    exact = found.state.N * (1 - np.abs(f) ** 2) / np.abs(1 - f) ** 2
    assert found.values == pytest.approx(exact / 1000, rel=1e-7)
    assert found.single[:, 0] == pytest.approx(exact, rel=1e-7)


def test_both_languages_give_the_same_spectrum_and_cross_spectra_are_hermitian():
    pair = fl.ExcitatoryInhibitoryLIF(0.8, 1.5, 0.6, 0.5, current_E=0.5, current_I=0.3, delay=0.1)
    one = spectrum_of(pair, OMEGA, [100, 400])
    other = spectrum_of(
        fl.Populations(coupling=[[0.8, -1.5], [0.6, -0.5]], current=[0.5, 0.3], delay=0.1), OMEGA, [100, 400]
    )
    assert one.values == pytest.approx(other.values, rel=1e-6)
    assert one.values == pytest.approx(np.conj(np.swapaxes(one.values, 1, 2)), rel=1e-12)
    assert (np.linalg.eigvalsh(one.values) > 0).all()


@pytest.mark.parametrize("b", [-3.0, 0.8])
def test_simulated_networks_fluctuate_as_computed(b):
    """Periodograms of 30 networks of 300 neurons under a Hann window; 3 % for 1/n and the steps of the particles."""
    n, networks, length, dt = 300, 30, 40.0, 0.02
    model = fl.NoisyLIF(b=b, current=2.0 if b < 0 else 0.0, delay=0.3)
    problem = fl.discretize(model, tol=1e-6)
    state = fl.steady_states(problem)[0]
    run = fl.simulate_particles(
        model,
        neurons=n,
        networks=networks,
        t_end=length,
        start=state,
        history=state.N,
        dt=5e-3,
        seed=5,
        bins=int(length / dt),
        progress=False,
    )
    rates = run.batches["N"][:, int(8.0 / dt) :] - state.N
    window = np.hanning(rates.shape[1])
    omega = 2 * np.pi * np.fft.rfftfreq(rates.shape[1], dt)
    seen = (np.abs(np.fft.rfft(rates * window, axis=1)) ** 2).mean(axis=0) * dt / (window**2).sum()
    for low, high in ((1.0, 3.0), (3.0, 6.0), (6.0, 8.0), (8.0, 12.0), (12.0, 20.0)):
        inside = (omega >= low) & (omega < high)
        computed = fl.power_spectrum(problem, state, omega[inside], n).values.mean()
        error = np.sqrt(2 / (inside.sum() * networks))  # neighbours are correlated by the window
        assert abs(seen[inside].mean() / computed - 1) < 3 * error + 0.03


@pytest.mark.parametrize(
    ("model", "how", "message"),
    [
        (fl.NoisyLIF(b=0.5), {"omega": 0.0}, "allowed are positive numbers"),
        (fl.NoisyLIF(b=0.5), {"neurons": 1.5}, "positive whole number"),
        (fl.NoisyLIF(b=-60.0, delay=1.0), {}, "unstable"),
        (fl.RandomThresholdLIF(b=1.0), {}, "sharp, finite threshold"),
    ],
)
def test_what_has_no_such_spectrum_is_refused(model, how, message):
    problem = fl.discretize(model, tol=1e-4)
    with pytest.raises(ValueError, match=message):
        fl.power_spectrum(problem, fl.steady_states(problem)[0], **({"omega": 1.0, "neurons": 10} | how))


def test_populations_that_rest_and_live_in_times_of_their_own_fluctuate_as_single_ones():
    """S(omega) = S_1(omega tau_m) / tau_m with one population in units of its membrane time."""
    ones = [fl.NoisyLIF(b=-0.8, current=1.5, dead_time=0.3), fl.NoisyLIF(b=0.4, a0=0.7, v_reset=0.5, v_fire=1.8)]
    speeds = [2.0, 0.7]
    network = fl.Populations(
        coupling=np.diag([one.b * speed for one, speed in zip(ones, speeds, strict=True)]),
        tau_m=speeds,
        dead_time=[0.6, 0.0],
        **{name: [getattr(one, name) for one in ones] for name in ("current", "a0", "v_reset", "v_fire")},
    )
    found = spectrum_of(network, OMEGA, [200, 300])
    for k, (one, speed, neurons) in enumerate(zip(ones, speeds, (200, 300), strict=True)):
        alone = spectrum_of(one, np.array(OMEGA) * speed, neurons)
        assert found.values[:, k, k] == pytest.approx(alone.values / speed, rel=1e-6)
