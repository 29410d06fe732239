"""What a form is made of: its kernel at points, found by evaluating it, and the check that it is linear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..given.fields import written_for
from ..weakform import Term
from .tuning import CHECKS


class Jet(np.ndarray):
    """Values of a function at points; `.grad[axis]` its derivatives. What is computed from one has none."""

    slopes: dict[str, np.ndarray] | None = None

    @classmethod
    def of(cls, values: Any, slopes: dict[str, Any]) -> Jet:
        jet = np.asarray(values, float).view(cls)
        jet.slopes = slopes
        return jet

    @property
    def grad(self) -> dict[str, np.ndarray]:
        if self.slopes is None:
            raise ValueError("a form takes derivatives of the unknown and of the test function only, not of products")
        return self.slopes


Direction = str | None  # an axis along which is differentiated, None for the value


def kernels_of(
    term: Term, axes: Sequence[str], x: SimpleNamespace, size: int, linear: set[int] | None = None
) -> dict[tuple[Direction, Direction], np.ndarray]:
    """{(of the unknown, of the test function): kernel at the points} of a term, both None where there is no form.

    linear: terms, by id, whose forms were found to be linear; this one is added.

    Raises ValueError, naming the term, for a form that is not linear in the unknown or in the test function.
    """
    if term.form is None:
        return {(None, None): np.ones(size)}
    directions: list[Direction] = [None, *axes]
    of = directions if term.of is not None else [None]

    def unit(which: Direction) -> Jet:
        zero, one = np.zeros(size), np.ones(size)
        return Jet.of(one if which is None else zero, {a: one if a == which else zero for a in axes})

    def value(u: Jet | None, phi: Jet) -> np.ndarray:
        with written_for(term.called, "form"):
            found = term.form(phi, x) if u is None else term.form(u, phi, x)
            return np.broadcast_to(np.asarray(found, float), (size,))

    found = {}
    for a in of:
        for b in directions:
            kernel = value(unit(a) if term.of is not None else None, unit(b))
            if not np.isfinite(kernel).all():
                raise ValueError(f"Term {term.called!r}: its form is not finite at some points of the mesh")
            if kernel.any():
                found[a, b] = np.array(kernel)
    if linear is None or id(term) not in linear:
        _require_linear(term, axes, found, value, size)
    if linear is not None:
        linear.add(id(term))
    return found


def _require_linear(term: Term, axes: Sequence[str], found: dict, value: Callable, size: int) -> None:
    random = np.random.default_rng(size)
    for scale in (1.0, -3.0):
        jets = [
            Jet.of(scale * random.standard_normal(size), {a: random.standard_normal(size) for a in axes})
            for _ in range(2)
        ]
        u, phi = jets if term.of is not None else (None, jets[1])
        part = lambda jet, a: np.ones(size) if jet is None else np.asarray(jet if a is None else jet.grad[a])
        pieces = [kernel * part(u, a) * part(phi, b) for (a, b), kernel in found.items()]
        expected, bound = sum(pieces, np.zeros(size)), sum(map(np.abs, pieces), np.full(size, 1e-300))
        if not (np.abs(value(u, phi) - expected) <= CHECKS.linear * bound).all():
            raise ValueError(
                f"Term {term.called!r}: its form is not linear in {'the unknown and ' if u is not None else ''}"
                "the test function; what is nonlinear belongs into the coefficient, which reads unknowns from s"
            )


class _Reads:
    """Stands for `s`: notes which names a coefficient reads, and gives numbers for them, whole ones for indices."""

    def __init__(self, known: set[str], integers: set[str], called: str) -> None:
        self.__dict__.update(_known=known, _integers=integers, _called=called, names=[])

    def __getattr__(self, name: str) -> Any:
        if name not in self._known:
            raise ValueError(
                f"Term {self._called!r}: its coefficient reads s.{name}; there are {', '.join(sorted(self._known))}"
            )
        if name not in self.names:
            self.names.append(name)
        return 0 if name in self._integers else 0.3 + 0.1 * len(self.names)


def read_by(term: Term, known: set[str], integers: set[str], m: Any) -> list[str]:
    """Names of unknowns, inputs and coordinates that the coefficient of a term reads."""
    if term.coefficient is None:
        return []
    reads = _Reads(known, integers, term.called)
    with np.errstate(all="ignore"), written_for(term.called, "coefficient"):
        term.coefficient(reads, m)
    return reads.names
