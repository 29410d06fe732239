"""A sweep on disk.

sweep.json              what is swept: study, options, grid; two sweeps never share a folder
shards/000012-ab12.json one file a chunk of points, moved into place when complete; lost only in the chunk under way
sweep.csv               the table: index, options, status, results, wall time, message; one row a finished point
points/000012/          one results folder a point, where asked for
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .study import Study


def definition(study: Study, grid: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """sweep.json of a sweep: what makes it the same sweep as another one.

    Raises ValueError for options the study does not have, an empty axis, an option both swept and fixed, values that
    are no numbers, text or lists.
    """
    study.complete({**grid, **fixed})
    if not grid:
        raise ValueError("grid is empty: give the values of at least one option, as in --b 0:3:31 or {'b': [0, 1, 2]}.")
    axes = {
        name: [getattr(value, "tolist", lambda value=value: value)() for value in values]
        for name, values in grid.items()
    }
    for name, values in axes.items():
        if not values:
            raise ValueError(f"grid: the option {name!r} has no values.")
        if name in fixed:
            raise ValueError(f"The option {name!r} is both swept and fixed at {fixed[name]!r}.")
    try:
        return json.loads(json.dumps({"study": study.name, "grid": axes, "fixed": dict(fixed)}, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"grid: the values are kept in sweep.json: finite numbers, text and lists. {error}") from None


def points_of(sweep: Mapping[str, Any], study: Study) -> list[dict[str, Any]]:
    """Options of every point of the grid, the last option varying fastest; the seed is the index unless it is given."""
    names, defaults = list(sweep["grid"]), study.defaults
    points = []
    for index, values in enumerate(itertools.product(*sweep["grid"].values())):
        options = {**sweep["fixed"], **dict(zip(names, values, strict=True))}
        if "seed" in defaults:
            options.setdefault("seed", index)
        points.append({name: tuple(v) if isinstance(v, list) else v for name, v in options.items()})
    return points


def read_sweep(folder: str | Path) -> dict[str, Any]:
    """sweep.json of a folder. Raises ValueError if there is none, or it is damaged."""
    path = Path(folder) / "sweep.json"
    try:
        sweep = json.loads(path.read_text(encoding="utf-8"))
        if {"study", "grid", "fixed"} <= set(sweep):
            return sweep
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no sweep: there is no sweep.json.") from None
    except (OSError, ValueError, TypeError):
        pass
    raise ValueError(f"{path} was not written by `felif sweep`, or is damaged.")


def open_folder(folder: Path, sweep: Mapping[str, Any], overwrite: bool) -> None:
    """Make `folder` the place of this sweep, or find that it is. Raises ValueError if it holds anything else."""
    from .output.files import write_json

    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; give the name of a folder for the sweep.")
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "sweep.json").exists():
        there = read_sweep(folder)
        if overwrite:
            (folder / "sweep.csv").unlink(missing_ok=True)
            shutil.rmtree(folder / "shards", ignore_errors=True)
            shutil.rmtree(folder / "points", ignore_errors=True)
        elif there != sweep:
            changed = [key for key in ("study", "grid", "fixed") if there[key] != sweep[key]]
            was, now = ({key: one[key] for key in changed} for one in (there, sweep))
            raise ValueError(
                f"{folder} holds another sweep: {was}, not {now}. "
                "Give another folder (--out), or --overwrite to replace it."
            )
    elif not all(path.name.startswith(".") for path in folder.iterdir()):
        raise ValueError(f"{folder} is not empty and holds no sweep; give another folder (--out).")
    (folder / "shards").mkdir(exist_ok=True)
    write_json(folder / "sweep.json", sweep)


def write_shard(folder: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Keep the records of a chunk. Python's JSON, in which NaN and Infinity survive."""
    from .output.files import write_text

    name = f"{records[0]['index']:06d}-{uuid.uuid4().hex[:4]}.json"
    write_text(folder / "shards" / name, json.dumps(list(records), indent=1))


def read_shards(folder: str | Path) -> dict[int, dict[str, Any]]:
    """{index: record} of every point that was finished; of a point computed again, the latest record."""
    records: dict[int, dict[str, Any]] = {}
    shards = sorted(Path(folder).glob("shards/*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in shards:
        try:
            records |= {record["index"]: record for record in json.loads(path.read_text(encoding="utf-8"))}
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is damaged ({error}); delete it to have its points computed again.") from None
    return dict(sorted(records.items()))


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """CSV with a column for every name that occurs; numbers to their last digit, empty where a row has no such name."""
    from .output.files import write_text

    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
