"""Runs made of closed forms, with the attributes that the output room reads of a real one."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from felif.problem import BlowUp, FieldValue, Outcome, Problem, State
from felif.spaces import along


@dataclass
class FakeProblem(Problem):
    """A field that is a polynomial of the given degree on every cell, known in closed form: y = its coefficients."""

    cells: np.ndarray
    degree: int = 3
    v_reset: float = 1.0
    v_fire: float = 2.0
    field_names: tuple[str, ...] = ("n",)
    scalar_names: tuple[str, ...] = ("N", "R")

    @property
    def marks(self):
        return {"V_R": self.v_reset, "V_F": self.v_fire}

    def field(self, name, y):
        sign = -1.0 if name == "m" else 1.0
        evaluate = lambda v: sign * np.polynomial.polynomial.polyval(v, y)
        nodes = np.linspace(self.cells[0], self.cells[-1], self.degree * (len(self.cells) - 1) + 1)
        weights = np.full(nodes.size, (nodes[-1] - nodes[0]) / nodes.size)
        return FieldValue(nodes, evaluate(nodes), evaluate, weights)

    def drawing_points(self):
        return along("v", self.cells, self.degree)

    def scalars(self, t, y):
        return np.array([np.inf if t == 0.0 else 1.0 / t, 0.5])


@dataclass
class FakeRun:
    """n(v, t) = (2 - v) (1 + t v^2) on a mesh that is finer after t = 0.5; N = 1/t, infinite at t = 0."""

    times: np.ndarray = field(default_factory=lambda: np.linspace(0.0, 1.0, 21))
    blow_up: BlowUp | None = None
    outcome: Outcome = Outcome("finished", "t_end was reached")  # noqa: RUF009
    coarse: FakeProblem = field(default_factory=lambda: FakeProblem(np.linspace(-2.0, 2.0, 5)))
    fine: FakeProblem = field(default_factory=lambda: FakeProblem(np.linspace(-2.0, 2.0, 9)))

    def at(self, t):
        if not self.times[0] <= t <= self.times[-1]:
            raise ValueError(f"t={t} is outside the run")
        return State(self.coarse if t <= 0.5 else self.fine, t, density(t))

    @property
    def final(self):
        return self.at(self.times[-1])

    @property
    def series(self):
        rows = [row(t) for t in self.times]
        return {name: np.array([r[name] for r in rows]) for name in rows[0]}

    @property
    def problem(self):
        return self.final.problem

    def sample(self, name, ts):
        return np.array([row(t)[name] for t in np.atleast_1d(ts)])

    model = SimpleNamespace(b=0.5)


def density(t):
    """Coefficients of (2 - v) (1 + t v^2) in powers of v."""
    return np.array([2.0, -1.0, 2.0 * t, -t])


def row(t):
    return {"t": t, "dt": 0.05, "N": np.inf if t == 0.0 else 1.0 / t, "R": 0.5, "mass": 1.0 + 1e-16 * t}
