"""Terms, and the words that make the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Term:
    """coefficient(s, m) x form, added to the equation of `into`.

    form(u, phi, x) where `of` names the unknown u it is linear in, form(phi, x) without; x.v are the places along the
    axis v, and `d(u, "v")` is a derivative. Into a number or a function of an index phi is 1. No form stands for u phi.
    coefficient(s, m) reads unknowns that are functions of axes of this term, inputs and coordinates from s, parameters
    from m; it is analytic in the unknowns and inputs (derivatives are taken by one complex step). None stands for 1.
    at       {axis: place}, or {axis: (low, high)} between ends of cells, where the term acts, instead of all along it
    lands    x -> {axis: place}, or [(weight, {axis: place}), ...]: what leaves enters there
    matrix   instead of a form: sum_j matrix[i, j] u_j, from the index of `of` to that of `into`; dense or scipy sparse
    """

    into: str
    of: str | None = None
    form: Callable[..., Any] | None = None
    coefficient: Callable[[Any, Any], Any] | None = None
    at: Mapping[str, float | tuple[float, float]] = field(default_factory=dict)
    lands: Callable[[Any], Any] | None = None
    matrix: Any = None
    name: str = ""

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.name or (f"{self.of} -> {self.into}" if self.of else f"source of {self.into}")


def d(u: Any, axis: str) -> Any:
    """Derivative along an axis of an unknown or a test function inside a form."""
    return u.grad[axis]


def drift(
    n: str, axis: str, f: Callable[[Any], Any], c: Callable[[Any, Any], Any] | None = None, name: str = ""
) -> Term:
    """- d/dx (c f(x) n) in the equation of n."""
    return Term(n, n, lambda u, phi, x: f(x) * u * d(phi, axis), c, name=name or f"drift of {n} along {axis}")


@cache
def _diffusion(axis: str) -> Callable[..., Any]:
    return lambda u, phi, x: -d(u, axis) * d(phi, axis)


def noise(
    n: str, axis: str, c: Callable[[Any, Any], Any] | None = None, a: Callable[[Any], Any] | None = None, name: str = ""
) -> Term:
    """d/dx (c a(x) dn/dx) in the equation of n; a = 1 by default."""
    form = _diffusion(axis) if a is None else (lambda u, phi, x: -a(x) * d(u, axis) * d(phi, axis))
    return Term(n, n, form, c, name=name or f"noise of {n} along {axis}")


def jump(
    n: str,
    of: str,
    lands: Callable[[Any], Any],
    *,
    at: Mapping[str, float] | None = None,
    rate: Callable[[Any], Any] | None = None,
    c: Callable[[Any, Any], Any] | None = None,
    name: str = "",
) -> Term:
    """What jumps leaves n where it is and enters n at lands(x): `of` is a flux, or n itself with a rate(x)."""
    form = None if rate is None else (lambda u, phi, x: rate(x) * u * phi)
    return Term(n, of, form, c, at or {}, lands, name=name or f"jump of {n}")


def exchange(source: str, target: str, rate: Callable[[Any, Any], Any]) -> tuple[Term, Term]:
    """Neurons of `source` become neurons of `target` at the rate(s, m), where they are."""
    return (
        Term(source, source, lambda u, phi, x: -u * phi, rate, name=f"{source} leaves for {target}"),
        Term(target, source, lambda u, phi, x: u * phi, rate, name=f"{source} becomes {target}"),
    )
