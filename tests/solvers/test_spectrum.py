"""Spectra: dense toys, closed forms of one neuron, networks, delays; what the error estimates are worth."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import hyp1f1, rgamma

import felif as fl
from felif.algebra import Band, BandLowRank
from felif.problem import Problem, State
from felif.solvers import spectrum as spectrum_module
from felif.solvers import stability


@dataclass(frozen=True)
class Linear(Problem):
    """y' = A y, nothing conserved."""

    matrix: tuple
    scalar_names = ()
    field_names = ()
    conserved = {}

    @property
    def size(self):
        return len(self.matrix)

    @property
    def mass(self):
        return Band.diagonal(np.ones(self.size))

    def jacobian(self, t, y):
        A = np.array(self.matrix, float)
        diagonal = np.diag(A).copy()
        return BandLowRank(Band.diagonal(diagonal), np.asfortranarray(A - np.diag(diagonal)), np.eye(len(A)))


def decay(x, v):
    """psi_lambda(v) = He_{-lambda}(-v), entire in lambda:

    psi_lambda(v) = 2^(-lambda/2) [sqrt(pi)/Gamma((1+lambda)/2) M(lambda/2, 1/2, v^2/2)
                                   + sqrt(2 pi) v/Gamma(lambda/2) M((lambda+1)/2, 3/2, v^2/2)]
    """
    even = np.sqrt(np.pi) * rgamma((1 + x) / 2) * hyp1f1(x / 2, 0.5, v * v / 2)
    odd = np.sqrt(2 * np.pi) * v * rgamma(x / 2) * hyp1f1((x + 1) / 2, 1.5, v * v / 2)
    return 2 ** (-x / 2) * (even + odd)


def closed_form(model, N, low, high):
    """The real eigenvalue in (low, high) from the scalar equation of numerics.md, 6."""
    scale, m = np.sqrt(model.a0), model.current + model.b * N
    at = [(v - m) / scale for v in (model.v_fire, model.v_reset)]

    def equation(x):
        values = decay(x, at[0]) - decay(x, at[1])  # psi' = lambda psi_{lambda + 1}, in units of sqrt(a)
        slopes = x * (decay(x + 1, at[0]) - decay(x + 1, at[1])) / scale
        return values - model.b * N * slopes / (1 + x)

    return brentq(equation, low, high, xtol=1e-13)


def leading(model, count, tol=1e-8, which=0):
    problem = fl.discretize(model, tol=tol)
    return fl.spectrum(problem, fl.steady_states(problem)[which], count)


def test_a_toy_with_a_complex_pair_and_left_vectors():
    A = ((-1.0, 2.0, 0.0), (-2.0, -1.0, 0.5), (0.0, 0.0, -3.0))
    problem = Linear(A)
    found = fl.spectrum(problem, State(problem, 0.0, np.ones(3)), 3)
    assert found.eigenvalues == pytest.approx([-1 + 2j, -1 - 2j, -3], abs=1e-13)
    left, right = (np.array([mode.vector for mode in modes]) for modes in (found.left, found.right))
    assert np.abs(left @ right.T - np.eye(3)).max() < 1e-12
    assert np.abs(left @ np.array(A) - found.eigenvalues[:, None] * left).max() < 1e-12
    assert len(fl.spectrum(problem, State(problem, 0.0, np.ones(3)), 1).eigenvalues) == 2  # the pair is not torn apart


def test_a_defective_double_eigenvalue_is_found_and_said_to_be_one():
    problem = Linear(((-1.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -2.0)))
    found = fl.spectrum(problem, State(problem, 0.0, np.ones(3)), 3)
    assert found.eigenvalues.real == pytest.approx([-1, -1, -2], abs=1e-6)  # the root of rounding
    assert "defective" in found.message


def test_a_harmless_double_eigenvalue():
    """Two populations that do not see each other: every eigenvalue of one neuron twice."""
    found = leading(fl.ExcitatoryInhibitoryLIF(), 4)
    single = leading(fl.NoisyLIF(), 2).eigenvalues
    assert found.eigenvalues == pytest.approx(np.repeat(single, 2), abs=1e-9)


NEURON = {  # reference-values.md
    1.0: [-1.19096709239063956, -2.60267997825347183, -4.14055953667328574, -5.75045544328530149],
    0.5: [-1.05672333209863069],
    2.0: [-1.35306753003502166],
}


@pytest.mark.parametrize("a", NEURON)
def test_one_neuron(a):
    found = leading(fl.NoisyLIF(a0=a), 4)
    assert found.eigenvalues[: len(NEURON[a])] == pytest.approx(NEURON[a], abs=1e-10)
    assert found.gap == -found.eigenvalues[0]


def test_more_than_the_first_few_at_a_tolerance():
    """Seven modes, as many as double precision gives in the plain variable three of."""
    found = leading(fl.NoisyLIF(), 7, tol=1e-10)
    fine = leading(fl.NoisyLIF(), 7, tol=1e-12)
    assert found.eigenvalues == pytest.approx(fine.eigenvalues, abs=1e-9)
    assert (np.diff(found.eigenvalues) < -1).all()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            fl.NoisyLIF(v_reset=-2.0, v_fire=0.0, a0=0.2),
            [-2.14481738936616 + 3.17194847414320j, -7.93473131188167 + 6.42994290573822j],
        ),
        (fl.NoisyLIF(a0=0.1), [-1.0000000957269894]),
        (fl.NoisyLIF(current=1.5), [-2.0, -4.0, -6.0]),  # I = (V_R + V_F)/2: even Hermite polynomials, exactly
    ],
)
def test_complex_pairs_and_exact_eigenvalues(model, expected):
    values = leading(model, 8).eigenvalues
    assert max(np.abs(values - value).min() for value in expected) < 1e-10


def test_a_complex_pair_leads_for_small_noise_above_threshold():
    """reference-values.md: m = 3, a = .1: -3.93345 +- 9.54355 i."""
    values = leading(fl.NoisyLIF(current=3.0, a0=0.1), 2).eigenvalues
    assert values == pytest.approx([-3.93345 + 9.54355j, -3.93345 - 9.54355j], abs=1e-5)


@pytest.mark.parametrize(
    ("b", "which", "value", "bracket"),
    [
        (0.5, 0, -1.1099622657, (-1.2, -1.05)),
        (2.0, 1, 0.71340735019363, (0.5, 0.9)),
        (1.5, 1, 3.8817950745961, (3.5, 4.2)),
        (1.2, 1, 11.529809135887, (11.0, 12.0)),  # 40 digits of the scalar equation; 11.529808687 is printed elsewhere
    ],
)
def test_networks_along_the_branch(b, which, value, bracket):
    model = fl.NoisyLIF(b=b)
    found = leading(model, 2, which=which)
    assert found.eigenvalues[0] == pytest.approx(value, abs=1e-9)
    if b < 1:  # hyp1f1 is accurate for moderate arguments only
        assert found.eigenvalues[0] == pytest.approx(closed_form(model, found.state.N, *bracket), abs=1e-9)
    assert (found.gap > 0) == (which == 0)


@pytest.mark.parametrize("tol", [1e-4, 1e-8])
def test_modes_of_a_network_that_fires_strongly(tol):
    """Its band without feedback is singular to rounding at the later ones, which have a condition of 1e8.

    40 digits of the scalar equation of numerics.md, 6, with N = 6.842235015041427585.
    """
    found = leading(fl.NoisyLIF(b=1.2), 6, tol, which=1)
    exact = [11.52980913588706, -20.06801568807201, -24.75582282958903, -28.81020047263895, -32.5458799690948]
    errors = np.abs(found.eigenvalues[:5] - exact)
    assert (errors <= found.errors[:5]).all()
    assert (errors <= 1e-5).all()


def test_the_fold_has_a_simple_zero_beside_the_conserved_one():
    """reference-values.md: next eigenvalue at the fold -3.001531866033262."""
    model = fl.NoisyLIF(b=2.10096776045578754 - 1e-9)
    problem = fl.discretize(model, tol=1e-8)
    low, high = fl.steady_states(problem)
    for state, sign in ((low, -1), (high, 1)):
        values = fl.spectrum(problem, state, 2).eigenvalues
        assert 0 < sign * values[0] < 1e-4  # like the root of the distance 1e-9
        assert values[1] == pytest.approx(-3.001531866033262, abs=1e-4)


def test_hopf_points_of_delays_and_of_the_random_threshold():
    """reference-values.md: on the axis to 1e-9 at the Hopf points given there."""
    for model, omega in (
        (fl.NoisyLIF(b=-18.4978509544613, delay=2.0), 1.233077078041944),
        (fl.NoisyLIF(b=-41.96438540303076, delay=1.0), 2.264965373906230),
        (fl.RandomThresholdLIF(b=4.568784213527), 1.7686309323),
    ):
        found = leading(model, 2)
        assert found.eigenvalues == pytest.approx([1j * omega, -1j * omega], abs=1e-9)


def test_two_populations():
    """reference-values.md, S24."""
    assert leading(fl.ExcitatoryInhibitoryLIF(0.5, 0.25, 0.25, 1.0), 1).gap == pytest.approx(1.1144963720629, abs=1e-9)
    assert leading(fl.ExcitatoryInhibitoryLIF(3.0, 4.0, 0.6, 0.0), 1, which=1).gap == pytest.approx(
        -5.7362874209, abs=1e-8
    )


@pytest.mark.parametrize(
    "model", [fl.NoisyLIF(b=-5.0), fl.NoisyLIF(b=1.0, a1=0.2), fl.RefractoryLIF(b=1.0), fl.RandomThresholdLIF(b=5.0)]
)
def test_eigenfunctions_are_biorthogonal_conserve_and_are_functions(model):
    found = leading(model, 4)
    problem, count = found.problem, len(found.eigenvalues)
    left, right = (np.array([mode.vector for mode in modes]) for modes in (found.left, found.right))
    gram = np.array([[z @ (problem.mass @ x) for x in right] for z in left])
    assert np.abs(gram - np.eye(count)).max() < 1e-7  # cancels terms of size 1e3: left vectors grow like polynomials
    assert all(abs(c @ x) < 1e-10 for c in problem.conserved.values() for x in right)
    J = problem.jacobian(0.0, found.state.y).transpose()
    for value, z in zip(found.eigenvalues, left, strict=True):
        defect = J @ z - value * (problem.mass @ z)
        assert np.abs(defect).sum() < 1e-8 * np.abs(J @ np.abs(z)).sum()
    assert found.right[0].n(problem.landings[0]) == pytest.approx(
        right[0][problem.nodes.searchsorted(problem.landings[0] - 1e-9)]
    )
    real = quad(lambda v: np.real(found.right[0].n(v)), problem.cells[0], problem.cells[-1], limit=400, epsabs=1e-9)[0]
    assert real == pytest.approx(np.real(found.right[0].n.integral()), abs=1e-7)


def test_a_left_eigenfunction_takes_the_value_of_the_reset_at_the_threshold():
    """One neuron: whoever fires starts again at V_R."""
    found = leading(fl.NoisyLIF(), 2)
    for mode in found.left:
        assert mode.n(2.0) == pytest.approx(mode.n(1.0), rel=1e-8)


def test_arnoldi_for_many_unknowns_agrees_with_the_dense_iteration(tune):
    model = fl.NoisyLIF(b=0.5, a0=0.4)
    dense = leading(model, 6)
    tune(spectrum_module, "SPECTRA", dense=10)
    assert leading(model, 6).eigenvalues == pytest.approx(dense.eigenvalues, abs=1e-10)


def test_a_leading_mode_far_from_where_arnoldi_looks_is_found(tune):
    """A growth rate of 126: on meshes of more than 600 unknowns it was missed."""
    model = fl.NoisyLIF(b=1.385, a0=0.0753, current=0.0764)
    dense = leading(model, 2, 1e-6, which=-1).eigenvalues
    assert dense[0].real > 100
    tune(spectrum_module, "SPECTRA", dense=10)
    assert leading(model, 2, 1e-6, which=-1).eigenvalues == pytest.approx(dense, rel=1e-8)


@pytest.mark.parametrize(("cells", "v_min"), [(7, -9.0), (10, -9.0), (13, -5.0), (13, -6.0)])
def test_estimated_errors_of_eigenvalues(cells, v_min):
    """Whether elements or V_min dominate; cutting modes off costs a little more than the estimate says."""
    model = fl.NoisyLIF()
    problem = fl.discretize(model, fl.interval(model, v_min=v_min, cells=cells, grading=1.5))
    found = fl.spectrum(problem, fl.steady_state(problem), 3)
    errors = np.abs(found.eigenvalues - NEURON[1.0][:3])
    ratio = found.errors / errors
    assert ((ratio > 0.5) & (ratio < 3))[errors > 1e-11].all()


@pytest.mark.parametrize(("a0", "count"), [(1.4854580864349378, 6), (0.4, 10), (5.0, 8)])
def test_bars_of_modes_contain_what_v_min_cuts_off_and_rounding(a0, count):
    """Modes fall like n |v|^-lambda, slower than the density; without coupling 1.5 times the old bars was missing."""
    model = fl.NoisyLIF(a0=a0, current=0.3)
    found, fine = leading(model, count, tol=1e-6), leading(model, count, tol=1e-11)
    assert found.message == ""
    off = np.abs(found.eigenvalues - fine.eigenvalues)
    assert (off <= found.errors + fine.errors).all()
    assert (found.errors <= 2e-6 * (1 + np.abs(found.eigenvalues))).all()


def test_more_modes_than_the_mesh_carries_are_refused():
    for model, most in ((fl.NoisyLIF(), "as many as this mesh carries"), (fl.NoisyLIF(delay=1.0), "1000 modes")):
        problem = fl.discretize(model)
        with pytest.raises(ValueError, match=most):
            fl.spectrum(problem, fl.steady_state(problem), 5000)


@pytest.mark.parametrize("b", [0.5, 1.5])
def test_unstable_modes_of_many_unknowns_are_counted(b, monkeypatch, tune):
    problem = fl.discretize(fl.RefractoryLIF(b=3.0) if b > 1 else fl.NoisyLIF(b=b))
    state = fl.steady_states(problem)[-1]
    every = stability._all(state.problem, state.y)
    wrong = np.array([1.0, -1.0, 2.0, 3.0], complex)
    J = stability.deflated(state.problem, state.problem.jacobian(0.0, state.y), state.y, 1e3)
    for values, right in ((every, True), (wrong, False)):
        assert stability._counted(state.problem, J, state.y, values) == right
    tune(stability, "STABILITY", dense=10)
    monkeypatch.setattr(stability, "_few", lambda problem, J, y, count: None)
    monkeypatch.setattr(stability, "_right_half", lambda problem, y: wrong)
    assert stability.unstable(stability.leading(state.problem, state.y)) == np.count_nonzero(every.real > 0)


def test_inhibition_makes_the_gap_larger():
    """The lecture's question for b < 0, linearised: the gap grows with |b| toward 2."""
    gaps = [leading(fl.NoisyLIF(b=b), 1, tol=1e-6).gap for b in (0.0, -1.0, -5.0, -10.0, -40.0)]
    assert (np.diff(gaps) > 0).all()
    assert gaps[-1] < 2


def test_bad_input_is_named():
    problem = fl.discretize(fl.NoisyLIF())
    state = fl.steady_state(problem)
    for count in (0, 1.5, True):
        with pytest.raises(ValueError, match="count"):
            fl.spectrum(problem, state, count)
    with pytest.raises(ValueError, match="belongs to"):
        fl.spectrum(problem.at(b=0.5), state)
