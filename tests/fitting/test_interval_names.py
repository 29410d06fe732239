"""What names of columns say about times, intervals and units is followed or asked about."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import felif as fl
from felif.fitting.intervals import as_intervals


def saved(folder, text):
    file = folder / "named.csv"
    file.write_text(text)
    return file


TIMES_BY_NAME = [
    "spike_times",
    "spike times",
    "Spike Time (s)",
    "SpikeTimes",
    "spiketimes",
    "times",
    "Times [s]",
    "timestamp",
    "time_stamp",
    "spike_times [s]",
    "spike_time_s",
    "t_spike",
    "Time of spike",
]
INTERVALS_BY_NAME = ["ISI", "isi_s", "interval", "Intervals (s)", "inter-spike time", "InterSpikeTime", "time between"]
NEITHER = [
    "x",
    "value",
    "cell1",
    "rate",
    "latency",
    "column_a",
    "estimates",
    "sometimes",
    "v",
    "(n)",
    "isi (all cells)",
]


@pytest.mark.parametrize("name", TIMES_BY_NAME)
def test_a_column_that_is_named_times_is_not_read_as_intervals_without_a_word(tmp_path, name):
    file = saved(tmp_path, f'"{name}"\n1\n3\n7\n')
    with pytest.raises(ValueError, match=r"the name .* says times; give kind='times'"):
        fl.read_intervals(file)
    assert fl.read_intervals(file, kind="times").tolist() == [2.0, 4.0]
    assert fl.read_intervals(file, kind="intervals").tolist() == [1.0, 3.0, 7.0]


@pytest.mark.parametrize("name", ["t", "time", "Time (s)", "onset", "t [s]"])
def test_a_column_that_may_hold_times_is_read_with_a_warning(tmp_path, name):
    file = saved(tmp_path, f'"{name}"\n1\n3\n7\n')
    with pytest.warns(UserWarning, match="is read as intervals; give kind='times' if it holds times"):
        assert fl.read_intervals(file).tolist() == [1.0, 3.0, 7.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fl.read_intervals(file, kind="times").tolist() == [2.0, 4.0]
        assert fl.read_intervals(file, kind="intervals").tolist() == [1.0, 3.0, 7.0]


@pytest.mark.parametrize("name", INTERVALS_BY_NAME + NEITHER)
def test_other_names_are_read_as_before(tmp_path, name):
    assert fl.read_intervals(saved(tmp_path, f'"{name}"\n1\n3\n7\n')).tolist() == [1.0, 3.0, 7.0]


@pytest.mark.parametrize("name", ["isi_ms", "ISI (ms)", "isi [ms]", "isi in ms", "(ms)", "ISI/ms", "isi.MS"])
def test_the_unit_in_a_name_is_followed_or_asked_about(tmp_path, name):
    file = saved(tmp_path, f'"{name}"\n12.5\n31\n')
    with pytest.raises(ValueError, match="says (ms|MS); give the unit that is wanted"):
        fl.read_intervals(file)
    assert fl.read_intervals(file, unit="s").tolist() == [0.0125, 0.031]
    assert fl.read_intervals(file, unit="ms").tolist() == [12.5, 31.0]
    assert fl.read_intervals(file, unit="us").tolist() == [12500.0, 31000.0]
    assert fl.read_intervals(file, unit=1.0).tolist() == [12.5, 31.0]


@pytest.mark.parametrize("name", ["isi (samples)", "isi_frames", "interval [ticks]", "ISI (mV)"])
def test_units_that_are_none_of_time_are_asked_about(tmp_path, name):
    file = saved(tmp_path, f'"{name}"\n2\n3\n')
    with pytest.raises(ValueError, match=r"says .*; allowed are s, ms, .* or unit=, a factor"):
        fl.read_intervals(file)
    assert fl.read_intervals(file, unit=0.5).tolist() == [1.0, 1.5]


def test_names_in_comments_arrays_and_tables_say_as_much(tmp_path):
    pandas = pytest.importorskip("pandas")
    np.savetxt(tmp_path / "a.txt", [1.0, 3.0, 7.0], header="spike_times")
    np.savetxt(tmp_path / "b.txt", [[1.0, 0.1], [3.0, 0.2], [7.0, 0.4]], header="times, height", delimiter=",")
    np.savez(tmp_path / "a.npz", spike_times=np.array([1.0, 3.0, 7.0]))
    np.savez(tmp_path / "b.npz", isi_ms=np.array([1.0, 3.0, 7.0]))
    table = pandas.DataFrame({"spike_times": [1.0, 3.0, 7.0], "isi_ms": [1.5, 2.5, 7.5]})
    calls = [
        lambda **how: fl.read_intervals(tmp_path / "a.txt", **how),
        lambda **how: fl.read_intervals(tmp_path / "b.txt", column=0, **how),
        lambda **how: fl.read_intervals(tmp_path / "a.npz", **how),
        lambda **how: as_intervals(table, column="spike_times", **how),
        lambda **how: as_intervals(table["spike_times"], **how),
        lambda **how: as_intervals(np.array([(1.0,), (3.0,), (7.0,)], [("times", float)]), **how),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="says times"):
            call()
        assert call(kind="times").tolist() == [2.0, 4.0]
    with pytest.raises(ValueError, match="says ms; give the unit"):
        fl.read_intervals(tmp_path / "b.npz")
    with pytest.raises(ValueError, match="says ms; give the unit"):
        as_intervals(table, column="isi_ms")
    assert as_intervals(table, column="isi_ms", unit="s").tolist() == [0.0015, 0.0025, 0.0075]
    with pytest.raises(ValueError, match="unit = 'ms', but the numbers have no unit"):
        as_intervals(np.array([1.0, 2.0]), unit="ms")
