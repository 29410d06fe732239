"""The network in dilated time during a blow-up by noise: the model's own equations to leading order in N.

With s the number of kicks delivered, ds = N dt and N -> infinity, drift and noise keep their parts proportional to N:

    n_s + b n_v - a1 n_vv = phi delta(v - V_R),     n(V_F) = 0,     phi = -a1 n_v(V_F),     dQ/ds = phi

Physical time stands still. Q counts the spikes fired; the event ends when all are delivered, Q = s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.parameters import parameters_of
from ..translation.coefficients import STEP
from ..weakform import Equations, Term, Unknown
from .tuning import SPIKE

COUNT = "fired"  # the scalar Q


@dataclass(frozen=True)
class Dilated:
    """A model of one field with a flux, in dilated time."""

    model: Any = field(metadata={"fixed": True})  # its parameters decide which terms there are

    v_reset = property(lambda self: self.model.v_reset)
    v_fire = property(lambda self: self.model.v_fire)

    def equations(self) -> Equations:
        whole = self.model.equations()
        rate = next(u.name for u in whole.unknowns if u.kind == "holds")
        numbers = [*(u for u in whole.unknowns if not u.over), *whole.inputs]
        terms = [Term(COUNT, rate, name="count spikes")]
        for term in whole.terms:
            if slope := rate_slope(term, numbers, self.model, rate):
                of_nothing = lambda s, m, k=slope: k * getattr(s, rate)
                terms.append(replace(term, coefficient=(lambda s, m, k=slope: k) if term.of else of_nothing))
        return Equations(whole.axes, (*whole.unknowns, Unknown(COUNT)), tuple(terms), whole.conserved)


def rate_slope(term: Any, numbers: Iterable[Any], model: Any, rate: str) -> float:
    """d/dN of a term's coefficient, times the number that it is of, all other `numbers` 0; delayed inputs stay."""
    s = SimpleNamespace(**dict.fromkeys((number.name for number in numbers), 0.0))
    setattr(s, rate, complex(0.0, STEP))
    c = 1.0 if term.coefficient is None else term.coefficient(s, parameters_of(model))
    return complex(c * getattr(s, term.of or "", 1.0)).imag / STEP


def depth_of(drift: Any, noise: Any, spikes: float) -> Any:
    """How far down so many spikes throw neurons back, each of which adds this much to drift and noise."""
    return np.maximum(-drift, 0.0) * spikes + SPIKE.deviations * np.sqrt(2 * noise * spikes)


def further_down(cells: np.ndarray, lowest: float) -> np.ndarray:
    """The cells and ever larger ones below them, down to a place."""
    new = [cells[0]]
    while new[-1] > lowest:
        new.append(new[-1] - SPIKE.wider ** len(new) * (cells[1] - cells[0]))
    return np.concatenate([new[:0:-1], cells])


def short_below(cells: np.ndarray, top: float, length: float) -> np.ndarray:
    """The cells with the one below V_F halved again and again: physical time goes on with another balance of drift and
    noise there, N starts like N(T+) + c sqrt(t - T), from a layer of no width. `length` is V_F - V_R."""
    k = int(np.searchsorted(cells, top))
    last = cells[k] - cells[k - 1]
    halves = max(0, int(np.ceil(np.log2(last / (SPIKE.finest * length)))))
    return np.union1d(cells, cells[k] - last * 0.5 ** np.arange(1, halves + 1))
