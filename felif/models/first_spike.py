"""One neuron of a network, followed from its start to its first spike: the equations of a model without the reset."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from ..given.arguments import is_number, shown
from ..translation import weak_form_of
from ..translation.weak_form import Term as Part
from ..translation.weak_form import WeakForm
from ..weakform import Conserved, Delayed, Equations, Term, Unknown
from .parameters import fixed
from .terms import leaves

COUNT = "fired"  # the scalar F(t) = P(T <= t)


@dataclass(frozen=True)
class FirstSpike:
    """Density n(v,t) of one neuron that has not fired yet, and the probability F(t) that it has.

        n_t + [(f(v) + I(t) + b N) n]_v - (a0 + a1 N) n_vv = 0,     v < V_F,     n(V_F, t) = 0
        dF/dt = -(a0 + a1 N) n_v(V_F, t),     int n dv + F = 1

    The activity N of the network it lives in is a given number, `rate`. The equations are those of `model`: what its
    reset term would bring back to V_R is counted in F instead. A refractory state, or a zone above V_F in which it
    fires, stays as the model has it: F counts returns to V_R, and dF/dt from V_R is the density of the interval between
    two spikes. until="spike" counts the spike itself, and a refractory state is left out.

    Raises ValueError for a model of several populations, for one without a reset term, and for a coupled one
    (b or a1 not 0) without `rate`.
    """

    model: Any  # of one population
    v_reset: float = fixed(0.0)
    v_fire: float = fixed(0.0)
    rate: float | None = None
    until: Literal["return", "spike"] = "return"

    @classmethod
    def of(cls, model: Any, rate: float | None = None, until: Literal["return", "spike"] = "return") -> FirstSpike:
        places = [getattr(model, name, None) for name in ("v_reset", "v_fire")]
        if not all(map(is_number, places)):
            raise ValueError(
                f"{type(model).__name__}: v_reset, v_fire = {shown(places)}; allowed is a model of one population, "
                "with numbers there"
            )
        return cls(model, *map(float, places), rate, until)

    @classmethod
    def between_spikes(cls, model: Any, rate: float | None = None) -> tuple[FirstSpike, float]:
        """(what takes a random time from one spike to the next, the dead time before that)."""
        silent = getattr(model, "dead_time", 0.0)
        if not is_number(silent):
            raise ValueError(
                f"{type(model).__name__}: dead_time = {shown(silent)}; allowed is a number, of one population"
            )
        return cls.of(model, rate, "spike" if silent else "return"), float(silent)

    def __getattr__(self, name: str) -> Any:
        """Inputs are read from the model (`current`)."""
        if name.startswith("__") or name == "model":
            raise AttributeError(name)
        return getattr(self.model, name)

    def equations(self) -> Equations:
        form, kind = weak_form_of(self.model), type(self.model).__name__
        if len(form.fields) != 1 or form.fields[0].over != ("v",):
            raise ValueError(f"{kind} has the densities {[f.name for f in form.fields]}; allowed is one, over v")
        resets = [t for t in form.terms if t.is_at_point and t.over != "firing" and t.of is None]
        rates = [s.name for s in form.scalars if s.algebraic]
        if len(resets) != 1 or len(rates) != 1 or resets[0].over != "reset":
            places = [form.places[t.over] for t in resets]
            raise ValueError(
                f"{kind} has {len(resets)} reset terms, to {places}, and {len(rates)} firing rates; allowed is one of "
                "each, to v_reset"
            )
        (rate,) = rates
        firing = next((s.over for s in form.scalars if s.name == rate and s.over is not None), None)
        _require_return(self.model, form, resets[0], firing)
        if self.until == "return" and any(i.held is not None for i in form.inputs):
            raise ValueError(
                f"{kind} has a dead time, after which a neuron returns for certain; allowed is until='spike'"
            )
        lagged = [i.name for i in form.inputs if i.of is not None]
        activity = dict.fromkeys((*rates, *lagged), 0.0 if self.rate is None else self.rate)
        if self.rate is None:
            _require_alone(self.model, form, activity)
        dropped = [s.name for s in form.scalars if not s.algebraic] if self.until == "spike" else []
        whole, density = self.model.equations(), form.fields[0].name
        kept = [t for t in whole.terms if t.into not in dropped]
        counted = resets[0].coefficient if self.until == "return" else lambda s, m: getattr(s, rate)
        terms = [Term(COUNT, coefficient=lambda s, m: counted(s, m.model), name="count")]
        for term in kept:
            if term.of == density or dict(term.at).get("v") != self.v_reset:
                c = _coefficient(term, activity if term.of == density else {})
                terms.append(dataclasses.replace(_leaving(term), coefficient=c))
        unknowns = (*(u for u in whole.unknowns if u.name not in dropped), Unknown(COUNT))
        total = Conserved("total", {u.name: 1.0 for u in unknowns if u.kind == "evolves"})
        given = tuple(i for i in whole.inputs if not isinstance(i, Delayed))
        return Equations(whole.axes, unknowns, tuple(terms), (total,), given)


def _leaving(term: Term) -> Term:
    """Of a jump, what leaves."""
    if term.lands is None:
        return term
    jumps = term.form
    out = leaves if jumps is None else (lambda u, phi, x: -jumps(u, phi, x))
    return dataclasses.replace(term, lands=None, form=out)


def _require_return(model: Any, form: WeakForm, reset: Part, firing: str | None) -> None:
    """ValueError unless the reset alone brings back what has fired, and drift and noise are those of one neuron."""
    kind = type(model).__name__
    inputs = {i.name: 0.37 for i in form.inputs}

    def depends(term: Part, name: str) -> bool:
        if term.coefficient is None:
            return False
        at = lambda x: SimpleNamespace(**inputs, **{**{u.name: 0.37 for u in form.scalars}, name: x})
        return any(term.coefficient(at(x), model) != term.coefficient(at(0.0), model) for x in (0.4, 1.0, 7.0))

    for term in form.terms:
        if term is not reset and term.of is None and term.into == reset.into and term.over != firing:
            raise ValueError(
                f"{kind}: {term.name!r} brings neurons in beside {reset.name!r}; allowed is one reset, to the point V_R"
            )
        for scalar in form.scalars:
            if not scalar.algebraic and term.of is not None and term.into == term.of and depends(term, scalar.name):
                raise ValueError(
                    f"{kind}: {term.name!r} depends on {scalar.name}, which is of the network and not of one neuron; "
                    "allowed are drift and noise that read inputs and the firing rate"
                )
    brought = reset.form(np.ones(1), np.array([[float(model.v_reset)]]))
    if abs(float(np.ravel(brought)[0]) - 1.0) > 1e-12:
        raise ValueError(f"{kind}: the form of {reset.name!r} is {np.ravel(brought)[0]:.6g} phi; allowed is phi")


class _Given:
    """`s` with the network's activity a given number."""

    def __init__(self, s: Any, activity: dict[str, float]) -> None:
        self._s, self._activity = s, activity

    def __getattr__(self, name: str) -> Any:
        return self._activity[name] if name in self._activity else getattr(self._s, name)


def _coefficient(term: Term, activity: dict[str, float]) -> Callable[[Any, Any], Any] | None:
    """A term's coefficient, reading the model's own parameters; drift and noise see the given activity."""
    c = term.coefficient
    return c and (lambda s, m: c(_Given(s, activity), m.model))


def _require_alone(model: Any, form: WeakForm, activity: dict[str, float]) -> None:
    """ValueError where drift or noise depend on the network's activity, which nobody has given."""
    s = SimpleNamespace(**{i.name: 0.37 for i in form.inputs}, **{u.name: 0.37 for u in form.scalars})
    for term in form.terms:
        if term.of is not None and term.coefficient is not None:
            alone, driven = (term.coefficient(_Given(s, dict.fromkeys(activity, N)), model) for N in (0.0, 0.37))
            if alone != driven:
                raise ValueError(
                    f"rate = None: the {term.name} of {model} depends on the firing rate of the network; "
                    "give that as a number (rate=...), or take a neuron without coupling (b = 0, a1 = 0)"
                )
