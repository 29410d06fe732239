"""The adaptive integrate-and-fire neuron: a current w that grows at every spike and holds the neuron back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..weakform import Axis, Conserved, Equations, Given, Term, Unknown, drift, jump, noise
from .parameters import InputValue, fixed, require_input, require_number, require_threshold_above_reset


@dataclass(frozen=True)
class AdaptiveLIF:
    """Density p(v, w, t) of neurons with a spike-triggered adaptation w.

        p_t + d/dv[(-v + I + b Nbar - w) p] - a0 p_vv - d/dw[(w / tau_w) p] = N(w - jump, t) delta(v - V_R),     v < V_F
        p(V_F, w) = 0,      N(w) = -a0 p_v(V_F, w),      Nbar = int N dw

    At a spike v falls to V_R and w rises by `jump`. The unknowns are p(v, w), N(w), Nbar, and wbar = int w p.

    Parameters
    ----------
    jump : float
        How much w rises at a spike, >= 0.
    tau_w : float
        Time constant of w, in membrane time constants, > 0.
    b : float
        Connectivity.
    a0 : float
        Noise, > 0.
    current : float, callable or Piecewise
        I(t).
    v_reset, v_fire : float
        V_R < V_F.
    w_max : float
        w lives on [0, w_max]; what would jump beyond lands there.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: R. Brette, W. Gerstner, J. Neurophysiol. 94 (2005) 3637-3642, with a leaky drift and without subthreshold
    adaptation.

    Examples
    --------
    >>> import felif as fl
    >>> [axis.name for axis in fl.AdaptiveLIF(jump=0.5).equations().axes]
    ['v', 'w']
    """

    jump: float = fixed(0.5)
    tau_w: float = 1.0
    b: float = 0.0
    a0: float = 1.0
    current: InputValue = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    w_max: float = fixed(4.0)

    def __post_init__(self) -> None:
        require_threshold_above_reset(self)
        require_number(self, "jump", nonnegative=True)
        require_number(self, "b")
        require_input(self, "current")
        for name in ("tau_w", "a0", "w_max"):
            require_number(self, name, positive=True)

    def equations(self) -> Equations:
        """The axes v and w, the unknowns p, N, Nbar and wbar, and their terms."""
        import numpy as np

        threshold = {"v": self.v_fire}
        axes = (
            Axis("v", -math.inf, self.v_fire, {"reset": self.v_reset, "firing": self.v_fire}),
            Axis("w", 0.0, self.w_max, scale=max(self.jump, 0.25) if self.jump else 0.5),
        )
        unknowns = (
            Unknown("p", ("v", "w")),
            Unknown("N", ("w",), "holds", of="p", at=threshold),
            Unknown("Nbar", (), "equals"),
            Unknown("wbar", (), "equals"),
        )
        lands = lambda x: {"v": self.v_reset, "w": np.minimum(x.w + self.jump, self.w_max)}
        terms = (
            drift("p", "v", lambda x: -x.v - x.w, name="leak and adaptation"),
            drift("p", "v", lambda x: 1.0, lambda s, m: s.I + m.b * s.Nbar, name="input"),
            noise("p", "v", lambda s, m: m.a0, name="noise"),
            drift("p", "w", lambda x: -x.w, lambda s, m: 1 / m.tau_w, name="recovery"),
            jump("p", "N", lands, at=threshold, name="spike"),
            Term("Nbar", "N", name="activity"),
            Term("wbar", "p", lambda p, phi, x: x.w * p * phi, name="mean adaptation"),
        )
        return Equations(axes, unknowns, terms, (Conserved("mass", {"p": 1.0}),), (Given("I", "current"),))
