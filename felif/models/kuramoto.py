"""Coupled phase oscillators with noise: Kuramoto's model and its relatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.arguments import ROW, required, several, shown
from ..weakform import Axis, Conserved, Equations, Index, Term, Unknown, drift, noise
from .parameters import fixed, require_number


@dataclass(frozen=True)
class Kuramoto:
    """Density rho(theta, t) of noisy phase oscillators, each coupled to all others.

        rho_t = D rho_thetatheta - d/dtheta[(omega + K r sin(psi - theta)) rho],      r e^{i psi} = int e^{i theta} rho

    Active rotators (A > 0) have the drift 1 - A sin(theta) besides. The unknowns are rho, its moments c = r cos(psi)
    and s = r sin(psi), and r.

    Parameters
    ----------
    K : float
        Coupling; the uniform state loses stability at K = 2 D.
    D : float
        Noise, > 0.
    A : float
        Of active rotators; 0: none.
    omega : float
        Common natural frequency.
    frequencies : (values, weights) or None
        A distribution of natural frequencies over an index, in place of the common one; the weights sum to 1.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: H. Sakaguchi, Prog. Theor. Phys. 79 (1988) 39-46; G. Giacomin, K. Pakdaman, X. Pellegrin, Nonlinearity 25
    (2012) 1247-1273.

    Examples
    --------
    >>> import felif as fl
    >>> import numpy as np
    >>> problem = fl.discretize(fl.Kuramoto(K=4.0, D=0.5), tol=1e-4)
    >>> run = fl.evolve(problem, lambda theta: 1 + 0.1 * np.cos(theta), t_end=1.0, rtol=1e-4)
    >>> bool(run.final.r > run.sample("r", 0.0))  # K > 2 D: the oscillators synchronise
    True
    """

    K: float = 4.0
    D: float = 0.5
    A: float = fixed(0.0)
    omega: float = 0.0
    frequencies: tuple[Sequence[float], Sequence[float]] | None = None

    def __post_init__(self) -> None:
        for name in ("K", "A", "omega"):
            require_number(self, name)
        require_number(self, "D", positive=True)
        if self.frequencies is not None:
            pair = several(ROW, "(values, weights) of one length, with positive weights that sum to 1", 2, 2)
            values, weights = required("Kuramoto", "frequencies", self.frequencies, pair)
            if values.shape != weights.shape or not (weights > 0).all() or abs(weights.sum() - 1) > 1e-12:
                raise ValueError(f"Kuramoto: frequencies = {shown(self.frequencies)}; allowed is {pair.allowed}")

    def equations(self) -> Equations:
        """The axis theta, the unknowns rho, c, s and r, and their terms."""
        circle = Axis("theta", 0.0, 2 * math.pi, periodic=True)
        axes: tuple[Any, ...] = (circle,)
        over: tuple[str, ...] = ("theta",)
        weight = lambda x: 1.0
        own = lambda s, m: m.omega
        each = None
        if self.frequencies is not None:
            values, weights = (np.asarray(part, float) for part in self.frequencies)
            axes, over, each = (Index("oscillator", len(values)), circle), ("oscillator", "theta"), "oscillator"
            weight = lambda x: weights[x.oscillator]
            own = lambda s, m: m.omega + values[s.oscillator]
        terms = [
            noise("rho", "theta", lambda s, m: m.D, name="noise"),
            drift("rho", "theta", lambda x: 1.0, own, name="frequency"),
            drift("rho", "theta", lambda x: np.cos(x.theta), lambda s, m: m.K * s.s, name="pull of s"),
            drift("rho", "theta", lambda x: -np.sin(x.theta), lambda s, m: m.K * s.c, name="pull of c"),
            Term("c", "rho", lambda u, phi, x: weight(x) * np.cos(x.theta) * u * phi, name="c"),
            Term("s", "rho", lambda u, phi, x: weight(x) * np.sin(x.theta) * u * phi, name="s"),
            Term("r", coefficient=lambda s, m: np.sqrt(s.c**2 + s.s**2), name="r"),
        ]
        if self.A:
            terms.append(drift("rho", "theta", lambda x: 1.0, name="rotation"))
            terms.append(drift("rho", "theta", lambda x: -np.sin(x.theta), lambda s, m: m.A, name="rotators"))
        unknowns = (Unknown("rho", over), *(Unknown(name, (), "equals") for name in ("c", "s", "r")))
        conserved = (Conserved("mass", {"rho": 1.0}, each),)
        return Equations(axes, unknowns, tuple(terms), conserved, symmetric_along=None if self.A else "theta")
