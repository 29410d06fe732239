"""Where a result comes from: program versions, machine, model and mesh in words a person and a program can read."""

from __future__ import annotations

import dataclasses
import inspect
import platform
import sys
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from ..problem import Problem


@cache
def versions() -> dict[str, str | None]:
    """Versions of felif, Python and the libraries that a result depends on; None where one is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in ("felif", "numpy", "scipy", "scikit-fem"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def provenance() -> dict[str, Any]:
    """What run.json says about the program that wrote it."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "command": sys.argv,
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def describe(value: Any) -> Any:
    """A parameter for run.json: dataclasses by name and fields, functions by their source where Python still has it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: describe(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": type(value).__name__, **fields}
    if inspect.isfunction(value) or inspect.isbuiltin(value):
        try:
            return inspect.getsource(value).strip()
        except (OSError, TypeError):
            return f"{value.__module__}.{value.__qualname__}"
    return value


def describe_mesh(problem: Problem) -> dict[str, Any]:
    """Cells, extent, smallest and largest cell, degree and unknowns of a problem's mesh."""
    if problem.described_mesh is not None:  # more than one dimension
        return dict(problem.described_mesh)
    cells = np.asarray(problem.cells, float)
    widths = np.diff(cells)
    return {
        "cells": widths.size,
        "v_min": cells[0],
        "v_max": cells[-1],
        "smallest_cell": widths.min(),
        "largest_cell": widths.max(),
        "degree": problem.degree,  # the highest, where they differ
        "unknowns": problem.size,
    }
