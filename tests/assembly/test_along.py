"""Problems at other parameters as sums of arrays, against the same problems assembled there."""

import dataclasses
import pickle

import numpy as np
import pytest

import felif as fl
from felif.models import terms
from felif.models.drifts import Leaky


@pytest.mark.parametrize("names", [("b",), ("a0",), ("current", "b"), ("b", "a1", "a0")], ids=str)
def test_sums_are_what_at_gives(names):
    problem = fl.discretize(fl.NoisyLIF(b=0.4, a0=0.8, a1=0.1, current=0.3), tol=1e-3)
    y = fl.steady_state(problem).y * np.linspace(0.9, 1.1, problem.size)
    values = np.random.default_rng(len(names)).uniform(0.1, 1.5, len(names)).tolist()
    found, expected = (
        pickle.loads(pickle.dumps(problem.along(names)))(values),
        problem.at(**dict(zip(names, values, strict=True))),
    )
    np.testing.assert_allclose(found.scalars(0.0, y), expected.scalars(0.0, y), rtol=1e-13)
    for question in (
        lambda p: p.rate(0.0, y),
        lambda p: p.scalar_gradient(0.0, y),
        lambda p: p.jacobian(0.0, y).dense(),
        *(lambda p, name=name: p.parameter_derivative(0.0, y, name) for name in names),
    ):
        scale = np.abs(question(expected)).max()
        np.testing.assert_allclose(question(found), question(expected), rtol=1e-12, atol=1e-13 * scale)


@dataclasses.dataclass(frozen=True)
class Squared(fl.NoisyLIF):
    """Its connectivity is b^2."""

    def equations(self):
        own = super().equations()
        return dataclasses.replace(
            own,
            terms=(
                terms.drift(Leaky()),
                terms.current(lambda s, m: m.b**2 * s.N),
                *(t for t in own.terms if t.name not in ("drift", "current")),
            ),
        )


def test_where_nothing_is_affine():
    coarse = {"tol": 1e-2}
    assert fl.discretize(fl.NoisyLIF(dead_time=0.1), **coarse).along(("b",)) is None  # R
    assert fl.discretize(fl.RandomThresholdLIF(), **coarse).along(("b",)) is None  # no explicit N
    assert fl.discretize(Squared(), **coarse).along(("b",)) is None
    assert fl.discretize(fl.NoisyLIF(current=lambda t: 0.1), **coarse).along(("b",)) is None
