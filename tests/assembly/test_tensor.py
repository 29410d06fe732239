"""Densities over (v, w) on lines: accuracy, what is conserved, orders, spaces, and what is refused."""

from types import SimpleNamespace

import numpy as np
import pytest

import felif as fl

INTERVAL = (-1.0, 0.0)
# Time dependent, K = -1, eps = .2, I = 1.5, sigma = 4x: two discretisations extrapolated (issue 6)
REFERENCE = {0.25: 0.3132451128, 0.5: 0.3719775948, 1.0: 0.3880724248}
MOMENTS = (-0.4531872259, 0.2205941661)


def connectivity(w):
    return 630 * w**4 * (1 + w) ** 4


def start(v, w):
    return connectivity(w) * np.exp(-((v - 0.3) ** 2) / 0.6) * (1 - np.exp(-(((2 - v) / 0.5) ** 4)))


def learning(**changes):
    parameters = {"eps": 0.2, "K": -1.0, "sigma": lambda x: 4 * x, "current": 1.5, "w_min": -1.0, "w_max": 0.0}
    return fl.LearningLIF(**{**parameters, **changes})


def on(cells, degree=5, v_degree=6, v_cells=8, **changes):
    model = learning(**changes)
    mesh = fl.interval(model, v_min=-4.5, cells=v_cells, grading=1.5)
    space = fl.Tensor(fl.SpectralElement(v_degree), fl.DG(degree))
    return fl.discretize(model, (mesh, np.linspace(*INTERVAL, cells + 1)), space=space)


def evolve(problem, t_end, rtol=1e-6, start=start, **options):
    return fl.evolve(problem, start, t_end=t_end, rtol=rtol, progress=False, **options)


def lowest(state):
    """Smallest density over the largest, looked at between nodes."""
    problem = state.problem
    v = np.linspace(problem.cells[:-1], problem.cells[1:], 14).ravel()
    w = np.linspace(problem.w_cells[:-1], problem.w_cells[1:], 24).ravel()
    return state.p(v[:, None], w).min() / state.p.values.max()


def test_nonlinear_learning_has_the_rates_and_moments_of_the_reference():
    run = evolve(fl.discretize(learning(), tol=1e-6), 1.0, rtol=1e-7)
    assert max(segment.problem.size for segment in run.segments) <= 12_000
    assert run.sample("Nbar", list(REFERENCE)) == pytest.approx(list(REFERENCE.values()), abs=1e-6)  # 2e-7 measured
    C = run.final.C
    moments = [C.weights @ (C.nodes**k * C.values) for k in (1, 2)]
    assert moments == pytest.approx(MOMENTS, abs=1e-6)  # 3e-8 measured
    assert run.drift["mass"] < 1e-12
    assert run.undershoot < 1e-6
    assert lowest(run.at(0.5)) > -1e-6  # 2e-7 measured
    assert lowest(run.final) > -1e-6
    assert run.final.p.integral() == pytest.approx(1.0, abs=1e-12)
    N = run.final.N
    assert N.integral() == pytest.approx(run.final.Nbar, abs=1e-14)


def test_cells_are_split_before_finite_volumes_cost_accuracy():
    run = evolve(fl.discretize(learning(), tol=1e-3), 1.0, rtol=1e-4)
    assert run.sample("Nbar", list(REFERENCE)) == pytest.approx(list(REFERENCE.values()), abs=1e-5)  # 5e-6 measured
    C = run.final.C
    moments = [C.weights @ (C.nodes**k * C.values) for k in (1, 2)]
    assert moments == pytest.approx(MOMENTS, abs=5e-6)  # 7e-7 measured; 2e-4 with a share of finite volumes
    assert max(segment.problem.size for segment in run.segments) < 4000
    # between steps, where the dense output alone falls to -3e-6
    assert min(lowest(run.at(t)) for t in np.linspace(0.55, 0.63, 17)) > -1e-6
    assert run.at(0.6).p.integral() == pytest.approx(1.0, abs=1e-12)
    middle = len(run.segments[0].times) // 2
    assert np.array_equal(run.at(run.segments[0].times[middle]).y, run.segments[0].states[middle])


def test_dg_in_w_converges_with_at_least_half_an_order_more_than_its_degree():
    # K = 0, sigma = 0: p = C n, C carried along w' = -eps w, and n the density of single neurons
    def bump(w):
        return np.exp(-(((w + 0.5) / 0.1) ** 2))

    eps, t = 0.5, 0.25
    exact = lambda w: bump(w * np.exp(eps * t)) * np.exp(eps * t) / (0.1 * np.sqrt(np.pi))
    for degree, cells in ((1, (48, 96)), (2, (32, 64)), (3, (24, 48)), (5, (14, 28))):
        errors = []
        for count in cells:
            problem = on(count, degree, 4, v_cells=3, eps=eps, K=0.0, sigma=lambda x: 0.0)
            run = evolve(problem, t, 1e-7, lambda v, w: bump(w) * np.exp(-((v + 0.5) ** 2)))
            C = run.final.C
            errors.append(np.sqrt(C.weights @ (C.values - exact(C.nodes)) ** 2))
        orders = np.log2(np.array(errors[:-1]) / errors[1:])
        assert orders[-1] > degree + 0.5, (degree, errors)


def test_lines_without_coupling_are_networks_of_single_neurons_spectrally_accurate_in_v():
    exact = fl.evolve(fl.discretize(fl.NoisyLIF(current=1.5), tol=1e-10), fl.Gaussian(-0.5, 0.3), 0.6, rtol=1e-9)
    errors = []
    for degree in (3, 4, 5, 6, 8):
        problem = on(1, 1, degree, v_cells=5, eps=0.0, sigma=lambda x: 0.0)
        run = evolve(problem, 0.6, 1e-8, lambda v, w: np.exp(-((v + 0.5) ** 2) / 0.6))
        errors.append(abs(run.final.N(-0.3) / run.final.C(-0.3) - exact.final.N) / exact.final.N)
    assert all(before > 4 * after for before, after in zip(errors[:3], errors[1:4], strict=True)), errors
    assert errors[-1] < 1e-8, errors  # V_min and time steps


def test_connectivity_is_exact_at_every_w_without_learning():
    run = evolve(on(6, eps=0.0), 1.0)
    assert run.drift["C"] < 1e-13
    assert run.drift["mass"] < 1e-13
    assert run.final.Nbar == pytest.approx(0.37096, rel=0.05)


def test_the_total_variation_of_C_is_that_of_its_one_peak_behind_the_shock_too():
    variations = []
    for cells in (8, 16, 32):
        run = evolve(on(cells, v_cells=8), 2.0, 1e-3)
        variations.append(run.series["variation_C"][-1])
        assert variations[-1] < 1.02 * 2 * run.final.C.values.max()
        assert run.undershoot < 1e-6
        assert lowest(run.at(1.75)) > -1e-6  # a shock passes from cell to cell
        assert run.drift["mass"] < 1e-12
    # upwinding on the sign of the velocity doubles it with every refinement
    assert variations[2] - variations[1] < 0.5
    assert max(variations) < 10.5


def test_cells_of_w_follow_a_shock_and_leave_nothing_behind():
    run = evolve(fl.discretize(learning(), tol=1e-4), 2.0, 1e-4)
    counts = [segment.problem.axis.count for segment in run.segments]
    assert run.statistics["remeshes"] >= 4
    assert counts[0] == 8
    assert max(counts) > counts[-1] > 8
    final = run.problem.axis
    finest = (final.cells[:-1] + final.cells[1:])[np.argmin(final.widths)] / 2
    C = run.final.C
    steepest = C.nodes[np.argmax(np.abs(np.diff(C.values)))]
    assert abs(finest - steepest) < 0.1
    assert run.drift["mass"] < 1e-12
    for before, after in zip(run.segments, run.segments[1:], strict=False):
        integral = before.problem.connectivity(before.states[-1]) @ before.problem.w_weights
        assert after.problem.connectivity(after.states[0]) @ after.problem.w_weights == pytest.approx(
            integral, abs=1e-14
        )


@pytest.mark.parametrize("degree", [1, 2, 5])
def test_what_falls_below_zero_between_lines_is_mended_with_its_means_kept(degree):
    problem = on(4, degree)
    v, w = problem.nodes[:-1, None], problem.w_nodes
    p = (2 - v) * np.exp(-(v**2) / 2) * np.maximum(w + 0.6, 0.0) * (1.0 + 0.3 * v * w)  # a kink within a cell
    y = problem.limited(p.ravel())
    assert lowest(fl.problem.State(problem, 0.0, p.ravel())) < -1e-3
    assert lowest(fl.problem.State(problem, 0.0, y)) > -2e-7
    assert problem.observe(0.0, y)["min_p"] >= -2e-7 * p.max()
    change = problem.axis.by_cells(problem.plane(y) - p)
    assert change @ problem.axis.tables.weights == pytest.approx(np.zeros(change.shape[:2]), abs=1e-15)
    assert np.abs(change).max() < 0.1 * p.max()
    assert not change[:, 2:].any()  # where nothing is below zero
    assert problem.limited(y) == pytest.approx(y, abs=1e-7 * p.max())


def test_undershoots_of_data_that_jump_are_said_with_what_has_none():
    box = lambda v, w: connectivity(w) * (np.abs(v) < 0.31)
    run = evolve(fl.discretize(learning(), tol=1e-3), 0.0, start=box)
    assert run.undershoot > run.problem.tol
    assert "Tensor(v=ExponentialFitting(), w=MUSCL())" in repr(run)


def test_certificates_do_not_apply_over_the_plane_and_say_so():
    run = evolve(on(4), 0.0)
    found = fl.certificates(run)
    assert found["t"] == [0.0]
    assert all(found[name] == [-np.inf] for name in ("excitatory_blow_up", "noise_blow_up", "bounded_rate"))
    assert "LearningLIF is no NoisyLIF" in fl.noise_blow_up(run.final).message


def test_fitted_lines_with_limited_slopes_never_become_negative():
    space = fl.Tensor(v=fl.ExponentialFitting(), w=fl.MUSCL())
    model = learning(eps=2.0, K=-3.0)
    mesh = fl.interval(model, v_min=-4.0, cells=40, grading=1.0)
    problem = fl.discretize(model, (mesh, np.linspace(*INTERVAL, 33)), space=space)
    steep = lambda v, w: ((w > -0.7) & (w < -0.5)) * ((v > -0.2) & (v < 0.4)) * 1.0
    run = evolve(problem, 2.0, 1e-2, steep)
    assert run.settings.scheme == fl.BackwardEuler()
    assert run.statistics["limited"] > 0
    assert run.series["min_p"].min() >= 0.0
    assert run.drift["mass"] < 1e-12
    fine = evolve(fl.discretize(learning(), tol=1e-3, space=space), 1.0, 1e-3)
    assert fine.series["min_p"].min() >= 0.0
    assert fine.sample("Nbar", 1.0) == pytest.approx(REFERENCE[1.0], abs=1e-3)


@pytest.mark.parametrize("space", [fl.Tensor(), fl.Triangles(1)])
def test_what_is_asked_at_nan_is_nan(space):
    model = learning()
    mesh = fl.strip(model, v_min=-5.0, cells=(8, 4))
    if isinstance(space, fl.Tensor):
        mesh = fl.interval(model, v_min=-4.5, cells=8), np.linspace(*INTERVAL, 5)
    state = evolve(fl.discretize(model, mesh, space=space), 0.0).final
    assert np.isnan([state.N(np.nan), state.C(np.nan), state.p(np.nan, -0.5), state.p(0.0, np.nan)]).all()
    assert np.array_equal(np.isnan(state.C([-0.5, np.nan])), [False, True])
    assert np.array_equal(np.isnan(state.p([[0.0], [np.nan]], [-0.5, np.nan])), [[False, True], [True, True]])


def test_states_start_runs_on_other_meshes_with_their_mass_and_connectivity():
    run = evolve(fl.discretize(learning(), tol=1e-4), 0.3, 1e-5)
    onward = evolve(run.problem, 0.2, 1e-5, run.final)
    assert np.array_equal(onward.segments[0].states[0], run.final.y)
    moved = evolve(on(20), 0.0, 1e-5, run.final)
    assert moved.final.p.integral() == pytest.approx(1.0, abs=1e-12)
    assert moved.final.Nbar == pytest.approx(run.final.Nbar, rel=1e-4)
    w = np.linspace(-0.9, -0.1, 5)
    assert moved.final.C(w) == pytest.approx(run.final.C(w), abs=1e-4)
    v = np.linspace(-2, 1.9, 7)
    assert moved.final.p(v[:, None], w) == pytest.approx(run.final.p(v[:, None], w), abs=1e-3)


def test_data_that_do_not_vanish_at_the_threshold_start_with_an_infinite_rate():
    run = evolve(on(6, v_cells=10), 0.2, 1e-4, lambda v, w: connectivity(w) * np.exp(-((v - 1.0) ** 2)))
    assert run.series["Nbar"][0] == np.inf
    assert np.isfinite(run.series["Nbar"][1:]).all()
    assert run.sample("Nbar", 0.1) == pytest.approx(run.at(0.1).Nbar, rel=1e-3)


@pytest.mark.parametrize("kill_at", [5, 30])
def test_a_run_over_the_plane_that_was_killed_goes_on_to_the_same_digits(tmp_path, kill_at):
    problem = fl.discretize(learning(), tol=1e-3)
    whole = evolve(problem, 0.8, 1e-4, folder=tmp_path / "whole", snapshots=3)

    def kill(trajectory):
        if trajectory.statistics["steps"] == kill_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evolve(problem, 0.8, 1e-4, folder=tmp_path / "killed", snapshots=3, observers=[kill])
    resumed = fl.resume(tmp_path / "killed", progress=False)
    assert resumed.outcome.name == "finished"
    assert np.array_equal(resumed.final.y, whole.final.y)
    assert np.array_equal(resumed.series["Nbar"], whole.series["Nbar"])
    loaded = fl.load_run(tmp_path / "whole")
    assert np.array_equal(loaded.final.y, whole.final.y)
    assert loaded.problem.space == problem.space
    assert loaded.sample("Nbar", 0.4) == whole.sample("Nbar", 0.4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fl.DG(9), "DG: degree = 9"),
        (
            lambda: fl.discretize(learning(sigma=lambda x: np.nan if x == 1.0 else 4 * x), tol=1e-3),
            r"^LearningLIF: sigma\(1\) = nan; allowed are finite values",
        ),
        (
            lambda: fl.discretize(learning(current=lambda w: np.where(np.abs(w + 0.97) < 0.01, np.nan, 1.5)), tol=1e-3),
            r"^LearningLIF: current\(-0.96875\) = nan",
        ),
        (
            lambda: fl.discretize(learning(sigma=lambda x: 1e9 * x), tol=1e-3),
            r"^LearningLIF.* on the line w = -1: the drift does not hold neurons",
        ),
        (lambda: fl.DG(True), "DG: degree = True"),
        (lambda: fl.Triangles(True), "Triangles: degree = True"),
        (lambda: fl.Lagrange(True), "Lagrange: degree = True"),
        (lambda: fl.strip(learning(), cells=(6, True)), "allowed is two whole numbers from 1"),
        (lambda: fl.Tensor(v=fl.Lagrange(2)), "Tensor: v ="),
        (lambda: fl.Tensor(w=fl.SpectralElement(4)), "Tensor: w ="),
        (lambda: fl.discretize(learning(), space=fl.SpectralElement(4)), "allowed for a density over"),
        (lambda: fl.discretize(learning(), (fl.interval(fl.NoisyLIF()), [-1.0, -0.5])), "rise from w_min"),
        (lambda: fl.discretize(learning(), tol=2.0), "tol = 2.0"),
        (lambda: on(4).at(w_min=-2.0), "w_min"),
        (lambda: evolve(on(4), 1.0, start=lambda v, w: -1.0 + 0 * v), "allowed are finite numbers >= 0"),
        (lambda: evolve(on(4), 1.0, start=lambda v, w: 0 * v * w), "no mass"),
        (lambda: evolve(fl.discretize(learning(), tol=1e-3), 1.0, start=lambda v, w: 1.0), "finite mass"),
        (lambda: evolve(on(4), 1.0, start=fl.Gaussian()), "no function of"),
        (lambda: evolve(on(4), 1.0, scheme=fl.Rodas5P()), "ARK43"),
        (lambda: evolve(on(4), 1.0, scheme=fl.BackwardEuler()), "keep p >= 0"),
        (lambda: evolve(on(4), 1.0, history=0.5), "history = 0.5; nothing is delayed"),
        (lambda: evolve(on(4), 1.0, history=lambda t: 0.0), "nothing is delayed"),
        (lambda: evolve(on(4), 1.0, after_blow_up=fl.Continue()), "density over"),
        (lambda: fl.poincare(on(4), SimpleNamespace(problem=on(4), y=None)), "density over"),
        (lambda: fl.continuation(on(4), None, "eps", bounds=(0.0, 1.0)), "density over"),
        (lambda: fl.discretize(learning(), (fl.interval(fl.NoisyLIF()), [-1.0, np.nan, 0.0])), "rise from w_min"),
        (lambda: fl.discretize(learning(), (fl.interval(fl.NoisyLIF()), ["a", "b"])), "rise from w_min"),
    ],
)
def test_what_cannot_be_is_refused_with_what_is_allowed(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("space", [fl.Tensor(w=fl.DG(2)), fl.Triangles(1)])
def test_a_response_that_is_not_finite_is_no_blow_up(space):
    model = learning(sigma=lambda x: np.nan if 0.07 < x < 0.3 else 4 * x)
    columns = fl.interval(model, v_min=-5.0, cells=10)
    mesh = (
        fl.strip(model, v_min=-5.0, cells=(8, 4)) if isinstance(space, fl.Triangles) else (columns, [-1.0, -0.5, 0.0])
    )
    run = evolve(fl.discretize(model, mesh, space=space), 0.5, 1e-3)
    assert run.outcome.name in ("step_underflow", "not_finite")
    assert "not finite" in run.outcome.message
    assert 0.05 < run.at(run.times[-1]).Nbar <= 0.07
    assert np.isnan(run.final.Nbar)


def test_error_bars_cover_the_error_and_are_not_much_larger():
    run = evolve(fl.discretize(learning(), tol=1e-4), 0.5, 1e-4)
    error = abs(run.sample("Nbar", 0.25) - REFERENCE[0.25])
    with pytest.raises(ValueError, match="'N' is no series of this run; it has: t, dt, Nbar"):
        run.error("N")
    assert run.kept_companion is None
    assert error / 3 < run.error("Nbar", 0.25) < 3 * error
    assert run.error() == run.error("Nbar", 0.5)


def test_cells_of_v_are_split_where_lines_become_steep():
    # excitation from weights that drive neurons through V_F: the boundary layer there is thinner than at the start
    # (sigma is so steep at 0 that the equation of Nbar has no Newton step there either)
    driven = learning(eps=0.0, sigma=lambda x: 60 * np.tanh(3 * x), current=0.0, w_min=0.0, w_max=1.0)
    start = lambda v, w: w * (1 - w) * np.exp(-((v - 0.5) ** 2) / 0.1)
    run = evolve(fl.discretize(driven, tol=1e-4), 1.0, 1e-4, start)
    assert run.outcome.name == "finished"
    assert run.final.Nbar == pytest.approx(28.5500434, rel=1e-5)  # tol = 1e-6: the same to 1e-8
    first, last = run.segments[0].problem, run.problem
    assert len(last.cells) > len(first.cells)
    assert np.isin(first.cells, last.cells).all()
    assert run.drift["mass"] < 1e-12
    assert run.drift["C"] < 1e-12


def test_cells_are_added_below_lines_that_reach_further_down_than_the_mesh():
    whole = fl.discretize(learning(eps=0.0), tol=1e-4)
    short = whole.on_cells(whole.cells[whole.cells > -1.0])
    narrow = lambda v, w: connectivity(w) * np.exp(-((v - 0.9) ** 2) / 0.04)
    run = evolve(short, 1.0, 1e-5, narrow)
    assert run.segments[0].problem.cells[0] > -1.5
    assert run.problem.cells[0] < -2.0
    assert run.drift["mass"] < 1e-12
    assert run.drift["C"] < 1e-12
    assert run.final.Nbar == pytest.approx(evolve(whole, 1.0, 1e-5, narrow).final.Nbar, rel=1e-4)
