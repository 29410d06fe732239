"""The network that learns: a density of potentials and synaptic weights (Perthame, Salort & Wainrib 2017)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np

from ..given.arguments import shown
from ..given.inputs import is_of_user
from ..given.types import Profile
from ..weakform import Axis, Conserved, Equations, Term, Unknown, drift
from . import terms
from .drifts import Leaky
from .parameters import along_the_real_axis, fixed, require_number, require_profile, require_threshold_above_reset


@dataclass(frozen=True)
class LearningLIF:
    """Density p(v, w, t) of membrane potentials and synaptic weights under a Hebbian learning rule.

        p_t + [(-v + I(w) + w sigma(Nbar)) p]_v + eps [(Phi - w) p]_w - a0 p_vv = N(w,t) delta(v - V_R),   v < V_F
        p(V_F, w, t) = 0,    N(w,t) = -a0 p_v(V_F, w, t),    Nbar(t) = int N dw,    Phi(w,t) = K(w) N(w,t) Nbar(t)

    for w_min < w < w_max, with no flux through both ends of that interval, and int int p dv dw = 1; the connectivity is
    C(w,t) = int p dv. There is no diffusion in w. Time is in units of the membrane time constant.

    Weights w < 0 are inhibitory, and grow where K < 0; weights w > 0 are excitatory, and grow where K > 0; where K has
    the other sign everything drains to w = 0. With learning the interval contains 0, for weights without activity decay
    to 0.

    Parameters
    ----------
    eps : float
        Speed of learning; 0: none, every C(w) stays as it is.
    K, current : float, array or callable
        Learning rule K(w) and input signal I(w): functions of w, numbers, or values at equidistant points from w_min to
        w_max (linear in between), evaluated at real arguments only.
    sigma : callable
        Response to the activity, a function of Nbar, evaluated at real arguments only.
    w_min, w_max : float
        Ends of the weights.
    a0 : float
        Noise, > 0.
    v_reset, v_fire : float
        V_R < V_F.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: Perthame, Salort & Wainrib, "Distributed synaptic weights in a LIF neural network and learning rules",
    Physica D 353-354 (2017); the equation as in Perthame's lectures.

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.2, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> learning.w_min, learning.w_max
    (-1.0, 0.0)
    """

    eps: float
    K: Profile
    sigma: Callable
    current: Profile
    w_min: float = fixed(-1.0)
    w_max: float = fixed(0.0)
    a0: float = 1.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)

    def __post_init__(self) -> None:
        require_threshold_above_reset(self)
        require_number(self, "eps", nonnegative=True)
        require_number(self, "a0", positive=True)
        require_number(self, "w_min")
        require_number(self, "w_max")
        if self.w_min >= self.w_max:
            raise ValueError(
                f"LearningLIF: w_min = {self.w_min!r} is not below w_max = {self.w_max!r}; allowed is w_min < w_max"
            )
        if self.eps > 0 and not self.w_min <= 0 <= self.w_max:
            raise ValueError(
                f"LearningLIF: w_min = {self.w_min!r}, w_max = {self.w_max!r}; allowed with learning (eps = "
                f"{self.eps!r} > 0) is an interval that contains 0, towards which idle weights decay"
            )
        for name in ("K", "current"):
            require_profile(self, name, float(self.w_min), float(self.w_max))
        _require_response(self)

    def equations(self) -> Equations:
        """The axes v and w, the unknowns p, N(w), Nbar and C(w), and their terms."""
        return Equations(
            (terms.potentials(self), Axis("w", self.w_min, self.w_max)),
            (*terms.density(self, "p", "N", ("w",)), Unknown("Nbar", (), "equals")),
            (
                terms.drift(Leaky(), "p"),
                terms.current(lambda s, m: m.current(s.w) + s.w * along_the_real_axis(m.sigma, s.Nbar), "p"),
                terms.noise(lambda s, m: m.a0, "p"),
                terms.reset(self, "p"),
                drift("p", "w", lambda x: 1.0, lambda s, m: m.eps * (m.K(s.w) * s.N * s.Nbar - s.w), name="learning"),
                Term("Nbar", "N", name="total rate"),
            ),
            (Conserved("mass", {"p": 1.0}),),
        )


def _require_response(model: LearningLIF) -> None:
    """sigma is a function of a number, finite where activities lie."""
    if not callable(model.sigma):
        raise ValueError(f"LearningLIF: sigma = {shown(model.sigma)}; allowed is a function of Nbar")
    for x in (0.0, 0.5, 2.0):
        try:
            value = model.sigma(x)
        except TypeError as error:
            if is_of_user(error):
                raise
            raise ValueError(f"LearningLIF: sigma({x}) fails: {error}; allowed is a function of a number") from error
        if not isinstance(value, Real) or not np.isfinite(float(value)):
            raise ValueError(f"LearningLIF: sigma({x}) = {value!r}; allowed is a function with finite values")
