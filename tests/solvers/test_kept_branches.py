"""Branches and curves in a folder: readable while they are followed, gone on with to the same digits after any stop."""

from __future__ import annotations

import numpy as np
import pytest
from bifurcations import Circle, Cubic, Pitchfork

import felif as fl
from felif.output import work
from felif.output.branches import read_branch
from felif.problem import State


def on(problem, *y):
    return State(problem, 0.0, np.array(y, float))


def parts(value):
    return value if isinstance(value, tuple) else (value,)


def require_same(one, other):
    assert len(one) == len(other)
    assert one.ends == other.ends
    for a, b in zip(one, other, strict=True):
        assert (a.kind, a.unstable, a.arclength) == (b.kind, b.unstable, b.arclength)
        assert (getattr(a.problem, "model", None)) == (getattr(b.problem, "model", None))
        for values, others in ((a.y, b.y), (a.eigenvalues, b.eigenvalues), *zip(a.tangent, b.tangent, strict=True)):
            assert np.array_equal(values, others)
        for name, value in a.details.items():
            for x, z in zip(parts(value), parts(b.details[name]), strict=True):
                assert np.array_equal(x, z, equal_nan=True)
    assert all(np.array_equal(one.table[name], other.table[name], equal_nan=True) for name in one.table if "n" in name)


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Follows a curve with a stop every few pieces, and compares it with one that was not stopped."""
    keep, random = work.Work.keep, np.random.default_rng(1)

    def check(follow, longest=60, least=2):
        whole, stops, left, folder = follow(), 0, 0, tmp_path / "branch"

        def stopping(self, *arguments):
            nonlocal left
            keep(self, *arguments)
            left -= 1
            if left == 0:
                if stops % 2:  # as a killed process does, which keeps nothing that waits
                    self._waiting.clear()
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(work.Work, "keep", stopping)
            for _ in range(200):
                left = int(random.integers(1, longest))
                try:
                    found = follow(folder=folder, resume=True)
                    break
                except KeyboardInterrupt:
                    stops += 1
                    if (folder / "branch.csv").exists():
                        table, states = read_branch(folder)
                        assert len(table["arclength"]) == len(states)
                        assert np.all(np.diff(table["arclength"]) > 0)
        assert stops >= least
        require_same(whole, found)
        require_same(whole, follow(folder=folder, resume=True))
        table, _ = read_branch(folder)
        assert np.array_equal(table["arclength"], whole.table["arclength"])
        return whole

    return check


def test_branches_of_toys_with_folds_and_one_that_closes(stopped, tmp_path):
    cubic = stopped(lambda **how: fl.continuation(Cubic(), on(Cubic(), -1.3), "mu", bounds=(-2, 2), **how))
    assert len(cubic.folds) == 2
    circle = Circle()
    again = {"folder": tmp_path / "circle", "resume": True}
    one, two = (fl.continuation(circle, on(circle, 1.0), "mu", bounds=(-2, 2), **again) for _ in range(2))
    require_same(one, two)
    assert two.outcome.name == "closed"


def test_a_curve_of_folds_with_its_cusp(stopped):
    (fold, _) = fl.continuation(Cubic(), on(Cubic(), -1.3), "mu", bounds=(-2, 2)).folds
    curve = stopped(lambda **how: fl.fold_curve(Cubic(), fold, "mu", "nu", {"mu": (-1, 1), "nu": (-1, 2)}, **how))
    assert len(curve.cusps) == 1


def test_a_branch_that_crosses_another_at_a_branch_point(stopped):
    toy = Pitchfork()
    (point,) = fl.continuation(toy, on(toy, 0.0, 0.0), "mu", bounds=(-1, 1)).branch_points
    crossing = stopped(lambda **how: fl.continuation(toy, point, "mu", bounds=(-1, 1), **how))
    assert len(crossing.branch_points) == 1


def test_a_branch_on_meshes_that_follow_it_and_its_hopf_points(stopped):
    problem = fl.discretize(fl.NoisyLIF(b=-2.0, delay=0.5, current=5.0), tol=1e-3)
    start = fl.steady_states(problem)[0]
    branch = stopped(lambda **how: fl.continuation(problem, start, "b", bounds=(-9.0, 0.0), **how))
    assert len(branch.hopfs) == 2
    assert len({len(point.y) for point in branch}) > 1


def test_a_branch_along_a_parameter_that_moves_the_mesh(stopped):
    problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-3)
    start = fl.steady_states(problem)[0]
    stopped(lambda **how: fl.continuation(problem, start, "v_reset", bounds=(0.9, 1.2), **how))


def test_a_branch_whose_drift_is_cut_off_elsewhere_as_it_goes(stopped):
    model = fl.NoisyLIF(drift=fl.Exponential(delta=0.2, v_soft=1.5), v_reset=0.0, v_fire=np.inf)
    problem = fl.discretize(model, tol=1e-3)
    start = fl.steady_states(problem)[0]
    branch = stopped(
        lambda **how: fl.continuation(problem, start, "a0", (0.5, 30.0), N_max=1e4, stability=False, **how)
    )
    assert len({point.problem.end for point in branch}) > 1


def test_a_curve_of_hopf_points(stopped):
    problem = fl.discretize(fl.NoisyLIF(b=-2.0, delay=0.5, current=5.0), tol=1e-2)
    start = fl.steady_states(problem)[0]
    (hopf,) = fl.continuation(problem, start, "b", bounds=(-2.2, -1.6)).hopfs
    bounds = {"b": (-2.1, -1.7), "delay": (0.48, 0.52)}
    stopped(lambda **how: fl.hopf_curve(problem, hopf, "b", "delay", bounds, **how), longest=8)


def test_another_question_is_refused_and_users_files_stay(tmp_path):
    toy, folder = Cubic(), tmp_path / "branch"
    asked = {"state": on(toy, -1.3), "parameter": "mu", "bounds": (-2, 2), "folder": folder}
    fl.continuation(toy, **asked)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="already holds a branch"):
        fl.continuation(toy, **asked)
    for name, value, text in (
        ("bounds", (-2, 1.5), r"bounds = \[-2, 1.5\] is asked, \[-2, 2\] is there"),
        ("max_points", 7, "max_points = 7 is asked, 1000 is there"),
        ("state", on(toy, -1.31), r"state.y = \[-1.31\] is asked"),
    ):
        with pytest.raises(ValueError, match=f"continuation: .* holds another branch: {text}"):
            fl.continuation(toy, **{**asked, name: value}, resume=True)
    short = fl.continuation(toy, **{**asked, "max_points": 7}, resume=True, overwrite=True)
    require_same(short, fl.continuation(toy, **{**asked, "max_points": 7}, resume=True))
    assert (folder / "notes.txt").read_text() == "mine"
    fl.save_branch(short, tmp_path / "saved")
    with pytest.raises(ValueError, match="does not say what it was asked for"):
        fl.continuation(toy, **{**asked, "folder": tmp_path / "saved"}, resume=True)


def test_a_branch_goes_on_to_more_points_as_if_they_had_been_asked_for_at_first(tmp_path):
    follow = lambda **how: fl.continuation(Cubic(), on(Cubic(), -1.3), "mu", bounds=(-2, 2), **how)
    short = follow(folder=tmp_path / "branch", resume=True, max_points=5)
    assert short.outcome.name == "max_points"
    longer = follow(folder=tmp_path / "branch", resume=True)
    require_same(longer, follow())
    with pytest.raises(ValueError, match="max_points = 5 is asked, 1000 is there"):
        follow(folder=tmp_path / "branch", resume=True, max_points=5)


def test_a_branch_goes_on_to_wider_bounds_from_where_it_was_wherever_it_is_stopped(tmp_path, monkeypatch):
    def follow(bounds, folder):
        return fl.continuation(Cubic(), on(Cubic(), -1.3), "mu", bounds=bounds, folder=tmp_path / folder, resume=True)

    narrow = follow((-1.0, 1.0), "whole")
    whole = follow((-1.5, 2.0), "whole")
    assert (whole.table["mu"][0], whole.table["mu"][-1]) == (-1.5, 2.0)
    assert len(whole.folds) == 2
    inner = [point.y.tolist() for point in narrow[1:-1] if not point.kind]
    assert [point.y.tolist() for point in whole if point.y.tolist() in inner] == inner  # to the last digit
    require_same(whole, follow((-1.5, 2.0), "whole"))

    follow((-1.0, 1.0), "stopped")
    keep, left, stops = work.Work.keep, 0, 0

    def stopping(self, *arguments):
        nonlocal left
        keep(self, *arguments)
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(work.Work, "keep", stopping)
    for left in (2, 1, 3, 4, 10**6):  # noqa: B007  (`stopping` counts it down)
        try:
            found = follow((-1.5, 2.0), "stopped")
        except KeyboardInterrupt:
            stops += 1
    assert stops == 4
    require_same(whole, found)
    with pytest.raises(
        ValueError, match="holds another branch: bounds.*goes on to wider bounds, a larger N_max and more"
    ):
        follow((-1.2, 2.0), "stopped")


def test_a_curve_goes_on_to_wider_bounds_with_the_digits_it_would_have_had(tmp_path):
    (fold, _) = fl.continuation(Cubic(), on(Cubic(), -1.3), "mu", bounds=(-2, 2)).folds

    def follow(nu, folder=None, **how):
        how |= {"folder": folder and tmp_path / folder, "resume": folder is not None}
        return fl.fold_curve(Cubic(), fold, "mu", "nu", {"mu": (-1, 1), "nu": nu}, **how)

    few = follow((-1, 2), "more points", max_points=3)
    assert {end.name for end in few.ends} == {"max_points"}
    require_same(follow((-1, 2)), follow((-1, 2), "more points"))
    narrow = follow((0.5, 1.2), "wider")
    assert (len(narrow.cusps), [end.name for end in narrow.ends]) == (0, ["bound", "bound"])
    whole = follow((-1, 2))  # begun in the same steps: their unit is that of the parameters
    require_same(whole, follow((-1, 2), "wider"))
    assert len(whole.cusps) == 1
    with pytest.raises(
        ValueError, match=r"bounds.nu = \[0.5, 1.2\] is asked, \[-1, 2\] is there \(it goes on to wider"
    ):
        follow((0.5, 1.2), "wider")
