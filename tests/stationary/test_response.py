"""Linear response against closed forms, slopes of steady states, runs in time and the spectrum."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np
import pytest

import felif as fl

OMEGA = np.array([0.1, 1.0, 5.0, 30.0])


@cache
def closed(drive, lam, a=1.0, tau=0.0, dead=0.0, order=1):
    """(rate, response to the current, order = 1, or to the noise, order = 2) of one leaky neuron, V_R = 1, V_F = 2.

    r a^(-order/2) [Psi^(order)(x_F) - Psi^(order)(x_R)] / ((order + lam) [Psi(x_F) - Psi(x_R) rest]), with
    Psi(x) = e^(x^2/4) D_(-lam)(-x), so Psi' = lam Psi_(lam+1), and rest = 1/(1 + lam tau) or e^(-lam dead).
    N. Brunel, V. Hakim, Neural Computation 11 (1999), eq. 3.19; B. Lindner, L. Schimansky-Geier, Phys. Rev. Lett. 86
    (2001) 2934; M. J. E. Richardson, Phys. Rev. E 76 (2007) 021919.
    """
    x_F, x_R = (2 - drive) / mp.sqrt(a), (1 - drive) / mp.sqrt(a)
    mean = mp.sqrt(mp.pi) * mp.quad(lambda u: mp.e ** (u * u) * (1 + mp.erf(u)), [x_R / mp.sqrt(2), x_F / mp.sqrt(2)])
    psi = lambda n, x: mp.rf(lam, n) * mp.e ** (x * x / 4) * mp.pcfd(-lam - n, -x)
    rest = mp.e ** (-lam * dead) / (1 + lam * tau)
    r = 1 / (mean + tau + dead)
    found = (psi(order, x_F) - psi(order, x_R)) / ((order + lam) * (psi(0, x_F) - psi(0, x_R) * rest))
    return float(r), complex(r * a ** (-order / 2) * found)


def response(model, omega=OMEGA, tol=1e-8, **how):
    problem = fl.discretize(model, tol=tol)
    return fl.response(problem, fl.steady_states(problem)[0], omega, **how)


@pytest.mark.parametrize("drive", [-1.0, 0.5, 2.5])
@pytest.mark.parametrize("a", [0.3, 1.0])
@pytest.mark.parametrize(("to", "order"), [("current", 1), ("a0", 2)])
def test_one_neuron_answers_current_and_noise_as_parabolic_cylinder_functions_say(drive, a, to, order):
    found = response(fl.NoisyLIF(current=drive, a0=a), to=to)
    exact = np.array([closed(drive, 1j * omega, a, order=order)[1] for omega in OMEGA.tolist()])
    # tol = 1e-8 is for the rate; steep layers of the noise at omega = 30 cost two digits
    assert np.abs(found.N - exact).max() < 1e-7 * np.abs(exact).max()


@pytest.mark.parametrize("rest", [{"tau": 0.3}, {"dead": 0.4}])
def test_refractory_neurons_answer_as_they_should(rest):
    model = fl.RefractoryLIF(current=0.5, tau=0.3) if "tau" in rest else fl.NoisyLIF(current=0.5, dead_time=0.4)
    exact = [closed(0.5, 1j * omega, **rest)[1] for omega in OMEGA.tolist()]
    assert response(model).N == pytest.approx(np.array(exact), abs=2e-9)


def test_a_network_with_a_delay_divides_by_one_minus_its_loop():
    b, delay = -3.0, 0.7
    found = response(fl.NoisyLIF(current=0.5, b=b, delay=delay))
    K = np.array([closed(0.5 + b * found.state.N, 1j * omega)[1] for omega in OMEGA.tolist()])
    assert found.N == pytest.approx(K / (1 - b * K * np.exp(-1j * OMEGA * delay)), abs=2e-9)


COUPLING, DELAYS = np.array([[0.8, -1.5], [0.6, -0.5]]), np.array([[0.1, 0.5], [0.5, 0.2]])


@pytest.mark.parametrize("noise_delay", [0.4, 0.15])
def test_noise_that_comes_late_turns_the_loop_at_its_own_time(noise_delay):
    """Eigenvalues against the closed responses: 1 = b e^{-lambda d} r_I + a1 e^{-lambda d_a} r_a.

    Physical networks have one delay for both.
    """
    network = fl.NoisyLIF(b=-12.0, a1=0.15, current=6.0, delay=0.4, noise_delay=noise_delay)
    problem = fl.discretize(network, tol=1e-8)
    state = fl.steady_state(problem)
    drive, a = 6.0 - 12.0 * state.N, 1.0 + 0.15 * state.N
    for value in fl.spectrum(problem, state, count=2).eigenvalues:
        current, noise = (closed(drive, complex(value), a, order=order)[1] for order in (1, 2))
        loop = -12.0 * np.exp(-value * 0.4) * current + 0.15 * np.exp(-value * noise_delay) * noise
        assert abs(loop - 1) < 1e-6
    neuron = fl.physical.lif(tau_m=20.0, v_rest=0.0, v_reset=10.0, v_fire=20.0, mu=18.0, sigma=4.0)
    late = fl.physical.network(neuron, weights=[0.1], connections=[1000], delay=1.5).model
    assert late.noise_delay == late.delay == pytest.approx(1.5 / 20)


def test_two_populations_with_a_matrix_of_delays():
    """(1 - K (B o e^(-i omega D)))^-1 K, K the diagonal of the closed responses."""
    found = response(fl.Populations(coupling=COUPLING, current=[0.5, 0.3], delay=DELAYS), tol=1e-7)
    assert found.to == ("current_0", "current_1")
    for omega, N in zip(OMEGA.tolist(), found.N, strict=True):
        drives = np.array([0.5, 0.3]) + COUPLING @ found.state.N
        K = np.diag([closed(float(drive), 1j * omega)[1] for drive in drives])
        loop = K @ (COUPLING * np.exp(-1j * omega * DELAYS))
        assert N == pytest.approx(np.linalg.solve(np.eye(2) - loop, K), abs=1e-9)


def test_both_languages_give_the_same_response():
    pair = fl.ExcitatoryInhibitoryLIF(0.8, 1.5, 0.6, 0.5, current_E=0.5, current_I=0.3, delay=0.1)
    one = response(pair, 2.0)
    other = response(fl.Populations(coupling=COUPLING, current=[0.5, 0.3], delay=0.1), 2.0)
    assert np.array([one.N_E, one.N_I]) == pytest.approx(other.N, abs=1e-8)


@pytest.mark.parametrize("rest", [{}, {"dead_time": 0.4}, {"delay": 0.3}])
def test_at_frequency_zero_it_is_the_slope_of_the_steady_rate(rest):
    make = lambda I: fl.NoisyLIF(b=-1.0, current=I, a1=0.1, **rest)
    low, high = (fl.steady_state(fl.discretize(make(I), tol=1e-10)).N for I in (0.499, 0.501))
    found = response(make(0.5), 0.0)
    assert found.N == pytest.approx((high - low) / 0.002, rel=2e-6)
    assert abs(found.N.imag) < 1e-12


@pytest.mark.parametrize(
    "model",
    [fl.NoisyLIF(b=-30.0, delay=1.0), fl.Populations(coupling=[[6.5, -3.77], [3.77, 0]], current=[-0.2127, -0.4842])],
    ids=["delay", "pair"],
)
def test_its_poles_are_the_eigenvalues(model):
    """1/response as a polynomial of degree 12 in i omega, continued to its root, away from where it was computed."""
    problem = fl.discretize(model, tol=1e-8)
    state = fl.steady_states(problem)[0]
    value = fl.spectrum(problem, state, count=1).eigenvalues[0]
    x = 0.5 * np.cos(np.pi * (np.arange(13) + 0.5) / 13)
    found = fl.response(problem, state, abs(value.imag) + x)
    inverse = 1 / found.values[:, 0, 0]
    roots = np.polynomial.Polynomial.fit(x, inverse, 12).roots()
    nearest = 1j * (roots + abs(value.imag))
    assert np.abs(nearest - complex(value.real, abs(value.imag))).min() < 1e-6


@pytest.mark.parametrize(
    "how",
    [
        {},
        {
            "a0": [1.0, 0.8],
            "a1": [[0.05, 0.02], [0.0, 0.1]],
            "v_reset": [1.0, 0.5],
            "v_fire": [2.0, 1.8],
            "delay": [[0.1, 0.3], [0.2, 0.15]],
            "dead_time": [0.1, 0.2],
            "tau_m": [1.0, 0.6],
        },
    ],
)
def test_a_run_with_a_small_oscillating_current_answers_as_computed(how):
    epsilon, omega = 1e-3, 3.0
    model = fl.Populations(coupling=COUPLING, current=lambda t: 0.5 + epsilon * np.cos(omega * t), **how)
    still = fl.Populations(coupling=COUPLING, current=0.5, **how)
    problem = fl.discretize(still, tol=1e-6)
    state = fl.steady_states(problem)[0]
    found = fl.response(problem, state, omega).N.sum(axis=1)
    past = {f"N_{i}": rate for i, rate in enumerate(state.N)} if how else 0.0
    run = fl.evolve(fl.discretize(model, tol=1e-6), state, 12.0, rtol=1e-8, history=past, progress=False)
    t = np.linspace(12.0 - 2 * np.pi / omega, 12.0, 33)[:-1]
    wave = 2 * ((run.sample("N", t) - state.N) * np.exp(-1j * omega * t)[:, None]).mean(axis=0) / epsilon
    assert wave == pytest.approx(found, rel=2e-3)  # epsilon, and what the start has left after 12


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"omega": np.nan}, "omega = nan"),
        ({"omega": 1.0, "to": "v_fire"}, "allowed are parameters that are numbers"),
        ({"omega": 1.0, "to": "nothing"}, "to = 'nothing'"),
    ],
)
def test_what_no_response_is_defined_for_is_refused(how, message):
    problem = fl.discretize(fl.NoisyLIF(current=0.5), tol=1e-4)
    state = fl.steady_state(problem)
    with pytest.raises(ValueError, match=message):
        fl.response(problem, state, **how)
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), 0.3, progress=False)
    with pytest.raises(ValueError, match="no steady state"):
        fl.response(problem, run.final, 1.0)
    with pytest.raises(ValueError, match="has no current"):
        fl.response(kuramoto := fl.discretize(fl.Kuramoto(), tol=1e-3), fl.steady_states(kuramoto)[0], 1.0)
