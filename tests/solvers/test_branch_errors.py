"""Every point of a branch is where its model has it, within the error it states; units do not matter."""

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from randomised import seeds
from scipy.optimize import brentq

import felif as fl
from felif.analysis import exact
from felif.output.branches import read_branch, save_branch
from felif.solvers.continuation import continuation
from felif.solvers.curves import fold_curve

POINTS, WEIGHTS = leggauss(40)


def mean_time(m: float, a: float, v_reset: float, v_fire: float) -> float:
    """int_0^inf (exp(s x_F - s^2/2) - exp(s x_R - s^2/2))/s ds, x = (V - m)/sqrt(a), by Gauss panels."""
    low, high = (v_reset - m) / np.sqrt(a), (v_fire - m) / np.sqrt(a)
    ends = np.append(0.0, np.geomspace(1e-3 / (1 + abs(high) + abs(low)), max(high, 0.0) + 12, 60))
    s = (ends[:-1, None] + np.diff(ends)[:, None] * (POINTS + 1) / 2).ravel()
    w = (np.diff(ends)[:, None] * WEIGHTS / 2).ravel()
    return float(w @ (np.exp(s * low - s * s / 2) * np.expm1(s * (high - low)) / s))


def nearest_rate(model, N: float) -> float:
    """The root of N (T(I + b N, a0 + a1 N) + tau) = 1 that is nearest to N in the logarithm."""

    def excess(x: float) -> float:
        rate = np.exp(x)
        T = mean_time(model.current + model.b * rate, model.a0 + model.a1 * rate, model.v_reset, model.v_fire)
        return x + np.log(T + getattr(model, "tau", 0.0))

    x, here = np.log(N), excess(np.log(N))
    for width in 10.0 ** np.arange(-12, 0):
        for end in (x - width, x + width):
            if excess(end) * here <= 0:
                return float(np.exp(brentq(excess, *sorted((x, end)), xtol=1e-15, rtol=1e-15)))
    return np.nan


def outside(branch) -> list:
    """Ordinary points with a rate above rounding that are further from the closed form than they say."""
    rows = [point for point in branch if not point.kind and point.N > 1e-12]
    return [point for point in rows if not abs(point.N - nearest_rate(point.problem.model, point.N)) <= point.error]


@pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8])
def test_a_branch_does_not_drift_from_the_closed_form_however_far_the_noise_grows(tol):
    problem = fl.discretize(fl.NoisyLIF(b=0.3, a0=0.2), tol=tol)
    branch = continuation(problem, fl.steady_states(problem)[0], "a0", (0.1, 30.0), stability=False)
    # closed form in 30 digits
    assert branch[-1].N == pytest.approx(4.215387573901, rel=1.5 * tol)
    assert branch[-1].error < 3 * tol * branch[-1].N
    assert not outside(branch)


def random_branch(seed: int):
    rng = np.random.default_rng(seed)
    numbers = {"b": rng.uniform(-3, 1.5), "a0": 10 ** rng.uniform(-1, 0.7), "a1": rng.choice([0.0, rng.uniform(0, 3)])}
    numbers |= {"v_reset": rng.uniform(0.2, 1.7), "v_fire": 2.0, "current": rng.uniform(-0.5, 2)}
    if refractory := rng.random() < 0.5:
        numbers["tau"] = 10 ** rng.uniform(-1.5, 0)
    bounds = {"b": (-8, 4), "a0": (0.06, 20), "a1": (0, 8), "v_reset": (-0.5, 1.9), "v_fire": (1.8, 4)}
    bounds |= {"current": (-1, 4), "tau": (0.01, 3)}
    name = str(rng.choice(list(numbers)))
    problem = fl.discretize((fl.RefractoryLIF if refractory else fl.NoisyLIF)(**numbers), tol=10 ** -rng.uniform(4, 8))
    states = fl.steady_states(problem)
    return continuation(problem, states[0], name, bounds[name], stability=False) if len(states) else []


@pytest.mark.parametrize("seed", seeds(6))
def test_every_point_of_a_random_branch_is_within_its_error(seed):
    assert not outside(random_branch(seed))


def test_rates_below_rounding_are_zero_and_not_digits():
    problem = fl.discretize(fl.NoisyLIF(b=0.5, a0=0.05), tol=1e-6)
    branch = continuation(problem, fl.steady_states(problem)[0], "a0", (0.01, 0.5), stability=False)
    assert branch[0].a0 == 0.01
    assert branch[0].N == branch.table["N"][0] == 0.0  # exp(-199) by the closed form
    assert 0 < branch[0].error < 1e-13


def test_folds_and_their_curves_state_errors_that_contain_the_truth():
    problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4)
    (fold,) = continuation(problem, fl.steady_states(problem)[0], "b", (0.0, 3.0)).folds
    # 40 digits by closed form and elements
    assert abs(fold.b - 2.10096776045578754) <= fold.errors["b"] < 1e-4
    assert abs(fold.N - 0.424224359786284124) <= fold.errors["N"] < 1e-4
    refractory = fl.discretize(fl.RefractoryLIF(b=1.2, tau=0.1), tol=1e-4)
    (first, _) = continuation(refractory, fl.steady_states(refractory)[0], "b", (0.0, 4.0)).folds
    assert abs(first.b - 2.193862816054697) <= first.errors["b"] < 1e-4
    curve = fold_curve(refractory, first, "b", "tau", {"b": (1.9, 3.0), "tau": (0.05, 0.2)}, stability=False)
    for point in (curve[0], curve[-1]):
        truth = min(exact.folds(point.problem.model), key=lambda one: abs(one.b - point.b))
        assert abs(point.b - truth.b) <= point.errors["b"] < 1e-3


@pytest.mark.parametrize(("time", "volt", "rest"), [(20.0, 15.0, -70.0), (0.02, 15.0, -70.0), (0.02, 0.015, -0.07)])
def test_a_network_in_mv_and_ms_or_seconds_has_the_branch_of_its_twin_without_units(time, volt, rest):
    plain = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-6)
    model = fl.NoisyLIF(
        b=0.5 * volt, a0=volt**2 / time, v_reset=rest + volt, v_fire=rest + 2 * volt, drift=fl.Leaky(1 / time, rest)
    )
    units = fl.discretize(model, tol=1e-6)
    one = continuation(plain, fl.steady_states(plain)[0], "b", (-2.0, 4.0), stability=False)
    two = continuation(units, fl.steady_states(units)[0], "b", (-2.0 * volt, 4.0 * volt), stability=False)
    assert len(one) == len(two)
    assert [end.name for end in two.ends] == [end.name for end in one.ends] == ["bound", "N_max"]
    assert two.folds[0].b / volt == pytest.approx(one.folds[0].b, rel=1e-9)
    assert two.folds[0].N * time == pytest.approx(one.folds[0].N, rel=1e-8)
    assert two[-1].b / volt == pytest.approx(one[-1].b, rel=1e-8)


def test_the_error_is_a_column_that_is_saved(tmp_path):
    problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4)
    branch = continuation(problem, fl.steady_states(problem)[0], "b", (0.0, 1.0), stability=False)
    table, _ = read_branch(save_branch(branch, tmp_path / "branch"))
    assert np.array_equal(table["error"], branch.table["error"])
    assert np.all(table["error"] > 0)
