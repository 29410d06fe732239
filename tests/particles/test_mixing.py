"""Neurons that change their population, and an end below: against the densities that `evolve` finds, within bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import felif as fl
from felif.translation import law_of

HOW = {"progress": False}


def constant(rate: float) -> Callable:
    return lambda s, m: rate


def vanishing(v):
    """A density that is 0 at V_F = 2."""
    return np.exp(-2 * v**2) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))


@dataclass(frozen=True)
class Mixing:
    """Neurons of two states above V_min, each with its rest, that change their state: k_u n_u + k_d n_d leave there."""

    b: float = 0.5
    k_u: float = 0.0
    k_d: float = 0.0
    to_up: Callable = constant(2.0)
    to_down: Callable = constant(3.0)
    v_min: float = -np.inf
    lands: Callable = lambda x: {"v": 1.0}  # noqa: E731
    growth: float = 0.0
    absorbed: bool = False
    crossing: float = 0.0
    up: float | None = None
    where: Callable | None = None
    hears: Callable | None = None

    def equations(self) -> fl.Equations:
        top, bottom, unknowns, terms = {"v": 2.0}, {"v": self.v_min}, [], []
        for i, rest in (("u", 1.0), ("d", -1.0)):
            n, N, k = f"n_{i}", f"N_{i}", getattr(self, f"k_{i}")
            unknowns += [fl.Unknown(n, ("v",)), fl.Unknown(N, (), "holds", of=n, at=top)]
            terms += [
                fl.drift(n, "v", lambda x, rest=rest: rest - x.v),
                fl.drift(n, "v", lambda x: 1.0, lambda s, m: m.b * (s.N_u + s.N_d), name=f"input of {n}"),
                fl.noise(n, "v"),
                fl.jump(n, N, self.lands, at=top),
            ]
            if self.v_min > -np.inf:
                terms += [
                    fl.Term(n, n, lambda n, phi, x: -n * phi, constant(k), at=bottom, name=f"Robin of {n}"),
                    fl.Term("left", n, None, constant(k), at=bottom, name=f"{n} leaves"),
                ]
        terms += fl.exchange("n_u", "n_d", self.to_down) + fl.exchange("n_d", "n_u", self.to_up)
        if self.hears is not None:
            terms.append(fl.drift("n_u", "v", lambda x: 1.0, self.hears, name="heard"))
        if self.where is not None:
            terms.append(fl.Term("n_u", "n_u", lambda n, phi, x: -self.where(x.v) * n * phi, name="loss"))
            terms.append(fl.Term("n_d", "n_u", lambda n, phi, x: self.where(x.v) * n * phi, name="gain"))
        if self.growth:
            terms.append(fl.Term("n_u", "n_u", lambda n, phi, x: n * phi, constant(self.growth), name="growth"))
        if self.crossing:
            leaves = lambda n, phi, x: -n * phi
            terms.append(fl.Term("n_u", "n_u", leaves, constant(self.crossing), at=bottom))
            terms.append(fl.Term("n_d", "n_u", lambda n, phi, x: n * phi, constant(self.crossing), at=bottom))
        if self.absorbed:
            unknowns.append(fl.Unknown("B", (), "holds", of="n_u", at=bottom))
        total = {"n_u": 1.0, "n_d": 1.0}
        if self.v_min > -np.inf:
            unknowns.append(fl.Unknown("left"))
            total["left"] = 1.0
        axis = fl.Axis("v", self.v_min, 2.0, {"reset": 1.0})
        conserved = () if self.growth else (fl.Conserved("total", total),)
        return fl.Equations(
            (axis,), tuple(unknowns), tuple(terms), conserved, masses={} if self.up is None else {"n_u": self.up}
        )


def simulated(model, **how):
    given = {"neurons": 10_000, "networks": 10, "start": vanishing, "t_end": 0.5, "dt": 0.01, "seed": 3, "bins": 5}
    return fl.simulate_particles(model, **{**given, **HOW, **how})


def test_the_law_is_read_off_the_terms():
    law = law_of(Mixing(k_u=0.3, k_d=0.7, v_min=-1.0), mixing=True)
    assert law.exchange == ((0.0, 3.0), (2.0, 0.0))
    assert (law.low, law.leaves) == (-1.0, (0.3, 0.7))
    assert [(p.name, p.kicks, p.v_reset, p.v_fire, p.noise) for p in law.populations] == [
        ("_u", (0.5, 0.5), 1.0, 2.0, 1.0),
        ("_d", (0.5, 0.5), 1.0, 2.0, 1.0),
    ]
    assert [float(p.drift(0.5)) for p in law.populations] == [0.5, -1.5]


@pytest.mark.parametrize(
    "model",
    [
        Mixing(),
        Mixing(v_min=-1.0, up=0.8),
        Mixing(k_u=0.5, k_d=1.5, v_min=-0.5),
        Mixing(k_u=1.0, k_d=0.5, v_min=-0.5, to_up=constant(0.0), to_down=constant(0.0)),
        Mixing(b=-1.0, k_u=0.3, k_d=3.0, v_min=-0.7, lands=lambda x: [(0.25, {"v": 1.0}), (0.75, {"v": 0.2})]),
    ],
    ids=["exchange", "reflected", "both", "Robin", "scattered"],
)
def test_neurons_have_the_rates_masses_and_distribution_of_the_densities(model):
    """1 % for what a step of 0.01 does to rates, and four standard errors; a share of neurons has a binomial error."""
    run = fl.evolve(fl.discretize(model, tol=1e-4), {"n_u": vanishing, "n_d": vanishing}, 0.5, rtol=1e-6, **HOW)
    network, times = simulated(model), np.linspace(0.2, 0.5, 301)
    for name in ("N_u", "N_d"):
        rate, error = network.mean(name, 0.2, 0.5)
        exact = np.trapezoid(run.sample(name, times), times) / 0.3
        assert abs(rate - exact) < 4 * error + 0.01 * exact, name
        assert error < 0.05 * exact
    low, count = max(model.v_min, -6.0), network.final.v.size
    for population, name in enumerate(("n_u", "n_d")):
        v, density = network.final.potentials(population), getattr(run.final, name)
        assert v.min() >= low
        for place in (-0.3, 0.5, 1.2, 2.0):
            points = np.linspace(low, place, 4001)
            share = np.trapezoid(density(points), points)
            assert abs(np.mean(v < place) * v.size / count - share) < 4 * np.sqrt(share / count) + 1e-3, (name, place)


def test_the_share_that_leaves_at_v_min_is_off_by_less_than_the_step():
    """At V_min = -0.2 half of the neurons leave by t = 1/2: what steps of 0.02 and 0.005 make of the share, relative to
    that of the densities, is below dt beside four standard errors."""
    model = Mixing(b=0.0, k_u=2.0, k_d=2.0, v_min=-0.2)
    run = fl.evolve(fl.discretize(model, tol=1e-4), {"n_u": vanishing, "n_d": vanishing}, 0.5, rtol=1e-6, **HOW)
    left = run.final.left
    assert 0.3 < left < 0.8
    errors = [abs(simulated(model, dt=dt, networks=20).final.resting.mean() - left) for dt in (0.02, 0.005)]
    bar = np.sqrt(left * (1 - left) / 4e5)
    assert errors[0] < 0.02 * left + 4 * bar
    assert errors[1] < 0.005 * left + 4 * bar


def test_a_state_goes_on_as_neurons_in_its_own_shares():
    run = fl.evolve(fl.discretize(Mixing(), tol=1e-3), {"n_u": vanishing, "n_d": vanishing}, 0.5, rtol=1e-4, **HOW)
    share = run.final.n_u.integral()
    how = {"start": run.final, "t_end": 0.05, "networks": 1}
    numbers = {"u": round(2e4 * share), "d": 20_000 - round(2e4 * share)}
    divided, given = simulated(Mixing(), **how), simulated(Mixing(), neurons=numbers, **how)
    assert np.array_equal(divided.final.v, given.final.v)
    with pytest.raises(ValueError, match=r"start: a state with \[0.4082, 0.5918\] of the neurons"):
        simulated(Mixing(), neurons={"u": 10_000, "d": 10_000}, **how)
    with pytest.raises(ValueError, match="compare: neurons of Mixing change their population"):
        fl.compare(simulated(Mixing()), run)


@pytest.mark.parametrize(
    ("up", "down", "share"),
    [
        (vanishing, lambda v: 0.25 * vanishing(v), 0.8),
        (vanishing, lambda v: 0 * v, 1.0),
        (fl.Gaussian(0.0, 0.25), lambda v: np.exp(-2 * (v + 0.5) ** 2) / np.sqrt(2 * np.pi), 2 / 3),
    ],
    ids=["densities", "nobody", "Gaussian"],
)
def test_neurons_begin_in_the_proportions_of_the_densities(up, down, share):
    """m' = 2 (1 - m) - 3 m whatever the potentials do: m = 0.4 + (m_0 - 0.4) exp(-5 t). A Gaussian has the mass 1."""
    network = simulated(Mixing(), start={"n_u": up, "n_d": down}, neurons=20_000)
    assert (network.final.population == 0).mean() == pytest.approx(0.4 + (share - 0.4) * np.exp(-2.5), abs=4e-3)


def test_a_simulation_goes_on_to_the_same_digits(tmp_path):
    model, how = Mixing(k_d=1.0, v_min=-0.5), {"neurons": 300, "networks": 2}
    whole = simulated(model, t_end=0.4, bins=4, **how)
    simulated(model, t_end=0.2, bins=2, folder=tmp_path / "kept", **how)
    further = simulated(model, t_end=0.4, bins=4, folder=tmp_path / "kept", resume=True, **how)
    assert np.array_equal(further.final.v, whole.final.v)
    assert np.array_equal(further.final.population, whole.final.population)
    assert np.array_equal(further.series["N_u"], whole.series["N_u"])
    read = fl.load_particles(tmp_path / "kept", model)
    assert np.array_equal(read.final.population, whole.final.population)
    assert np.array_equal(read.final.resting, whole.final.resting)


@pytest.mark.parametrize(
    ("model", "how", "message"),
    [
        (Mixing(to_up=lambda s, m: 2.0 + s.N_u), {}, "no network of neurons is known behind Mixing"),
        (Mixing(to_up=lambda s, m: 2.0 + max(s.N_u - 4.0, 0.0)), {}, "no network of neurons is known behind Mixing"),
        (Mixing(where=lambda v: 1.0 + 3.0 * (v < -6.0)), {}, "no network of neurons is known behind Mixing"),
        (Mixing(where=lambda v: 1.0 + 3.0 * (abs(v - 0.5) < 0.03)), {}, "no network of neurons is known behind Mixing"),
        (Mixing(), {"neurons": {"u": 100, "d": 900}}, r"neurons = \(100, 900\) are simulated"),
        (
            Mixing(k_u=0.5, v_min=-1.0, hears=lambda s, m: s.left),
            {},
            "no network of neurons is known behind Mixing: the drift of 'n_u' reads left",
        ),
        (Mixing(growth=0.5), {}, "no network of neurons is known behind Mixing"),
        (Mixing(v_min=-1.0, absorbed=True), {}, "no network of neurons is known behind Mixing"),
        (Mixing(v_min=-1.0, crossing=0.5), {}, "no network of neurons is known behind Mixing"),
        (Mixing(), {"record": 1}, "record = 1"),
        (Mixing(), {"neurons": True}, "neurons = True; allowed is a whole number"),
        (Mixing(v_min=-0.5), {"start": -0.6}, "allowed are numbers from V_min = -0.5"),
        (
            Mixing(v_min=0.9),
            {"dt": 0.05},
            "are met in one step; allowed are steps up to 0.01",
        ),
        (Mixing(b=30.0), {"neurons": 200, "start": 1.9}, "no synchronous spike is followed"),
    ],
)
def test_what_is_not_simulated_is_refused(model, how, message):
    with pytest.raises(ValueError, match=message):
        simulated(model, **how)
