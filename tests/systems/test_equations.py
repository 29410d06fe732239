"""The language over any axes: what it refuses, and that what it accepts is computed as written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from own_models import Own

import felif as fl
from felif.models.parameters import fixed
from felif.testing import CheckFailed, check_model
from felif.weakform import (
    Axis,
    Conserved,
    Delayed,
    Equations,
    Given,
    Index,
    Term,
    Unknown,
    d,
    drift,
    exchange,
    jump,
    noise,
)

V = Axis("v", -math.inf, 2.0, {"reset": 1.0, "firing": 2.0})
N_OF_N = (Unknown("n", ("v",)), Unknown("N", (), "holds", of="n", at={"v": 2.0}))
RESET = jump("n", "N", lambda x: {"v": 1.0}, at={"v": 2.0})


@dataclass(frozen=True)
class Written:
    """A model whose equations a test writes."""

    axes: tuple = (V,)
    unknowns: tuple = N_OF_N
    terms: tuple = ()
    conserved: tuple = (Conserved("mass", {"n": 1.0}),)
    inputs: tuple = ()
    b: float = 0.5
    current: Any = 0.0
    more: dict = field(default_factory=dict)

    def equations(self):
        return Equations(self.axes, self.unknowns, self.terms, self.conserved, self.inputs, **self.more)


LEAK, NOISE = drift("n", "v", lambda x: -x.v), noise("n", "v")
INPUT = drift("n", "v", lambda x: 1.0, lambda s, m: m.b * s.N + s.I)
LIF = Written(terms=(LEAK, INPUT, NOISE, RESET), inputs=(Given("I", "current"),))


@pytest.mark.parametrize("b", [0.5, -2.0])
def test_the_noisy_network_in_this_language_is_that_of_the_other_engine(b):
    """Two engines that share neither spaces nor meshes; a start that vanishes at V_F."""
    start = fl.Gaussian(0.0, 0.25, boundary_layer=0.5)
    vanishing = lambda v: np.exp(-2 * v**2) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))
    own = Written(terms=LIF.terms, inputs=LIF.inputs, b=b)
    run = fl.evolve(fl.discretize(own), vanishing, 1.0, rtol=1e-7, progress=False)
    other = fl.evolve(fl.discretize(fl.NoisyLIF(b=b), tol=1e-8), start, 1.0, rtol=1e-8, progress=False)
    assert run.sample("N", [0.3, 1.0]) == pytest.approx(other.sample("N", [0.3, 1.0]), rel=1e-6)
    assert run.at(1.0).n(np.array([-1.0, 0.5, 1.5])) == pytest.approx(
        other.at(1.0).n(np.array([-1.0, 0.5, 1.5])), rel=1e-6
    )
    assert run.drift["mass"] < 1e-13


def test_boundary_layers_of_data_are_those_of_the_other_engine():
    """Two networks that do not hear each other, with noise that grows: data that do not vanish have no rate there."""
    layers = [fl.Gaussian(0.2, 0.25, boundary_layer=0.3), fl.Gaussian(-0.3, 0.25, boundary_layer=0.2)]
    b, noise, places = np.diag([0.3, -0.5]), np.diag([0.1, 0.2]), {"v_fire": [2.0, 1.5], "v_reset": [1.0, 0.5]}
    both = fl.discretize(fl.Populations(b, a1=noise, **places), tol=1e-5)
    run, times = fl.evolve(both, layers, 0.5, rtol=1e-5, progress=False), np.linspace(0.1, 0.5, 5)
    for k, start in enumerate(layers):
        own = {"b": b[k, k], "a1": noise[k, k], **{name: values[k] for name, values in places.items()}}
        alone = fl.evolve(fl.discretize(fl.NoisyLIF(**own), tol=1e-7), start, 0.5, rtol=1e-7, progress=False)
        assert run.sample(f"N_{k}", times) == pytest.approx(alone.sample("N", times), rel=1e-5)


def test_data_that_would_not_be_what_is_run_are_refused():
    network, cell = (fl.discretize(m, tol=1e-2) for m in (fl.Populations([[0.3]]), fl.CellPolarisation()))
    with pytest.raises(ValueError, match="97.7 % of the density n = .* lies above v_fire = 2"):
        fl.evolve(network, fl.Gaussian(3.0, 0.25), 0.1)
    with pytest.raises(ValueError, match="allowed is boundary_layer = 0: nothing holds n at zero"):
        fl.evolve(cell, fl.Gaussian(1.0, 0.25, boundary_layer=0.2), 0.1)


def test_what_lands_at_several_places_is_a_reset_distribution():
    """Half of what fires starts at 1, half at 0: the rate at rest is one over the mean of both passage times."""
    spread = jump("n", "N", lambda x: [(0.5, {"v": 1.0}), (0.5, {"v": 0.0})], at={"v": 2.0})
    axis = Axis("v", -math.inf, 2.0, {"upper": 1.0, "lower": 0.0})
    model = Written(axes=(axis,), terms=(LEAK, NOISE, spread))
    rate = fl.steady_states(fl.discretize(model))[0].N
    times = [1 / fl.steady_states(fl.discretize(fl.NoisyLIF(v_reset=v, v_fire=2.0)))[0].N for v in (0.0, 1.0)]
    assert rate == pytest.approx(2 / sum(times), rel=1e-6)


def test_two_densities_exchange_neurons_and_keep_them():
    """Up and down states that relax to the shares of the rates, 2 : 3, whatever the potentials do."""
    unknowns = (Unknown("up", ("v",)), Unknown("down", ("v",)))
    axis = Axis("v", -math.inf, math.inf)
    moves = [drift(n, "v", lambda x, at=at: at - x.v) for n, at in (("up", 1.0), ("down", -1.0))]
    terms = (
        *moves,
        noise("up", "v"),
        noise("down", "v"),
        *exchange("up", "down", lambda s, m: 3.0),
        *exchange("down", "up", lambda s, m: 2.0),
    )
    model = Written(
        axes=(axis,), unknowns=unknowns, terms=terms, conserved=(Conserved("total", {"up": 1.0, "down": 1.0}),)
    )
    start = {"up": lambda v: np.exp(-(v**2)), "down": lambda v: np.exp(-(v**2))}
    run = fl.evolve(fl.discretize(model, tol=1e-4), start, 1.0, rtol=1e-7, progress=False)
    assert run.drift["total"] < 1e-13
    total = run.series["total"][0]
    mass = 0.4 * total + (0.5 - 0.4) * total * math.exp(-5.0)  # of up, whose share obeys m' = 2 (total - m) - 3 m
    assert run.series["mass_up"][-1] == pytest.approx(mass, rel=1e-6)


def test_a_jump_leaves_where_it_is_and_lands_where_it_says():
    """On a circle, by a quarter turn at rate 2: the moment z = int e^{i theta} n changes like e^{2 (i - 1) t}."""
    circle = Axis("theta", 0.0, 2 * math.pi, periodic=True)
    unknowns = (Unknown("n", ("theta",)), Unknown("c", (), "equals"), Unknown("s", (), "equals"))
    terms = (
        noise("n", "theta", lambda s, m: 0.1),
        jump("n", "n", lambda x: {"theta": x.theta + math.pi / 2}, rate=lambda x: 2.0),
        Term("c", "n", lambda u, phi, x: np.cos(x.theta) * u * phi),
        Term("s", "n", lambda u, phi, x: np.sin(x.theta) * u * phi),
    )
    model = Written(axes=(circle,), unknowns=unknowns, terms=terms)
    run = fl.evolve(fl.discretize(model, tol=1e-5), lambda th: 1 + 0.5 * np.cos(th), 0.7, rtol=1e-8, progress=False)
    z = 0.25 * np.exp((2 * (1j - 1) - 0.1) * 0.7)
    assert (run.final.c, run.final.s) == pytest.approx((z.real, z.imag), rel=1e-5)


WRONG = {
    "nonlinear form": (
        Written(terms=(LEAK, NOISE, RESET, Term("n", "n", lambda u, phi, x: np.abs(u) * phi))),
        "not linear",
    ),
    "square": (Written(terms=(LEAK, NOISE, RESET, Term("n", "n", lambda u, phi, x: u * u * phi))), "not linear"),
    "constant": (Written(terms=(LEAK, NOISE, RESET, Term("n", "n", lambda u, phi, x: (u + 1) * phi))), "not linear"),
    "product's derivative": (
        Written(terms=(LEAK, Term("n", "n", lambda u, phi, x: d(u * phi, "v")))),
        "derivatives of",
    ),
    "unknown name": (Written(terms=(drift("n", "v", lambda x: 1.0, lambda s, m: s.M),)), r"reads s\.M"),
    "loses mass": (
        Written(terms=(LEAK, NOISE, Term("n", "N", lambda N, phi, x: -N * phi, at={"v": 2.0}))),
        "'mass' conserved",
    ),
    "lands outside": (
        Written(terms=(LEAK, NOISE, jump("n", "N", lambda x: {"v": 3.0}, at={"v": 2.0}))),
        r"lands at v = 3, outside the axis, \[-inf, 2\]",
    ),
    "lands beyond the mesh": (
        Written(
            axes=(Axis("v", -math.inf, 2.0),),
            terms=(LEAK, NOISE, jump("n", "N", lambda x: {"v": -50.0}, at={"v": 2.0})),
        ),
        r"lands at v = -50, outside the mesh, .* Axis\('v', ..., {'reset': -50}\)",
    ),
    "negative noise": (
        Written(terms=(LEAK, NOISE, RESET, noise("n", "v", lambda s, m: -2.0))),
        "the noise of n along v without activity is -1 at v = .*; allowed is a positive one",
    ),
    "noise that is negative somewhere": (
        Written(terms=(LEAK, noise("n", "v", a=lambda x: x.v - 0.5), RESET)),
        "the noise of n along v without activity is -",
    ),
    "a place at infinity": (
        Written(
            axes=(Axis("v", -math.inf, math.inf),),
            unknowns=(N_OF_N[0], Unknown("N", (), "holds", of="n", at={"v": math.inf})),
            terms=(LEAK, NOISE),
        ),
        "acts at v = inf; allowed are finite places",
    ),
    "a part that ends inside a cell": (
        Written(terms=(LEAK, NOISE, RESET, Term("n", "n", lambda u, phi, x: -u * phi, at={"v": (0.123, 2.0)}))),
        "allowed are ends of cells: name the points",
    ),
    "transport on a part of an axis without noise": (
        Written(
            axes=(Axis("z", 0.0, 2.0, {"half": 1.0}),),
            unknowns=(Unknown("n", ("z",)),),
            terms=(Term("n", "n", lambda u, phi, x: u * d(phi, "z"), at={"z": (1.0, 2.0)}),),
        ),
        "transport without noise acts all along 'z'",
    ),
    "a delay that is no parameter": (
        Written(terms=LIF.terms, inputs=(Delayed("I", "N", "lag"),)),
        "the delay 'lag' of Written is None; allowed are positive numbers",
    ),
    "nothing diffuses": (Written(terms=(LEAK, RESET)), "no noise"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_computed_as_written_is_refused_by_name(case):
    model, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        fl.discretize(model, tol=1e-2)


@dataclass(frozen=True)
class Fast:
    """The noisy network with one more term, of parameters that the faster engine knows."""

    more: Term
    b: float = 0.5
    current: float = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)

    def equations(self):
        return Equations((V,), N_OF_N, (*LIF.terms, self.more), inputs=LIF.inputs)


def of_math(x):
    """A function of math, which takes no arrays."""
    return math.exp(x.v)


@pytest.mark.parametrize("engine", ["general", "fast"])
@pytest.mark.parametrize("part", ["form", "coefficient"])
def test_what_a_function_of_the_user_raises_comes_with_its_term(engine, part):
    wrong = Term("n", "n", lambda n, phi, x: n * phi, lambda s, m: m.missing, name="wrong")
    if part == "form":
        wrong = Term("n", "n", lambda n, phi, x: of_math(x) * n * phi, name="wrong")
    model = Fast(wrong) if engine == "fast" else Written(terms=(*LIF.terms, wrong), inputs=LIF.inputs)
    with pytest.raises((TypeError, AttributeError, ValueError)) as caught:
        fl.discretize(model, tol=1e-2)
    assert any(f"the {part} of the term 'wrong'" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Axis("v", 1.0, 1.0), "low < high"),
        (lambda: Axis("v", 0.0, math.inf, periodic=True), "finite ends"),
        (lambda: Axis("v", 0.0, 1.0, {"far": 2.0}), "lies outside"),
        (lambda: Index("k", 0), "whole numbers from 1"),
        (lambda: Unknown("N", (), "holds"), "names `of` what"),
        (lambda: Equations((V,), (Unknown("t", ("v",)),), ()), "names of axes"),
        (lambda: Equations((V,), (Unknown("n", ("w",)),), ()), "the axes are"),
        (lambda: Equations((V, Index("k", 2)), (Unknown("n", ("v", "k")),), ()), "its indices first, then its axes"),
        (lambda: Equations((V,), N_OF_N, (Term("N", "n"),)), "goes into 'N'"),
        (lambda: Equations((V,), N_OF_N, (Term("n", "m"),)), "is no unknown"),
        (lambda: Equations((V,), N_OF_N, (), (Conserved("mass", {"N": 1.0}),)), "allowed are unknowns that evolve"),
        (
            lambda: Equations((V,), (Unknown("n", ("v",)), Unknown("N", (), "holds", of="n", at={"v": 1.0})), ()),
            "the ends of an axis",
        ),
    ],
)
def test_equations_that_mean_nothing_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("f", [abs, np.abs, lambda x: np.maximum(x.real, 0.0)])
def test_coefficients_without_a_complex_derivative_are_refused(f):
    rough = Written(terms=(LEAK, NOISE, RESET, drift("n", "v", lambda x: 1.0, lambda s, m: f(s.N))))
    with pytest.raises(ValueError, match=r"'drift of n along v'.*no complex step in s\.N"):
        fl.discretize(rough, tol=1e-2)
    with pytest.raises(CheckFailed, match="cannot be discretised"):
        check_model(rough)


@pytest.mark.parametrize("ends", [14, 72])
def test_coefficients_next_to_a_pole_are_analytic(ends):
    """1/sigma has a pole at J = -0.625, where the states of these meshes that are tried happen to lie (by 1e-6)."""
    model = fl.TimeElapsed(fl.StepHazard(lambda x: 0.5 + 0.8 * x), tau=0.5)
    assert fl.discretize(model, {"a": np.linspace(0.0, 1.0, ends)}).lines["a"].count == ends - 1


def test_unknowns_have_names_of_their_own():
    """Beside an attribute of a state, or a parameter on a branch, an unknown of that name could not be read."""
    decays = lambda name: Own(scalars=(fl.Unknown(name),), more=(fl.Term(name, name, coefficient=lambda s, m: -1.0),))
    state = fl.steady_state(fl.discretize(Own(), tol=1e-2))
    branch = fl.continuation(state.problem, state, "b", bounds=(0.4, 0.6))
    taken = {name for name in (*vars(state), *dir(type(state)), *branch.table) if name[0] != "_"}
    for name in taken - {"b", "N", "t"}:
        with pytest.raises(ValueError, match=f"'{name}'"):
            decays(name).equations()
    problem = fl.discretize(decays("gain"), tol=1e-2)
    assert fl.steady_state(problem).gain == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="both a parameter and an unknown"):
        fl.continuation(problem, fl.steady_state(problem), "gain", bounds=(0.5, 2.0))
