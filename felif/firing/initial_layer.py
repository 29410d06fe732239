"""Data that do not vanish at V_F where activity inhibits: the layer that a sharp first instant leaves.

Near V_F, with x = V_F - v and P = n_0(V_F), the half-space problem n_t - b N n_x = a n_xx has the solution

    b N = gamma sqrt(a/t),   n = P [1 - erfc(x/(2 l) + gamma)/erfc(gamma)],   l = sqrt(a t),
    sqrt(pi) gamma e^(gamma^2) erfc(gamma) = b P

(docs/theory.md, section 6); 2 gamma l / b neurons have fired by then and moved everyone by 2 gamma l. Where b P is
large and negative, N falls from infinity within a layer thinner than any cell and pushes the density away from V_F: a
run begins with l = 1e-3/P or less, at a time l^2/a that is no different from 0. The error is O(l^2).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import layers
from .over_v import OverV
from .tuning import LAYER

_DEPTHS = np.array([0.1, 0.3, 1, 2, 3, 5, 8, 12, 20])
_SPREAD = np.array([-9, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 9])


class Settled:
    """A profile after the first instant, as a density; `fired` is the part of its mass that has fired.

    Those who have fired are where they are reset, or in the refractory state and no longer in the density.
    """

    def __init__(self, problem: OverV, before: Any, kick: float) -> None:
        self._before, self._top = before, problem.top
        P = before.end / before.mass
        ((_, noise),) = layers.transport(problem, problem.point(0.0)).values()
        self._l = min(LAYER.width / P, LAYER.early * float(np.sqrt(noise[-1] * problem.tol)))
        self._l = max(self._l, LAYER.thinnest * problem.length)
        from scipy.optimize import brentq
        from scipy.special import erfcx

        self._gamma = float(brentq(lambda g: np.sqrt(np.pi) * g * erfcx(g) - kick * P, -26.0, 0.0))
        self._shift = 2 * self._gamma * self._l
        self.fired = self._shift / kick
        self._returns = layers.returns(problem)
        layer = problem.top - self._l * _DEPTHS
        count = int(np.log(problem.length / self._l) / np.log(LAYER.grading))
        # too few neurons to be resolved for themselves
        graded = problem.top - self._l * LAYER.grading ** np.arange(count)
        places = [place + np.sqrt(2) * self._l * _SPREAD for _, place in self._returns.places]
        self.breakpoints = np.concatenate([before.breakpoints + self._shift, graded])
        self.features = np.concatenate([before.features + self._shift, layer, *places])

    def __call__(self, v: np.ndarray) -> np.ndarray:
        x = self._top - v
        moved = self._before(np.minimum(v - self._shift, self._top)) / self._before.mass
        from scipy.special import erfc

        n = moved * np.maximum(1 - erfc(np.clip(x / (2 * self._l) + self._gamma, -26, 26)) / erfc(self._gamma), 0)
        width = np.sqrt(2) * self._l
        for share, place in self._returns.places:
            n = n + share * self.fired / (np.sqrt(2 * np.pi) * width) * np.exp(-(((v - place) / width) ** 2) / 2)
        for factor, form in self._returns.spread:
            n = n + factor * self.fired * form(np.ones_like(v), v[None])
        return n


def settled(problem: OverV, profile: Any) -> Settled | None:
    """The profile after the first instant; None where data and activity do not ask for it.

    That is: the density vanishes at V_F or nothing inhibits strongly; several populations; noise that grows with N.
    """
    fluxes = [s for s in problem.weak_form.scalars if s.algebraic == "flux"]
    if len(fluxes) != 1 or len(problem.field_names) != 1 or not profile.end > 0:
        return None
    kick, noise = layers.runaway(problem)
    return Settled(problem, profile, kick) if noise == 0 and kick * profile.end < LAYER.strong * profile.mass else None
