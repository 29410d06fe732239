"""From terms to arrays: every form of a weak form assembled once, tested with all functions, tied afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..algebra import Band, gauss
from ..meshing import Line
from ..spaces import Space, has_lumped_mass, node_positions, quadrature
from ..spaces.tables import CellTable, table
from ..translation.weak_form import CELLS, THRESHOLD, UNIT_TESTS, Term, Value, WeakForm, probe
from .tuning import LANGUAGE


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


class Assembler:
    """Assembles terms on one mesh and space."""

    def __init__(self, weak_form: WeakForm, mesh: Line, space: Space) -> None:
        self.weak_form, self.mesh, self.space = weak_form, mesh, space
        self._tables: dict[str, CellTable] = {}
        self.nodes = node_positions(np.sort(mesh.p[0]), space.degree)
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
        boundaries = self.mesh.boundaries
        if name not in boundaries:
            raise ValueError(f"the mesh has no facets named {name!r}; it has {sorted(boundaries)}")
        return np.asarray(boundaries[name])

    def table(self, over: str) -> CellTable:
        """Shape functions of the cells named `over`, tabulated once. Raises ValueError for cells that are not there."""
        if over not in self._tables:
            subdomains = self.mesh.subdomains
            if over != CELLS and over not in subdomains:
                raise ValueError(
                    f"the mesh has no cells named {over!r}; it has {sorted(subdomains)}. "
                    f"Cells 'above' exist where the mesh reaches beyond {THRESHOLD} (v_max)."
                )
            rule = quadrature(self.space, self.space.degree)
            self._tables[over] = table(self.mesh, self.space.degree, over, rule)
        return self._tables[over]

    def is_facet_term(self, term: Term) -> bool:
        return term.over in self.mesh.boundaries

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
        part = self.table(CELLS)
        integrals = np.einsum("ieq,eq->ie", part.values, part.dx)
        return np.bincount(part.nodes.ravel(), integrals.ravel(), len(self.nodes))

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
        """(form of phi_j tested with phi_i) for all nodes: what the form is at points, times tables of products."""
        degree, n, part = self.space.degree, len(self.nodes), self.table(term.over)
        local = part.matrices(*probe(term, part.x[0]))
        total = np.bincount(part.in_band(degree), local.ravel(), n * (2 * degree + 1))
        return Band(total.reshape(2 * degree + 1, n, order="F"), degree, degree)

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
        full = self._functional(self.table(term.over), term.form)
        rows[index, layout.slice(term.of)] = full[: layout.free(term.of)]
        return Contribution(rows=rows)

    def _integral(self, term: Term) -> float:
        part = self.table(term.over)
        return float(np.sum(term.form(part.x) * part.dx))

    def _vector(self, term: Term) -> np.ndarray:
        """(form, phi_i) for every node; over facets the nodal basis makes it a value at the node."""
        if self.is_facet_term(term):
            full = np.zeros(len(self.nodes))
            points = self.mesh.p[0, self._facets(term.over)]
            # the nearest node: cell ends computed from the other end of a cell are off by rounding
            full[np.abs(self.nodes[:, None] - points).argmin(axis=0)] = np.broadcast_to(
                term.form(Value(1.0), points[None]), points.shape
            )
            return full
        self.table(term.over)  # raises for cells that the mesh does not have
        # what is spread out loses nothing
        fine = table(self.mesh, self.space.degree, term.over, gauss(LANGUAGE.source_points))
        return self._functional(fine, term.form)

    def _functional(self, part: CellTable, form: Callable) -> np.ndarray:
        """form(phi_i, x) integrated over cells, for every node."""
        by_value, by_slope = (np.broadcast_to(form(phi, part.x), part.dx.shape) * part.dx for phi in UNIT_TESTS)
        integrals = np.sum(part.values * by_value + part.slopes * by_slope, axis=-1)
        return np.bincount(part.nodes.ravel(), integrals.ravel(), len(self.nodes))

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
