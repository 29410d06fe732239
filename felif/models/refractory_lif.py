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

    Parameters
    ----------
    b : float
        Connectivity: positive excitatory, negative inhibitory.
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
    Source: Caceres & Perthame, J. Theor. Biol. 350 (2014), eqs. 1-3.

    Examples
    --------
    >>> import felif as fl
    >>> run = fl.evolve(fl.discretize(fl.RefractoryLIF(b=1.0, tau=0.3)), fl.Gaussian(0.0, 0.25), t_end=0.5)
    >>> bool(abs(run.final.R + run.final.n.integral() - 1.0) < 1e-12)
    True
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
        """The axis v, the unknowns n, N and R, and their terms."""
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
