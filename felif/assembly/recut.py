"""The place at which a drift that runs away is cut off follows the input and the noise of a state; densities with it.

Above `Cut.last` an axis counts the time that is left with the input at which it was made. An input m more changes that
time by m T/f, noise by a/f^2; where this is visible the axis is made again, with the input and the noise of the state.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..firing import layers
from ..firing.over_v import OverV
from ..given.warning import warn
from ..meshing import tagged
from . import splitting
from .automatic import Flow, choose_nodes
from .running_away import Cut, cut
from .tuning import CUT


@dataclass(frozen=True)
class Raised:
    """A drift with an input more."""

    drift: Callable
    by: float

    def __call__(self, v: Any) -> Any:
        return self.drift(v) + self.by


def uncertainty(problem: OverV, t: float, y: np.ndarray) -> dict[str, float]:
    """By how much the cut falsifies each firing rate: N^2 times the error of a neuron's time."""
    if problem.end is None:
        return {}
    more, noise = _beyond(problem, problem.namespace(t, y))
    pairs = zip(_rates(problem, t, y).items(), more, noise, strict=True)
    return {name: rate**2 * problem.end.wrong(m, a) for (name, rate), m, a in pairs}


def _moved(problem: OverV, beyond: tuple, rates: Iterable[float], y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
    end: Cut = problem.end
    more, noise = beyond
    pace = _pace(end, rates)
    wrong = max(map(end.wrong, more, noise)) * pace
    if not wrong > CUT.visible * max(CUT.negligible, end.part):
        return None
    by = float(more.max() + more.min()) / 2
    try:
        new = cut(Raised(end.drift, by), float(noise.max()), problem.landings[0], end.top)
    except ValueError:
        return None
    if new is None or max(map(new.wrong, more - by, noise)) * pace > 0.5 * wrong:
        return None
    moved = _with_end(problem, new)
    return moved, splitting.transfer(problem, moved, y), f"drift cut off at {new.last:.4g}"


def recut(problem: OverV, t: float, y: np.ndarray) -> tuple[Any, np.ndarray, str] | None:
    """(problem, y, why) on an axis that serves drift and noise at a state y at rest; None where that at hand does, none
    is better, or the mesh is a user's."""
    if problem.end is None or problem.tol is None:
        return None
    return _moved(problem, _beyond(problem, problem.namespace(t, y)), _rates(problem, t, y).values(), y)


def at_start(problem: OverV) -> Any:
    """The problem on an axis that serves its inputs without activity."""
    if problem.end is None or problem.tol is None:
        return problem
    moved = _moved(problem, _beyond(problem, problem.point(0.0)), (), np.zeros(problem.size))
    return problem if moved is None else moved[0]


def warn_where_wrong(problem: OverV, t: float, y: np.ndarray) -> None:
    """A UserWarning where input and noise of a run falsify the times of spikes visibly."""
    end = problem.end
    part = max(map(end.wrong, *_beyond(problem, problem.namespace(t, y)))) * _pace(end, _rates(problem, t, y).values())
    if part > max(CUT.told, problem.tol):
        warn(
            f"evolve: input or noise has become so large that a neuron's time above v = {end.last:.4g}, where drift "
            f"alone is followed, is wrong by more than {max(CUT.told, problem.tol):g} of its interval; N has that "
            "error from here on",
        )


def _pace(end: Cut, rates: Iterable[float]) -> float:
    return max([1 / end.time, *rates])


def _rates(problem: OverV, t: float, y: np.ndarray) -> dict[str, float]:
    """Of the fields, in their order."""
    s, fluxes = problem.namespace(t, y), {q.of: q.name for q in problem.weak_form.scalars if q.algebraic == "flux"}
    return {fluxes[name]: abs(float(getattr(s, fluxes[name]))) for name in problem.field_names}


def _beyond(problem: OverV, s: Any) -> tuple[np.ndarray, np.ndarray]:
    """(input more than that at which the axis was made, noise) of the fields at scalars s."""
    flows = layers.transport(problem, s)
    drift, noise = np.array([[part[-1] for part in flows[name]] for name in problem.field_names], float).T
    return drift - problem.end.speed, noise


def _with_end(problem: OverV, end: Cut) -> Any:
    """On the cells at hand up to the lower of both cuts, above it on those that the new axis asks for."""
    model, space, tol, low = problem.model, problem.space, problem.tol, min(problem.end.last, end.last)
    natural = choose_nodes(Flow(model, end=end), space, tol)
    cells = np.concatenate([problem.cells[problem.cells < low], natural[natural >= low], [end.last]])
    mesh = tagged(np.unique(cells), model, end.end)
    assembled = type(problem._assembled)(model, mesh, space, tol, end)
    new = type(problem)(assembled, model, problem.history)
    new.natural = natural
    return new


@dataclass(frozen=True)
class OnAxis:
    """A density over potentials as one over the axis of a cut."""

    density: Callable
    end: Cut

    def __call__(self, x: Any) -> Any:
        x = np.asarray(x, float)
        v = self.end.potentials(np.minimum(x, np.nextafter(self.end.end, -np.inf)).ravel())
        values = np.asarray(self.density(v), float) * self.end.slowed(v)
        return np.where(x < self.end.end, values.reshape(x.shape), 0.0)

    @property
    def breakpoints(self) -> np.ndarray:
        return self.end.axis(np.array([*getattr(self.density, "breakpoints", ())]))

    @property
    def features(self) -> np.ndarray:
        return self.end.axis(np.array([*getattr(self.density, "features", ())]))


def on_axis(density: Callable, end: Cut | None) -> Callable:
    """The density on the axis; itself where nobody is above the cut."""
    if end is None:
        return density
    above = end.last + (end.end - end.last) * np.linspace(0.0, 1.0, 65)[:-1]
    try:
        found = np.asarray(density(end.potentials(above)), float)
    except (TypeError, ValueError):  # written for one number, or wrong: told where it is looked at
        return density
    if found.shape != above.shape or not found.any():
        return density
    return OnAxis(density, end)


def over_potentials(value: Any, end: Cut | None) -> Any:
    """A density on the axis as a function of the potential."""
    if end is None:
        return value
    inner = value.evaluate

    def evaluate(v: np.ndarray) -> np.ndarray:
        inside = v < end.top
        low = np.where(inside, v, end.last)
        return np.where(inside, inner(end.axis(low)) / end.slowed(low), 0.0)

    return dataclasses.replace(value, evaluate=evaluate)
