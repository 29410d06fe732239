"""What the same equations with other parameters share: forms on the same meshes, and the pattern of the Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np
from scipy import sparse

from ..weakform import Equations, Index, Term
from . import resting
from .forms import read_by
from .on_axes import OnAxes
from .operator import Operator, restricted
from .piece import Piece
from .pieces import Builder


def take(system: OnAxes, like: Any) -> bool:
    """Makes a system of the pieces of one with other parameters; False where more than coefficients and matrices
    differs, and nothing is taken."""
    if resting.lags(system.equations, system.model) != resting.lags(like.equations, like.model) and like.held:
        return False
    if system.positive:  # fluxes belong to several terms
        return False
    layout = like.selected
    builder = Builder(system.equations, system.lines, layout.places, layout.size, system.model)
    cut = lambda term: restricted(builder.coupling(term), layout.rows, layout.selection)
    pieces = reused(like, system.model, system.equations, cut)
    if pieces is None:
        return False
    n = layout.n_y + layout.n_z
    below = np.arange(layout.n_y, n)
    system.pieces = pieces
    system._algebraic = {
        k: replace(piece, term=pieces[k].term)
        if piece.matrix is None or piece.term.matrix is None
        else restricted(pieces[k], below)
        for k, piece in like._algebraic.items()
    }
    system._operator = Operator(pieces, n, len(layout.columns), system.model, like._own, like._operator)
    system._known = like.constraint.operator
    names = "layout", "size", "mass", "field_names", "groups", "scalar_names", "_scalar_places", "functionals", "kept"
    for name in (*names, "_own"):
        setattr(system, name, getattr(like, name))
    if "_structure" in vars(like):
        system._structure = like._structure
    return True


def reused(old: Any, model: Any, equations: Equations, coupled: Callable[[Term], Piece]) -> list[Piece] | None:
    """The pieces of `old` with the coefficients and matrices of `equations`; None where anything else differs.

    coupled: the piece of a term that has a matrix.
    """
    before = old.equations
    for name in ("axes", "unknowns", "inputs", "conserved", "masses", "symmetric_along"):
        if not same(getattr(before, name), getattr(equations, name)):
            return None
    if len(before.terms) != len(equations.terms):
        return None
    known = {entry.name for entry in (*equations.unknowns, *equations.inputs, *equations.axes)}
    indices = {axis.name for axis in equations.axes if isinstance(axis, Index)}
    new = {}
    for a, b in zip(before.terms, equations.terms, strict=True):
        told = ("into", "of", "at", "name", "form", "lands")
        if not all(same(getattr(a, name), getattr(b, name)) for name in told):
            return None
        if (a.coefficient is None) != (b.coefficient is None) or (a.matrix is None) != (b.matrix is None):
            return None
        if read_by(a, known, indices, old.model) != read_by(b, known, indices, model):
            return None
        if a.matrix is not None and not _same_pattern(a.matrix, b.matrix):
            return None
        new[id(a)] = b
    pieces = []
    for piece in old.pieces:
        term = new[id(piece.term)]
        again = term.matrix is not None and not same(term.matrix, piece.term.matrix)
        pieces.append(coupled(term) if again else replace(piece, term=term))
    return pieces


def _same_pattern(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a != 0, b != 0)
    a, b = sparse.csr_matrix(a), sparse.csr_matrix(b)
    return a.shape == b.shape and np.array_equal(a.indices, b.indices) and np.array_equal(a.indptr, b.indptr)


def same(a: Any, b: Any) -> bool:
    """Whether two values are, or two functions do, the same: of one source, with equal values in what they enclose."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, FunctionType):
        if a.__code__ is not b.__code__ or not same(a.__defaults__, b.__defaults__):
            return False
        try:
            enclosed = [tuple(cell.cell_contents for cell in f.__closure__ or ()) for f in (a, b)]
        except ValueError:  # a name that has no value yet
            return False
        return same(*enclosed) and same(a.__kwdefaults__, b.__kwdefaults__)
    if sparse.issparse(a):
        return a.shape == b.shape and (a != b).nnz == 0
    if isinstance(a, np.ndarray):
        return a.dtype != object and np.array_equal(a, b)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False
