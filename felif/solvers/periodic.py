"""Periodic orbits from a Hopf point: collocation in time, followed to given parameters by arc length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FINITE, FLAG, FOLDER, POSITIVE, SYSTEM, checked, optional, required, whole
from ..given.warning import warn
from ..output.progress import Bar
from ..output.work import Work, open_work
from ..problem import NotConverged, Problem
from .arclength import better
from .border import carriers, conservation
from .branch import Point
from .collocation import TimeMesh
from .family import Family, parameter_value
from .hopf import ImaginaryPair
from .keeping import told_point, told_problem
from .keeping_orbits import FILES, further, keep_orbit, known_arrays, known_from, share, show_path
from .orbit import PeriodicOrbit, path_table
from .orbit_errors import scalar_series
from .orbit_points import delayed_names, linearisations, mass_times, past
from .orbit_system import Line, Orbit, correct_orbit, on_mesh_for, phase_row, product
from .tuning import ORBITS


@checked(
    problem=SYSTEM,
    tol=POSITIVE,
    max_orbits=whole(1),
    folder=optional(FOLDER),
    **dict.fromkeys(("resume", "overwrite", "progress"), FLAG),
)
def periodic_orbit(
    problem: Problem,
    hopf: Point,
    *,
    tol: float = 1e-6,
    max_orbits: int = 200,
    folder: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    **parameters: float,
) -> PeriodicOrbit:
    """The periodic orbit M y' = F(y), y(T) = y(0) that branches off a Hopf point, at the given parameters.

    From the Hopf point, orbits are followed by arc length along the straight line from its parameters to the given
    ones.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    hopf : Point
        A Hopf point, such as branch.hopfs[0].
    tol : float
        Relative accuracy of the scalars over the period, as far as the time mesh is concerned; the mesh of the fields
        is adapted where the problem offers it.
    max_orbits : int
        On the way.
    folder : path
        Written while orbits are followed: orbits.csv, a row an orbit (parameters, period, extremes), and at the end
        orbit.csv, the scalars over the period, with orbit.json.
    resume, overwrite, progress : bool
        As for `continuation`. `resume` also goes on to more orbits, and to a target further along the same line in
        steps of the same unit.
    **parameters : float
        Where the orbit is wanted; by default those of `problem`.

    Returns
    -------
    PeriodicOrbit
        `.period`, `.at(t)`, `.sample(name, times)`, `.multipliers`, `.stable`.

    Raises
    ------
    ValueError
        For a point that is no Hopf point, parameters that cannot be varied, and another orbit in the folder.
    NotConverged
        If the branch of orbits does not lead there (the message says how far it went).

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.RandomThresholdLIF(b=4.55), tol=1e-2)
    >>> branch = fl.continuation(problem, fl.steady_state(problem), "b", bounds=(4.5, 4.65), progress=False)
    >>> hopf = branch.hopfs[0]  # the period begins as that of the mode
    >>> orbit = fl.periodic_orbit(problem, hopf, b=hopf.b + 0.01, tol=1e-2, progress=False)
    >>> bool(abs(orbit.period * hopf.frequency / 6.283185 - 1) < 0.05)
    True
    """
    if getattr(hopf, "kind", None) != "hopf":
        raise ValueError(f"hopf = {hopf!r}; allowed is a Hopf point of a branch, such as branch.hopfs[0]")
    if not 1e-12 <= tol <= 0.1:
        raise ValueError(f"tol = {tol!r}; allowed are numbers in [1e-12, 0.1]")
    parameters = parameters or {name: parameter_value(problem, name) for name in hopf.names}
    parameters = {name: required("periodic_orbit", name, value, FINITE) for name, value in parameters.items()}
    family = Family(hopf.problem, tuple(parameters))
    direction = np.array([float(value) for value in parameters.values()]) - family.start
    if not direction.any():
        raise ValueError(f"parameters = {parameters}: that is the Hopf point, where the orbit has no amplitude")
    asked = {"problem": told_problem(problem), "hopf": told_point(hopf) | {"frequency": float(hopf.frequency)}}
    asked |= {"tol": tol, "max_orbits": max_orbits, "parameters": parameters}
    reach = {"way": direction.tolist(), "max_orbits": max_orbits}
    how = {"resume": resume, "overwrite": overwrite, "description": {"unit": reach["way"], "reach": reach}}
    with (
        Bar("periodic_orbit", shown=progress) as told,
        open_work("periodic_orbit", "orbit", folder, asked, FILES, **how, further=further(reach)) as work,
    ):
        unit = np.array(work.description.get("unit", reach["way"]))  # as it was begun
        follower = _Follower(Line(family, unit), hopf, tol, work, told, share(direction, unit))
        orbit = follower.to_target(max_orbits)
        keep_orbit(orbit, work)
    return orbit


class _Follower:
    """Walks along the branch of periodic orbits; the line's theta goes from 0 (Hopf) to `target`."""

    def __init__(self, line: Line, hopf: Any, tol: float, work: Work, told: Callable, target: float) -> None:
        self.line, self.tol, self.work, self.told, self.target = line, tol, work, told, target
        self.path: list[tuple[Line, Orbit]] = []
        self._known: tuple[Orbit | None, np.ndarray] = None, np.zeros(0)
        problem, omega = line.at(0.0), float(hopf.frequency)
        y = np.asarray(hopf.y, float)
        self.totals = conservation(problem) @ y
        self.units = float(np.sqrt(y @ (problem.mass @ y))) or 1.0, np.abs(hopf.problem.scalars(0.0, y)) + 1e-6
        mesh = TimeMesh(np.linspace(0.0, 1.0, ORBITS.pieces + 1), ORBITS.points)
        condition = ImaginaryPair.near(line.family, y, np.append(line.family.start, omega))
        _, v, _, _ = condition.solve(problem, y, omega)
        wave = np.exp(2j * np.pi * mesh.points)[:, None, :]
        m, s = mesh.points.shape
        rest = hopf.problem.scalars(0.0, y)[[problem.scalar_names.index(k) for k in delayed_names(problem)]]
        S = np.broadcast_to(rest[None, :, None], (m, len(rest), s)).copy()
        self.hopf = Orbit(mesh, np.broadcast_to(y[None, :, None], (m, len(y), s)).copy(), 2 * np.pi / omega, 0.0, S)
        G = problem.scalar_gradient(0.0, y)[[problem.scalar_names.index(k) for k in delayed_names(problem)]]
        tangent = Orbit(mesh, (v[None, :, None] * wave).real, 0.0, 0.0, ((G @ v)[None, :, None] * wave).real)
        self.tangent = self._unit(self.hopf, tangent)

    # metric -----------------------------------------------------------------------------------------------------

    def _row(self, at: Orbit, direction: Orbit) -> Orbit:
        """The inner product with a direction: means over the period of y and of the scalars, period and parameter."""
        problem = self.line.at(at.theta)
        rows = mass_times(problem.mass, direction.Y) / self.units[0] ** 2
        if problem.scalar_names:
            G = self._gradients(problem, at)
            rows += np.einsum("isk,iskn->ins", np.einsum("iskn,ins->isk", G, direction.Y), G)
        rows *= at.mesh.weights[:, None, :]
        ends = {"period": direction.period / at.period**2, "theta": direction.theta / ORBITS.unit**2}
        return replace(at, Y=rows, S=np.zeros_like(at.S), **ends)

    def _gradients(self, problem: Problem, at: Orbit) -> np.ndarray:
        """Those of the scalars, in their units, at all points of an orbit: (pieces, points, scalars, size)."""
        if self._known[0] is not at:
            G = linearisations(past(problem, at), *at.samples, True).gradients / self.units[1][:, None]
            self._known = at, G.reshape(*at.mesh.points.shape, len(problem.scalar_names), at.Y.shape[1])
        return self._known[1]

    def _unit(self, at: Orbit, direction: Orbit) -> Orbit:
        return _scaled(direction, product(self._row(at, direction), direction))

    # along the branch -------------------------------------------------------------------------------------------

    def _corrected(self, guess: Orbit, slope: Orbit, place: Orbit | None, exact: bool = False) -> tuple[Orbit, int]:
        phase = phase_row(self.line, guess, slope)
        return correct_orbit(self.line, self.totals, guess, phase, place, exact)

    def to_target(self, max_orbits: int) -> PeriodicOrbit:
        known, ds, tried = self._begun()
        if (found := self._kept_end()) is not None:
            return found
        failure = "too many orbits"
        for attempt in range(tried, max_orbits):
            s, orbit = known[-1]
            if orbit.theta < ORBITS.away:
                failure = "they lead away from the target"
                break
            if ds < ORBITS.shortest:
                break
            guess = self._predicted(known, s + ds)
            try:
                new, iterations = self._step(orbit, guess, orbit is self.hopf)
            except NotConverged as error:
                failure, ds = str(error), ds / 2
                continue
            if (orbit.theta - self.target) * (new.theta - self.target) <= 0 and new.theta != orbit.theta:
                return self._finish(orbit, new)
            missed, gone = new.plus(guess, -1.0), new.plus(orbit, -1.0)
            off = np.sqrt(self._product(new, missed, missed) / self._product(new, gone, gone))
            places = [place for place, _ in known[-2:]] + [s + ds]
            orbits = self._served([*(o for _, o in known[-2:]), new])
            known = list(zip(places, orbits, strict=True))
            ds = min(ds * (1.8 if iterations <= 4 and off < 0.1 else 1.0 if off < 0.3 else 0.5), ORBITS.longest)
            self.path.append((self.line, orbits[-1]))
            self.work.keep("orbit", known_arrays(self.line, known) | {"next": np.array([ds, attempt + 1])})
            part = orbits[-1].theta / self.target
            self.told(f"{len(self.path)} orbits, {part:.3g} of the way, period {orbits[-1].period:.6g}")
        names = self.line.family.names
        values = self.line.family.start + known[-1][1].theta * self.line.direction
        reached = ", ".join(f"{name}={value:.6g}" for name, value in zip(names, values, strict=True))
        reached = reached if self.path else "the Hopf point"
        raise NotConverged(f"the periodic orbits from the Hopf point were followed to {reached} only: {failure}")

    def _begun(self) -> tuple[list[tuple[float, Orbit]], float, int]:
        """(the last orbits with their places, the next step, how many were tried): the Hopf point, or what is kept."""
        known, ds, tried = [(0.0, self.hopf)], 0.2, 0
        for arrays in self.work.kept("orbit"):
            self.line, known = known_from(arrays, self.line)
            ds, tried = float(arrays["next"][0]), int(arrays["next"][1])
            self.path.append((self.line, known[-1][1]))
        self.work.show = lambda: show_path(self.path, self.totals, self.work)
        return known, ds, tried

    def _kept_end(self) -> PeriodicOrbit | None:
        """The orbit at the target, if it was found before."""
        for arrays in self.work.kept("end"):
            self.line, ((_, orbit),) = known_from(arrays, self.line)
            return self._result(orbit)
        return None

    def _predicted(self, known: list[tuple[float, Orbit]], s: float) -> Orbit:
        """The polynomial in arc length through the last orbits; from the Hopf point, along its eigenvector."""
        places, orbits = zip(*known, strict=True)
        if len(orbits) == 1:
            return orbits[0].plus(self.tangent, s)
        guess = orbits[-1]
        for k, (place, orbit) in enumerate(known):
            others = [other for j, other in enumerate(places) if j != k]
            weight = np.prod([(s - other) / (place - other) for other in others])
            guess = guess.plus(orbit, float(weight) - (orbit is orbits[-1]))
        return guess

    def _step(self, orbit: Orbit, guess: Orbit, first: bool) -> tuple[Orbit, int]:
        """The orbit on the plane through the guess that is orthogonal to the way there."""
        way = guess.plus(orbit, -1.0)
        return self._corrected(guess, self.tangent if first else guess, self._row(orbit, way))

    def _product(self, at: Orbit, a: Orbit, b: Orbit) -> float:
        return product(self._row(at, a), b)

    def _finish(self, before: Orbit, after: Orbit) -> PeriodicOrbit:
        """The orbit at the target, between two, on meshes that resolve it."""
        if len(before.Y) != len(after.Y) or before.Y.shape != after.Y.shape:
            before = after
        part = (self.target - before.theta) / (after.theta - before.theta) if before is not after else 0.0
        guess = replace(before.plus(after.plus(before, -1.0), part), theta=self.target)
        orbit = self._kept(self._corrected(guess, guess, None, exact=True)[0])
        for _ in range(ORBITS.rounds):
            (guess,) = self._refined([orbit])
            if guess is orbit:
                break
            orbit = self._kept(self._corrected(guess, guess, None, exact=True)[0])
        self.work.keep("end", known_arrays(self.line, [(0.0, orbit)]))
        return self._result(orbit)

    def _result(self, orbit: Orbit) -> PeriodicOrbit:
        unresolved = float(_unresolved(self.line, orbit).max())
        if unresolved > self.tol:
            warn(
                f"periodic_orbit: {len(orbit.mesh.widths)} pieces of time leave {unresolved:.1e} of the scalars "
                f"unresolved, more than tol = {self.tol:g}; `errors` says what that does to the orbit",
            )
        path = path_table([*self.path, (self.line, orbit)], self.totals)
        return PeriodicOrbit(self.line, orbit, self.totals, unresolved, path)

    def _kept(self, orbit: Orbit) -> Orbit:
        """The orbit with the rounding of its linear systems taken out of what is conserved."""
        problem, Y = self.line.at(orbit.theta), orbit.Y.copy()
        C = conservation(problem)
        for i, j in np.ndindex(*orbit.mesh.points.shape) if C.size else ():
            y = np.ascontiguousarray(Y[i, :, j])
            Y[i, :, j] = y + carriers(problem, y) @ (self.totals - C @ y)
        return replace(orbit, Y=Y)

    # meshes -----------------------------------------------------------------------------------------------------

    def _served(self, orbits: list[Orbit]) -> list[Orbit]:
        """All orbits on meshes that serve the last, which is solved anew there, at its theta."""
        for _ in range(ORBITS.rounds):
            refined = self._refined(orbits)
            if refined[-1] is orbits[-1]:
                break
            try:
                last, _ = self._corrected(refined[-1], refined[-1], None)
            except NotConverged:  # next to a fold of orbits, say: the next step starts from what was carried over
                return refined
            orbits = [*refined[:-1], last]
        return orbits

    def _refined(self, orbits: list[Orbit]) -> list[Orbit]:
        """All orbits on a time mesh that resolves the scalars of the last, and a mesh that resolves its fields.

        The same objects where nothing is to be done.
        """
        last = orbits[-1]
        pieces, unresolved = len(last.mesh.widths), _unresolved(self.line, last)
        if unresolved.max() > self.tol and pieces < ORBITS.most_pieces:
            wanted = pieces * (unresolved.max() / self.tol) ** (1 / (last.mesh.s + 1))
            mesh = last.mesh.equidistributed(unresolved, min(int(1.05 * wanted) + 1, ORBITS.most_pieces))
            orbits = [orbit.on(mesh) for orbit in orbits]
        return self._adapted(orbits)

    def _adapted(self, orbits: list[Orbit]) -> list[Orbit]:
        last = orbits[-1]
        old = self.line.at(last.theta)
        if old.received is None:
            return orbits
        new = on_mesh_for(old, last, better)
        if new is old:
            return orbits
        self.line = self.line.on(new)
        return [orbit.carried(old, new) for orbit in orbits]


def _scaled(direction: Orbit, square: float) -> Orbit:
    length = np.sqrt(square)
    return replace(
        direction,
        Y=direction.Y / length,
        S=direction.S / length,
        period=direction.period / length,
        theta=direction.theta / length,
    )


def _unresolved(line: Line, orbit: Orbit) -> np.ndarray:
    values = scalar_series(line, orbit)
    return orbit.mesh.unresolved(values if values.size else orbit.Y)
