"""The network of neurons whose density a model's equations describe: derived from the terms, not stated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.parameters import parameters_of
from .fields import CELLS, Term, WeakForm, convection_of, probe
from .learning import learning_law
from .particle_law import ParticleLaw, Population
from .to_weakform import Elsewhere, has_equations, with_resets

_AGREE = 1e-9  # relative defect of what must be constant or affine
_INSIDE = np.concatenate([-2.0 + 3.0 * (np.arange(60) + 0.5) / 60, [0.0, 1.0]])  # from V_R, in units of V_F - V_R
_ABOVE = 1.0 + np.arange(1, 30) / 10


def law_of(model: Any) -> ParticleLaw:
    """The particle law of a model.

    Raises ValueError, naming the term, for what is no model and where the terms are not those of neurons that drift,
    are kicked by spikes, fire at V_F (or at a rate above it) and begin again at V_R.
    """
    kind = type(model).__name__
    if not has_equations(model):
        raise ValueError(f"model = {model!r}; allowed is a model with equations(), see docs/adding_a_model.md")
    try:
        form, resets = with_resets(model)
    except Elsewhere as reason:
        raise ValueError(f"no network of neurons is known behind {kind}: {reason.why}") from reason
    if form.lines:
        if resets:
            raise ValueError(f"{kind}: a network that learns has a distribution of resets; allowed is one")
        return learning_law(model, form)
    if resets and abs(sum(share for share, _ in resets) - 1) > _AGREE:
        raise ValueError(f"{kind}: of what fires, not all lands at {[place for _, place in resets]}; allowed is all")
    return replace(_Network(model, form).law(), resets=resets)


@dataclass(frozen=True)
class _Drift:
    """f(v), the sum of multiples of forms."""

    parts: tuple[tuple[float, Term], ...]

    def __call__(self, v: Any) -> Any:
        points = np.atleast_1d(np.asarray(v, float))
        total = sum((c * convection_of(term, points) for c, term in self.parts), np.zeros(points.shape))
        return total if np.ndim(v) else float(total[0])


@dataclass(frozen=True)
class _Current:
    """I(t) = rest + sum of multiples of inputs."""

    rest: float
    parts: tuple[tuple[float, Any], ...]

    def __call__(self, t: float) -> float:
        return self.rest + sum(k * (float(f(t)) if callable(f) else f) for k, f in self.parts)

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Times at which inputs are known to jump."""
        return tuple(sorted({float(t) for _, f in self.parts for t in getattr(f, "breakpoints", ())}))


class _Network:
    def __init__(self, model: Any, form: WeakForm) -> None:
        self.model, self.form, self.m = model, form, parameters_of(model)
        self.kind = type(model).__name__
        low, high = float(model.v_reset), float(model.v_fire)
        self.unit = high - low if high < np.inf else max(1.0, abs(low))
        self.v_reset, self.inside, self.above = low, low + self.unit * _INSIDE, low + self.unit * _ABOVE
        self.rates = self._rates()
        self.held = [i for i in form.inputs if i.held is not None]
        self.lags = [i for i in form.inputs if i.of is not None and i.held is None]
        self.given = {i.name: getattr(model, i.parameter) for i in form.inputs if i.of is None}
        self.names = [u.name for u in form.scalars] + [i.name for i in form.inputs]

    def _error(self, why: str) -> ValueError:
        return ValueError(f"{self.kind}: {why}: simulated neurons would be those of another equation")

    def _rates(self) -> list[str]:
        """The firing rate of every field."""
        fluxes = {u.of: u.name for u in self.form.scalars if u.algebraic == "flux"}
        integrals = {t.of: t.into for t in self.form.terms if t.of is not None and t.into != t.of}
        found = [{**integrals, **fluxes}.get(field.name, "") for field in self.form.fields]
        for field, rate in zip(self.form.fields, found, strict=True):
            if field.name[0] != "n" or rate != "N" + field.name[1:]:
                raise ValueError(
                    f"{self.kind}: the density {field.name!r} has the rate {rate!r}; allowed for particles are the "
                    "names n and N, with the same ending"
                )
        return found

    def law(self) -> ParticleLaw:
        populations: list[Population] = []
        rests = [self._returns(k) for k in range(len(self.rates))]
        escapes = [self._escape(field.name, rate) for field, rate in zip(self.form.fields, self.rates, strict=True)]
        for field in self.form.fields:
            populations.append(self._population(field.name, populations))
        delays = [float(getattr(self.model, i.parameter)) for i in self.lags]
        for what, values in (("refractory times", rests), ("escape times", escapes), ("delays", delays)):
            if len(set(values)) > 1:
                raise self._error(f"there are several {what}, {sorted(set(values))}")
        refractory, silent = rests[0]
        return ParticleLaw(
            tuple(populations),
            self.model.v_reset,
            self.model.v_fire,
            refractory_time=refractory,
            escape_time=escapes[0],
            delay=delays[0] if delays else 0.0,
            dead_time=silent,
        )

    # coefficients -----------------------------------------------------------------------------------------------

    def _affine(self, term: Term) -> tuple[float, dict[str, float]]:
        """(c at 0, {name: slope}) of a coefficient that is affine in scalars and inputs."""
        c = term.coefficient
        if c is None:
            return 1.0, {}
        at_zero = lambda given: SimpleNamespace(**(dict.fromkeys(self.names, 0.0) | given))
        rest = float(c(at_zero({}), self.m))
        slopes = {name: complex(c(at_zero({name: 1e-30j}), self.m)).imag / 1e-30 for name in self.names}
        random = np.random.default_rng(1)
        for _ in range(3):
            at = dict(zip(self.names, random.uniform(0.1, 3.0, len(self.names)).tolist(), strict=True))
            parts = [rest, *(slopes[name] * x for name, x in at.items())]
            if not abs(float(c(at_zero(at), self.m)) - sum(parts)) <= _AGREE * sum(map(abs, parts)):
                raise self._error(f"the coefficient of {term.name!r} is not affine in scalars and inputs")
        return rest, {name: k for name, k in slopes.items() if k}

    def _constant(self, term: Term, values: np.ndarray, what: str) -> float:
        if np.ptp(values) > _AGREE * np.abs(values).max():
            raise self._error(f"{what} that {term.name!r} makes depends on v")
        return float(values[0])

    # drift and noise --------------------------------------------------------------------------------------------

    def _population(self, field: str, others: list[Population]) -> Population:
        heard = [next((i.name for i in self.lags if i.of == rate), rate) for rate in self.rates]
        drifts: list[tuple[float, Term]] = []
        current: dict[str, float] = {}
        kicks, noise_kicks, noise, rest = dict.fromkeys(heard, 0.0), dict.fromkeys(self.rates, 0.0), 0.0, 0.0
        for term in (t for t in self.form.terms if t.into == field == t.of and t.over == CELLS):
            convection, diffusion, reaction = probe(term, self.inside)
            offset, slopes = self._affine(term)
            if np.any(reaction):
                raise self._error(f"{term.name!r} makes neurons appear or vanish along the line")
            if np.any(convection):
                if slopes:
                    constant = self._constant(term, convection, "the drift")
                    rest += offset * constant
                elif offset:
                    drifts.append((offset, term))
                for name, k in slopes.items():
                    if name in kicks:
                        kicks[name] += k * constant
                    elif name in self.given:
                        current[name] = current.get(name, 0.0) + k * constant
                    else:
                        raise self._error(f"the drift of {field!r} reads {name}")
            if np.any(diffusion):
                constant = self._constant(term, diffusion, "the noise")
                noise += offset * constant
                for name, k in slopes.items():
                    value = self.given.get(name)
                    if name in noise_kicks:
                        noise_kicks[name] += k * constant
                    elif value is not None and not callable(value):
                        noise += k * constant * value
                    else:
                        raise self._error(f"the noise of {field!r} reads {name}")
        drift = _Drift(tuple(drifts))
        for other in others:  # one drift that several have is one object
            if np.array_equal(other.drift(self.inside), drift(self.inside)):
                drift = other.drift
        return Population(
            field[1:],
            tuple(kicks.values()),
            drift,
            self._current(rest, current),
            noise,
            tuple(noise_kicks.values()) if any(noise_kicks.values()) else (),
        )

    def _current(self, rest: float, parts: dict[str, float]) -> Any:
        if not rest and list(parts.values()) == [1.0]:
            return self.given[next(iter(parts))]
        found = _Current(rest, tuple((k, self.given[name]) for name, k in parts.items()))
        return found if any(callable(f) for _, f in found.parts) else found(0.0)

    # what fires -------------------------------------------------------------------------------------------------

    def _sources(self, field: str) -> tuple[dict[str, float], dict[str, float]]:
        """({name: multiple of it that leaves at V_F}, {name: that enters at V_R})."""
        found: dict[str, dict[str, float]] = {"firing": {}, "reset": {}}
        for term in (t for t in self.form.terms if t.into == field and t.of is None):
            if term.over not in found:
                raise self._error(f"{term.name!r} sets neurons down over {term.over!r}, not at the point V_R")
            place = float(self.model.v_reset if term.over == "reset" else self.model.v_fire)
            shape = float(np.ravel(term.form(np.ones(1), np.array([[place]])))[0])
            offset, slopes = self._affine(term)
            for name, k in {"a constant": offset, **slopes}.items():
                if k * shape:
                    found[term.over][name] = found[term.over].get(name, 0.0) + k * shape
        return found["firing"], found["reset"]

    def _returns(self, k: int) -> tuple[float, float]:
        """(mean refractory time, dead time) of population k."""
        field, rate = self.form.fields[k].name, self.rates[k]
        leaves, enters = self._sources(field)
        flux = any(u.name == rate and u.algebraic == "flux" for u in self.form.scalars)
        if not _same(leaves, {rate: -1.0} if flux else {}):
            raise self._error(f"of {field!r} {leaves} leaves at V_F")
        if _same(enters, {rate: 1.0}) and flux:
            return 0.0, 0.0
        lag = next((i for i in self.held if i.of == rate), None)
        if lag is not None and _same(enters, {lag.name: 1.0}):
            return 0.0, float(getattr(self.model, lag.parameter))
        own = "R" + field[1:]
        if list(enters) == [own] and enters[own] > 0:
            changes: dict[str, float] = {}
            for term in (t for t in self.form.terms if t.into == own):
                offset, slopes = self._affine(term)
                for name, slope in {"a constant": offset, **slopes}.items():
                    changes[name] = changes.get(name, 0.0) + slope
            if _same({n: c for n, c in changes.items() if c}, {rate: 1.0, own: -enters[own]}):
                return 1.0 / enters[own], 0.0
        raise self._error(f"the reset of {field!r} is {enters or 'nothing'}")

    def _escape(self, field: str, rate: str) -> float:
        """Mean time to fire above V_F, 0 where V_F is a threshold."""
        leaving = counted = 0.0
        for term in (t for t in self.form.terms if t.of == field and t.over != CELLS):
            offset, slopes = self._affine(term)
            if term.into == rate:
                counted += offset * self._constant(term, _on(lambda x, f=term.form: f(1.0, x), self.above), "the rate")
                continue
            convection, diffusion, reaction = probe(term, self.above)
            if slopes or np.any(convection) or np.any(diffusion):
                raise self._error(f"{term.name!r} is no constant rate above V_F")
            leaving -= offset * self._constant(term, reaction, "the rate")
        if (
            any(t.of == field and t.into == rate and t.over == CELLS for t in self.form.terms)
            or abs(leaving - counted) > _AGREE * leaving
        ):
            raise self._error(f"{leaving:g} leaves {field!r} above V_F, and {rate} counts {counted:g}")
        return 1.0 / leaving if leaving else 0.0


def _on(function: Callable[[np.ndarray], Any], v: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(function(v[None]), float), v.shape)


def _same(found: dict[str, float], wanted: dict[str, float]) -> bool:
    return found.keys() == wanted.keys() and all(abs(found[k] - x) <= _AGREE * abs(x) for k, x in wanted.items())
