"""The network of neurons whose density a model's equations describe: derived from the terms, not stated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.parameters import parameters_of
from .exchange_law import taken_apart
from .learning_law import learning_law
from .particle_law import ParticleLaw, Population
from .to_weakform import Elsewhere, has_equations, weak_form_of
from .unrolled import is_indexed, unrolled
from .weak_form import CELLS, Term, WeakForm, convection_of, probe

_AGREE = 1e-9  # relative defect of what must be constant or affine
_INSIDE = np.concatenate([-2.0 + 3.0 * (np.arange(60) + 0.5) / 60, [0.0, 1.0]])  # from V_R, in units of V_F - V_R
_ABOVE = 1.0 + np.arange(1, 30) / 10


def law_of(model: Any, mixing: bool = False) -> ParticleLaw:
    """The particle law of a model; `mixing`: also one whose populations exchange neurons or whose axis ends below.

    Raises ValueError, naming the term, for what is no model and where the terms are not those of neurons that drift,
    are kicked by spikes, fire at V_F (or at a rate above it) and begin again at V_R.
    """
    kind = type(model).__name__
    if not has_equations(model):
        raise ValueError(f"model = {model!r}; allowed is a model with equations(), see docs/adding_a_model.md")
    try:
        if is_indexed(equations := model.equations()):
            return _Network(model, *unrolled(model, equations)).law()
        form = weak_form_of(model)
    except Elsewhere as reason:
        unknown = f"no network of neurons is known behind {kind}"
        apart = taken_apart(model, equations) if mixing else None
        if apart is None:
            raise ValueError(f"{unknown}: {reason.why}") from reason
        try:
            law = law_of(apart.without)
        except ValueError as why:
            raise ValueError(f"{unknown}: {str(why).removeprefix(f'{type(apart.without).__name__}: ')}") from None
        return replace(law, exchange=apart.exchange, low=apart.low, leaves=apart.leaves, shares=apart.shares)
    if form.lines:
        return learning_law(model, form)
    places = (np.full(len(form.fields), float(place)) for place in (model.v_reset, model.v_fire))
    return _Network(model, form, *places).law()


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
    """v_reset, v_fire: of the population of each field."""

    def __init__(self, model: Any, form: WeakForm, v_reset: np.ndarray, v_fire: np.ndarray) -> None:
        self.model, self.form, self.m = model, form, parameters_of(model)
        self.kind = type(model).__name__
        self.v_reset, self.v_fire = v_reset.tolist(), v_fire.tolist()
        units = [b - a if b < np.inf else max(1.0, abs(a)) for a, b in zip(self.v_reset, self.v_fire, strict=True)]
        self.inside, self.above = (
            [low + unit * part for low, unit in zip(self.v_reset, units, strict=True)] for part in (_INSIDE, _ABOVE)
        )
        self.rates = self._rates()
        self.lags = {i.name: i for i in form.inputs if i.of is not None}
        self.given = {i.name: getattr(model, i.parameter) for i in form.inputs if i.of is None}
        self.names = [u.name for u in form.scalars] + [i.name for i in form.inputs]
        self.resets: list[tuple[tuple[float, float], ...]] = []  # (share, place) of each population

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
        escapes = [self._escape(k) for k in range(len(self.rates))]
        for k in range(len(self.rates)):
            populations.append(self._population(k, populations))
        if len(set(escapes)) > 1:
            raise self._error(f"there are several escape times, {sorted(set(escapes))}")
        return ParticleLaw(tuple(populations), escape_time=escapes[0], resets=self._resets())

    def _resets(self) -> tuple[tuple[float, float], ...]:
        """Where neurons begin again; none for V_R alone."""
        alone = [resets == ((1.0, self.v_reset[k]),) for k, resets in enumerate(self.resets)]
        if all(alone):
            return ()
        if len(set(self.resets)) > 1:
            raise self._error(f"its populations begin again at different places, {self.resets}")
        return self.resets[0]

    def _delay(self, name: str) -> float:
        """Of a lagged input; a rate itself is heard at once."""
        if name not in self.lags:
            return 0.0
        delay = self.lags[name].parameter
        return float(getattr(self.model, delay) if isinstance(delay, str) else delay)

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

    def _population(self, k: int, others: list[Population]) -> Population:
        field, inside = self.form.fields[k].name, self.inside[k]
        heard = {rate: rate for rate in self.rates} | {name: i.of for name, i in self.lags.items()}
        delays: dict[str, float] = {}
        drifts: list[tuple[float, Term]] = []
        current: dict[str, float] = {}
        kicks, noise_kicks, noise, rest = dict.fromkeys(self.rates, 0.0), dict.fromkeys(self.rates, 0.0), 0.0, 0.0
        for term in (t for t in self.form.terms if t.into == field == t.of and t.over == CELLS):
            convection, diffusion, reaction = probe(term, inside)
            offset, slopes = self._affine(term)
            if np.any(reaction):
                raise self._error(f"{term.name!r} makes neurons appear or vanish along the line")
            if np.any(convection):
                if slopes:
                    constant = self._constant(term, convection, "the drift")
                    rest += offset * constant
                elif offset:
                    drifts.append((offset, term))
                for name, slope in slopes.items():
                    if name in heard:
                        kicks[heard[name]] += slope * constant
                        if delays.setdefault(heard[name], self._delay(name)) != self._delay(name):
                            raise self._error(f"{field!r} hears {heard[name]} after two different delays")
                    elif name in self.given:
                        current[name] = current.get(name, 0.0) + slope * constant
                    else:
                        raise self._error(f"the drift of {field!r} reads {name}")
            if np.any(diffusion):
                constant = self._constant(term, diffusion, "the noise")
                noise += offset * constant
                for name, slope in slopes.items():
                    value = self.given.get(name)
                    if name in noise_kicks:
                        noise_kicks[name] += slope * constant
                    elif value is not None and not callable(value):
                        noise += slope * constant * value
                    else:
                        raise self._error(f"the noise of {field!r} reads {name}")
        drift = _Drift(tuple(drifts))
        for other in others:  # one drift that several have is one object
            if np.array_equal(other.drift(inside), drift(inside)):
                drift = other.drift
        refractory, silent = self._returns(k)
        return Population(
            field[1:],
            tuple(kicks.values()),
            drift,
            self.v_reset[k],
            self.v_fire[k],
            self._current(rest, current),
            noise,
            tuple(noise_kicks.values()) if any(noise_kicks.values()) else (),
            refractory,
            silent,
            tuple(delays.get(rate, 0.0) for rate in self.rates) if any(delays.values()) else (),
        )

    def _current(self, rest: float, parts: dict[str, float]) -> Any:
        if not rest and list(parts.values()) == [1.0]:
            return self.given[next(iter(parts))]
        found = _Current(rest, tuple((k, self.given[name]) for name, k in parts.items()))
        return found if any(callable(f) for _, f in found.parts) else found(0.0)

    # what fires -------------------------------------------------------------------------------------------------

    def _sources(self, k: int) -> tuple[dict[str, float], dict[str, float]]:
        """({name: multiple of it that leaves at V_F}, {name: that enters}); `resets` gains where."""
        field = self.form.fields[k].name
        places = self.form.places | {"firing": self.v_fire[k], "reset": self.v_reset[k]}
        leaves: dict[str, float] = {}
        enters: dict[str, dict[float, float]] = {}
        for term in (t for t in self.form.terms if t.into == field and t.of is None):
            if term.over not in places:
                raise self._error(f"{term.name!r} sets neurons down over {term.over!r}, not at points")
            place = places[term.over]
            shape = float(np.ravel(term.form(np.ones(1), np.array([[place]])))[0])
            offset, slopes = self._affine(term)
            for name, slope in {"a constant": offset, **slopes}.items():
                if slope * shape and term.over == "firing":
                    leaves[name] = leaves.get(name, 0.0) + slope * shape
                elif slope * shape:
                    at = enters.setdefault(name, {})
                    at[place] = at.get(place, 0.0) + slope * shape
        totals = {name: sum(at.values()) for name, at in enters.items()}
        shares = [{place: part / totals[name] for place, part in at.items()} for name, at in enters.items()]
        self.resets.append(tuple((share, place) for place, share in shares[0].items()) if len(shares) == 1 else ())
        return leaves, totals

    def _returns(self, k: int) -> tuple[float, float]:
        """(mean refractory time, dead time) of population k."""
        field, rate = self.form.fields[k].name, self.rates[k]
        leaves, enters = self._sources(k)
        flux = any(u.name == rate and u.algebraic == "flux" for u in self.form.scalars)
        if not _same(leaves, {rate: -1.0} if flux else {}):
            raise self._error(f"of {field!r} {leaves} leaves at V_F")
        if _same(enters, {rate: 1.0}) and flux:
            return 0.0, 0.0
        own, changes = "R" + field[1:], {}
        for term in (t for t in self.form.terms if t.into == own):
            offset, slopes = self._affine(term)
            for name, slope in {"a constant": offset, **slopes}.items():
                changes[name] = changes.get(name, 0.0) + slope
        changes = {name: slope for name, slope in changes.items() if slope}
        if len(enters) == 1:
            ((name, speed),) = enters.items()
            if speed > 0 and _same(changes, {rate: 1.0, name: -speed}):
                if name == own:
                    return 1.0 / speed, 0.0
                if speed == 1 and name in self.lags and self.lags[name].of == rate:
                    return 0.0, self._delay(name)
        raise self._error(f"the reset of {field!r} is {enters or 'nothing'}")

    def _escape(self, k: int) -> float:
        """Mean time to fire above V_F, 0 where V_F is a threshold."""
        field, rate, above = self.form.fields[k].name, self.rates[k], self.above[k]
        leaving = counted = 0.0
        for term in (t for t in self.form.terms if t.of == field and t.over != CELLS):
            offset, slopes = self._affine(term)
            if term.into == rate:
                counted += offset * self._constant(term, _on(lambda x, f=term.form: f(1.0, x), above), "the rate")
                continue
            convection, diffusion, reaction = probe(term, above)
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
