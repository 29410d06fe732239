"""(model, mesh, space) -> Problem."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from .. import spaces
from ..given.arguments import TOLERANCE, checked, optional
from ..given.identity import is_own
from ..given.libraries import linalg
from ..given.memory import memory_of_process, remembered
from ..given.parameters import Parameters
from ..given.types import Model
from ..given.warning import warn
from ..meshing import Line, is_line, stretched, tagged
from ..problem import Problem
from ..spaces import ExponentialFitting, Lagrange, Space, SpectralElement
from ..translation import has_equations, is_fast, weak_form_of
from ..translation.coefficients import constant_of
from ..translation.weak_form import THRESHOLD, probe
from . import conservation, language, splitting
from .assembler import Assembler, Contribution
from .automatic import Flow, choose_nodes, end_of
from .fitted import FittedOperator, Transport, cell_means, is_transport
from .operators import FormsOperator
from .over_planes import discretize_over_axes, discretize_plane, has_weights
from .running_away import Cut
from .scalars import Past
from .semidiscrete import SemiDiscrete
from .shared import highest_modes, shared
from .tuning import MEMORY

DEFAULT_TOLERANCE = 1e-6
_known: dict[Any, Assembled] = memory_of_process()


@checked(tol=optional(TOLERANCE))
def discretize(model: Model, mesh: Any = None, *, space: Any = None, tol: float | None = None) -> Problem:
    """The model's equations on a mesh: M dy/dt = F(t, y).

    Parameters
    ----------
    model : model
        A dataclass with a method equations().
    mesh : mesh or None
        None: one is chosen from `tol` and may be adapted by `evolve`. One that is given (`interval`, `read_mesh`) stays
        as it is, and one whose ends cut off more than a thousandth of the density without activity is warned of. Over
        (v, w): a pair (mesh of v, ends of cells of w), or a triangulation (`strip`, `read_mesh`).
    space : space or None
        SpectralElement(6) by default, Lagrange(degree), ExponentialFitting(). Over (v, w): Tensor(v=..., w=...) by
        default, or Triangles(degree) on a triangulation. Equations over other axes: SpectralElement(degree), or
        ExponentialFitting() on a mesh {axis: ends of cells}.
    tol : float or None
        Relative accuracy wanted of N, in (0, 0.1], 1e-6 by default.

    Returns
    -------
    Problem
        `print` shows its unknowns, terms, degrees of freedom and what it conserves.

    Raises
    ------
    ValueError
        For a mesh without nodes on V_R and V_F, for tol outside (0, 0.1], for both, and, naming the term, for a weak
        form that cannot be computed as it is written: forms that are not linear, coefficients not analytic, scalars
        without an equation, noise not positive, a false claim of conservation.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4)
    >>> problem.scalar_names
    ('N',)
    """
    if not has_equations(model):
        raise ValueError(f"discretize: model = {model!r}; allowed is a model: a dataclass with a method equations()")
    if tol is not None and mesh is not None:
        raise ValueError(f"discretize: tol = {tol!r} chooses a mesh, but a mesh was given; give one of the two")
    if is_fast(model):
        language.require_sound(model)
    if is_fast(model) and has_weights(model):
        return discretize_plane(model, mesh, space, tol)
    tol = DEFAULT_TOLERANCE if mesh is None and tol is None else tol
    if not is_fast(model):
        return discretize_over_axes(model, mesh, space, tol)
    space = SpectralElement() if space is None else space
    if not isinstance(space, SpectralElement | Lagrange | ExponentialFitting):
        allowed = "SpectralElement(degree), Lagrange(degree), ExponentialFitting()"
        raise ValueError(f"discretize: space = {space!r}; allowed are {allowed}")
    if mesh is None:
        end = end_of(model)
        cells = natural = choose_nodes(Flow(model, end=end), space, tol)
        language.require_sound_on(model, cells)
        conservation.require_conserved(problem := SemiDiscrete(_assembled(model, cells, space, tol, end), model))
        problem.natural = natural
        return problem
    if not is_line(mesh):
        raise ValueError(f"discretize: mesh = {type(mesh).__name__}; allowed is a MeshLine (interval, read_mesh)")
    if weak_form_of(model).top == math.inf:
        raise ValueError(f"discretize: {THRESHOLD} = inf has no place on a mesh that is given; leave the mesh to tol")
    # tags and node positions are checked, whoever made the mesh
    mesh = tagged(mesh.p[0], model)
    language.require_sound_on(model, np.sort(mesh.p[0]))
    conservation.require_conserved(problem := SemiDiscrete(Assembled(model, mesh, space, tol), model))
    if problem.truncation:
        warn(f"discretize: {problem.truncation} Errors contain that.")
    return problem


def discretize_to(end: Cut | None, model: Any, cells: np.ndarray, space: Space) -> SemiDiscrete:
    """On these cells, up to where the drift runs away (`automatic.end_of`), or to V_F without an end."""
    language.require_sound(model)
    mesh = tagged(cells, model, _top(model, end))
    conservation.require_conserved(problem := SemiDiscrete(Assembled(model, mesh, space, None, end), model))
    return problem


def _top(model: Any, end: Cut | None) -> float:
    return weak_form_of(model).top if end is None else end.end


def _assembled(model: Any, cells: np.ndarray, space: Space, tol: float, end: Cut | None) -> Assembled:
    """What is assembled on these cells: known, where it depends on numbers alone, of models with the same forms."""
    weak_form = weak_form_of(model)
    if end is not None or not weak_form.is_of_numbers:
        return Assembled(model, tagged(cells, model, _top(model, end)), space, tol, end)
    key = (id(weak_form), space, tol, cells.tobytes())  # an Assembled holds its weak form: no other has this id
    known = _known.get(key)
    known = Assembled(model, tagged(cells, model), space, tol) if known is None else known.of(model)
    return remembered(_known, key, known, MEMORY.assembled)


class Assembled:
    """Everything of a problem that does not depend on numerical parameters: made once, shared by `at`."""

    def __init__(
        self,
        model: Any,
        mesh: Line,
        space: Space,
        tol: float | None,
        end: Cut | None = None,
    ) -> None:
        self.model, self.mesh, self.space, self.tol, self.end = model, mesh, space, tol, end
        self._others: dict[Any, Assembled] = {}
        self._summed: dict[tuple, FormsOperator] = {}
        self._latest: SemiDiscrete | None = None
        self.weak_form = self.form_of(model)
        self.landings, self.top = self.weak_form.landings, _top(model, end)
        assembler = Assembler(self.weak_form, mesh, space)
        self.layout = assembler.layout
        self.mass, self.tied_rows = assembler.mass()
        self.weights = assembler.weights
        self.cell_nodes = spaces.cell_nodes(space.degree, mesh.nelements)
        fitted = isinstance(space, ExponentialFitting)
        self._contributions = [
            Contribution() if fitted and is_transport(term, mesh) else self._consistent(assembler, term)
            for term in self.weak_form.terms
        ]
        self.quantities, self.conserved = self._functionals()
        self._probes = cell_means(self.weak_form, mesh, assembler) if fitted else None

    def __reduce__(self) -> tuple[Any, ...]:  # copies are assembled again
        return Assembled, (self.model, self.mesh, self.space, self.tol, self.end)

    def form_of(self, model: Any) -> Any:
        return weak_form_of(model) if self.end is None else self.end.of(weak_form_of(model))

    shared, highest_modes = cached_property(shared), cached_property(highest_modes)  # by all problems of one mesh

    @cached_property
    def threshold_transport(self) -> dict[str, list[tuple[Callable | None, np.ndarray, np.ndarray]]]:
        """For each field with a flux: (coefficient, convection, diffusion) of its forms at `landings` and V_F."""
        places, table = np.array([*self.landings, np.max(self.mesh.p[0])]), {}
        for field in (name for name, tied in self.layout.tied.items() if tied is not None):
            forms = [t for t in self.weak_form.terms if t.into == field == t.of]
            table[field] = [(t.coefficient, *probe(t, places)[:2]) for t in forms]
        return table

    @cached_property
    def in_sources(self) -> frozenset[str]:
        """Parameters on whose values it may depend whether the terms conserve what is declared."""
        return conservation.parameters_of_sources(self.model, self.weak_form)

    # assembly ---------------------------------------------------------------------------------------------------

    def _consistent(self, assembler: Assembler, term: Any) -> Contribution:
        """A term's arrays, with m_F M^-1 (...) moved from the V_F row's dn/dt into the flux scalars' equations."""
        part = assembler.contribution(term)
        for field, weights in self.flux_weights.items():
            index = self.layout.tied[field]
            if part.band is not None:
                part.rows[index] -= part.band.transposed_product(weights)
            if part.vector is not None:
                if part.numbers is None:
                    part.numbers = np.zeros(len(self.layout.algebraic))
                part.numbers[index] -= weights @ part.vector
        return part

    @cached_property
    def flux_weights(self) -> dict[str, np.ndarray]:
        """m_F M^-1 of each field with a flux, where the mass matrix is not lumped."""
        if self.mass.kl == 0:
            return {}
        bands = (self.mass.kl, self.mass.ku)
        return {field: linalg.solve_banded(bands, self.mass.data, row) for field, row in self.tied_rows.items()}

    def _functionals(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """(what every run records, what is conserved) as vectors on y."""
        layout, size = self.layout, self.layout.size
        integrals, quantities = {}, {}
        for name in layout.tied:
            vector = np.zeros(size)
            vector[layout.slice(name)] = self.weights[: layout.free(name)]
            integrals[name] = vector
            quantities["mass" if len(layout.tied) == 1 else f"mass_{name.removeprefix('n_')}"] = vector
        for name in layout.differential:
            integrals[name] = np.zeros(size)
            integrals[name][layout.offsets[name]] = 1.0
        conserved = {
            q.name: sum(weight * integrals[name] for name, weight in q.weights.items())
            for q in self.weak_form.conserved
        }
        return quantities | conserved, conserved

    def operator(self, m: Parameters) -> tuple[FormsOperator | FittedOperator, list[Callable]]:
        """The operator for these parameters, constant terms summed, and its varying coefficients."""
        return self._operator([constant_of(term, self.weak_form, m) for term in self.weak_form.terms])

    @cached_property
    def unmerged(self) -> tuple[FormsOperator | FittedOperator, list[Callable]]:
        """The operator that takes every coefficient for varying, and all coefficients."""
        return self._operator([None] * len(self.weak_form.terms))

    def _operator(self, values: list[float | None]) -> tuple[FormsOperator | FittedOperator, list[Callable]]:
        constant, varying, functions = [], [], []
        fixed_terms, varying_terms = [], []
        for term, part, value in zip(self.weak_form.terms, self._contributions, values, strict=True):
            if value is not None:
                constant.append((value, part))
                fixed_terms.append((value, term.name))
            else:
                varying.append(part)
                varying_terms.append(term.name)
                functions.append(term.coefficient or (lambda s, m: 1.0))
        if (forms := self._summed.get(key := tuple(values))) is None:
            width = max((p.band.kl for p in self._contributions if p.band is not None), default=0)
            if self._probes is not None:
                width = 1
                varying = [Contribution(p.band and p.band.widened(1, 1), p.vector, p.rows, p.numbers) for p in varying]
            forms = FormsOperator.build(self.layout.size, len(self.layout.algebraic), width, constant, varying)
            remembered(self._summed, key, forms, MEMORY.sums)
        if self._probes is None:
            return forms, functions
        return FittedOperator(forms, self._transports(fixed_terms, varying_terms)), functions

    def _transports(self, fixed_terms: list[tuple[float, str]], varying_terms: list[str]) -> tuple[Transport, ...]:
        layout, widths = self.layout, np.diff(np.sort(self.mesh.p[0]))
        transports = []
        for field in layout.tied:
            own = {t.name for t in self.weak_form.terms if t.into == field and t.name in self._probes}
            tables = np.zeros((2, 1 + len(varying_terms), len(widths)))
            for value, name in fixed_terms:
                if name in own:
                    tables[:, 0] += value * np.array(self._probes[name])
            for k, name in enumerate(varying_terms, start=1):
                if name in own:
                    tables[:, k] = self._probes[name]
            transports.append(Transport(layout.offsets[field], widths, *tables, layout.tied[field]))
        return tuple(transports)

    # other meshes -----------------------------------------------------------------------------------------------

    def rebuild(self, model: Any) -> SemiDiscrete:
        if self.tol is not None:
            return discretize(model, space=self.space, tol=self.tol)
        return discretize(model, stretched(self.mesh, model), space=self.space)

    def for_parameters(self, model: Any) -> Assembled:
        """These arrays with the terms of another model of the same shape: a user's coefficients may hold the model."""
        weak_form = self.form_of(model)
        if weak_form is self.weak_form:
            return self
        same = [i.name for i in weak_form.inputs] == [i.name for i in self.weak_form.inputs]
        if same and all(t.coefficient is None or is_own(t.coefficient) for t in weak_form.terms):
            return self
        other = object.__new__(Assembled)
        other.__dict__ |= {**vars(self), "weak_form": weak_form}
        for name in ("threshold_transport", "unmerged"):
            other.__dict__.pop(name, None)
        return other

    def of(self, model: Any) -> Assembled:
        """The same arrays for a model with the same forms, of which copies for other processes are made."""
        if model is self.model:
            return self
        other = object.__new__(Assembled)
        other.__dict__ |= {**vars(self), "model": model}
        return other

    def on_cells(
        self, model: Any, cells: np.ndarray, history: Past | None = None, space: Space | None = None
    ) -> SemiDiscrete:
        """The same model on other cells; the last meshes are kept: runs of one problem share their first."""
        space = self.space if space is None else space
        key = (language.shape_of(model), self.end, cells.tobytes(), space)
        assembled = self._others.get(key)
        if assembled is None:
            mesh = tagged(cells, model, self.top)
            assembled = Assembled(model, mesh, space, self.tol, self.end)
            assembled._others = self._others
        else:
            assembled = assembled.of(model)
        remembered(self._others, key, assembled, MEMORY.meshes)
        if history is not None:
            return SemiDiscrete(assembled.for_parameters(model), model, history)
        latest = assembled._latest  # another thread may put its own there
        if latest is None or latest.model != model:
            latest = assembled._latest = SemiDiscrete(assembled.for_parameters(model), model)
        return latest

    def enriched(self, problem: SemiDiscrete, y: np.ndarray, by: int) -> tuple[SemiDiscrete, np.ndarray]:
        degree = self.space.degree + by
        if isinstance(self.space, Lagrange) and degree <= Lagrange.highest:
            space = Lagrange(degree)
        elif degree <= SpectralElement.highest:
            space = SpectralElement(degree)
        else:  # no higher degree: halved cells instead
            halved = problem.on_cells(splitting.split(problem.cells, np.ones(len(problem.widths), bool)))
            return halved, splitting.transfer(problem, halved, y)
        richer = self.on_cells(problem.model, problem.cells, space=space)
        return richer, splitting.transfer(problem, richer, y)

    def coarser(self, model: Any, factor: float) -> SemiDiscrete:
        if self.tol is not None:
            return discretize(model, space=self.space, tol=min(factor * self.tol, 0.1))
        cells = np.sort(self.mesh.p[0])
        keep = (np.arange(len(cells)) % 2 == 0) | np.isin(cells, [cells[0], cells[-1], *self.landings, self.top])
        return self.on_cells(model, cells[keep])
