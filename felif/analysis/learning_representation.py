"""The representation theorem: whatever the input I(w) and the output N(w), there is a connectivity C(w) between them.

    C(w) = N(w) / r(I(w) + w sigma(Nbar)),      Nbar = int N dw

is the only one. Its mass is what it is: for C to be a probability density, N cannot be given freely, only up to its
amplitude: N = nu S, with nu a root of  int nu S / r(I + w sigma(nu int S)) dw = 1. For inhibitory networks with sigma
nondecreasing the left side increases from 0 to infinity, so there is exactly one nu; for excitatory ones one, two or
none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..given.arguments import FLAG, LEARNING, checked, number, optional
from ..given.types import Model, Profile
from ..problem import NotConverged
from .learning_output import Lines, chosen, function_of_w, lines_of
from .quadrature import roots
from .tuning import CONNECTIVITY


@dataclass(frozen=True)
class Representation:
    """The connectivity that turns the input I(w) into the output N(w) = nu S(w): methods C(w) and N(w).

    Attributes
    ----------
    Nbar, mass : float
        int N dw and int C dw.
    nu : float
        The amplitude: 1 unless it was solved for.
    shape, lines
        What C(w) and N(w) are computed from.
    """

    Nbar: float
    mass: float
    nu: float
    shape: Callable = field(repr=False)
    lines: Lines = field(repr=False)

    def C(self, w: Any) -> np.ndarray:
        """N(w) / r(I(w) + w sigma(Nbar)); inf where it overflows.

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        return _quotient(self.lines, self.shape, self.nu, self.Nbar, np.asarray(w, float))

    def N(self, w: Any) -> np.ndarray:
        """The output that is represented.

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        return self.nu * self.shape(w)


@checked(learning=LEARNING, normalise=FLAG, guess=optional(number()))
def representation(learning: Model, N: Profile, normalise: bool = False, guess: float | None = None) -> Representation:
    """The connectivity C(w) = N(w) / r(I(w) + w sigma(int N dw)) with which the input I(w) gives the output N(w).

    C is never rescaled: `.mass` = int C dw is what it is.

    Parameters
    ----------
    learning : LearningLIF
        Its eps and K play no part.
    N : callable, array or float
        A function of w, or values from w_min to w_max; >= 0.
    normalise : bool
        Only the shape S of N is kept: N = nu S, and the amplitude `.nu` is solved for so that int C dw = 1.
    guess : float
        Of nu, to choose by where there are several (`amplitudes` returns all of them).

    Returns
    -------
    Representation
        `.C(w)`, `.N(w)`, `.mass`, `.Nbar`, `.nu`.

    Raises
    ------
    ValueError
        For an N that is negative, not finite, or zero everywhere.
    NotConverged
        Where no nu does that (an excitatory network too strongly coupled), or several do and no guess chooses.

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.0, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> found = fl.representation(learning, lambda w: 1.0 + w, normalise=True)
    >>> round(found.mass, 12)
    1.0
    """
    shape = function_of_w(learning, N, "N", nonnegative=True)
    lines = lines_of(learning, shape)
    total = _total(lines, shape)
    nu = 1.0
    if normalise:
        found = _amplitudes(lines, shape, total)
        if not found:
            raise NotConverged(
                "no amplitude nu makes int nu S / r(I + w sigma(nu int S)) dw = 1, which stays below 1: a network of "
                "mass 1 cannot have an output of this shape. Weaken sigma, or give S less weight at large w."
            )
        nu = chosen(tuple(found), found, guess, "nu")
    return Representation(nu * total, _mass(lines, shape, nu, total), nu, shape, lines)


def amplitudes(learning: Any, S: Any) -> tuple[float, ...]:
    """All nu > 0 with which N = nu S belongs to a connectivity of mass 1, sorted; possibly none."""
    shape = function_of_w(learning, S, "S", nonnegative=True)
    lines = lines_of(learning, shape)
    return tuple(_amplitudes(lines, shape, _total(lines, shape)))


def _total(lines: Lines, shape: Callable) -> float:
    total = lines.integral(shape)
    if not 0 < total < np.inf:
        raise ValueError(f"N has the integral {total}; allowed is an output with a positive, finite integral")
    return total


def _quotient(lines: Lines, shape: Callable, nu: float, Nbar: float, w: np.ndarray) -> np.ndarray:
    """nu S/r, from logarithms: 1/r overflows long before their product."""
    S = shape(w)
    with np.errstate(over="ignore", divide="ignore"):
        log = np.log(np.abs(S)) + np.log(nu) - lines.log_rate(w, Nbar)
        return np.sign(S) * np.exp(log)


def _mass(lines: Lines, shape: Callable, nu: float, total: float, rtol: float = 1e-14) -> float:
    return lines.integral(lambda w: _quotient(lines, shape, nu, nu * total, w), rtol)


def _amplitudes(lines: Lines, shape: Callable, total: float) -> list[float]:
    """Roots of log mass over log nu, from where it is a straight line of slope 1."""

    def f(u: float, rtol: float = CONNECTIVITY.scan) -> float:
        return float(
            np.clip(np.log(_mass(lines, shape, np.exp(u), total, rtol) + 1e-300), -CONNECTIVITY.most, CONNECTIVITY.most)
        )

    low = -np.log(total)  # Nbar = 1
    while f(low) >= 0:
        low -= 1 + 0.5 * abs(f(low))
    found = roots(f, low - 2, low + 25, polish=lambda u: f(u, 1e-14))
    return [float(np.exp(u)) for u in found]
