"""What is seen of a state: what a run records and conserves, the state as data, the rotation it may have, its mesh."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algebra import Band, stacked
from ..given.text import listed, model_text
from ..problem import Infeasible, Problem
from ..spaces import DrawingPoints, along, over_rectangles
from ..translation import elsewhere
from .on_axes import OnAxes
from .schur import Changes
from .tuning import MATRICES


def measure(system: OnAxes) -> None:
    """Sets the mass, and the names of densities and numbers (those solved for first) with their places."""
    layout, names, places, system.groups = system.layout, [], [], {}
    evolving = (*layout.fields, *layout.numbers)
    late = {getattr(given, "of", None) for given in system.equations.inputs}  # their past is looked up by name
    mass = np.zeros(layout.size)
    for u in evolving:
        mass[layout.indices(u.name)] = layout.weights(u.name)
    system.mass = Band.diagonal(mass[layout.columns[: system.size]])
    system.field_names = tuple(u.name for u in layout.fields)
    for u in (*layout.algebraic, *layout.numbers):
        if system.equations.lines(u):
            continue
        shape = layout.shapes[u.name]
        if shape:
            system.groups[u.name] = (shape, layout.position[layout.indices(u.name)])
        if int(np.prod(shape)) <= MATRICES.shown or u.name in late:
            at = layout.position[layout.indices(u.name)].tolist()
            names += [name for name, k in zip(layout.flattened(u.name), at, strict=True) if k >= 0]
            places += [k for k in at if k >= 0]
    system.scalar_names, system._scalar_places = tuple(names), np.array(places, int)


def drawing_points(system: OnAxes) -> DrawingPoints:
    """Where all densities are drawn. ValueError where there are none over one or two axes, or over different ones."""
    over = {tuple(name for name in u.over if name in system.lines) for u in system.layout.fields}
    if len(over) != 1 or len(axes := next(iter(over))) > 2:
        raise ValueError(
            f"There is no mesh of one or two axes to draw densities over {sorted(over)} on; write no snapshots"
        )
    lines = [system.lines[name] for name in axes]
    if len(axes) == 1:
        return along(axes[0], lines[0].cells, lines[0].degree)
    return over_rectangles(axes, tuple(line.cells for line in lines), tuple(line.degree for line in lines))


def as_data(system: OnAxes, y: np.ndarray) -> dict[str, Any]:
    """A state as initial data for another mesh: densities, cut at zero, and numbers."""
    data: dict[str, Any] = {}
    for u in system.layout.fields:
        functions = system.field(u.name, y)
        parts = functions if isinstance(functions, tuple) else (functions,)
        cut = [lambda *x, part=part: np.maximum(part(*x), 0.0) for part in parts]
        data[u.name] = cut if isinstance(functions, tuple) else cut[0]
    return data | {u.name: system.full(u.name, y) for u in system.layout.numbers}


def largest_and_lowest(system: OnAxes, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest and the smallest value of the densities of many states (one a row)."""
    densities = states[:, : system.layout.n_fields] if system.layout.n_fields else np.ones((len(states), 1))
    return densities.max(axis=1), densities.min(axis=1)


def observe(system: OnAxes, t: float, y: np.ndarray) -> dict[str, float]:
    """Scalars (inf where none exist), integrals of the densities, conserved quantities, smallest nodal value."""
    try:
        scalars = system.scalars(t, y)
    except Infeasible:
        scalars = np.full(len(system.scalar_names), np.inf)
    row = dict(zip(system.scalar_names, scalars.tolist(), strict=True))
    row.update(zip(system.functionals, (system.recorded @ y).tolist(), strict=True))
    row["min_n"] = float(y[: system.layout.n_fields].min(initial=np.inf)) if system.layout.n_fields else 0.0
    return row


def observed(system: OnAxes, scalars: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The same of many states whose scalars are known: one row a state, in the order of `observe`."""
    lowest = states[:, : system.layout.n_fields].min(axis=1)
    return np.column_stack([scalars, (system.recorded @ states.T).T, lowest])


Functionals = dict[str, tuple[np.ndarray, np.ndarray]]  # {name: (places in y, weights)}


def functionals(system: OnAxes) -> Functionals:
    """What every run records: integrals of the densities, and what is conserved."""
    layout, found = system.layout, {}
    for u in layout.fields:
        at = layout.of_y(u.name)
        found["mass" if len(layout.fields) == 1 else f"mass_{u.name}"] = at, system.mass.data[0][at]
    return found | system.kept


def kept(system: OnAxes) -> Functionals:
    """What is conserved."""
    found: Functionals = {}
    for quantity in system.equations.conserved:
        found |= _conserved(system, quantity)
    return found


def _conserved(system: OnAxes, quantity: Any) -> Functionals:
    layout, parts = system.layout, []
    for name, weight in quantity.weights.items():
        over, shape = system.equations.unknown(name).over, layout.shapes[name]
        position = layout.position[layout.indices(name)]
        entry = np.zeros(shape, int)
        if quantity.each is not None:
            k = over.index(quantity.each)
            entry = entry + np.arange(shape[k]).reshape([-1 if i == k else 1 for i in range(len(shape))])
        free = position >= 0
        parts.append((entry.ravel()[free], position[free], weight * system.mass.data[0][position[free]]))
    entry, at, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    if quantity.each is None:
        return {quantity.name: (at, weights)}
    order = np.argsort(entry, kind="stable")
    cuts = np.searchsorted(entry[order], np.arange(1, system.equations.axis(quantity.each).count))
    each = zip(np.split(at[order], cuts), np.split(weights[order], cuts), strict=True)
    return {f"{quantity.name}_{k}": part for k, part in enumerate(each)}


def _dense(functionals: Functionals, n: int) -> dict[str, np.ndarray]:
    found = {name: np.zeros(n) for name in functionals}
    for name, (at, weights) in functionals.items():
        found[name][at] = weights
    return found


def quantities(system: OnAxes) -> dict[str, np.ndarray]:
    """What every run records, as vectors on y."""
    return _dense(system.functionals, system.size)


def conserved(system: OnAxes) -> dict[str, np.ndarray]:
    """{name: c} with c.y constant in time."""
    return _dense(system.kept, system.size)


def recorded(system: OnAxes) -> Any:
    """The rows of what every run records."""
    return stacked(system.functionals.values(), system.size)


def conserved_rows(system: OnAxes) -> Any:
    """The rows of what is conserved."""
    return stacked(system.kept.values(), system.size)


def scalar_changes(system: OnAxes, t: float, y: np.ndarray) -> Any:
    """The gradient of the scalars, or, where many are solved for, what its product with a change gives."""
    if system.layout.n_z <= MATRICES.solved_for:
        return system.scalar_gradient(t, y)
    return Changes(system._schur(t, y), system._scalar_places)


def rate_names(system: OnAxes) -> tuple[str, ...]:
    """The fluxes that are numbers, of all populations; else as of any problem."""
    held = [u.name for u in system.layout.algebraic if u.kind == "holds" and not system.equations.lines(u)]
    names = [name for one in held for name in system.layout.flattened(one) if name in system.scalar_names]
    return tuple(names) or Problem.rate_names.fget(system)


def jumps(system: OnAxes) -> bool:
    """Whether N stays finite where the margin falls to 0: no flux, and two solutions of an equation that is not affine
    meet there, or it is another unknown that becomes infinite."""
    layout = system.layout
    if not layout.n_z or any(u.kind == "holds" for u in layout.algebraic):
        return False
    if not system.constraint.affine:
        return True
    z = slice(layout.n_y, layout.n_y + layout.n_z)
    place = int(system._scalar_places[system.scalar_names.index(system.rate_names[0])])
    if place < layout.n_y:
        return True
    random = np.random.default_rng(2)
    states = (np.zeros(len(layout.columns)), random.random(len(layout.columns)))
    rows = [system.constraint.matrix(X)[place - layout.n_y, z].toarray()[0] for X in states]
    return bool(np.count_nonzero(rows[0]) == 1 and np.array_equal(*rows))  # it is what y says


def beyond(system: OnAxes, y: np.ndarray) -> dict[str, tuple[float, float]]:
    """{axis: mass beyond its lower and upper end}, if densities fall there as they do in the last cell of the mesh.

    Where an axis has an end there is nothing beyond; a density that does not fall is taken for one as wide as the mesh.
    """
    found = {}
    for name, line in system.lines.items():
        axis, parts = system.equations.axis(name), np.zeros(2)
        for u in [u for u in system.layout.fields if name in u.over]:
            shape, k = system.layout.shapes[u.name], u.over.index(name)
            weighted = (system.full(u.name, y).ravel() * system.layout.weights(u.name)).reshape(shape)
            marginal = weighted.sum(axis=tuple(j for j in range(len(shape)) if j != k)) / line.weights
            if axis.low == -np.inf:
                parts[0] += _tail(marginal[line.dofs[0][::-1]], line.widths[0], line.cells)
            if axis.high == np.inf:
                parts[1] += _tail(marginal[line.dofs[-1]], line.widths[-1], line.cells)
        found[name] = tuple(parts.tolist())
    return found


def _tail(values: np.ndarray, width: float, cells: np.ndarray) -> float:
    """The integral from the last of the values of a cell on."""
    inner, last = abs(float(values[0])), abs(float(values[-1]))
    length = width / np.log(inner / last) if inner > last > 0 else float(cells[-1] - cells[0])
    return last * min(length, float(cells[-1] - cells[0]))


def symmetry(system: OnAxes, y: np.ndarray) -> np.ndarray | None:
    """dy of a rotation of every density, where the equations do not change with it; None otherwise."""
    axis = system.equations.symmetric_along
    if axis is None:
        return None
    found, line = np.zeros(system.size), system.lines[axis]
    columns, rows = line.rows(line.nodes, derivative=True)
    for u in system.layout.fields:
        values = np.moveaxis(system.full(u.name, y), u.over.index(axis), -1)
        slopes = np.einsum("...pi,pi->...p", values[..., columns], rows)
        position = system.layout.position[system.layout.indices(u.name)]
        found[position] = np.moveaxis(slopes, -1, u.over.index(axis)).ravel()
    return found if np.abs(found).max() > 1e-9 * np.abs(y).max() else None


def described_mesh(system: OnAxes) -> dict[str, Any]:
    """What run.json says about the mesh."""
    found: dict[str, Any] = {"unknowns": system.size}
    for name, line in system.lines.items():
        found |= {f"cells_{name}": line.count, f"{name}_min": line.cells[0], f"{name}_max": line.cells[-1]}
        found |= {f"smallest_cell_{name}": line.widths.min(), f"degree_{name}": line.degree}
    return found


def described(system: OnAxes) -> str:
    """What a problem prints."""
    unknowns = listed(u.name for u in system.equations.unknowns)
    axes = [
        f"{name} in [{line.cells[0]:g}, {line.cells[-1]:g}]: {line.count} cells of degree {line.degree}"
        for name, line in system.lines.items()
    ]
    lines = [
        f"Problem: {model_text(system.model)}",
        f"  unknowns   {unknowns}   ({system.size} degrees of freedom)",
        "  terms      " + listed(term.called for term in system.equations.terms),
        *([f"  axes       {'; '.join(axes)}"] if axes else []),
        f"  conserved  {listed(system.conserved) or 'nothing'}",
        f"  engine     that of any axes: {elsewhere(system.model) or 'asked for'}",
    ]
    return "\n".join(lines)
