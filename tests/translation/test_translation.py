"""Equations reach the engine that computes them as written: the fast ones where they have that shape."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from own_models import BACK, TOP, EscapeNoise, Own, OwnPlane, refused

import felif as fl
from felif.translation import Elsewhere, is_fast, weak_form_of

HOW = {"progress": False}
SEVERAL = fl.jump("n", "N", lambda x: [(0.25, {"v": 1.2}), (0.75, {"v": -0.5})], at=TOP, name="spikes")
START = fl.Gaussian(0.0, 0.25, boundary_layer=0.5)


def vanishing(v):
    """The same start as a function."""
    return np.exp(-2 * v**2) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))


@dataclass(frozen=True)
class General:
    """The equations of a model, which does not say where V_R and V_F are: only the general engine computes it."""

    of: Any

    def __getattr__(self, name: str) -> Any:
        if name in ("v_reset", "v_fire") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.of, name)

    def equations(self) -> fl.Equations:
        return self.of.equations()


@dataclass(frozen=True)
class Mortal:
    """Neurons that fire once, and are no more."""

    def equations(self) -> fl.Equations:
        unknowns = (fl.Unknown("n", ("v",)), fl.Unknown("N", (), "holds", of="n", at=TOP))
        leaves = fl.Term("n", "N", lambda N, phi, x: -N * phi, at=TOP)
        terms = (fl.drift("n", "v", lambda x: -x.v), fl.noise("n", "v"), leaves)
        return fl.Equations((fl.Axis("v", -math.inf, 2.0),), unknowns, terms)


@pytest.mark.parametrize(
    ("model", "start", "more"),
    [
        (fl.RandomThresholdLIF(b=2.0, eps=0.2, tau=0.5), lambda v: np.exp(-2 * v**2), {"R": 0.1}),
        (fl.RefractoryLIF(b=0.5, tau=0.2, a1=0.1), vanishing, {"R": 0.1}),
        (fl.NoisyLIF(b=-2.0, delay=0.3, current=math.cos), vanishing, {}),
        (fl.NoisyLIF(b=0.5, dead_time=0.2), vanishing, {"R": 0.02}),
        (Own(firing=lambda s, m: 0.0 * s.N, resets=(SEVERAL,)), vanishing, {}),
    ],
    ids=["a part of the axis", "waiting", "a delay by name", "a dead time", "several places"],
)
def test_both_engines_compute_the_same(model, start, more):
    """They share neither spaces nor meshes."""
    past = {"history": 0.1} if model.__class__ is fl.NoisyLIF else {}
    start = {"n": start, **more}
    fast = fl.evolve(fl.discretize(model, tol=1e-7), start, 0.5, rtol=1e-7, **past, **HOW)
    general = fl.evolve(fl.discretize(General(model), tol=1e-6), start, 0.5, rtol=1e-7, **past, **HOW)
    assert type(fast.problem) is not type(general.problem)
    times = [0.1, 0.25, 0.5]
    assert general.sample("N", times) == pytest.approx(fast.sample("N", times), rel=3e-6)
    assert max(general.drift.values()) < 1e-12


@dataclass(frozen=True)
class Late(Own):
    """Own with a delay that is a parameter, and a dead time."""

    lag: float = 0.5
    silent: float = 0.25

    def equations(self) -> fl.Equations:
        found = super().equations()
        rest = fl.Term("R", coefficient=lambda s, m: s.N - s.N_back, name="rest")
        back = fl.Term("n", None, lambda phi, x: phi, lambda s, m: s.N_back, at=BACK, name="back")
        drive = fl.drift("n", "v", lambda x: 1.0, lambda s, m: m.b * s.N_before, name="current")
        terms = [t for t in found.terms if t.name not in ("reset", "current")]
        return replace(
            found,
            unknowns=(*found.unknowns, fl.Unknown("R")),
            terms=(*terms, drive, back, rest),
            inputs=(fl.Delayed("N_before", "N", "lag"), fl.Delayed("N_back", "N", "silent")),
            conserved=(fl.Conserved("total", {"n": 1.0, "R": 1.0}),),
        )


def test_delays_that_are_parameters_follow_them_and_a_dead_time_is_recognised():
    """The rate at rest is that of NoisyLIF with that dead time, whatever the delay."""
    problem = fl.discretize(Late(b=0.5), tol=1e-3)
    assert problem.held == {"N_back": "R"}
    assert problem.at(lag=0.2).delays == {"N_before": ("N", 0.2), "N_back": ("N", 0.25)}
    rate = fl.steady_states(problem)[0].N
    known = fl.steady_states(fl.discretize(fl.NoisyLIF(b=0.5, dead_time=0.25), tol=1e-3))[0].N
    assert rate == pytest.approx(known, rel=1e-9)
    with pytest.raises(ValueError, match="lag = -1.0; allowed for the delay of 'N_before' is a positive number"):
        fl.discretize(Late(lag=-1.0))


@dataclass(frozen=True)
class Shaped(Own):
    """Own with other parts of its equations."""

    change: Any = None

    def equations(self) -> fl.Equations:
        return replace(super().equations(), **self.change)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Shaped(change={"axes": (fl.Axis("v", -3.0, 2.0),)}), r"the axis 'v' is \[-3.0, 2.0\], not \[-inf, 2.0\]"),
        (Shaped(change={"masses": {"n": 0.5}}), "it states masses"),
        (Own(more=(fl.Term("n", "n", lambda n, phi, x: -n * phi, at=BACK, name="x"),)), "'x' couples densities, or"),
        (Own(more=(fl.Term("n", "N", at={"v": 2.5}, name="x"),)), "'x' is at v = 2.5, not at"),
        (Own(more=(fl.Term("n", "N", at={"v": lambda x: 0.5}, name="x"),)), "not at points of v"),
        (Own(drive=lambda s, m: s.v), r"the coefficient of 'current' reads \['v'\]"),
        (Own(drive=lambda s, m: s.n), r"the coefficient of 'current' reads \['n'\]"),
        (
            Own(resets=(fl.jump("n", "N", lambda x: {"v": 2.5}, at=TOP, name="x"),)),
            "'x' lands at v = 2.5, not",
        ),
        (
            OwnPlane(resets=(fl.jump("p", "N", lambda x: {"v": 0.5}, at=TOP, name="x"),)),
            "'x' lands at v = 0.5",
        ),
        (Own(resets=(fl.jump("n", "n", lambda x: BACK, rate=lambda x: 1.0, name="x"),)), "'x' is no jump of a flux"),
        (Own(inputs=(fl.Delayed("I", "N", 0.3),)), "the delay of I is 0.3, no name of a parameter"),
        (Own(scalars=(fl.Unknown("R"),), more=(fl.Term("R", "n", name="x"),)), "'x' goes from a function into a"),
        (Own(scalars=(fl.Unknown("m", ("v",)),), conserved=()), "some densities vanish at V_F, and others do not"),
        (General(fl.NoisyLIF()), "it has no parameter v_reset, which says where V_R is"),
        (EscapeNoise(0.5), "the axis 'v' begins at -1.0, not at -inf"),
        (EscapeNoise(0.5, ends=(-np.inf, 4.0)), "it has no parameter v_reset, which says where V_R is"),
        (Mortal(), "no term brings neurons to a point of 'v'"),
        (fl.AdaptiveLIF(), "it has no parameter w_min, which says where an end of the axis 'w' is"),
        (fl.Kuramoto(), "its axes are"),
    ],
)
def test_what_the_fast_engines_do_not_have_is_told_and_goes_to_the_general_one(model, why):
    assert not is_fast(model)
    with pytest.raises(Elsewhere, match=why):
        weak_form_of(model)


def test_a_form_of_a_number_is_linear_in_it():
    wrong = fl.Term("n", "N", lambda N, phi, x: N * N * phi, at=BACK, name="x")
    assert "Term 'x': its form is not linear in N" in refused(lambda: fl.discretize(Own(resets=(wrong,))))


def test_a_jump_that_loses_some_is_refused_where_the_mass_is_conserved():
    lossy = fl.jump("n", "N", lambda x: [(0.5, BACK)], at=TOP)
    assert "Conserved 'mass' of Own is not conserved" in refused(lambda: fl.discretize(Own(resets=(lossy,)), tol=1e-2))
    assert weak_form_of(Own(resets=(fl.jump("n", "N", lambda x: [(0.25, BACK), (0.75, BACK)], at=TOP),))).terms


def test_a_jump_times_a_number_is_that_many_terms():
    """A form and a coefficient of a jump act on both of its ends."""
    twice = fl.Term(
        "n", "N", lambda N, phi, x: 0.5 * x.v * N * phi, lambda s, m: 1.0, TOP, lambda x: BACK, name="spikes"
    )
    own = Own(firing=lambda s, m: 0.0 * s.N, resets=(twice,))  # x.v = V_F = 2 where it leaves
    rates = [fl.steady_states(fl.discretize(model, tol=1e-6))[0].N for model in (own, Own())]
    assert rates[0] == pytest.approx(rates[1], rel=1e-12)


def test_terms_of_one_name_are_numbered_and_models_that_look_alike_are_told_apart():
    doubled = Own(more=(fl.Term("n", "n", lambda n, phi, x: 0.0 * n * phi, name="x"),) * 2)
    assert [t.name for t in weak_form_of(doubled).terms][-2:] == ["x 1", "x 2"]

    class Other(fl.NoisyLIF):
        sign = 1.0

        def equations(self):
            found = super().equations()
            return replace(found, terms=(*found.terms, fl.drift("n", "v", lambda x: self.sign)))

    one, two = Other(), Other()
    object.__setattr__(two, "sign", -1.0)
    assert one == two
    assert len({fl.steady_states(fl.discretize(model, tol=1e-3))[0].N for model in (one, two)}) == 2


def test_a_density_over_v_and_w_is_computed_on_lines():
    assert is_fast(OwnPlane())
    assert {u.name: u.along for u in weak_form_of(OwnPlane()).scalars} == {"N": "w", "Nbar": None}


def test_what_has_no_equations_is_refused():
    class Old:
        v_reset, v_fire = 1.0, 2.0

        def weak_form(self):
            return "n_t = ..."

    for make in (lambda: fl.discretize(Old()), lambda: fl.simulate_particles(Old(), neurons=1, start=0.0, t_end=1.0)):
        assert "a method equations()" in (said := refused(make)) or "a model with equations()" in said
