"""Warnings point at the line of the user."""

import warnings

import felif as fl


def test_a_warning_names_the_file_of_the_user():
    network = fl.NoisyLIF(b=0.5)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        problem = fl.discretize(network, fl.interval(network, v_min=-2.0, cells=8))
        fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.01, progress=False)
    assert len(found) >= 2
    assert {warning.filename for warning in found} == {__file__}
