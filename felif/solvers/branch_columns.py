"""The columns of the table of a branch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..problem import Infeasible
from .family import parameter_value
from .tuning import SEARCH


class Table(Mapping):
    """Columns by name; those that take long are computed when they are first asked for."""

    def __init__(self, columns: dict[str, np.ndarray], late: dict[str, Callable[[], np.ndarray]]) -> None:
        self._columns, self._late = columns, late

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns and name in self._late:
            self._columns[name] = self._late[name]()
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._columns, *self._late)))

    def __len__(self) -> int:
        return len({*self._columns, *self._late})

    def __contains__(self, name: object) -> bool:
        return name in self._columns or name in self._late

    def known(self, name: str) -> bool:
        """Whether a column is there without computing it."""
        return name in self._columns


def columns(points: tuple[Any, ...], names: tuple[str, ...], with_details: bool) -> dict[str, np.ndarray]:
    """{name: one number a point}: parameters, scalars, details of curves, arc length, stability."""
    table = {name: np.array([parameter_value(p.problem, name) for p in points]) for name in names}
    values = np.array([scalars(p) for p in points])
    table |= {name: values[:, k] for k, name in enumerate(points[0].problem.scalar_names)}
    for name in points[0].details if with_details else ():
        if all(isinstance(p.details.get(name), float) for p in points):
            table[name] = np.array([p.details[name] for p in points])
    leading = np.array([p.eigenvalues[0] if len(p.eigenvalues) else np.nan for p in points], complex)
    return table | {
        "arclength": np.array([p.arclength for p in points]),
        "stable": np.array([bool(p.stable) for p in points]),
        "unstable": np.array([-1 if p.unstable is None else p.unstable for p in points]),
        "leading": leading.real,
        **({} if "frequency" in table else {"frequency": np.abs(leading.imag)}),
    }


def column(points: tuple[Any, ...], key: str) -> np.ndarray:
    return np.array([getattr(point, key) for point in points])


def scalars(point: Any) -> np.ndarray:
    """With 0 for what is lost in rounding: digits below 1e-14 mean nothing."""
    try:
        values = point.problem.scalars(0.0, point.y)
        return np.where(np.abs(values) <= SEARCH.small, 0.0, values)
    except Infeasible:
        return np.full(len(point.problem.scalar_names), np.inf)
