"""From a model to a problem: what is chosen from a tolerance, what `at` shares, what is refused."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import skfem
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases
from scipy.special import ndtr

import felif as fl
from felif.models import terms
from felif.models.parameters import fixed

NETWORK = fl.NoisyLIF(b=0.5)
MESH = fl.interval(NETWORK)


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((3.0,), {}, "model = 3.0; allowed is a model"),
        ((NETWORK,), {"tol": 0.0}, r"tol = 0.0; allowed is a finite number > 0 and <= 0.1, or None"),
        ((NETWORK,), {"tol": 0.5}, r"tol = 0.5; allowed"),
        ((NETWORK,), {"tol": np.nan}, r"tol = nan; allowed"),
        ((NETWORK,), {"tol": "small"}, r"tol = 'small'; allowed"),
        ((NETWORK, MESH), {"tol": 1e-6}, "tol = 1e-06 chooses a mesh, but a mesh was given"),
        ((NETWORK, [0.0, 1.0, 2.0]), {}, "mesh = list; allowed is a MeshLine"),
        ((NETWORK, skfem.MeshTri()), {}, "mesh = MeshTri1; allowed is a MeshLine"),
        ((NETWORK, skfem.MeshLine(np.array([0.0, 1.5, 2.0]))), {}, "no node lies exactly on v_reset = 1.0"),
        ((NETWORK, fl.interval(fl.NoisyLIF(v_fire=3.0))), {}, "no node lies exactly on v_fire = 2.0"),
        ((NETWORK,), {"space": 6}, "space = 6; allowed are SpectralElement"),
        ((NETWORK,), {"space": fl.Lagrange}, "allowed are SpectralElement"),
        ((fl.NoisyLIF(drift=lambda v: v - 3.0),), {}, "drift does not hold neurons"),
    ],
)
def test_arguments_that_make_no_problem_are_refused(arguments, keywords, message):
    with pytest.raises(ValueError, match=message):
        fl.discretize(*arguments, **keywords)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.SpectralElement(1), "SpectralElement: degree = 1; allowed are integers from 2 to 16"),
        (lambda: fl.SpectralElement(2.5), "SpectralElement: degree = 2.5"),
        (lambda: fl.Lagrange(9), "Lagrange: degree = 9; allowed are integers from 1 to 8"),
    ],
)
def test_degrees_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_plain_mesh_of_scikit_fem_will_do():
    problem = fl.discretize(NETWORK, skfem.MeshLine(np.linspace(-4, 2, 13)))
    assert problem.cells[-1] == 2.0


def test_print_says_what_the_problem_is():
    text = repr(fl.discretize(fl.RefractoryLIF(b=0.5)))
    for part in ("n, N, R", "degrees of freedom", "firing -> n", "SpectralElement", "conserved  total", "tol = 1e-06"):
        assert part in text


@cases(25)
@given(
    a0=st.floats(0.01, 10),
    width=st.floats(0.01, 5),
    v_reset=st.floats(-5, 5),
    push=st.floats(-3, 3),
    tol=st.sampled_from([1e-3, 1e-8]),
    network=st.sampled_from([fl.NoisyLIF, fl.RandomThresholdLIF]),
)
def test_a_mesh_is_found_for_every_network(a0, width, v_reset, push, tol, network):
    model = network(a0=a0, v_reset=v_reset, v_fire=v_reset + width, current=v_reset + push * a0**0.5)
    problem = fl.discretize(model, tol=tol)
    assert {model.v_reset, model.v_fire} <= set(problem.cells)
    assert problem.size < 2000
    # far enough: without threshold the stationary density is a Gaussian about I
    assert ndtr((problem.cells[0] - model.current) / a0**0.5) < tol


def test_tighter_tolerances_take_more_unknowns():
    sizes = [fl.discretize(NETWORK, tol=tol).size for tol in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)]
    assert sizes == sorted(sizes)
    assert sizes[0] <= 40  # what little accuracy costs
    assert sizes[-1] < 1000


# other parameters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [fl.SpectralElement(4), fl.Lagrange(3), fl.ExponentialFitting()], ids=repr)
def test_at_is_the_same_as_discretising_again(space):
    problem = fl.discretize(NETWORK, MESH, space=space)
    other = problem.at(b=-2.0, a0=0.7, a1=0.3, current=lambda t: 1.0 + t)
    again = fl.discretize(other.model, MESH, space=space)
    y = np.random.default_rng(0).uniform(0, 0.03, problem.size)
    assert other.rate(0.3, y) == pytest.approx(again.rate(0.3, y), abs=1e-12)
    assert other.scalars(0.3, y) == pytest.approx(again.scalars(0.3, y), rel=1e-12)
    assert problem.model == NETWORK  # unchanged


def test_at_assembles_nothing(monkeypatch):
    from felif.assembly import assembler

    problem = fl.discretize(fl.RefractoryLIF(b=0.5), MESH)
    monkeypatch.setattr(assembler.Assembler, "__init__", lambda *_: pytest.fail("assembled again"))
    assert problem.at(b=1.0, tau=0.2).model.tau == 0.2


@pytest.mark.parametrize("name", ["v_reset", "v_fire", "drift"])
def test_at_refuses_what_shapes_the_mesh_or_the_forms(name):
    problem = fl.discretize(NETWORK, MESH)
    with pytest.raises(ValueError, match=f"'{name}' shapes .* call discretize again with {name}="):
        problem.at(**{name: getattr(NETWORK, name)})


def test_at_refuses_unknown_and_meaningless_parameters():
    problem = fl.discretize(NETWORK, MESH)
    with pytest.raises(ValueError, match="NoisyLIF has no parameter 'tau'; it has: a0, a1, b, current"):
        problem.at(tau=0.1)
    with pytest.raises(ValueError, match="a0 = -1.0; allowed is a positive number"):
        problem.at(a0=-1.0)


@pytest.mark.parametrize("make", [lambda m: fl.discretize(m, tol=1e-4), lambda m: fl.discretize(m, fl.interval(m))])
def test_rebuilt_moves_the_mesh_with_the_threshold(make):
    problem = make(NETWORK).rebuilt(v_fire=2.5, v_reset=0.5)
    assert {0.5, 2.5} <= set(problem.cells)
    assert (problem.landings, problem.top) == ((0.5,), 2.5)
    assert len(fl.evolve(problem, fl.Gaussian(0.0, 0.3), t_end=0.1).times) > 2


def test_derivatives_in_what_is_no_number_are_refused():
    problem = fl.discretize(fl.NoisyLIF(current=np.sin), MESH)
    y = np.zeros(problem.size)
    for name in ("v_fire", "current", "tau"):
        with pytest.raises(ValueError, match=f"no derivative in '{name}'"):
            problem.parameter_derivative(0.0, y, name)


def test_an_enriched_space_holds_the_same_function():
    problem = fl.discretize(NETWORK, tol=1e-4)
    state = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.5).final
    richer, carried = state.problem.enriched(state.y)
    v = np.linspace(-4, 2, 301)
    assert richer.size > state.problem.size
    assert richer.field("n", carried)(v) == pytest.approx(state.n(v), abs=1e-13)


def test_states_are_functions_between_the_nodes():
    run = fl.evolve(fl.discretize(NETWORK), fl.Gaussian(-0.5, 0.25, boundary_layer=0.5), t_end=0.0)
    n = run.final.n
    assert isinstance(n(0.3), float)
    assert n(np.zeros((2, 3))).shape == (2, 3)
    assert n(np.array([-1e3, 2.0, 2.5])) == pytest.approx(0.0, abs=1e-20)
    assert n(-0.5) == pytest.approx(1 / np.sqrt(2 * np.pi * 0.25), rel=1e-4)  # tol = 1e-6 bounds errors of N
    assert n.integral() == pytest.approx(1.0, abs=1e-13)
    with pytest.raises(AttributeError, match="no 'R'; it has: n, N"):
        run.final.R  # noqa: B018


# models that are put together wrongly ----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Own:
    more: tuple = fixed(())
    b: float = 0.5
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)

    def equations(self) -> fl.Equations:
        return fl.Equations(
            (terms.potentials(self),),
            (*terms.density(self), fl.Unknown("R")),
            (terms.drift(lambda v: -v), terms.noise(lambda s, m: 1.0), terms.reset(self), *self.more),
        )


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (fl.Term("n", None, lambda phi, x: phi, at={"v": (2.0, math.inf)}, name="x"), "no cells named 'above'"),
        (terms.current(lambda s, m: s.M), r"Term 'current' reads s\.M, which is no scalar or input"),
        (terms.current(lambda s, m: m.q * s.N), "reads parameter 'q', which the model does not have"),
        (terms.current(lambda s, m: abs(s.N)), "Term 'current': .* no analytic function of s.N"),
    ],
    ids=lambda x: "" if isinstance(x, fl.Term) else x,
)
def test_terms_that_make_no_sense_on_this_mesh_are_refused(term, message):
    with pytest.raises(ValueError, match=message):
        fl.discretize(Own(more=(term,)), MESH)


def test_exponential_fitting_says_which_terms_it_cannot_do():
    mixed = fl.Term("n", "n", lambda n, phi, x: n * fl.d(phi, "v") - n * phi, name="x")
    with pytest.raises(ValueError, match="Term 'x' mixes transport and reaction"):
        fl.discretize(Own(more=(mixed,)), MESH, space=fl.ExponentialFitting())
    unusual = fl.Term("n", "n", lambda n, phi, x: fl.d(n, "v") * phi, name="x")
    with pytest.raises(ValueError, match="Term 'x' has a part n' phi"):
        fl.discretize(Own(more=(unusual,)), MESH, space=fl.ExponentialFitting())
