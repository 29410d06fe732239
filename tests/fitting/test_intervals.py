"""Spike times and intervals are read as they are written, or refused with the line and what to say."""

from __future__ import annotations

import decimal
import os
import pickle
from fractions import Fraction

import numpy as np
import pytest
import scipy.io
from hypothesis import given
from hypothesis import strategies as st
from randomised import cases

import felif as fl

SEVERAL = "spike time,amplitude,cell\n1.5,0.31,1\n2.5,0.32,2\n3.0,0.33,1\n4.75,0.37,2\n"


def read(folder, text, name="spikes.csv", **options):
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return fl.read_intervals(file, **options).tolist()


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("ISI\n12,5\n31,25", {"decimal": ","}, [12.5, 31.25]),
        ("12,5\n31,25", {"delimiter": ",", "column": 0}, [12.0, 31.0]),
        ("1;12,5\n2;31,25\n", {"column": 1, "decimal": ","}, [12.5, 31.25]),
        ('"12,5"\n"31,25"\n', {"decimal": ","}, [12.5, 31.25]),
        ('"1","12,5"\n"2","31,25"', {"column": 1, "decimal": ",", "delimiter": ","}, [12.5, 31.25]),
        ("1,5 2,5\n1,7 2,9\n", {"column": 1, "decimal": ","}, [2.5, 2.9]),
        (SEVERAL, {"column": "amplitude", "train": False}, [0.31, 0.32, 0.33, 0.37]),
        (SEVERAL, {"column": "spike time", "kind": "times", "train": "cell"}, [1.5, 2.25]),
        (SEVERAL, {"column": 0, "kind": "times", "train": 2, "unit": 0.5}, [0.75, 1.125]),
        ("10 20 35\n5 6\n", {"kind": "times", "layout": "rows"}, [10.0, 15.0, 1.0]),
        ("a,1.0,3.5\nb,2,7,9\n", {"kind": "times", "layout": "rows", "train": 0}, [2.5, 5.0, 2.0]),
        ("0,2,3\n", {"kind": "times", "layout": "rows", "train": False}, [2.0, 1.0]),
        ("0\t1.5\n1\t2.5\n2\t4.5\n", {"kind": "times", "column": 1}, [1.0, 2.0]),
        ("t,t\n1,2\n2,4\n", {"column": 1}, [2.0, 4.0]),
        (",time\n0,1.5\n1,2.5\n", {"column": "time"}, [1.5, 2.5]),
        ("a,b\n1,2\n3,nan\n6,\n", {"kind": "times", "layout": "columns", "padding": True}, [2.0, 3.0]),
        ("\ufeff1.5\r\n# y\r2.5\n\n", {}, [1.5, 2.5]),
        ("1.5\n2\n".encode("utf-16"), {"encoding": "utf-16"}, [1.5, 2.0]),
        ("Zeit (µs)\n7\n".encode("latin-1"), {"encoding": "latin-1", "unit": "us"}, [7.0]),
        ("1  2\n3 4\n", {"column": 1}, [2.0, 4.0]),
        ("1 \t2\n3\t4\n", {"column": 1}, [2.0, 4.0]),
        ("1.5 ,2 \n 3.5 , 4\n", {"column": 0}, [1.5, 3.5]),
        ("1|2\n3|4\n", {"column": -1}, [2.0, 4.0]),
        ("1700000000000000001\n1700000000000000002\n1700000000000000004\n", {"kind": "times"}, [1.0, 2.0]),
        ("1700000000.1\n1700000000.3\n", {"kind": "times"}, [0.2]),
        ('name,t\n"a, b",1\n"c; d",2\n', {"column": "t"}, [1.0, 2.0]),
    ],
)
def test_text_is_read_as_it_is_written(tmp_path, text, options, expected):
    assert read(tmp_path, text, **options) == expected


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("ISI\n12,5\n31,25", {}, r'csv, line 2: .12,5. has no number .* may be a decimal one \(decimal=","\)'),
        ("12,5\n31,25", {}, r'line 1: .12,5. is a number with a decimal comma, or several cells; give decimal=","'),
        ("12,5\n31,25", {"column": 0}, 'give decimal="," or delimiter=","'),
        ("1.234,5\n2.345,6", {}, "line 1: .1.234,5. is a number with a decimal comma, or several cells"),
        ("ISI\n1.234,5\n", {}, "line 2: .1.234,5. has no number .* set thousands apart"),
        ("ISI\n1.234,5\n", {"decimal": ","}, "points and thousands separators are not read"),
        ("1,234.5\n2,345.5\n", {}, "or several cells; give decimal"),
        ("1,234\n2,345\n", {}, "or several cells; give decimal"),
        ('"1,234,567"\n', {"decimal": ","}, "line 1: .1,234,567. has no number"),
        ("1'234.5\n", {}, "has no number in column 0, but begins with one"),
        ("1\xa0234\n", {}, "has no number in column 0, but begins with one"),
        ("1_000\n", {}, "has no number in column 0, but begins with one"),
        ("0x10\n", {}, "has no number in column 0, but begins with one"),
        ("1.5D+01\n", {}, "has no number in column 0, but begins with one"),
        ("\u0661\u0662\n3\n\u0661\n", {}, "line 1: .* has no number"),
        ("12.5ms\n13.5\n", {}, r"line 1: .12.5ms. has no number .* take units out of the file and give unit="),
        ("13.5\n12.5ms\n", {}, r"line 2: .12.5ms. has no number .* give unit="),
        ("12.5 ms\n13.5 ms\n", {}, "2 columns .*; give column="),
        ("time\nms\n1.5\n", {}, "line 2: .ms. has no number"),
        ("NA\n1.5\n", {}, "line 1: .NA. has no number"),
        ("1.5\ninf\n", {}, "line 2: entry 1 is inf; allowed are finite numbers"),
        ("1e400\n", {}, "entry 0 is inf"),
        ("1e-400\n", {}, "entry 0 is 0.0; allowed are positive"),
        ("1e300\n", {"unit": 1e300}, "entry 0 is inf; allowed are positive"),
        (SEVERAL, {}, r"3 columns \(\['spike time', 'amplitude', 'cell'\]\); give column="),
        (SEVERAL, {"column": "amplitude"}, "column 'cell' may tell neurons or trials apart; give train='cell', or"),
        (SEVERAL, {"column": "spike time", "kind": "times"}, "column 'cell' may tell neurons or trials apart"),
        ("1,10\n2,12\n1,20\n2,23\n", {"column": 1, "kind": "times"}, "column 0 may tell neurons .*; give train=0, or"),
        (SEVERAL, {"column": "Amplitude"}, "column = 'Amplitude'; there are"),
        (SEVERAL, {"column": "cell", "train": "cell"}, "is the column that is read"),
        ("cell,t\n1,2\n1.0,3\n", {"column": "t", "train": "cell"}, "'1' and '1.0' may be one train or two"),
        ("cell,t\n1,2\n,3\n", {"column": "t", "train": "cell"}, "allowed is the name of a train in every line"),
        (
            "cell,t\n1,2\n2,5\n1,1\n",
            {"column": "t", "train": 0, "kind": "times"},
            r"line 4: spike 1 is not after .*2, t",
        ),
        ("10 20 35\n5 6 8\n", {"kind": "times"}, 'give column=, or layout="rows" if every line is a train'),
        ("10 20 35\n5 6\n", {"kind": "times"}, 'line 2: .5 6. has 2 cells .*; give delimiter=, or layout="rows"'),
        ("0\t1.5\n1\t2.5\n", {"kind": "times"}, "2 columns .* give column="),
        ("t,t\n1,2\n2,4\n", {"column": "t"}, r"columns \[0, 1\] have that name: give the number"),
        ("3\n2\n", {"kind": "times"}, r"line 2: spike 1 is not after spike 0 \(3, then 2\); allowed are increasing"),
        ("a,b\n1,2\n3,\n", {"column": "b"}, "line 3: a blank cell has no number in column 1; padding=True allows"),
        ("1\nnan\n2\n", {"padding": True}, "line 2: entry 1 is NaN|line 2: entry 1 is nan"),
        ("1.5 # note\n2.5\n", {}, "give delimiter="),
        ('1,"2\n3,4\n', {"column": 0}, "line 1: .* unexpected end of data"),
        ("1.5\n2.5\n", {"delimiter": ",", "decimal": ",", "column": 0}, "line 1: .1.5. has no number"),
        ("1,5\n2,5\n", {"delimiter": ",", "decimal": ",", "column": 0}, "numbers must be in quotes"),
        ("1.5\0\n", {}, "null characters"),
        ("1.5\n".encode("utf-16"), {}, 'is no text in utf-8-sig: .* give encoding= .*"utf-16"'),
        ('{"a": [1.5, 2.5]}', {}, "2 columns .* give column="),
        ("x" * 200_000 + "\n1\n", {}, "line 1: .xxx.*limit|line 1"),
        ("1\n", {"delimiter": "ab"}, "delimiter = 'ab'; allowed is a single character"),
        ("1\n", {"decimal": ";"}, "decimal = ';'; allowed is"),
        ("1\n", {"encoding": "klingon"}, "encoding = 'klingon'; allowed is the name of an encoding"),
        ("1\n", {"layout": "row"}, "layout = 'row'; allowed are 'rows' and 'columns'"),
        ("1\n", {"train": 1.5}, "train = 1.5; allowed is the number or the name"),
        ("1\n", {"padding": 1}, "padding = 1; allowed is True or False"),
        ("1 2\n", {"layout": "rows", "column": 0}, "layout = 'rows': every line is a train; column = 0"),
    ],
)
def test_what_may_be_read_in_two_ways_is_refused(tmp_path, text, options, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text, **options)


def test_several_files_are_separate_trains(tmp_path):
    for name, text in (("a.txt", "1\n2\n4\n"), ("b.txt", "0\n8\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    both = [tmp_path / "a.txt", str(tmp_path / "b.txt")]
    assert fl.read_intervals(both, kind="times").tolist() == [1.0, 2.0, 8.0]
    for path, message in ((tmp_path, "is a folder"), ([], r"path = \[\]"), (3, "path = 3; allowed is the path")):
        with pytest.raises(ValueError, match=message):
            fl.read_intervals(path)
    with pytest.raises(FileNotFoundError):
        fl.read_intervals(tmp_path / "c.txt")


DIALECTS = [(";", "."), (";", ","), (",", "."), ("\t", "."), ("\t", ","), ("|", ","), (" ", "."), (" ", ",")]


@cases(40)
@given(
    trains=st.lists(st.lists(st.integers(1, 10**9), min_size=2, max_size=6), min_size=2, max_size=4),
    digits=st.integers(0, 9),
    dialect=st.sampled_from(DIALECTS),
    header=st.booleans(),
    quoted=st.booleans(),
    layout=st.sampled_from(["long", "rows", "columns"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
def test_every_dialect_is_read_back_exactly(
    tmp_path_factory, trains, digits, dialect, header, quoted, layout, end, encoding
):
    """Random trains: intervals in units of 10^-digits, times written as decimals, differences as fractions."""
    separator, point = dialect
    expected = [float(Fraction(step, 10**digits)) for train in trains for step in train[1:]]
    times = [[str(decimal.Decimal(int(t)).scaleb(-digits)) for t in np.cumsum(train)] for train in trains]
    cell = (lambda x: f'"{x}"') if quoted else str
    if layout == "long":
        order = sorted((k, i) for i, train in enumerate(times) for k in range(len(train)))
        rows = [[f"cell{i}", "0.5", times[i][k]] for k, i in order]
        options = {"column": "time of spikes" if header else 2, "train": "cell name" if header else 0}
        names = ["cell name", "amplitude", "time of spikes"]
    elif layout == "rows":
        rows, options, names = times, {"layout": "rows"}, [f"spike{k}" for k in range(len(times[0]))]
    else:
        longest = max(map(len, times))
        rows = [[train[k] if k < len(train) else "nan" for train in times] for k in range(longest)]
        options, names = {"layout": "columns", "padding": True}, [f"cell{i}" for i in range(len(times))]
    lines = ["# a comment", ""]
    if header:
        lines.append(separator.join(f'"{name}"' for name in names))
    lines += [separator.join(cell(x.replace(".", point)) for x in row) for row in rows]
    file = tmp_path_factory.mktemp("dialect") / "spikes.txt"
    file.write_bytes(end.join([*lines, ""]).encode(encoding))
    if point == ",":
        options["decimal"] = ","
    if separator == "," and not (header and layout == "long"):
        options["delimiter"] = ","  # 1,2 without names may be a decimal number
    if encoding == "utf-16":
        options["encoding"] = encoding
    assert fl.read_intervals(file, kind="times", **options).tolist() == expected


class TestArraysInFiles:
    def test_numpy(self, tmp_path):
        file = tmp_path / "spikes.npy"
        np.save(file, np.array([1.0, 2.0, 4.0]))
        assert fl.read_intervals(file, kind="times", unit=0.5).tolist() == [0.5, 1.0]
        np.save(file, np.array([[1.0, 2.0, 4.0], [0.0, 8.0, np.nan]]))
        assert fl.read_intervals(file, kind="times", layout="rows", padding=True).tolist() == [1.0, 2.0, 8.0]
        with pytest.raises(ValueError, match=r"spikes\.npy: shape \(2, 3\); give column=, or layout="):
            fl.read_intervals(file, kind="times")
        np.savez(tmp_path / "two.npz", a=np.array([1.0, 3.0]), b=np.array([5.0]))
        assert fl.read_intervals(tmp_path / "two.npz", column="b").tolist() == [5.0]
        with pytest.raises(ValueError, match="column = None; allowed is the name of a variable: a, b"):
            fl.read_intervals(tmp_path / "two.npz")
        with pytest.raises(ValueError, match="is no text; allowed without delimiter"):
            fl.read_intervals(file, delimiter=",")

    def test_nothing_is_executed(self, tmp_path):
        class Harm:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "harm"),)

        np.save(tmp_path / "a.npy", np.array([1.0, Harm()], object))
        (tmp_path / "b.npy").write_bytes(pickle.dumps(Harm()))
        np.savez(tmp_path / "c.npz", a=np.array([Harm()], object))
        (tmp_path / "d.mat").write_bytes(pickle.dumps(Harm()))
        for name in ("a.npy", "b.npy", "c.npz", "d.mat"):
            with pytest.raises(ValueError, match=f"{name}.* cannot be read"):
                fl.read_intervals(tmp_path / name)
        assert not (tmp_path / "harm").exists()

    def test_matlab(self, tmp_path):
        file = tmp_path / "spikes.mat"
        cells = np.empty(3, object)
        cells[:] = [np.array([1.0, 2.0, 4.0]), np.array([]), np.array([[3.0], [8.0]])]
        stored = {
            "t": np.array([1, 3, 7], np.int32),
            "cells": cells,
            "M": np.ones((2, 3)),
            "s": {"x": 1.0},
            "name": "x",
        }
        scipy.io.savemat(file, stored | {"flags": np.array([True, False]), "z": np.array([1 + 2j])})
        assert fl.read_intervals(file, column="t", kind="times").tolist() == [2.0, 4.0]
        assert fl.read_intervals(file, column="cells", kind="times").tolist() == [1.0, 2.0, 5.0]
        assert fl.read_intervals(file, column="M", layout="columns").tolist() == 6 * [1.0]
        for column, message in (
            (None, "allowed is the name of a variable: t, cells, M"),
            ("u", "column = 'u'; allowed is the name of a variable"),
            ("M", r"shape \(2, 3\); give column=, or layout="),
            ("s", "'s' is of class struct"),
            ("name", "'name' is of class char"),
            ("flags", "'flags' is of class logical"),
            ("z", "complex128; allowed"),
        ):
            with pytest.raises(ValueError, match=message):
                fl.read_intervals(file, column=column)
        (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + 100 * b"\0")
        with pytest.raises(ValueError, match=r"MATLAB 7\.3 file \(HDF5\); save it with '-v7'"):
            fl.read_intervals(tmp_path / "new.mat")
        (tmp_path / "cut.mat").write_bytes(file.read_bytes()[:150])
        with pytest.raises(ValueError, match="cut.mat"):
            fl.read_intervals(tmp_path / "cut.mat", column="t")


@pytest.mark.parametrize(
    "first",
    ["\u22121", "~12.5", "<5", "(3)", "[1.5", "\uff11", "-", "?", "#N/A", "n.a.", "missing", "NaT", "-nan(ind)"],
)
def test_a_first_line_that_is_no_name_is_not_taken_for_one(tmp_path, first):
    path = tmp_path / "spikes.txt"
    path.write_text(f"{first}\n2\n3\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: .* has no number in column 0"):
        fl.read_intervals(path)
    for name in ("ISI", "(n)", "_x", "\u0394t", "\u9593\u9694"):
        path.write_text(f"{name}\n2\n3\n", encoding="utf-8")
        assert fl.read_intervals(path).tolist() == [2.0, 3.0]


def test_errors_of_a_spreadsheet_are_no_comments(tmp_path):
    path = tmp_path / "spikes.txt"
    path.write_text("1\n#DIV/0!\n2\n")
    with pytest.raises(ValueError, match="line 2: '#DIV/0!' has no number"):
        fl.read_intervals(path)
    path.write_text("1\n# N/A on Monday\n2\n")
    assert fl.read_intervals(path).tolist() == [1.0, 2.0]
