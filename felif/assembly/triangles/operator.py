"""The forms of a density over v and w on triangles: F(y), and the matrix of its part in v.

Between triangles the fluxes in v are {b p} + |b| [p]/2 for the drift b and -{a p_v} + s a [p] for the noise a, with
the adjoint term that makes the interior penalty symmetric; the flux in w is {c p} + alpha [p]/2 (Rusanov), with alpha
the larger of |c| and |c + N dc/dN| on both sides: c depends on N, and N is proportional to p. Times the normal,
throughout: a facet with n_v = 0 lets no noise through. On v = V_F p is zero, see `triangles.threshold`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy import sparse
from skfem import CellBasis, InteriorFacetBasis
from skfem.mesh import MeshTri
from skfem.quadrature import get_quadrature
from skfem.refdom import RefTri

from ...algebra import gauss
from ...given.parameters import Parameters
from ...translation.weak_form import CELLS, Slopes, Term, WeakForm
from .blocks import Blocks
from .damping import Damping
from .element import element
from .firing import Firing
from .space import modes
from .threshold import Threshold
from .trace import Trace, rows_of
from .tuning import FORMS

_STEP = 1e-30  # of the complex step in N


class _Function:
    """A field or test function with one value and one gradient, for forms that only compute with it."""

    __array_ufunc__ = None  # an array times this asks here

    def __init__(self, value: float, *grad: float) -> None:
        self.value, self.grad = value, Slopes(grad)

    def __mul__(self, other: Any) -> Any:
        return self.value * (other.value if isinstance(other, _Function) else other)

    __rmul__ = __mul__

    def __neg__(self) -> float:
        return -self.value


def probed(term: Term, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a form's integrand  f p phi_v - g p_v phi_v + h p phi_w:  f, g, h at the points x (2, ...).

    Raises ValueError for a form with other parts.
    """
    one = {"p": (1.0, 0.0, 0.0), "v": (0.0, 1.0, 0.0), "w": (0.0, 0.0, 1.0)}

    def part(of: str, into: str) -> np.ndarray:
        value = term.form(_Function(*one[of]), _Function(*one[into]), x)
        return np.broadcast_to(np.asarray(value, float), x.shape[1:])

    others = [part(of, into) for of, into in ("pp", "vp", "wp", "wv", "vw", "ww")]
    if any(np.any(other != 0) for other in others):
        raise ValueError(
            f"Term {term.name!r}: on triangles a form may hold p phi_v, p_v phi_v and p phi_w, nothing else"
        )
    return part("p", "v"), -part("v", "v"), part("p", "w")


class Points:
    """Points where coefficients are needed, with the forms' own functions of (v, w) there and the way to N(w)."""

    def __init__(self, x: np.ndarray, terms: list[Term], trace: sparse.csr_matrix | None = None) -> None:
        self.x, self.trace = x, trace
        parts = [(term.coefficient, *probed(term, x)) for term in terms]
        self._parts = [[(part[0], part[k]) for part in parts if np.any(part[k] != 0)] for k in (1, 2, 3)]
        self._known: list[Any] = [None, None]

    def sum(self, which: int, s: SimpleNamespace, m: Parameters) -> np.ndarray:
        """Sum of coefficient x function over the terms: drift in v (0) or noise (1); kept while s is the same."""
        if self._known[which] is None or self._known[which][0] is not s or self._known[which][1] is not m:
            self._known[which] = (s, m, self._sum(which, s, m, 0.0))
        return self._known[which][2]

    def transport(self, s: SimpleNamespace, m: Parameters, N: np.ndarray) -> np.ndarray:
        """Speed in w at the firing rate N(w), real or complex."""
        return self._sum(2, s, m, N)

    def _sum(self, which: int, s: SimpleNamespace, m: Parameters, N: Any) -> np.ndarray:
        total = np.zeros(self.x.shape[1], np.result_type(N, float))
        s = SimpleNamespace(**{**vars(s), "w": self.x[1], s.line: N})
        for coefficient, function in self._parts[which]:
            total += function * (1.0 if coefficient is None else coefficient(s, m))
        return total


class TriangleOperator:
    """Everything assembled on one mesh for one weak form; coefficients are evaluated anew for every state."""

    def __init__(self, weak_form: WeakForm, mesh: MeshTri, degree: int, positive: bool = False) -> None:
        self.mesh, self.degree = mesh, degree
        self.size = mesh.nelements * modes(degree)
        field, self.line, self.integrals, transport = _unknowns(weak_form)
        basis = CellBasis(mesh, element(degree), quadrature=get_quadrature(RefTri, 3 * degree), disable_doflocs=True)
        self.area = basis.dx.sum(axis=1)
        self.masses = np.repeat(self.area, modes(degree))
        self.trace = trace = Trace(mesh, degree)
        shape = basis.basis
        self.value = _table([np.asarray(b[0]) for b in shape], np.arange(mesh.nelements), self.size)
        self.slope_v, self.slope_w = (
            _table([b[0].grad[axis] for b in shape], np.arange(mesh.nelements), self.size) for axis in (0, 1)
        )
        self.dx = basis.dx.ravel()
        x = np.asarray(basis.global_coordinates()).reshape(2, -1)
        centres = mesh.p[1, mesh.t].mean(axis=0)
        self.cells = Points(x, transport, trace.at(x[1], np.repeat(centres, len(basis.W))))
        self._facets(transport, centres)
        self._blocks = Blocks(self, self._slopes)
        self._transposed = {}
        self.threshold = Threshold(mesh, degree, trace, positive)
        self.firing = Firing(self, self.integrals, lambda x: Points(x, transport))

    def _facets(self, transport: list[Term], centres: np.ndarray) -> None:
        mesh, degree = self.mesh, self.degree
        points, weights = gauss((3 * degree + 2) // 2)
        sides = [
            InteriorFacetBasis(
                mesh, element(degree), quadrature=(points[None], weights), side=side, disable_doflocs=True
            )
            for side in (0, 1)
        ]
        first = sides[0]
        self.values = [_table([np.asarray(b[0]) for b in s.basis], s.tind, self.size) for s in sides]
        slopes, slopes_w = (
            [_table([b[0].grad[axis] for b in s.basis], s.tind, self.size) for s in sides] for axis in (0, 1)
        )
        self.jump, self.mean = self.values[0] - self.values[1], 0.5 * (self.values[0] + self.values[1])
        self._slopes, self.mean_slope = slopes, 0.5 * (slopes[0] + slopes[1])
        self.facet_dx = first.dx.ravel()
        self.nv, self.nw = np.asarray(first.normals).reshape(2, -1)
        c = degree * (degree + 1) / 2
        length = first.dx.sum(axis=1)
        each = FORMS.penalty * 0.75 * c * length * sum(1 / self.area[s.tind] for s in sides)
        self.penalty = np.repeat(each, len(points)) * self.nv**2
        x = np.asarray(first.global_coordinates()).reshape(2, -1)
        self.facet_cells = [s.tind for s in sides]
        dw = self.nw * self.facet_dx
        self.damping = Damping(mesh, degree, self.jump, slopes_w[0] - slopes_w[1], dw, self.facet_cells)
        self.facets = Points(x, transport)
        self.sides = [Points(x, transport, self.trace.at(x[1], np.repeat(centres[s.tind], len(points)))) for s in sides]

    # scalars ----------------------------------------------------------------------------------------------------

    def solve(self, y: np.ndarray, m: Parameters) -> tuple[Any, np.ndarray]:
        """(s with the scalars that are numbers, coefficients of N_h), see `Firing.solve`."""
        return self.firing.solve(y, m)

    def scalar_gradient(self, y: np.ndarray, s: SimpleNamespace, m: Parameters) -> np.ndarray:
        """d(scalars)/dy at y and its scalars s, shape (scalars, size)."""
        return self.firing.gradient(y, s, m)

    def namespace(self, numbers: dict[str, float]) -> SimpleNamespace:
        return SimpleNamespace(line=self.line, **numbers)

    def lines_stay(self, m: Parameters) -> bool:
        """Whether nothing moves in w whatever N is: c is a sum of a part that N multiplies and one that it does not."""
        count = self.cells.x.shape[1]
        numbers = [self.namespace(dict.fromkeys(self.integrals, value)) for value in (1.0, 0.7)]
        return not any(np.any(self.cells.transport(s, m, np.full(count, N))) for s in numbers for N in (0.0, 1.0, 0.6))

    # F ----------------------------------------------------------------------------------------------------------

    def rate(self, y: np.ndarray, m: Parameters) -> np.ndarray:
        """F(y), shape (size,)."""
        s, coefficients = self.solve(y, m)
        result = self._in_v(y, s, m)
        speed = self.cells.transport(s, m, self.cells.trace @ coefficients)
        result += self._t("slope_w") @ (speed * (self.value @ y) * self.dx)
        flux_w, steepening = self._rusanov(y, s, m, coefficients)
        result -= self._t("jump") @ (flux_w * self.facet_dx)
        if np.any(steepening):
            result += self.damping.apply(y, self.damping.rates(y, self._by_facets(steepening))) * self.masses
        return self.threshold.closed(result)

    def rate_in_v(self, y: np.ndarray, s: Any, m: Parameters) -> np.ndarray:
        """Drift, noise, firing and reset at scalars s."""
        return self.threshold.closed(self._in_v(y, s, m))

    def _in_v(self, y: np.ndarray, s: Any, m: Parameters) -> np.ndarray:
        """Drift and noise against every test function, as if nothing passed V_F."""
        in_v = self.cells.sum(0, s, m) * (self.value @ y) - self.cells.sum(1, s, m) * (self.slope_v @ y)
        result = self._t("slope_v") @ (in_v * self.dx)
        jump, mean = self.jump @ y, self.mean @ y
        drift, noise = self.facets.sum(0, s, m) * self.nv, self.facets.sum(1, s, m)
        through = drift * mean + 0.5 * np.abs(drift) * jump
        through += noise * (self.penalty * jump - self.nv * (self.mean_slope @ y))
        result -= self._t("jump") @ (through * self.facet_dx)
        result += self._t("mean_slope") @ (noise * self.nv * jump * self.facet_dx)
        return result

    def _by_facets(self, values: np.ndarray) -> np.ndarray:
        """The largest of values at the points of each inner facet."""
        return values.reshape(len(self.facet_cells[0]), -1).max(axis=1)

    def _rusanov(self, y: np.ndarray, s: Any, m: Parameters, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(flux in w times n_w through the interior facets, |N dc/dN|, the larger of both sides)."""
        total, jump = 0.0, 0.0
        alpha, steepening = self._waves(speeds := self._speeds(s, m, coefficients))
        for sign, (speed, _), values in zip((1, -1), speeds, self.values, strict=True):
            p = values @ y
            total, jump = total + 0.5 * speed * p, jump + sign * p
        return self.nw * total + 0.5 * np.abs(self.nw) * alpha * jump, steepening

    def _speeds(self, s: Any, m: Parameters, coefficients: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """(c, N dc/dN) on both sides of the interior facets."""
        result = []
        for points in self.sides:
            N = points.trace @ coefficients
            stepped = points.transport(s, m, N + 1j * _STEP)
            result.append((stepped.real, N * stepped.imag / _STEP))
        return result

    @staticmethod
    def _waves(speeds: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
        """(alpha, |N dc/dN|), the larger of both sides."""
        alpha = np.maximum(*(np.maximum(np.abs(c), np.abs(c + of_N)) for c, of_N in speeds))
        return alpha, np.maximum(*(np.abs(of_N) for _, of_N in speeds))

    def explicit_rate(self, y: np.ndarray, m: Parameters) -> float:
        """Bound on the spectral radius of transport in w, and of what damps its shocks."""
        s, coefficients = self.solve(y, m)
        alpha, steepening = map(self._by_facets, self._waves(self._speeds(s, m, coefficients)))
        damping = float(self.damping.rates(y, steepening).max())
        through = alpha * np.abs(self._by_facets(self.nw)) * self.facet_dx.reshape(len(alpha), -1).sum(axis=1)
        outer = np.zeros(self.mesh.nelements)
        for cells in self.facet_cells:
            np.add.at(outer, cells, through)
        radius = float(np.max(outer / self.area)) * (self.degree + 1) ** 1.5 / 2  # computed: 1.1 to 2 times too large
        return radius + damping

    # the part in v ----------------------------------------------------------------------------------------------

    def implicit(self, s: Any, m: Parameters) -> sparse.csc_matrix:
        """Matrix of drift, noise, firing and reset at scalars s: that of `rate_in_v`."""
        return self.threshold.closed(self._blocks.matrix(s, m)).tocsc()

    def _t(self, name: str) -> sparse.csr_matrix:
        if name not in self._transposed:
            self._transposed[name] = getattr(self, name).T.tocsr()
        return self._transposed[name]


def _table(values: list[np.ndarray], cells: np.ndarray, size: int) -> sparse.csr_matrix:
    """Values of every mode at points (cells, q), as rows on the unknowns."""
    table = np.moveaxis(np.array(values), 0, -1)
    return rows_of(table.reshape(-1, table.shape[-1]), np.repeat(cells, table.shape[1]), size)


def _unknowns(weak_form: WeakForm) -> tuple[str, str, dict[str, list[Any]], list[Term]]:
    """(field, its flux, {scalar: forms of that flux}, terms of the field into itself); ValueError for other models."""
    fields, lines = weak_form.fields, weak_form.lines
    if len(fields) != 1 or fields[0].over != ("v", "w") or len(lines) != 1:
        raise ValueError(
            f"Triangles: fields {[f.name for f in fields]}; "
            "allowed is one density over ('v', 'w') with one flux along w"
        )
    if weak_form.inputs:
        raise ValueError(f"Triangles: inputs {[i.name for i in weak_form.inputs]}; a model on triangles has none")
    field, line = fields[0].name, lines[0].name
    integrals: dict[str, list[Any]] = {u.name: [] for u in weak_form.scalars if u.name != line}
    transport = []
    for term in weak_form.terms:
        if term.into in integrals and term.of == line and term.coefficient is None:
            integrals[term.into].append(term.form)
        elif term.into == field and term.of == field and term.over == CELLS:
            transport.append(term)
        elif not (term.into == field and term.of is None and term.over in ("firing", "reset")):
            raise ValueError(f"Term {term.name!r} ({term.of} -> {term.into} over {term.over}) is not one of triangles")
    return field, line, integrals, transport
