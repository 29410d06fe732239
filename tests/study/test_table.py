"""The table of a sweep by columns: types, what is absent, a million rows, other formats."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import felif as fl
from felif.output.manifest import Room
from felif.study import load
from felif.study.sweep_folder import Shard, open_folder

STUDIES = Path(__file__).parents[2] / "studies"
READ = """
import resource, sys, time
import felif as fl
import felif.output.reading
memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
before, start = memory(), time.process_time()
table = fl.read_table(sys.argv[1])
print(time.process_time() - start, memory() - before)
print(len(table), table["b"].sum(), table["square"].sum(), set(table["status"]), table.counts["missing"])
"""


def mixed(b: float = 0.0, kind: str = "x", seed: int = 0) -> dict:
    if b == 2:
        raise ValueError("b = 2")
    number = {0: 1, 1: 0.5}.get(b, 2**60)
    extra = {"only_here": 7} if b == 0 else {}
    return {"b": -b, "whole": int(b), "mixed": number, "yes": b > 1, "said": f"<{kind}>", "none": None, **extra}


@pytest.fixture
def table(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        return fl.sweep(mixed, {"b": [0.0, 1.0, 2.0, 3.0], "kind": ["x", "y"]}, tmp_path / "s", pool)


def test_columns_have_the_type_of_their_values_and_say_where_there_are_none(table):
    assert table["b"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert table["seed"].tolist() == table["index"].tolist() == list(range(8))
    assert np.array_equal(table["b.result"], [0, 0, -1, -1, np.nan, np.nan, -3, -3], equal_nan=True)
    assert np.array_equal(table["whole"], [0, 0, 1, 1, np.nan, np.nan, 3, 3], equal_nan=True)
    assert table["kind"].tolist() == ["x", "y"] * 4
    assert table["said"].tolist() == ["<x>", "<y>"] * 2 + [None, None, "<x>", "<y>"]
    assert table["yes"].tolist() == [False] * 4 + [None, None, True, True]
    assert table["mixed"].tolist() == [1, 1, 0.5, 0.5, None, None, 2**60, 2**60]  # no float is 2^60 and a whole number
    assert np.isnan(table["none"]).all()
    assert np.isnan(table["only_here"]).sum() == 6
    assert table["status"].tolist() == ["ok"] * 4 + ["failed"] * 2 + ["ok"] * 2
    with pytest.raises(ValueError, match=r"no column 'N'\. It has: index, b, kind, seed, status, b\.result"):
        table["N"]


def test_rows_csv_and_the_command_line_tell_the_same(table, tmp_path):
    row = table.rows[6]
    assert (row["whole"], type(row["whole"]), row["yes"], row["none"]) == (3, int, True, None)
    assert table.rows[4]["whole"] is None
    with open(tmp_path / "s" / "sweep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == table.names
    texts = [{n: "" if v is None else str(v) for n, v in row.items()} for row in table.rows]
    assert rows == texts


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed: felif[tables]")
def test_a_data_frame_has_the_columns(table):
    frame = table.to_pandas()
    assert list(frame) == table.names
    assert frame.query("b == 1")["mixed"].tolist() == [0.5, 0.5]
    assert frame.groupby("status").size().to_dict() == {"failed": 2, "ok": 6}


@pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed: felif[tables]")
def test_parquet_keeps_types_and_what_is_absent(tmp_path):
    import pyarrow.parquet

    with ThreadPoolExecutor(1) as pool:
        table = fl.sweep(mixed, {"b": [0.0, 1.0, 2.0]}, tmp_path / "s", pool)
    path = table.to_parquet(tmp_path / "s.parquet")
    read = pyarrow.parquet.read_table(path)
    assert read["whole"].to_pylist() == [0, 1, None]
    assert str(read.schema.field("whole").type) == "int64"
    assert read["said"].to_pylist() == ["<x>", "<x>", None]
    assert read["wall_time"].to_numpy().tolist() == table["wall_time"].tolist()
    with pytest.raises(ValueError, match="is there already; overwrite=True replaces it"):
        table.to_parquet(path)
    assert table.to_parquet(path, overwrite=True) == path


def test_libraries_that_are_absent_are_named(table, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'felif\[tables\]'"):
        table.to_pandas()
    with pytest.raises(ImportError, match=r"pip install 'felif\[tables\]'"):
        table.to_parquet(tmp_path / "x.parquet")


def test_many_rows_are_one_file_and_are_read_quickly_and_in_little_memory(tmp_path):
    count = 10**5  # a million are in benchmarks/load.py
    plan = {"study": "s", "grid": {"b": [float(k) for k in range(count)]}, "fixed": {}, "main": "m", "seeded": False}
    shard = Shard(open_folder(tmp_path / "s", plan, False))
    for start in range(0, count, 5000):
        index = list(range(start, start + 5000))
        same = {"attempt": [1] * 5000, "status": ["ok"] * 5000, "message": [""] * 5000}
        results = {"square": [float(k) ** 2 for k in index]}
        shard.add([{"index": index, **same, "wall_time": [1.2345678e-5 * k for k in index], "results": results}])
    shard.close()
    assert len(list((tmp_path / "s").rglob("*"))) == 4  # sweep.json, the list, the folder of shards, one shard
    done = subprocess.run([sys.executable, "-c", READ, tmp_path / "s"], capture_output=True, text=True, check=True)
    measured, found = done.stdout.splitlines()
    seconds, megabytes = map(float, measured.split())
    squares = sum(float(k) ** 2 for k in range(count))
    assert found == f"{count} {sum(range(count)):.1f} {squares} {{'ok'}} 0"
    assert megabytes < 20  # 6
    assert seconds < 1.0  # of the processor; 0.26


# many points at once --------------------------------------------------------------------------------------------------


def squares(b: float = 0.0, scale: float = 1.0, other: int = 0) -> dict:
    return {"square": scale * b * b, "by": "main"}


def many_squares(b: np.ndarray, scale: float = 1.0) -> dict:
    if (b == 5).any():
        raise ValueError("b = 5")
    return {"square": scale * b**2, "by": np.full(len(b), f"many at {scale:g}", object)}


def test_a_sweep_is_computed_by_many_in_blocks_that_the_grid_alone_decides(tmp_path):
    grid = {"scale": [1.0, 2.0], "b": [float(k) for k in range(150)]}
    with ThreadPoolExecutor(1) as pool:
        table = fl.sweep(squares, grid, tmp_path / "s", pool, many=many_squares)
        part = fl.sweep(squares, grid, tmp_path / "p", pool, many=many_squares, shard=(2, 3))
    b, scale = table["b"], table["scale"]
    right = b != 5
    assert table.counts == {"ok": 298, "failed": 2, "crashed": 0, "missing": 0}
    assert np.array_equal(table["square"][right], (scale * b**2)[right])
    assert table["by"][right].tolist() == [f"many at {s:g}" for s in scale[right]]
    assert {row["message"] for row in table.rows if row["b"] == 5} == {"ValueError: b = 5"}
    assert set(part["index"].tolist()) == set(range(100, 150))  # the second of the blocks of 100, 50, 100 and 50 points
    assert json.loads((tmp_path / "s" / "sweep.json").read_text())["many"]


def test_a_sweep_of_options_that_many_does_not_take_is_computed_by_main(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        table = fl.sweep(squares, {"b": [5.0], "other": [1]}, tmp_path / "s", pool, many=many_squares)
    assert table["by"].tolist() == ["main"]
    assert "many" not in json.loads((tmp_path / "s" / "sweep.json").read_text())


def test_what_many_returns_is_one_value_a_point(tmp_path):
    def total(b: np.ndarray) -> dict:
        return {"square": np.append(b, 1.0)}

    with ThreadPoolExecutor(1) as pool:
        table = fl.sweep(squares, {"b": [1.0, 2.0]}, tmp_path / "s", pool, many=total)
    assert "square of shape (2,) and type float64 for 1 points; allowed is one number" in table["message"][0]
    with pytest.raises(ValueError, match="many takes 'd', which is no option of main"):
        fl.sweep(squares, {"b": [1.0]}, tmp_path / "t", many=lambda d: {})


def test_blow_up_times_by_many_are_those_of_single_runs(tmp_path):
    study = load(STUDIES / "blow_up.py")
    grid, fixed = {"b": [0.5, 3.0]}, {"tol": 1e-3, "t_end": 4.0}
    with ThreadPoolExecutor(1) as pool:
        many = fl.sweep(study, grid, tmp_path / "many", pool, fixed=fixed)
        single = fl.sweep(study, grid, tmp_path / "single", pool, fixed={**fixed, "rtol": 1e-3})
    assert many["outcome_large_b"].tolist() == single["outcome_large_b"].tolist() == ["finished", "blow_up"]
    assert many["time_large_b"][1] == pytest.approx(3.41805743, abs=5e-3)  # as in EXPECTED of the study
    assert many["time_concentrated"] == pytest.approx(single["time_concentrated"], rel=1e-3)
    assert math.isnan(many["time_large_b"][0])


def test_a_call_adds_one_file_however_many_points_it_has(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        for i in (1, 2):
            fl.sweep(squares, {"b": [float(k) for k in range(60)]}, tmp_path / "s", pool, shard=(i, 2))
    assert len([name for name in Room(tmp_path / "s", "sweep").names if name.startswith("shards/")]) == 2
