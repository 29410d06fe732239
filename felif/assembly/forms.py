"""From terms to arrays: every form of a weak form assembled once, tested with all functions, tied afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from skfem import CellBasis, LinearForm
from skfem.element import DiscreteField
from skfem.mesh import MeshLine

from ..algebra import Band
from ..weakform import CELLS, Term, WeakForm
from .spaces import Degrees, Space, alike, element, gauss, has_lumped_mass, node_count, quadrature

_SOURCE_POINTS = 64  # of Gauss's rule for sources, in every cell


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each unknown stands in y: free nodal values field by field, then differential scalars.

    The node at V_F of a field with a flux scalar is not in y (the density vanishes there); its test function gives the
    scalar's equation instead.
    """

    weak_form: WeakForm
    nodes: np.ndarray  # of one field, sorted, with V_F
    tied: dict[str, int | None]  # field -> index of the algebraic scalar that is its flux
    offsets: dict[str, int] = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        offsets, position = {}, 0
        for name in self.tied:
            offsets[name] = position
            position += self.free(name)
        for scalar in self.weak_form.scalars:
            if scalar.algebraic is False:
                offsets[scalar.name] = position
                position += 1
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "size", position)

    def free(self, name: str) -> int:
        return len(self.nodes) - (self.tied[name] is not None)

    def slice(self, name: str) -> slice:
        return slice(self.offsets[name], self.offsets[name] + self.free(name))

    @property
    def algebraic(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.weak_form.scalars if s.algebraic)

    @property
    def differential(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.weak_form.scalars if not s.algebraic)


@dataclass(eq=False)
class Contribution:
    """What one term adds per unit of its coefficient: to F a matrix times y and a vector, to g rows and numbers."""

    band: Band | None = None  # (size, size)
    vector: np.ndarray | None = None  # (size,)
    rows: np.ndarray | None = None  # (algebraic, size)
    numbers: np.ndarray | None = None  # (algebraic,)


def bases(
    mesh: MeshLine, degrees: Degrees, over: str, rule: Callable[[int], tuple[np.ndarray, np.ndarray]]
) -> list[tuple[CellBasis, np.ndarray]]:
    """For each degree among the cells named `over`: (basis, numbers of the nodes of its functions [function, cell]).

    rule: degree -> (points, weights) of the quadrature.
    """
    parts = []
    for degree, which, nodes in alike(degrees, mesh.nelements):
        if over != CELLS:
            here = np.isin(which, mesh.subdomains[over])
            which, nodes = which[here], nodes[here]
        if len(which):
            elements = None if len(which) == mesh.nelements else which
            basis = CellBasis(mesh, element(degree), quadrature=rule(degree), elements=elements)
            parts.append((basis, nodes.T[basis.elem.order]))
    return parts


class Assembler:
    """Assembles terms on one mesh and space through scikit-fem."""

    def __init__(self, weak_form: WeakForm, mesh: MeshLine, space: Space, degrees: Degrees | None = None) -> None:
        self.weak_form, self.mesh, self.space = weak_form, mesh, space
        self.degrees = space.degree if degrees is None else degrees
        self._parts: dict[str, list[tuple[CellBasis, np.ndarray]]] = {}
        self._all_pairs: dict[str, list[tuple[Any, ...]]] = {}
        self.nodes = np.empty(node_count(self.degrees, mesh.nelements))
        for basis, places in self.parts(CELLS):
            self.nodes[places] = basis.doflocs[0][basis.element_dofs]
        self.layout = Layout(weak_form, self.nodes, self._tied())

    def _tied(self) -> dict[str, int | None]:
        tied: dict[str, int | None] = {f.name: None for f in self.weak_form.fields}
        for index, scalar in enumerate(self.weak_form.scalars):
            if scalar.algebraic == "flux":
                end = int(np.argmax(self.mesh.p[0]))
                if self._facets(scalar.over).tolist() != [end]:
                    raise ValueError(
                        f"scalar {scalar.name!r} is a flux through {scalar.over!r}, which is not the upper end"
                    )
                tied[scalar.of] = index
        return tied

    def _facets(self, name: str) -> np.ndarray:
        boundaries = self.mesh.boundaries or {}
        if name not in boundaries:
            raise ValueError(f"the mesh has no facets named {name!r}; it has {sorted(boundaries)}")
        return np.asarray(boundaries[name])

    def parts(self, over: str) -> list[tuple[CellBasis, np.ndarray]]:
        """What `bases` says of the cells named `over`, made once."""
        if over not in self._parts:
            subdomains = self.mesh.subdomains or {}
            if over != CELLS and over not in subdomains:
                raise ValueError(
                    f"the mesh has no cells named {over!r}; it has {sorted(subdomains)}. "
                    "Cells 'above' exist where the mesh reaches beyond v_fire (v_max)."
                )
            self._parts[over] = bases(self.mesh, self.degrees, over, lambda degree: quadrature(self.space, degree))
        return self._parts[over]

    def is_facet_term(self, term: Term) -> bool:
        return term.over in (self.mesh.boundaries or {})

    def mass(self) -> tuple[Band, dict[str, np.ndarray]]:
        """M on y, and for each field with a flux the row of its V_F test function, shape (size,)."""
        layout, degree = self.layout, self.space.degree
        if has_lumped_mass(self.space):
            width, full = 0, Band.diagonal(self.weights)
        else:
            width = degree
            full = self._matrix(Term("mass", into="", form=lambda n, phi, x: n * phi))
        total = Band.zeros(layout.size, width, width)
        tied_rows = {}
        for name in layout.tied:
            self._place(total, full, name)
            if layout.tied[name] is not None:
                tied_rows[name] = self._last_row(full, name)
        for name in layout.differential:
            total.data[width, layout.offsets[name]] = 1.0
        return total, tied_rows

    @cached_property
    def weights(self) -> np.ndarray:
        """int phi_i dv for every node, V_F included."""
        total = np.zeros(len(self.nodes))
        for _, phi, _, dx, rows, _ in self._pairs(CELLS):
            total += np.bincount(rows[0].ravel(), np.einsum("ieq,eq->ie", phi[0], dx).ravel(), len(total))
        return total

    def contribution(self, term: Term) -> Contribution:
        """The arrays of one term (coefficient 1)."""
        if term.into in self.layout.tied:
            return self._into_field(term)
        return self._into_scalar(term)

    def _into_field(self, term: Term) -> Contribution:
        layout, number = self.layout, len(self.layout.algebraic)
        tied = layout.tied[term.into]
        if term.of is None:
            full = self._vector(term)
            vector = np.zeros(layout.size)
            vector[layout.slice(term.into)] = full[: layout.free(term.into)]
            numbers = np.zeros(number)
            if tied is not None:
                numbers[tied] = full[-1]
            return Contribution(vector=vector, numbers=numbers)
        if term.of != term.into:
            raise ValueError(
                f"Term {term.name!r} couples {term.of!r} into {term.into!r}; couple fields through scalars"
            )
        if self.is_facet_term(term):
            raise ValueError(f"Term {term.name!r}: a form of {term.of!r} over facets is not supported; use cells")
        full = self._matrix(term)
        degree = self.space.degree
        band = Band.zeros(layout.size, degree, degree)
        self._place(band, full, term.into)
        flux_rows = np.zeros((number, layout.size))
        if tied is not None:
            flux_rows[tied] = self._last_row(full, term.into)
        return Contribution(band=band, rows=flux_rows)

    def _matrix(self, term: Term) -> Band:
        """(form of phi_j tested with phi_i) for all nodes.

        The form is called once with all pairs of shape functions at once: at degree 6, scikit-fem's loop over pairs
        costs six times as much as the arithmetic.
        """
        parts = []
        for n, phi, x, dx, rows, cols in self._pairs(term.over):
            shape = (rows.shape[0], *phi.shape[1:])
            local = np.einsum("jieq,eq->jie", np.broadcast_to(term.form(n, phi, x), shape), dx)
            parts.append((rows.ravel(), cols.ravel(), local.ravel()))
        degree = self.space.degree
        all_parts = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return Band.from_coo(*all_parts, len(self.nodes), degree, degree)

    def _pairs(self, over: str) -> list[tuple[Any, ...]]:
        """(n, phi, x, dx) for all pairs of shape functions j, i and the rows and columns they go to, [j, i, cell]."""
        if over not in self._all_pairs:
            self._all_pairs[over] = pairs = []
            for basis, places in self.parts(over):
                values = np.array([np.asarray(shape[0]) for shape in basis.basis])
                slopes = np.array([shape[0].grad[0] for shape in basis.basis])
                pairs.append(
                    (
                        DiscreteField(values[:, None], slopes[None, :, None]),
                        DiscreteField(values[None], slopes[None, None]),
                        np.asarray(basis.global_coordinates()),
                        basis.dx,
                        *np.broadcast_arrays(places[None], places[:, None]),
                    )
                )
        return self._all_pairs[over]

    def _into_scalar(self, term: Term) -> Contribution:
        layout, number = self.layout, len(self.layout.algebraic)
        if term.into in layout.differential:
            if term.of is not None or term.form is not None:
                raise ValueError(
                    f"Term {term.name!r} goes from a field into the differential scalar {term.into!r}; "
                    "define an algebraic scalar by that integral and let the coefficient read it"
                )
            vector = np.zeros(layout.size)
            vector[layout.offsets[term.into]] = 1.0
            return Contribution(vector=vector)
        index = layout.algebraic.index(term.into)
        numbers, rows = np.zeros(number), np.zeros((number, layout.size))
        if term.of is None:
            numbers[index] = 1.0 if term.form is None else self._integral(term)
            return Contribution(numbers=numbers)
        full = self._functional(self.parts(term.over), lambda n, w: term.form(n, w.x))
        rows[index, layout.slice(term.of)] = full[: layout.free(term.of)]
        return Contribution(rows=rows)

    def _integral(self, term: Term) -> float:
        parts = (basis for basis, _ in self.parts(term.over))
        return sum(float(np.sum(term.form(basis.global_coordinates()) * basis.dx)) for basis in parts)

    def _vector(self, term: Term) -> np.ndarray:
        """(form, phi_i) for every node; over facets the nodal basis makes it a value at the node."""
        if self.is_facet_term(term):
            full = np.zeros(len(self.nodes))
            points = self.mesh.p[0, self._facets(term.over)]
            # the nearest node: cell ends computed from the other end of a cell are off by rounding
            full[np.abs(self.nodes[:, None] - points).argmin(axis=0)] = np.broadcast_to(
                term.form(DiscreteField(np.ones_like(points)), points[None]), points.shape
            )
            return full
        self.parts(term.over)  # raises for cells that the mesh does not have
        points, weights = gauss(_SOURCE_POINTS)  # what is spread out in v must lose nothing
        fine = bases(self.mesh, self.degrees, term.over, lambda degree: (points[None], weights))
        return self._functional(fine, lambda phi, w: term.form(phi, w.x))

    def _functional(self, parts: list[tuple[CellBasis, np.ndarray]], form: Callable) -> np.ndarray:
        """form(phi_i, w) integrated over cells, for every node."""
        full = np.zeros(len(self.nodes))
        for basis, places in parts:
            rank = np.zeros(basis.N, int)
            rank[basis.element_dofs] = places
            coo = LinearForm(form).elemental(basis)
            np.add.at(full, rank[coo.indices[0]], coo.data)
        return full

    def _place(self, total: Band, full: Band, name: str) -> None:
        """Add the free block of a field's matrix at the field's place in y."""
        layout = self.layout
        columns = layout.slice(name)
        total.data[:, columns] += full.data[:, : layout.free(name)]
        if layout.tied[name] is not None:  # storage of the V_F row, which is not part of the block
            for distance in range(1, full.kl + 1):
                total.data[total.ku + distance, columns.stop - distance] = 0.0

    def _last_row(self, full: Band, name: str) -> np.ndarray:
        row, last = np.zeros(self.layout.size), len(self.nodes) - 1
        start = self.layout.offsets[name]
        for distance in range(1, full.kl + 1):
            row[start + last - distance] = full.data[full.ku + distance, last - distance]
        return row
