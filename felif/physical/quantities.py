"""Numbers with units: plain numbers are in the unit that is asked for, quantities of pint are converted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..given.arguments import is_number, shown


def quantity(who: str, name: str, value: Any, unit: str, *, least: float = -math.inf, infinite: bool = False) -> float:
    """The number in a unit ("mV", "ms", "Hz", "mV / ms ** 0.5"). ValueError for other things, and for other units."""
    found = _converted(who, name, value, unit)
    if not is_number(found) or math.isnan(found) or found < least or (math.isinf(found) and not infinite):
        bound = "" if least == -math.inf else f" >= {least:g}"
        raise ValueError(f"{who}: {name} = {shown(value)}; allowed is a finite number{bound}, in {unit}")
    return float(found)


def quantities(who: str, name: str, value: Any, unit: str) -> np.ndarray:
    """An array in a unit."""
    try:
        found = np.asarray(_converted(who, name, value, unit), float)
    except (TypeError, ValueError):
        found = np.array(math.nan)
    if not np.isfinite(found).all():
        raise ValueError(f"{who}: {name} = {shown(value)}; allowed are finite numbers, in {unit or 'pure numbers'}")
    return found


def _converted(who: str, name: str, value: Any, unit: str) -> Any:
    if not (hasattr(value, "to") and hasattr(value, "dimensionality")):
        return value
    try:
        return value.to(unit).magnitude
    except Exception as error:  # of pint, which is not imported here
        raise ValueError(f"{who}: {name} = {shown(value)}; allowed is a quantity in {unit} ({error})") from None
