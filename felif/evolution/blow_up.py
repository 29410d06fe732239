"""Recognising that a solution ceases to exist, and when."""

from __future__ import annotations

import numpy as np

from ..problem import BlowUp
from .tuning import WATCH


class BlowUpWatch:
    """Follows N over the accepted steps while it rises and extrapolates it to its pole.

    Close to blow-up dt/dN = A N^-3 with a slowly varying A = A_0 + B log(N/N_0) (A is constant for N ~ (T - t)^(-1/2);
    networks with constant noise have a logarithm). A straight line through the last factor 30 of N gives, from N_0 on,

        T - t_0 = (A_0/2 + B/4) / N_0^2,      int N dt = (A_0 + B) / N_0,      exponent  1/2 + B / (4 A_0).

    `shift` estimates the error of T made by the steps: an error of relative size e in N at time t moves the pole by
    2 e (T - t), summed over the accepted steps; an estimate of e that is small by luck counts as a twentieth of the
    tolerance. Exact for y' = y^3 with TRBDF2; in networks, which forget errors made early, 4 to 100 times too large.
    """

    def __init__(self, N_max: float) -> None:
        self.N_max = N_max
        self.times: list[float] = []
        self.rates: list[float] = []
        self.before: list[tuple[float, float]] = []  # times and rates of the steps before N fell for the last time
        self.errors = np.zeros(2)  # sum of e and of e t over the accepted steps
        self.on_new_mesh = False  # nothing is recorded there yet

    def record(self, t: float, N: float, error: float, rtol: float) -> None:
        """N at an accepted time, and the error of the step to it relative to the tolerance rtol."""
        counted = max(error, WATCH.least) * rtol
        self.errors += (counted, counted * t)
        if self.on_new_mesh and self.rates and WATCH.nearly * self.rates[-1] < N:
            while self.rates and not N > self.rates[-1]:
                self.times.pop(), self.rates.pop()
        self.on_new_mesh = False
        if self.rates and not N > self.rates[-1] > 0:  # below 0 N is rounding, where nobody fires
            self.before = [*self.before, *zip(self.times, self.rates, strict=True)][-WATCH.kept :]
            self.times.clear()
            self.rates.clear()
        self.times.append(t)
        self.rates.append(N)
        if len(self.rates) > 2 * WATCH.kept:
            self._thin()

    def record_many(self, times: np.ndarray, rates: np.ndarray, errors: np.ndarray, rtol: float) -> None:
        """`record` of many steps; the law is fitted to more of the last ones."""
        before = self.rates[-1] if self.rates else -np.inf
        if not (np.diff(rates, prepend=before) > 0).all() or min(before, rates[0]) <= 0:
            for t, N, error in zip(times.tolist(), rates.tolist(), errors.tolist(), strict=True):
                self.record(t, N, error, rtol)
            return
        counted = np.maximum(errors, WATCH.least) * rtol
        self.errors += (counted.sum(), counted @ times)
        self.times += times.tolist()
        self.rates += rates.tolist()
        if len(self.rates) > 2 * WATCH.kept:
            self._thin()

    def _thin(self) -> None:
        """Every second of the older ones goes: the law is fitted over a factor of N, however many steps that takes."""
        del self.times[1 : -WATCH.kept : 2], self.rates[1 : -WATCH.kept : 2]

    @property
    def rising(self) -> bool:
        """N has risen over three steps or more."""
        return len(self.rates) > 3

    @property
    def beyond(self) -> bool:
        """N is larger than any bound and still rising; a large N that falls (incompatible data) is none."""
        return self.rising and self.rates[-1] > self.N_max

    def risen(self, t: float, N: float) -> bool:
        """N is larger than any bound and has doubled at least, with ups and downs where the mesh is too wide for it."""
        return self.N_max < N and self._doubling(t, N) > 0

    @property
    def lawful(self) -> bool:
        """N rises as towards a blow-up, with an exponent near 1/2 lately and for longer; a transient does not.

        Three points have any exponent; a transient may rise by a factor of WATCH.short in fewer steps.
        """
        rates = self.rates
        if not (self.rising and 0 < WATCH.long * rates[0] < rates[-1] < WATCH.short * rates[-4]):
            return False
        return all(abs(self._law(factor)[2] - 0.5) < WATCH.near for factor in (WATCH.long, WATCH.short))

    @property
    def left(self) -> float:
        """Time left until the pole that N rises to; inf where it does not rise."""
        return self._law(WATCH.long)[0] if self.rising and self.rates[-1] > 0 else np.inf

    def estimate(self, t: float, N: float, message: str) -> BlowUp:
        """The blow-up for a run that stopped at time t with rate N."""
        if not self.rates:
            return BlowUp(t, 0.0, N, message)
        if not self.rising or N <= 0:
            left, shift = self._doubling(t, N), self._shift(t)
            return BlowUp(t, left + shift + float(np.spacing(abs(t))), N, message, steps=shift)
        remaining, spikes, exponent = self._law(WATCH.long)
        other, *_ = self._law(WATCH.short)
        pole = t + remaining
        shift = self._shift(pole)
        error = remaining + abs(remaining - other) + shift + 4 * float(np.spacing(abs(pole)))
        return BlowUp(pole, float(error), N, message, exponent=exponent, remaining=spikes, steps=float(shift))

    def _shift(self, pole: float) -> float:
        return float(2 * abs(pole * self.errors[0] - self.errors[1]))

    def _doubling(self, t: float, N: float) -> float:
        """Time in which N has doubled, three times what is left of N ~ (T - t)^(-1/2): N went up and down on its way.

        So it does where the mesh is as wide as the layer below V_F. 0 where N only fell, from data with a jump there.
        """
        earlier = [*self.before, *zip(self.times, self.rates, strict=True)]
        return next((t - time for time, rate in reversed(earlier) if rate < N / 2), 0.0)

    def _law(self, factor: float) -> tuple[float, float, float]:
        """(T - t_0, int N dt over it, local exponent of N) from the last `factor` of N."""
        N = np.array(self.rates)
        first = min(int(np.searchsorted(N, N[-1] / factor)), len(N) - 3)
        N, times = N[first:], np.array(self.times)[first:]
        A = 2 * np.diff(times) / -np.diff(N**-2.0)
        position = np.log(np.sqrt(N[1:] * N[:-1]) / N[-1])
        B, A0 = _line(position, A) if len(A) > 2 else (0.0, A[-1])
        exponent = 0.5 + B / (4 * A0)
        if not A0 / 2 + B / 4 > 0:
            B, A0 = 0.0, abs(A[-1])
        return float((A0 / 2 + B / 4) / N[-1] ** 2), float((A0 + B) / N[-1]), float(exponent)

    def to_arrays(self) -> dict[str, np.ndarray]:
        before = np.array(self.before).reshape(-1, 2)
        found = {"watch_times": np.array(self.times), "watch_rates": np.array(self.rates), "watch_errors": self.errors}
        return {**found, "watch_before": before, "watch_on_new_mesh": np.array(self.on_new_mesh)}

    def restore(self, arrays) -> None:
        self.times, self.rates = arrays["watch_times"].tolist(), arrays["watch_rates"].tolist()
        self.errors = np.array(arrays["watch_errors"])
        self.before = [(t, N) for t, N in np.asarray(arrays.get("watch_before", np.empty((0, 2)))).tolist()]
        self.on_new_mesh = bool(arrays.get("watch_on_new_mesh", False))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """(slope, value at 0) of the straight line nearest to y."""
    middle, mean = x.mean(), y.mean()
    away = x - middle
    slope = float(away @ (y - mean) / (away @ away))
    return slope, float(mean - slope * middle)
