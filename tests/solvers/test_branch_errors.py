"""Every point of a branch is where its model has it, within the error it states; units do not matter."""

import dataclasses

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from randomised import seeds
from scipy.optimize import brentq

import felif as fl
from felif.analysis import exact
from felif.output.branches import read_branch, save_branch
from felif.solvers.branch import Branch
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


@pytest.mark.parametrize("tol", [1e-4, 1e-8])
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


@pytest.mark.parametrize("tol", [1e-4, 1e-7])
def test_cusps_state_errors_of_both_parameters_that_contain_the_truth(tol):
    problem = fl.discretize(fl.RefractoryLIF(b=1.2, tau=0.05), tol=tol)
    fold = continuation(problem, fl.steady_states(problem)[0], "b", (0.0, 5.0), stability=False).folds[0]
    (cusp,) = fold_curve(problem, fold, "b", "tau", {"b": (2.0, 3.0), "tau": (0.05, 0.4)}, stability=False).cusps
    # in closed form
    truth = {"b": 2.44953546218913, "tau": 0.3254467330969838, "N": 0.6411371684440275}
    for name, value in truth.items():
        assert abs(getattr(cusp, name) - value) <= cusp.errors[name] < 0.01 * tol + 1e-8, name


def test_folds_on_a_mesh_that_cuts_off_little_see_what_that_does_to_their_rates():
    model = fl.RefractoryLIF(
        b=0.5, tau=0.0330943347045, a0=1.6202641880078679, a1=0.2015564932, v_reset=0.6941532781, current=0.1988476784
    )
    problem = fl.discretize(model, tol=1e-6)
    folds = continuation(problem, fl.steady_states(problem)[0], "b", (0.0, 4.0), stability=False).folds
    assert len(folds) == 2
    for point, truth in zip(folds, sorted(exact.folds(model), key=lambda one: one.N), strict=True):
        assert abs(point.N - truth.N) <= point.errors["N"] < 1e-7  # off by 1e-9, near their cusp
        assert abs(point.b - truth.b) <= point.errors["b"] < 1e-9


def test_branches_of_random_thresholds_and_two_populations_are_within_their_errors():
    problem = fl.discretize(fl.RandomThresholdLIF(b=1.0, tau=0.3), tol=1e-4)
    branch = continuation(problem, fl.steady_states(problem)[0], "eps", (0.005, 1.0), stability=False)
    for point in branch:
        rates = exact.steady_rates(point.problem.model)
        assert np.abs(rates - point.N).min() <= point.error < 1e-3
    two = fl.ExcitatoryInhibitoryLIF(b_EE=0.8, b_IE=0.7, b_EI=0.9, b_II=0.5, a0=0.6, current_E=0.9)
    problem = fl.discretize(two, tol=1e-4)
    branch = continuation(problem, fl.steady_states(problem)[0], "b_IE", (0.0, 3.0), stability=False)
    for point in branch:
        model = point.problem.model
        means = (
            model.current_E + model.b_EE * point.N_E - model.b_IE * point.N_I,
            model.b_EI * point.N_E - model.b_II * point.N_I,
        )
        # the errors, carried to first order through N T(m) = 1 of each population
        rates = [1 / mean_time(m, model.a0, 1.0, 2.0) for m in means]
        slopes = [1e3 * (1 / mean_time(m + 1e-3, model.a0, 1.0, 2.0) - N) for m, N in zip(means, rates, strict=True)]
        jacobian = np.eye(2) - np.array(
            [
                [slopes[0] * model.b_EE, -slopes[0] * model.b_IE],
                [slopes[1] * model.b_EI, -slopes[1] * model.b_II],
            ]
        )
        off = np.abs(np.linalg.solve(jacobian, [rates[0] - point.N_E, rates[1] - point.N_I]))
        assert np.all(off <= 1.02 * np.array([point.errors["N_E"], point.errors["N_I"]]) + 1e-12)
        assert point.error < 1e-3


def test_errors_above_tol_are_said():
    problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4)
    branch = continuation(problem, fl.steady_states(problem)[0], "b", (0.0, 2.0), stability=False)
    assert "errors above tol" not in str(branch)  # not known yet
    allowed = 1e-4 * branch.table["N"] + 1e-14
    assert np.array_equal(branch.table["within_tol"], branch.table["error"] <= allowed)
    assert ("errors above tol" in str(branch)) == (not branch.table["within_tol"].all())
    asked = dataclasses.replace(branch[3], problem=branch[3].problem)
    asked.__dict__["errors"] = {"N": 2e-4 * asked.N}
    doubtful = Branch(branch.names, [*branch.points[:3], asked, *branch.points[4:]], branch.ends, "")
    assert not doubtful.table["within_tol"][3]
    assert f"up to {2e-4 * asked.N:.1e} at b = {asked.b:.6g}" in str(doubtful)


@pytest.mark.parametrize(("time", "volt", "rest"), [(20.0, 15.0, -70.0), (0.02, 0.015, -0.07)])
def test_a_network_in_mv_and_ms_or_in_si_has_the_branch_of_its_twin_without_units(time, volt, rest):
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
