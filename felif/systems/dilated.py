"""Several populations in dilated time, during a blow-up with noise that grows with the rates.

Of the spikes that wait, q, each is as likely to be the next; time is counted in spikes delivered, of all populations:

    n_s + (B q^) n_v - (A q^) n_vv = phi delta(v - V_R),     dq/ds = phi - q^,     dD/ds = q^,     q^ = q / sum q,

with B and A what a spike adds to drift and noise, phi the flux at V_F. Physical time stands still. It begins with a
vanishing queue in the proportions of the rates, and ends when nothing waits.

Where the neurons of every population hear all spikes in one proportion of drift and noise, they follow a clock that
counts them, what has fired grows with it, and the order of the spikes does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..problem import Infeasible
from ..weakform import Equations, Term, Unknown, drift, noise
from .on_axes import OnAxes
from .tuning import STATES

WAITING, DELIVERED = "total_waiting", "delivered"


@dataclass(frozen=True, eq=False)
class DilatedPopulations:
    """The equations of a network, in dilated time."""

    of: Equations = field(metadata={"fixed": True})

    def equations(self) -> Equations:
        """Those."""
        return self.of


def dilated(problem: OnAxes, t: float, y: np.ndarray, B: np.ndarray, A: np.ndarray) -> tuple[Any, np.ndarray]:
    """(the problem in dilated time on the same mesh, its start)."""
    model = DilatedPopulations(_equations(problem, t, y, B, A))
    other = problem.again(model, problem.lines, problem.space, problem.tol)
    start = np.zeros(other.size)
    for name in (*problem.field_names, *(u.name for u in problem.layout.numbers)):
        start[other.layout.of_y(name)] = y[problem.layout.of_y(name)]
    return other, start


def _equations(problem: OnAxes, t: float, y: np.ndarray, B: np.ndarray, A: np.ndarray) -> Equations:
    whole, (density,) = problem.equations, problem.field_names
    (flux,) = (u for u in whole.unknowns if u.kind == "holds")
    over = flux.over
    seeds = _proportions(problem, flux.name, t, y) * STATES.seed
    pushed, spread = B @ seeds, A @ seeds
    waiting = lambda s: getattr(s, WAITING) + STATES.seed
    terms = [term for term in whole.terms if term.of == flux.name and term.matrix is None]
    terms += [
        Term("push", "waits", matrix=B),
        Term("spread", "waits", matrix=A),
        Term(WAITING, "waits"),
        drift(density, "v", lambda x: 1.0, lambda s, m: (s.push + pushed[s.population]) / waiting(s)),
        noise(density, "v", lambda s, m: (s.spread + spread[s.population]) / waiting(s)),
        Term("waits", flux.name, name="fired"),
    ]
    for into, sign in (("waits", -1.0), (DELIVERED, 1.0)):
        terms.append(Term(into, "waits", coefficient=lambda s, m, sign=sign: sign / waiting(s)))
        seed = lambda s, m, sign=sign: sign * seeds[s.population] / waiting(s)
        terms.append(Term(into, None, lambda phi, x: phi, seed, name=f"{into} from the seed"))
    kept = [u for u in whole.unknowns if u.name in {density, flux.name, "R"}]
    new = [Unknown("waits", over), Unknown(DELIVERED, over), Unknown("push", over, "equals")]
    new += [Unknown("spread", over, "equals"), Unknown(WAITING, (), "equals")]
    return Equations(whole.axes, (*kept, *new), tuple(terms), whole.conserved)


def _proportions(problem: OnAxes, flux: str, t: float, y: np.ndarray) -> np.ndarray:
    """Of the rates; equal ones where there are none yet."""
    try:
        rates = np.maximum(problem.group(flux, t, y), 0.0)
    except Infeasible:
        rates = np.ones(problem.groups[flux][0])
    return rates / rates.sum()
