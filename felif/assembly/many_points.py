"""One mesh, many parameters: the systems of a model at many points, for the compiled core, without building problems.

Every term is coefficient x form; forms and mesh are shared, and coefficients are evaluated at all points at once. With
factors c_k = sum_z f_kz z of the forms, z = (1, inputs, differential scalars, algebraic scalars), the arrays of a point
(see `condensed`) are sums over the forms: products of a matrix of factors with tables made once.
"""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..algebra import compiled
from ..algebra.lanes import Lanes, aligned, extents
from ..firing import at_threshold
from ..firing.advected import spread_of
from ..firing.over_v import OverV
from ..given.identity import is_own
from ..given.parameters import Parameters, Points
from ..translation.weak_form import probe
from . import splitting
from .condensed import lanes_of
from .tuning import SPLITTING

_POINTS = (0.37, 1.9)  # where it shows whether a coefficient is affine in scalars and inputs


class Family:
    """The condensed systems of `problem` at many parameters. Raises ValueError where it is no family the core takes.

    factors  (points, forms, z)
    """

    def __init__(self, problem: OverV, points: Points) -> None:
        base = problem.condensed
        if base is None:
            raise ValueError("the compiled core does not take this system")
        if problem.delays or problem.equations.inputs:
            raise ValueError("inputs depend on time")
        self.problem, self.base, self.count = problem, base, points.count
        layout = problem.layout
        self.names = scalars_in_order(problem)
        self._terms = problem._assembled.weak_form.terms
        self.factors = factors(problem, points)
        self._lanes = lanes = lanes_of(problem)
        self._forms(problem._assembled._contributions, lanes, len(layout.algebraic))
        self._layers()
        self._arriving()

    # tables -----------------------------------------------------------------------------------------------------

    def _forms(self, parts: Any, lanes: Lanes, algebraic: int) -> None:
        size, width = self.problem.size, max((p.band.ku for p in parts if p.band is not None), default=0)
        bands = np.zeros((len(parts), 2 * width + 1, size))
        rows, numbers = np.zeros((len(parts), algebraic, size)), np.zeros((len(parts), algebraic))
        vectors = np.zeros((len(parts), size))
        for k, part in enumerate(parts):
            if part.band is not None:
                bands[k] = part.band.widened(width, width).data
            if part.vector is not None:
                vectors[k] = part.vector
            if part.rows is not None:
                rows[k] = part.rows
            if part.numbers is not None:
                numbers[k] = part.numbers
        has_band = bands.any(axis=(1, 2))
        self._varying = np.flatnonzero(has_band & self.factors[:, :, 1:].any(axis=(0, 2)))
        self._in_lanes = lanes.matrices(bands, width)
        packed = np.where(lanes.index[:-1] >= 0, rows[:, :, lanes.index[:-1]], 0.0)
        self._all_rows = rows
        self._rows, self._numbers = packed.reshape(len(parts), -1), numbers
        self._rows_shape = packed.shape[1:]
        entries = (np.abs(self.factors).max(axis=0).T != 0).astype(float)
        everywhere = np.tensordot(entries, (packed != 0) * 1.0, 1)
        self._extents = extents(everywhere)
        self._sources = np.flatnonzero(vectors.any(axis=0))
        self._source_values = vectors[:, self._sources]

    def _layers(self) -> None:
        """The layers below V_R and V_F that the mesh does not resolve however thin they are."""
        problem, forms = self.problem, _forms_at_thresholds(self.problem)
        self._layer_forms = []
        for field in forms:
            which, convection, diffusion = forms[field]
            for j, place in enumerate((*problem.landings, problem.top)):
                width = float(problem.widths[int(np.searchsorted(problem.cells, place)) - 1])
                if problem.tol is not None and width > splitting.thinnest(problem, place):
                    self._layer_forms.append((width / SPLITTING.layer_cells, which, convection[:, j], diffusion[:, j]))

    def _arriving(self) -> None:
        """Drift without activity at the nodes up to V_F, and noise there, of every form (see `firing.advected`)."""
        problem = self.problem
        nodes = problem.nodes[: int(np.searchsorted(problem.nodes, problem.top)) + 1]
        name = problem.field_names[0]
        which = [k for k, term in enumerate(self._terms) if term.into == term.of == name]
        tables = [probe(self._terms[k], nodes) for k in which]
        self._which = np.array(which, int)
        self._speeds, self._noises = (np.array([table[j] for table in tables]) for j in (0, 1))
        places = [
            (self._lanes.place[problem.layout.offsets[field] + node], node)
            for field in problem.field_names
            for node in range(min(problem.layout.free(field), len(nodes)))
        ]
        self._arriving_place = aligned({"places": np.array(places)})["places"]

    def scalars(self, y: np.ndarray) -> np.ndarray:
        """The scalars of y at all points, (points, scalars), algebraic first; NaN where a rate does not exist."""
        layout = self.problem.layout
        differential = np.array([y[layout.offsets[name]] for name in layout.differential])
        projected = self._all_rows @ y + self._numbers  # (forms, algebraic)
        g = np.einsum("pkz,ka->pza", self.factors, projected)
        known = g[:, 0] + np.einsum("pza,z->pa", g[:, 1 : 1 + len(differential)], differential)
        slopes = self.problem.equations.own_slopes() - g[:, 1 + len(differential) :].transpose(0, 2, 1)
        found = np.full((self.count, len(layout.algebraic)), np.nan)
        exists = np.linalg.det(slopes) > 0
        found[exists] = np.linalg.solve(slopes[exists], known[exists][..., None])[..., 0]
        return np.hstack([found, np.broadcast_to(differential, (self.count, len(differential)))])

    def starts(self, y: np.ndarray) -> np.ndarray:
        """Whether data y that do not vanish at V_F have a rate, at all points (see `at_threshold.instant_blow_up`)."""
        problem, forms = self.problem, _forms_at_thresholds(self.problem)
        if len(at_threshold.infinite_rates(problem)) != 1 or len(problem.field_names) != 1:
            return np.ones(self.count, bool)
        which, convection, diffusion = forms[problem.field_names[0]]
        rate = 1 + self.names.index(at_threshold.infinite_rates(problem)[0])
        slopes = self.factors[:, which, rate]
        feedback = zip(slopes @ convection[:, -1], slopes @ diffusion[:, -1], strict=True)
        return np.array([at_threshold.impossible(problem, y, kick, noise) is None for kick, noise in feedback])


def factors(problem: OverV, points: Points) -> np.ndarray:
    """f_kz of all terms at all points, z = (1, scalars, differential ones first), shape (points, forms, z).

    Inputs that come late are what they are at rest. felif's own coefficients are asked for all points at once, a user's
    point by point, of the model there. Raises ValueError for coefficients not affine in the scalars, and as `at`.
    """
    terms = problem.weak_form.terms
    functions = [f for term in terms for f in (term.form, term.coefficient) if f is not None]
    if all(map(is_own, functions)):
        m = Parameters(**{**vars(problem.parameters), **points.table})
        return np.stack([_affine(problem, term, m, points.count) for term in terms], axis=1)
    found = []
    for point in range(points.count):
        there = problem.at(**{name: float(column[point]) for name, column in points.table.items()})
        found.append([_affine(there, term, there.parameters, 1)[0] for term in there.weak_form.terms])
    return np.array(found)


def _affine(problem: OverV, term: Any, m: Parameters, count: int) -> np.ndarray:
    """(count, z): constant part and slopes of a coefficient."""
    names = scalars_in_order(problem)
    inputs = {name: _value_of_input(m, problem, name) for name in problem.equations._constants}

    def at(**values: float) -> np.ndarray:
        if term.coefficient is None:
            return np.ones(count)
        s = SimpleNamespace(**{**inputs, **dict.fromkeys(names, 0.0)})
        for name in names:
            problem.equations.assign(s, name, values.get(name, 0.0))
        return np.broadcast_to(np.asarray(term.coefficient(s, m), float), (count,))

    parts = [at()]
    parts += [at(**{name: 1.0}) - parts[0] for name in names]
    for point in _POINTS:
        values = {name: point * (1 + j) for j, name in enumerate(names)}
        expected = parts[0] + sum(value * part for value, part in zip(values.values(), parts[1:], strict=True))
        size = sum(np.abs(part) for part in parts) * (1 + len(names)) * point
        if not np.all(np.abs(at(**values) - expected) <= 1e-12 * (size + 1e-300)):
            raise ValueError(f"the coefficient of {term.name!r} is not affine in {', '.join(names)}")
    return np.column_stack(parts)


def scalars_in_order(problem: OverV) -> tuple[str, ...]:
    """As they stand in z."""
    return (*problem.layout.differential, *problem.layout.algebraic)


class OnePoint:
    """What the core takes of a family: one System, filled for one point after the other."""

    def __init__(self, family: Family) -> None:
        self._family, varying, base = family, family._varying, family.base.system
        forms, entries = family.factors.shape[1:]
        sources, shape = len(family._sources), family._in_lanes.shape
        A, weights = np.empty((1 + len(varying), *shape[1:])), np.zeros((1 + len(varying), entries))
        A[1:], weights[0, 0] = family._in_lanes[varying], 1.0
        self._constant = family._in_lanes.reshape(forms, -1)
        arrays = {
            "A": A,
            "weights": weights,
            "rows": np.empty((entries, *family._rows_shape)),
            "numbers": np.empty((entries, family._numbers.shape[1])),
            "rows_lanes": family._extents,
            "source_start": np.arange(entries + 1) * sources,
            "source_place": np.tile(family._lanes.place[family._sources], entries),
            "source_value": np.empty((entries, sources)),
            "layer_table": np.empty((len(family._layer_forms), 1 + 2 * entries)),
            "speed": np.empty((1, family._speeds.shape[1])),
            "arriving_noise": np.empty(1),
            "arriving_place": family._arriving_place,
        }
        for k, (width, *_) in enumerate(family._layer_forms):
            arrays["layer_table"][k, 0] = width
        self._arrays = aligned(arrays)
        self.system = compiled.System()
        ctypes.memmove(ctypes.byref(self.system), ctypes.byref(base), ctypes.sizeof(base))
        self.system.matrices, self.system.worthwhile, self.system.spread = len(A), -1, spread_of(family.problem, 1.0)
        self.system.arriving_places = len(family._arriving_place)
        for name, array in self._arrays.items():
            setattr(self.system, name, compiled.pointer(array))

    def at(self, point: int) -> compiled.System:
        """The system at a point of the family."""
        family, arrays = self._family, self._arrays
        f, entries = family.factors[point], family.factors.shape[2]
        np.dot(f[:, 0], self._constant, out=arrays["A"][0].reshape(-1))
        arrays["weights"][1:, 1:] = f[family._varying, 1:]
        np.dot(f.T, family._rows, out=arrays["rows"].reshape(entries, -1))
        np.dot(f.T, family._numbers, out=arrays["numbers"])
        np.dot(f.T, family._source_values, out=arrays["source_value"])
        for row, (_, which, drift, noise) in zip(arrays["layer_table"], family._layer_forms, strict=True):
            row[1 : 1 + entries], row[1 + entries :] = drift @ f[which], noise @ f[which]
        own = f[family._which, 0]
        speed, noise = own @ family._speeds, float(own @ family._noises[:, -1])
        arrays["speed"][0], arrays["arriving_noise"][0] = speed, noise
        self.system.arriving = len(speed) if speed[-1] > self.system.spread * noise else 0
        return self.system


def _value_of_input(m: Parameters, problem: OverV, name: str) -> Any:
    """The value of an input that is a number at these parameters."""
    parameter = next(given.parameter for given in problem.weak_form.inputs if given.name == name)
    return getattr(m, parameter)


def _forms_at_thresholds(problem: OverV) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each field with a flux: its forms, and their convection and diffusion at `landings` and V_F."""
    places, terms = np.array([*problem.landings, problem.cells[-1]]), problem.weak_form.terms
    found = {}
    for field in (name for name, tied in problem.layout.tied.items() if tied is not None):
        which = np.array([k for k, t in enumerate(terms) if t.into == field == t.of])
        parts = [probe(terms[k], places)[:2] for k in which]
        found[field] = which, np.array([c for c, _ in parts]), np.array([d for _, d in parts])
    return found
