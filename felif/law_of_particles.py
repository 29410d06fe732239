"""Whether the network of neurons that a model states is the one whose density its weak form describes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from .assembly.forms import probe
from .assembly.language import places_of
from .inputs import input_value
from .model_parameters import parameters_of
from .translation import weak_form_of
from .weakform import CELLS, WeakForm

_AGREE = 1e-9


def require_law(model: Any, law: Any) -> None:
    """ValueError, naming what differs, where drift, noise, firing or reset of a ParticleLaw are not the weak form's.

    Compared at potentials around V_R and V_F and several activities, for densities over v; inputs at t = 0.
    """
    form, kind = weak_form_of(model), type(model).__name__
    for name in ("v_reset", "v_fire"):
        if getattr(law, name) != getattr(model, name):
            raise ValueError(
                f"{kind}: {name} of particle_law() is {getattr(law, name)!r}, of the model {getattr(model, name)!r}"
            )
    if law.learning is not None or form.lines:
        return
    if len(law.populations) != len(form.fields):
        raise ValueError(
            f"{kind}: particle_law() has {len(law.populations)} populations, weak_form() {len(form.fields)}"
        )
    rates, rng = _rates(form), np.random.default_rng(1)
    for _ in range(3):
        N = rng.uniform(0.1, 3.0, len(rates))
        s = SimpleNamespace(**{u.name: float(rng.uniform(0.1, 0.9)) for u in form.scalars})
        for name, value in zip(rates, N.tolist(), strict=True):
            setattr(s, name, value)
        for given in form.inputs:
            value = getattr(model, given.parameter)
            value = getattr(s, given.of) if given.of is not None else value
            setattr(s, given.name, input_value(given.parameter, value, 0.0) if callable(value) else float(value))
        for field, population in zip(form.fields, law.populations, strict=True):
            for what, stated, written in _pairs(model, law, form, field.name, population, s, N):
                if not np.all(np.abs(stated - written) <= _AGREE * (1 + np.abs(stated))):
                    at = int(np.argmax(np.abs(stated - written)))
                    raise ValueError(
                        f"{kind}: the {what} of particle_law() is {stated[at]:.6g} where the terms of weak_form() say "
                        f"{written[at]:.6g}: simulated neurons would be those of another equation"
                    )


def _rates(form: WeakForm) -> list[str]:
    """The firing rate of every field."""
    fluxes = {u.of: u.name for u in form.scalars if u.algebraic == "flux"}
    integrals = {t.of: t.into for t in form.terms if t.of is not None and t.into in {u.name for u in form.scalars}}
    return [{**integrals, **fluxes}.get(field.name, "") for field in form.fields]


def _pairs(model: Any, law: Any, form: WeakForm, field: str, population: Any, s: Any, N: np.ndarray) -> Any:
    """(what, its values in the law, its values in the weak form) at potentials and at V_R and V_F."""
    m, inside = parameters_of(model), places_of(model, form, CELLS)[0]
    above = places_of(model, form, "above")[0]
    current = population.current
    I = input_value("current", current, 0.0) if callable(current) else float(current)
    drift, noise, entering, escaping = 0.0, 0.0, 0.0, 0.0
    for term in (t for t in form.terms if t.into == field):
        c = 1.0 if term.coefficient is None else float(term.coefficient(s, m))
        if term.of is None:
            if term.over not in ("reset", "firing"):
                entering = np.nan  # spread out: no point that neurons are set back to
            elif term.over == "reset":
                entering = entering + c * np.asarray(term.form(np.ones(1), np.array([[float(model.v_reset)]])))
            continue
        convection, diffusion, _ = probe(term, inside)
        drift, noise = drift + c * convection, noise + c * diffusion
        if term.over == "above":
            escaping = escaping - c * probe(term, above)[2]
        elif np.any(probe(term, inside)[2]):
            entering = np.nan
    kicks = float(np.dot(population.kicks, N[: len(population.kicks)]))
    spread = float(np.dot(population.noise_kicks, N[: len(population.noise_kicks)]))
    ones = np.ones(len(inside))
    yield "drift", np.array([float(population.drift(float(v))) for v in inside]) + I + kicks, drift * ones
    yield "noise", (population.noise + spread) * ones, noise * ones
    waiting = [u.name for u in form.scalars if not u.algebraic]
    own = next((name for name in waiting if name.endswith(population.name)), None)
    if law.refractory_time > 0 and own is None:
        entering = np.nan
    resting = law.refractory_time > 0 and own is not None
    index = [f.name for f in form.fields].index(field)
    back = getattr(s, own) / law.refractory_time if resting else N[index]
    yield "reset", np.array([back]), np.nan_to_num(entering, nan=0.0) * np.ones(1)
    yield "rate of escape", (1 / law.escape_time if law.escape_time else 0.0) * ones, escaping * ones
