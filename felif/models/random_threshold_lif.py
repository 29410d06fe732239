"""The network with a random firing threshold and a refractory state: spontaneous activity."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..weakform import Conserved, Equations, Given, Term, Unknown
from . import terms
from .drifts import Leaky
from .parameters import InputValue, fixed, require_network, require_number


@dataclass(frozen=True)
class RandomThresholdLIF:
    """Neurons above V_F fire at rate 1/eps instead of at once; solutions are globally bounded and may oscillate.

        n_t + [(f(v) + I(t) + b N) n]_v - (a0 + a1 N) n_vv + (n/eps) 1_{v > V_F} = (R/tau) delta(v - V_R),   v real
        N(t) = int_{v > V_F} n/eps dv,      dR/dt + R/tau = N,      int n dv + R = 1

    (The lecture's slide writes N with a minus sign, a misprint.)

    Parameters
    ----------
    b : float
        Connectivity: positive excitatory, negative inhibitory.
    eps : float
        Mean time that a neuron spends above V_F before it fires, > 0.
    tau : float
        Mean time at rest, in membrane time constants, > 0.
    a0, a1 : float
        Noise a0 + a1 N, with a0 > 0 and a1 >= 0.
    v_reset, v_fire : float
        V_R < V_F.
    current : float, callable or Piecewise
        I(t).
    drift : callable
        f, a function of v; f = -v by default.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: Caceres & Perthame, J. Theor. Biol. 350 (2014), section 4.

    Examples
    --------
    >>> import felif as fl
    >>> state = fl.steady_state(fl.discretize(fl.RandomThresholdLIF(b=5.0)))
    >>> round(state.N, 6)
    0.567876
    >>> state.stable
    False
    """

    b: float = 0.0
    eps: float = 0.05
    tau: float = 1.0
    a0: float = 1.0
    a1: float = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    current: InputValue = 0.0
    drift: Callable = fixed(Leaky())

    def __post_init__(self) -> None:
        require_number(self, "v_fire")
        require_network(self)
        require_number(self, "eps", positive=True)
        require_number(self, "tau", positive=True)

    def equations(self) -> Equations:
        """The axis v, on both sides of V_F, the unknowns n, N and R, and their terms."""
        above, rate = {"v": (self.v_fire, math.inf)}, lambda s, m: 1 / m.eps
        return Equations(
            (terms.potentials(self, above=True),),
            (Unknown("n", ("v",)), Unknown("N", (), "equals"), Unknown("R")),
            (
                terms.drift(self.drift),
                terms.current(lambda s, m: s.I + m.b * s.N),
                terms.noise(lambda s, m: m.a0 + m.a1 * s.N),
                Term("n", "n", lambda n, phi, x: -n * phi, rate, at=above, name="escape"),
                terms.returning(self, lambda s, m: s.R / m.tau),
                Term("N", "n", lambda n, phi, x: n * phi, rate, at=above, name="rate"),
                *terms.waiting(),
            ),
            (Conserved("total", {"n": 1.0, "R": 1.0}),),
            (Given("I", "current"),),
        )
