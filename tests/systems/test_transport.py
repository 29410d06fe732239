"""What is carried along an axis without noise: through coefficients that change faster than cells, and beyond them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from independent_of_elements import cohorts, followed_step
from own_models import EscapeNoise
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

import felif as fl
from felif.systems import adapt

WIDTH, AGE = 0.1, 4.0  # of a peak of neurons that fired together


def peak(s):
    return np.exp(-((s - AGE) ** 2) / (2 * WIDTH**2)) / (WIDTH * np.sqrt(2 * np.pi))


def lively(s, x=0.0):
    return 0.3 * np.exp(-((s - 12) ** 2) / 2) + 0.02


def survives(s):
    """int_0^s of the hazard, in closed form, as the probability not to have fired."""
    from scipy.special import erf

    whole = 0.3 * np.sqrt(np.pi / 2) * (erf((s - 12) / np.sqrt(2)) + erf(12 / np.sqrt(2))) + 0.02 * s
    return np.exp(-whole)


def renewed(t_end, count):
    """N at count equal steps: N = int_0^t h S(s) N(t - s) ds + int peak(a) h(a + t) S(a + t)/S(a) da, by trapezia.

    What they lack is of second order, and is taken out from two step lengths.
    """
    a, weights = np.polynomial.legendre.leggauss(80)
    a, weights = AGE + 9 * WIDTH * a, 9 * WIDTH * weights * peak(AGE + 9 * WIDTH * a)

    def solved(n):
        t = np.linspace(0.0, t_end, n + 1)
        first = (weights * lively(a + t[:, None]) * survives(a + t[:, None]) / survives(a)).sum(axis=1)
        kernel, N, h = lively(t) * survives(t), np.zeros(n + 1), t_end / n
        for k in range(n + 1):
            past = N[0] * kernel[k] / 2 + kernel[k - 1 : 0 : -1] @ N[1:k] if k else 0.0
            N[k] = (first[k] + h * past) / (1 - (h * kernel[0] / 2 if k else 0.0))
        return N[:: n // count]

    return (4 * solved(4 * count) - solved(2 * count)) / 3


@pytest.mark.parametrize(("tol", "allowed"), [(1e-3, 3e-4), (1e-5, 1e-5)])
def test_a_narrow_peak_is_carried_through_a_hazard(tol, allowed):
    """At the places of neither cells nor steps is N wrong by more than about tol; it was by 4e-3 at any tol."""
    problem = fl.discretize(fl.TimeElapsed(lively), tol=tol)
    run = fl.evolve(problem, peak, 12.0, rtol=tol, progress=False)
    times = np.linspace(0.0, 12.0, 121)
    N = renewed(12.0, 120)
    assert np.abs(run.sample("N", times) - N).max() < allowed * N.max()


def test_ages_that_inhibition_makes_long_are_in_the_mesh():
    """n = N exp(-int p) with p = s/((10 + s)(1 + 100 N)), and 1/N = int exp(-(s - 10 ln(1 + s/10))/(1 + 100 N)) ds."""
    survival = lambda N: lambda s: np.exp(-(s - 10 * np.log1p(s / 10)) / (1 + 100 * N))
    N = brentq(lambda N: N * quad(survival(N), 0, np.inf, epsrel=1e-12, limit=400)[0] - 1, 0.01, 1.0, xtol=1e-15)
    problem = fl.discretize(fl.TimeElapsed(lambda s, x: s / (10 + s) / (1 + 100 * x)), tol=1e-4)
    reach = problem.lines["s"].cells[-1]
    steady = fl.steady_state(problem)
    assert abs(steady.N - N) < steady.error + 1e-12  # of the quadrature
    assert steady.error < 1e-8
    run = fl.evolve(problem, lambda s: np.exp(-s), 300.0, rtol=1e-4, progress=False)
    assert run.final.N == pytest.approx(N, rel=2e-6)  # 1e-4 where all that is older stays in the last cell
    assert run.problem.lines["s"].cells[-1] > 2 * reach
    assert run.drift["mass"] < 1e-12


def test_a_coefficient_that_is_nearly_zero_somewhere_is_analytic():
    """(1 - sigma' dN)/sigma passes through zero; with 64 cells it is 8e-4 where its slope is looked at."""
    age = fl.TimeElapsed(fl.StepHazard(lambda x: 2.75 - 2.25 * x))
    for cells in range(60, 70):
        assert fl.discretize(age, {"a": np.linspace(0, 1, cells + 1)}).lines["a"].count == cells


def onset(width, at, towards):
    """A hazard of this width in age, from `at` on, which what neurons hear moves."""
    return lambda s, x: 2 / (1 + np.exp(-(s - at - towards * x) / width))


def between(s):
    """Neurons that last fired 0.3 to 1.1 ago; half of the jump at its place, for trapezia."""
    return sum(np.where(np.abs(s - 0.7) < 0.4 + shift, 0.5, 0.0) for shift in (-1e-9, 1e-9))


@pytest.mark.parametrize(
    ("hazard", "density", "t_end", "allowed"),
    [
        (onset(0.05, 1.7, -0.8), lambda s: np.exp(-(((s - 0.5) / 0.02) ** 2) / 2), 1.1, 2e-4),
        (onset(0.15, 1.5, -0.8), between, 0.5, 2e-4),
    ],
)
def test_what_is_carried_arrives_where_a_hazard_begins(hazard, density, t_end, allowed):
    """Cells on the way spread a peak over their width, N was wrong by a tenth at any tol; a jump was at a node."""
    rates = [cohorts(hazard, 0.3, density, 0.1, t_end, dt, oldest=2.5) for dt in (4e-3, 2e-3)]
    problem = fl.discretize(fl.TimeElapsed(hazard, tau=0.3), tol=1e-5)
    run = fl.evolve(problem, {"n": density, "J": 0.1}, t_end, rtol=1e-5, progress=False)
    assert run.final.N == pytest.approx((4 * rates[1] - rates[0]) / 3, rel=allowed)


def test_the_mesh_reaches_as_far_as_data():
    """Of data s exp(-s) what is older than a density at rest was cut off: N(0) was wrong by 20 tol."""
    for hazard in (lambda s: 3 / (1 + np.exp(-(s - 1) / 0.1)), lambda s: 1 + s**2):
        exact = quad(lambda s: hazard(s) * s * np.exp(-s), 0, 60, points=[1], epsabs=1e-13)[0]  # noqa: B023
        problem = fl.discretize(fl.TimeElapsed(lambda s, x: hazard(s)), tol=1e-3)  # noqa: B023
        run = fl.evolve(problem, lambda s: s * np.exp(-s), 0.01, rtol=1e-3, progress=False)
        assert run.series["N"][0] == pytest.approx(exact, rel=1e-4)


@dataclass(frozen=True)
class TwoGroups:
    """Ages of two groups, of which the second fires a thousandth as often; each hears itself."""

    rate: float = 2.0

    def equations(self):
        p = lambda s, m: m.rate * 1e-3**s.k / (1 + np.exp(-(s.s - 1 - 0.05 * s.N) / 0.1))
        terms = (
            fl.drift("n", "s", lambda x: 1.0),
            fl.Term("n", "n", lambda n, phi, x: -n * phi, p, name="firing"),
            fl.Term("N", "n", lambda n, phi, x: n * phi, p, name="rate"),
            fl.Term("n", "N", lambda N, phi, x: N * phi, at={"s": 0.0}, name="renewal"),
        )
        unknowns = (fl.Unknown("n", ("k", "s")), fl.Unknown("N", ("k",), "equals"))
        axes = (fl.Axis("s", 0.0, np.inf), fl.Index("k", 2))
        return fl.Equations(axes, unknowns, terms, (fl.Conserved("mass", {"n": 1.0}, each="k"),))


def test_ages_of_several_groups():
    """As in each group alone, where the hazard of each is resolved; they could not be computed."""
    density = lambda s: np.exp(-(((s - 0.5) / 0.05) ** 2))
    run = fl.evolve(fl.discretize(TwoGroups(), tol=1e-3), density, 1.0, rtol=1e-4, progress=False)
    for k in range(2):
        p = lambda s, x: 2 * 1e-3**k / (1 + np.exp(-(s - 1 - 0.05 * x) / 0.1))  # noqa: B023
        rates = [cohorts(p, None, density, 0.0, 1.0, dt, oldest=2.0) for dt in (2e-2, 1e-2)]
        assert run.series[f"N_{k}"][-1] == pytest.approx((4 * rates[1] - rates[0]) / 3, rel=1e-4)


def test_inhibition_felt_at_once_has_its_rate():
    """N = 3/(1 + exp((N - 0.3)/0.02)) at all times; Newton's method went to 3 and back."""
    p = lambda x: 3 / (1 + np.exp((x - 0.3) / 0.02))
    N = brentq(lambda x: p(x) - x, 0, 3, xtol=1e-15)
    problem = fl.discretize(fl.TimeElapsed(lambda s, x: p(x) + 0 * s), tol=1e-4)
    run = fl.evolve(problem, lambda s: np.exp(-s), 0.5, rtol=1e-4, progress=False)
    assert run.outcome.name == "finished"
    assert run.series["N"] == pytest.approx(N, rel=1e-12)


def test_too_few_cells_are_not_silent(tune):
    """With at most 30 cells a narrow peak is not resolved; with as many as it needs nothing is said."""
    problem = fl.discretize(fl.TimeElapsed(lively), tol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fl.evolve(problem, peak, 0.1, rtol=1e-3, progress=False)
    tune(adapt, "MESHES", most=30)
    with pytest.warns(UserWarning, match="30 cells along 's', the most there may be"):
        fl.evolve(fl.discretize(fl.TimeElapsed(lively), tol=1e-6), peak, 0.1, rtol=1e-3, progress=False)


@pytest.mark.parametrize(
    ("sigma", "tau", "density", "jumps"),
    [
        ((1.5, -1.0), 0.3, lambda s: (s < 0.6) + 0.3 * np.exp(-s), [0.6]),
        ((0.8, 0.6), 0.5, lambda s: np.exp(-s) * np.where(np.abs(s - 0.35) < 0.15, 2.0, 0.1), [0.2, 0.5]),
        ((2.0, -1.5), 0.2, lambda s: np.exp(-s) * (1 + s), []),
    ],
)
def test_bars_contain_what_a_jump_does_that_arrives_at_a_step(sigma, tau, density, jumps):
    """Cells spread it: N is off by up to 1e-2 just then; a companion on the same cells said a 200th of that."""
    a, b = sigma
    N = followed_step(a, b, tau, density, jumps, 0.1, 1.6)
    problem = fl.discretize(fl.TimeElapsed(fl.StepHazard(lambda x: a + b * x), tau=tau), tol=1e-3)
    run = fl.evolve(problem, {"n": density, "J": 0.1}, 1.6, rtol=1e-3, progress=False)
    times = np.linspace(0.01, 1.6, 80)
    errors, bars = np.abs(run.sample("N", times) - [N(t) for t in times]), fl.error_estimate(run, "N", times)
    assert (errors <= bars).all()
    assert errors[times < 0.2].max() < 1e-3  # nothing that jumps has arrived: cells carry it exactly
    assert bars.max() < 4 * errors.max()
    assert run.drift["total"] < 1e-13


def test_bars_contain_what_a_jump_does_that_arrives_late():
    """As above, at an age of several times that: before that N is off by less than tol."""
    N = followed_step(8.0, -4.0, 1.0, density := lambda s: np.exp(-s / 3) * (1 + (s < 2)), [2.0], 0.1, 8.0)
    problem = fl.discretize(fl.TimeElapsed(fl.StepHazard(lambda x: 8.0 - 4.0 * x), tau=1.0), tol=1e-6)
    run = fl.evolve(problem, {"n": density, "J": 0.1}, 8.0, rtol=1e-6, progress=False)
    times = np.linspace(0.01, 8.0, 200)
    errors, bars = np.abs(run.sample("N", times) - [N(t) for t in times]), fl.error_estimate(run, "N", times)
    assert (errors <= bars).all()
    assert errors[times < 4].max() < 1e-6
    assert bars.max() < 4 * errors.max()


def escaped(model, start, t_end, count):
    """N at count equal steps: cohorts by the trapezoidal rule, each moved and thinned by itself, to fourth order."""
    low, high, density = start
    x, weights = np.polynomial.legendre.leggauss(200)
    at = low + (high - low) * (1 + x) / 2
    hazard = lambda v: np.exp(6 * (v - 1))

    def solved(n):
        h, v, w = t_end / n, at, (high - low) / 2 * weights * density(at)
        N = [w @ hazard(v)]
        v, w = np.append(v, 0.0), np.append(w, N[0] * h / 2)
        for k in range(n):
            there, new = v, N[-1] if k == 0 else 2 * N[-1] - N[-2]
            for _ in range(5):
                ends = model.current + model.b * np.array([N[-1], new])
                slope = ends[1] - ends[0]
                # v' = -v + A + slope s/h, exactly
                middle, there = (
                    (v - ends[0] + slope / h) * np.exp(-s) + ends[0] + slope * (s / h - 1 / h) for s in (h / 2, h)
                )
                kept = w * np.exp(-h / 6 * (hazard(v) + 4 * hazard(middle) + hazard(there)))
                new = kept @ hazard(there) / (1 - h / 2 * hazard(0.0))
            N.append(new)
            v, w = np.append(there, 0.0), np.append(kept, new * h)  # half of it when they are born, as in `new`
        return np.array(N[:: n // count])

    return (4 * solved(16 * count) - solved(8 * count)) / 3


def test_a_hazard_that_is_written_in_a_form_is_met_by_narrow_peaks():
    """At rest N is one over the mean time between spikes; in time, of a peak that narrows, it was off by 6 tol."""
    model = EscapeNoise(current=2.0, b=-0.5)
    problem = fl.discretize(model, tol=1e-5)

    def interval(N):  # v = A (1 - exp(-t)) from one spike to the next
        A, times = model.current + model.b * N, np.linspace(0.0, 20.0, 40_001)
        hazard = np.exp(6 * (A * -np.expm1(-times) - 1))
        total = CubicSpline(times, hazard).antiderivative()(times)
        return CubicSpline(times, np.exp(-total)).integrate(0.0, 20.0)

    N = brentq(lambda N: N * interval(N) - 1, 0.1, 2.0, xtol=1e-14)
    steady = fl.steady_state(problem)
    assert abs(steady.N - N) < steady.error + 1e-11
    assert steady.error < 1e-6
    density = lambda v: np.exp(-(((v + 0.5) / 0.05) ** 2) / 2) / (0.05 * np.sqrt(2 * np.pi))
    run = fl.evolve(problem, density, 4.0, rtol=1e-5, progress=False)
    N = escaped(model, (-1.0, 0.0, density), 4.0, 20)
    assert np.abs(run.sample("N", np.linspace(0.0, 4.0, 21)) - N).max() < 5e-6 * N.max()
    assert run.drift["mass"] < 1e-12


@pytest.mark.parametrize(
    ("current", "b", "at", "width"), [(2.0, -0.5, 0.5, 0.05), (1.5, 0.3, 0.5, 0.05), (1.5, 0.3, 0.2, 0.15)]
)
def test_what_cells_lack_of_hazard_and_density_adds_up_to_less_than_tol(current, b, at, width):
    """N was off by 1.2 to 1.6 tol where a peak meets a hazard in several cells that nearly resolve both."""
    model = EscapeNoise(current=current, b=b)
    density = lambda v: np.exp(-(((v - at) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    run = fl.evolve(fl.discretize(model, tol=1e-3), density, 2.0, rtol=1e-3, progress=False)
    N = escaped(model, (at - 7.5 * width, at + 7.5 * width, density), 2.0, 40)
    assert np.abs(run.sample("N", np.linspace(0.0, 2.0, 41)) - N).max() < 8e-4 * N.max()


@dataclass(frozen=True)
class Grid:
    """Ages of neurons of two kinds in two places; of each kind, half of the neurons are in either place."""

    def equations(self):
        p = lambda s, m: (1 + s.j + 2 * s.k) / (1 + np.exp(-(s.s - 1) / 0.1))
        terms = (
            fl.drift("n", "s", lambda x: 1.0),
            fl.Term("n", "n", lambda n, phi, x: -n * phi, p, name="firing"),
            fl.Term("N", "n", lambda n, phi, x: n * phi, p, name="rate"),
            fl.Term("n", "N", lambda N, phi, x: N * phi, at={"s": 0.0}, name="renewal"),
        )
        unknowns = (fl.Unknown("n", ("j", "k", "s")), fl.Unknown("N", ("j", "k"), "equals"))
        axes = (fl.Index("j", 2), fl.Index("k", 2), fl.Axis("s", 0.0, 6.0))
        return fl.Equations(axes, unknowns, terms, (fl.Conserved("mass", {"n": 1.0}, each="j"),))


def test_ages_over_two_indices():
    """As each alone; what data are not resolved were asked for without their second index, a TypeError."""
    at = lambda width: lambda k, s: np.exp(-(((s - 0.3 - 0.1 * k) / width) ** 2))
    widths = 0.1, 0.02
    run = fl.evolve(fl.discretize(Grid(), tol=1e-3), [at(w) for w in widths], 1.0, rtol=1e-4, progress=False)
    for j in range(2):
        for k in range(2):
            p = lambda s, x: (1 + j + 2 * k) / (1 + np.exp(-(s - 1) / 0.1))  # noqa: B023
            density = lambda s: at(widths[j])(k, s)  # noqa: B023
            rates = [cohorts(p, None, density, 0.0, 1.0, dt, oldest=2.0) for dt in (5e-3, 2.5e-3)]
            assert 2 * run.series[f"N_{j}_{k}"][-1] == pytest.approx((4 * rates[1] - rates[0]) / 3, rel=3e-4)
