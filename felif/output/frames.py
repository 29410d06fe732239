"""Results as tables of pandas, which is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..problem import State


def library(name: str, who: str) -> Any:
    """A library of the extra `xarray`; ModuleNotFoundError that says what to install where it is not there."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(
            f"{who} needs {name}, which is not installed here: pip install 'felif[xarray]' installs it", name=name
        ) from None


def frame(who: str, columns: Mapping[str, Any], index: str | None = None) -> Any:
    """A DataFrame of columns of the same length; `index` names the one that rows are known by."""
    table = library("pandas", who).DataFrame({name: _plain(values) for name, values in columns.items()})
    return table if index is None else table.set_index(index)


def _plain(values: Any) -> np.ndarray:
    values = np.asarray(values)
    return values if values.ndim == 1 else values.reshape(len(values), -1)[:, 0]


def states_frame(who: str, states: Sequence[State], further: Mapping[str, Sequence]) -> Any:
    """A row a steady state: its scalars, the error of each, and further columns."""
    names = states[0].problem.scalar_names if states else ()
    columns: dict[str, Any] = {name: [getattr(s, name) for s in states] for name in names}
    columns |= {f"error of {name}": [s.errors[name] for s in states] for name in names}
    return frame(who, columns | dict(further))


def grid_frame(who: str, parameters: Mapping[str, np.ndarray], shape: tuple[int, ...], columns: Mapping) -> Any:
    """A row a point of a grid of parameters (values side by side where `shape` is that of one row)."""
    axes = [np.asarray(values) for values in parameters.values()]
    if len(axes) > 1 and len(shape) == 1:
        places = axes
    else:
        places = [values.ravel() for values in np.meshgrid(*axes, indexing="ij")]
    table = dict(zip(parameters, places, strict=True))
    return frame(who, table | {name: np.asarray(values).ravel() for name, values in columns.items()})
