"""Recognising that a solution ceases to exist, and when."""

from __future__ import annotations

import numpy as np

from ..problem import BlowUp


class BlowUpWatch:
    """Follows N over the accepted steps while it rises and extrapolates N ~ (T - t)^(-1/2) to its pole.

    1/N^2 falls linearly to 0 at T under that law; the secant over the last doubling of N gives T, the one over the
    doubling before gives a second value, and their difference measures what the law leaves out (a logarithm).
    `shift` estimates the error of T made by the steps: an error of relative size e in N at time t moves the pole by
    2 e (T - t), summed over the accepted steps; an estimate of e that is small by luck counts as a tenth of the
    tolerance. Exact for y' = y^3 with TRBDF2; in networks, which forget errors made early, 4 to 100 times too large.
    """

    KEPT = 64
    LEAST = 0.1

    def __init__(self, N_max: float) -> None:
        self.N_max = N_max
        self.times: list[float] = []
        self.rates: list[float] = []
        self.errors = np.zeros(2)  # sum of e and of e t over the accepted steps

    def record(self, t: float, N: float, error: float, rtol: float) -> None:
        """N at an accepted time, and the error of the step to it relative to the tolerance rtol."""
        counted = max(error, self.LEAST) * rtol
        self.errors += (counted, counted * t)
        if self.rates and not N > self.rates[-1]:
            self.times.clear()
            self.rates.clear()
        self.times.append(t)
        self.rates.append(N)
        if len(self.rates) > 2 * self.KEPT:
            del self.times[: self.KEPT], self.rates[: self.KEPT]

    @property
    def rising(self) -> bool:
        """N has risen over three steps or more."""
        return len(self.rates) > 3

    @property
    def beyond(self) -> bool:
        """N is larger than any bound and still rising; a large N that falls (incompatible data) is none."""
        return self.rising and self.rates[-1] > self.N_max

    def estimate(self, t: float, N: float, message: str) -> BlowUp:
        """The blow-up for a run that stopped at time t with rate N."""
        if not self.rising or N <= 0:
            return BlowUp(t, 0.0 if not self.rates else float(np.spacing(abs(t))), N, message)
        times, u = np.array(self.times), np.array(self.rates) ** -2.0
        near = self._pole(times, u, 4.0)
        far = self._pole(times, u, 16.0)
        remaining = near - t
        shift = 2 * abs(near * self.errors[0] - self.errors[1])
        error = remaining + abs(near - far) + shift + 4 * float(np.spacing(abs(near)))
        return BlowUp(near, float(error), N, message)

    @staticmethod
    def _pole(times: np.ndarray, u: np.ndarray, ratio: float) -> float:
        """Zero of the secant of u(t) over the last `ratio` of u (N over its square root)."""
        earlier = np.flatnonzero(u >= ratio * u[-1])
        first = earlier[-1] if len(earlier) else 0
        return float(times[-1] + u[-1] * (times[-1] - times[first]) / (u[first] - u[-1]))

    def to_arrays(self) -> dict[str, np.ndarray]:
        return {"watch_times": np.array(self.times), "watch_rates": np.array(self.rates), "watch_errors": self.errors}

    def restore(self, arrays) -> None:
        self.times, self.rates = arrays["watch_times"].tolist(), arrays["watch_rates"].tolist()
        self.errors = np.array(arrays["watch_errors"])
