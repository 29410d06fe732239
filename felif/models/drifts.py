"""Drifts f(v) of a single neuron, dV = (f(V) + I) dt + noise: what stands in place of -v."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .parameters import require_number


@dataclass(frozen=True)
class Leaky:
    """f(v) = -g (v - v_rest), the leaky neuron; g = 1 and rest 0 are the lecture's -v.

    Parameters
    ----------
    conductance : float
        g, > 0.
    v_rest : float
        Where the neuron rests.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Leaky(conductance=2.0, v_rest=0.5)(1.0)
    -1.0
    """

    conductance: float = 1.0
    v_rest: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "conductance", positive=True)
        require_number(self, "v_rest")

    def __call__(self, v: Any) -> Any:
        return -self.conductance * (v - self.v_rest)


@dataclass(frozen=True)
class Quadratic:
    """f(v) = v^2 - c, the quadratic (theta) neuron; above sqrt(c) it runs away: V_F cuts the spike off, or is infinite.

    Parameters
    ----------
    offset : float
        c.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Quadratic(offset=1.0)(3.0)
    8.0
    """

    offset: float = 0.0

    def __post_init__(self) -> None:
        require_number(self, "offset")

    def __call__(self, v: Any) -> Any:
        return v * v - self.offset


@dataclass(frozen=True)
class Exponential:
    """f(v) = -v + delta exp((v - v_soft)/delta), the exponential neuron; V_F is a cut-off of the spike, or infinity.

    Parameters
    ----------
    delta : float
        Sharpness of the spike, > 0; delta -> 0 is the leaky neuron with threshold v_soft.
    v_soft : float
        Where the spike starts: f' = 0 there.

    Notes
    -----
    Source: Fourcaud-Trocme, Hansel, van Vreeswijk & Brunel, J. Neurosci. 23 (2003), eq. 2.

    Examples
    --------
    >>> import math, felif as fl
    >>> network = fl.NoisyLIF(drift=fl.Exponential(delta=0.2, v_soft=1.5), v_fire=math.inf, v_reset=1.0)
    >>> bool(fl.steady_state(fl.discretize(network, tol=1e-4)).N > 0)
    True
    """

    delta: float = 0.2
    v_soft: float = 1.5

    def __post_init__(self) -> None:
        require_number(self, "delta", positive=True)
        require_number(self, "v_soft")

    def __call__(self, v: Any) -> Any:
        return -v + self.delta * np.exp((v - self.v_soft) / self.delta)


@dataclass(frozen=True)
class Proportional:
    """sigma(x) = factor x: how activity acts on the synaptic input of a learning network (`LearningLIF`).

    Parameters
    ----------
    factor : float
        The factor.

    Examples
    --------
    >>> import felif as fl
    >>> fl.Proportional(4.0)(0.5)
    2.0
    """

    factor: float = 1.0

    def __post_init__(self) -> None:
        require_number(self, "factor")

    def __call__(self, x: Any) -> Any:
        return self.factor * x
