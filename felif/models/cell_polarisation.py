"""Polarisation of a cell: a density on a half line that drifts towards the wall as fast as it is dense there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..given.arguments import choice, required
from ..weakform import Axis, Conserved, Equations, Term, Unknown, d, noise
from .parameters import require_number


@dataclass(frozen=True)
class CellPolarisation:
    """A cell that polarises: molecules at the distance z from its wall, drawn to it by what is bound there.

        n_t = n_zz + mu n_z for z > 0,      n_z(0) + mu n(0) = 0 (or mu'),      one of three closures for mu

    The unknowns are n, mu, and trace = n(0, t).

    Parameters
    ----------
    closure : {"trace", "integrated", "exchange"}
        "trace": mu = n(0, t), blow-up in finite time for masses above 1. "integrated": mu' = n(0, t) - mu / L, no
        blow-up in finite time. "exchange": the same mu, and n_z(0) + mu n(0) = mu', so that int n + mu is conserved.
    L : float
        The time after which what is bound at the wall leaves it, > 0.
    mass : float
        int n at the start, > 0.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: V. Calvez, R. J. Hawkins, N. Meunier, R. Voituriez, SIAM J. Appl. Math. 72 (2012) 594-622.

    Examples
    --------
    >>> import felif as fl
    >>> import numpy as np
    >>> problem = fl.discretize(fl.CellPolarisation(mass=0.5), tol=1e-4)
    >>> fl.evolve(problem, lambda z: np.exp(-z), t_end=0.1, rtol=1e-4).outcome.name
    'finished'
    """

    closure: str = "trace"
    L: float = 1.0
    mass: float = 1.0

    def __post_init__(self) -> None:
        required("CellPolarisation", "closure", self.closure, choice("trace", "integrated", "exchange"))
        require_number(self, "L", positive=True)
        require_number(self, "mass", positive=True)

    def equations(self) -> Equations:
        """The axis z, the unknowns n, mu and trace, and their terms."""
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
