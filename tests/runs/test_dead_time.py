"""A dead time: neurons are silent for D after a spike, the source of the reset is N(t - D)."""

import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx

import felif as fl
from felif.testing import check_model

_X, _W = np.polynomial.legendre.leggauss(24)


def passage_at_rest(distance, t):
    """Density of the first passage over V_F = I from V_F - distance, a = 1: P(T > t) = erf(d / sqrt(2(e^{2t} - 1)))."""
    t = np.asarray(t, float)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        z = 2 * np.expm1(2 * np.maximum(t, 1e-300))
        f = 4 / math.sqrt(math.pi) * distance * np.exp(2 * t) * z**-1.5 * np.exp(-(distance**2) / z)
    return np.where(t > 0, np.nan_to_num(f), 0.0)


def renewal(D, times, mean=0.0, variance=0.04):
    """N(t) of NoisyLIF(current=2, dead_time=D) from Gaussian data: N(t) = f_0(t) + int f_R(t - D - s) N(s) ds."""
    x, w = np.polynomial.hermite_e.hermegauss(40)
    starts, weights = mean + math.sqrt(variance) * x, w / math.sqrt(2 * math.pi)
    nodes = 0.5 - 0.5 * np.cos(np.pi * np.arange(25) / 24)
    bary = (-1.0) ** np.arange(25) * np.r_[0.5, np.ones(23), 0.5]
    width = D / math.ceil(D / 0.125)
    panels = []  # values of N on [k width, (k + 1) width]

    def before(s):  # points of one panel
        panel = min(int(np.min(s) / width), len(panels) - 1)
        z = np.atleast_1d(s)[:, None] / width - panel - nodes
        z = bary / np.where(np.abs(z) < 1e-14, 1e-14, z)
        return z @ panels[panel] / z.sum(axis=1)

    def at(time):
        value = float(weights @ passage_at_rest(2 - starts, time))
        ends = [*np.arange(0, time - D, width), time - D] if time > D else []
        for low, high in zip(ends[:-1], ends[1:], strict=True):
            s = low + (high - low) * (_X + 1) / 2
            value += (high - low) / 2 * float(_W @ (passage_at_rest(1.0, time - D - s) * before(s)))
        return value

    for k in range(int(max(times) / width) + 1):
        panels.append(np.array([at((k + z) * width) for z in nodes]))
    return [float(before(time)[0]) for time in times]


def interval(model, N):
    """D + T(N): Siegert's formula for the leaky neuron."""
    low, high = ((v - model.current - model.b * N) / math.sqrt(2 * (model.a0 + model.a1 * N)) for v in (1.0, 2.0))
    return model.dead_time + math.sqrt(math.pi) * quad(lambda u: erfcx(-u), low, high, epsabs=0, epsrel=1e-13)[0]


def psi(eigenvalue, x):
    return mpmath.exp(x**2 / 4) * mpmath.pcfd(-eigenvalue, -x)


def test_without_dead_time_the_model_is_what_it_was():
    problem = fl.discretize(fl.NoisyLIF(b=0.5))
    assert problem.scalar_names == ("N",)
    assert tuple(problem.conserved) == ("mass",)
    assert not problem.delays


def test_every_check_of_a_model_passes_with_a_dead_time():
    assert len(check_model(fl.NoisyLIF(b=0.5, a1=0.1, dead_time=0.3, delay=0.2)).checks) > 60


@pytest.mark.parametrize("D", [0.25, 1.0])
def test_the_rate_obeys_the_renewal_equation(D):
    # The steps of Rodas5P see N(t - D) through its history; measured: 2e-9.
    problem = fl.discretize(fl.NoisyLIF(current=2.0, dead_time=D), tol=1e-9)
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.04), t_end=2.2, rtol=1e-8, progress=False)
    times = [0.2, 0.9, 1.5, 2.2]
    assert np.abs(run.sample("N", times) - renewal(D, times)).max() < 2e-8
    assert run.moment_defect < 1e-8


def test_fixed_steps_converge_at_the_order_of_the_scheme():
    problem = fl.discretize(fl.NoisyLIF(current=2.0, dead_time=0.5), tol=1e-10)
    (exact,), errors = renewal(0.5, [2.0]), []
    for steps in (10, 20):
        run = fl.evolve(
            problem, fl.Gaussian(0.0, 0.04), t_end=2.0, fixed_step=0.5 / steps, max_step=0.5, progress=False
        )
        errors.append(abs(run.final.N - exact))
    assert math.log2(errors[0] / errors[1]) > 3.5


@pytest.mark.parametrize(
    ("D", "parameters"),
    [
        (1e-3, {"b": 0.5}),
        (0.1, {"b": -3.0, "a1": 0.2, "delay": 0.07, "current": 2.0}),
        (0.3, {"b": 0.7, "a1": 0.1, "delay": 0.1, "current": 1.0}),
        (2.0, {"b": 1.2, "current": 0.5}),
        (10.0, {"b": 0.5, "current": 3.0, "a1": 0.05}),
    ],
)
def test_everybody_is_counted_and_rates_settle_where_one_over_d_plus_t_says(D, parameters):
    model = fl.NoisyLIF(dead_time=D, **parameters)
    problem = fl.discretize(model)
    (steady,) = fl.steady_states(problem)
    assert steady.N == pytest.approx(1 / interval(model, steady.N), rel=1e-7)
    assert steady.R == pytest.approx(D * steady.N, rel=1e-12)
    assert steady.n.integral() == pytest.approx(1 - D * steady.N, rel=1e-11)
    end = 0.3 if D < 0.01 else 6.0
    run = fl.evolve(problem, fl.Gaussian(-1.5, 0.25), t_end=end, progress=False)
    assert run.outcome.name == "finished"
    assert np.abs(run.series["total"] - 1).max() < 1e-12
    first = max(end - D, 0.0)  # R is the integral that it stands for
    edges = np.unique([*np.linspace(first, end, 60), *[t for t in run.settings.breakpoints if first < t < end]])
    half = np.diff(edges)[:, None] / 2
    held = float(((half * _W) * run.sample("N", edges[:-1, None] + half * (_X + 1))).sum())
    assert run.final.R == pytest.approx(held, abs=2e-6)
    again = fl.evolve(problem, steady, t_end=min(5 * D, 2.0), history=steady.N, progress=False)
    assert np.abs(again.series["N"] / steady.N - 1).max() < 1e-8


@pytest.mark.parametrize("D", [0.02, 0.5, 3.0])
def test_eigenvalues_are_zeros_of_the_closed_form(D):
    # psi(x_F) - e^{-lambda D} psi(x_R) = 0, with psi(x) = e^{x^2/4} D_{-lambda}(-x)
    problem = fl.discretize(fl.NoisyLIF(current=0.5, dead_time=D), tol=1e-9)
    (steady,) = fl.steady_states(problem)
    found = fl.spectrum(problem, steady, count=3)
    for value in found.eigenvalues:
        exact = complex(mpmath.findroot(lambda z: psi(z, 1.5) - mpmath.exp(-z * D) * psi(z, 0.5), complex(value)))
        assert abs(value - exact) < 1e-7
        assert abs(exact) > 0.1


def test_a_hopf_point_with_delay_and_dead_time_solves_the_characteristic_equation():
    D, d = 0.1, 1.0
    problem = fl.discretize(fl.NoisyLIF(b=-25.0, a0=0.2, v_reset=0.0, v_fire=1.0, delay=d, dead_time=D))
    (steady,) = fl.steady_states(problem)
    branch = fl.continuation(problem, steady, "b", bounds=(-40.0, -25.0))
    (hopf,) = branch.hopfs
    z = 1j * hopf.frequency
    high, low = ((v - hopf.b * hopf.N) / math.sqrt(0.2) for v in (1.0, 0.0))
    response = hopf.N / math.sqrt(0.2) * z / (1 + z) * (psi(z + 1, high) - psi(z + 1, low))
    response /= psi(z, high) - mpmath.exp(-z * D) * psi(z, low)
    assert abs(1 - hopf.b * mpmath.exp(-z * d) * response) < 1e-5


def test_continuation_in_the_dead_time_follows_the_closed_form():
    problem = fl.discretize(fl.NoisyLIF(b=1.5, dead_time=0.1))
    branch = fl.continuation(problem, fl.steady_states(problem)[0], "dead_time", bounds=(0.02, 2.0))
    for D, N in zip(branch.table["dead_time"][::5], branch.table["N"][::5], strict=True):
        assert N == pytest.approx(1 / interval(fl.NoisyLIF(b=1.5, dead_time=D), N), rel=1e-6)


def test_strong_excitation_blows_up_with_a_dead_time_too():
    # Until the first neurons return the equation is that of the refractory state; before any has, D does not matter.
    density, problem = fl.Gaussian(1.2, 0.01), fl.discretize(fl.NoisyLIF(b=3.0, dead_time=1.0), tol=1e-4)
    run = fl.evolve(problem, density, t_end=1.0, progress=False)
    other = fl.evolve(problem.rebuilt(dead_time=10.0), density, t_end=1.0, progress=False)
    assert run.outcome.name == other.outcome.name == "blow_up"
    assert run.blow_up.time == pytest.approx(other.blow_up.time, abs=run.blow_up.error + other.blow_up.error)
    with pytest.raises(ValueError, match="dead time"):
        fl.evolve(problem, density, t_end=1.0, after_blow_up=fl.Continue())


def test_a_history_returns_in_time_and_must_agree_with_who_is_silent():
    problem = fl.discretize(fl.NoisyLIF(v_reset=-1.0, current=0.5, dead_time=0.5))
    run = fl.evolve(problem, fl.Gaussian(-1.5, 0.04), t_end=0.4, history=lambda t: 0.4, progress=False)
    assert run.at(0.0).R == pytest.approx(0.2, rel=1e-12)
    assert run.at(0.1).R == pytest.approx(0.16, abs=1e-6)  # nobody has fired yet
    with pytest.raises(ValueError, match="R = 0.1"):
        fl.evolve(problem, {"n": fl.Gaussian(-1.5, 0.04), "R": 0.1}, t_end=0.4)
    with pytest.raises(ValueError, match="silent"):
        fl.evolve(problem, fl.Gaussian(-1.5, 0.04), t_end=0.4, history=3.0)
    with pytest.raises(ValueError, match="rates >= 0"):
        fl.evolve(problem, fl.Gaussian(-1.5, 0.04), t_end=0.4, history=-0.1)


class Stop(BaseException):
    """As a keyboard interrupt: passes through everything."""


def test_a_stopped_run_goes_on_to_the_same_digits(tmp_path):
    def interrupt(trajectory):
        if trajectory.statistics["steps"] == 30:
            raise Stop

    problem, start = fl.discretize(fl.NoisyLIF(b=0.5, current=1.0, dead_time=0.2), tol=1e-4), fl.Gaussian(-0.5, 0.1)
    how = {"t_end": 1.0, "rtol": 1e-5, "history": 0.1, "snapshots": 3, "progress": False}
    whole = fl.evolve(problem, start, **how)
    with pytest.raises(Stop):
        fl.evolve(problem, start, folder=tmp_path / "run", observers=[interrupt], **how)
    resumed = fl.resume(tmp_path / "run", progress=False)
    for name, values in whole.series.items():
        assert np.array_equal(resumed.series[name], values), name
    assert resumed.model.dead_time == 0.2


def test_dead_time_is_changed_as_a_number_but_not_from_or_to_zero():
    problem = fl.discretize(fl.NoisyLIF(b=0.5, dead_time=0.2))
    moved = problem.at(dead_time=0.4)
    N = fl.steady_states(moved)[0].N
    assert N == pytest.approx(1 / interval(moved.model, N), rel=1e-7)
    for refused, value in ((problem, 0.0), (fl.discretize(fl.NoisyLIF(b=0.5)), 0.2)):
        with pytest.raises(ValueError, match="unknowns"):
            refused.at(dead_time=value)
        assert refused.rebuilt(dead_time=value).model.dead_time == value
    with pytest.raises(ValueError, match="dead_time"):
        fl.NoisyLIF(dead_time=-0.1)


def test_intervals_are_first_passages_later_by_the_dead_time():
    alone = fl.first_passage(fl.NoisyLIF(current=2.0))
    late = fl.first_passage(fl.NoisyLIF(current=2.0, dead_time=0.4))
    t = np.array([0.0, 0.3, 0.5, 1.0, 3.0])
    assert np.abs(late.density(t) - passage_at_rest(1.0, t - 0.4)).max() < 1e-9
    assert late.mean == pytest.approx(alone.mean + 0.4, rel=1e-12)
    assert late.variance == pytest.approx(alone.variance, rel=1e-10)
    assert late.quantile(0.5) == pytest.approx(alone.quantile(0.5) + 0.4, rel=1e-12)
    assert abs(late.integral - 1) < 1e-9
    first = fl.first_passage(fl.NoisyLIF(current=2.0, dead_time=0.4), start=0.0)
    assert first.mean == pytest.approx(fl.first_passage(fl.NoisyLIF(current=2.0), start=0.0).mean, rel=1e-12)
    driven = fl.NoisyLIF(current=lambda t: 2.0 + math.sin(t), dead_time=0.4)
    shifted = fl.first_passage(fl.NoisyLIF(current=driven.current), t_start=0.4, tol=1e-7)
    assert fl.first_passage(driven, tol=1e-7).mean == pytest.approx(shifted.mean + 0.4, abs=1e-7)
    network = fl.NoisyLIF(b=0.5, dead_time=0.3)
    N = fl.steady_states(fl.discretize(network))[0].N
    assert fl.first_passage(network, rate=N).mean == pytest.approx(1 / N, rel=1e-7)


def test_spikes_without_noise_are_later_by_the_dead_time():
    # T = log((I - V_R)/(I - V_F)) + D
    spikes = fl.spike_times(fl.NoisyLIF(current=3.0, dead_time=0.25), 5.0)
    assert np.abs(np.diff(spikes) - math.log(2) - 0.25).max() < 1e-14
    with pytest.raises(ValueError, match="dead_time"):
        fl.spike_times(fl.NoisyLIF(current=math.cos, dead_time=0.25), 5.0)


def test_a_fit_recovers_the_dead_time():
    model = fl.NoisyLIF(current=2.0, a0=0.3, dead_time=0.4)
    intervals = fl.first_passage(model).sample(500, seed=1)
    found = fl.fit(intervals, fl.NoisyLIF(current=1.5, a0=0.5, dead_time=0.2), ("current", "a0", "dead_time"))
    assert found.converged
    for name in found.values:
        assert abs(found.values[name] - getattr(model, name)) < 3 * found.errors[name]
    known = fl.fit(intervals, model)
    assert known.log_likelihood <= found.log_likelihood + 1e-6
    with pytest.raises(ValueError, match="smallest interval"):
        fl.fit(intervals, fl.NoisyLIF(current=2.0, dead_time=2.0))
    with pytest.raises(ValueError, match="begin with"):
        fl.fit(intervals, fl.NoisyLIF(current=2.0), ("current", "dead_time"))


def test_neurons_and_their_equation_agree():
    model = fl.NoisyLIF(b=0.7, a1=0.1, dead_time=0.3, delay=0.1, current=1.0)
    start = fl.Gaussian(-0.5, 0.05)
    run = fl.evolve(fl.discretize(model), start, t_end=2.0, progress=False)
    neurons = fl.simulate_particles(
        model, neurons=5000, t_end=2.0, dt=2e-3, start=start, seed=1, bins=40, progress=False
    )
    R = run.sample("R", np.array([0.875, 1.925]))
    bins = [int(0.875 / 0.05), int(1.925 / 0.05)]
    error = 4 * np.sqrt(R * (1 - R) / 5000)
    assert np.all(np.abs(neurons.series["R"][bins] - R) < error)
    spikes = 2.0 * neurons.series["N"].mean()
    expected = sum(run.sample("N", 0.1 * (k + (_X + 1) / 2)) @ _W * 0.05 for k in range(20))
    assert abs(spikes - expected) < 4 * math.sqrt(expected / 5000)
    rest = fl.steady_states(fl.discretize(model))[0]
    kept = fl.simulate_particles(
        model, neurons=5000, t_end=1.0, dt=2e-3, start=rest, history=rest.N, seed=2, progress=False
    )
    assert abs(kept.series["N"].mean() - rest.N) < 4 * math.sqrt(rest.N / 5000)
    with pytest.raises(ValueError, match="history"):
        fl.simulate_particles(model, neurons=100, t_end=1.0, start=rest, seed=2, progress=False)


def test_what_does_not_cover_a_dead_time_says_so():
    model = fl.NoisyLIF(b=-0.5, dead_time=0.2)
    problem = fl.discretize(model)
    (steady,) = fl.steady_states(problem)
    run = fl.evolve(problem, fl.Gaussian(-0.5, 0.1), t_end=0.3, progress=False)
    with pytest.raises(ValueError, match="dead_time"):
        fl.relative_entropy(run, steady)
    with pytest.raises(ValueError, match="delay"):
        fl.dual_weighted(run)
    assert 0 < run.error("N") < 1e-5
    fitted = fl.discretize(model, fl.interval(model, v_min=-5.0, cells=200), space=fl.ExponentialFitting())
    with pytest.raises(ValueError, match="dead time"):
        fl.evolve(fitted, fl.Gaussian(-0.5, 0.1), t_end=0.3)
