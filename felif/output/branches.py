"""Branches of steady states on paper, on disk and in ParaView; a branch is seen by its table and its points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import AXES, FLAG, FOLDER, TEXT, checked, either, having, optional, several
from .manifest import Room, make_room
from .series_files import csv_line, read_npz
from .style import finished, house_style, new_figure, symbol

BRANCH = having("a branch that continuation returned", "points", "outcome")
MARKS = {
    "fold": ("o", "C3"),
    "hopf": ("D", "C1"),
    "branch point": ("s", "C2"),
    "cusp": ("^", "C4"),
    "bogdanov-takens": ("v", "C5"),
}


@checked(
    branches=either(BRANCH, several(BRANCH, "a row of them", 1)),
    path=optional(FOLDER),
    name=optional(TEXT),
    axes=optional(AXES),
    orbits=several(having("a periodic orbit", "path"), "a row of periodic orbits"),
)
def plot_branch(
    branches: Any,
    path: str | Path | None = None,
    *,
    name: str | None = None,
    orbits: Iterable[Any] = (),
    axes: Any = None,
) -> Any:
    """Bifurcation diagram: stable states solid, unstable ones dashed, folds, Hopf and branch points marked.

    Parameters
    ----------
    branches : Branch or sequence of Branch
        In the same parameter.
    path : path
        Where the figure is written, if anywhere.
    name : str
        The scalar drawn, by default the first (N); for curves in two parameters the second one.
    orbits : iterable of PeriodicOrbit
        Drawn from their Hopf point on as the largest and the smallest value over a period.
    axes : matplotlib axes
        Draw there instead of on a new figure.

    Returns
    -------
    matplotlib figure

    Raises
    ------
    ValueError
        For a name that the table does not have.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=1.0), tol=1e-3)
    >>> state, how = fl.steady_state(problem), {"stability": False, "progress": False}
    >>> branch = fl.continuation(problem, state, "b", bounds=(0.5, 3.0), N_max=5.0, **how)
    >>> figure = fl.plot_branch(branch, "branch.png")
    """
    branches = [branches] if hasattr(branches, "table") else list(branches)
    first = branches[0]
    name = name or (first.names[1] if len(first.names) > 1 else _scalar(first))
    for branch in branches:
        if name not in branch.table:
            raise ValueError(f"name = {name!r}; the table has: {', '.join(branch.table)}")
    if axes is None:
        figure, axes = new_figure()
    elif len(axes) != 1:
        raise ValueError(f"plot_branch: axes = {len(axes)} axes; allowed is one")
    else:
        (axes,) = axes
        figure = axes.figure
    with house_style():
        for number, branch in enumerate(branches):
            _draw(axes, branch, first.names[0], name, f"C{number}" if len(branches) > 1 else "C0")
        for number, orbit in enumerate(orbits):
            for extreme in ("max", "min"):
                label = "periodic, largest and smallest" if number == 0 and extreme == "max" else "_"
                x, y = orbit.path[first.names[0]], orbit.path[f"{extreme} {name}"]
                axes.plot(x, y, "-", color="C2", lw=1.0, marker=".", ms=4, label=label)
        marked = dict.fromkeys(point.kind for branch in branches for point in branch if point.kind)
        for kind in marked:
            points = [(b.table[first.names[0]][k], b.table[name][k]) for b in branches for k in _rows(b, kind)]
            marker, color = MARKS[kind]
            axes.plot(*np.array(points).T, marker, color=color, ms=5, label=kind.replace("hopf", "Hopf"), zorder=3)
        axes.set(xlabel=_label(first.names[0]), ylabel=_label(name))
        axes.legend()
    return finished(figure, path)


def _draw(axes: Any, branch: Any, x_name: str, name: str, color: str) -> None:
    """Pieces between special points, each in one style: that of the points inside it."""
    known = (branch.table["unstable"] >= 0).all()
    labels = {text.get_label() for text in axes.lines}
    for stable, x, (y,) in smooth_pieces(branch, x_name, (name,)):
        solid = stable or not known or len(branch.names) > 1
        label = "stable" if solid and known and len(branch.names) == 1 else "" if solid else "unstable"
        shown = label if label and label not in labels else "_"
        labels.add(label)
        axes.plot(x, y, "-" if solid else "--", color=color, label=shown)


def smooth_pieces(branch: Any, x_name: str, names: Sequence[str]) -> Iterator[tuple[bool | None, Any, Any]]:
    """(stable, x (points,), values (names, points)) of the pieces between special points, as smooth curves.

    `stable`: whether all points inside a piece are; None where it was not asked for.
    """
    stable, known = branch.table["stable"], (branch.table["unstable"] >= 0).all()
    breaks = [0, *(k for k in range(1, len(branch) - 1) if branch[k].kind), len(branch) - 1]
    for start, stop in zip(breaks[:-1], breaks[1:], strict=True):
        inside = slice(start + 1, stop) if stop - start > 1 else slice(start, stop + 1)
        curve = _smooth(branch, range(start, stop + 1), (x_name, *names))
        yield bool(stable[inside].all()) if known else None, curve[0], curve[1:]


def _smooth(branch: Any, rows: range, names: tuple[str, ...]) -> np.ndarray:
    """Columns of the table between rows, shape (columns, points): cubic through the points along their tangents.

    Straight lines where a point has no tangent or a column is neither a parameter nor a scalar.
    """
    values = np.array([branch.table[name][rows.start : rows.stop] for name in names])
    slopes = np.array([[_slope(branch[k], name) for k in rows] for name in names])
    s = branch.table["arclength"][rows.start : rows.stop]
    if not np.isfinite(slopes).all() or np.any(np.diff(s) <= 0):
        return values
    u = np.linspace(0.0, 1.0, 9)[:-1]
    h00, h10, h01, h11 = (1 + 2 * u) * (1 - u) ** 2, u * (1 - u) ** 2, u**2 * (3 - 2 * u), u**2 * (u - 1)
    width = np.diff(s)[None, :, None]
    left, right = values[:, :-1, None], values[:, 1:, None]
    cubic = h00 * left + h01 * right + width * (h10 * slopes[:, :-1, None] + h11 * slopes[:, 1:, None])
    return np.concatenate([cubic.reshape(len(names), -1), values[:, -1:]], axis=1)


def _slope(point: Any, name: str) -> float:
    """Derivative by arc length."""
    if point.tangent is None:
        return np.nan
    ty, tz = point.tangent
    if name in point.names:
        return float(tz[point.names.index(name)])
    if name not in point.problem.scalar_names:
        return np.nan
    return float((point.problem.scalar_gradient(0.0, point.y) @ ty)[point.problem.scalar_names.index(name)])


def _rows(branch: Any, kind: str) -> list[int]:
    return [k for k, point in enumerate(branch) if point.kind == kind]


def _scalar(branch: Any) -> str:
    names = branch[0].problem.scalar_names
    if not names:
        raise ValueError(f"the problem has no scalar to draw; give name, one of {', '.join(branch.table)}")
    return names[0]


def _label(name: str) -> str:
    letter = name.partition("_")[0]
    return f"${symbol(name)}$" if symbol(letter) != letter or len(letter) == 1 else name.replace("_", " ")


FILES = ("branch.csv", "states.npz", "branch.json")


@checked(branch=BRANCH, folder=FOLDER, overwrite=FLAG)
def save_branch(branch: Any, folder: str | Path, overwrite: bool = False) -> Path:
    """Write a branch: `branch.csv` (its table and the kind of each point), `states.npz`, `branch.json`.

    states.npz holds `mesh` (rows,), the number of the mesh of each row, and for each mesh m its cell ends `cells_m` and
    the states `y_m` (rows on it, unknowns) in the order of the rows.

    Parameters
    ----------
    branch : Branch
        What `continuation`, `fold_curve` or `hopf_curve` returned.
    folder : path
        Made if it is not there.
    overwrite : bool
        Replace a branch that is there.

    Returns
    -------
    path
        The folder.

    Raises
    ------
    ValueError
        If the folder holds a branch and `overwrite` is False, or files of these names that are something else.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=1.0), tol=1e-3)
    >>> state, how = fl.steady_state(problem), {"stability": False, "progress": False}
    >>> branch = fl.continuation(problem, state, "b", bounds=(0.8, 1.2), **how)
    >>> fl.save_branch(branch, "runs/branch").name
    'branch'
    """
    folder = Path(folder)
    room = make_room(folder, "branch", overwrite, FILES)
    write_branch(branch, room, [*branch.table])
    room.json("branch.json", describe_branch(branch))
    return folder


def write_branch(branch: Any, room: Room, names: Sequence[str], durable: bool = True) -> None:
    """branch.csv with these columns of the table, and states.npz."""
    rows = zip(*(np.asarray(branch.table[name], float).tolist() for name in names), strict=True)
    lines = [csv_line(row)[:-1] + f",{point.kind}\n" for row, point in zip(rows, branch, strict=True)]
    room.text("branch.csv", ",".join([*names, "kind"]) + "\n" + "".join(lines), durable)
    room.npz("states.npz", _states(branch), durable)


def describe_branch(branch: Any) -> dict[str, Any]:
    """What branch.json says at the end."""
    special = [
        {"row": k, "kind": point.kind, **{n: v for n, v in point.details.items() if isinstance(v, float)}}
        for k, point in enumerate(branch)
        if point.kind
    ]
    return {
        "of": branch.what or "steady states",
        "parameters": branch.names,
        "outcome": str(branch.outcome),
        "model": str(getattr(branch[0].problem, "model", branch[0].problem)),
        "special_points": special,
    }


def _states(branch: Any) -> dict[str, np.ndarray]:
    meshes: list[tuple[int, np.ndarray]] = []
    numbers, states = [], {}
    for point in branch:
        key = (len(point.y), np.asarray(np.zeros(0) if point.problem.cells is None else point.problem.cells, float))
        known = [k for k, other in enumerate(meshes) if other[0] == key[0] and np.array_equal(other[1], key[1])]
        if not known:
            meshes.append(key)
        number = known[0] if known else len(meshes) - 1
        numbers.append(number)
        states.setdefault(f"y_{number}", []).append(point.y)
    arrays = {"mesh": np.array(numbers), **{name: np.array(rows) for name, rows in states.items()}}
    return arrays | {f"cells_{k}": cells for k, (_, cells) in enumerate(meshes)}


@checked(folder=FOLDER)
def read_branch(folder: str | Path) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """What `save_branch`, or a `continuation` with a folder, wrote.

    Parameters
    ----------
    folder : path
        Of the branch.

    Returns
    -------
    table : dict of arrays
        The columns of branch.csv; "kind" as text.
    states : list of arrays
        y of every row.

    Raises
    ------
    ValueError
        Where a file is missing or damaged.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=1.0), tol=1e-3)
    >>> how = {"stability": False, "progress": False, "folder": "runs/kept"}
    >>> branch = fl.continuation(problem, fl.steady_state(problem), "b", bounds=(0.8, 1.2), **how)
    >>> table, states = fl.read_branch("runs/kept")
    >>> bool((table["N"] == branch.table["N"]).all()), len(states) == len(branch)
    (True, True)
    """
    folder = Path(folder)
    room = Room(folder, "branch")
    header, *lines = room.whole("branch.csv").read_text().splitlines()
    columns = list(zip(*(line.split(",") for line in lines), strict=True))
    names = header.split(",")
    table = {name: np.array(column, float) for name, column in zip(names[:-1], columns[:-1], strict=True)}
    table["kind"] = np.array(columns[-1])
    arrays = read_npz(room.whole("states.npz"))
    counts: dict[int, int] = {}
    states = []
    for number in arrays["mesh"].tolist():
        states.append(arrays[f"y_{number}"][counts.get(number, 0)])
        counts[number] = counts.get(number, 0) + 1
    return table, states
