"""The discrimination theorem: with the same connectivity C, different inputs I and J give different outputs.

With mu_I = I + w sigma(Nbar_I), mu_J likewise, and m(w) the least slope r' between mu_I(w) and mu_J(w),

    abs(N_I - N_J) = C abs(r(mu_I) - r(mu_J)) >= C m abs(mu_I - mu_J)
                                              >= C m (abs(I - J) - abs(w) abs(sigma_I - sigma_J)).

abs(sigma_I - sigma_J) = S abs(Nbar_I - Nbar_J) <= S int abs(N_I - N_J), S the slope of sigma between the two; so,
with L = m/(1 + abs(w)) <= m,

    int abs(N_I - N_J) dw >= int L C abs(I - J) dw / (1 + S int L C abs(w) dw).

r' has no minimum inside an interval: for a0 >= (V_F - V_R)^2/12 the rate r is convex; for weaker noise r'' changes its
sign once, from + to - (seen numerically for a0 from 1e-3 to 20). So m is the smaller one of the slopes at both ends.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..algebra.roots import roots_between
from ..given.arguments import LEARNING, checked
from ..given.types import Model, Profile
from .learning_output import Lines, StationaryOutput, function_of_w, lines_of, stationary_output


@dataclass(frozen=True)
class Discrimination:
    """Both sides of  int abs(N_I - N_J) dw >= int L C abs(I - J) dw / (1 + S int L C abs(w) dw); a method L(w).

    Attributes
    ----------
    left, right : float
        The two sides; ratio = left/right >= 1 (1 where both are zero: the inputs agree where C > 0).
    slope : float
        S, that of sigma between the two total activities.
    first, second : StationaryOutput
        For I and for J.
    """

    left: float
    right: float
    slope: float
    first: StationaryOutput = field(repr=False)
    second: StationaryOutput = field(repr=False)

    @property
    def ratio(self) -> float:
        """left/right, at least 1; inf where nothing is bounded."""
        if self.left == self.right:
            return 1.0
        return float(np.divide(self.left, self.right)) if self.right else np.inf

    def L(self, w: Any) -> np.ndarray:
        """The weight of the distance on the left: the smaller slope of both rates over 1 + |w|.

        Parameters
        ----------
        w : float or array
            Synaptic weights.

        Returns
        -------
        array
        """
        w = np.asarray(w, float)
        ends = [state.lines.slope(state.centre(w)) for state in (self.first, self.second)]
        return np.minimum(*ends) / (1 + np.abs(w))


@checked(learning=LEARNING)
def discrimination(
    learning: Model,
    C: Profile,
    I: Any,
    J: Any,
    guess: float | tuple[float, float] | None = None,  # noqa: E741
) -> Discrimination:
    """How much the outputs for two inputs I(w), J(w) differ, against the lower bound of the theorem.

        int abs(N_I - N_J) dw >= int L C abs(I - J) dw / (1 + S int L C abs(w) dw),      ratio = left/right >= 1

    Parameters
    ----------
    learning : LearningLIF
        Gives sigma and the neuron; its own input, eps and K play no part.
    C, I, J : callable, array or float
        Connectivity and the two inputs: functions of w, numbers, or values from w_min to w_max.
    guess : float or pair
        Of Nbar (one for both, or a pair), to choose by where an input has several outputs.

    Returns
    -------
    Discrimination
        `.left`, `.right`, `.ratio`, `.first`, `.second`.

    Raises
    ------
    NotConverged
        Where an input has no stationary output, or several and no guess.

    Examples
    --------
    >>> import felif as fl
    >>> learning = fl.LearningLIF(eps=0.0, K=-1.0, sigma=fl.Proportional(4.0), current=1.5)
    >>> fl.discrimination(learning, C=1.0, I=1.5, J=1.0).ratio >= 1
    True
    """
    C = function_of_w(learning, C, "C", nonnegative=True)
    inputs = function_of_w(learning, I, "I"), function_of_w(learning, J, "J")
    guesses = guess if isinstance(guess, tuple) else (guess, guess)
    states = [
        stationary_output(_Listening(learning, current), C, g) for current, g in zip(inputs, guesses, strict=True)
    ]
    first, second = states
    lines = lines_of(_Listening(learning, inputs[0]), inputs[1], C)
    slope = _between(lines.sigma, first.Nbar, second.Nbar)
    found = Discrimination(0.0, 0.0, slope, first, second)
    kinks = _sign_changes(lines, lambda w: inputs[0](w) - inputs[1](w))
    kinks += _sign_changes(lines, lambda w: first.centre(w) - second.centre(w))
    lines = dataclasses.replace(lines, breaks=tuple(sorted({*lines.breaks, *kinks})))
    left = lines.integral(lambda w: np.abs(first.N(w) - second.N(w)))
    apart = lines.integral(lambda w: found.L(w) * C(w) * np.abs(inputs[0](w) - inputs[1](w)))
    feedback = slope * lines.integral(lambda w: found.L(w) * C(w) * np.abs(w)) if slope else 0.0
    return dataclasses.replace(found, left=left, right=apart / (1 + feedback))


class _Listening:
    """A model with another input."""

    def __init__(self, learning: Any, current: Callable) -> None:
        self._learning, self.current = learning, current

    def __getattr__(self, name: str) -> Any:
        return getattr(self._learning, name)


def _between(sigma: Callable, x: float, y: float) -> float:
    """abs(sigma(x) - sigma(y)) / abs(x - y), the least constant that the proof allows; 0 for x = y."""
    return abs(float(sigma(x)) - float(sigma(y))) / abs(x - y) if x != y else 0.0


def _sign_changes(lines: Lines, f: Callable) -> list[float]:
    """Where f changes sign: kinks of its absolute value, found among 256 intervals (others cost the integral time)."""
    w = np.unique([*np.linspace(lines.w_min, lines.w_max, 257), *lines.breaks])
    w = w[(w >= lines.w_min) & (w <= lines.w_max)]
    return roots_between(lambda x: float(f(np.array(x))), w, f(w))
