"""Error bars of runs against the truth: a run at a far tighter tolerance, and an independent method."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl

TIMES = np.array([0.1, 0.3, 1.0, 2.5])


def network(seed):
    """A random network that does not blow up, and random data."""
    rng = np.random.default_rng(seed)
    a0, v_reset = 10 ** rng.uniform(-1, 0.3), rng.uniform(-1, 1.4)
    model = fl.NoisyLIF(b=rng.uniform(-3, 0.5), a0=a0, v_reset=v_reset, current=rng.choice([0.0, 1.0, 2.5]))
    starts = [
        fl.Gaussian(rng.uniform(-1, v_reset), rng.uniform(0.05, 0.5)),
        fl.Gaussian(rng.uniform(0.5, 1.7), 0.01, boundary_layer=0.3),
        fl.Uniform(-0.5, rng.uniform(0, 1.5)),
    ]
    return model, starts[seed % 3]


def evolved(model, start, tol):
    return fl.evolve(fl.discretize(model, tol=tol), start, float(TIMES[-1]), rtol=tol, progress=False)


def test_error_bars_hold_over_random_networks():
    """8 networks x 4 times x 2 functionals, tol = 1e-4: bars contain the error, and are hardly wider than it."""
    ratios = []
    for seed in range(8):
        model, start = network(seed)
        run, exact = evolved(model, start, 1e-4), evolved(model, start, 1e-8)
        for quantity in ("N", lambda state: state.n(0.9)):

            def value(which, t, quantity=quantity):
                return which.sample("N", t) if quantity == "N" else float(quantity(which.at(t)))

            true = np.array([abs(value(run, t) - value(exact, t)) for t in TIMES])
            estimate = run.error(quantity, TIMES)
            scale = np.array([abs(value(exact, t)) for t in TIMES]) + 1e-3
            seen = true > 1e-7 * scale
            ratios.append(estimate[seen] / true[seen])
    ratios = np.concatenate(ratios)
    assert np.mean(ratios >= 1.0) >= 0.95
    assert np.median(ratios) < 1.5  # 1.38 measured
    assert np.mean(ratios < 5.0) > 0.9


def spiking(seed):
    """A random network with a synchronous spike soon: after a drift, or where noise grows with N."""
    rng = np.random.default_rng(7000 + seed)
    if seed % 2:
        model = fl.RefractoryLIF(b=rng.uniform(1.8, 3.0), tau=rng.uniform(0.1, 0.5), a0=rng.uniform(0.3, 1.0))
        return model, fl.Gaussian(rng.uniform(1.2, 1.6), rng.uniform(0.01, 0.02))
    model = fl.NoisyLIF(b=rng.uniform(0.8, 0.95), a0=rng.uniform(0.2, 1.0), a1=rng.uniform(0.2, 0.5))
    return model, fl.Gaussian(rng.uniform(1.3, 1.6), rng.uniform(0.01, 0.05))


def test_error_bars_hold_through_synchronous_spikes(tmp_path):
    """8 networks, 4 times after the first spike, tol = 1e-4, one run from its folder: as without spikes."""
    ratios = []
    for seed in range(8):
        model, start = spiking(seed)
        going_on = {"after_blow_up": fl.Continue(), "progress": False}
        if not seed:
            going_on["folder"] = tmp_path / "run"
        runs = []
        for tol in (1e-4, 1e-8):
            runs.append(fl.evolve(fl.discretize(model, tol=tol), start, 1.0, rtol=tol, **going_on))
            going_on.pop("folder", None)
        run, exact = runs if seed else (fl.load_run(tmp_path / "run"), runs[1])
        last = run.events[-1].time
        assert abs(last - exact.events[-1].time) <= run.events[-1].error
        times = last + (1.0 - last) * np.array([0.05, 0.3, 0.6, 0.999])
        true = np.abs(run.sample("N", times) - exact.sample("N", times))
        ratios.append(run.error("N", times) / true)
    ratios = np.concatenate(ratios)
    assert np.mean(ratios >= 1.0) >= 0.9
    assert np.median(ratios) < 1.6  # 1.38 measured without spikes


def test_the_error_of_a_mesh_of_the_user_is_seen_too():
    model = fl.NoisyLIF(b=0.5)
    mesh = fl.interval(model, v_min=-6.0, cells=6)
    run = fl.evolve(fl.discretize(model, mesh, space=fl.SpectralElement(3)), fl.Gaussian(0.0, 0.25), 1.0)
    true = abs(run.final.N - 0.135953971)  # reference-values table: two discretisations
    assert true > 1e-6
    assert run.error() == pytest.approx(true, rel=0.2)


def test_low_order_and_fixed_steps():
    model = fl.NoisyLIF(b=0.5)
    problem = fl.discretize(model, fl.interval(model, cells=60), space=fl.ExponentialFitting())
    run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), 1.0, scheme=fl.BackwardEuler(), fixed_step=0.02)
    true = abs(run.final.N - 0.135953971)  # reference-values table, as above
    assert true < run.error() == pytest.approx(true, rel=0.2)


def test_delays_blow_ups_and_runs_from_a_folder(tmp_path):
    delayed = fl.evolve(
        fl.discretize(fl.NoisyLIF(b=-3.0, delay=0.3), tol=1e-4), fl.Gaussian(), 1.0, rtol=1e-4, history=0.1
    )
    assert 0 < delayed.error() < 1e-3 * delayed.final.N
    blow = fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-4), fl.Gaussian(-1.0, 0.5), 10.0, rtol=1e-4)
    assert blow.error("N", 3.0) < 1e-2 * blow.sample("N", 3.0)
    run = fl.evolve(
        fl.discretize(fl.NoisyLIF(), tol=1e-4), fl.Gaussian(), 1.0, rtol=1e-4, folder=tmp_path / "run", snapshots=3
    )
    assert fl.load_run(tmp_path / "run").error() == run.error()  # Gaussian and Uniform are known from their names
    fl.evolve(
        fl.discretize(fl.NoisyLIF(), tol=1e-4),
        lambda v: fl.Gaussian()(v),
        1.0,
        rtol=1e-4,
        folder=tmp_path / "f",
        snapshots=3,
    )
    assert fl.load_run(tmp_path / "f").error() == pytest.approx(run.error(), rel=1.0)  # but for the initial data


def test_bad_questions_are_refused():
    run = evolved(fl.NoisyLIF(), fl.Gaussian(), 1e-3)
    with pytest.raises(ValueError, match="'M' is no series"):
        run.error("M")
    with pytest.raises(ValueError, match="outside the times"):
        run.error("N", 7.0)
