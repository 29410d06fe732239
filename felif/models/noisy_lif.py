"""The noisy leaky integrate-and-fire network (Caceres, Carrillo & Perthame 2011)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..weakform import Conserved, Field, Input, Scalar, WeakForm
from . import terms
from .drifts import Leaky
from .parameters import InputValue, fixed, require_network, require_number
from .particle_law import ParticleLaw, one_population


@dataclass(frozen=True)
class NoisyLIF:
    """Density n(v,t) of membrane potentials of a network of noisy integrate-and-fire neurons, and its firing rate N(t).

        n_t + [(f(v) + I(t) + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),     v < V_F
        n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t),      int n dv = 1

    With a delay d > 0 the drift holds b N(t - d) instead.

    b: connectivity (> 0 excitatory, < 0 inhibitory); a0, a1: noise (a0 = sigma^2/2 of dV = ... + sigma dW);
    current: I, a number, a function of t, or Piecewise; drift: f, a function of v (leaky, f = -v, by default).
    v_fire = math.inf, for drifts that get there in a finite time (Exponential, Quadratic): N is the flux at infinity.
    Time is in units of the membrane time constant.

    Source: Caceres, Carrillo & Perthame, J. Math. Neurosci. 1:7 (2011), eqs. 1.1-1.4.
    """

    b: float = 0.0
    a0: float = 1.0
    a1: float = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    current: InputValue = 0.0
    drift: Callable = fixed(Leaky())
    delay: float = 0.0

    def __post_init__(self) -> None:
        require_network(self)
        require_number(self, "delay", nonnegative=True)

    def particle_law(self) -> ParticleLaw:
        return one_population(self, delay=self.delay)

    def weak_form(self) -> WeakForm:
        inputs: tuple[Input, ...] = (Input("I", "current"),)
        recurrent = terms.current(lambda s, m: s.I + m.b * s.N)
        if self.delay > 0:
            inputs += (Input("N_delayed", "delay", of="N"),)
            recurrent = terms.current(lambda s, m: s.I + m.b * s.N_delayed)
        return WeakForm(
            unknowns=(Field("n"), Scalar("N", algebraic="flux", of="n", over="firing")),
            inputs=inputs,
            terms=(
                terms.drift(self.drift),
                recurrent,
                terms.noise(lambda s, m: m.a0 + m.a1 * s.N),
                terms.firing(lambda s, m: s.N),
                terms.reset(lambda s, m: s.N),
            ),
            conserved=(Conserved("mass", {"n": 1.0}),),
        )
