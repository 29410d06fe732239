"""Steady states, spectra and branches of a setting, as the page draws them, one after the other as they are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..assembly import discretize
from ..output.branches import smooth_pieces
from ..problem import NotConverged, Problem
from ..solvers.continuation import continuation
from ..solvers.spectrum import spectrum
from ..solvers.steady_state import stability_of
from ..stationary.states import steady_states
from .setting import Setting
from .tuning import SHOWN


def at_rest(
    setting: Setting, along: str | None = None, bounds: tuple[float, float] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """("states", ...), ("spectrum", ...) for each of them, then ("branches", ...) twice: as curves, with stability.

    states: `message`, and of each its rates, error, stability and growth. spectrum: eigenvalues with error bounds,
    `gap`. branches: in the parameter `along` between `bounds`; "none" where it is None. Each with `code`, the script
    that makes the same. What cannot be computed is a "problem" with the sentence that says why.

    Raises ValueError as the model and `discretize` do.
    """
    problem = discretize(setting.model(), tol=setting.tol)
    found = steady_states(problem)
    yield "states", _states(found)
    for k, state in enumerate(found[: SHOWN.states]):
        try:
            modes = spectrum(problem, state, SHOWN.modes)
        except (ValueError, NotConverged) as error:
            yield "spectrum", {"of": k, "problem": str(error)}
            continue
        yield (
            "spectrum",
            {
                "of": k,
                "real": modes.eigenvalues.real,
                "imag": np.imag(modes.eigenvalues),
                "errors": modes.errors,
                "gap": modes.gap,
                "message": modes.message,
            },
        )
    if along is None:
        return
    low, high = bounds if bounds is not None else _slider(setting, along).along or (0.0, 1.0)
    for stability in (False, True):
        yield "branches", branches(setting, along, (float(low), float(high)), stability)


def branches(setting: Setting, along: str, bounds: tuple[float, float], stability: bool = True) -> dict[str, Any]:
    """All branches that are met from the present value of a parameter and a few more between the bounds.

    "pieces": curves {"x", one entry a rate, "stable"}; "special": points with kind, x and rates.
    """
    low, high = bounds
    starts = [float(setting.values[along]), *np.linspace(low, high, SHOWN.looked_at).tolist()]
    followed, script = [], []
    for value in starts:
        if len(followed) >= SHOWN.branches or not low <= value <= high:
            continue
        try:
            problem = discretize(setting.model(**{along: value}), tol=setting.tol)
            states = steady_states(problem)
        except ValueError:  # the model has no such value
            continue
        for k, state in enumerate(states):
            rates = [float(getattr(state, name)) for name in _rates(problem)]
            if len(followed) >= SHOWN.branches or any(_on(branch, along, value, rates) for branch in followed):
                continue
            try:
                followed.append(
                    continuation(problem, state, along, bounds, stability=stability, max_points=400, progress=False)
                )
            except NotConverged:
                continue
            script.append((value, k))
    pieces, special = [], []
    for branch in followed:
        names = _rates(branch[0].problem)
        pieces += [
            {"x": x, "rates": dict(zip(names, y, strict=True)), "stable": stable}
            for stable, x, y in smooth_pieces(branch, along, names)
        ]
        special += [
            {"kind": point.kind, "x": point.parameter, "rates": {name: getattr(point, name) for name in names}}
            for point in branch
            if point.kind
        ]
    return {
        "along": along,
        "bounds": bounds,
        "stability": stability,
        "pieces": pieces,
        "special": special,
        "message": "" if followed else f"No steady state was found for {along} between {low:g} and {high:g}.",
        "code": _branch_code(setting, along, bounds, script),
    }


def _states(found: Any) -> dict[str, Any]:
    listed = []
    for state in found:
        stable, growth = stability_of(state)
        stability = {"stable": stable, "growth": None if stable is None else [np.real(growth), np.imag(growth)]}
        rates = {name: float(getattr(state, name)) for name in _rates(state.problem)}
        listed.append({"rates": rates, "error": float(state.error), **stability})
    code = [
        "states = fl.steady_states(problem)",
        "print(states)",
        f"for state in states[:{SHOWN.states}]:",
        f"    print(fl.spectrum(problem, state, {SHOWN.modes}))",
    ]
    return {"states": listed, "complete": found.complete, "message": found.message, "code": "\n".join(code) + "\n"}


def _branch_code(setting: Setting, along: str, bounds: tuple[float, float], starts: Sequence[tuple[float, int]]) -> str:
    """Lines that follow the same branches, each from the state where the page began it."""
    if not starts:
        return ""
    lines = ["branches = []"]
    for value, k in starts:
        lines += [
            f"problem = fl.discretize({setting.model_code(**{along: value})}, tol={setting.tol!r})",
            f'branches.append(fl.continuation(problem, fl.steady_states(problem)[{k}], "{along}", {bounds!r}, '
            "max_points=400))",
        ]
    return "\n".join([*lines, 'fl.plot_branch(branches, "branches.png")', ""])


def _on(branch: Any, along: str, value: float, rates: Sequence[float]) -> bool:
    """Whether a state is one of a branch that is known already."""
    names = _rates(branch[0].problem)
    table = np.concatenate([np.array([x, *y]) for _, x, y in smooth_pieces(branch, along, names)], axis=1)
    x, y = table[0], table[1:]
    unit = SHOWN.close * (1e-3 + max(rates))
    for a in np.flatnonzero((x[:-1] - value) * (x[1:] - value) <= 0):
        width = x[a + 1] - x[a]
        part = 0.5 if width == 0 else (value - x[a]) / width
        between = y[:, a] + part * (y[:, a + 1] - y[:, a])
        if np.abs(between - rates).max() <= unit:
            return True
    return False


def _rates(problem: Problem) -> list[str]:
    return [name for name in problem.scalar_names if name.startswith("N")]


def _slider(setting: Setting, name: str) -> Any:
    for slider in setting.sliders:
        if slider.name == name and slider.along is not None:
            return slider
    allowed = [slider.name for slider in setting.sliders if slider.along is not None]
    raise ValueError(f"explore: along = {name!r}; allowed are {', '.join(allowed)}")
