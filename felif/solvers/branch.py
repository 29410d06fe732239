"""What continuation returns: points with names, a table of them, and where the special ones are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from ..given.arguments import FINITE, TEXT, checked
from ..given.text import few, listed
from ..notebook import page, picture, shown
from ..output.frames import frame
from ..problem import Outcome, Problem, State
from .border import conservation
from .branch_columns import Table, column, columns, scalars
from .family import Family, parameter_value
from .point_errors import point_errors
from .stability import leading_and_unstable
from .system import AtParameter, System, correct
from .tuning import SEARCH

KINDS = ("", "fold", "hopf", "branch point", "cusp", "bogdanov-takens")
_LATE = ("error", "within_tol")  # columns that take long


@dataclass(frozen=True, eq=False)
class Point:
    """A steady state on a branch or curve; scalars, fields and parameters are attributes (`.N`, `.n`, `.b`).

    Attributes
    ----------
    names : tuple of str
        The parameters that vary.
    problem, y : Problem, array
        The state; `.state` is the State.
    arclength : float
        Along the branch.
    eigenvalues, unstable : array, int
        The leading ones, conserved modes left out, and how many are unstable; empty and None if stability was not asked
        for, as `stable` is.
    kind : str
        "" for an ordinary point, else "fold", "hopf", "branch point", "cusp", "bogdanov-takens".
    details : mapping
        More of special points, attributes too: of a Hopf point `.frequency` and `.criticality` (the first Lyapunov
        coefficient, < 0: supercritical), of a fold `.quadratic` (zero at a cusp).
    """

    names: tuple[str, ...]
    problem: Problem
    y: np.ndarray
    arclength: float
    eigenvalues: np.ndarray
    unstable: int | None
    kind: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    tangent: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False)

    @property
    def parameter(self) -> float:
        """Value of the (first) parameter that varies."""
        return parameter_value(self.problem, self.names[0])

    @property
    def state(self) -> State:
        """The same without estimates."""
        return State(self.problem, 0.0, self.y)

    @cached_property
    def errors(self) -> dict[str, float]:
        """Bounds of |value - exact value| by name, computed when asked for (see `point_errors`).

        Of an ordinary point: its scalars, at its parameters. Of folds, Hopf and branch points, and of points of their
        curves: the scalars, the first parameter and the frequency of the special point itself (on a curve at the given
        second parameter); of cusps and Bogdanov-Takens points both parameters. nan where the problem offers no richer
        space, inf where that has no such point near by.
        """
        return point_errors(self)

    @property
    def error(self) -> float:
        """The largest of `errors` over the scalars."""
        return max((self.errors[name] for name in self.problem.scalar_names), default=np.nan)

    @property
    def within_tol(self) -> bool:
        """Whether the errors of the scalars stay below tol |value|; False where they are not known to.

        On a mesh that the user has chosen nothing was asked for: then whether they are known at all.
        """
        tol, values = self.problem.tol, np.abs(scalars(self))
        errors = np.array([self.errors[name] for name in self.problem.scalar_names])
        return bool(np.all(errors <= (tol * values + SEARCH.small if tol else np.finfo(float).max)))

    @property
    def stable(self) -> bool | None:
        """Whether no mode grows; None where that was not asked for."""
        return None if self.unstable is None else self.unstable == 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "problem" not in self.__dict__:
            raise AttributeError(name)
        if name in self.details:
            return self.details[name]
        of_state = (*self.problem.groups, *self.problem.scalar_names, *self.problem.field_names)
        if name in self.problem.scalar_names:
            return float(scalars(self)[self.problem.scalar_names.index(name)])
        if name in of_state:
            return getattr(self.state, name)
        if name in self.names:  # of entries of an array, too
            return parameter_value(self.problem, name)
        value = getattr(self.problem.model, name, None)
        if value is None:
            known = (*self.names, *of_state, *self.details)
            raise AttributeError(f"this point has no {name!r}; it has: {', '.join(known)}")
        return value

    def __repr__(self) -> str:
        told = lambda name: f"{name}={getattr(self, name):.12g}"
        parts = [told(name) for name in self.names] + [listed(self.problem.scalar_names, told)]
        parts += [f"{name}={value:.10g}" for name, value in self.details.items() if isinstance(value, float)]
        return f"{self.kind or 'point'}({', '.join(parts)})"


class Branch:
    """A curve of steady states in one parameter (or of folds, Hopf points in two): a sequence of `Point`.

    Attributes
    ----------
    table : mapping of str to array
        One row a point in the order of arc length: the parameters, the scalars, "arclength", "stable", "unstable" (how
        many eigenvalues; -1 if not computed), "leading" (largest real part), "frequency" (its imaginary part), and,
        computed when first asked for, "error" (the largest over the scalars of `Point.errors`) and "within_tol";
        str(branch) says how many points are not, once that is known.
    outcome, ends : Outcome, tuple of two Outcomes
        Why the computation ended, and why at each end.
    folds, hopfs, branch_points, cusps : tuples of Point
        The special points, which are rows too, exactly on their place.
    """

    def __init__(self, names: tuple[str, ...], points: list[Point], ends: tuple[Outcome, Outcome], what: str) -> None:
        self.names, self.points, self.ends, self.what = names, tuple(points), ends, what

    def __iter__(self) -> Iterator[Point]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, k: int) -> Point:
        return self.points[k]

    @property
    def parameter(self) -> str:
        """Name of the (first) parameter that varies."""
        return self.names[0]

    @checked(value=FINITE)
    def at(self, value: float) -> tuple[Point, ...]:
        """The states of a branch in one parameter at a value of it, solved from the nearest computed points.

        Parameters
        ----------
        value : float

        Returns
        -------
        tuple of Point
            In the order of arc length; perhaps none.

        Raises
        ------
        ValueError
            For a curve in two parameters.
        """
        if len(self.names) != 1:
            raise ValueError(f"at({value!r}): this is a curve in {', '.join(self.names)}; allowed are branches")
        gaps = self.table[self.names[0]] - value
        found = [self[k] for k in np.flatnonzero(gaps == 0)]
        for k in np.flatnonzero(gaps[:-1] * gaps[1:] < 0):
            found.append(self._solved(self[k], self[k + 1], value))
        return tuple(sorted(found, key=lambda point: point.arclength))

    def _solved(self, a: Point, b: Point, value: float) -> Point:
        part = (value - a.parameter) / (b.parameter - a.parameter)
        near, far = (a, b) if part < 0.5 else (b, a)
        problem, y = near.problem, near.y
        if len(far.y) == len(y):
            y = a.y + part * (b.y - a.y)
        system = System(Family(problem, self.names), conservation(problem) @ near.y)
        node = correct(system, y, np.array([value]), AtParameter(0, value), exact=True)
        values, count = np.zeros(0), None
        if near.unstable is not None:
            values, count = leading_and_unstable(node.problem, node.y)
        s = a.arclength + part * (b.arclength - a.arclength)
        return Point(self.names, node.problem, node.y, s, values, count)

    @checked(kind=TEXT)
    def of_kind(self, kind: str) -> tuple[Point, ...]:
        """The points of a kind.

        Parameters
        ----------
        kind : str
            "" (ordinary), "fold", "hopf", "branch point", "cusp" or "bogdanov-takens".

        Returns
        -------
        tuple of Point
        """
        return tuple(point for point in self.points if point.kind == kind)

    @property
    def folds(self) -> tuple[Point, ...]:
        """Where two steady states meet."""
        return self.of_kind("fold")

    @property
    def hopfs(self) -> tuple[Point, ...]:
        """Where a pair of eigenvalues crosses the imaginary axis."""
        return self.of_kind("hopf")

    @property
    def branch_points(self) -> tuple[Point, ...]:
        """Where another branch begins."""
        return self.of_kind("branch point")

    @property
    def cusps(self) -> tuple[Point, ...]:
        """Of a curve of folds: where two folds meet."""
        return self.of_kind("cusp")

    @cached_property
    def unaccounted(self) -> tuple[tuple[Point, Point], ...]:
        """Successive ordinary points between which the number of unstable modes changes otherwise than the special
        points there allow (a fold by one, a branch point by at most one or, with a symmetry, two, a Hopf point by two),
        or is not known at one of them.

        Empty for a complete list; steps without stability are left out only where none was asked for.
        """
        if self.what or all(point.unstable is None for point in self.points):
            return ()
        steps, last, special = [], None, []
        for point in self.points:
            if point.kind:
                special.append(point)
                continue
            if last is not None and not _accounted(last.unstable, point.unstable, special):
                steps.append((last, point))
            last, special = point, []
        return tuple(steps)

    @property
    def outcome(self) -> Outcome:
        """Its name is that of the ends where they agree, else "finished", or what went wrong at one of them."""
        first, last = self.ends
        failed = [end.name for end in self.ends if end.name in ("step_underflow", "max_points")]
        name = failed[0] if failed else first.name if first.name == last.name else "finished"
        message = first.message if first == last else f"{first.message}; {last.message}"
        return Outcome(name, message)

    @cached_property
    def table(self) -> Mapping[str, np.ndarray]:
        """Columns by name, one entry a point; "error" and "within_tol" are computed when asked for."""
        late = {key: partial(column, self.points, key) for key in _LATE}
        return Table(columns(self.points, self.names, bool(self.what)), late)

    def to_pandas(self) -> Any:
        """`table` as a DataFrame, with the kind of every point; "error" where it is known. Needs the extra `xarray`."""
        columns = {name: self.table[name] for name in self.table if self.table.known(name)}
        return frame("to_pandas", columns | {"kind": np.array([point.kind for point in self.points], object)})

    @shown
    def _repr_html_(self) -> str:
        table, name = self.table, self.names[1] if len(self.names) > 1 else self.points[0].problem.scalar_names[0]
        x, y = table[self.names[0]], table[name]
        ends = np.flatnonzero(np.diff(table["stable"].astype(int))) + 1
        parts = [slice(max(a - 1, 0), b) for a, b in zip([0, *ends], [*ends, len(x)], strict=True)]
        special = [k for k, point in enumerate(self.points) if point.kind]
        curves, dashed = [(x[part], y[part]) for part in parts], [not table["stable"][p.stop - 1] for p in parts]
        points = [(x[k], y[k]) for k in special]
        return page(repr(self), [picture(curves, self.names[0], name, points=points, dashed=dashed, one_colour=True)])

    def __repr__(self) -> str:
        counts = [f"{len(self.of_kind(kind))} {kind}s" for kind in KINDS[1:] if self.of_kind(kind)]
        found = ", ".join(counts) or "no special points"
        return f"Branch of {self.what or 'steady states'} in {', '.join(self.names)}: {len(self)} points, {found}"

    def __str__(self) -> str:
        shown = set(np.linspace(0, len(self) - 1, min(len(self), 20)).astype(int).tolist())
        shown |= {k for k, point in enumerate(self.points) if point.kind}
        told = (*self.names, *few(self.points[0].problem.scalar_names), "leading", "frequency")
        numbers = [name for name in told if name != "..."]
        lines = [repr(self), "".join(f"{name:>17}" for name in numbers) + "  unstable"]
        for k in sorted(shown):
            count = self.table["unstable"][k]
            row = "".join(f"{self.table[name][k]:17.10g}" for name in numbers)
            lines.append(f"{row}  {'-' if count < 0 else count:>8}  {self.points[k].kind}".rstrip())
        for a, b in self.unaccounted:
            change = f"{a.unstable} to {b.unstable} unstable modes"
            lines.append(f"special points missing: {change} between {a.parameter:.10g} and {b.parameter:.10g}")
        if self.table.known("error") or self.table.known("within_tol"):
            lines += self._doubtful()
        return "\n".join([*lines, f"ended: {self.outcome}"])

    def _doubtful(self) -> list[str]:
        """A line about points with errors above tol, if there are any."""
        points = [point for point in self.points if not point.within_tol]
        if not points:
            return []
        worst = max(points, key=lambda point: point.error)
        at = ", ".join(f"{name} = {parameter_value(worst.problem, name):.6g}" for name in self.names)
        return [f"errors above tol at {len(points)} of {len(self)} points: up to {worst.error:.1e} at {at}"]


def _accounted(before: int | None, after: int | None, special: list[Point]) -> bool:
    """Folds change the number by one, Hopf points by two; at a branch point one may turn back, of a symmetry's two."""
    if before is None or after is None:
        return False
    changes = {0}
    for point in special:
        size = 2 if point.kind == "hopf" else point.details.get("modes", 1)
        steps = (-size, 0, size) if point.kind == "branch point" else (-size, size)
        changes = {total + step for total in changes for step in steps}
    return after - before in changes
