"""What a model does on the lines w = const: forms of v assembled once, coefficients that are functions of w.

    on every line    M_v dp/dt = sum_k c_k(w, Nbar) K_k p + gain N e_R,      N(w) = sum_k c_k(w, Nbar) r_k.p
    over the lines   Nbar = int g(w) N(w) dw

The V_F row gives N(w), the consistent flux, line by line: what leaves at (V_F, w) enters at (V_R, w).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...algebra import gauss
from ...algebra.line_matrices import Combined, Lines, Separate, by_rows
from ...given.inputs import input_value
from ...given.parameters import parameters_of
from ...meshing import Line, tagged
from ...problem import Infeasible
from ...spaces import ExponentialFitting
from ...translation import weak_form_of
from ...translation.coefficients import STEP
from ...translation.weak_form import Field, Scalar, Term, Value, WeakForm, probe
from ..assembler import Assembler
from ..fitted import bernoulli_pair
from ..language import nonlinearity
from ..returned import TOTALS, multiple, require_alike_everywhere, weights_of
from .tuning import LINES


def transports_in_w(term: Term, field: str) -> bool:
    """Whether a term is p d(phi, "w"): transport across the lines. Raises ValueError for other slopes in w."""
    if term.into != field or term.of != field:
        return False
    x = np.array([[-7.1, -0.6, 0.3, 1.4], [0.7, -0.9, 0.2, 3.0]])

    def integrand(p: Value, phi: Value) -> float:
        values = np.abs(np.asarray(term.form(p, phi, x), float))
        return float(values.max()) if np.ptp(values) == 0 else np.inf

    value, slope = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)
    mixed = integrand(Value(*slope), Value(1.0, 1.0, 1.0))
    transport = integrand(Value(*value), Value(*slope))
    if mixed or (transport and (transport != 1.0 or integrand(Value(1.0, 1.0, 0.0), Value(1.0, 1.0, 0.0)))):
        raise ValueError(
            f"Term {term.name!r}: of forms with a derivative in w, p * d(phi, 'w') times a coefficient is supported"
        )
    return transport != 0.0


@dataclass(frozen=True, eq=False)
class Activity:
    """What the lines fire at a state: Nbar, 1 - dg/dNbar, the coefficients there with slopes, N = rows . last nodes."""

    Nbar: float
    slope: float
    c: np.ndarray  # (kinds, lines)
    changes: np.ndarray  # dc/dNbar
    rows: np.ndarray  # (nodes, lines)
    N: np.ndarray  # (lines,)


class LineForms:
    """The terms of a model over (v, w) on one mesh of the v-axis."""

    def __init__(self, model: Any, mesh: Line, space: Any) -> None:
        self.model, self.mesh, self.space = model, mesh, space
        self.weak_form: WeakForm = weak_form_of(model)
        self.m = parameters_of(model)
        self.field, self.rate_name, self.total_name = _names(self.weak_form)
        terms = [t for t in self.weak_form.terms if t.into == self.field]
        self.transports = [t for t in terms if transports_in_w(t, self.field)]
        self.totals = [t for t in self.weak_form.terms if t.into == self.total_name]
        on_lines = WeakForm(
            unknowns=(Field(self.field), Scalar(self.rate_name, algebraic="flux", of=self.field, over="firing")),
            terms=tuple(t for t in terms if t not in self.transports),
            points=self.weak_form.points,
        )
        for term in on_lines.terms:
            if term.of is not None:  # it must not read x[1]
                nonlinearity(on_lines, term, np.array([[*on_lines.places.values()]]))
        assembler = Assembler(on_lines, mesh, space)
        self.nodes, self.degree = assembler.nodes, space.degree
        self.cells = np.sort(mesh.p[0])
        self.all_weights = assembler.weights
        self.weights = assembler.weights[:-1]  # the node on V_F is not an unknown
        self.fitted = isinstance(space, ExponentialFitting)
        self._constants(model)
        moving, sources = [], []
        for term in on_lines.terms:
            (moving if term.of is not None else sources).append(term)
        self._moving = moving
        self._find_reset(assembler, sources)
        if self.fitted:
            self._probe(moving)
        else:
            parts = [assembler.contribution(term) for term in moving]
            self._bands = np.array([by_rows(part.band, self.degree) for part in parts])
            self._rows = np.array([part.rows[0] for part in parts])[:, -self.degree :] / self._lost
        self._memory: list[np.ndarray] = []
        self._at_end = np.array([np.ravel(probe(term, self.cells[-1:])[:2]) for term in moving]).T
        self._find_constant_terms()

    def on_cells(self, cells: np.ndarray) -> LineForms:
        """The same terms on other cells of v."""
        return LineForms(self.model, tagged(cells, self.model), self.space)

    def _constants(self, model: Any) -> None:
        self._inputs = {i.name: getattr(model, i.parameter) for i in self.weak_form.inputs}
        require_alike_everywhere(model, self.weak_form)

    def _find_reset(self, assembler: Assembler, sources: list[Term]) -> None:
        """`into`, `gain`: where and how much of N comes back; `_lost`: how much of N leaves in the V_F row."""
        entering, leaving = np.zeros(len(self.weights)), 0.0
        for term in sources:
            k = multiple(self.model, self.weak_form, term)
            plain = Term(term.name, term.into, lambda phi, x: phi, over=term.over)
            part = assembler.contribution(plain)
            entering += k * part.vector
            leaving -= k * part.numbers[0]
        places = np.flatnonzero(entering)
        if len(places) != 1 or not leaving > 0:
            raise ValueError(
                f"{type(self.model).__name__}: what fires must leave through 'firing' and enter at one node of 'reset'"
            )
        self.into, self.gain, self._lost = int(places[0]), float(entering[places[0]]), float(leaving)
        for term in self._moving:
            reacts = np.any(probe(term, self.cells)[2])
            if self.weak_form.conserved and (reacts or abs(self.gain - self._lost) > 1e-12 * self._lost):
                why = (
                    f"the term {term.name!r} is a reaction"
                    if reacts
                    else (f"{self.gain / self._lost:.6g} of what fires comes back")
                )
                name, kind = self.weak_form.conserved[0].name, type(self.model).__name__
                raise ValueError(f"Conserved {name!r} of {kind} is not conserved by its terms: {why}")

    def _probe(self, moving: list[Term]) -> None:
        """Cell means of convection and diffusion of each term, for fitted fluxes."""
        points, weights = gauss(5)
        x = self.cells[:-1, None] + np.diff(self.cells)[:, None] * points
        means = [[part @ weights for part in probe(term, x)] for term in moving]
        if any(np.any(reaction) for _, _, reaction in means):
            raise ValueError(
                f"{type(self.model).__name__}: reactions are not supported by Tensor(ExponentialFitting())"
            )
        self._convection = np.array([convection for convection, _, _ in means])
        self._diffusion = np.array([diffusion for _, diffusion, _ in means])

    def _find_constant_terms(self) -> None:
        """Terms whose coefficient is one number everywhere come first, added up."""
        w, fixed = weights_of(self.model), []
        for term in self._moving:
            found = [np.unique(np.broadcast_to(self._coefficient(term, 0.0, w, Nbar), w.shape)) for Nbar in TOTALS]
            same = all(len(values) == 1 and values[0] == found[0][0] for values in found)
            fixed.append(float(found[0][0]) if same and not self._callable_inputs else None)
        order = [k for k, value in enumerate(fixed) if value is not None]
        self._varying = [k for k, value in enumerate(fixed) if value is None]
        self._varying_terms = [self._moving[k] for k in self._varying]
        for name in ("_convection", "_diffusion") if self.fitted else ("_bands", "_rows"):
            table = getattr(self, name)
            constant = sum((fixed[k] * table[k] for k in order), np.zeros_like(table[0]))
            setattr(self, name, np.concatenate([constant[None], table[self._varying]]))

    @property
    def _callable_inputs(self) -> bool:
        return any(callable(value) for value in self._inputs.values())

    # coefficients -----------------------------------------------------------------------------------------------

    def namespace(self, t: float, w: np.ndarray, N: Any, Nbar: Any) -> SimpleNamespace:
        """`s`: what coefficients read."""
        s = SimpleNamespace(w=w, **{self.total_name: Nbar})
        if N is not None:
            setattr(s, self.rate_name, N)
        for name, value in self._inputs.items():
            setattr(s, name, input_value(name, value, t) if callable(value) else float(value))
        return s

    def _coefficient(self, term: Term, t: float, w: np.ndarray, Nbar: Any) -> Any:
        if term.coefficient is None:
            return 1.0
        try:
            value = term.coefficient(self.namespace(t, w, None, Nbar), self.m)
        except AttributeError as error:
            raise ValueError(
                f"Term {term.name!r}: {error}; coefficients of forms of v may read s.w, s.{self.total_name}, inputs"
            ) from error
        return value

    def coefficients(self, t: float, w: np.ndarray, Nbar: Any) -> np.ndarray:
        """c_k(w), shape (1 + varying, len(w)), the first row ones; complex where Nbar is."""
        table = np.empty((1 + len(self._varying_terms), len(w)), complex if isinstance(Nbar, complex) else float)
        table[0] = 1.0
        for k, term in enumerate(self._varying_terms, start=1):
            table[k] = self._coefficient(term, t, w, Nbar)
        return table

    def speeds(self, t: float, w: np.ndarray, N: np.ndarray, Nbar: float) -> tuple[np.ndarray, np.ndarray]:
        """(c, c + N dc/dN): speed of transport across the lines, and of its waves."""
        c, slope = np.zeros(len(w)), np.zeros(len(w))
        for term in self.transports:
            value = 1.0
            if term.coefficient is not None:
                value = term.coefficient(self.namespace(t, w, N + 1j * STEP, Nbar), self.m)
            value = np.asarray(value)
            c, slope = c + value.real, slope + value.imag / STEP
        return c, c + N * slope

    def layers(self, t: float, w: np.ndarray, Nbar: float) -> np.ndarray:
        """Width a / drift of the boundary layer below V_F on every line; inf where the drift does not lead there."""
        table = np.array([np.broadcast_to(self._coefficient(term, t, w, Nbar), w.shape) for term in self._moving])
        drift, noise = self._at_end @ table
        return np.where(drift > 0, noise / np.maximum(drift, 1e-300), np.inf)

    def total_weights(self, w: np.ndarray) -> np.ndarray:
        """g(w) with Nbar = int g N dw; of w and parameters alone."""
        one, total = np.ones(len(w)), np.zeros(len(w))
        for term in self.totals:
            value = term.form(one, np.array([np.full(len(w), self.cells[-1]), w]))
            factor = 1.0
            if term.coefficient is not None:
                factor = term.coefficient(SimpleNamespace(w=w), self.m)
            total = total + factor * np.broadcast_to(np.asarray(value, float), w.shape)
        return total

    # operators --------------------------------------------------------------------------------------------------

    def lines(self, c: np.ndarray, rows: np.ndarray | None = None) -> Lines:
        """The operator on all lines for coefficients c (kinds, lines); `rows` of these coefficients, if known."""
        rows = self.rows(c) if rows is None else rows
        if not self.fitted:
            return Lines(Combined(self._bands, c), rows, self.into, self.gain, self._memory)
        left, right = self._fluxes(c)
        n, count = len(self.weights), c.shape[1]
        data = np.zeros((n, 3, count))
        data[:, 1] -= left
        data[1:, 0] += left[:-1]
        data[1:, 1] -= right[:-1]
        data[:-1, 2] += right[:-1]
        return Lines(Separate(data), rows, self.into, self.gain, self._memory)

    def change(self, before: np.ndarray, after: np.ndarray, p: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """(A(after) - A(before)) p without the reset, times `scale` of each line; None where coefficients agree."""
        if np.array_equal(before, after):
            return None
        if not self.fitted:
            return Combined(self._bands[1:], (after - before)[1:] * scale) @ p
        return (Separate(self.lines(after).bands.data - self.lines(before).bands.data) @ p) * scale

    def slope(self, activity: Activity, p: np.ndarray, scale: np.ndarray) -> np.ndarray | None:
        """d(lines)/dNbar p times `scale` of each line, the reset included; None where Nbar changes nothing.

        Spectral elements only.
        """
        c = activity.changes
        if self.fitted or not c.any():
            return None
        change = Combined(self._bands[1:], c[1:] * scale) @ p
        change[self.into] += self.gain * np.einsum("kl,kl->l", self.rows(c), p[len(p) - self.tail :]) * scale
        return change

    def _fluxes(self, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(left, right), each (cells, lines), with J = left p_left - right p_right."""
        widths = np.diff(self.cells)[:, None]
        drift, a = self._convection.T @ c, self._diffusion.T @ c
        left, right = bernoulli_pair(widths * drift / a)
        return a / widths * left, a / widths * right

    def rows(self, c: np.ndarray) -> np.ndarray:
        """r with N = r.p on the last unknowns of each line, shape (count, lines)."""
        if not self.fitted:
            return self._rows.T @ c
        width = self.cells[-1] - self.cells[-2]
        drift, a = self._convection[:, -1] @ c, self._diffusion[:, -1] @ c
        return (a / width * bernoulli_pair(width * drift / a)[0])[None] / self._lost

    def solve_total(self, t: float, w: np.ndarray, weights: np.ndarray, tail: np.ndarray) -> Activity:
        """Nbar = g(Nbar) = sum_w weights N(w; Nbar), from the values at the last nodes.

        Raises Infeasible; FloatingPointError where a coefficient is not finite.
        """
        parts = None if self.fitted else (self._rows @ tail) * weights  # what each coefficient adds to Nbar
        if not self._varying and not self.fitted:
            c = np.ones((1, len(w)))
            return self._activity(float(parts.sum()), 1.0, c.astype(complex), tail)
        Nbar, slope, last, low, high = 0.0, 1.0, np.inf, -np.inf, np.inf
        for _ in range(LINES.newton_steps):
            c = self.coefficients(t, w, complex(Nbar, STEP))
            g = complex(np.vdot(parts, c) if parts is not None else (weights * self.rows(c)[0]) @ tail[0])
            if not np.isfinite(g):
                raise FloatingPointError(f"a coefficient is not finite at {self.total_name} = {Nbar:.6g}")
            slope, change = 1.0 - g.imag / STEP, g.real - Nbar
            at_rounding = (
                abs(change) <= 4e-16 * abs(Nbar) or abs(change) >= last and abs(change) <= 1e-13 * (1 + abs(Nbar))
            )
            if at_rounding and slope > 0:
                return self._activity(Nbar, slope, c, tail)
            low, high, last = (Nbar, high, abs(change)) if change > 0 else (low, Nbar, abs(change))
            Nbar = Nbar + change / slope if slope > 0 else np.nan
            if not low <= Nbar <= high:  # beyond a root where g is steep, or no way to go: between what is known
                Nbar = (low + high) / 2 if high - low < np.inf else 2 * max(low, g.real, 1e-3)
            if not abs(Nbar) < LINES.largest:
                break
        raise Infeasible(f"no {self.total_name} satisfies its equation: the slope is {slope:.3g} near {low:.6g}")

    def _activity(self, Nbar: float, slope: float, c: np.ndarray, tail: np.ndarray) -> Activity:
        values = np.ascontiguousarray(c.real)
        rows = self.rows(values)
        return Activity(Nbar, slope, values, c.imag / STEP, rows, np.einsum("kl,kl->l", rows, tail))

    @property
    def tail(self) -> int:
        """How many of the last unknowns of a line N(w) is made of."""
        return 1 if self.fitted else self.degree


def _names(weak_form: WeakForm) -> tuple[str, str, str]:
    """(field, its flux along w, the number defined by that)."""
    fields, lines = weak_form.fields, weak_form.lines
    totals = [s for s in weak_form.scalars if s.algebraic == "integral"]
    others = [s for s in weak_form.scalars if s not in totals and s not in lines]
    if len(fields) != 1 or len(lines) != 1 or len(totals) != 1 or others or lines[0].of != fields[0].name:
        raise ValueError(
            "over (v, w), one field, one flux of it along w and one integral of that are supported; "
            f"there are {[u.name for u in weak_form.unknowns]}"
        )
    return fields[0].name, lines[0].name, totals[0].name
