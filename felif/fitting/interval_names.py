"""What the name of a column says of its numbers: times of spikes or intervals, and their unit."""

from __future__ import annotations

import re

from ..given.warning import warn
from .interval_units import TIME_UNITS, UNIT_NAMES

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_INTERVALS = {"isi", "isis", "iei", "ieis", "interval", "intervals", "inter", "interspike", "between", "diff", "diffs"}
_INTERVALS |= {"dt", "delta", "duration", "durations", "difference", "differences", "waiting", "since"}
_TIMES = {"times", "timestamp", "timestamps", "spiketime", "spiketimes", "spiketrain", "spiketrains", "stamp", "stamps"}
_PERHAPS, _SPIKE = {"t", "time", "onset", "onsets"}, {"spike", "spikes", "spk", "spks", "event", "events"}
_OTHERS = "sample samples frame frames tick ticks bin bins step steps hz khz mhz mv v uv na pa a.u. au px %".split()
_AT_END = re.compile(r"(?:[\[({<]\s*(?:in\s+)?([^\])}>]+?)\s*[\])}>]|(?:[\s_.,:/-]|\bin\s)([^\W\d_]+))\s*$")


def kind_said(name: str) -> str | None:
    """ "times" or "intervals" where a name says one of them: spike_times, time of spike, ISI; "time" may be either."""
    words = {word.lower() for word in _WORDS.findall(_without_unit(name))}
    if _INTERVALS & {*words, "".join(words)} or "\N{GREEK CAPITAL LETTER DELTA}" in name:
        return "intervals"
    if _TIMES & words or (_PERHAPS & words and _SPIKE & words):
        return "times"
    return "time" if _PERHAPS & words else None


def unit_said(name: str) -> str | None:
    """The unit that a name ends with: isi_ms, spike_times [s], t/s, ISI in ms, sample (samples); None without."""
    found = _AT_END.search(name)
    if found is None:
        return None
    within, after = found.groups()
    unit = (within or after).strip()
    known = unit in TIME_UNITS or unit.lower() in TIME_UNITS
    if within is not None:
        return unit if known or unit.lower() in _OTHERS else None
    return unit if known or (unit.lower() in _OTHERS and len(unit) > 1) else None


def _without_unit(name: str) -> str:
    return name if unit_said(name) is None else name[: _AT_END.search(name).start()]


def kind_of(kind: str | None, name: str | None, where: str) -> str:
    """The kind that is given, else intervals: ValueError a warning where the name may say, a ValueError where it
    says that they are not."""
    said = None if kind is not None or name is None else kind_said(name)
    if said == "time":
        warn(f"{where}: {name!r} is read as intervals; give kind='times' if it holds times")
    if said == "times":
        raise ValueError(
            f"{where}: the name {name!r} says times; give kind='times' to take differences, kind='intervals' if they "
            "are intervals all the same"
        )
    return kind or "intervals"


def factor_of(unit: float | str | None, name: str | None, where: str) -> float:
    """What plain numbers are multiplied by: a factor that is given, or from the unit in the name to the one wanted."""
    said = None if name is None else unit_said(name)
    if unit is not None and not isinstance(unit, str):
        return float(unit)
    if said is None:
        if unit is not None:
            raise ValueError(
                f"{where}: unit = {unit!r}, but the numbers have no unit of their own; allowed is a factor"
            )
        return 1.0
    own = TIME_UNITS.get(said, TIME_UNITS.get(said.lower()))
    if own is None:
        raise ValueError(
            f"{where}: the name {name!r} says {said}; allowed are {UNIT_NAMES}, or unit=, a factor to what is wanted"
        )
    if unit is None and own != 1.0:
        raise ValueError(
            f"{where}: the name {name!r} says {said}; give the unit that is wanted, unit='s' or '{said}', or a factor"
        )
    wanted = 1.0 if unit is None else TIME_UNITS[unit]
    return float(round(own / wanted)) if own >= wanted else 1.0 / round(wanted / own)
