"""Whoever reads the terms of a model, beside the discretisation, reads them as they are written or refuses them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from own_models import HALF, LOST, REACTION, Own, OwnPlane, plane, returns, spread

import felif as fl
from felif.models.parameters import fixed
from felif.translation import law_of

WAITING = (fl.Unknown("R"),)
OUT = fl.Term("R", coefficient=lambda s, m: -s.R / 0.1, name="out")
SPLIT = {
    "scalars": WAITING,
    "resets": (returns(lambda s, m: 0.5 * s.N + s.R / 0.1),),
    "more": (fl.Term("R", "N", coefficient=lambda s, m: 0.5, name="in"), OUT),
    "conserved": (fl.Conserved("total", {"n": 1.0, "R": 1.0}),),
}
ADAPTATION = {
    "scalars": (fl.Unknown("A"),),
    "drive": lambda s, m: m.b * s.N - s.A,
    "more": (fl.Term("A", coefficient=lambda s, m: s.N - s.A, name="adapt"),),
}
SYNAPSE = fl.drift("n", "v", lambda x: 4.0 - x.v, lambda s, m: m.b * s.N, name="synapse")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resets": (spread(0.5),)}, "'spread reset' sets neurons that fire down over 'cells'"),
        ({"resets": (HALF, spread(0.5, 0.5))}, "'spread reset' sets neurons that fire down over 'cells'"),
        ({"resets": (HALF,), "conserved": LOST}, "of what fires, 0.5 are set back"),
        ({"drive": lambda s, m: m.b * np.tanh(s.N)}, "'current' is not affine in N"),
        ({"more": (SYNAPSE,)}, "depends on v, from"),
        (ADAPTATION, r"1 are set back and 1 enter \['A'\]"),
        (SPLIT, "0.5 are set back and 0.5 enter"),
        ({"resets": (returns(lambda s, m: s.N * (1 + 0.2 * s.N)),), "conserved": LOST}, "'reset' is not affine"),
    ],
)
def test_synchronous_spikes_that_cannot_be_followed_as_written_are_refused(change, message):
    problem = fl.discretize(Own(b=3.0, **change), tol=1e-3)
    with pytest.raises(ValueError, match=f"after_blow_up: Own: .*{message}"):
        fl.evolve(problem, fl.Gaussian(-1.0, 0.5), 1.0, after_blow_up=fl.Continue())


def test_the_spike_of_a_users_copy_of_the_model_is_that_of_the_model():
    start = fl.Gaussian(1.9, 0.01, boundary_layer=0.1)
    runs = [
        fl.evolve(fl.discretize(model, tol=1e-4), start, 0.05, after_blow_up=fl.Continue(), progress=False)
        for model in (Own(b=0.8), fl.NoisyLIF(b=0.8))
    ]
    assert runs[0].events
    assert [e.size for e in runs[0].events] == pytest.approx([e.size for e in runs[1].events], rel=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resets": (spread(0.5),)}, "0 reset terms"),
        ({"resets": (HALF, spread(0.5, 0.5))}, "'spread reset' brings neurons in beside 'half'"),
        ({"resets": (HALF,), "conserved": LOST}, "the form of 'half' is 0.5 phi"),
        ({"resets": (returns(lambda s, m: 0.5 * s.N),), "conserved": LOST}, "not conserved by its terms"),
        (ADAPTATION, "'current' depends on A, which is of the network"),
    ],
)
def test_first_passages_that_are_not_those_of_the_terms_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        fl.first_passage(Own(b=0.0, **change))


def test_a_neuron_that_waits_every_other_time_takes_half_of_that_longer():
    """E T = E T_0 + tau/2, tau = 0.1."""
    alone, split = fl.first_passage(Own(b=0.0)), fl.first_passage(Own(b=0.0, **SPLIT))
    assert split.mean == pytest.approx(alone.mean + 0.05, rel=1e-10)


@dataclass(frozen=True)
class Lookalike(Own):
    """Has the parameters of NoisyLIF, and a reset of its own."""

    a0: float = 0.01
    a1: float = 0.0
    noise: Callable = fixed(lambda s, m: m.a0)
    resets: tuple = fixed((spread(0.5),))


def test_closed_forms_are_not_those_of_a_model_with_terms_of_its_own():
    """The rate of this one is below rounding, where that of NoisyLIF is put in for NoisyLIF."""
    problem = fl.discretize(Lookalike(b=0.0), tol=1e-4)
    state = fl.steady_states(problem)[0]
    assert math.isnan(state.log_N)
    assert state.N == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="Lookalike has terms of its own"):
        fl.analysis.exact.steady_rates(Lookalike())
    with pytest.raises(ValueError, match="Lookalike has terms of its own"):
        fl.relative_entropy(fl.evolve(problem, fl.Gaussian(), 0.1, progress=False), state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resets": (spread(0.5),)}, "'spread reset' sets neurons down over 'cells'"),
        ({"resets": (HALF,), "conserved": LOST}, "the reset of 'n' is {'N': 0.5}"),
        ({"resets": (), "conserved": LOST}, "the reset of 'n' is nothing"),
        ({"firing": lambda s, m: 2.0 * s.N, "conserved": LOST}, "of 'n' {'N': -2.0} leaves at V_F"),
        ({"more": (SYNAPSE,)}, "the drift that 'synapse' makes depends on v"),
        ({"more": (REACTION,), "conserved": LOST}, "'loss' makes neurons appear or vanish"),
        ({"drive": lambda s, m: m.b * np.tanh(s.N)}, "the coefficient of 'current' is not affine"),
        ({"noise": lambda s, m: 1.0 + 0.1 * s.I, "current": math.sin}, "the noise of 'n' reads I"),
        (ADAPTATION, "the drift of 'n' reads A"),
        (SPLIT, "the reset of 'n' is"),
    ],
)
def test_terms_behind_which_there_is_no_network_of_neurons_are_refused(change, message):
    with pytest.raises(ValueError, match=f"Own: {message}"):
        fl.simulate_particles(Own(**change), neurons=10, start=fl.Gaussian(), t_end=0.1, dt=0.01, seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resets": plane("reset", lambda phi, x: 0.5 * phi), "conserved": LOST}, "not all that fires leaves"),
        ({"speed": lambda s, m: -m.eps * s.w**2}, "without activity weights do not decay at one rate"),
        ({"drive": lambda s, m: s.w * s.N}, "the drift of 'current' depends on v and w, or on N"),
    ],
)
def test_learning_behind_which_there_is_no_network_of_neurons_is_refused(change, message):
    with pytest.raises(ValueError, match=f"OwnPlane: {message}"):
        fl.simulate_particles(OwnPlane(**change), neurons=10, start=lambda v, w: np.exp(-(v**2)), t_end=0.1, seed=1)


def test_the_network_of_neurons_is_read_off_the_terms():
    law = law_of(Own(b=0.7, current=math.sin, drive=lambda s, m: 0.5 + 2 * s.I + m.b * s.N, noise=lambda s, m: 2 + s.N))
    (neurons,) = law.populations
    assert (neurons.kicks, neurons.noise, neurons.noise_kicks) == ((0.7,), 2.0, (1.0,))
    assert (neurons.drift(0.3), neurons.current(1.0)) == (-0.3, 0.5 + 2 * math.sin(1.0))
    assert (law.v_reset, law.v_fire, neurons.delay(0), law.rests, law.escape_time) == (1.0, 2.0, 0.0, False, 0.0)
    steps = fl.Piecewise((1.0,), (0.0, 1.0))
    law = law_of(fl.NoisyLIF(b=-3.0, a0=0.5, a1=0.1, delay=0.2, dead_time=0.3, current=steps, drift=fl.Quadratic(0.3)))
    (neurons,) = law.populations
    assert (neurons.kicks, neurons.noise, neurons.noise_kicks, neurons.current) == ((-3.0,), 0.5, (0.1,), steps)
    assert (neurons.drift(2.0), neurons.delay(0), law.dead_time, law.refractory_time) == (3.7, 0.2, 0.3, 0.0)
    law = law_of(fl.RandomThresholdLIF(b=8.0, eps=0.25, tau=0.5))
    assert (law.escape_time, law.refractory_time, law.populations[0].kicks) == (0.25, 0.5, (8.0,))
    law = law_of(fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.125, b_II=1.0, tau=0.5, current_I=2.0))
    assert [p.kicks for p in law.populations] == [(0.5, -0.25), (0.125, -1.0)]
    assert [(p.name, p.current) for p in law.populations] == [("_E", 0.0), ("_I", 2.0)]
    assert law.populations[0].drift is law.populations[1].drift
