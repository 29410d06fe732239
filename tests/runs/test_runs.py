"""evolve and the run it returns: what is refused, what is recorded, what is kept on disk."""

from __future__ import annotations

import math

import numpy as np
import pytest

import felif as fl
from felif.runs import recording

PROBLEM = fl.discretize(fl.NoisyLIF(b=0.5))
START = fl.Gaussian(0.0, 0.25)
SCHEMES = [fl.Rodas5P(), fl.ESDIRK43(), fl.TRBDF2(), fl.BackwardEuler()]


@pytest.fixture(scope="module")
def run():
    return fl.evolve(PROBLEM, START, t_end=2.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"t_end": math.nan}, "t_end = nan; allowed is a finite number, at most 1e10"),
        ({"t_end": math.inf}, "t_end = inf"),
        ({"t_end": -1.0}, "t_end = -1.0"),
        ({"t_end": "soon"}, "t_end = 'soon'"),
        ({"t_start": 2.0}, "t_end = 1.0; allowed is a finite number >= t_start = 2.0"),
        ({"rtol": 0.0}, "rtol = 0.0"),
        ({"rtol": 1.0}, "rtol = 1.0"),
        ({"rtol": math.nan}, "rtol = nan"),
        ({"atol": -1.0}, "atol = -1.0"),
        ({"fixed_step": 0.0}, "fixed_step = 0.0"),
        ({"first_step": -1.0}, "first_step = -1.0"),
        ({"max_step": 0.0}, "max_step = 0.0"),
        ({"max_steps": -1}, "max_steps = -1"),
        ({"N_max": 0.0}, "N_max = 0.0"),
        ({"scheme": "RK4"}, "scheme = 'RK4'; allowed is Rodas5P"),
        ({"breakpoints": [math.nan]}, "breakpoints"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_settings_are_checked_before_any_work(settings, message, tmp_path):
    for folder in (None, tmp_path / "run"):
        with pytest.raises(ValueError, match=message):
            fl.evolve(PROBLEM, START, **{"t_end": 1.0, "folder": folder, **settings})
    assert not (tmp_path / "run").exists()


def test_what_is_no_problem_is_refused():
    with pytest.raises(ValueError, match="allowed is what discretize returns"):
        fl.evolve(fl.NoisyLIF(), START, t_end=1.0)


def test_events_are_checked():
    with pytest.raises(ValueError, match="Event: direction = 2; allowed is -1, 0 or 1"):
        fl.Event("x", lambda state: 0.0, direction=2)
    with pytest.raises(ValueError, match="Event: function = 3.0; allowed is a function of a State"):
        fl.Event("x", 3.0)


# what is recorded ------------------------------------------------------------------------------------------------


def test_series_have_one_entry_an_accepted_step(run):
    assert {"t", "dt", "N", "mass", "min_n"} <= set(run.series)
    assert len({len(values) for values in run.series.values()}) == 1
    assert len(run.times) == run.statistics["steps"] + 1
    assert run.times[0] == 0.0
    assert run.times[-1] == 2.0
    assert np.diff(run.times) == pytest.approx(run.series["dt"][1:], rel=1e-9)
    assert run.series["min_n"].min() > -1e-4


def test_samples_at_accepted_times_are_the_entries_of_the_series(run):
    for name in ("N", "mass", "min_n", "t", "dt"):
        assert np.array_equal(run.sample(name, run.times), run.series[name])


def test_samples_have_the_shape_of_the_times(run):
    assert run.sample("N", [[0.1, 0.2], [0.3, 0.4]]).shape == (2, 2)
    assert run.sample("mass", 0.37) == pytest.approx(1.0, abs=1e-12)
    assert run.at(0.37).N == run.sample("N", 0.37)


@pytest.mark.parametrize("scheme", SCHEMES, ids=repr)
def test_dense_output_is_as_accurate_as_the_steps(scheme, run):
    rtol = 1e-3 if isinstance(scheme, fl.BackwardEuler) else 1e-5
    loose = fl.evolve(PROBLEM, START, t_end=2.0, scheme=scheme, rtol=rtol)
    t = np.linspace(0.2, 2.0, 50)
    # several hundred steps of first order, each within rtol, and the chord between them
    allowed = 0.1 if isinstance(scheme, fl.BackwardEuler) else 20 * rtol
    assert np.abs(loose.sample("N", t) / run.sample("N", t) - 1).max() < allowed


def test_times_outside_and_unknown_series_are_refused(run):
    for t in (-0.1, 2.1, math.nan):
        with pytest.raises(ValueError, match=r"t = .* lies outside|times = nan; allowed is a finite number"):
            run.sample("N", t)
        with pytest.raises(ValueError, match=r"t = "):
            run.at(t)
    with pytest.raises(ValueError, match="'R' is no series of this run; it has: t, dt, N"):
        run.sample("R", 0.5)


def test_a_run_of_no_length_has_one_entry():
    run = fl.evolve(PROBLEM, START, t_end=0.0)
    assert run.outcome.name == "finished"
    assert run.times.tolist() == [0.0]
    assert run.final.n.integral() == pytest.approx(1.0)


def test_time_may_start_anywhere():
    late = fl.evolve(PROBLEM, START, t_start=7.0, t_end=8.0)
    early = fl.evolve(PROBLEM, START, t_end=1.0)
    assert late.times[0] == 7.0
    assert late.final.N == pytest.approx(early.final.N, rel=1e-6)


def test_observers_see_every_step_and_change_nothing(run):
    seen = []
    watched = fl.evolve(PROBLEM, START, t_end=2.0, observers=[lambda trajectory: seen.append(trajectory.t)])
    assert seen == run.times[1:].tolist()
    assert np.array_equal(watched.series["N"], run.series["N"])


def test_events_end_a_run_or_are_recorded():
    halfway = fl.Event("halfway", lambda state: state.N - 0.1, direction=1, terminal=False)
    full = fl.Event("full", lambda state: state.N - 0.13, direction=1)
    run = fl.evolve(PROBLEM, START, t_end=9.0, events=[halfway, full])
    assert run.outcome.name == "full"
    assert [event.name for event in run.events] == ["halfway", "full"]
    assert run.final.N == pytest.approx(0.13, rel=1e-9)
    assert run.sample("N", run.events[0].time) == pytest.approx(0.1, rel=1e-9)
    assert "halfway at t" in repr(run)


# why it stops ----------------------------------------------------------------------------------------------------


def test_every_end_has_a_name_and_a_sentence():
    assert fl.evolve(PROBLEM, START, t_end=9.0, max_steps=5).outcome.name == "max_steps"
    blow_up = fl.evolve(fl.discretize(fl.NoisyLIF(b=3.0)), fl.Gaussian(-1.0, 0.5), t_end=9.0)
    assert blow_up.outcome.name == "blow_up"
    assert f"{blow_up.blow_up.time:.6g}"[:6] in blow_up.outcome.message
    at_once = fl.evolve(fl.discretize(fl.NoisyLIF(b=30.0)), lambda v: np.exp(-2 * (v - 1.5) ** 2), t_end=9.0)
    assert at_once.outcome.name == "blow_up"
    assert at_once.blow_up.time == 0.0
    for run in (blow_up, at_once):
        assert run.outcome.message.endswith(".")


def test_a_lower_bound_of_blow_up_gives_the_same_time():
    problem, start = fl.discretize(fl.NoisyLIF(b=3.0)), fl.Gaussian(-1.0, 0.5)
    times = [fl.evolve(problem, start, t_end=9.0, N_max=bound).blow_up for bound in (1e3, 1e5)]
    assert abs(times[0].time - times[1].time) < times[0].error + times[1].error


def test_networks_without_excitation_do_not_blow_up():
    run = fl.evolve(fl.discretize(fl.NoisyLIF(b=-10.0)), fl.Gaussian(1.9, 0.001), t_end=0.5)
    assert run.outcome.name == "finished"


# on disk ---------------------------------------------------------------------------------------------------------


def the_same(one, other):
    assert one.outcome == other.outcome
    assert one.settings == other.settings
    assert one.model == other.model
    assert one.statistics == other.statistics
    assert one.compatible == other.compatible
    assert one.blow_up == other.blow_up
    assert set(one.series) == set(other.series)
    for name in one.series:
        assert np.array_equal(one.series[name], other.series[name]), name
    t = np.linspace(one.times[0], one.times[-1], 33)[1:]
    assert np.array_equal(one.sample("N", t), other.sample("N", t))
    assert np.array_equal(one.at(t[5]).n(np.linspace(-3, 2, 50)), other.at(t[5]).n(np.linspace(-3, 2, 50)))
    assert one.moment_defect == other.moment_defect
    assert one.drift == other.drift


RUNS = {
    "finished": lambda **how: fl.evolve(PROBLEM, START, t_end=1.0, **how),
    "incompatible": lambda **how: fl.evolve(PROBLEM, lambda v: np.exp(-2 * (v - 1.5) ** 2), t_end=0.5, **how),
    "blow-up with new meshes": lambda **how: fl.evolve(
        fl.discretize(fl.NoisyLIF(b=3.0)), fl.Gaussian(-1.0, 0.5), t_end=9.0, **how
    ),
    "mesh of the user": lambda **how: fl.evolve(
        fl.discretize(fl.RefractoryLIF(b=0.5, tau=0.2), fl.interval(fl.NoisyLIF()), space=fl.Lagrange(3)),
        {"n": START, "R": 0.2},
        t_end=0.5,
        scheme=fl.TRBDF2(),
        rtol=1e-4,
        **how,
    ),
}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_run_comes_back_from_its_folder_to_the_last_bit(make, tmp_path):
    grown = make(folder=tmp_path / "grown", snapshots=5)
    the_same(fl.load_run(tmp_path / "grown"), grown)
    saved = make()
    saved.save(tmp_path / "saved", snapshots=5)
    the_same(fl.load_run(tmp_path / "saved"), saved)
    assert np.array_equal(saved.series["N"], grown.series["N"])
    text = (tmp_path / "saved" / "series.csv").read_text()
    assert text == (tmp_path / "grown" / "series.csv").read_text()
    assert ("inf" in text.splitlines()[1]) == (not saved.compatible)


@pytest.mark.parametrize("bytes_a_chunk", [1, 30_000, 100_000])
def test_the_steps_between_two_meshes_may_fill_several_files(bytes_a_chunk, tmp_path, tune):
    tune(recording, "RECORDING", bytes_a_chunk=bytes_a_chunk)
    run = RUNS["blow-up with new meshes"]()
    run.save(tmp_path / "run")
    read = fl.load_run(tmp_path / "run")
    assert [len(segment.times) for segment in read.segments] == [len(segment.times) for segment in run.segments]
    the_same(read, run)


def test_folders_that_hold_something_are_left_alone(tmp_path, run):
    run.save(tmp_path / "run", snapshots=5)
    with pytest.raises(ValueError, match="already holds a run"):
        run.save(tmp_path / "run", snapshots=5)
    with pytest.raises(ValueError, match="already holds a run"):
        fl.evolve(PROBLEM, START, t_end=0.1, folder=tmp_path / "run")
    fl.evolve(PROBLEM, START, t_end=0.1, folder=tmp_path / "run", overwrite=True)
    assert fl.load_run(tmp_path / "run").times[-1] == 0.1
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("important")
    with pytest.raises(ValueError, match="not a run folder"):
        run.save(tmp_path / "mine", overwrite=True)


def test_load_run_says_what_is_missing(tmp_path, run):
    with pytest.raises(ValueError, match="nowhere"):
        fl.load_run(tmp_path / "nowhere")
    run.save(tmp_path / "run", snapshots=5)
    (tmp_path / "run" / "final.npz").unlink()
    with pytest.raises(ValueError, match=r"run.*(checkpoint|final.npz)"):
        fl.load_run(tmp_path / "run")


def test_a_model_that_cannot_be_stored_is_refused_with_its_name(tmp_path):
    class Holder:
        def __init__(self):
            self.file = open(tmp_path / "x", "w")  # noqa: SIM115

        def __call__(self, t):
            return 0.0

    problem = fl.discretize(fl.NoisyLIF(current=Holder()))
    with pytest.raises(ValueError, match="NoisyLIF.* cannot be stored"):
        fl.evolve(problem, START, t_end=0.1, folder=tmp_path / "run")


def test_pictures_are_written(tmp_path, run):
    run.plot(tmp_path / "run.png")
    run.plot_spacetime(tmp_path / "spacetime.png")
    assert (tmp_path / "run.png").read_bytes()[:4] == (tmp_path / "spacetime.png").read_bytes()[:4] == b"\x89PNG"
