"""What fires lands at several points: rates, the engine, spikes, inequalities, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from own_models import TOP, Own, refused
from own_models import spread as own_spread
from scipy.integrate import quad

import felif as fl
from felif.algebra.compiled import library
from felif.translation import law_of, weak_form_of

SHARES, PLACES = (0.25, 0.75), (1.2, -0.5)
LANDS = fl.jump("n", "N", lambda x: [(p, {"v": v}) for p, v in zip(SHARES, PLACES, strict=True)], at=TOP, name="spikes")
HOW = {"progress": False}


def spread(**parameters) -> Own:
    """Own with firing and reset in one jump that lands at PLACES."""
    return Own(firing=lambda s, m: 0.0 * s.N, resets=(LANDS,), **parameters)


def noisy(a: float) -> dict:
    return {"noise": lambda s, m: a}


def steady_rate(b: float, N: float, a: float = 1.0) -> float:
    """1/N = sum of shares T(r), T = 1/a int_r^{V_F} int_{-inf}^u exp((m - w)^2/2a - (m - u)^2/2a) with m = b N."""
    inner = lambda u: quad(lambda w: math.exp(((u - b * N) ** 2 - (w - b * N) ** 2) / (2 * a)), -12, u, epsrel=1e-12)[0]
    times = [quad(inner, place, 2.0, epsrel=1e-11, epsabs=1e-13)[0] / a for place in PLACES]
    return 1.0 / sum(share * T for share, T in zip(SHARES, times, strict=True))


@pytest.mark.parametrize("space", [None, fl.ExponentialFitting()])
def test_steady_rates_are_those_of_the_mean_of_passage_times_and_all_are_known(space):
    model = spread(b=0.5)
    mesh = None if space is None else fl.interval(model, v_min=-6.0, cells=1200, grading=1.0)
    problem = fl.discretize(model, mesh, tol=1e-9 if space is None else None, space=space)
    assert set(PLACES) <= set(problem.cells)
    states = fl.steady_states(problem)
    assert len(states) == 1
    assert states.complete or space is not None
    assert states[0].N == pytest.approx(steady_rate(0.5, states[0].N), rel=1e-10 if space is None else 2e-5)


def test_one_place_that_is_not_v_reset():
    """The rate is that of a model that is reset there."""
    lands = fl.jump("n", "N", lambda x: {"v": 0.25}, at=TOP)
    own = Own(firing=lambda s, m: 0.0 * s.N, resets=(lands,))
    rates = [fl.steady_states(fl.discretize(m, tol=1e-8))[0].N for m in (own, fl.NoisyLIF(b=0.5, v_reset=0.25))]
    assert rates[0] == pytest.approx(rates[1], rel=1e-8)


def test_the_particle_law_draws_the_place():
    law = law_of(spread(b=0.5))
    assert sorted(law.resets) == sorted(zip(SHARES, PLACES, strict=True))
    run = fl.simulate_particles(
        spread(b=0.5), neurons=20_000, t_end=6.0, start=fl.Gaussian(0.0, 0.25), dt=2e-3, seed=1, **HOW
    )
    exact = fl.evolve(fl.discretize(spread(b=0.5), tol=1e-5), fl.Gaussian(0.0, 0.25), 6.0, rtol=1e-5, **HOW)
    v = np.ravel(run.final.v)
    assert abs(v.mean() - moment(exact.final, 1)) < 4 * v.std() / math.sqrt(v.size)


def moment(state: fl.State, power: int) -> float:
    """int v^power n by Gauss's rule in every cell."""
    x, weights = np.polynomial.legendre.leggauss(14)
    cells, widths = state.problem.cells[:-1, None], state.problem.widths[:, None]
    v = cells + widths * (x + 1) / 2
    return float((widths * weights / 2 * v**power * state.n(v.ravel()).reshape(v.shape)).sum())


@pytest.mark.parametrize(
    ("b", "ends"), [(1.8, True), (1.95, True), (2.2, False)], ids=["once or twice", "four times", "again and again"]
)
def test_a_synchronous_spike_lands_at_several_places(b, ends):
    """It ends where b is below the mean way back to V_F, .25 * .8 + .75 * 2.5 = 2.075, for these data.

    Every spike takes a neuron from V_F to its place and every neuron up by b: the mean potential changes by
    D (b - 2.075) at that instant. Sizes from two networks of 1e6 neurons and three of 4e5 (3.8150, 3.8154, 3.8218) that
    this test does not simulate again.
    """
    problem = fl.discretize(spread(b=b, **noisy(0.2)), tol=1e-6)
    run = fl.evolve(problem, fl.Gaussian(1.7, 0.01), 0.03, rtol=1e-6, after_blow_up=fl.Continue(), **HOW)
    event = run.events[0]
    if not ends:
        assert (run.outcome.name, event.size) == ("eternal_blow_up", math.inf)
        return
    size, width = {1.8: (1.2354, 2e-3), 1.95: (3.8174, 5e-3)}[b]
    assert event.size == pytest.approx(size, abs=width)
    assert run.drift["mass"] < 1e-12
    last = [part for part in run.segments if part.times[-1] <= event.time][-1]
    before = moment(fl.State(last.problem, event.time, last.states[-1]), 1)
    assert moment(event.state, 1) - before == pytest.approx(event.size * (b - 2.075), rel=1e-5)


def test_a_synchronous_spike_with_noise_lands_there_too():
    """Eight networks of 5e4 neurons have spikes of 1.167 to 1.180, 1.173 in the mean."""
    model = spread(b=1.2, noise=lambda s, m: 0.2 + 0.05 * s.N)
    run = fl.evolve(
        fl.discretize(model, tol=1e-5), fl.Gaussian(1.7, 0.01), 0.02, rtol=1e-5, after_blow_up=fl.Continue(), **HOW
    )
    assert run.events[-1].size == pytest.approx(1.173, abs=4e-3)
    assert run.events[-1].kind == "diffusion"
    assert run.drift["mass"] < 1e-12


@pytest.mark.parametrize("model", [spread(b=0.5), Own(b=0.5, resets=(own_spread(0.6),))], ids=["points", "spread out"])
def test_forms_weighted_by_the_density_know_where_neurons_enter(model):
    """The second moment with the weights of the forms is that of the density, whatever the reset."""
    problem = fl.discretize(model, tol=1e-8)
    state = fl.steady_states(problem)[0]
    forms = state.problem.weighted_forms(0.0, state.y, "n")
    v, mass = state.problem.nodes[forms.first : forms.last], forms.mass.dense()
    assert v @ mass @ v / mass.sum() == pytest.approx(moment(state, 2), rel=1e-6)


def test_data_that_strong_inhibition_throws_back_land_where_they_are_reset():
    """Mass and mean after the first instant, of which an hour's worth of cells could not resolve the layer."""
    problem = fl.discretize(spread(b=-300.0, **noisy(0.1)), tol=1e-5)
    run = fl.evolve(problem, fl.Uniform(0.0, 2.0), 1e-3, rtol=1e-5, **HOW)
    assert run.outcome.name == "finished"
    assert run.drift["mass"] < 1e-12


def test_what_cannot_land_is_told():
    beyond = fl.jump("n", "N", lambda x: {"v": 2.5}, at=TOP)
    assert "lands" in refused(lambda: weak_form_of(Own(resets=(beyond,))))
    assert "2 reset terms, to [1.2, -0.5]" in refused(lambda: fl.first_passage(spread(b=0.0)))
    with pytest.raises(ValueError, match="below the lowest point = -0.5"):
        fl.interval(spread(), v_min=-0.25)
    assert "no node lies exactly on point 1 = 1.2" in refused(
        lambda: fl.discretize(spread(), fl.interval(fl.NoisyLIF(), v_min=-6.0, cells=20))
    )


def test_many_networks_share_a_mesh_with_all_places():
    """Each of them agrees with a run of its own to the tolerance."""
    b = [0.1, 0.5, 0.9]
    many = fl.evolve_many(spread(), {"b": b}, fl.Gaussian(0.0, 0.25), [0.1, 0.2], tol=1e-4)
    assert library() is None or not many.alone.any()
    for value, rates in zip(b, many.N, strict=True):
        alone = fl.evolve(fl.discretize(spread(b=value), tol=1e-6), fl.Gaussian(0.0, 0.25), 0.2, rtol=1e-6, **HOW)
        assert rates == pytest.approx(alone.sample("N", [0.1, 0.2]), rel=1e-4)
