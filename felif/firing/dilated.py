"""The network in dilated time during a blow-up by noise: the model's own weak form to leading order in N.

With s the number of kicks delivered, ds = N dt and N -> infinity, drift and noise keep their parts proportional to N:

    n_s + b n_v - a1 n_vv = phi delta(v - V_R),     n(V_F) = 0,     phi = -a1 n_v(V_F),     dQ/ds = phi

Physical time stands still. Q counts the spikes fired; the event ends when all are delivered, Q = s.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ..given.parameters import parameters_of
from ..translation import weak_form_of
from ..translation.coefficients import STEP
from ..translation.weak_form import Input, Scalar, Term, WeakForm

COUNT = "fired"  # the scalar Q


@dataclass(frozen=True)
class Dilated:
    """A model of one field with a flux, in dilated time."""

    model: Any = dataclasses.field(metadata={"fixed": True})  # its parameters decide which terms there are

    def as_weak_form(self) -> WeakForm:
        form = weak_form_of(self.model)
        rate = next(s.name for s in form.scalars if s.algebraic == "flux")
        terms = []
        for term in form.terms:
            slope = rate_slope(term, form.inputs, form.scalars, self.model, rate)
            if slope == 0.0:
                continue
            coefficient = (
                (lambda s, m, k=slope: k) if term.of is not None else (lambda s, m, k=slope: k * getattr(s, rate))
            )
            terms.append(dataclasses.replace(term, coefficient=coefficient))
        count = Term("count spikes", into=COUNT, coefficient=lambda s, m: getattr(s, rate))
        return WeakForm((*form.unknowns, Scalar(COUNT)), (*terms, count), form.conserved, points=form.points)


def rate_slope(term: Term, inputs: tuple[Input, ...], scalars: tuple[Scalar, ...], model: Any, rate: str) -> float:
    """dc/dN of a term's coefficient, everything else 0; delayed inputs stay what they are."""
    if term.coefficient is None:
        return 0.0
    s = SimpleNamespace(**dict.fromkeys((*(i.name for i in inputs), *(x.name for x in scalars)), 0.0))
    setattr(s, rate, complex(0.0, STEP))
    return complex(term.coefficient(s, parameters_of(model))).imag / STEP
