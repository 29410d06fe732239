"""Numbers with units: plain numbers are in the unit that is asked for, quantities of pint are converted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..given.arguments import NUMBERS, Kind, is_number, required, shown

_LARGEST = 1e100  # in any unit: products of such numbers are numbers


def quantity(who: str, name: str, value: Any, unit: str, *, least: float = -math.inf, infinite: bool = False) -> float:
    """The number in a unit ("mV", "ms", "Hz", "mV / ms ** 0.5"). ValueError for other things, and for other units."""
    found = _converted(who, name, value, unit)
    good = is_number(found) and found >= least and (abs(found) <= _LARGEST or (infinite and math.isinf(found)))
    if not good:  # also nan
        bound = "" if least == -math.inf else f" >= {least:g}"
        words = f"a finite number{bound}, in {unit}, at most {_LARGEST:g} in size"
        raise ValueError(f"{who}: {name} = {shown(value)}; allowed is {words}")
    return float(found)


def quantities(who: str, name: str, value: Any, unit: str) -> np.ndarray:
    """An array in a unit."""
    where = unit or "pure numbers"
    sized = Kind(f"finite numbers, in {where}, at most {_LARGEST:g} in size", _sized)
    return required(who, name, _converted(who, name, value, unit), sized)


def _sized(value: Any) -> np.ndarray:
    found = NUMBERS.read(value)
    if not (np.abs(found) <= _LARGEST).all():
        raise ValueError
    return found


def _converted(who: str, name: str, value: Any, unit: str) -> Any:
    if not (hasattr(value, "to") and hasattr(value, "dimensionality")):
        return value
    try:
        return value.to(unit).magnitude
    except Exception as error:  # of pint, which is not imported here
        raise ValueError(f"{who}: {name} = {shown(value)}; allowed is a quantity in {unit} ({error})") from None
