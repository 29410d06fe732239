"""Every public verb with models that the engine over v does not have: computed, or refused in a sentence."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from own_models import ThetaNeurons, Turning

import felif as fl

QUIET = {"progress": False}
MODELS = {
    "a circle": (ThetaNeurons(), lambda x: 1.0 + 0 * x, "J"),
    "numbers": (Turning(), {"x": 1.0, "z": 0.0, "r": 0.5}, "w"),
    "an index": (fl.WilsonCowan(k=[[18, -23], [44, -3]], s=[-0.5, -2.8]), {"N": 0.1, "w": 0.0}, None),
    "a half line": (fl.CellPolarisation("exchange", mass=1.5), {"n": lambda z: np.exp(-(z**2) / 2), "mu": 0.2}, "L"),
    "populations": (fl.Populations([[0.1, -0.2], [0.3, -0.1]], current=0.5), [fl.Gaussian(-0.5, 0.1)] * 2, None),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_every_verb_computes_or_refuses_in_a_sentence(name, tmp_path):
    model, start, parameter = MODELS[name]
    problem = fl.discretize(model, tol=1e-2)
    run = fl.evolve(problem, start, 0.2, rtol=1e-2, **QUIET)
    state, quantity = fl.steady_state(problem), problem.scalar_names[0]
    value = lambda state: float(getattr(state, quantity))
    verbs = {
        "dual_weighted": lambda: fl.dual_weighted(run, quantity),
        "steady_value": lambda: fl.steady_value(problem, quantity),
        "error_estimate": lambda: fl.error_estimate(run, value),
        "certificates": lambda: fl.certificates(run),
        "relative_entropy": lambda: fl.relative_entropy(run, state),
        "stefan": lambda: fl.stefan(run),
        "poincare": lambda: fl.poincare(problem, state),
        "spectrum": lambda: fl.spectrum(problem, state, count=2),
        "response": lambda: fl.response(problem, state, 1.0, to=parameter),
        "power_spectrum": lambda: fl.power_spectrum(problem, state, 1.0, neurons=10),
        "plot": lambda: run.plot(),
        "plot_spacetime": lambda: run.plot_spacetime(),
        "first_passage": lambda: fl.first_passage(model),
        "simulate_particles": lambda: fl.simulate_particles(model, neurons=10, t_end=0.1, start=start, seed=1),
        "save": lambda: run.save(tmp_path / "saved"),
    }
    if parameter is not None:
        p = getattr(model, parameter)
        verbs["continuation"] = lambda: fl.continuation(problem, state, parameter, (0.9 * p, 1.1 * p), **QUIET)
        verbs["evolve_many"] = lambda: fl.evolve_many(model, {parameter: [p]}, start, [0.1], tol=1e-2)
        verbs["rate_map"] = lambda: fl.rate_map(model, {parameter: [p, 1.1 * p]})
    computed = set()
    for verb, call in verbs.items():
        with suppress(ValueError, fl.NotConverged):
            call()
            computed.add(verb)
    assert computed >= {"error_estimate", "plot", "save", "spectrum"}


def test_a_run_of_numbers_goes_on_in_its_folder(tmp_path):
    """No density is drawn on the way, and the digits are those of a run in one piece."""
    problem, start = fl.discretize(Turning()), {"x": 1.0, "z": 0.0, "r": 0.5}
    fl.evolve(problem, start, 0.3, folder=tmp_path / "a", **QUIET)
    run = fl.resume(tmp_path / "a", t_end=2.0, model=Turning(), **QUIET)
    assert run.final.x == pytest.approx(np.cos(4.0), abs=1e-5)
    assert fl.load_run(tmp_path / "a", model=Turning()).final.x == run.final.x
    with pytest.raises(ValueError, match="snapshots = 3: Turning has no density"):
        fl.evolve(problem, start, 0.3, folder=tmp_path / "b", snapshots=3, **QUIET)
    assert not (tmp_path / "b").exists()


def test_rates_of_models_over_any_axes():
    """Point by point, where the rates at rest are not known of the neurons alone."""
    model = fl.TimeElapsed(lambda s, x: 1 / (1 + np.exp(-(s - 2.75 + 2.25 * x) / 0.2)), tau=0.1)
    found = fl.rate_map(model, {"tau": [0.1, 0.2]})
    assert found.N[:, 0] == pytest.approx(0.34217162608118, rel=1e-6)  # systems.md, S27: tau moves no steady state
