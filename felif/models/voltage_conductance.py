"""The kinetic integrate-and-fire neuron with a conductance: transport in v, diffusion in g."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..weakform import Axis, Conserved, Equations, Term, Unknown, drift, jump, noise
from .parameters import fixed, require_number


@dataclass(frozen=True)
class VoltageConductance:
    """Density p(v, g, t) of neurons with a synaptic conductance g.

        p_t + d/dv[(-v + g (V_E - v)) p] + gamma d/dg[(g_in + S N - g) p - a p_g] = 0,     V_R < v < V_F, g > 0
        N(t) = int (-V_F + g (V_E - V_F))_+ p(V_F, g, t) dg

    What leaves at V_F enters at V_R with the same g; there is no flux through g = 0. Conductances are in units of the
    leak, time in membrane time constants. The unknowns are p(v, g) and N.

    Parameters
    ----------
    g_in, S : float
        Input, and strength of the network.
    a, gamma : float
        Noise of g and rate of the synapses, > 0.
    v_excitatory, v_fire, v_reset : float
        V_E > V_F > V_R = 0.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: M. J. Caceres, J. A. Carrillo, L. Tao, J. Comput. Phys. 230 (2011) 1084-1099; B. Perthame, D. Salort, Kinet.
    Relat. Models 6 (2013) 841-864.

    Examples
    --------
    >>> import felif as fl
    >>> [unknown.name for unknown in fl.VoltageConductance(S=0.1).equations().unknowns]
    ['p', 'N']
    """

    g_in: float = 0.3
    S: float = 0.0
    a: float = 0.01
    gamma: float = 4.0
    v_excitatory: float = fixed(14 / 3)
    v_fire: float = fixed(1.0)
    v_reset: float = fixed(0.0)

    def __post_init__(self) -> None:
        for name in ("g_in", "S"):
            require_number(self, name, nonnegative=True)
        for name in ("a", "gamma"):
            require_number(self, name, positive=True)
        for name in ("v_excitatory", "v_fire", "v_reset"):
            require_number(self, name)
        if not 0 <= self.v_reset < self.v_fire < self.v_excitatory:
            raise ValueError(
                f"VoltageConductance: v_reset, v_fire, v_excitatory = {self.v_reset}, {self.v_fire}, "
                f"{self.v_excitatory}; allowed is 0 <= v_reset < v_fire < v_excitatory"
            )

    def equations(self) -> Equations:
        """The axes v and g, the unknowns p and N, and their terms."""
        V_E, V_F, V_R = self.v_excitatory, self.v_fire, self.v_reset
        top = {"v": V_F}
        speed = lambda x: -x.v + x.g * (V_E - x.v)
        upwards = lambda x: np.maximum(speed(x), 0.0)
        width = math.sqrt(self.a)
        threshold = V_F / (V_E - V_F)
        ends = {V_R: 1.0, V_F: 1.0}  # what has just reached the threshold: V_F - v ~ (g - threshold)^3
        axes = (
            Axis("v", V_R, V_F, scale=0.25 * (V_F - V_R), graded=ends),
            Axis("g", 0.0, math.inf, {"threshold": threshold}, scale=2 * width, graded={threshold: 1 / 3}),
        )
        unknowns = (Unknown("p", ("v", "g")), Unknown("N", (), "equals"))
        terms = (
            drift("p", "v", speed, name="drift in v"),
            jump("p", "p", lambda x: {"v": V_R}, at=top, rate=upwards, name="firing and reset"),
            drift("p", "g", lambda x: -x.g, lambda s, m: m.gamma, name="decay of g"),
            drift("p", "g", lambda x: 1.0, lambda s, m: m.gamma * (m.g_in + m.S * s.N), name="input"),
            noise("p", "g", lambda s, m: m.gamma * m.a, name="noise of g"),
            Term("N", "p", lambda p, phi, x: upwards(x) * p * phi, at=top, name="rate"),
        )
        return Equations(axes, unknowns, terms, (Conserved("mass", {"p": 1.0}),))
