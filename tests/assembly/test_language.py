"""What the language of models accepts is computed as written; everything else is refused by name."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from own_models import BACK, HALF, LOST, REACTION, TOP, Own, OwnPlane, plane, refused, returns, spread
from scipy.integrate import quad
from scipy.stats import norm

import felif as fl
from felif import d

# forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        lambda n, phi, x: -n * n * phi,
        lambda n, phi, x: -abs(n) * phi,
        lambda n, phi, x: (n + 1e-6) * phi,
        lambda n, phi, x: np.maximum(n, 0.0) * d(phi, "v"),
        lambda n, phi, x: np.sin(n) * d(phi, "v"),
        lambda n, phi, x: n * phi * phi,
        lambda n, phi, x: n * (phi + 1.0),
        lambda n, phi, x: d(n, "v") * d(n, "v") * d(phi, "v"),
        lambda n, phi, x: np.where(n > 100.0, 0.0, n) * phi,
        lambda n, phi, x: -np.where((x.v > 0.9) & (x.v < 0.95), n * n, n) * phi,
        lambda n, phi, x: -np.where(x.v < -4.0, n * n, n) * phi,  # below all that is looked at without a mesh
    ],
)
def test_forms_that_are_not_linear_are_refused(form):
    message = refused(lambda: fl.discretize(Own(more=(fl.Term("n", "n", form, name="odd"),), conserved=LOST)))
    assert "Term 'odd': its form is not linear in its" in message


@pytest.mark.parametrize(
    "form",
    [
        lambda n, phi, x: -np.mean(n) * phi,
        lambda n, phi, x: -n.sum(axis=-1, keepdims=True) * phi,
        lambda n, phi, x: -np.roll(np.asarray(n), 1) * phi,
        lambda n, phi, x: np.gradient(np.asarray(n), axis=-1) * d(phi, "v"),
        lambda n, phi, x: (x.v.mean() - x.v) * n * d(phi, "v"),
        lambda n, phi, x: (x.v.max() - x.v) * n * phi,
    ],
)
def test_forms_that_look_at_other_points_are_refused(form):
    message = "Term 'odd': the value of its form at a point depends on other points"
    for model, field in ((Own, "n"), (OwnPlane, "p")):
        odd = fl.Term(field, field, form, name="odd")
        assert message in refused(lambda: fl.discretize(model(more=(odd,), conserved=LOST)))  # noqa: B023


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (fl.Term("n", "n", lambda n, phi, x: -np.ones(3), name="x"), "'x': its form has the shape \\(3,\\)"),
        (fl.Term("n", "n", lambda n, phi, x: -n * phi, lambda s, m: True, name="x"), "'x': its coefficient is True"),
        (fl.Term("n", "n", lambda n, phi, x: np.log(x.v) * n * phi, name="x"), "'x': its form is nan at v = -0.9"),
        (fl.Term("n", "n", lambda n, phi, x: 1j * n * phi, name="x"), "'x': its form is .*j.* allowed are finite real"),
        (fl.Term("n", "n", lambda n, phi, x: x.w * n * phi, name="x"), "'x': its form reads a coordinate"),
        (fl.Term("n", "n", lambda n, phi, x: d(n, "v") * phi, name="x"), "'x' has a part n' phi"),
        (
            fl.Term("n", None, lambda phi, x: d(phi, "v"), at=BACK, name="x"),
            "'x': its form has a derivative over facets",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero")
def test_forms_that_cannot_be_read_are_refused(term, message):
    with pytest.raises(ValueError, match=message):
        fl.discretize(Own(more=(term,), conserved=LOST))


def test_a_parameter_that_a_form_reads_must_be_fixed():
    problem = fl.discretize(Hidden())
    assert problem.at(b=0.2).model.b == 0.2
    with pytest.raises(ValueError, match="'gain' of Hidden is read by a form, that of the term 'leak'"):
        problem.at(gain=2.0)


class Hidden(Own):
    def equations(self) -> fl.Equations:
        return replace(self, leak=lambda n, phi, x: -self.gain * x.v * n * d(phi, "v")).plain()

    def plain(self) -> fl.Equations:
        return Own.equations(self)


# coefficients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drive", "message"),
    [
        (lambda s, m: abs(s.N), "no analytic function of s.N"),
        (lambda s, m: s.N + abs(s.N), "no analytic function of s.N"),
        (lambda s, m: np.real(s.N), "no analytic function of s.N"),
        (lambda s, m: np.maximum(s.N, 0.5), "no analytic function of s.N"),
        (lambda s, m: np.where(np.real(s.N) > 2.0, s.N - 2.0, 0.0), "no analytic function of s.N"),
        (lambda s, m: max(s.N, 0.1), "cannot be evaluated at a complex s.N.*avoid max"),
        (lambda s, m: math.exp(-s.N), "cannot be evaluated at a complex s.N.*those of math"),
        (lambda s, m: abs(m.b) * s.N, "no analytic function of m.b"),
        (lambda s, m: np.real(m.b) * s.N, "no analytic function of m.b"),
        (lambda s, m: None, "coefficient is None"),
        (lambda s, m: "1", "coefficient is '1'"),
        (lambda s, m: 1j * s.N, "allowed are finite real numbers"),
        (lambda s, m: math.nan, "coefficient is nan"),
        (lambda s, m: np.array([1.0, 2.0]), r"coefficient has the shape \(2,\)"),
        (lambda s, m: s.w, "reads s.w, which is no scalar or input"),
        (lambda s, m: s.t, "reads s.t, which is no scalar or input"),
    ],
)
def test_coefficients_without_derivatives_or_values_are_refused(drive, message):
    with pytest.raises(ValueError, match=f"Term 'current'.*{message}"):
        fl.discretize(Own(drive=drive))


def test_a_coefficient_that_saturates_beyond_where_one_looks_first_is_not_taken_for_affine():
    """N of y solves N = f0.y + c(N) f1.y: with c constant beyond N = 6 that is one division."""
    capped, free, constant = (
        fl.discretize(Own(drive=drive), fl.interval(Own()))
        for drive in (lambda s, m: s.N if np.real(s.N) < 6.0 else 6.0 + 0 * s.N, lambda s, m: s.N, lambda s, m: 6.0)
    )
    y = np.interp(capped.nodes[:-1], [-1.0, 1.0, 2.0], [0.0, 12.0, 0.0])
    assert constant.scalars(0.0, y)[0] == pytest.approx(capped.scalars(0.0, y)[0], rel=1e-13)
    assert capped.scalars(0.0, y)[0] > 6.0
    assert free.scalars(0.0, 1e-3 * y)[0] == pytest.approx(capped.scalars(0.0, 1e-3 * y)[0], rel=1e-13)


# scalars, inputs, noise ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"firing": lambda s, m: 0.0 * s.N}, "N has no equation"),
        ({"firing": lambda s, m: -s.N}, "N has no equation"),
        ({"noise": lambda s, m: -1.0}, "the noise of n without activity is -1 at v = "),
        ({"noise": lambda s, m: 0.0 * m.b}, "the noise of n without activity is 0 at v = 2"),
        ({"v_reset": 2.0}, "v_reset = 2.0; allowed are numbers below v_fire = 2.0"),
        ({"v_fire": math.nan}, "low, high = -inf, nan; allowed are numbers low < high"),
        ({"current": math.inf}, "current = inf; allowed for the input 'I' are a finite number"),
        ({"current": "3"}, "current = '3'; allowed for the input 'I'"),
        ({"inputs": (fl.Given("I", "curent"),)}, "the parameter 'curent', which Own does not have"),
        ({"inputs": (fl.Delayed("I", "N", "current"),)}, "current = 0.0; allowed for the delay of 'I' is a positive"),
        ({"more": (fl.Term("N", "n", name="x"),)}, "'x' goes into 'N'; allowed are unknowns that evolve or equal"),
        ({"scalars": (fl.Unknown("M", (), "holds", of="n", at=TOP),)}, "'N' and another one hold 'n' at"),
        ({"scalars": (fl.Unknown("mass"),)}, "they must differ, and from .*'mass'"),
        ({"conserved": (fl.Conserved("x", {"N": 1.0}),)}, r"'x' weighs \['N'\]"),
        ({"conserved": (fl.Conserved("x", {}),)}, "'x' weighs"),
        ({"conserved": (fl.Conserved("x", {"n": math.nan}),)}, "'x' weighs .*allowed are numbers that"),
        ({"conserved": (fl.Conserved("N", {"n": 1.0}),)}, "'N' has the name of something else"),
        ({"conserved": (fl.Conserved("mass", {"n": 2.0}),)}, "it is that of all densities"),
    ],
)
def test_scalars_inputs_noise_and_names_are_what_they_must_be(change, message):
    with pytest.raises(ValueError, match=message):
        fl.discretize(Own(**change))


# conservation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"more": (REACTION,)},
        {"resets": (returns(lambda s, m: 0.9 * s.N),)},
        {"resets": (returns(lambda s, m: s.N + 0.1),)},
        {"resets": (returns(lambda s, m: s.N * np.exp(-0.01 * s.N)),)},  # all of it only while nobody fires
        {"resets": ()},
        {"firing": lambda s, m: 2.0 * s.N},
        {"resets": (HALF,)},
        {"resets": (spread(0.5, share=0.999),)},
        {"more": (fl.Term("n", None, lambda phi, x: 0.01 * phi * np.exp(-(x.v**2)), name="rain"),)},
        {"scalars": (fl.Unknown("R"),), "more": (fl.Term("R", "N", name="in"),),
         "conserved": (fl.Conserved("total", {"n": 1.0, "R": 1.0}),)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("space", [fl.SpectralElement(6), fl.Lagrange(2), fl.ExponentialFitting()], ids=repr)
def test_terms_that_do_not_conserve_what_is_declared_are_refused(change, space):
    with pytest.raises(ValueError, match=r"Conserved '\w+' of Own is not conserved by its terms: where N = .* rate"):
        fl.discretize(Own(**change), tol=1e-3, space=space)


def test_the_same_terms_are_computed_where_nothing_is_declared():
    """dm/dt = -m/10 for the loss, whatever else the neurons do."""
    run = fl.evolve(fl.discretize(Own(more=(REACTION,), conserved=LOST)), fl.Gaussian(0.0, 0.25), 2.0, rtol=1e-8)
    assert run.series["mass"][-1] == pytest.approx(math.exp(-0.2), rel=1e-7)


def test_a_parameter_of_a_source_may_not_spoil_it_later():
    problem = fl.discretize(Own(resets=(returns(lambda s, m: m.gain * s.N),)))
    with pytest.raises(ValueError, match="Conserved 'mass' of Own is not conserved"):
        problem.at(gain=0.5)
    assert problem.at(b=0.1).model.gain == 1.0


def steady_rate_with_spread_reset(deviation, b=0.0, a=1.0):
    """n = (N/a) int_v^V_F R(s) e^{(s^2 - v^2)/(2a)} ds for the drift -v, R the distribution function of the reset."""
    R = lambda s: norm.cdf(s / deviation) / norm.cdf(2.0 / deviation)
    inner = lambda v: quad(lambda s: R(s) * math.exp((s * s - v * v) / (2 * a)), v, 2.0, epsabs=1e-13, epsrel=1e-12)[0]
    return 1.0 / (quad(inner, -9.0, 2.0, epsabs=1e-12, epsrel=1e-11)[0] / a)


@pytest.mark.parametrize("deviation", [0.5, 1.2])
def test_a_reset_distribution_is_computed(deviation):
    """Against a quadrature of the stationary equation; no mass is lost although the source is spread out."""
    model = Own(b=0.0, resets=(spread(deviation),))
    problem = fl.discretize(model, tol=1e-8)
    exact = steady_rate_with_spread_reset(deviation)
    assert fl.steady_states(problem)[0].N == pytest.approx(exact, rel=1e-8)
    if deviation != 0.5:
        return
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), 14.0, rtol=1e-8)
    assert run.final.N == pytest.approx(exact, rel=1e-6)
    assert run.drift["mass"] < 1e-13


def test_a_drift_above_the_threshold_only_acts_there_with_fitted_fluxes_too():
    push = fl.Term("n", "n", lambda n, phi, x: -5.0 * n * d(phi, "v"), at={"v": (2.0, math.inf)}, name="push")
    rates = [
        fl.steady_states(fl.discretize(Above(push=push), mesh, space=space))[0].N
        for mesh, space in (
            (fl.interval(Above(), v_min=-6.0, cells=24), fl.SpectralElement(8)),
            (fl.interval(Above(), v_min=-6.0, cells=1200, grading=1.0), fl.ExponentialFitting()),
        )
    ]
    assert rates[1] == pytest.approx(rates[0], rel=2e-3)  # the cells' h^2
    assert fl.steady_states(fl.discretize(Above(), tol=1e-6))[0].N > 1.02 * rates[0]


class Above(fl.RandomThresholdLIF):
    push: fl.Term | None = None

    def __init__(self, push=None):
        super().__init__(b=0.0, eps=0.5)
        object.__setattr__(self, "push", push)

    def equations(self) -> fl.Equations:
        found = super().equations()
        return replace(found, terms=(*found.terms, self.push)) if self.push else found


# over (v, w) -----------------------------------------------------------------------------------------------------

OVER = {"tol": 1e-2}


@pytest.mark.parametrize(
    ("change", "on_lines", "on_triangles"),
    [
        ({"resets": plane("reset", lambda phi, x: 0.5 * phi)}, "0.5 of what fires", "are 0.5 N phi"),
        ({"resets": plane("reset", coefficient=lambda s, m: 0.5 * s.N)}, "0.5 of what fires", "are 0.5 N phi"),
        ({"resets": plane("reset", coefficient=lambda s, m: s.N * (1 + s.w))}, "number times N", "number times N"),
        ({"resets": plane("reset", coefficient=lambda s, m: s.N * (s.w > -0.5))}, "number times N", "number times N"),
        ({"resets": plane("reset", coefficient=lambda s, m: s.N * (1 + s.Nbar))}, "number times N", "number times N"),
        ({"resets": plane("reset", coefficient=lambda s, m: s.N * s.N)}, "number times N", "number times N"),
        ({"resets": plane("reset", lambda phi, x: (1 + x.w) * phi)}, "number times N", "number times N"),
        ({"resets": ()}, "must leave through 'firing' and enter", "'reset' (none) are 0 N phi"),
        ({"firing": plane("firing", coefficient=lambda s, m: 2.0 * s.N)}, "0.5 of what fires", "are -2 N phi"),
        ({"leak": lambda p, phi, x: (x.w - x.v) * p * d(phi, "v")}, "reads a coordinate", None),
        ({"drive": lambda s, m: s.w * s.N}, "has no attribute 'N'", "may read s.w and numbers, not s.N"),
        ({"total": lambda N, phi, x: N * N}, "not linear in its field", "not linear in its field"),
        ({"more": (fl.Term("Nbar", "p", name="x"),)}, "a number is the integral of N", "integral of N"),
        ({"more": (fl.Term("p", "p", lambda p, phi, x: -p * phi, name="x"),)}, "'x' is a reaction", "nothing else"),
        ({"more": (fl.Term("p", None, lambda phi, x: phi, name="x"),)}, "source is over 'firing'", "is over 'firing'"),
    ],
)  # fmt: skip
def test_over_v_and_w_terms_are_read_or_refused(change, on_lines, on_triangles):
    model = OwnPlane(**change)
    assert on_lines in refused(lambda: fl.discretize(model, **OVER))
    triangles = lambda: fl.discretize(model, space=fl.Triangles(1), **OVER)
    if on_triangles is None:
        triangles()
    else:
        said = refused(triangles)
        assert on_triangles in said or "nothing else" in on_triangles and "nothing else" in said


def test_half_of_what_fires_may_be_lost_on_lines():
    """Without learning and coupling every line loses half of what fires: d mass/dt = -Nbar/2."""
    lossy = OwnPlane(eps=0.0, drive=lambda s, m: 1.0, resets=plane("reset", lambda phi, x: 0.5 * phi), conserved=())
    run = fl.evolve(
        fl.discretize(lossy, tol=1e-4), lambda v, w: np.exp(-(v**2)) * (1 + w) ** 2, 1.0, rtol=1e-6, progress=False
    )
    times = np.linspace(0.2, 1.0, 401)  # N starts from infinity
    fired = np.trapezoid(run.sample("Nbar", times), times)
    assert run.at(0.2).p.integral() - run.final.p.integral() == pytest.approx(0.5 * fired, rel=1e-4)
    assert fired > 0.05


def test_a_current_that_varies_where_nobody_looked_is_no_constant():
    """On weights in [-1, 0] the profile max(0, -w) was looked at for w in (0.1, 0.9), where it is 0."""
    profile = lambda w: 2.0 * np.maximum(0.0, -w)
    model = fl.LearningLIF(eps=0.0, K=0.0, sigma=lambda x: 0.0 * x, current=profile)
    problem = fl.discretize(model, tol=1e-3)
    state = fl.evolve(problem, lambda v, w: np.exp(-(v**2)) + 0.0 * w, 12.0, progress=False).final
    single = [fl.steady_states(fl.discretize(fl.NoisyLIF(current=profile(w))))[0].N for w in (-0.9, -0.2)]
    assert state.N(np.array([-0.9, -0.2])) == pytest.approx(single, rel=2e-3)
