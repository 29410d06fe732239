"""Intervals from files of spike times: columns, names, units, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import felif as fl


class TestFiles:
    def test_columns_names_and_units(self, tmp_path):
        file = tmp_path / "spikes.csv"
        file.write_text("# recorded somewhere\nneuron, time\n1, 10.5\n1, 20.5\n\n1, 50.0\n", encoding="utf-8")
        read = fl.read_intervals(file, kind="times", column="time", unit=1e-3)
        np.testing.assert_allclose(read, [0.01, 0.0295])
        np.testing.assert_allclose(fl.read_intervals(file, column=1), [10.5, 20.5, 50.0])

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])  # spreadsheets write a mark before the first number
    def test_plain_text(self, tmp_path, encoding):
        (tmp_path / "isi.txt").write_text("1.5\n2.5e-1\n", encoding=encoding)
        np.testing.assert_allclose(fl.read_intervals(tmp_path / "isi.txt"), [1.5, 0.25])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"unit": -1.0}, "unit = -1.0; allowed is a positive number"),
            ({"unit": "ms"}, "unit = 'ms' is the unit wanted, but no name in"),
            ({"column": 1.0}, "column = 1.0; allowed is the number or the name"),
            ({"kind": "spikes"}, "kind = 'spikes'; allowed are"),
        ],
    )
    def test_bad_options(self, tmp_path, options, message):
        (tmp_path / "isi.txt").write_text("1.5\n2.5e-1\n", encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            fl.read_intervals(tmp_path / "isi.txt", **options)

    def test_what_is_no_text(self, tmp_path):
        (tmp_path / "isi.bin").write_bytes(b"\xff\xfe\x00\x01")
        with pytest.raises(ValueError, match=r"isi\.bin is no text"):
            fl.read_intervals(tmp_path / "isi.bin")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty: it holds no intervals"),
            ("# nothing\n", "is empty: it holds no intervals"),
            ("interval\n", "has nothing below the names"),
            ("1.0\nabc\n", "line 2: 'abc' has no number in column 0"),
            ("1.0\n-2.0\n", "entry 1 is -2.0; allowed are positive numbers"),
            ("1.0\nnan\n", "entry 1 is nan; allowed are finite numbers"),
        ],
    )
    def test_bad_files(self, tmp_path, text, message):
        (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            fl.read_intervals(tmp_path / "bad.csv")

    def test_a_column_that_is_not_there(self, tmp_path):
        (tmp_path / "isi.csv").write_text("a,b\n1,2\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"column = 'c'; there are \['a', 'b'\]"):
            fl.read_intervals(tmp_path / "isi.csv", column="c")
        with pytest.raises(ValueError, match="has no number in column 2"):
            fl.read_intervals(tmp_path / "isi.csv", column=2)
