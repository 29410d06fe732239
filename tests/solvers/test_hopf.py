"""Hopf points and their curves: the normal form, the random threshold, and the delayed inhibitory network."""

import mpmath
import numpy as np
import pytest
from bifurcations import HopfNormalForm

import felif as fl
from felif.problem import State
from felif.solvers.continuation import continuation
from felif.solvers.curves import hopf_curve


def of_normal_form(**parameters):
    toy = HopfNormalForm(**parameters)
    return toy, continuation(toy, State(toy, 0.0, np.zeros(2)), "mu", bounds=(-2, 2))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_the_hopf_point_of_the_normal_form_and_its_criticality(sign):
    toy, branch = of_normal_form(sign=sign)
    hopf = branch.hopfs[0]
    assert hopf.mu == pytest.approx(0.0, abs=1e-10)
    assert hopf.frequency == pytest.approx(toy.w, abs=1e-10)
    # r' = sign r^3 and q = (1, -i)/sqrt(5): c_1 = 4/5 sign, l_1 = c_1/omega; third differences are good to 1e-5
    assert hopf.criticality == pytest.approx(0.4 * sign, rel=1e-4)
    assert list(branch.table["unstable"][[0, -1]]) == [0, 2]


def test_a_curve_of_hopf_points_carries_its_frequency():
    toy, branch = of_normal_form()
    curve = hopf_curve(toy, branch.hopfs[0], "mu", "w", bounds={"w": (0.5, 4.0)})
    assert np.allclose(curve.table["mu"], 0.0, atol=1e-9)
    assert np.allclose(curve.table["frequency"], curve.table["w"], atol=1e-9)
    assert sorted(curve.table["w"][[0, -1]]) == pytest.approx([0.5, 4.0])


def test_a_curve_of_hopf_points_ends_where_the_frequency_vanishes():
    toy, branch = of_normal_form()
    curve = hopf_curve(toy, branch.hopfs[0], "mu", "w", bounds={"w": (-1.0, 2.5)})
    assert "zero_frequency" in {end.name for end in curve.ends}


def test_hopf_points_of_the_random_threshold():
    problem = fl.discretize(fl.RandomThresholdLIF(b=4.0), tol=1e-8)
    branch = continuation(problem, fl.steady_states(problem)[0], "b", bounds=(4.0, 18.0))
    first, last = branch.hopfs
    # two discretisations
    assert first.b == pytest.approx(4.568784213527, abs=1e-9)
    assert first.frequency == pytest.approx(1.7686309323, abs=1e-9)
    assert first.N == pytest.approx(0.47663520541, abs=1e-9)
    assert first.criticality < 0
    assert last.b == pytest.approx(17.00030315255, abs=1e-8)


def parabolic(order, x):
    return mpmath.exp(x * x / 4) * mpmath.pcfd(-order, -x)


def response(eigenvalue, N, drift, tau):
    """dN/dm exp(lambda t) of a refractory population with a = 1, V_R = 1, V_F = 2, in closed form."""
    back = 1 / (1 + eigenvalue * tau)
    emptied = parabolic(eigenvalue, 2 - drift) - back * parabolic(eigenvalue, 1 - drift)
    moved = parabolic(eigenvalue + 1, 2 - drift) - parabolic(eigenvalue + 1, 1 - drift)
    return N * eigenvalue / (1 + eigenvalue) * moved / emptied


def test_the_refractory_upper_branch_has_a_hopf_point_where_its_linear_response_says():
    problem = fl.discretize(fl.RefractoryLIF(b=1.9, tau=0.1), tol=1e-8)
    branch = continuation(problem, fl.steady_states(problem)[-1], "b", bounds=(1.84, 2.0))
    hopf = branch.hopfs[0]
    gain = hopf.b * response(mpmath.mpc(0, hopf.frequency), hopf.N, hopf.b * hopf.N, 0.1)
    assert complex(gain) == pytest.approx(1.0, abs=1e-9)


def test_hopf_points_of_a_delayed_inhibitory_network_along_the_delay():
    problem = fl.discretize(fl.NoisyLIF(b=-30.0, delay=1.0), tol=1e-8)
    branch = continuation(problem, fl.steady_states(problem)[0], "b", bounds=(-50.0, -20.0))
    hopf = branch.hopfs[0]
    # characteristic equation with parabolic cylinder functions
    assert hopf.b == pytest.approx(-41.96438540303076, abs=1e-6)
    assert hopf.criticality < 0
    assert hopf.frequency == pytest.approx(2.264965373906230, abs=1e-8)
    curve = hopf_curve(problem, hopf, "b", "delay", bounds={"b": (-170.0, -10.0), "delay": (0.5, 2.0)})
    ends = sorted((curve[k].delay, curve[k].b, curve[k].frequency) for k in (0, -1))
    expected = [(0.5, -167.9546290638735, 4.271813468408337), (2.0, -18.4978509544613, 1.233077078041944)]
    assert np.array(ends) == pytest.approx(np.array(expected), rel=1e-7)


def test_a_hopf_curve_wants_a_hopf_point():
    toy, branch = of_normal_form()
    with pytest.raises(ValueError, match="allowed is a hopf"):
        hopf_curve(toy, branch[0], "mu", "w")
