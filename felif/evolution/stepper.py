"""What the steppers of both families share: the times they may look at, how they fail."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nextafter


class StepFailed(ArithmeticError):
    """A step could not be made; a smaller one may succeed. `kind` is the outcome's name should none succeed."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Window:
    """The times handed to the problem lie in [low, high], a few ulps inside two neighbouring breakpoints."""

    low: float = -inf
    high: float = inf

    @classmethod
    def between(cls, left: float, right: float) -> Window:
        low, high = left, right
        for _ in range(4):  # more than one ulp, so that low + (high - low) in floating point stays inside too
            low, high = nextafter(low, inf), nextafter(high, -inf)
        return cls(low if left > -inf else -inf, high if right < inf else inf)

    def inside(self, t: float) -> float:
        return min(max(t, self.low), self.high)
