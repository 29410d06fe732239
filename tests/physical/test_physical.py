"""Neurons and networks in mV, ms and Hz, against Siegert's formula and published rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx

import felif as fl
from felif import physical
from felif.problem import NotConverged

USUAL = {"tau_m": 20.0, "v_rest": -65.0, "v_reset": -65.0, "v_fire": -50.0, "mu": -52.0, "sigma": 3.0}


def siegert(tau_m, v_reset, v_fire, mu, sigma, dead_time):
    """1/rate = dead_time + tau sqrt(pi) int exp(u^2) (1 + erf u) du, in Hz. A. J. F. Siegert, Phys. Rev. 81 (1951)."""
    low, high = (v_reset - mu) / sigma, (v_fire - mu) / sigma
    whole, _ = quad(lambda u: erfcx(-u), low, high, epsabs=0.0, epsrel=1e-13, limit=200)
    return 1e3 / (dead_time + tau_m * math.sqrt(math.pi) * whole)


@pytest.mark.parametrize("mu", [-62.0, -52.0, -45.0])
@pytest.mark.parametrize("dead_time", [0.0, 2.0])
def test_the_rate_of_a_leaky_neuron_is_siegerts(mu, dead_time):
    neuron = physical.lif(**USUAL | {"mu": mu}, dead_time=dead_time)
    expected = siegert(20.0, -65.0, -50.0, mu, 3.0, dead_time)
    assert physical.rate_hz(neuron) == pytest.approx(expected, rel=1e-11)
    if mu > -60.0:
        steady = fl.steady_states(fl.discretize(neuron.model, tol=1e-9))[0]
        assert neuron.hz(steady.N) == pytest.approx(expected, rel=1e-8)


def test_conventions_of_sigma_say_the_same_of_the_same_noise():
    """sigma_sde = sigma/sqrt(tau), sigma_ricciardi = sigma/sqrt(2); without threshold the variance is sigma^2/2."""
    rates = [
        physical.rate_hz(physical.lif(**USUAL | {"sigma": sigma}, convention=convention))
        for convention, sigma in [
            ("brunel", 3.0),
            ("ricciardi", 3.0 / math.sqrt(2)),
            ("richardson", 3.0 / math.sqrt(2)),
            ("sde", 3.0 / math.sqrt(20.0)),
        ]
    ]
    np.testing.assert_allclose(rates, rates[0], rtol=1e-13)
    free = physical.lif(**USUAL | {"mu": -120.0}).model  # too far below V_F to fire
    run = fl.evolve(fl.discretize(free), fl.Gaussian(free.current, 1.0), t_end=8.0)
    n = run.final.n
    mean = n.weights @ (n.values * n.nodes)
    assert n.weights @ (n.values * (n.nodes - mean) ** 2) == pytest.approx(3.0**2 / 2, rel=1e-5)


def brunel(g, external, delay=1.5):
    """Model A of Brunel (2000): tau = 20 ms, theta = 20, V_r = 10, J = 0.1 mV, tau_rp = 2 ms, C_E = 1000, C_I = 250."""
    threshold = 20.0 / (0.1 * 1000 * 20.0) * 1e3  # nu_thr in Hz
    mean, sigma = physical.drive(20.0, 0.1, 1000, external * threshold)
    neuron = physical.lif(tau_m=20.0, v_rest=0.0, v_reset=10.0, v_fire=20.0, mu=mean, sigma=sigma, dead_time=2.0)
    return physical.network(neuron, weights=[0.1, -0.1 * g], connections=[1000, 250], delay=delay)


# rates of the theory in Table 1 of N. Brunel, J. Comput. Neurosci. 8 (2000) 183-208, to its digits; programs of others
# that reproduce his network quote the same (theory 55.8, 38.0, 6.5, simulation 60.7, 37.7, 5.5), and Siegert agrees
@pytest.mark.parametrize(("g", "external", "published"), [(6.0, 4.0, 55.8), (5.0, 2.0, 38.0), (4.5, 0.9, 6.5)])
def test_rates_of_sparse_networks_are_those_that_brunel_published(g, external, published):
    network = brunel(g, external)
    rate = physical.rate_hz(network)
    assert rate == pytest.approx(published, abs=0.06)
    mean, sigma2 = 20e-3 * rate * 100 * (1 - 0.25 * g), 20e-3 * rate * 10 * (1 + 0.25 * g**2)  # his eqs. 4 and 5
    mean_ext, sigma_ext = physical.drive(20.0, 0.1, 1000, external * 10.0)
    own = siegert(20.0, 10.0, 20.0, mean_ext + mean, math.sqrt(sigma_ext**2 + sigma2), 2.0)
    assert rate == pytest.approx(own, rel=1e-8)


def test_a_run_of_a_network_in_hertz_goes_to_its_steady_rate():
    network = physical.network(physical.lif(**USUAL), weights=[-0.2], connections=[100])
    problem = fl.discretize(network.model, tol=1e-5)
    run = fl.evolve(problem, fl.Gaussian(5.0, 1.0), t_end=network.time(200.0), rtol=1e-5)
    assert network.ms(run.times[-1]) == pytest.approx(200.0)
    assert network.hz(run.final.N) == pytest.approx(physical.rate_hz(network), rel=1e-3)


def microcircuit():
    """T. C. Potjans & M. Diesmann, Cereb. Cortex 24 (2014) 785-806, tables 4 and 5; K by their eq. 1."""
    size = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948.0])
    probability = np.array(
        [
            [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
            [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
            [0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0],
            [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
            [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
            [0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0],
            [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
            [0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443],
        ]
    )
    connections = np.log(1 - probability) / np.log(1 - 1 / np.outer(size, size)) / size[:, None]
    weight = 87.8 * 0.5 / 250.0  # pA ms / pF: the jump in mV of a current of 87.8 pA that falls within 0.5 ms
    weights = np.tile([weight, -4 * weight], (8, 4))
    weights[0, 2] *= 2.0  # from L4E to L2/3E
    neurons = []
    for external in (1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100):
        mean, sigma = physical.drive(10.0, weight, external, 8.0)
        neurons.append(physical.lif(**USUAL | {"tau_m": 10.0, "mu": -65.0 + mean, "sigma": sigma}, dead_time=2.0))
    return neurons, weights, connections


def test_rates_of_the_cortical_microcircuit_are_those_of_its_simulation():
    """Rates, in Hz, of the full network simulated by NEST: `full_mean_rates` in the parameters of its authors' model
    (pynest/examples/Potjans_2014). The mean field knows no correlations and no spread of weights."""
    simulated = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])
    neurons, weights, connections = microcircuit()
    rates = physical.mean_field_rates(neurons, weights=weights, connections=connections, tau_syn=0.5)
    assert np.abs(rates - simulated).max() < 0.45  # 0.42 measured, in L5E
    assert np.argsort(rates).tolist() == np.argsort(simulated).tolist()


def test_populations_without_filters_fire_as_felifs_own_model_of_them():
    """The same fixed point from the steady densities of `Populations`, whose refractory times have the same mean."""
    J, K = np.array([[0.2, -0.9], [0.3, -1.0]]), np.array([[400.0, 100.0], [400.0, 100.0]])
    neurons = [physical.lif(**USUAL | {"mu": mu, "sigma": 4.0}, dead_time=2.0) for mu in (-51.0, -53.0)]
    rates = physical.mean_field_rates(neurons, weights=J, connections=K)
    model = fl.Populations(
        coupling=J * K,
        current=[neuron.model.current for neuron in neurons],
        a0=8.0,
        a1=J**2 * K / 2,
        v_reset=0.0,
        v_fire=15.0,
        tau=0.1,
    )
    problem = fl.discretize(model, tol=1e-6)
    steady = fl.steady_state(problem)
    np.testing.assert_allclose(neurons[0].hz(steady.N), rates, rtol=1e-5)


def mean_interval(drift, a, low, v_reset, v_fire, points=200_001):
    """int_{V_R}^{V_F} e^phi(x) int_{-inf}^x e^-phi(y)/a dy dx, phi' = -drift/a: the mean time from V_R to V_F."""
    v = np.linspace(low, v_fire, points)
    step = v[1] - v[0]
    phi = np.concatenate([[0.0], np.cumsum(-step * 0.5 * (drift(v[1:]) + drift(v[:-1])) / a)])
    phi -= phi.min()
    inner = np.concatenate([[0.0], np.cumsum(step * 0.5 * (np.exp(-phi[1:]) + np.exp(-phi[:-1])) / a)])
    outer = np.where(v >= v_reset, np.exp(phi) * inner, 0.0)
    return float(np.trapezoid(outer, v)) - 0.5 * step * float(outer[np.argmax(v >= v_reset)])


def test_the_rate_of_an_exponential_neuron_is_that_of_the_double_integral():
    neuron = physical.eif(**USUAL | {"v_fire": -40.0, "v_soft": -52.0, "delta": 2.0}, dead_time=1.0)
    drift = lambda v: -(v + 52.0) + 2.0 * np.exp((v + 52.0) / 2.0)
    interval = 1.0 + 20.0 * mean_interval(drift, 4.5, -75.0, -65.0, -40.0)
    assert physical.rate_hz(neuron) == pytest.approx(1e3 / interval, rel=2e-5)  # 3e-6: the trapezoidal rule


def test_a_quadratic_neuron_with_strong_input_fires_like_the_theta_neuron():
    """Little noise: tau x' = x^2 + c from -inf to inf takes tau pi/sqrt(c), c = (mu - v_rest)/d - 1/4."""
    neuron = physical.qif(tau_m=10.0, v_rest=-65.0, v_crit=-55.0, v_reset=-1e5, v_fire=math.inf, mu=-52.5, sigma=0.05)
    assert physical.rate_hz(neuron) == pytest.approx(1e3 / (10.0 * math.pi), rel=2e-3)
    assert neuron.mV(neuron.potential(-60.0)) == pytest.approx(-60.0)


def test_times_rates_and_potentials_are_translated_both_ways():
    neuron = physical.lif(**USUAL)
    assert neuron.hz(neuron.per_tau(7.0)) == pytest.approx(7.0)
    assert neuron.ms(neuron.time(30.0)) == pytest.approx(30.0)
    assert neuron.potential([-65.0, -50.0]).tolist() == [0.0, 15.0]
    assert "mu = -52 mV" in repr(neuron)


def test_quantities_of_pint_are_read_and_other_units_refused():
    pint = pytest.importorskip("pint")
    unit = pint.UnitRegistry()
    given = {
        "tau_m": 0.02 * unit.second,
        "v_rest": -0.065 * unit.volt,
        "v_reset": -65 * unit.mV,
        "v_fire": -50 * unit.mV,
        "mu": -52 * unit.mV,
        "sigma": 3000 * unit.microvolt,
    }
    assert physical.rate_hz(physical.lif(**given)) == pytest.approx(physical.rate_hz(physical.lif(**USUAL)), rel=1e-12)
    sde = physical.lif(**given | {"sigma": 3.0 / math.sqrt(20.0) * unit("mV / ms ** 0.5")}, convention="sde")
    assert sde.model.a0 == pytest.approx(4.5)
    with pytest.raises(ValueError, match="lif: tau_m = .*; allowed is a quantity in ms"):
        physical.lif(**given | {"tau_m": 20 * unit.mV})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tau_m": 0.0}, "lif: tau_m = 0.0; allowed is a number > 0, in ms"),
        ({"tau_m": "20"}, "lif: tau_m = '20'; allowed is a finite number >= 0, in ms"),
        ({"v_fire": -70.0}, "v_reset = -65.0 is not below v_fire = -70.0"),
        ({"sigma": 0.0}, "sigma = 0.0; allowed is a number > 0"),
        ({"mu": math.nan}, "mu = nan; allowed is a finite number, in mV"),
        ({"dead_time": -1.0}, "dead_time = -1.0; allowed is a finite number >= 0, in ms"),
        ({"convention": "ito"}, "convention = 'ito'; allowed is one of 'brunel', 'ricciardi', 'richardson', 'sde'"),
    ],
)
def test_wrong_values_are_refused_in_a_sentence(changed, said):
    with pytest.raises(ValueError, match=said):
        physical.lif(**USUAL | changed)


def test_a_network_with_several_steady_states_has_no_single_rate():
    neuron = physical.lif(**USUAL | {"mu": -58.0, "sigma": 2.0})
    with pytest.raises(NotConverged, match="has 3 steady states|has 2 steady states"):
        physical.rate_hz(physical.network(neuron, weights=[0.3], connections=[150]))
