"""Meshes of a line: nodes exactly on V_R and V_F, tagged, graded; anything else refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases

import felif as fl
from felif.meshing import line


@cases(60)
@given(
    v_reset=st.floats(-5, 5),
    width=st.floats(0.01, 10),
    below=st.floats(0.01, 20),
    cells=st.integers(3, 60),
    grading=st.floats(1, 4),
    network=st.sampled_from([fl.NoisyLIF, fl.RandomThresholdLIF]),
)
def test_the_ends_reset_and_threshold_are_nodes(v_reset, width, below, cells, grading, network):
    model = network(v_reset=v_reset, v_fire=v_reset + width)
    mesh = fl.interval(model, v_min=v_reset - below, cells=cells, grading=grading)
    nodes = np.sort(mesh.p[0])
    assert len(nodes) == cells + 1
    assert np.all(np.diff(nodes) > 0)
    assert nodes[0] == v_reset - below
    assert mesh.p[0, mesh.boundaries["reset"]].tolist() == [model.v_reset]
    assert mesh.p[0, mesh.boundaries["firing"]].tolist() == [model.v_fire]
    if network is fl.NoisyLIF:
        assert nodes[-1] == model.v_fire
    else:
        assert nodes[-1] > model.v_fire
        above = mesh.p[0, mesh.t[:, mesh.subdomains["above"]]]
        assert above.min() == model.v_fire
        assert above.max() == nodes[-1]


def test_grading_makes_cells_smaller_toward_the_threshold():
    widths = np.diff(np.sort(fl.interval(fl.NoisyLIF(), v_min=-6.0, cells=13, grading=2.0).p[0]))
    assert widths[-1] < widths[0] / 5
    even = np.diff(np.sort(fl.interval(fl.NoisyLIF(), v_min=-6.0, cells=8, grading=1.0).p[0]))
    assert even == pytest.approx(1.0)


def test_v_max_ends_the_mesh_of_a_random_threshold():
    mesh = fl.interval(fl.RandomThresholdLIF(), v_max=3.5)
    assert mesh.p[0].max() == 3.5


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        (fl.NoisyLIF(), {"v_min": 1.0}, r"v_min = 1.0; allowed is a number below v_reset = 1.0"),
        (fl.NoisyLIF(), {"v_min": np.nan}, r"v_min = nan"),
        (fl.NoisyLIF(), {"v_min": "low"}, r"v_min = 'low'"),
        (fl.NoisyLIF(), {"cells": 1}, r"cells = 1; allowed is an integer >= 2"),
        (fl.NoisyLIF(), {"cells": 7.5}, r"cells = 7.5; allowed is a whole number"),
        (fl.RandomThresholdLIF(), {"cells": 2}, r"cells = 2; allowed is an integer >= 3"),
        (fl.NoisyLIF(), {"grading": 0.5}, r"grading = 0.5; allowed is a finite number >= 1 and <= 100"),
        (fl.NoisyLIF(), {"v_max": 3.0}, r"v_max = 3.0, but neurons of NoisyLIF end at v_fire = 2.0"),
        (fl.NoisyLIF(), {"grading": None}, r"grading = None"),
        (fl.RandomThresholdLIF(), {"v_max": np.nan}, r"v_max = nan"),
        (fl.RandomThresholdLIF(), {"v_max": 2.0}, r"v_max = 2.0; allowed is a number above v_fire = 2.0"),
    ],
)
def test_arguments_are_checked(network, arguments, message):
    with pytest.raises(ValueError, match=f"interval: {message}"):
        fl.interval(network, **arguments)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([-3.0, 0.0, 2.0], r"no node lies exactly on v_reset = 1.0; the nearest is .*0.0"),
        ([-3.0, 1.0, 2.1], r"no node lies exactly on v_fire = 2.0"),
        ([1.0, 2.0], r"v_reset = 1.0 is the lower end"),
        ([-3.0, np.nan, 1.0, 2.0], "nodes must be finite"),
    ],
)
def test_lines_without_the_nodes_that_count_are_refused(nodes, message):
    with pytest.raises(ValueError, match=message):
        line(np.array(nodes), {"reset": 1.0, "firing": 2.0})


def test_nodes_may_come_in_any_order_and_twice():
    mesh = line(np.array([2.0, -3.0, 1.0, 1.0]), {"reset": 1.0, "firing": 2.0})
    assert np.sort(mesh.p[0]).tolist() == [-3, 1, 2]
