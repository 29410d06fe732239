"""A degree for every cell: closed forms, equality with one degree for all, exact transfer, fewer unknowns."""

import numpy as np
import pytest
from numpy.polynomial import legendre

import felif as fl
from felif.analysis import exact
from felif.assembly import adapt, coarsen, local_degree, spaces

LOCAL = fl.SpectralElement(degree=10, lowest=4)
CURRENT_3 = fl.NoisyLIF(b=0.0, a0=1.0, current=3.0)


@pytest.mark.parametrize("lowest", [2, 11, 4.5])
def test_a_lowest_degree_that_makes_no_sense_is_refused(lowest):
    with pytest.raises(ValueError, match="lowest"):
        fl.SpectralElement(10, lowest)


def test_the_decay_rate_is_that_of_the_closest_pole():
    """1/(x0 - x) has Legendre coefficients ~ rho^-k, rho = x0 + sqrt(x0^2 - 1), up to a power of k."""
    x, w = legendre.leggauss(60)
    for x0 in (1.5, 3.0):
        modes = [(2 * k + 1) / 2 * np.sum(w * legendre.legval(x, np.eye(20)[k]) / (x0 - x)) for k in range(13)]
        rate = local_degree.decay(np.array([modes]), np.array([12]))[0]
        assert rate == pytest.approx(np.log(x0 + np.sqrt(x0**2 - 1)), rel=0.15)


def test_equal_degrees_one_by_one_are_the_same_as_one_degree_for_all():
    one = fl.discretize(CURRENT_3, tol=1e-4, space=fl.SpectralElement(6))
    local = fl.discretize(CURRENT_3, tol=1e-4, space=LOCAL).on_cells(one.cells, np.full(len(one.widths), 6))
    y = np.sin(one.nodes[:-1]) ** 2
    assert isinstance(local.degrees, np.ndarray)
    np.testing.assert_array_equal(local.nodes, one.nodes)
    np.testing.assert_allclose(local.rate(0.0, y), one.rate(0.0, y), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(local.scalars(0.0, y), one.scalars(0.0, y), rtol=1e-13)
    np.testing.assert_allclose(adapt.contents(local, y), adapt.contents(one, y), rtol=1e-10, atol=1e-16)


def _mixed(model=CURRENT_3, tol=1e-4):
    problem = fl.discretize(model, tol=tol, space=LOCAL)
    cells = np.unique(np.concatenate([problem.cells, (problem.cells[1:] + problem.cells[:-1]) / 2]))
    return problem.on_cells(cells, np.array([4, 9, 5, 10, 7, 6, 8, 4, 10, 5, 6, 7] * 3)[: len(cells) - 1])


def test_higher_degrees_carry_the_same_function_lower_ones_the_same_moments():
    problem = _mixed()
    v = np.linspace(problem.cells[0], 2.0, 301)
    y = np.exp(-((problem.nodes[:-1]) ** 2)) * (2 - problem.nodes[:-1])
    higher = problem.on_cells(problem.cells, np.minimum(problem.degrees + 2, 10))
    x = adapt.transfer(problem, higher, y)
    np.testing.assert_allclose(higher.field("n", x)(v), problem.field("n", y)(v), atol=1e-13)
    lower = higher.on_cells(higher.cells, np.maximum(higher.degrees - 1, 4))
    z = coarsen.project(higher, lower, x)

    def first_moment(on, state):
        points, weights = spaces.gauss(8)
        places = on.cells[:-1, None] + on.widths[:, None] * points
        return float(np.sum(on.field("n", state)(places.ravel()) * (places * on.widths[:, None] * weights).ravel()))

    assert lower.size < higher.size
    assert lower.conserved["mass"] @ z == pytest.approx(higher.conserved["mass"] @ x, rel=1e-14)
    assert first_moment(lower, z) == pytest.approx(first_moment(higher, x), abs=2e-4 * abs(first_moment(higher, x)))


def test_smooth_cells_get_a_higher_degree_cells_with_a_kink_are_split():
    problem = fl.discretize(CURRENT_3, tol=1e-6, space=LOCAL)
    problem = problem.on_cells(problem.cells, np.full(len(problem.widths), 5))
    nodes, middle = problem.nodes[:-1], (problem.cells[1:] + problem.cells[:-1]) / 2
    every = np.ones(len(middle), bool)
    limit = adapt.UNRESOLVED * problem.tol
    smooth = local_degree.raised(problem, np.exp(-nodes), every, limit)
    kinks = 1e-2 * np.abs(nodes - np.repeat(middle, 5))
    assert np.all(smooth >= 6)
    widest = problem.widths == problem.widths.max()
    assert np.all(local_degree.raised(problem, kinks, widest, limit)[widest] == 5)


@pytest.mark.parametrize("network", [fl.NoisyLIF(b=0.5), fl.NoisyLIF(b=-5.0, a0=0.3, current=3.0)])
@pytest.mark.parametrize("tol", [1e-4, 1e-8])
def test_steady_rates_need_fewer_unknowns_for_the_same_error(network, tol):
    """Measured: 28 and 91 unknowns instead of 54 and 114 for b = 0.5, the same errors."""
    rate = exact.steady_rates(network)[0]
    one, local = (fl.steady_state(fl.discretize(network, tol=tol, space=s)) for s in (fl.SpectralElement(), LOCAL))
    assert local.N == pytest.approx(rate, rel=0.1 * tol)
    assert abs(local.error - abs(local.N - rate)) < 0.2 * local.error
    assert local.problem.size < 0.8 * one.problem.size


def test_little_noise_takes_half_the_unknowns_and_spectra_agree():
    """a0 = 0.01: layers of width a/|drift| at V_R and V_F between cells where the density is 1/drift."""
    network = fl.NoisyLIF(a0=0.01, current=3.0)
    one, local = (
        fl.steady_state(fl.discretize(network, tol=1e-8, space=space)) for space in (fl.SpectralElement(), LOCAL)
    )
    assert local.N == pytest.approx(exact.steady_rates(network)[0], rel=1e-9)
    assert local.problem.size < 0.75 * one.problem.size
    spectra = [fl.spectrum(s.problem, s, count=3).eigenvalues for s in (one, local)]
    np.testing.assert_allclose(spectra[1], spectra[0], rtol=1e-6)


def test_what_looks_into_cells_sees_mixed_degrees():
    """Weighted forms, the indicators of `steady_value`, the exponential moment."""
    local, one = (fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-8, space=s) for s in (LOCAL, fl.SpectralElement()))
    hardy = [fl.poincare(p, fl.steady_state(p)).eigenvalue for p in (local, one)]
    assert hardy[0] == pytest.approx(hardy[1], rel=1e-7)
    found = fl.steady_value(local, "N", tol=1e-6)
    assert abs(found.value - exact.steady_rates(fl.NoisyLIF(b=0.5))[0]) <= found.error <= 1e-6 * found.value
    assert found.cells[1].sum() > 0


@pytest.fixture(scope="module")
def relaxation():
    problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-6, space=LOCAL)
    return fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=2.0, rtol=1e-7, progress=False)


def test_a_relaxation_needs_fewer_unknowns_and_keeps_its_mass(relaxation):
    """Measured: 64 unknowns where one degree takes 84."""
    start, times = fl.Gaussian(0.0, 0.25), np.linspace(0.1, 2.0, 20)
    fine = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-9), start, t_end=2.0, rtol=1e-9, progress=False)
    assert np.max(np.abs(relaxation.sample("N", times) - fine.sample("N", times))) < 1e-7 * fine.series["N"].max()
    assert max(s.problem.size for s in relaxation.segments) <= 70
    assert np.ptp(relaxation.series["mass"]) < 1e-13
    lacking = fine.final.N - relaxation.final.N
    assert abs(lacking) < relaxation.error() < 5 * abs(lacking) + 1.2e-2 * 1e-6 * fine.final.N  # the least bar
    assert fl.dual_weighted(relaxation).signed == pytest.approx(lacking, rel=0.5)


def test_degrees_are_stored_with_a_run(relaxation, tmp_path):
    relaxation.save(tmp_path / "run", snapshots=3)
    again = fl.load_run(tmp_path / "run")
    np.testing.assert_array_equal(again.problem.degrees, relaxation.problem.degrees)
    assert again.sample("N", 1.234) == relaxation.sample("N", 1.234)


def test_degrees_follow_a_front():
    """a = 0.1: a population crosses V_F; degrees rise where it comes and fall where it has been."""
    network = fl.NoisyLIF(b=0.0, a0=0.1, current=3.0)
    run = fl.evolve(fl.discretize(network, tol=1e-5, space=LOCAL), fl.Gaussian(0.0, 1e-2), t_end=2.0, progress=False)
    fine = fl.evolve(fl.discretize(network, tol=1e-8), fl.Gaussian(0.0, 1e-2), t_end=2.0, rtol=1e-8, progress=False)
    times = np.linspace(0.05, 2.0, 40)
    assert np.max(np.abs(run.sample("N", times) - fine.sample("N", times))) < 1e-4 * fine.series["N"].max()
    degrees = [segment.problem.degrees for segment in run.segments]
    assert len(degrees) > 2
    assert (min(d.min() for d in degrees), max(d.max() for d in degrees)) == (4, 10)
    assert np.ptp(run.series["mass"]) < 1e-12


@pytest.mark.parametrize(
    "network",
    [fl.RefractoryLIF(b=0.5, tau=0.3), fl.RandomThresholdLIF(b=1.0, tau=0.5), fl.ExcitatoryInhibitoryLIF()],
    ids=lambda network: type(network).__name__,
)
def test_every_model_can_have_local_degrees(network):
    one, local = (
        fl.evolve(fl.discretize(network, tol=1e-5, space=space), fl.Gaussian(0.0, 0.25), t_end=0.5, progress=False)
        for space in (fl.SpectralElement(), LOCAL)
    )
    name = local.problem.scalar_names[0]
    assert local.sample(name, 0.5) == pytest.approx(one.sample(name, 0.5), rel=1e-5)
    assert isinstance(local.problem.degrees, np.ndarray)


def test_a_blow_up_is_followed_with_local_degrees():
    """T = 3.41805743 (two independent discretisations): 33 instead of 55 unknowns on average."""
    problem = fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-4, space=LOCAL)
    blow = fl.evolve(problem, fl.Gaussian(-1.0, 0.5, boundary_layer=0.5), t_end=10.0, rtol=1e-4, progress=False).blow_up
    assert abs(blow.time - 3.41805743) < min(blow.error, 3e-4)
