"""The noisy leaky integrate-and-fire network (Caceres, Carrillo & Perthame 2011)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..weakform import Conserved, Delayed, Equations, Given, Term, Unknown
from . import terms
from .drifts import Leaky
from .parameters import InputValue, fixed, require_network, require_number


@dataclass(frozen=True)
class NoisyLIF:
    """Density n(v,t) of membrane potentials of a network of noisy integrate-and-fire neurons, and its firing rate N(t).

        n_t + [(f(v) + I(t) + b N) n]_v - (a0 + a1 N) n_vv = N(t) delta(v - V_R),     v < V_F
        n(V_F, t) = 0,      N(t) = -(a0 + a1 N) n_v(V_F, t),      int n dv = 1

    With a delay d > 0 the drift holds b N(t - d) instead. With a dead time D > 0 (Brunel's refractory period) a neuron
    is silent, at no potential, for the time D after a spike: the source is N(t - D) delta(v - V_R), R(t) is the silent
    fraction, dR/dt = N(t) - N(t - D), and int n dv + R = 1. R is an unknown of models with D > 0 only, so that
    `problem.at` cannot change D from or to 0. Time is in units of the membrane time constant.

    Parameters
    ----------
    b : float
        Connectivity: positive excitatory, negative inhibitory.
    a0, a1 : float
        Noise a0 + a1 N, with a0 > 0 and a1 >= 0; a0 = sigma^2/2 of dV = ... + sigma dW.
    v_reset, v_fire : float
        V_R < V_F. `math.inf` is a threshold for drifts that get there in a finite time (Exponential, Quadratic): N is
        the flux at infinity.
    current : float, callable, Piecewise or Sampled
        I(t).
    drift : callable
        f, a function of v; f = -v by default.
    delay, dead_time : float
        d and D, in membrane time constants, >= 0.
    noise_delay : float
        Of the noise, a0 + a1 N(t - noise_delay), >= 0.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Sources: Caceres, Carrillo & Perthame, J. Math. Neurosci. 1:7 (2011), eqs. 1.1-1.4; for the dead time Brunel,
    J. Comput. Neurosci. 8 (2000), section 3.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5))
    >>> round(fl.steady_state(problem).N, 6)
    0.134775
    """

    b: float = 0.0
    a0: float = 1.0
    a1: float = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    current: InputValue = 0.0
    drift: Callable = fixed(Leaky())
    delay: float = 0.0
    dead_time: float = 0.0
    noise_delay: float = 0.0

    def __post_init__(self) -> None:
        require_network(self)
        for name in ("delay", "dead_time", "noise_delay"):
            require_number(self, name, nonnegative=True)

    def equations(self) -> Equations:
        """The axis v, the unknowns n and N (and R), and their terms."""
        inputs, conserved = [Given("I", "current")], Conserved("mass", {"n": 1.0})
        recurrent = lambda s, m: s.I + m.b * s.N
        unknowns, spikes = terms.density(self), (terms.reset(self),)
        if self.delay > 0:
            inputs.append(Delayed("N_delayed", "N", "delay"))
            recurrent = lambda s, m: s.I + m.b * s.N_delayed
        level = lambda s, m: m.a0 + m.a1 * s.N
        if self.noise_delay > 0:
            inputs.append(Delayed("N_of_noise", "N", "noise_delay"))
            level = lambda s, m: m.a0 + m.a1 * s.N_of_noise
        if self.dead_time > 0:
            inputs.append(Delayed("N_returning", "N", "dead_time"))
            unknowns, conserved = (*unknowns, Unknown("R")), Conserved("total", {"n": 1.0, "R": 1.0})
            silent = Term("R", coefficient=lambda s, m: s.N - s.N_returning, name="silent")
            spikes = (terms.firing(self), terms.returning(self, lambda s, m: s.N_returning), silent)
        transport = (terms.drift(self.drift), terms.current(recurrent), terms.noise(level))
        return Equations((terms.potentials(self),), unknowns, (*transport, *spikes), (conserved,), tuple(inputs))
