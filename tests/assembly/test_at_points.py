"""Many states at once, against one after the other."""

import numpy as np
import pytest
from own_models import Own

import felif as fl
from felif.problem import Infeasible

MODELS = [
    fl.NoisyLIF(b=0.5, a1=0.1, current=lambda t: 0.3 * np.cos(t)),
    fl.NoisyLIF(b=-2.0, delay=0.7),
    fl.RefractoryLIF(b=0.3, tau=0.2),
    fl.ExcitatoryInhibitoryLIF(b_EE=0.4, b_EI=0.6, b_IE=0.7, b_II=0.3, tau=0.3),
    # systems: coefficients over indices, at points, and numbers; algebraic equations that are affine, and that are not
    fl.Populations([[0.5, -0.3], [0.4, 0.1]], current=lambda t: 0.3 * np.cos(t), a1=0.1, tau=[0.2, 0.0]),
    fl.Populations([[0.5, -0.3], [0.4, 0.1]], delay=[[0.7, 0.3], [0.3, 0.7]], dead_time=[0.4, 0.2]),
    fl.Populations(-3.0 * np.roll(np.eye(5), 1, axis=0), current=1.0),
    fl.TimeElapsed(lambda s, x: (1 + x**2) * s / (1 + s), tau=0.5),
    Own(
        drive=lambda s, m: s.I + m.b * s.N * np.tanh(s.v),
        noise=lambda s, m: 1 + 0.1 * s.N**2 * np.exp(-(s.v**2)),
    ),
    fl.Kuramoto(K=4.0, D=0.5, frequencies=([-0.5, 0.5], [0.5, 0.5])),
]


class Wave:
    """A past."""

    def __call__(self, name, t):
        return 0.2 + 0.1 * np.sin(t)

    def many(self, name, times):
        return self("", times)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_as_one_by_one(model):
    problem = fl.discretize(model, tol=1e-2)
    if problem.delays:
        problem = problem.with_history(Wave())
    times = np.array([0.1, 0.4, 1.3])
    states = 0.01 * (1 + 0.1 * np.outer(times, np.cos(np.arange(problem.size))))
    found = problem.at_points(times, states, True)
    plain = problem.at_points(times, states, False)
    np.testing.assert_array_equal(plain.F, found.F)
    for k, (t, state) in enumerate(zip(times.tolist(), states, strict=True)):
        J = problem.jacobian(t, state)
        assert (J.band.kl, J.band.ku) == found.widths
        pairs = [(found.F[k], problem.rate(t, state)), (found.scalars[k], problem.scalars(t, state))]
        pairs += [(found.bands[k], J.band.data), (found.U[k], J.U), (found.G[k], J.G)]
        pairs.append((found.gradients[k], problem.scalar_gradient(t, state)))
        for name in problem.delays:
            pairs += zip(
                (part[k] for part in found.by_inputs[name]), problem.input_derivative(t, state, name), strict=True
            )
        for one, expected in pairs:
            np.testing.assert_allclose(one, expected, rtol=1e-11, atol=1e-12 * np.abs(expected).max())


def _smooth(problem):
    """Densities that are positive and vanish at the threshold."""
    y = np.full(problem.size, 0.2)
    for name in problem.field_names:
        part = problem.layout.slice(name)
        v = problem.nodes[: part.stop - part.start]
        y[part] = 0.1 * np.exp(-0.3 * v**2) * (problem.top - v)
    return y


def test_what_it_is_not_for():
    problem = fl.discretize(fl.NoisyLIF(b=5.0, a0=0.1), tol=1e-2)
    steep = 1e4 * _smooth(problem)
    with pytest.raises(Infeasible):
        problem.at_points(np.zeros(1), steep[None], False)
    network = fl.discretize(fl.Populations([[5.0, 0.0], [0.0, 1.0]]), tol=1e-2)
    with pytest.raises(Infeasible):
        network.at_points(np.zeros(2), np.outer([1e-3, 1e3], np.ones(network.size)), False)
    fitted = fl.discretize(fl.NoisyLIF(), fl.interval(fl.NoisyLIF(), cells=20), space=fl.ExponentialFitting())
    assert fitted.at_points(np.zeros(1), _smooth(fitted)[None], True) is None
