"""Numbers from states. Closed forms (`exact`, `density`, `exact_time`): to test against, and instant."""

from . import density, exact, exact_time

__all__ = ["density", "exact", "exact_time"]
