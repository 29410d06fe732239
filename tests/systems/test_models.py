"""The systems of the lecture in the language over any axes, against numbers of two independent methods each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from independent_of_elements import hazard

import felif as fl
from felif.solvers.characteristic import Characteristic
from felif.solvers.delayed_modes import _remaining
from felif.testing import check_model

HOW = {"progress": False}


def vanishing(mean, variance):
    """A Gaussian that vanishes at V_F = 2 over a layer of 0.7."""
    return lambda v: np.exp(-((v - mean) ** 2) / (2 * variance)) * (1 - np.exp(-(((2 - v) / 0.7) ** 4)))


DATA = [vanishing(0.1 * i - 0.2, 0.3 + 0.05 * i) for i in range(4)]
THREE = fl.Populations(coupling=[[0.8, -1.5, 0.4], [0.6, -0.5, -0.3], [0.7, 0.2, -0.4]], current=[0.5, 0.3, 0.0])
MODULES = fl.Populations(
    coupling=[[0.6, -0.5, 0.3, 0], [0.5, -0.3, 0, 0], [0.2, 0, 0.4, -0.6], [0, 0, 0.5, -0.2]],
    current=[0.3, 0.2, 0.5, 0.0],
    a0=[1.0, 1.0, 0.8, 1.2],
    delay=[[0.1, 0.1, 0.5, 0.5], [0.1, 0.1, 0.5, 0.5], [0.5, 0.5, 0.1, 0.1], [0.5, 0.5, 0.1, 0.1]],
)


def test_three_populations_in_time():
    """Two meshes of spectral elements and Radau's method agree to all digits of the numbers."""
    run = fl.evolve(fl.discretize(THREE), DATA[:3], 1.0, rtol=3e-7, **HOW)
    assert run.sample("N", [0.25, 1.0]) == pytest.approx(
        np.array([[0.0761523740, 0.0859923281, 0.0878075339], [0.2088394804, 0.1749954578, 0.1412564210]]), rel=1e-7
    )
    assert max(run.drift.values()) < 1e-13
    assert run.at(1.0).n[2](np.array([0.0])).shape == (1,)
    assert np.array_equal(run.final.N, run.sample("N", 1.0))


def test_three_populations_at_rest():
    """The closed first-passage times of one neuron each; eigenvalues from the closed linear response."""
    found = fl.steady_states(fl.discretize(THREE))
    assert len(found) == 1
    assert not found.complete
    assert found[0].N == pytest.approx([0.24896091446209, 0.19702741626055, 0.15505450528667], rel=1e-9)
    values = fl.spectrum(fl.discretize(THREE), found[0], count=3).eigenvalues
    assert values == pytest.approx(
        np.array([-1.1278633331979, -1.3694033903249 + 0.2007014015555j, -1.3694033903249 - 0.2007014015555j]), rel=1e-7
    )


def test_modules_with_two_delays():
    run = fl.evolve(fl.discretize(MODULES, tol=1e-5), DATA, 0.5, rtol=1e-6, **HOW)
    assert run.sample("N", 0.25) == pytest.approx([0.0651310217, 0.0803712453, 0.0752632840, 0.1576570896], rel=3e-6)


def test_modes_of_modules_with_two_delays():
    """Zeros of det(1 - diag(K(lambda)) (B o e^{-lambda D})), K the response of one neuron by Chebyshev collocation."""
    problem = fl.discretize(MODULES, tol=1e-4)
    state = fl.steady_state(problem)
    pair = -1.32162854906 + 0.15138654044j
    expected = [-1.17080073379, -1.1900864421, pair, pair.conjugate()]
    assert fl.spectrum(problem, state, count=3).eigenvalues == pytest.approx(np.array(expected), rel=1e-8)
    beyond = _remaining(Characteristic(problem, state.y), np.array([-1.17080073379 + 0j]), -1.15)  # nothing is there
    assert len(beyond) == 0


@pytest.mark.parametrize(
    ("cell", "start", "times", "trace", "mu"),
    [
        (
            fl.CellPolarisation("trace", mass=0.9),
            lambda z: np.exp(-(z**2) / 0.98),
            [0.25, 1.0],
            [1.323790386637, 1.177396726041],
            None,
        ),
        (
            fl.CellPolarisation("integrated", L=0.5, mass=1.0),
            {"n": lambda z: np.exp(-(z**2) / 2), "mu": 0.2},
            [0.5, 1.0],
            [0.689467658524, 0.614336321176],
            [0.306440561622, 0.316076059930],
        ),
        (
            fl.CellPolarisation("exchange", L=1.0, mass=3.0),
            {"n": lambda z: np.exp(-(z**2) / 2), "mu": 0.0},
            [0.5, 1.0],
            [1.333338679755, 1.360853029226],
            [0.588646516530, 0.882839935502],
        ),
    ],
    ids=["trace", "integrated", "exchange"],
)
def test_cells_polarise_as_the_volterra_equation_at_the_wall_says(cell, start, times, trace, mu):
    """Numbers from q/2 = int G n_0 + int (m(t) - m(s))/(2 (t - s)) G q ds, 28 and 40 Chebyshev nodes in sqrt(t)."""
    run = fl.evolve(fl.discretize(cell, tol=1e-5), start, 1.0, rtol=1e-7, **HOW)
    assert run.sample("trace", times) == pytest.approx(trace, rel=1e-6)
    assert run.sample("mu", times) == pytest.approx(trace if mu is None else mu, rel=1e-6)
    assert max(run.drift.values()) < 1e-13
    assert run.segments[0].problem.quantities["mass"] @ run.segments[0].states[0] == pytest.approx(cell.mass, rel=1e-14)


def test_a_cell_beyond_the_critical_mass_blows_up_when_it_should():
    """M = 2, data e^{-z}: T* below the bound J_0^2 / ((M - 1) M^2) = 1.

    0.21708232(1): the equation of int_z^inf n on elements of degree 10 down to 1e-5, in time by Radau with 1e-9, up to
    n(0) = 1e4 and from there by its law.
    """
    run = fl.evolve(fl.discretize(fl.CellPolarisation(mass=2.0), tol=1e-4), lambda z: np.exp(-z), 1.0, rtol=1e-5, **HOW)
    assert run.outcome.name == "blow_up"
    assert abs(run.blow_up.time - 0.21708232) < run.blow_up.error < 1e-2 * 0.217


def test_a_mesh_that_follows_a_boundary_layer_changes_seldom():
    """Data that do not fit their flux at a wall: cells that would be split next are split at once (else 17 meshes)."""
    start = lambda z: np.sqrt(2 / np.pi) / 0.7 * 0.9 * np.exp(-(z**2) / 0.98)
    run = fl.evolve(fl.discretize(fl.CellPolarisation(mass=0.9), tol=1e-7), start, 4.0, rtol=1e-8, **HOW)
    assert run.sample("trace", [0.25, 1.0]) == pytest.approx([1.323790386637, 1.177396726041], abs=1e-8)
    assert len(run.segments) <= 11


def test_kuramoto_against_its_fourier_series():
    """z_k' = (i k w - D k^2) z_k + (k/2) K (z_1 z_{k-1} - conj(z_1) z_{k+1}) by Fourier matrices: 12 digits."""
    run = fl.evolve(
        fl.discretize(fl.Kuramoto(K=3.0, D=1.0), tol=1e-5), lambda th: 1 + 0.2 * np.cos(th), 2.0, rtol=1e-7, **HOW
    )
    assert run.sample("r", [1.0, 2.0]) == pytest.approx([0.162726428427, 0.257905443833], rel=1e-6)
    assert run.drift["mass"] < 1e-13


def test_kuramoto_at_rest():
    """r = I_1(K r/D) / I_0(K r/D); eigenvalues of the Fourier matrix; the rotation's zero is no mode."""
    problem = fl.discretize(fl.Kuramoto(K=5.0, D=1.0))
    found = fl.steady_states(problem)
    assert [state.r for state in found] == pytest.approx([0.0, 0.8768234220629446], abs=1e-9)
    uniform, locked = found
    values = fl.spectrum(problem, locked, count=3).eigenvalues
    assert values == pytest.approx([-3.54932727, -6.03630786, -6.56448666], rel=1e-6)
    assert locked.stable
    assert not uniform.stable


def test_neurons_structured_by_age():
    """Steady rate by a characteristic integral, eigenvalues and N(t) by discontinuous elements of degree 8 and 10."""
    problem = fl.discretize(fl.TimeElapsed(hazard, tau=0.1))
    state = fl.steady_states(problem)[0]
    assert (state.N, state.J) == pytest.approx((0.34217162608118, 0.34217162608118), rel=1e-10)
    values = fl.spectrum(problem, state, count=2).eigenvalues
    assert values == pytest.approx(np.array([-0.1334585174 + 2.6065793229j, -0.1334585174 - 2.6065793229j]), rel=1e-8)
    start = {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3}
    run = fl.evolve(fl.discretize(problem.model, tol=1e-8), start, 2.0, rtol=1e-7, **HOW)
    expected = [0.034331317861, 0.206384737508, 0.409175324578]  # Dormand and Prince at 1e-11 in time, to all digits
    assert run.sample("N", [0.5, 1.0, 2.0]) == pytest.approx(expected, abs=5e-9)
    assert run.drift["mass"] < 1e-13


@pytest.mark.parametrize(("k", "s"), [([[18.0, -23.0], [44.0, -3.0]], [-0.5, -2.8]), (4.5 * (1 - np.eye(3)), -4.0)])
def test_all_modes_of_hebbian_units_are_found_though_most_have_one_eigenvalue(k, s):
    """n^2 - n modes of the weights have the eigenvalue -1, which is one of the band as well: against dense algebra."""
    problem = fl.discretize(fl.WilsonCowan(k=k, s=s))
    state = fl.steady_state(problem)
    found = np.sort_complex(fl.spectrum(problem, state, count=problem.size).eigenvalues)
    expected = np.sort_complex(np.linalg.eigvals(problem.jacobian(0.0, state.y).dense()))
    assert np.abs(found - expected).max() < 1e-12


def test_wilson_and_cowan_with_hebb():
    """Dormand-Prince of order 8 at 1e-13 and Radau at 1e-11; the fixed point by mpmath with 30 digits."""
    model = fl.WilsonCowan(k=[[18.0, -23.0], [44.0, -3.0]], s=[-0.5, -2.8])
    problem = fl.discretize(model)
    run = fl.evolve(problem, {"N": 0.1, "w": 0.0}, 2.0, rtol=1e-9, **HOW)
    assert run.sample("N", [1.0, 2.0]) == pytest.approx(
        np.array([[0.283899339248, 0.075528899805], [0.403716962549, 0.074197595460]]), rel=1e-8
    )
    assert run.sample("w", [2.0]).shape == (1, 2, 2)
    start = np.array([[-50.0, 30.0], [60.0, -1.0]])
    for one in (run, fl.evolve(problem, {"N": [0.99, 0.01], "w": start}, 8.0, rtol=1e-4, **HOW)):
        N, w = one.sample("N", one.times), one.sample("w", one.times)  # the region that solutions do not leave
        assert 0 < N.min() < N.max() < 1
        assert np.all(np.abs(w) <= np.maximum(np.abs(w[0]), np.abs(model.k)) * (1 + 1e-12))
    found = fl.steady_states(problem)
    assert len(found) == 1
    assert found[0].N == pytest.approx([0.388601047691272, 0.3360740626248], rel=1e-12)
    assert found[0].growth == pytest.approx(0.19138996 + 1.00764507j, rel=1e-7)


def test_a_pattern_is_learned_and_kept():
    """Six units, three of them stimulated for a while (DOP853 and Radau): stored after 5, forgotten after 1.

    What is kept is a state at rest without stimuli, its slowest mode the same to nine digits by both.
    """
    k = 4.5 * (1 - np.eye(6))
    unstimulated = fl.discretize(fl.WilsonCowan(k=k, s=-4.0))
    for until, on, off in ((5.0, 0.991101251953, 0.022698538504), (1.0, 0.575060613895, None)):
        stimulus = fl.Piecewise((until,), (2.0, -4.0))
        model = fl.WilsonCowan(k=k, s=[stimulus] * 3 + [-4.0] * 3)
        run = fl.evolve(fl.discretize(model), {"N": 0.02, "w": 0.0}, until, rtol=1e-7, **HOW)
        N = run.sample("N", until)
        assert N[:3] == pytest.approx([on] * 3, rel=1e-6)
        if off is not None:
            assert N[3:] == pytest.approx([off] * 3, rel=1e-6)
            kept = fl.steady_state(unstimulated, guess=run.final)
            assert kept.N == pytest.approx([0.991729984103] * 3 + [0.024843596308] * 3, rel=1e-9)
            assert kept.growth == pytest.approx(-0.432186452, rel=2e-9)


def test_a_graded_axis_has_cells_that_shrink_whatever_engine_the_equations_would_go_to():
    """Of a leaky neuron, whose rate is that of the closed form."""

    @dataclass(frozen=True)
    class Graded(fl.NoisyLIF):
        def equations(self):
            said = super().equations()
            (axis,) = said.axes
            return replace(said, axes=(replace(axis, graded={self.v_reset: 1.0}),))

    problem = fl.discretize(Graded(current=1.0), tol=1e-6)
    cells = problem.lines["v"].cells
    assert np.abs(cells[cells != 1.0] - 1.0).min() < 5e-3
    rate = fl.analysis.exact.firing_rate(fl.NoisyLIF(current=1.0))
    assert fl.steady_state(problem).N == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(
    ("parameters", "tol", "N", "digits"),
    [
        ({}, 1e-3, 0.507286188, 1e-8),
        ({}, 1e-4, 0.507286188, 1e-8),
        ({"g_in": 0.35, "a": 0.001}, 1e-3, 0.76580349, 1e-8),
        ({"g_in": 0.5, "a": 0.002}, 1e-3, 1.4555747917, 1e-10),
    ],
)
def test_the_voltage_conductance_neuron_at_rest(parameters, tol, N, digits):
    """Two hp-meshes of another program; bars of a density that is singular at two corners hold and are not wide."""
    state = fl.steady_state(fl.discretize(fl.VoltageConductance(**parameters), tol=tol))
    assert abs(state.N - N) < min(state.error + digits, tol * N)
    assert state.error < 2 * abs(state.N - N) + digits


def test_the_adaptive_neuron_keeps_its_mass_and_the_balance_of_its_current():
    """d/dt wbar = jump Nbar - wbar / tau_w, by Simpson's rule on the run."""
    model = fl.AdaptiveLIF(jump=0.5, current=1.5)
    start = lambda v, w: np.exp(-2 * v**2 - 4 * w**2) * (1 - np.exp(-((2 - v) ** 4)))
    problem = fl.discretize(model, tol=1e-2, space=fl.SpectralElement(4))
    run = fl.evolve(problem, start, 0.5, rtol=1e-4, **HOW)
    t = np.linspace(0.0, 0.5, 41)
    change = 0.5 * run.sample("Nbar", t) - run.sample("wbar", t)
    weights = np.ones(41) * (4 - 2 * (np.arange(41) % 2 == 0))
    weights[[0, -1]] = 1
    assert run.final.wbar - run.at(0.0).wbar == pytest.approx(weights @ change * (t[1] - t[0]) / 3, abs=2e-3)
    assert run.drift["mass"] < 1e-13
    assert run.final.N.integral() == pytest.approx(run.final.Nbar, rel=1e-12)
    flux = -(run.final.p(2.0, 0.3) - run.final.p(2.0 - 1e-4, 0.3)) / 1e-4  # -a0 p_v(V_F, w)
    assert run.final.N(0.3) == pytest.approx(flux, rel=0.02)
    with pytest.raises(AttributeError, match="this state has no 'M'; it has: p, N, Nbar, wbar"):
        _ = run.final.M


@pytest.mark.parametrize(
    ("b", "current", "density", "time", "round_", "fraction"),
    [
        (0.2, 2.5, fl.Uniform(1.0, 2.0), 4.133845504893, 5, 0.936025851024),
        (0.5, 3.0, fl.Uniform(1.0, 2.0), 1.617498349977, 5, 0.807971432557),
        (0.3, 2.5, lambda v: 1 + 0.5 * np.cos(2 * np.pi * (v - 1)), 1.458238731487, 2, 0.7456291138),
    ],
)
def test_the_network_without_noise_blows_up_in_the_round_it_should(b, current, density, time, round_, fraction):
    """A Chebyshev recursion with 24 and 40 nodes and label equations with root finding; particles confirm the first."""
    found = fl.noiseless_blow_up(b, current, density)
    assert found.time == pytest.approx(time, rel=1e-11)
    assert abs(found.time - time) < found.error + 1e-12
    assert (found.round, found.fraction) == (round_, pytest.approx(fraction, rel=1e-9))


def test_inhibition_without_noise_never_blows_up():
    found = fl.noiseless_blow_up(-0.5, 3.0, fl.Uniform(1.0, 2.0))
    assert found.time is None
    assert found.ends[:3] == pytest.approx([1.080503921417, 2.155004313033, 3.225428190557], rel=1e-11)
    with pytest.raises(ValueError, match="density is 0 somewhere"):
        fl.noiseless_blow_up(0.5, 3.0, fl.Uniform(1.2, 1.8))


@pytest.mark.parametrize(
    "model",
    [
        fl.Populations(
            coupling=[[0.8, -1.5], [0.6, -0.5]],
            delay=[[0.1, 0.5], [0.5, 0.1]],
            tau=[0.1, 0.0],
            dead_time=[0.0, 0.2],
            a1=0.1,
            v_fire=[2.0, 1.6],
            tau_m=[1.0, 2.0],
            drift=[fl.Leaky(), fl.Quadratic(0.5)],
        ),
        fl.CellPolarisation("exchange", mass=0.9),
        fl.Kuramoto(A=1.05, frequencies=([-0.5, 0.5], [0.5, 0.5])),
        fl.TimeElapsed(hazard),
        fl.TimeElapsed(fl.StepHazard(lambda x: 2.0 - x), tau=0.2),
        fl.WilsonCowan(k=[[18.0, -23.0], [44.0, -3.0]], s=[-0.5, math.sin]),
        fl.VoltageConductance(S=0.1),
        fl.AdaptiveLIF(jump=0.5, current=1.5),
    ],
    ids=lambda model: type(model).__name__,
)
def test_models_are_what_they_say(model):
    assert check_model(model).checks


def test_a_run_of_a_system_comes_back_from_its_folder(tmp_path):
    problem = fl.discretize(fl.CellPolarisation("exchange"), tol=1e-3)
    start = {"n": lambda z: np.exp(-z), "mu": 0.1}
    run = fl.evolve(problem, start, 0.2, rtol=1e-4, folder=tmp_path / "cell", snapshots=3, **HOW)
    again = fl.load_run(tmp_path / "cell")
    assert np.array_equal(again.final.y, run.final.y)
    assert again.sample("mu", 0.1) == run.sample("mu", 0.1)
    longer = fl.resume(tmp_path / "cell", t_end=0.3, progress=False)
    whole = fl.evolve(problem, start, 0.3, rtol=1e-4, **HOW)
    assert longer.final.mu == pytest.approx(whole.final.mu, rel=1e-4)
