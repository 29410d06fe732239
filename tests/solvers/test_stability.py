"""The leading eigenvalues from Krylov spaces and the argument principle, against all of them from a dense solver."""

import numpy as np
import pytest

import felif as fl
from felif.solvers import stability
from felif.solvers.stability import leading, sorted_leading


@pytest.mark.parametrize(
    ("model", "which"),
    [
        (fl.NoisyLIF(b=1.5), 0),
        (fl.NoisyLIF(b=1.5), -1),
        (fl.NoisyLIF(b=-8.0, a0=0.3), 0),
        (fl.RandomThresholdLIF(b=4.6), 0),
        (fl.RefractoryLIF(b=3.0, tau=0.2), -1),  # a slow decay with a frequency far from everything else
        (fl.RefractoryLIF(b=2.8, tau=0.1), -1),
    ],
    ids=repr,
)
def test_as_of_all(model, which, monkeypatch):
    problem = fl.discretize(model, tol=1e-7)
    state = fl.steady_states(problem)[which]
    problem, y = state.problem, state.y
    expected = sorted_leading(stability._all(problem, y))
    monkeypatch.setattr(stability, "_all", None)  # which leads to the right ones, too
    found = leading(problem, y)
    assert len(found) in (6, 7)
    growing = int(np.count_nonzero(expected.real > 0))
    assert np.count_nonzero(found.real > 0) == growing
    np.testing.assert_allclose(found[:4], expected[:4], rtol=2e-3)  # far left, all from rounding errors differ
    np.testing.assert_allclose(found[: max(growing, 1)], expected[: max(growing, 1)], rtol=1e-7)
