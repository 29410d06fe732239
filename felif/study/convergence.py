"""Refine one option of a study and watch the error of one result.

A study says how in

    CONVERGENCE = {"option": "cells", "values": [4, 8, 16, 32], "result": "N", "reference": 0.1321}

`reference` is the exact value, or a function of the other options by name that returns it (`lambda b, **others: ...`);
without one the finest value takes its place. `options`, if there, are those that the whole table is made with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .study import Study, of

__all__ = ["Convergence", "Row", "convergence"]


@dataclass(frozen=True)
class Row:
    """One line of the table; None where there is nothing to say."""

    value: Any  # of the option that is refined
    unknowns: int | None
    result: Any
    error: float | None  # |result - reference|, the largest entry of an array
    order: float | None  # observed, from the line before to this one
    wall_time: float  # seconds; the first line includes loading libraries


@dataclass(frozen=True)
class Convergence:
    """Results of a study along a sequence of values of one option."""

    study: str
    option: str
    result: str
    options: dict[str, Any]  # the others
    reference: Any  # None: the finest result is the reference
    rows: list[Row]

    def __str__(self) -> str:
        heads = [self.option, "unknowns", self.result, "error", "order", "seconds"]
        lines = [heads]
        for row in self.rows:
            error = "-" if row.error is None else f"{row.error:.3e}"
            order = "-" if row.order is None else f"{row.order:.2f}"
            lines.append([*map(_text, (row.value, row.unknowns, row.result)), error, order, f"{row.wall_time:.2f}"])
        if all(row.unknowns is None for row in self.rows):
            lines = [[line[0], *line[2:]] for line in lines]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = ["  ".join(map(str.rjust, line, widths)) for line in lines]
        return "\n".join([*table, f"error: against {self._reference()}"])

    def _reference(self) -> str:
        if self.reference is None:
            return "the last line; order: from differences of neighbouring lines"
        return f"the exact {self.result} = {_text(self.reference)}"


def convergence(
    main: Callable[..., dict[str, Any]] | Study,
    option: str | None = None,
    values: Sequence[Any] | None = None,
    result: str | None = None,
    *,
    fixed: Mapping[str, Any] | None = None,
    reference: Any = None,
) -> Convergence:
    """Run `main` with every one of `values` of `option`, the others being `fixed` or defaults.

    What is not given is taken from the study's CONVERGENCE; a number there as `reference` only if no other option is
    changed, because it belongs to those. order = log(e_k / e_(k+1)) / |log(x_(k+1) / x_k)|; without a reference e_k is
    the difference of neighbouring results, which gives the order for values in a constant ratio.

    Raises ValueError for options or results the study does not have, and for fewer than two values.
    """
    study, fixed = of(main), dict(fixed or {})
    plan = study.convergence
    option = option or plan.get("option")
    if option is None:
        raise ValueError(
            f"The study {study.name} has no CONVERGENCE: give the values of an option, as in --cells 4,8,16."
        )
    if values is None:
        values = plan.get("values") if option == plan.get("option") else None
    if values is None or len(values) < 2:
        raise ValueError(f"{option}: give at least two values to compare, as in --{option} 4,8,16.")
    if reference is None and (callable(plan.get("reference")) or not fixed):
        reference = plan.get("reference")
    options = study.complete({**plan.get("options", {}), **fixed, option: values[0]})
    outcomes = [_one(study, {**options, option: value}) for value in values]
    result = result or plan.get("result") or _only(outcomes[0][0], study.name)
    numbers = [_number(results, result, study.name) for results, _, _ in outcomes]
    del options[option]
    if callable(reference):
        reference = reference(**options)
    target = numbers[-1] if reference is None else reference
    errors = [_distance(number, target) for number in numbers]
    steps = errors if reference is not None else [_distance(a, b) for a, b in zip(numbers, numbers[1:], strict=False)]
    orders = [None] * len(values)
    for k in range(1, len(steps)):
        orders[k] = _order(steps[k - 1], steps[k], values[k - 1], values[k])
    if reference is None:
        errors[-1] = None
    rows = [
        Row(value, unknowns, number, error, order, seconds)
        for value, (_, unknowns, seconds), number, error, order in zip(
            values, outcomes, numbers, errors, orders, strict=True
        )
    ]
    return Convergence(study.name, option, result, options, reference, rows)


def _one(study: Study, options: Mapping[str, Any]) -> tuple[dict[str, Any], int | None, float]:
    """Results, number of unknowns if there is a Run or a result of that name, seconds."""
    from .running import run

    report = run(study, options)
    unknowns = report.results.get("unknowns")
    for value in report.results.values():
        problem = getattr(value, "problem", None)
        if unknowns is None and problem is not None:
            unknowns = problem.size
    return report.results, unknowns, report.wall_time


def _only(results: Mapping[str, Any], study: str) -> str:
    import numpy as np

    names = [name for name, value in results.items() if isinstance(value, int | float | np.ndarray | np.number)]
    if len(names) != 1:
        raise ValueError(
            f"Say which result of the study {study} to look at with --result: {', '.join(names) or 'none'}."
        )
    return names[0]


def _number(results: Mapping[str, Any], name: str, study: str) -> Any:
    import numpy as np

    if name not in results:
        raise ValueError(f"The study {study} has no result {name!r}. It has: {', '.join(results)}.")
    try:
        number = np.asarray(results[name], dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"The result {name!r} of the study {study} is no number or array: {results[name]!r}."
        ) from None
    return number if number.ndim else float(number)


def _distance(a: Any, b: Any) -> float:
    import numpy as np

    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"Results of different shapes, {np.shape(a)} and {np.shape(b)}, cannot be compared: let main "
            "sample them at points that do not depend on the option."
        )
    return float(np.max(np.abs(np.subtract(a, b)), initial=0.0))


def _order(before: float, after: float, x: Any, y: Any) -> float | None:
    numeric = all(isinstance(value, int | float) and value > 0 for value in (x, y)) and x != y
    if not numeric or not (math.isfinite(before) and math.isfinite(after) and before > 0 and after > 0):
        return None
    return math.log(before / after) / abs(math.log(y / x))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if getattr(value, "shape", ()):
        return f"{' x '.join(map(str, value.shape))} numbers"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
