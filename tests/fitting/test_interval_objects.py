"""Spike times and intervals in objects of other libraries and in tables are read in their own units, or refused."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl
from felif.fitting.intervals import as_intervals


class Quantity(np.ndarray):
    """As those of the library quantities, and neo's: an array that forgets its unit in np.asarray."""

    scales = {"s": 1.0, "ms": 1e-3, "us": 1e-6}

    @classmethod
    def of(cls, values, units):
        made = np.asarray(values, float).view(cls)
        made.units = units
        return made

    def __array_finalize__(self, parent):
        self.units = getattr(parent, "units", None)

    @property
    def magnitude(self):
        return np.asarray(self)

    def rescale(self, units):
        if self.units not in self.scales:
            raise ValueError(f'Unable to convert between units of "{self.units}" and "{units}"')
        return self.of(self.magnitude * (self.scales[self.units] / self.scales[units]), units)


class SpikeTrain(Quantity):
    times = property(lambda self: self)


class Pint:
    """As pint's: no array, with `to` in place of `rescale`."""

    def __init__(self, values, units):
        self.magnitude, self.units = values, units

    ndim = property(lambda self: np.ndim(self.magnitude))

    def to(self, units):
        return Pint(Quantity.of(self.magnitude, self.units).rescale(units).magnitude, units)


class Labelled:
    """As xarray's: an array with attributes."""

    def __init__(self, values, **attrs):
        self.values, self.attrs, self.ndim, self.dtype = np.asarray(values), attrs, np.ndim(values), np.float64

    def __array__(self, dtype=None, copy=None):
        return self.values


TIMES = np.array([1.0, 3.0, 7.0])


@pytest.mark.parametrize(
    "data",
    [
        Quantity.of(TIMES, "ms"),
        SpikeTrain.of(TIMES, "ms"),
        Pint(TIMES, "ms"),
        [Pint(t, "ms") for t in TIMES],
        Labelled(TIMES, units="ms"),
        TIMES.astype("m8[ms]"),
        (1000 * TIMES).astype("m8[us]"),
        [Quantity.of(TIMES, "ms")],
    ],
    ids=lambda data: type(data).__name__,
)
def test_objects_are_converted_by_their_own_units(data):
    np.testing.assert_allclose(as_intervals(data, "times"), [2e-3, 4e-3], rtol=1e-14)
    np.testing.assert_allclose(as_intervals(data, "times", unit="ms"), [2.0, 4.0], rtol=1e-14)
    with pytest.raises(
        ValueError, match=r"has a unit of its own \(.*\), unit = 0.001; allowed is the unit wanted: s, ms"
    ):
        as_intervals(data, "times", unit=1e-3)


def test_fits_take_objects_with_units():
    with pytest.raises(ValueError, match="intervals: all 20 are 1; the less noise"):
        fl.fit(Quantity.of(np.full(20, 1e-3), "s"), fl.NoisyLIF(), ["current", "a0"], membrane_time=20.0, unit="ms")
    with pytest.raises(ValueError, match="SpikeTrain holds times"):
        fl.fit(SpikeTrain.of(TIMES, "s"), fl.NoisyLIF(), ["current"])


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (SpikeTrain.of(TIMES, "ms"), {}, "SpikeTrain holds times, kind = 'intervals'; allowed is kind='times'"),
        (Quantity.of(TIMES, "mV"), {}, "mV cannot be converted to s: Unable to convert"),
        (Quantity.of(TIMES, "mV"), {"unit": "mV"}, "unit = 'mV'; allowed are a positive number and s, ms"),
        (Labelled(TIMES, units="mV"), {}, "unit 'mV'; allowed are s, ms"),
        (TIMES, {"unit": "ms"}, "unit = 'ms', but the numbers have no unit of their own"),
        ([Quantity.of(TIMES, "ms"), TIMES], {}, r"intervals\[1\] has no unit, others have"),
        ([Pint(1.0, "ms"), 2.0], {}, "entry 1 is 2.0, others have a unit"),
        (np.array([1, "NaT"], "m8[ms]"), {}, "entry 1 is NaT"),
        (np.array([1, 2], "M8[ms]"), {}, "datetime64"),
        (np.ma.array(TIMES, mask=[0, 1, 1]), {}, "2 of 3 entries are masked; allowed are arrays without masked"),
        ([TIMES, np.ma.array(TIMES, mask=[0, 1, 0])], {}, r"intervals\[1\]: 1 of 3 entries are masked"),
        (Pint(np.ma.array(TIMES, mask=[0, 1, 0]), "s"), {}, "1 of 3 entries are masked"),
        (np.array([1 + 0j, 2]), {}, "complex128; allowed is an array of numbers that are real"),
        ([1.0, True], {}, "truth values"),
        (["1.5", "2.5"], {}, "entry 0 is '1.5'; allowed is an array of numbers"),
        ([1.0, None], {}, "entry 1 is None"),
        ({1.5: 2.0}, {}, "dict; allowed is an array of numbers"),
        ({1.5, 2.0}, {}, "set; allowed is an array of numbers"),
        ([1.0, [2.0]], {}, "entry 0 is 1.0 among trains"),
        (np.ones((2, 3)), {}, r"shape \(2, 3\); give column=, or layout="),
        ([[], [1.0]], {"kind": "times"}, "2 trains without an interval"),
        ([1.0, np.nan, 2.0], {"padding": True}, "entry 1 is nan"),
        (np.array([3, 2], np.uint8), {"kind": "times"}, "spike 1 is not after spike 0"),
        (np.float32([1e6, 1e6 + 0.1, 1e6 + 0.3]), {"kind": "times"}, "float32 tells times that are 0.062 apart"),
        (TIMES, {"unit": -1.0}, "unit = -1.0; allowed is a positive number, or the name"),
        ("spikes.csv", {}, "read_intervals reads files"),
        (1.5, {}, "float; allowed is an array of numbers"),
    ],
)
def test_objects_that_are_no_plain_intervals_are_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        as_intervals(data, **options)


def test_tables_are_read_as_files_are():
    table = np.array([(1.0, 7), (2.0, 8), (4.0, 7), (9.0, 8)], dtype=[("t", float), ("cell", int)])
    assert as_intervals(table, "times", column="t", train="cell").tolist() == [3.0, 7.0]
    with pytest.raises(ValueError, match="column 'cell' may tell neurons or trials apart"):
        as_intervals(table, "times", column="t")
    with pytest.raises(ValueError, match=r"2 columns \(\['t', 'cell'\]\); give column="):
        as_intervals(table, "times")


@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_differences_of_whole_numbers_are_not_rounded(kind):
    times = np.array([1_700_000_000_000_000_001, 1_700_000_000_000_000_002, 1_700_000_000_000_000_004], kind)
    assert as_intervals(times, "times").tolist() == [1.0, 2.0]
    assert as_intervals(np.array([-100, 100], np.int8), "times").tolist() == [200.0]
    assert as_intervals(np.ma.array([1.0, 2.0], mask=False)).tolist() == [1.0, 2.0]
    assert as_intervals((t for t in (1.0, 2.0, 4.0)), "times").tolist() == [1.0, 2.0]
