"""A network at rest as a few neurons: with the scalars frozen each population is one neuron that fires at its own rate.

Population i has the density n_i with a flux N_i, drift f_i(v) + m_i and noise a_i, where m_i and a_i are functions of
the rates N alone: every other scalar (R, synaptic variables, delayed rates) follows from them by the linear equations
that it obeys at rest. Its rate is total_i / (w_i T_i(m_i, a_i) + tau_i), T_i the mean passage time.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..given.identity import is_own
from ..translation.weak_form import CELLS, probe
from .layers import source_at
from .over_v import OverV
from .passage_times import LinearNeuron, Mixture, Neuron
from .tuning import LAYER

_SAMPLES = np.concatenate([np.geomspace(1e-2, 30.0, 40)[::-1] * -1.0, np.linspace(0.0, 1.0, 40)])  # from V_R to V_F


@cache
def _rates_to_try(count: int) -> np.ndarray:
    rng = np.random.default_rng(20)
    rates = 10.0 ** rng.uniform(-4, 4, (24, count)) * (rng.random((24, count)) > 0.3)
    rates.flags.writeable = False
    return rates


class NotNeurons(ValueError):
    """The weak form is not that of populations with a flux each; the message says why."""


def neurons(problem: OverV, t: float, totals: np.ndarray, highest: float) -> tuple[Neurons | None, str]:
    """The network of a problem for rates up to `highest`, or None and why it is not one."""
    try:
        return Neurons(problem, t, totals, highest), ""
    except NotNeurons as error:
        return None, str(error)


class Neurons:
    """log of the rates of all populations as functions of the rates, values and bounds; arrays have shape (B, k).

    names        the fluxes N_i, in the order of the fields
    affine       whether drift and noise are affine in the rates, as far as some thirty points show
    bounded      whether values at the ends of a box bound log T and its slopes (see `passage_times`)
    error        of log T, times 1 + |log T|
    """

    def __init__(self, problem: OverV, t: float, totals: np.ndarray, highest: float) -> None:
        form, self._equations, self._m = problem.weak_form, problem.equations, problem.parameters
        self._known = self._equations.known(t, np.zeros(problem.size))
        self._scalars = [(s.name, s.algebraic == "integral") for s in form.scalars]
        if problem.end is not None:
            raise NotNeurons("the drift runs away, so that the line ends below V_F")
        fluxes = {s.of: s.name for s in form.scalars if s.algebraic == "flux"}
        if set(fluxes) != set(problem.field_names):
            raise NotNeurons("not every density has a firing rate that is its flux")
        self.names = tuple(fluxes[name] for name in problem.field_names)
        self._resting(form)
        self._account(form, problem, totals)
        self._transport(form, (problem.landings[0], problem.top), highest)

    @property
    def count(self) -> int:
        return len(self.names)

    def scalars(self, rates: np.ndarray) -> np.ndarray:
        """Every scalar of the problem when the populations fire at `rates` (k,)."""
        return self._offset + self._slopes @ rates

    def inputs(self, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m, a) of every population, rates (B, k)."""
        if self.affine:
            return self.m0 + rates @ self.mN.T, self.a0 + rates @ self.aN.T
        c = self._coefficients(rates)
        return c @ self._to_m.T, c @ self._to_a.T

    def log_rates(self, rates: np.ndarray) -> np.ndarray:
        """log of what fires when the populations are taken to fire at `rates`."""
        m, a = self.inputs(rates)
        return self.log_rate(m, np.maximum(a, self.least), slopes=False)[0]

    def log_rate(self, m: np.ndarray, a: np.ndarray, slopes: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(log r, r_m/r, r_a/r) of every population at inputs m and noises a of shape (..., k)."""
        if self._together is not None:
            log_time, by_m, by_a = self._together(m, a, slopes)
        else:
            each = [kind(m[..., i], a[..., i], slopes) for i, kind in enumerate(self.kinds)]
            log_time, by_m, by_a = (np.stack(part, axis=-1) for part in zip(*each, strict=True))
        log_time = log_time + self._log_weight
        if not self._rests:
            return np.maximum(self._log_total - log_time, LAYER.silent), by_m, by_a
        log = np.logaddexp(log_time, self._log_resting)
        part = np.exp(log_time - log)
        return np.maximum(self._log_total - log, LAYER.silent), by_m * part, by_a * part

    # what the weak form says ------------------------------------------------------------------------------------

    def _at(self, values: np.ndarray) -> Any:
        """`s` with these values of all scalars."""
        s = type(self._known)(**vars(self._known))
        for (name, _), value in zip(self._scalars, values.tolist(), strict=True):
            self._equations.assign(s, name, value)
        return s

    def _value(self, term: Any, s: Any) -> Any:
        return 1.0 if term.coefficient is None else np.real(term.coefficient(s, self._m))

    def _at_all(self, terms: list[Any], rates: np.ndarray) -> np.ndarray:
        """Coefficients of terms at many rates (B, k), shape (B, terms): felif's own take arrays."""
        found = np.empty((len(rates), len(terms)))
        own = [term.coefficient is None or is_own(term.coefficient) for term in terms]
        if any(own):
            s = type(self._known)(**vars(self._known))
            for (name, _), values in zip(self._scalars, self._offset[:, None] + self._slopes @ rates.T, strict=True):
                self._equations.assign(s, name, values)
        for k, term in enumerate(terms):
            if own[k]:
                found[:, k] = self._value(term, s)
            else:
                found[:, k] = [self._value(term, self._at(self.scalars(row))) for row in rates]
        return found

    def _resting(self, form: Any) -> None:
        """offset + slopes @ rates: every scalar at rest."""
        k, number = self.count, len(self._scalars)
        place = {name: index for index, (name, _) in enumerate(self._scalars)}
        own = [place[name] for name in self.names]
        others = [index for index in range(number) if index not in own]
        terms = [[term for term in form.terms if term.into == self._scalars[index][0]] for index in others]
        if any(term.of is not None or term.form is not None for group in terms for term in group):
            raise NotNeurons("a scalar is an integral of a density")

        def residual(values: np.ndarray) -> np.ndarray:
            s = self._at(values)
            sums = [sum(self._value(term, s) for term in group) for group in terms]
            return np.array([x - self._scalars[j][1] * values[j] for x, j in zip(sums, others, strict=True)])

        self._offset, self._slopes = np.zeros(number), np.zeros((number, k))
        self._slopes[own, np.arange(k)] = 1.0
        if others:
            start = residual(np.zeros(number))
            columns = np.array([residual(row) - start for row in np.eye(number)]).T
            matrix = columns[:, others]
            if abs(np.linalg.det(matrix)) < 1e-12 * np.prod(np.abs(matrix).max(axis=1) + 1e-300):
                raise NotNeurons("the scalars at rest do not follow from the rates")
            self._offset[others] = -np.linalg.solve(matrix, start)
            self._slopes[others] = -np.linalg.solve(matrix, columns[:, own])
            for rates in self._rates_to_try:
                values = self.scalars(rates)
                size = np.abs(columns) @ np.abs(values) + np.abs(start) + 1e-300
                if (np.abs(residual(values)) > LAYER.same * size).any():
                    raise NotNeurons("a scalar at rest is not affine in the rates")

    @property
    def _rates_to_try(self) -> np.ndarray:
        return _rates_to_try(self.count)

    def _account(self, form: Any, problem: OverV, totals: np.ndarray) -> None:
        """total_i = w_i int n_i + tau_i N_i for every population, and sources that return what fires."""
        rows = {}
        for quantity, total in zip(problem.conserved, totals, strict=True):
            weights = next(c.weights for c in form.conserved if c.name == quantity)
            fields = [name for name in weights if name in problem.field_names]
            scalars = np.array([float(weights.get(name, 0.0)) for name, _ in self._scalars])
            if len(fields) != 1 or fields[0] in rows:
                raise NotNeurons("densities are not conserved one by one")
            own = problem.field_names.index(fields[0])
            times = scalars @ self._slopes
            if (np.delete(times, own) != 0).any() or times[own] < 0:
                raise NotNeurons("what is conserved depends on the rates of several populations")
            rows[fields[0]] = (float(weights[fields[0]]), times[own], total - scalars @ self._offset)
        if set(rows) != set(problem.field_names):
            raise NotNeurons("a density is not conserved")
        self._weight, self._resting_time, self._total = np.array([rows[name] for name in problem.field_names]).T
        if not (self._total > 0).all() or not (self._weight > 0).all():
            raise NotNeurons("a conserved quantity leaves nobody for the density")
        self._log_weight, self._log_total = np.log(self._weight), np.log(self._total)
        self._rests = bool(self._resting_time.any())
        with np.errstate(divide="ignore"):
            self._log_resting = np.log(self._resting_time)
        self._starts = [self._begin(problem, i, name) for i, name in enumerate(problem.field_names)]

    def _begin(self, problem: OverV, i: int, name: str) -> list[tuple[float, float]]:
        """(share, place) of where neurons of population i begin again; they are as many as fire."""
        form, tried = problem.weak_form, np.array([np.ones(self.count), *self._rates_to_try[:6]])
        gains: dict[float, np.ndarray] = {problem.top: np.zeros(len(tried))}
        for q in (q for q in form.terms if q.into == name and q.of is None and q.is_at_point):
            place = form.places[q.over]
            gains[place] = gains.get(place, 0.0) + source_at(problem, q) * self._at_all([q], tried)[:, 0]
        lost = gains.pop(problem.top)
        shares = {place: float(gain[0]) for place, gain in gains.items()}
        off = [lost + tried[:, i], sum(shares.values()) - 1.0, *(g - shares[v] * tried[:, i] for v, g in gains.items())]
        if (
            max(float(np.abs(part / (1 + tried.max(axis=1))).max()) for part in off) > LAYER.same
            or min(shares.values()) < 0
        ):
            raise NotNeurons(f"{name} does not lose at V_F and regain below it what fires")
        return [(share, place) for place, share in shares.items() if share]

    def _transport(self, form: Any, ends: tuple[float, float], highest: float) -> None:
        """m_i and a_i as functions of the rates, and what kind of neuron each is."""
        low, high = ends
        terms = [[q for q in form.terms if q.into == name and not (q.of is None and q.is_at_point)]
                 for name in (f.name for f in form.fields)]  # fmt: skip
        if any(q.of != q.into or q.over != CELLS for group in terms for q in group):
            raise NotNeurons("a density has sources along the line, or terms on a part of the line")
        self._terms = [q for group in terms for q in group]
        self._to_m, self._to_a = np.zeros((2, self.count, len(self._terms)))
        probes = [probe(q, low + (high - low) * _SAMPLES) for q in self._terms]
        size = max(float(np.abs(p[1]).max()) for p in probes)
        if any(np.abs(p[2]).max() > 0 for p in probes):
            raise NotNeurons("neurons appear or vanish along the line")
        start, *tried = self._coefficients(np.concatenate([np.zeros((1, self.count)), self._rates_to_try]))
        tried = np.array(tried)
        moves = (tried != start).any(axis=0)
        for place, (q, (convection, diffusion, _)) in enumerate(zip(self._terms, probes, strict=True)):
            i = next(i for i, group in enumerate(terms) if q in group)
            self._to_a[i, place] = diffusion[0]
            if np.ptp(diffusion) > LAYER.same * size or (
                moves[place] and np.ptp(convection) > LAYER.same * np.abs(convection).max()
            ):
                raise NotNeurons("noise, or the part of the drift that rates change, depends on v")
            self._to_m[i, place] = convection[0] if moves[place] else 0.0
        self._find_affine(start, tried)
        a = np.array([self._to_a @ c for c in (start, *tried)])
        self.least = 1e-6 * np.abs(a[0]).max() + 1e-300
        if self.affine and (self.a0 <= 0).any():
            raise NotNeurons("there is no noise without activity")
        self.kinds = [self._kind(i, form.fields[i].name, start, moves, ends, highest) for i in range(self.count)]
        self._together = None
        if all(isinstance(kind, LinearNeuron) for kind in self.kinds):
            conductances, offsets = np.array([kind[:2] for kind in self.kinds]).T
            places = np.array([start[0][1] for start in self._starts])
            self._together = LinearNeuron(conductances, offsets, places if np.ptp(places) else places[0], ends[1])
        self.centres = np.array([kind.centre for kind in self.kinds])
        self.error = max(kind.error for kind in self.kinds)
        varies = self.aN.any(axis=1) if self.affine else np.ones(self.count, bool)
        self.bounded = self.affine and all(k.falls or not x for k, x in zip(self.kinds, varies, strict=True))

    def _find_affine(self, start: np.ndarray, tried: np.ndarray) -> None:
        slopes = (self._coefficients(np.eye(self.count)) - start).T
        expected = start + self._rates_to_try @ slopes.T
        size = np.abs(start) + self._rates_to_try @ np.abs(slopes).T
        self.affine = bool((np.abs(tried - expected) <= LAYER.same * size + 1e-300).all())
        self.m0, self.a0, self.mN, self.aN = (
            self._to_m @ start, self._to_a @ start, self._to_m @ slopes, self._to_a @ slopes
        )  # fmt: skip

    def _coefficients(self, rates: np.ndarray) -> np.ndarray:
        return self._at_all(self._terms, rates)

    def _kind(self, i: int, field: str, start: np.ndarray, moves: np.ndarray, ends: tuple, highest: float) -> Any:
        """The neuron that population i is, from the places where it begins again."""
        kinds = [self._from(i, field, start, moves, (place, ends[1]), highest) for _, place in self._starts[i]]
        return kinds[0] if len(kinds) == 1 else Mixture(kinds, [share for share, _ in self._starts[i]])

    def _from(self, i: int, field: str, start: np.ndarray, moves: np.ndarray, ends: tuple, highest: float) -> Any:
        fixed = [(q, c) for q, c, x in zip(self._terms, start, moves, strict=True) if q.into == field and not x]

        def drift(v: np.ndarray) -> np.ndarray:
            flat = np.ravel(v)
            return sum((c * probe(q, flat)[0] for q, c in fixed), np.zeros(flat.shape)).reshape(np.shape(v))

        start, top = ends
        v = start + (top - start) * _SAMPLES
        f = drift(v)
        slope = (f[-1] - f[-41]) / (v[-1] - v[-41])
        line = f[-1] + slope * (v - v[-1])
        if slope < 0 and np.abs(f - line).max() <= LAYER.same * np.abs(f).max():
            return LinearNeuron(float(-slope), float(f[-1] - slope * v[-1]), *ends)
        m, a = self.inputs(np.array([np.zeros(self.count), np.full(self.count, highest), *self._rates_to_try]))
        corners = np.abs(self.mN[i]).sum() * highest + abs(self.m0[i])
        top = float(max(m[:, i].max(), corners if self.affine else 0.0))
        a = a[:, i] if not self.affine else np.array([self.a0[i], self.a0[i] + self.aN[i].clip(0).sum() * highest])
        try:
            return Neuron(drift, *ends, (float(max(a.min(), self.least)), float(a.max())), top)
        except ValueError as error:
            raise NotNeurons(str(error)) from error
