"""How large a step may be: the norm of the error, the controller, the first step."""

from __future__ import annotations

import math

import numpy as np

from ..problem import Problem
from .tuning import CONTROL


class ErrorNorm:
    """Size of an error relative to the tolerance; 1 is the largest that is accepted.

        max( max|err| / (atol + rtol max|y|),   max_s |ds/dy . err| / (atol + rtol (|s| + floor + count / h)) )

    The first part is relative to the whole density, because its tail below V_F has no accuracy of its own to keep. The
    second keeps every scalar (N, R) to rtol of itself: N reads the slope in the boundary layer, where the density
    nearly vanishes and the first part sees nothing. Below `floor` a rate counts as small. `count` is the fraction of
    neurons whose firing within one step h counts as little in the same sense: where data do not vanish at V_F, N starts
    from infinity. It is `rising` while a scalar rises, most of all where the noise grows with N.

    Where the drift alone carries neurons to V_F and noise is small (`problem.arrivals`: f, share), a third part treats
    the flux f n as the rate that it is going to be, max_i |f_i err_i| / (arriving rtol (|f_i n_i| + floor + share
    max|f n|)): a volley that is wrong when it sets out is wrong when it arrives, however small the steps are then.

    `rtol` here is the user's times the tableau's `caution`, how much the estimate overstates the error of N.
    """

    def __init__(self, problem: Problem, rtol: float, atol: float, newton_target: float) -> None:
        self.problem, self.rtol, self.atol, self.newton_target = problem, rtol, atol, newton_target
        self._has_scalars = len(problem.scalar_names) > 0
        self._arrivals = problem.arrivals
        self.of_step(np.inf)

    def at(self, t: float, y: np.ndarray, scalars: np.ndarray, gradient: np.ndarray | None = None) -> None:
        """Moves the point the error is measured at. `scalars` are the ones of (t, y)."""
        self.size = _largest(y)
        self._y_weight = 1.0 / (self.atol + self.rtol * self.size + 1e-300)
        if self._has_scalars:
            self.gradient = self.problem.scalar_changes(t, y) if gradient is None else gradient
            self._s_size = (np.abs(scalars) + CONTROL.floor).tolist()
        arriving = None if self._arrivals is None else self._arrivals(t)
        self._flux_weights = None
        if arriving is not None:
            drift, share = arriving
            flux = drift * np.abs(y)
            small = CONTROL.floor + share * float(flux.max())
            self._flux_weights = drift / (self.atol + CONTROL.arriving * self.rtol * (flux + small))

    def of_step(self, h: float, rising: np.ndarray | None = None) -> None:
        """Says whose error is measured: that of a step h, in which these scalars rise (by default none)."""
        rises = [False] * len(self.problem.scalar_names) if rising is None else rising.tolist()
        self._counts = [(CONTROL.rising if up else CONTROL.count) / h for up in rises]

    def of_change(self, change: np.ndarray) -> float:
        size = _largest(change) * self._y_weight
        if self._flux_weights is not None:
            flux = float(np.abs(self._flux_weights * change).max())
            size = size if flux <= size else flux  # a NaN comes out as a NaN
        if not self._has_scalars:
            return size
        effects = (self.gradient @ change).tolist()
        parts = [
            abs(effect) / (self.atol + self.rtol * (scale + count))
            for effect, scale, count in zip(effects, self._s_size, self._counts, strict=True)
        ]
        part = max(parts) if sum(parts) < np.inf else sum(parts)
        return part if not part <= size else size  # here too

    def first_step(self, slope: np.ndarray, scalars: np.ndarray, span: float) -> float:
        """0.01 of the shortest time in which y, or a scalar, changes by itself at this slope.

        At most 0.01 of the time `span` to be covered; from y = 0, where nothing can be said, 1e-6 of it.
        """
        change = _largest(slope)
        fastest = change / self.size if self.size > 0 else 1.0 / (CONTROL.from_nothing * span) if change > 0 else 0.0
        if self._has_scalars:
            fastest = max(fastest, float((np.abs(self.gradient @ slope) / (np.abs(scalars) + CONTROL.floor)).max()))
        return min(CONTROL.first / fastest if fastest > 0 else np.inf, CONTROL.first_of_span * span)

    def notices_jump(self, before: float, behind: float, y: np.ndarray, h: float) -> bool:
        """Whether what jumps between two times that are next to each other moves more than the tolerance in a step."""
        try:
            left, right = (self.problem.rate(t, y) for t in (before, behind))
        except ArithmeticError:
            return True
        held = float(np.abs(self.problem.mass @ y).sum())
        return not h * float(np.abs(right - left).sum()) <= self.rtol * held + self.atol


class Controller:
    """Predictive controller: h_new = h * 0.9 (1/err)^(1/k) trend, trend = (h/h_old) (err_old/err)^(1/k), k = order + 1.

    The trend continues that of the steps: near blow-up they shrink by a steady factor, which a controller that looks
    at the last error alone only learns from rejections. A trend upwards is believed at the start, where steps grow by
    orders of magnitude (N ~ t^(-1/2) after data that do not vanish at V_F), and in part, trend^upward; later it would
    be refused too often. A step grows at most `largest` times, the first one `after_first` times, and by a power of 2:
    its error is hardly more than rounding, which is to decide nothing. `tuning.Control` has these numbers.
    Source: K. Gustafsson, ACM Trans. Math. Software 20 (1994) 496-517.
    """

    def __init__(self, error_order: int) -> None:
        self._exponent = 1.0 / (error_order + 1)
        self.error = self.step = 0.0  # of the last accepted step; 0 when there is none to compare with
        self.rejected = False  # a step just rejected must not grow again at once
        self.starting = True  # no step has been shorter than the one before

    def accepted(self, step: float, error: float) -> float:
        """Factor for the next step."""
        first = not self.step > 0
        error = max(error, CONTROL.least_first_error if first else CONTROL.least_error)
        factor, largest = CONTROL.safety * error**-self._exponent, CONTROL.after_first
        if first:
            factor = 2.0 ** math.floor(math.log2(factor))
        else:
            trend = step / self.step * (self.error / error) ** self._exponent
            factor *= trend if trend < 1.0 else trend**CONTROL.upward if self.starting else 1.0
            largest = CONTROL.largest
        factor = min(max(factor, CONTROL.smallest), 1.0 if self.rejected else largest)
        self.starting = self.starting and not self.rejected and factor >= 1.0
        self.error, self.step, self.rejected = max(error, CONTROL.least_kept), step, False
        return factor

    def refused(self, error: float) -> float:
        """Factor for the next attempt."""
        self.rejected = True
        factor = CONTROL.safety * error**-self._exponent
        return max(CONTROL.refused_smallest, min(CONTROL.refused_largest, factor))


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values).max())
