"""The network of neurons behind a density over (v, w): weights of their own, that follow the activity."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.parameters import parameters_of
from .particle_law import Learning, ParticleLaw, Population
from .weak_form import CELLS, Term, Value, WeakForm

_AGREE = 1e-9
_LINES = 9
_STATES = ((0.0, 0.0), (0.3, 0.4), (1.1, 0.9), (2.0, 3.0))  # of (N, Nbar)


def learning_law(model: Any, form: WeakForm) -> ParticleLaw:
    """The law of a network that learns. Raises ValueError, naming the term, where the terms say something else."""
    return _Terms(model, form).law()


class _Terms:
    def __init__(self, model: Any, form: WeakForm) -> None:
        self.model, self.form, self.m, self.kind = model, form, parameters_of(model), type(model).__name__
        self.field, self.rate = form.fields[0].name, form.lines[0].name
        self.total = next(u.name for u in form.scalars if u.algebraic == "integral")
        self.w = np.linspace(float(model.w_min), float(model.w_max), _LINES)
        low, high = float(model.v_reset), float(model.v_fire)
        self.v = low + (high - low) * (np.arange(41) / 20 - 1)

    def _error(self, why: str) -> ValueError:
        return ValueError(f"{self.kind}: {why}: simulated neurons would be those of another equation")

    def value(self, term: Term, w: np.ndarray, N: Any, total: float) -> np.ndarray:
        """A coefficient at weights w."""
        s = SimpleNamespace(w=w, **{self.rate: N, self.total: total})
        c = 1.0 if term.coefficient is None else term.coefficient(s, self.m)
        found = np.broadcast_to(np.asarray(c, float), w.shape)
        if not np.isfinite(found).all():
            raise ValueError(
                f"{self.kind}: the coefficient of {term.name!r} is {found[~np.isfinite(found)][0]} at {self.total} = "
                f"{total:.6g}; allowed are finite values"
            )
        return found

    def _constant(self, term: Term) -> float | None:
        """The value of a coefficient that depends neither on w nor on the activity."""
        found = [self.value(term, self.w, N + 0 * self.w, total) for N, total in _STATES]
        return float(found[0][0]) if np.ptp(found) == 0 else None

    def _part(self, term: Term, u: Value, phi: Value) -> np.ndarray:
        return np.broadcast_to(np.asarray(term.form(u, phi, self.v[None]), float), self.v.shape)

    def law(self) -> ParticleLaw:
        one, in_v, in_w = Value(1.0, 0.0, 0.0), Value(0.0, 1.0, 0.0), Value(0.0, 0.0, 1.0)
        drifts, drives, learns, noise = [], [], [], 0.0
        for term in self.form.terms:
            if term.into != self.field or term.of != self.field:
                continue
            convection, diffusion = self._part(term, one, in_v), -self._part(term, in_v, in_v)
            transport, constant = self._part(term, one, in_w), self._constant(term)
            if np.any(self._part(term, one, one)) or term.over != CELLS:
                raise self._error(f"{term.name!r} makes neurons appear or vanish")
            if np.any(diffusion):
                if constant is None or np.ptp(diffusion) > _AGREE * np.abs(diffusion).max():
                    raise self._error(f"the noise of {term.name!r} depends on v, w or the activity")
                noise += constant * float(diffusion[0])
            if np.any(convection) and constant is not None:
                drifts.append((constant, term))
            elif np.any(convection):
                if np.ptp(convection) > _AGREE * np.abs(convection).max() or self._reads_rate(term):
                    raise self._error(f"the drift of {term.name!r} depends on v and w, or on {self.rate}")
                drives.append((float(convection[0]), term))
            if np.any(transport):
                learns.append(term)
        self._require_returns()

        def drive(w: np.ndarray, activity: float) -> np.ndarray:
            return sum((k * self.value(term, w, 0.0 * w, activity) for k, term in drives), np.zeros(w.shape))

        def change(w: np.ndarray, N: np.ndarray, activity: float) -> np.ndarray:
            return sum((self.value(term, w, N, activity) for term in learns), np.zeros(w.shape))

        def drift(v: Any) -> Any:
            points = np.atleast_1d(np.asarray(v, float))
            parts = (c * np.asarray(term.form(one, in_v, points[None]), float) for c, term in drifts)
            found = sum(parts, np.zeros(points.shape))
            return found if np.ndim(v) else float(found[0])

        learning = Learning(self._speed(change), change, drive, self.model.w_min, self.model.w_max)
        places = self.model.v_reset, self.model.v_fire
        neurons = Population(self.total.removeprefix("N"), (0.0,), drift, *places, noise=noise)
        return ParticleLaw((neurons,), learning=learning)

    def _reads_rate(self, term: Term) -> bool:
        still = self.value(term, self.w, 0.0 * self.w, 0.7)
        return any(np.any(self.value(term, self.w, N + 0.0 * self.w, 0.7) != still) for N in (0.4, 3.0))

    def _speed(self, change: Any) -> float:
        """The rate at which weights decay without activity: dw = -speed w dt."""
        still = change(self.w, 0.0 * self.w, 0.0)
        far = int(np.argmax(np.abs(self.w)))
        speed = -float(still[far] / self.w[far]) + 0.0
        if not np.all(np.abs(still + speed * self.w) <= _AGREE * (np.abs(still) + abs(speed))) or speed < 0:
            raise self._error("without activity weights do not decay at one rate")
        return speed

    def _require_returns(self) -> None:
        w = self.w
        for over, place, wanted in (("firing", self.model.v_fire, -1.0), ("reset", self.model.v_reset, 1.0)):
            N, found = 1.0 + 0.3 * np.cos(7 * w), 0.0
            for term in (t for t in self.form.terms if t.into == self.field and t.of is None and t.over == over):
                x = np.stack([np.full(_LINES, float(place)), w])
                found = found + self.value(term, w, N, 0.7) * term.form(np.ones(_LINES), x)
            if not np.all(np.abs(found - wanted * N) <= _AGREE * N):
                raise self._error(f"not all that fires leaves at V_F and enters at V_R of its line, {over!r}")
