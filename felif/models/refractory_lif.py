"""The noisy integrate-and-fire network with a refractory state (Caceres & Perthame 2014)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..weakform import Conserved, Equations, Given, Unknown
from . import terms
from .drifts import Leaky
from .parameters import InputValue, fixed, require_network, require_number


@dataclass(frozen=True)
class RefractoryLIF:
    """NoisyLIF in which a neuron rests after firing, for an exponential time of mean tau: R(t) is the resting fraction.

        n_t + [(f(v) + I(t) + b N) n]_v - (a0 + a1 N) n_vv = (R/tau) delta(v - V_R),     v < V_F
        n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t),      dR/dt + R/tau = N,      int n dv + R = 1

    Source: Caceres & Perthame, J. Theor. Biol. 350 (2014), eqs. 1-3.
    """

    b: float = 0.0
    tau: float = 0.1
    a0: float = 1.0
    a1: float = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    current: InputValue = 0.0
    drift: Callable = fixed(Leaky())

    def __post_init__(self) -> None:
        require_network(self)
        require_number(self, "tau", positive=True)

    def equations(self) -> Equations:
        return Equations(
            (terms.potentials(self),),
            (*terms.density(self), Unknown("R")),
            (
                terms.drift(self.drift),
                terms.current(lambda s, m: s.I + m.b * s.N),
                terms.noise(lambda s, m: m.a0 + m.a1 * s.N),
                terms.firing(self),
                terms.returning(self, lambda s, m: s.R / m.tau),
                *terms.waiting(),
            ),
            (Conserved("total", {"n": 1.0, "R": 1.0}),),
            (Given("I", "current"),),
        )
