"""A sweep on disk.

sweep.json              what is swept: study, options, grid; two sweeps never share a folder
shards/000012-ab12.json one file a chunk of points, with the number of the attempt; lost only in the chunk under way
sweep.csv               the table: index, options, status, results, wall time, message; one row a finished point
points/000012/          one results folder a point, where asked for

felif-manifest.txt lists them (`felif.output.manifest`): nothing else in the folder is ever replaced or deleted.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

MOST = 10**7  # points of a sweep

if TYPE_CHECKING:
    from ..output.manifest import Room
    from .study import Study


def definition(study: Study, grid: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """sweep.json of a sweep: what makes it the same sweep as another one.

    Raises ValueError for options the study does not have, an empty axis, an option both swept and fixed, values that
    are no numbers, text or lists.
    """
    from ..given.identity import told

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
    if (count := math.prod(map(len, axes.values()))) > MOST:
        raise ValueError(f"The grid has {count:.3g} points; allowed are at most {MOST:g}.")
    try:
        plan = {"study": study.name, "grid": axes, "fixed": dict(fixed), "main": told(study.main)}
        return json.loads(json.dumps(plan, allow_nan=False))
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
    from ..output.reading import read_json

    if not (Path(folder) / "sweep.json").exists():
        raise ValueError(f"{folder} holds no sweep: there is no sweep.json.")
    sweep = read_json(folder, "sweep.json")
    if not {"study", "grid", "fixed"} <= set(sweep):
        raise ValueError(f"{Path(folder) / 'sweep.json'} was not written by `felif sweep`.")
    return sweep


def open_folder(folder: Path, sweep: Mapping[str, Any], overwrite: bool) -> Room:
    """Make `folder` the place of this sweep, or find that it is. Raises ValueError if it holds anything else."""
    from ..output.manifest import find_room

    room = find_room(folder, "sweep", True, ("sweep.json", "sweep.csv"))
    if overwrite:
        room.clear()
    elif "sweep.json" in room.names:
        there = read_sweep(folder)
        changed = [key for key in sweep if there.get(key) != sweep[key]]
        if changed:
            was, now = ({key: one.get(key) for key in changed} for one in (there, sweep))
            raise ValueError(
                f"{folder} holds another sweep: {was}, not {now}. "
                "Give another folder (--out), or --overwrite to replace it."
            )
    room.json("sweep.json", sweep)
    return room


def write_shard(room: Room, records: Sequence[Mapping[str, Any]]) -> None:
    """Keep the records of a chunk. Python's JSON, in which NaN and Infinity survive."""
    name = f"shards/{records[0]['index']:06d}-{uuid.uuid4().hex[:4]}.json"
    room.text(name, json.dumps(list(records), indent=1))


def read_shards(folder: str | Path) -> dict[int, dict[str, Any]]:
    """{index: record} of every point that was finished; of a point computed again, that of the last attempt."""
    from ..output.manifest import Room

    records: dict[int, dict[str, Any]] = {}
    room = Room(folder, "sweep")
    for name in (name for name in room.names if name.startswith("shards/")):
        path = room.folder / name
        try:
            for record in json.loads(room.whole(name).read_text(encoding="utf-8")):
                other = records.get(record["index"])
                if other is None or _rank(record) >= _rank(other):
                    records[record["index"]] = record
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path} is damaged ({error}); delete it to have its points computed again.") from None
    return dict(sorted(records.items()))


def _rank(record: Mapping[str, Any]) -> tuple[int, bool]:
    """Which of two records of a point counts: that of the later attempt, of two jobs at once that with results."""
    return record["attempt"], record["status"] == "ok"


def write_table(room: Room, rows: Sequence[Mapping[str, Any]]) -> None:
    """sweep.csv: a column for every name that occurs; numbers to their last digit, empty where a row has none."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    room.text("sweep.csv", text.getvalue(), durable=False)
