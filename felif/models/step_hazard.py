"""Age with a step: neurons younger than sigma(x) do not fire, all others do at rate 1; coordinates that follow sigma.

Young neurons are a density over a = s/sigma in (0, 1), whatever sigma does; of those beyond only the number matters:

    young_t + d/da [(1 - a sigma')/sigma young] = 0,   young enters at a = 0 with N,   ready' = (what leaves) - ready,
    N = ready,   sigma' = sigma_x x'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..given.differences import central
from ..weakform import Axis, Condition, Conserved, Delayed, Equations, Term, Unknown, drift

_OLDEST = 200.0  # beyond which a start has nobody
_LOOKED_AT = 400  # values of N among which those that satisfy their equation are looked for


def slope(sigma: Callable[[Any], Any], x: Any) -> Any:
    """sigma_x, by a difference that a complex step may pass."""
    return central(lambda change: sigma(x + change), 1e-3)


def equations(sigma: Callable[[Any], Any], tau: float | None, delay: float) -> Equations:
    """x = J where tau is given, N a delay ago, or else N, whose derivative then solves an equation of its own."""
    wall = {"a": 1.0}
    unknowns = [Unknown("young", ("a",)), Unknown("ready"), Unknown("N", (), "equals")]
    own: list[Term] = []
    inputs: list[Delayed] = []
    if tau is not None:
        unknowns.append(Unknown("J"))
        x = lambda s: s.J
        change = lambda s, m: slope(sigma, s.J) * (s.N - s.J) / m.tau
        own += [
            Term("J", "N", coefficient=lambda s, m: 1 / m.tau, name="what arrives"),
            Term("J", "J", coefficient=lambda s, m: -1 / m.tau, name="decay"),
        ]
    else:
        unknowns.append(Unknown("dN", (), "equals"))
        x = lambda s: s.ready
        change = lambda s, m: slope(sigma, s.ready) * s.dN
        if delay:
            inputs += [Delayed("N_before", "N", delay), Delayed("dN_before", "dN", delay, slope_of="N")]
            x = lambda s: s.N_before
            change = lambda s, m: slope(sigma, s.N_before) * s.dN_before
        leaving = lambda s, m: (1 - change(s, m)) / sigma(x(s))
        own += [
            Term("dN", "young", lambda n, phi, x: n * phi, leaving, at=wall, name="change by new ones"),
            Term("dN", "ready", coefficient=lambda s, m: -1.0, name="change by spikes"),
        ]
    leaves = lambda s, m: (1 - change(s, m)) / sigma(x(s))
    terms = [
        drift("young", "a", lambda x: 1.0, lambda s, m: 1 / sigma(x(s)), name="age"),
        drift("young", "a", lambda x: -x.a, lambda s, m: change(s, m) / sigma(x(s)), name="sigma moves"),
        Term("young", "young", lambda n, phi, x: -n * phi, leaves, at=wall, name="leaving"),
        Term("ready", "young", lambda n, phi, x: n * phi, leaves, at=wall, name="becoming ready"),
        Term("ready", "ready", coefficient=lambda s, m: -1.0, name="firing"),
        Term("N", "ready", name="rate"),
        Term("young", "N", lambda N, phi, x: N * phi, at={"a": 0.0}, name="renewal"),
        *own,
    ]
    conserved = (Conserved("total", {"young": 1.0, "ready": 1.0}),)
    holds = (
        Condition(
            "sigma grows as fast as neurons age: those that were ready are no longer", lambda s, m: 1 - change(s, m)
        ),
        Condition("sigma is not positive: all neurons fire at once", lambda s, m: sigma(x(s))),
    )
    axis = Axis("a", 0.0, 1.0, scale=0.25)
    return Equations((axis,), tuple(unknowns), tuple(terms), conserved, tuple(inputs), conditions=holds)


def start_of(sigma: Callable[[Any], Any], tau: float | None, start: Any, before: float | None) -> Any:
    """{"young", "ready", "J"} of a start {"n": density of s, "J": ...}, or of a density alone.

    before: x where it is N a delay ago. With x = N, N = int_{s > sigma(N)} n may have several solutions: "N" in the
    start says which is meant.
    Raises ValueError naming them where it does not, and where there is none.
    """
    from scipy.integrate import quad

    given = dict(start) if isinstance(start, Mapping) else {"n": start}
    if "young" in given or not callable(given.get("n")):
        return start
    density = given.pop("n")
    mass = lambda low, high: quad(lambda s: float(density(s)), low, high, limit=400, epsabs=1e-14, epsrel=1e-12)[0]
    cuts = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, _OLDEST]
    beyond = lambda at: sum(mass(max(a, at), b) for a, b in zip(cuts, cuts[1:], strict=False) if b > at)
    total = beyond(0.0)
    if not (np.isfinite(total) and total > 0):
        raise ValueError(f"start: the integral of the density n is {total!r}; allowed is a positive number")
    part = lambda x: beyond(max(float(sigma(x)), 0.0)) / total
    if tau is not None:
        x = float(given.get("J", 0.0))
    else:
        x = _consistent(part, given.pop("N", None)) if before is None else before
    length = float(sigma(x))
    return given | {"young": lambda a: np.vectorize(density, otypes=[float])(a * length), "ready": part(x)}


def _consistent(part: Callable[[float], float], wanted: float | None) -> float:
    """The N with N = part(N), the one nearest to what is wanted where there are several."""
    from scipy.optimize import brentq

    grid = np.linspace(0.0, 1.0, _LOOKED_AT + 1)
    excess = np.array([part(N) - N for N in grid])
    changes = np.flatnonzero(excess[:-1] * excess[1:] <= 0)
    roots = sorted({round(brentq(lambda N: part(N) - N, grid[k], grid[k + 1], xtol=1e-15), 14) for k in changes})
    if len(roots) > 1 and wanted is None:
        listed = ", ".join(f"{root:.6g}" for root in roots)
        raise ValueError(
            f"start: N = {listed} all satisfy N = int p(s, N) n ds; allowed is one, named by N in the start"
        )
    if not roots:
        raise ValueError("start: no N in [0, 1] satisfies N = int p(s, N) n ds")
    return min(roots, key=lambda root: abs(root - (wanted or 0.0)))
