"""Exponential and quadratic neurons: the cut-off of the spike costs nothing and may be infinite."""

import math

import numpy as np
import pytest
from randomised import seeds

import felif as fl
from felif.assembly.automatic import end_of

INF = math.inf
SHARP = fl.Exponential(delta=0.2, v_soft=1.5)
X, W = np.polynomial.legendre.leggauss(20)


def exponential(v_fire, **rest):
    return fl.NoisyLIF(drift=SHARP, v_reset=0.0, v_fire=v_fire, **rest)


def panels(ends):
    half = np.diff(ends)[:, None] / 2
    return (np.asarray(ends)[:-1, None] + half * (X + 1)).ravel(), (half * W).ravel()


def rate(difference, a, ends, tail, unit):
    """1/N = (1/a) int dx int_0^inf ds exp([Phi(x - s) - Phi(x)]/a) + tail; difference = Phi(x - s) - Phi(x), Phi' = f.

    The mean first-passage time (Siegert 1951); `tail` is the time without noise above ends[-1].
    """
    x, weights = panels(ends)
    s, inner = panels(unit * np.concatenate([[0.0], np.geomspace(1e-17, 1e2, 120)]))
    parts = [np.exp(difference(part[:, None], s) / a) @ inner for part in np.array_split(x, 20)]
    return 1 / (weights @ np.concatenate(parts) / a + tail)


def exponential_rate(tau, rest, v_soft, delta, a, v_reset, v_fire):
    """f = (rest - v + delta exp((v - v_soft)/delta))/tau."""
    top = min(v_fire, v_soft + 45 * delta)
    cells = math.ceil((top - v_reset) / min(delta / 2, math.sqrt(a * tau) / 3))

    def difference(x, s):
        return (x - rest - s / 2) * s / tau + delta**2 / tau * np.exp((x - v_soft) / delta) * np.expm1(-s / delta)

    unit = max(10 * math.sqrt(a * tau), v_soft - rest, 10 * delta)
    return rate(difference, a, np.linspace(v_reset, top, max(cells, 40) + 1), 0.0, unit)  # tail: e^-45 tau


def quadratic_rate(offset, a, v_reset, v_fire):
    top, unit = min(v_fire, 1e8), np.cbrt(a) + math.sqrt(abs(offset))
    tail = 1 / top - 1 / v_fire if v_fire > top else 0.0
    out = unit * np.geomspace(1e-3, 1e12, 400)
    ends = np.unique([*-out, *np.linspace(-3 * unit, 3 * unit, 61), *out])
    ends = np.array([v_reset, *ends[(ends > v_reset) & (ends < top)], top])
    return rate(lambda x, s: -s * (x * x - x * s + s * s / 3 - offset), a, ends, tail, 3 * unit)


def steady_rate(model, tol=1e-9):
    (state,) = fl.steady_states(fl.discretize(model, tol=tol))
    return state.N


def test_unknowns_do_not_grow_with_the_cut_off():
    sizes = [fl.discretize(exponential(1.5 + 0.2 * k)).size for k in (6, 8, 12, 16, 20, 30, 42.5, 60)]
    assert (
        max(sizes) <= 282
    )  # measured: from 16 delta on; 18.3 TiB of cells at 42.5 delta when all of them were resolved
    assert len(set(sizes[3:])) == 1


@pytest.mark.parametrize("v_fire", [7.0, 10.0, 13.5, 20.0, 60.0])
def test_far_cut_offs_fire_like_infinity(v_fire):
    assert steady_rate(exponential(v_fire)) == pytest.approx(steady_rate(exponential(INF)), rel=1e-9)


@pytest.mark.parametrize("v_fire", [2.7, 3.1, 3.9, 5.0, 10.0, INF])
def test_rates_of_exponential_neurons_are_those_of_quadrature(v_fire):
    truth = exponential_rate(1.0, 0.0, 1.5, 0.2, 1.0, 0.0, v_fire)
    assert steady_rate(exponential(v_fire)) == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize(
    ("offset", "v_reset", "v_fire"),
    [
        (0.0, -300.0, 300.0),
        (0.0, -1e3, INF),
        (2.0, -2.0, 10.0),
        (-1.0, -1e3, 300.0),
        (1.0, -1.0, 1e3),
    ],
)
def test_rates_of_quadratic_neurons_are_those_of_quadrature(offset, v_reset, v_fire):
    model = fl.NoisyLIF(drift=fl.Quadratic(offset), v_reset=v_reset, v_fire=v_fire)
    assert steady_rate(model) == pytest.approx(quadratic_rate(offset, 1.0, v_reset, v_fire), rel=1e-8)


@pytest.mark.parametrize("seed", seeds(6))
def test_rates_in_millivolts_and_milliseconds_are_those_of_quadrature(seed):
    """Ranges of Richardson, Phys. Rev. E 76 (2007): tau 20 ms, V_T = -53 mV, Delta_T = 3 mV, V_th = 0 among them."""
    random = np.random.default_rng(seed)
    tau, rest, delta = random.uniform(5, 30), random.uniform(-70, -60), random.uniform(1, 4)
    v_soft, v_fire = random.uniform(-56, -48), random.choice([0.0, 100.0, INF])
    v_reset, a = random.uniform(rest - 5, v_soft - 2), random.uniform(6, 12) ** 2 / tau

    def drift(v):  # no class of felif's
        return (rest - v + delta * np.exp((v - v_soft) / delta)) / tau

    model = fl.NoisyLIF(drift=drift, a0=a, v_reset=v_reset, v_fire=v_fire)
    truth = exponential_rate(tau, rest, v_soft, delta, a, v_reset, v_fire)
    assert fl.discretize(model).size < 600
    assert steady_rate(model) == pytest.approx(truth, rel=1e-8)


def test_quadratic_neurons_without_much_noise_fire_with_period_pi_over_root_i():
    """T = pi/sqrt(I) between minus and plus infinity (Ermentrout & Kopell 1986); to O(a^2) and 1/|V_R|."""
    model = fl.NoisyLIF(drift=fl.Quadratic(0.0), current=4.0, a0=1e-4, v_reset=-1e3, v_fire=INF)
    assert 1 / steady_rate(model) == pytest.approx(math.pi / 2 - 1e-3, abs=1e-6)


def test_runs_do_not_feel_the_cut_off_and_conserve_mass():
    times, rates = np.linspace(0.3, 3.0, 10), []
    for v_fire in (10.0, INF):
        problem = fl.discretize(exponential(v_fire, b=0.5), tol=1e-8)
        run = fl.evolve(problem, fl.Gaussian(mean=0.0, variance=0.1), 3.0, rtol=1e-8)
        assert run.drift["mass"] < 1e-12
        assert run.moment_defect < 1e-9  # 2e-4 where the place at which the drift becomes constant is no node
        rates.append(run.sample("N", times))
    np.testing.assert_allclose(rates[0], rates[1], rtol=2e-8)


@pytest.mark.parametrize(("v_fire", "bound"), [(2.7, 1e-10), (10.0, 1e-10), (INF, 1e-10)])
def test_first_passages_have_the_mean_of_quadrature(v_fire, bound):
    passage = fl.first_passage(exponential(v_fire))
    assert passage.mean * exponential_rate(1.0, 0.0, 1.5, 0.2, 1.0, 0.0, v_fire) == pytest.approx(1.0, rel=bound)


def test_spectra_do_not_feel_the_cut_off():
    modes = []
    for v_fire in (10.0, INF):
        problem = fl.discretize(exponential(v_fire, b=0.5))
        (state,) = fl.steady_states(problem)
        modes.append(fl.spectrum(problem, state).eigenvalues[:3])
    np.testing.assert_allclose(modes[0], modes[1], rtol=1e-5)


@pytest.mark.parametrize("v_fire", [10.0, INF])
def test_particles_fire_at_the_rate_of_quadrature(v_fire):
    model = exponential(v_fire, current=2.0)
    run = fl.simulate_particles(model, neurons=400, t_end=10.0, dt=1e-2, start=np.zeros(400), seed=3, progress=False)
    late = run.times[1:] > 2
    truth = exponential_rate(1.0, 2.0, 1.5, 0.2, 1.0, 0.0, v_fire)
    assert run.settings["step"] > 2e-4  # 1e9 steps where the whole drift is followed; 2.9e-4 measured
    assert run.series["N"][late].mean() == pytest.approx(truth, rel=4 / math.sqrt(400 * 8 * truth))


@pytest.mark.parametrize(
    "make",
    [
        lambda: fl.NoisyLIF(v_fire=INF),
        lambda: fl.NoisyLIF(drift=lambda v: v, v_fire=INF),
        lambda: fl.RefractoryLIF(v_fire=INF),
        lambda: fl.RandomThresholdLIF(drift=SHARP, v_fire=INF),
        lambda: fl.interval(exponential(INF)),
        lambda: fl.spike_times(exponential(INF), 1.0),
    ],
)
def test_infinity_is_refused_where_nobody_gets_there(make):
    with pytest.raises(ValueError, match="v_fire = inf"):
        make()


@pytest.mark.parametrize("drift", [lambda v: 1e14 * np.sin(1e7 * v), fl.Leaky(1e22)])
def test_meshes_that_cannot_be_are_refused(drift):
    with pytest.raises(ValueError, match="no mesh of at most"):
        fl.discretize(fl.NoisyLIF(drift=drift), space=fl.SpectralElement(6))


@pytest.mark.parametrize("drift", [fl.Leaky(), fl.Leaky(0.05, -65.0), lambda v: 0.5 * v, lambda v: np.sin(v) - v])
def test_drifts_that_do_not_run_away_keep_their_line(drift):
    assert end_of(fl.NoisyLIF(drift=drift, v_fire=100.0)) is None
