"""Systems with parameters of these tests' own against methods that share nothing with the elements; orders; drift."""

from __future__ import annotations

import numpy as np
import pytest
from independent_of_elements import (
    Age,
    blow_up_spike_by_spike,
    cohorts,
    late_step,
    oscillators,
    rate_of_an_adapting_neuron,
    rates_of_adapting_neurons,
    steady_conductances,
    wall_density,
)
from scipy.integrate import quad, solve_ivp

import felif as fl
from felif.analysis import exact

HOW = {"progress": False}
TURN = 2 * np.pi


@pytest.mark.parametrize(
    ("closure", "mass", "L", "mu", "k"),
    [
        ("trace", 0.7, 1.0, 0.0, 1.5),
        ("trace", 1.4, 1.0, 0.0, 0.5),
        ("integrated", 1.3, 0.7, 0.1, 0.8),
        ("exchange", 2.0, 1.5, 0.3, 1.2),
    ],
)
def test_cells_of_other_masses_against_the_volterra_equation_at_the_wall(closure, mass, L, mu, k):
    """Data M (1 + z) e^{-kz}, normalised, whose flux at the wall does not match: n(0, t) is smooth in sqrt(t)."""
    shape = lambda z: (1 + z) * np.exp(-k * z)
    total = 1 / k + 1 / k**2
    q, strength = wall_density(closure, lambda z: mass * shape(z) / total * (z >= 0), L, mu, 0.5)
    start = shape if closure == "trace" else {"n": shape, "mu": mu}
    model = fl.CellPolarisation(closure, L=L, mass=mass)
    run = fl.evolve(fl.discretize(model, tol=1e-5), start, 0.5, rtol=1e-6, **HOW)
    t = np.array([0.1, 0.3, 0.5])
    assert run.sample("trace", t) == pytest.approx(q(t), rel=2e-6)
    assert run.sample("mu", t) == pytest.approx(strength(t), rel=2e-6)


@pytest.mark.parametrize(("K", "D", "A", "omega"), [(2.5, 0.6, 0.0, 0.0), (1.0, 0.3, 0.4, 0.0), (4.0, 0.8, 1.2, 0.7)])
def test_oscillators_against_their_fourier_series(K, D, A, omega):
    """Active rotators have the drift omega + 1 - A sin(theta) where A > 0: one more turn of omega."""
    t = np.array([0.5, 1.5])
    model = fl.Kuramoto(K=K, D=D, A=A, omega=omega)
    run = fl.evolve(fl.discretize(model, tol=1e-5), lambda th: 1 + 0.4 * np.cos(th - 0.5), 1.5, rtol=1e-7, **HOW)
    expected = oscillators(K, D, A, omega + (A > 0), 0.2 * np.exp(0.5j), t)
    assert run.sample("r", t) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("delta", "tau"), [(0.3, 0.2), (0.12, 0.05), (0.2, 1.0)])
def test_age_at_rest_against_its_characteristic_equation(delta, tau):
    age = Age(delta)
    problem = fl.discretize(fl.TimeElapsed(lambda s, x: 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / delta)), tau=tau))
    steady = fl.steady_state(problem)
    assert steady.N == pytest.approx(age.N, rel=1e-8)
    for value in fl.spectrum(problem, steady, count=2).eigenvalues:
        assert abs(age.characteristic(value, tau)) < 1e-6


def test_a_mesh_that_ends_where_ages_go_on_makes_no_mode_of_its_own():
    """What leaves the last cell is spread over it; a closed end has modes that grow like 5 over its width."""
    hazard = lambda s, x: 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / 0.2))
    for cells in (np.linspace(0, 14, 29), np.append(np.linspace(0, 10, 21), 20.0)):
        problem = fl.discretize(fl.TimeElapsed(hazard, tau=1.0), {"s": cells}, space=fl.SpectralElement(6))
        steady = fl.steady_state(problem)
        values = fl.spectrum(problem, steady, count=3).eigenvalues
        assert values == pytest.approx(
            np.array([-0.53070021 + 2.31934978j, -0.53070021 - 2.31934978j, -0.86965016]), rel=1e-3
        )
        assert abs(Age(0.2).characteristic(values[0], 1.0)) < 1e-3


@pytest.mark.parametrize(("steepness", "tau"), [(2.0, 0.3), (4.0, 0.15), (3.0, None)])
def test_age_in_time_against_cohorts(steepness, tau):
    """Along characteristics by the trapezoidal rule, extrapolated from two steps."""
    hazard = lambda s, x: 1.5 / (1 + np.exp(-steepness * (s - 1.2 + 0.8 * x)))
    start = {"n": lambda s: np.exp(-((s - 0.8) ** 2))} | ({} if tau is None else {"J": 0.2})
    rates = [cohorts(hazard, tau, start["n"], 0.2, 1.5, dt) for dt in (6e-3, 3e-3)]
    run = fl.evolve(fl.discretize(fl.TimeElapsed(hazard, tau=tau), tol=1e-5), start, 1.5, rtol=1e-6, **HOW)
    assert run.final.N == pytest.approx((4 * rates[1] - rates[0]) / 3, rel=2e-6)


@pytest.mark.parametrize(("sigma", "x"), [((1.0, 0.5), 0.4), ((2.0, -1.0), 0.3)])
def test_a_step_of_age_is_followed_exactly(sigma, x):
    """N = 1/(1 + sigma(N)) at rest, lambda from the identity N + int_{t-sigma}^t N = 1 with sigma(J(t))."""
    a, b = sigma
    tau = 0.2
    problem = fl.discretize(fl.TimeElapsed(fl.StepHazard(lambda x: a + b * x), tau=tau), tol=1e-8)
    steady = fl.steady_state(problem)
    assert steady.N * (1 + a + b * steady.N) == pytest.approx(1.0, rel=1e-12)
    length, N = a + b * steady.N, steady.N
    for value in fl.spectrum(problem, steady, count=2).eigenvalues:
        identity = 1 + (1 - np.exp(-value * length)) / value + N * b / (1 + value * tau)
        assert abs(identity) < 1e-8


def test_a_step_of_age_turns_where_it_should():
    """The identity N + int_{t-sigma}^t N = 1 at sigma(x) = 2.75 - 2.25 x: the lower one of two Hopf points in tau."""
    problem = fl.discretize(fl.TimeElapsed(fl.StepHazard(lambda x: 2.75 - 2.25 * x), tau=0.055))
    branch = fl.continuation(problem, fl.steady_state(problem), "tau", (0.05, 0.065), max_step=5.0)
    (hopf,) = branch.hopfs
    assert hopf.tau == pytest.approx(0.0588948389505228, rel=1e-9)
    orbit = fl.periodic_orbit(problem, hopf, tau=0.1, **HOW)  # Fourier collocation of the identity, 36 and 48 modes
    assert orbit.period == pytest.approx(2.396297141407, rel=3e-9)
    assert (orbit.min["N"], orbit.max["N"]) == pytest.approx((0.273244676932, 0.427097048881), rel=5e-6)


def test_a_step_of_age_says_where_it_cannot_be_followed():
    """sigma' > 1 makes ready neurons young again; several N at the start are named; with x = N so is where N jumps."""
    step = fl.StepHazard(lambda x: 2.75 - 2.25 * x)
    peak = {"n": lambda s: np.exp(-2 * (s - 1) ** 2) + 0.2 * np.exp(-s), "J": 0.3}
    with pytest.raises(ValueError, match="sigma grows as fast as neurons age"):
        fl.evolve(fl.discretize(fl.TimeElapsed(step, tau=0.1), tol=1e-3), peak, 1.0, **HOW)
    lively = fl.discretize(fl.TimeElapsed(step, tau=0.1), tol=1e-3)
    run = fl.evolve(lively, {"n": lambda s: np.exp(-4 * (s - 2.5) ** 2), "J": 0.3}, 4.0, rtol=1e-4, **HOW)
    assert run.outcome.name == "beyond_equations"
    assert "those that were ready are no longer" in run.outcome.message
    several = fl.discretize(fl.TimeElapsed(fl.StepHazard(lambda x: 3.0 - 3.0 * x)), tol=1e-3)
    with pytest.raises(ValueError, match=r"N = 0\.\d+, .* all satisfy"):
        fl.evolve(several, lambda s: np.exp(-2 * (s - 1.5) ** 2), 1.0, **HOW)
    jumping = fl.discretize(fl.TimeElapsed(step), tol=1e-3)
    run = fl.evolve(jumping, lambda s: np.exp(-s), 5.0, rtol=1e-3, **HOW)
    assert run.outcome.name == "jump"  # dN/dt is infinite where the margin 1 - int p_x n has fallen to 0
    # N + int_{t - sigma(N)}^t N = 1 with N = e^t before 0, as an equation along u = t - sigma(N) (DOP853 at 1e-12)
    assert "N = 0.29" in run.outcome.message  # 0.2977990695
    assert abs(run.blow_up.time - 1.2690218773) < min(run.blow_up.error, 1e-3)
    finer = fl.evolve(fl.discretize(fl.TimeElapsed(step), tol=1e-4), lambda s: np.exp(-s), 5.0, rtol=1e-5, **HOW)
    assert abs(finer.blow_up.time - 1.2690218773) < min(finer.blow_up.error, 1e-4)
    assert finer.blow_up.error < 1e-3


@pytest.mark.parametrize(("a", "b", "delay"), [(1.0, 0.5, 0.2), (2.75, -2.25, 0.05), (2.0, -1.0, 0.5)])
def test_a_step_of_age_that_moves_late_at_rest(a, b, delay):
    """N (1 + sigma(N)) = 1, and lambda from the identity N + int_{t-sigma}^t N = 1 with sigma(N(t - d)).

    It is neutral: infinitely many modes are next to Re lambda = ln |N b| / d.
    """
    problem = fl.discretize(fl.TimeElapsed(fl.StepHazard(lambda x: a + b * x), delay=delay), tol=1e-8)
    steady = fl.steady_state(problem)
    length, N = a + b * steady.N, steady.N
    assert N * (1 + length) == pytest.approx(1.0, rel=1e-12)
    assert steady.stable
    for value in fl.spectrum(problem, steady, count=2).eigenvalues:
        assert abs(1 + (1 - np.exp(-value * length)) / value + N * b * np.exp(-value * delay)) < 1e-8


@pytest.mark.parametrize(("a", "b", "delay"), [(1.2, -0.8, 0.5), (0.8, 0.6, 0.3)])
def test_a_step_of_age_that_moves_late_in_time(a, b, delay):
    """Along characteristics by the method of steps; the history is a line that ends at N(0) = n(0, 0)."""
    x, peak = 0.3, lambda s: np.exp(-2 * (s - 1) ** 2)
    share = (quad(peak, a + b * x, 60)[0] - peak(0.0)) / -np.expm1(-a - b * x)
    density = lambda s: peak(s) + share * np.exp(-s)
    N = density(0.0) / quad(density, 0, 60, epsabs=1e-13)[0]
    history = lambda t: N + (x - N) * (-t / delay)
    problem = fl.discretize(fl.TimeElapsed(fl.StepHazard(lambda x: a + b * x), delay=delay), tol=1e-5)
    run = fl.evolve(problem, {"n": density}, 3 * delay, rtol=1e-6, history=history, **HOW)
    expected = late_step(a, b, delay, density, history, (N - x) / delay, 3)
    assert run.sample("N", delay * np.arange(1, 4)) == pytest.approx(expected, abs=2e-5)
    assert run.drift["total"] < 1e-13
    with pytest.raises(ValueError, match=r"N = 0\.\d+, but its history ends at 0\.3, so that it would jump"):
        fl.evolve(problem, {"n": density}, 1.0, history=0.3, **HOW)
    early = lambda t: x if t < -delay / 2 else N  # sigma would jump: N rose to 0.675 instead of 0.594
    with pytest.raises(ValueError, match=f"the history of N jumps at t = {-delay / 2:g}"):
        fl.evolve(problem, {"n": density}, 1.0, history=early, **HOW)
    kinked = lambda t: N + (x - N) * min(1.0, -2 * t / delay)
    run = fl.evolve(problem, {"n": density}, delay, rtol=1e-6, history=kinked, **HOW)
    times = delay * np.array([0.498, 0.502, 1.0])
    exactly = late_step(a, b, delay, density, kinked, lambda t: 2 * (N - x) / delay * (t > -delay / 2), 1, times)
    assert run.sample("N", times) == pytest.approx(exactly, abs=2e-5)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hebbian_networks_against_an_integrator_of_ordinary_equations(seed):
    random = np.random.default_rng(seed)
    k, s = random.normal(0, 8, (3, 3)), random.normal(0, 2, 3)
    sig = lambda x: 1 / (1 + np.exp(-x))

    def rate(_, y):
        N, w = y[:3], y[3:].reshape(3, 3)
        return np.concatenate([-N + sig(w @ N + s), (k * np.outer(N, N) - w).ravel()])

    exactly = solve_ivp(rate, (0, 3), np.append(np.full(3, 0.3), np.zeros(9)), "DOP853", rtol=1e-12, atol=1e-13).y[
        :, -1
    ]
    run = fl.evolve(fl.discretize(fl.WilsonCowan(k, s.tolist())), {"N": 0.3, "w": 0.0}, 3.0, rtol=1e-8, **HOW)
    assert run.final.N == pytest.approx(exactly[:3], rel=1e-7)
    assert run.final.w.ravel() == pytest.approx(exactly[3:], rel=1e-6, abs=1e-8)
    largest = max(np.abs(k).max(), 0.0)
    assert np.abs(run.sample("w", np.linspace(0, 3, 50))).max() <= largest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_populations_at_rest_fire_as_the_closed_rate_of_one_neuron_says(seed):
    """N_i = r_{a_i}(I_i + sum_j b_ij N_j), r by the integral of the first-passage time."""
    random = np.random.default_rng(seed)
    K = 3 + seed
    model = fl.Populations(
        coupling=random.normal(-0.3, 0.6, (K, K)), current=random.uniform(0, 0.8, K), a0=random.uniform(0.6, 1.2, K)
    )
    steady = fl.steady_state(fl.discretize(model, tol=1e-8))
    drive = model.current + model.coupling @ steady.N
    for i in range(K):
        one = fl.NoisyLIF(b=0.0, current=float(drive[i]), a0=float(model.a0[i]))
        assert steady.N[i] == pytest.approx(exact.steady_rates(one)[0], rel=1e-8)


@pytest.mark.parametrize("couplings", [(0.5, 0.25, 0.25, 1.0), (1.2, 0.8, 0.4, 0.0), (0.2, 1.5, 0.3, 0.5)])
def test_two_populations_are_those_of_the_other_engine(couplings):
    EE, IE, EI, II = couplings
    pair = fl.ExcitatoryInhibitoryLIF(b_EE=EE, b_IE=IE, b_EI=EI, b_II=II)
    same = fl.Populations(coupling=[[EE, -IE], [EI, -II]])
    old, new = fl.discretize(pair, tol=1e-8), fl.discretize(same, tol=1e-8)
    first, second = fl.steady_states(old)[0], fl.steady_state(new)
    assert second.N == pytest.approx([first.N_E, first.N_I], rel=1e-7)
    values = [fl.spectrum(problem, state, count=2).eigenvalues for problem, state in ((old, first), (new, second))]
    assert values[1] == pytest.approx(values[0], rel=1e-6)


def test_adapting_neurons_that_are_switched_on_against_renewal():
    """N(t) by the renewal equation over spikes, with finite differences along v alone, extrapolated: to 2.2e-4."""
    jump, tau_w, current = 0.9, 0.5, 3.0
    density = lambda v: np.exp(-2 * v**2) * (1 - np.exp(-((2 - np.minimum(v, 2.0)) ** 4)))
    how = {"width": 0.4, "t_end": 2.0}
    (_, coarse), (t, fine) = (
        rates_of_adapting_neurons(jump, tau_w, current, density, cells=cells, **how) for cells in (160, 320)
    )
    expected = (4 * fine - coarse) / 3
    mesh = {"v": [-5, -3, -1.5, -0.5, 0.3, 1, 1.6, 2], "w": np.linspace(0, 4, 9)}
    model = fl.AdaptiveLIF(jump=jump, tau_w=tau_w, current=current)
    problem = fl.discretize(model, mesh, space=fl.SpectralElement(4))
    run = fl.evolve(problem, lambda v, w: density(v) * np.exp(-(w**2) / 0.32), 2.0, rtol=1e-4, **HOW)
    places = [15, 30, 60, 90, 120]
    assert run.sample("Nbar", t[places]) == pytest.approx(expected[places], rel=3e-4)
    assert run.drift["mass"] < 1e-12


@pytest.mark.parametrize(
    ("jump", "tau_w", "current", "longest"), [(0.8, 0.5, 2.0, 12.0), (1.0, 1.5, 2.5, 14.0), (0.5, 1.0, 1.5, 20.0)]
)
def test_adaptation_against_the_chain_of_intervals(jump, tau_w, current, longest):
    """The Volterra equation of the interval after every w, and the chain of w over spikes: to 5e-4."""
    model = fl.AdaptiveLIF(jump=jump, tau_w=tau_w, current=current)
    mesh = {"v": [-4.5, -2.5, -1, 0, 1, 1.6, 2], "w": np.linspace(0, 4, 7)}
    state = fl.steady_state(fl.discretize(model, mesh, space=fl.SpectralElement(4)))
    assert state.Nbar == pytest.approx(rate_of_an_adapting_neuron(jump, tau_w, current, longest), rel=5e-4)
    assert state.wbar == pytest.approx(tau_w * jump * state.Nbar, rel=2e-4)  # but for what would jump beyond w_max = 4


@pytest.mark.parametrize(
    ("V_E", "V_F", "g", "spread"), [(14 / 3, 1.0, 0.6, 0.03), (3.0, 1.0, 1.1, 0.05), (5.0, 1.5, 0.8, 0.04)]
)
def test_neurons_whose_conductance_stays_are_periodic(V_E, V_F, g, spread):
    """gamma -> 0: each g has a period of its own, and N(t) is a quadrature over phases."""
    v = lambda v: (v * (V_F - v)) ** 3
    model = fl.VoltageConductance(g_in=g, a=spread**2, gamma=1e-9, v_excitatory=V_E, v_fire=V_F)
    axis = np.unique(np.concatenate([[0.0, V_F / (V_E - V_F)], g + 7 * spread * np.linspace(-1, 1, 8)]))
    problem = fl.discretize(model, {"v": np.linspace(0, V_F, 8), "g": axis}, space=fl.SpectralElement(5))
    start = {"p": lambda V, G: v(V) * np.exp(-(((G - g) / spread) ** 2) / 2)}
    run = fl.evolve(problem, start, 0.3, rtol=1e-4, **HOW)
    for t in (0.15, 0.3):
        assert run.sample("N", t) == pytest.approx(steady_conductances(V_E, V_F, g, spread, v, t), abs=5e-4)
    assert run.drift["mass"] < 1e-13


def test_degrees_and_steps_converge_at_their_order():
    """Degree p in z: errors of n(0, t) fall faster than h^(p + 1); Rodas5P in t: with the fifth power of the step."""
    start = lambda th: 1 + 0.9 * np.cos(th)
    expected = oscillators(3.0, 0.5, 0.0, 0.0, 0.45, np.array([1.0]))[0]
    errors = []
    for cells in (4, 8):
        mesh = {"theta": np.linspace(0, 2 * np.pi, cells + 1)}
        problem = fl.discretize(fl.Kuramoto(K=3.0, D=0.5), mesh, space=fl.SpectralElement(4))
        errors.append(abs(fl.evolve(problem, start, 1.0, rtol=1e-9, **HOW).final.r - expected))
    assert np.log2(errors[0] / errors[1]) > 5
    mesh = {"theta": np.linspace(0, 2 * np.pi, 9)}
    problem = fl.discretize(fl.Kuramoto(K=3.0, D=0.5), mesh, space=fl.SpectralElement(6))
    r = [fl.evolve(problem, start, 1.0, fixed_step=h, **HOW).final.r for h in (0.2, 0.1, 0.05)]
    assert np.log2(abs(r[0] - r[1]) / abs(r[1] - r[2])) > 4.5


def test_nothing_is_lost_over_many_steps():
    """Mass, and the mass of each population, to rounding over 100 steps of a fixed size."""
    populations = fl.Populations(coupling=[[0.5, -1.0], [0.8, -0.2]])
    vanishing = lambda v: np.exp(-(v**2)) * (1 - np.exp(-((2 - v) ** 4)))
    age = fl.TimeElapsed(lambda s, x: 1 / (1 + np.exp(-4 * (s - 1 + x))), tau=0.2)
    for model, start in ((populations, vanishing), (age, {"n": lambda s: np.exp(-s), "J": 0.3})):
        problem = fl.discretize(model, tol=1e-2, space=fl.SpectralElement(4))
        run = fl.evolve(problem, start, 1.0, fixed_step=1e-2, snapshots=3, **HOW)
        assert max(run.drift.values()) < 1e-13


@pytest.mark.parametrize("core", ["compiled", "python"])
def test_nothing_is_lost_where_many_cells_are_tiny(core, monkeypatch):
    """Entries of 1e6 cancel in every column: their rounding made 3e-11 of mass in each step."""
    monkeypatch.setenv("FELIF_CORE", core)
    mesh = {"z": np.append(np.linspace(0.0, 0.01, 81), np.geomspace(0.012, 20.0, 32))}
    problem = fl.discretize(fl.CellPolarisation("trace", mass=0.9), mesh, space=fl.SpectralElement(6))
    run = fl.evolve(problem, lambda z: np.exp(-0.9 * z), 0.5, fixed_step=2e-2, **HOW)
    assert run.drift["mass"] < 1e-14


@pytest.mark.parametrize(
    ("b", "current", "density", "below"),
    [
        (0.6, 2.2, fl.Uniform(1.0, 2.0), lambda v: v - 1),
        (0.35, 2.8, lambda v: 1 + 0.3 * np.cos(TURN * v), lambda v: v - 1 + 0.3 * np.sin(TURN * v) / TURN),
        (0.25, 4.0, lambda v: 1 + 0.4 * np.sin(TURN * v), lambda v: v - 1 + 0.4 * (1 - np.cos(TURN * v)) / TURN),
    ],
)
def test_networks_without_noise_blow_up_as_neurons_do_spike_by_spike(b, current, density, below):
    """In rounds 2, 3 and 9; what 1000 and 2000 neurons are late by is of the order of 1 over their number."""
    late, less = (blow_up_spike_by_spike(b, current, below, count) for count in (1000, 2000))
    assert fl.noiseless_blow_up(b, current, density).time == pytest.approx(2 * less - late, abs=3e-6)


def test_lorentzian_frequencies_by_their_values_at_equal_shares():
    """gamma tan(phi), phi equidistant: what is analytic in the frequency converges like a power of their number.

    The uniform state grows at K/2 - D - gamma; r at rest by the continued fraction of its Fourier series.
    """
    K, D, gamma, count = 3.0, 0.5, 0.5, 16
    values = gamma * np.tan(np.pi * ((np.arange(count) + 0.5) / count - 0.5))
    model = fl.Kuramoto(K=K, D=D, frequencies=(values, np.full(count, 1 / count)))
    mesh = {"theta": np.linspace(0.0, 2 * np.pi, 5)}
    uniform, synchronous = fl.steady_states(fl.discretize(model, mesh, space=fl.SpectralElement(8)))
    assert uniform.growth.real == pytest.approx(K / 2 - D - gamma, abs=1e-7)
    assert synchronous.r == pytest.approx(0.6510311607772341, abs=1e-3)  # 4e-5 by 24 values, 2e-6 by 32
