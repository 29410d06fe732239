"""What is printed stays short, whatever the number of populations."""

from __future__ import annotations

import numpy as np

import felif as fl
from felif.given.text import few, listed, model_text

RING = fl.Populations(coupling=-np.eye(12), current=1.0)


def test_of_many_populations_the_first_and_the_last_are_printed() -> None:
    problem = fl.discretize(RING, tol=1e-2)
    run = fl.evolve(problem, [fl.Gaussian(0.0, 0.1)] * 12, t_end=0.05, rtol=1e-2, progress=False)
    steady = fl.steady_state(problem)
    for result in (problem, run, run.at(0.05), steady):
        assert len(repr(result)) < 1000, repr(result)
    assert {"N_0", "N_1", "N_11"} <= {part.split("=")[0].split("(")[-1] for part in repr(steady).split(", ")}
    assert "N_5" not in repr(steady)
    assert "<12 x 12 ndarray>" in repr(run)
    worst = max(run.drift.values())
    assert f"at most {worst:.1e}" in repr(run)


def test_few_numbers_are_all_printed() -> None:
    pair = fl.Populations(coupling=-np.eye(2), current=1.0)
    assert "coupling=array(" in model_text(pair)
    assert few(["N_0", "N_1", "J"]) == ["N_0", "N_1", "J"]
    assert listed([f"N_{k}" for k in range(9)] + ["J"]) == "N_0, N_1, ..., N_8, J"


def test_a_model_is_printed_as_python_writes_it_where_it_is_short() -> None:
    for model in (fl.NoisyLIF(b=0.5), fl.VoltageConductance()):
        assert model_text(model) == repr(model)
