"""check_model passes what is right and names what is wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from own_models import Own, returns

import felif as fl
from felif import d
from felif.models.parameters import fixed
from felif.testing import CheckFailed, check_model

MODELS = [
    fl.NoisyLIF(),
    fl.NoisyLIF(b=-3.0, a0=0.3, a1=0.2, current=-0.5, v_reset=-1.0, v_fire=0.5),
    fl.NoisyLIF(b=0.5, a1=0.1, drift=fl.Quadratic(0.3), current=lambda t: math.cos(3 * t)),
    fl.NoisyLIF(drift=fl.Exponential(), v_fire=2.5, current=fl.Piecewise((1.0,), (0.0, 1.0))),
    fl.RefractoryLIF(b=1.2, tau=0.3),
    fl.RefractoryLIF(b=1.2, a1=0.3, drift=lambda v: -v - 0.1 * v**3),
    fl.RandomThresholdLIF(b=8.0),
    fl.RandomThresholdLIF(b=-2.0, eps=0.5, tau=0.2, a1=0.1, current=1.0),
    fl.NoisyLIF(b=-3.0, delay=0.5),
    fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0),
    fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0, tau=0.1, delay=0.2),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_models_of_the_package_pass(model):
    report = check_model(model)
    assert all(check.found <= check.allowed for check in report.checks)
    assert all("changes the unknowns" in reason for reason in report.skipped)  # tau = 0 of two populations has no R
    looked_at = {(check.kind, check.space) for check in report.checks}
    for space in ("SpectralElement", "Lagrange", "ExponentialFitting"):
        for kind in ("Jacobian", "scalar_gradient", "conserved", "parameter_derivative", "at", "F = A(s) y"):
            assert (kind, space) in looked_at


def test_a_users_model_passes_and_the_report_names_its_parameters():
    text = str(check_model(Own()))
    assert "checks passed" in text
    assert "b, gain, current" in text
    assert len(text.splitlines()) < 20


def test_a_smooth_but_steep_coefficient_is_no_kink():
    check_model(Own(drive=lambda s, m: np.tanh(200 * (s.N - 1))))


@pytest.mark.parametrize(
    "coefficient",
    [
        lambda s, m: abs(s.N),
        lambda s, m: max(s.N, 0.2),
        lambda s, m: math.exp(-s.N),
        lambda s, m: s.N.real,
        lambda s, m: np.sqrt(s.N),  # no slope at N = 0, where every run of an empty network begins
        lambda s, m: np.where(np.real(s.N) > 2.3, s.N - 2.3, 0.0),  # a kink away from any point one would sample
        lambda s, m: s.N if s.N.real < 3.1 else 0.0,  # a jump
        lambda s, m: abs(m.b) * s.N,
    ],
    ids=["abs", "max", "math.exp", "real", "sqrt", "where", "jump", "abs of a parameter"],
)
def test_a_coefficient_that_is_not_analytic_is_named(coefficient):
    with pytest.raises(CheckFailed, match=r"Term 'current'.*(s\.N|m\.b)"):
        check_model(Own(drive=coefficient))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drive": lambda s, m: s.M}, r"Term 'current' reads s\.M.*there are: N, I"),
        ({"drive": lambda s, m: m.a7}, r"Term 'current' reads m\.a7"),
        ({"drive": lambda s, m: np.log(s.N - 1.0)}, "Term 'current': its coefficient is nan at s.N = 0"),
        ({"leak": lambda n, phi, x: n * n * d(phi, "v")}, "Term 'leak'.*not linear in its field"),
        ({"leak": lambda n, phi, x: (n + 1.0) * d(phi, "v")}, "Term 'leak'.*not linear in its field"),
        ({"leak": lambda n, phi, x: n * phi * d(phi, "v")}, "Term 'leak'.*not linear in its test function"),
        ({"leak": lambda n, phi: n * phi}, "Term 'leak': its form cannot be evaluated"),
        ({"resets": (returns(lambda s, m: 0.9 * s.N),)}, "Conserved 'mass' of Own is not conserved by its terms"),
        ({"inputs": (fl.Given("I", "curent"),)}, "'curent', which Own does not have"),
        ({"more": (fl.Term("n", None, lambda phi, x: phi, at={"u": 1.0}, name="x"),)}, "'x' acts at \\['u'\\]"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(CheckFailed, match=f"(?s){message}"):
        check_model(Own(**change))


def test_a_parameter_read_by_a_form_must_be_fixed():
    @dataclass(frozen=True)
    class Hidden:
        stiffness: float = 1.0
        v_reset: float = fixed(1.0)
        v_fire: float = fixed(2.0)

        def equations(self) -> fl.Equations:
            base = Own().equations()
            stiff = fl.Term("n", "n", lambda n, phi, x: -self.stiffness * x.v * n * d(phi, "v"), name="leak")
            return replace(base, terms=(stiff, *base.terms[2:]), inputs=())

    with pytest.raises(CheckFailed, match="'stiffness' of Hidden is read by a form.*declare it by fixed"):
        check_model(Hidden())


def test_a_source_that_is_no_multiple_of_the_scalars_is_said_not_to_be_checked():
    drizzle = fl.Term("n", None, lambda phi, x: d(phi, "v"), lambda s, m: m.gain, name="drizzle")
    report = check_model(Own(more=(drizzle,)))
    assert len(report.skipped) == 3  # F = A(s) y, on each of the spaces
    assert "not checked" in str(report)


def test_a_source_that_is_no_polynomial_passes():
    """It is integrated as the problem integrates it, not by the quadrature of the space."""
    birth = fl.Term("n", None, lambda phi, x: np.exp(-(x.v**2)) * phi, lambda s, m: m.gain, name="birth")
    report = check_model(Own(more=(birth,), conserved=()))
    assert any(check.kind == "equation of scalar" and check.subject == "N" for check in report.checks)


def test_what_is_no_model_is_refused():
    @dataclass
    class Thawed:
        v_reset: float = fixed(1.0)

    class Bare:
        pass

    @dataclass(frozen=True)
    class Loose:
        v_reset: float = 1.0
        v_fire: float = 2.0

        def equations(self) -> fl.Equations:
            return Own().equations()

    @dataclass(frozen=True)
    class Wordy:
        v_reset: float = fixed(1.0)
        v_fire: float = fixed(2.0)

        def equations(self) -> str:
            return "n_t = ..."

    for model, message in (
        (Bare(), "no frozen dataclass"),
        (Thawed(), "no frozen dataclass"),
        (Loose(), "declare it by fixed"),
        (Wordy(), "allowed are Equations"),
    ):
        with pytest.raises(ValueError, match=message):
            check_model(model)


def test_discretize_too_refuses_coefficients_whose_derivative_it_cannot_take():
    for coefficient in (lambda s, m: abs(s.N), lambda s, m: math.exp(-s.N)):
        with pytest.raises(ValueError, match="Term 'current'"):
            fl.discretize(Own(drive=coefficient))
