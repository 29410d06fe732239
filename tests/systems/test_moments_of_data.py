"""Initial data that jump, over products of axes: by their moments, and what follows from them by characteristics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import felif as fl
from felif.spaces import Line
from felif.systems.moments import with_moments

CURRENT, BOX = 1.5, ((-0.63, 0.31), (0.137, 0.561))
HAZARD = lambda v: np.exp(4 * (v - 1))


@dataclass(frozen=True)
class FirstSpikes:
    """Neurons with v' = I - v - w and w' = -w/2, without noise, each of which fires once."""

    def equations(self):
        rate = lambda n, phi, x: HAZARD(x.v) * n * phi
        return fl.Equations(
            axes=(fl.Axis("v", -1.5, 2.0), fl.Axis("w", -0.25, 1.0)),
            unknowns=(fl.Unknown("n", ("v", "w")), fl.Unknown("fired"), fl.Unknown("N", (), "equals")),
            terms=(
                fl.drift("n", "v", lambda x: CURRENT - x.v - x.w),
                fl.drift("n", "w", lambda x: -x.w / 2),
                fl.Term("n", "n", lambda n, phi, x: -rate(n, phi, x), name="leaving"),
                fl.Term("fired", "n", rate, name="counted"),
                fl.Term("N", "n", rate, name="rate"),
            ),
            conserved=(fl.Conserved("total", {"n": 1.0, "fired": 1.0}),),
        )


def uniform(v, w):
    return 1.0 * ((v > BOX[0][0]) & (v < BOX[0][1]) & (w > BOX[1][0]) & (w < BOX[1][1]))


def first_spikes(times):
    """N of a uniform density by Gauss's rule over its box, each neuron along its characteristic."""
    x, weights = np.polynomial.legendre.leggauss(40)
    v, w = (k.ravel() for k in np.meshgrid(*(a + (b - a) * (1 + x) / 2 for a, b in BOX), indexing="ij"))

    def moved(_, y):
        v, w, _ = y.reshape(3, -1)
        return np.concatenate([CURRENT - v - w, -w / 2, HAZARD(v)])

    start = np.concatenate([v, w, 0 * v])
    v, _, met = solve_ivp(moved, (0, times[-1]), start, "DOP853", times, rtol=1e-10, atol=1e-12).y.reshape(
        3, len(v), -1
    )
    return np.outer(weights, weights).ravel() / 4 @ (HAZARD(v) * np.exp(-met))


def test_a_box_keeps_its_moments_and_fires_as_characteristics_say():
    """On cells none of which ends at a jump, at nodes the means of v and w were off by 1e-2, and N by 1e-3."""
    mesh = {"v": np.linspace(-1.5, 2, 7), "w": np.linspace(-0.25, 1, 5)}
    problem, times = fl.discretize(FirstSpikes(), mesh), np.linspace(0, 1.5, 7)
    run = fl.evolve(problem, {"n": uniform}, 1.5, rtol=1e-5, progress=False)
    weights = np.multiply.outer(*(problem.lines[name].weights for name in "vw")) * problem.full("n", run.at(0.0).y)
    assert run.drift["total"] < 1e-13
    for k, name in enumerate("vw"):
        mean = problem.lines[name].nodes @ weights.sum(axis=1 - k)
        assert mean == pytest.approx(sum(BOX[k]) / 2, abs=1e-12)
    assert np.abs(run.sample("N", times) - first_spikes(times)).max() < 1e-5


@pytest.mark.parametrize(
    ("continuous", "positive", "allowed"),
    [((False, False), False, 1e-5), ((False, True), False, 1e-5), ((True, False), True, 2e-3)],
)
def test_a_disc_keeps_its_moments(continuous, positive, allowed):
    """An edge along neither axis, on cells of every kind, but for where it just reaches a cell; at nodes it is not."""
    ends = np.linspace(-1.5, 2, 9), np.linspace(-0.25, 1, 7)
    degree = lambda smooth: int(smooth) if positive else 6
    lines = [Line(cells, degree(smooth), smooth) for cells, smooth in zip(ends, continuous, strict=True)]
    disc = lambda v, w: 1.0 * (v**2 + (w - 0.4) ** 2 < 0.09)
    v, w = np.meshgrid(*(line.nodes for line in lines), indexing="ij")
    mass = np.multiply.outer(*(line.weights for line in lines))
    found = mass * with_moments(lines, disc, disc(v, w), 1e-2, positive)
    assert abs((mass * disc(v, w)).sum() / (0.09 * np.pi) - 1) > 100 * allowed
    assert found.sum() == pytest.approx(0.09 * np.pi, rel=allowed)
    assert [(found * v).sum() / found.sum(), (found * w).sum() / found.sum()] == pytest.approx([0.0, 0.4], abs=allowed)


def test_no_jump_is_too_close_to_an_end_to_be_seen():
    """All points of a rule saw one side of such jumps: up to 1e-2 of a cell was lost."""
    line = Line(np.linspace(0, 1, 4), 6, False)
    for at in 1 / 3 + np.array([1e-2, 1e-4, 1e-6, -1e-4, 0.123, 0.1666]):
        density = lambda x: 1.0 * (x < at) + (x > 0.9)  # noqa: B023
        found = with_moments([line], density, density(line.nodes), 1e-30, False)
        assert line.weights @ found == pytest.approx(at + 0.1, abs=1e-12)
