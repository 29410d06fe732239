"""A system on other meshes and with other parameters, and how it changes with them and in time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..given.differences import central, forward
from ..given.parameters import value_of
from ..given.portable import require_portable
from ..problem import State
from ..weakform import Index
from .adapt import of_cells, refined, richer, thinned, transferred
from .on_axes import OnAxes
from .reach import further, longer_lines
from .tuning import MESHES


def coarser(system: OnAxes, factor: float) -> Any:
    """The same problem discretised less well: for `factor` times its tolerance, or on every second cell end."""
    if system.tol is not None:
        tol = min(factor * system.tol, 0.1)
        return system.again(system.model, None, system.space, tol).with_history(system.history)
    return system.on_lines(thinned(system))


def on_cells(system: OnAxes, cells: Mapping[str, np.ndarray]) -> Any:
    """The same model and space on other cells of some axes."""

    return system.on_lines({name: of_cells(system.lines[name], ends) for name, ends in cells.items()})


def mesh_arrays(system: OnAxes) -> dict[str, np.ndarray]:
    """What `on_arrays` makes this mesh from, for a run folder."""
    return {f"cells of {name}": line.cells for name, line in system.lines.items()}


def on_arrays(system: OnAxes, arrays: Mapping[str, np.ndarray]) -> Any:
    """This problem on the mesh that `mesh_arrays` described."""
    return system.on_cells({name.removeprefix("cells of "): cells for name, cells in arrays.items()})


def reduced(system: OnAxes) -> tuple[Any, ...]:
    """For `pickle`: the equations are those of the model."""
    require_portable(type(system.model).__name__, model=system.model)
    made = (system.lines, system.space, system.tol, system.again, system.history)
    return _copied, (type(system), system.model, made)


def _copied(kind: type, model: Any, made: tuple) -> Any:
    return kind(model, model.equations(), *made)


def enriched(system: OnAxes, y: np.ndarray, by: int = 2) -> tuple[Any, np.ndarray]:
    """(problem, y on it) in a richer space that reaches further along infinite axes, for error estimates.

    As it is where there are numbers alone.
    """
    if not system.lines:
        return system, y
    other = richer(system.on_lines(further(system, y, MESHES.least, at_rest=True)), by)
    return other, transferred(system, other, y)


def adapted(system: OnAxes, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
    """(problem, y on it, why): longer where diffusion brought y to an end, else finer where cells do not resolve it.

    None where y needs neither, and for a mesh the user has chosen.
    """
    if system.tol is None:
        return None
    lines = longer_lines(system, y)
    if not lines:
        return refined(system, t, y)
    longer = system.on_lines(lines)
    return longer, transferred(system, longer, y), f"{', '.join(lines)} extended"


def extended(system: OnAxes, y: np.ndarray, mass: float) -> tuple[Any, np.ndarray] | None:
    """(problem, y on it) where infinite axes reach further, see `systems.reach`; None where they reach far enough."""
    lines = further(system, y, max(mass, MESHES.least), at_rest=True)
    if not lines:
        return None
    other = system.on_lines(lines)
    return other, transferred(system, other, y)


def carried(system: OnAxes, state: State) -> tuple[Any, np.ndarray]:
    """(this system, y) for a state of another mesh or of other parameters, as a starting value."""
    if _evolving(state.problem) != _evolving(system):
        raise ValueError(f"guess = {state!r} has other unknowns than {type(system.model).__name__}")
    return system, received(system, state)


def _evolving(system: OnAxes) -> list[tuple[str, list[Any]]]:
    """What evolves, over how many entries of indices and along which axes."""
    size = lambda name: axis.count if isinstance(axis := system.equations.axis(name), Index) else name
    return [(u.name, [size(name) for name in u.over]) for u in (*system.layout.fields, *system.layout.numbers)]


def received(system: OnAxes, state: State) -> np.ndarray:
    """The unknowns of a state of another mesh, interpolated on this one."""
    return transferred(state.problem, system, state.y)


def rebuilt(system: OnAxes, **parameters: Any) -> Any:
    """Discretised again with other parameters, those that shape the mesh included."""
    model = dataclasses.replace(system.model, **parameters)
    return system.again(model, None if system.tol is not None else system.lines, system.space, system.tol)


def parameter_derivative(system: OnAxes, t: float, y: np.ndarray, name: str) -> np.ndarray:
    """dF/d(parameter) at fixed y, through the algebraic unknowns too: a central difference of fourth order."""
    p = value_of(system.model, name)
    h = 1e-3 * max(abs(p), 0.1)
    try:
        slope, near = central, {k: system.at(**{name: p + k * h}) for k in (-2, -1, 1, 2)}
    except ValueError:  # nothing is allowed below p
        slope, near = forward, {k: system.at(**{name: p + k * h}) for k in range(5)}
    if all(other.layout is system.layout for other in near.values()):
        X = system._point(t, y)["X"]
        return system._schur(t, y).along_residual(slope(lambda d: _residual(near[round(d / h)], X, t), h))
    return slope(lambda d: near[round(d / h)].rate(t, y), h)  # there are other unknowns beside p


def _residual(system: OnAxes, X: np.ndarray, t: float) -> np.ndarray:
    """(F, g) at the unknowns of X, the inputs those of this system."""
    X = X.copy()
    system._inputs(t, X)
    return system._operator.residual(X)


def time_derivative(system: OnAxes, t: float, y: np.ndarray, step: float) -> np.ndarray | None:
    """dF/dt at fixed y; inputs are differenced forward, inside [t, t + step]."""
    if not system.driven and not (system.delays and system.history is not None):
        return None
    h = min(step / 4, 1e-3)

    def inputs(later: float) -> np.ndarray:
        X = np.zeros(len(system.layout.columns))
        system._inputs(t + later, X)
        return X

    return system._schur(t, y).along_inputs(forward(inputs, h)[system.size + system.layout.n_z :])


def input_derivative(system: OnAxes, t: float, y: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(dF, d(algebraic scalars)) by one input, such as a delayed N in a problem that has a history."""
    unit = np.zeros(system.layout.n_in)
    unit[input_number(system, name)] = 1.0
    schur = system._schur(t, y)
    return schur.along_inputs(unit), schur.z_along_inputs(unit)[algebraic_scalars(system)]


def input_number(system: OnAxes, name: str) -> int:
    """Which of all entries of inputs one is."""
    return [n for given in system.layout.inputs for n in system.layout.flattened(given.name)].index(name)


def algebraic_scalars(system: OnAxes) -> np.ndarray:
    """Their places in z."""
    places = system._scalar_places - system.size
    return places[(places >= 0) & (places < system.layout.n_z)]
