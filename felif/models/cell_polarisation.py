"""Polarisation of a cell: a density on a half line that drifts towards the wall as fast as it is dense there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..given.arguments import choice, required
from ..weakform import Axis, Conserved, Equations, Term, Unknown, d, noise
from .parameters import require_number


@dataclass(frozen=True)
class CellPolarisation:
    """n_t = n_zz + mu n_z for z > 0, with n_z(0) + mu n(0) = 0, and one of three closures for mu.

    closure   "trace":      mu = n(0, t), blow-up in finite time for masses above 1
              "integrated": mu' = n(0, t) - mu / L, no blow-up in finite time
              "exchange":   the same mu, and n_z(0) + mu n(0) = mu': int n + mu is conserved
    L         the time after which what is bound at the wall leaves it
    mass      int n at the start

    Unknowns: n, mu, and trace = n(0, t). Source: V. Calvez, R. J. Hawkins, N. Meunier,
    R. Voituriez, SIAM J. Appl. Math. 72 (2012) 594-622.
    """

    closure: str = "trace"
    L: float = 1.0
    mass: float = 1.0

    def __post_init__(self) -> None:
        required("CellPolarisation", "closure", self.closure, choice("trace", "integrated", "exchange"))
        require_number(self, "L", positive=True)
        require_number(self, "mass", positive=True)

    def equations(self) -> Equations:
        wall = {"z": 0.0}
        evolves = self.closure != "trace"
        unknowns = (
            Unknown("n", ("z",)),
            Unknown("mu", (), "evolves" if evolves else "equals"),
            Unknown("trace", (), "equals"),
        )
        at_wall = lambda n, phi, x: n * phi
        terms = [
            noise("n", "z", name="diffusion"),
            Term("n", "n", lambda n, phi, x: -n * d(phi, "z"), lambda s, m: s.mu, name="drift to the wall"),
            Term("trace", "n", at_wall, at=wall, name="trace"),
            Term("mu", "trace", name="what arrives"),
        ]
        conserved = [Conserved("mass", {"n": 1.0})]
        if evolves:
            terms.append(Term("mu", "mu", coefficient=lambda s, m: -1 / m.L, name="what leaves"))
        if self.closure == "exchange":
            terms.append(Term("n", "trace", lambda u, phi, x: -u * phi, at=wall, name="binding"))
            terms.append(Term("n", "mu", lambda u, phi, x: u * phi, lambda s, m: 1 / m.L, at=wall, name="release"))
            conserved = [Conserved("total", {"n": 1.0, "mu": 1.0})]
        axis = Axis("z", 0.0, math.inf)
        return Equations((axis,), unknowns, tuple(terms), tuple(conserved), masses={"n": self.mass})
