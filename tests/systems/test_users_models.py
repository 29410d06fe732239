"""Models of a user: Robin's condition, exchange of neurons (both for the general engine), several resets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import brentq

import felif as fl
from felif.models.parameters import fixed
from felif.testing import check_model

HOW = {"progress": False}


def vanishing(v):
    """A density that is 0 at V_F = 2."""
    return np.exp(-2 * v**2) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))


@dataclass(frozen=True)
class Leaving:
    """n_t + (f n)_v - n_vv = 0 on [0, 2], n(2) = 0, and k n(0) leaves through 0: n_v(0) - f(0) n(0) = k n(0)."""

    k: float = 0.7
    leak: float = 0.0

    def equations(self) -> fl.Equations:
        bottom, top = {"v": 0.0}, {"v": 2.0}
        return fl.Equations(
            (fl.Axis("v", 0.0, 2.0),),
            (
                fl.Unknown("n", ("v",)),
                fl.Unknown("N", (), "holds", of="n", at=top),
                fl.Unknown("below"),
                fl.Unknown("fired"),
            ),
            (
                fl.drift("n", "v", lambda x: 1.0 - x.v, lambda s, m: m.leak),
                fl.noise("n", "v"),
                fl.Term("n", "n", lambda n, phi, x: -n * phi, lambda s, m: m.k, at=bottom, name="Robin"),
                fl.Term("below", "n", None, lambda s, m: m.k, at=bottom),
                fl.Term("n", "N", lambda N, phi, x: -N * phi, at=top, name="firing"),
                fl.Term("fired", "N"),
            ),
            (fl.Conserved("total", {"n": 1.0, "below": 1.0, "fired": 1.0}),),
        )


def test_a_condition_of_robin_at_the_lower_end():
    """sin(q (2 - v)) decays like exp(-q^2 t), q the smallest root of q cos(2 q) + k sin(2 q) = 0; all is accounted."""
    q = brentq(lambda q: q * math.cos(2 * q) + 0.7 * math.sin(2 * q), 0.8, 1.5)
    run = fl.evolve(fl.discretize(Leaving(), tol=1e-6), lambda v: np.sin(q * (2 - v)), 1.0, rtol=1e-8, **HOW)
    assert run.series["mass"][-1] == pytest.approx(math.exp(-(q**2)), rel=1e-8)
    fired = q / (q + 0.7 * math.sin(2 * q)) * (1 - math.exp(-(q**2)))  # of what leaves, q through V_F
    assert run.final.fired == pytest.approx(fired, rel=1e-7)
    assert run.drift["total"] < 1e-12
    assert check_model(Leaving(leak=0.5)).checks
    with pytest.raises(ValueError, match="no network of neurons is known behind Leaving"):  # what fires never returns
        fl.simulate_particles(Leaving(), neurons=10, start=0.5, t_end=0.1, seed=1)


@dataclass(frozen=True)
class UpAndDown:
    """Neurons of two states, each with its rest, that fire into their own state and change it at given rates."""

    b: float = 0.5
    to_up: float = 2.0
    to_down: float = 3.0

    def equations(self) -> fl.Equations:
        top, unknowns, terms = {"v": 2.0}, [], []
        for i, rest in (("u", 1.0), ("d", -1.0)):
            n, N = f"n_{i}", f"N_{i}"
            unknowns += [fl.Unknown(n, ("v",)), fl.Unknown(N, (), "holds", of=n, at=top)]
            terms += [
                fl.drift(n, "v", lambda x, rest=rest: rest - x.v),
                fl.drift(n, "v", lambda x: 1.0, lambda s, m: m.b * (s.N_u + s.N_d), name=f"input of {n}"),
                fl.noise(n, "v"),
                fl.jump(n, N, lambda x: {"v": 1.0}, at=top),
            ]
        terms += fl.exchange("n_u", "n_d", lambda s, m: m.to_down) + fl.exchange("n_d", "n_u", lambda s, m: m.to_up)
        axis = fl.Axis("v", -math.inf, 2.0, {"reset": 1.0})
        return fl.Equations((axis,), tuple(unknowns), tuple(terms), (fl.Conserved("mass", {"n_u": 1.0, "n_d": 1.0}),))


def test_two_densities_exchange_neurons_while_they_fire():
    """The share of the upper state obeys m' = 2 (1 - m) - 3 m, whatever the potentials do."""
    run = fl.evolve(fl.discretize(UpAndDown(), tol=1e-3), {"n_u": vanishing, "n_d": vanishing}, 0.5, rtol=1e-7, **HOW)
    assert run.series["mass_n_u"][-1] == pytest.approx(0.4 + 0.1 * math.exp(-2.5), rel=1e-7)
    assert run.drift["mass"] < 1e-12
    assert run.final.N_u > run.final.N_d > 0
    assert check_model(UpAndDown()).checks


@dataclass(frozen=True)
class Scattered:
    """NoisyLIF whose neurons begin again at several places."""

    b: float = 0.5
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    lands: Callable = fixed(lambda x: [(0.25, {"v": 1.0}), (0.75, {"v": -0.5})])

    def equations(self) -> fl.Equations:
        top = {"v": self.v_fire}
        return fl.Equations(
            (fl.Axis("v", -math.inf, self.v_fire, {"reset": self.v_reset, "lower": -0.5}),),
            (fl.Unknown("n", ("v",)), fl.Unknown("N", (), "holds", of="n", at=top)),
            (
                fl.drift("n", "v", lambda x: -x.v),
                fl.drift("n", "v", lambda x: 1.0, lambda s, m: m.b * s.N, name="input"),
                fl.noise("n", "v"),
                fl.jump("n", "N", self.lands, at=top),
            ),
            (fl.Conserved("mass", {"n": 1.0}),),
        )


@dataclass(frozen=True)
class UpAndDownOverAnIndex:
    """The same neurons as one density over an index; they change their entry by a jump."""

    def equations(self) -> fl.Equations:
        up = lambda x: np.where(x.k == 0, 1.0, 0.0)
        axes = fl.Index("k", 2), fl.Axis("v", -math.inf, 2.0, {"reset": 1.0})
        unknowns = (
            fl.Unknown("n", ("k", "v")),
            fl.Unknown("N", ("k",), "holds", of="n", at={"v": 2.0}),
            fl.Unknown("N_all", (), "equals"),
            fl.Unknown("mass_n_u", (), "equals"),
        )
        terms = (
            fl.drift("n", "v", lambda x: 2.0 * up(x) - 1.0 - x.v),
            fl.drift("n", "v", lambda x: 1.0, lambda s, m: 0.5 * s.N_all, name="input"),
            fl.noise("n", "v"),
            fl.jump("n", "N", lambda x: {"v": 1.0}, at={"v": 2.0}),
            fl.jump("n", "n", lambda x: {"k": 1 - x.k}, rate=lambda x: 2.0 + up(x)),
            fl.Term("N_all", "N"),
            fl.Term("mass_n_u", "n", lambda n, phi, x: up(x) * n * phi),
        )
        return fl.Equations(axes, unknowns, terms, (fl.Conserved("mass", {"n": 1.0}),))


@pytest.mark.parametrize(
    ("up", "down", "share"),
    [
        (vanishing, lambda v: 0.25 * vanishing(v), 0.8),
        (lambda v: 0 * v, vanishing, 0.0),
        (fl.Gaussian(0.0, 0.25), fl.Gaussian(-1.0, 1.0), 0.5),
    ],
    ids=["densities", "nobody", "Gaussians"],
)
@pytest.mark.parametrize("model", [UpAndDown(), UpAndDownOverAnIndex()], ids=["two", "an index"])
def test_what_shares_a_conserved_quantity_begins_in_the_proportions_it_is_given_in(model, up, down, share):
    """m = 0.4 + (m_0 - 0.4) exp(-5 t). Each had an equal share before, or the mass 1, so that a run over an index began
    with the mass 2 and tended to N = .269, while the steady state, of mass 1, has N = .119."""
    problem = fl.discretize(model, tol=1e-3)
    start = {"n_u": up, "n_d": down} if isinstance(model, UpAndDown) else {"n": [up, down]}
    run = fl.evolve(problem, start, t_end=0.5, rtol=1e-5)
    assert run.series["mass"][[0, -1]] == pytest.approx(1.0, abs=1e-12)
    assert run.series["mass_n_u"][-1] == pytest.approx(0.4 + (share - 0.4) * math.exp(-2.5), abs=1e-6)
    later = fl.evolve(problem, run.final, t_end=8.0, rtol=1e-5).final
    at_rest = fl.steady_state(problem)
    rate = lambda state: state.N_u + state.N_d if isinstance(model, UpAndDown) else state.N_all
    assert rate(later) == pytest.approx(rate(at_rest), rel=3e-4)  # tol = 1e-3


def test_densities_that_nobody_is_in_are_refused():
    problem, nobody = fl.discretize(UpAndDown(), tol=1e-2), lambda v: 0 * v
    with pytest.raises(ValueError, match="start: the density n_u, n_d is 0 everywhere"):
        fl.evolve(problem, {"n_u": nobody, "n_d": nobody}, t_end=0.1)


def test_neurons_begin_again_where_the_equation_says():
    """Both against 1 = N (T(1)/4 + 3 T(-1/2)/4), T the mean passage time of one neuron with the drift of that N."""

    def excess(N):
        times = [fl.first_passage(fl.NoisyLIF(b=0.5, v_reset=v), rate=N).mean for v in (1.0, -0.5)]
        return N * (0.25 * times[0] + 0.75 * times[1]) - 1

    exact = brentq(excess, 0.05, 0.2, xtol=1e-9)
    problem = fl.discretize(Scattered(), tol=1e-6)
    assert fl.steady_states(problem)[0].N == pytest.approx(exact, rel=1e-6)
    run = fl.evolve(problem, vanishing, 1.0, rtol=1e-6, **HOW)
    assert run.drift["mass"] < 1e-12
    assert check_model(Scattered()).checks
    network = fl.simulate_particles(
        Scattered(), neurons=5_000, networks=10, start=fl.Gaussian(0.0, 0.25), t_end=5.0, dt=0.02, seed=7, bins=10
    )
    rate, error = network.mean("N", 3.0, 5.0)
    assert abs(rate - exact) < 4 * error + 0.004 * exact
    assert error < 0.02 * exact


@pytest.mark.parametrize(
    ("lands", "message"),
    [
        (lambda x: [(0.25, {"v": 1.0}), (0.5, {"v": -0.5})], r"the reset of 'n' is \{'N': 0.75\}"),
        (lambda x: {"v": x.v - 1.5 + 0 * x.v}, None),
    ],
)
def test_neurons_of_a_network_that_loses_some_are_refused(lands, message):
    how = {"neurons": 10, "start": 0.0, "t_end": 0.1, "dt": 0.05, "seed": 1, "progress": False}
    if message is None:
        assert fl.simulate_particles(Scattered(lands=lands), **how).outcome.name == "finished"
        return
    with pytest.raises(ValueError, match=message):
        fl.simulate_particles(Scattered(lands=lands), **how)


def test_a_synchronous_spike_is_not_followed_where_its_law_is_not_known():
    problem = fl.discretize(UpAndDown(), tol=1e-2)
    with pytest.raises(ValueError, match="after_blow_up: UpAndDown"):
        fl.evolve(problem, {"n_u": vanishing, "n_d": vanishing}, 0.1, after_blow_up=fl.Continue(), **HOW)
