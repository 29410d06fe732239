"""check_model over (v, w): what is looked at on lines and on triangles, at random states of small problems."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..assembly import DG, MUSCL, ExponentialFitting, SpectralElement, Tensor, Triangles, discretize
from ..given.differences import central
from ..meshing import interval, strip
from ..problem import Problem
from .checks_of_terms import CheckFailed
from .tuning import CHECKS

Defects = Iterator[tuple[str, str, str, float, float]]


def problems_over_planes(model: Any) -> Iterator[tuple[str, Any]]:
    """(name, problem) on small meshes, both ways to discretise, the positive spaces too. Raises CheckFailed."""
    v_min = float(model.v_reset) - 4 * (float(model.v_fire) - float(model.v_reset))
    line = interval(model, v_min=v_min, cells=6)
    w = np.linspace(float(model.w_min), float(model.w_max), 6)
    for name, space in (
        ("Tensor", Tensor(SpectralElement(4), DG(2))),
        ("Tensor, positive", Tensor(ExponentialFitting(), MUSCL())),
        ("Triangles", Triangles(2)),
    ):
        mesh = strip(model, v_min=v_min, cells=(6, 4)) if name == "Triangles" else (line, w)
        try:
            yield name, discretize(model, mesh, space=space)
        except ValueError as error:
            raise CheckFailed(f"{type(model).__name__} cannot be discretised with {space}: {error}") from error


def check_planes(model: Any, rng: np.random.Generator) -> Defects:
    """(kind, subject, space, defect, allowed) on every space."""
    for name, problem in problems_over_planes(model):
        for _ in range(CHECKS.states_over_planes):
            problem, y = _state(problem, rng)
            for kind, subject, defect, allowed in _defects(problem, y, rng):
                yield kind, subject, name, defect, allowed


def _state(problem: Problem, rng: np.random.Generator) -> tuple[Any, np.ndarray]:
    """A smooth positive density, zero at V_F, of mass 1, that has a total rate."""
    model, width = problem.model, problem.length
    a, b = rng.uniform(-0.3, 0.3, 2)

    def density(v: np.ndarray, w: np.ndarray) -> np.ndarray:
        x = (w - model.w_min) / (model.w_max - model.w_min)
        bell = np.exp(-(((v - problem.landings[0] + width * (0.5 + a * x)) / (1.5 * width)) ** 2))
        return bell * -np.expm1(-(((problem.top - v) / width) ** 2)) * (1 + b * np.cos(np.pi * x))

    problem, y, _ = problem.initial_state(density)
    for _ in range(40):
        if problem.margin(0.0, y) > 0.3:
            return problem, y
        y = 0.5 * y
    raise CheckFailed(f"{model}: no total rate satisfies its equation, however small p is")


def _defects(problem: Problem, y: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, str, float, float]]:
    t, mass = 0.0, problem.mass.data[0]
    change = y * rng.uniform(-1, 1, problem.size)

    # the number is the integral of the line, and its gradient the derivative of that
    (rate_name, _), scalars = problem.line_names, problem.scalars(t, y)
    line = problem.line(rate_name, t, y)
    for name, value in zip(problem.scalar_names, scalars, strict=True):
        summands = line.weights * line.values
        yield (
            "equation of scalar",
            name,
            abs(summands.sum() - value) / (np.abs(summands).sum() + 1e-300),
            CHECKS.rounding,
        )
    differences = central(lambda x: problem.scalars(t, y + x * change), 1e-3)
    size = np.abs(problem.scalar_gradient(t, y)) @ np.abs(change) + 1e-300
    found = np.abs(problem.scalar_gradient(t, y) @ change - differences) / size
    yield "scalar_gradient", "", float(found.max()), CHECKS.differences

    # nothing is lost, by the whole system and by the part that is implicit
    implicit = problem.implicit_part(t, y)
    rate, part = problem.rate(t, y), implicit @ y
    for name, weights in problem.conserved.items():
        for kind, values in (("conserved", rate), ("conserved, implicit part", part)):
            slope = weights / mass * values
            yield kind, name, abs(slope.sum()) / (np.abs(slope).sum() + 1e-300), CHECKS.rounding

    # without transport in w, L is all there is, to first order
    if problem.lines_stay and not getattr(problem.space, "positive", False):
        differences = central(lambda x: problem.rate(t, y + x * change), 1e-3)
        found = np.abs(implicit @ change - differences).max() / np.abs(differences).max()
        yield "Jacobian without learning", "", float(found), CHECKS.first_order

    # F = L y + remainder; solving with L
    defect = np.abs(rate - part - implicit.remainder(t, y)).max() / (np.abs(rate) + np.abs(part)).max()
    yield "F = L y + rest", "", float(defect), CHECKS.rounding
    shift, b = 50.0, mass * change
    x = implicit.factor(shift).solve(b)
    product = implicit @ x
    residual = shift * mass * x - product - b
    if not getattr(problem.space, "positive", False):  # there signs are kept instead
        scale = np.abs(shift * mass * x).max() + np.abs(product).max()
        yield "solve with L", "", float(np.abs(residual).max() / scale), CHECKS.solve

    yield from _parameters(problem, y)


def _parameters(problem: Problem, y: np.ndarray) -> Iterator[tuple[str, str, float, float]]:
    """`at` is the same as discretising again."""
    for name in problem.parameter_names:
        changed = {name: 1.1 * float(getattr(problem.model, name)) + 0.01}
        try:
            dataclasses.replace(problem.model, **changed)
        except ValueError:
            continue
        rates = [problem.at(**changed).rate(0.0, y), problem.rebuilt(**changed).rate(0.0, y)]
        yield "at", name, float(np.abs(rates[0] - rates[1]).max() / np.abs(rates[1]).max()), CHECKS.rounding
