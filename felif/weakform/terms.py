"""Terms, and the words that make the usual ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..given.fields import named, require_fields, require_name


@dataclass(frozen=True)
class Term:
    """One part of an equation: coefficient(s, m) times form, added to the equation of `into`.

    Parameters
    ----------
    into : str
        The unknown whose equation it is a part of.
    of : str or None
        The unknown or input u that the form is linear in; None: a source.
    form : callable or None
        form(u, phi, x), or form(phi, x) without `of`; x.v are the places along the axis v, and `d(u, "v")` is a
        derivative. Into a number or a function of an index phi is 1. None stands for u phi.
    coefficient : callable or None
        coefficient(s, m) reads unknowns that are functions of axes of this term, inputs and coordinates from s,
        parameters from m. It is analytic in the unknowns and inputs (derivatives are taken by one complex step). None
        stands for 1.
    at : mapping
        {axis: place}, or {axis: (low, high)} between ends of cells, where the term acts, instead of all along it;
        {axis: x -> place} is a place for each entry of an index.
    lands : callable or None
        x -> {axis: place}, or [(weight, {axis: place}), ...]: what leaves at x enters there.
    matrix : array or scipy sparse matrix
        Instead of a form: sum_j matrix[i, j] u_j, from the index of `of` to that of `into`.
    name : str
        What messages call it.

    Examples
    --------
    >>> import felif as fl
    >>> leak = fl.Term("n", "n", lambda n, phi, x: -x.v * n * fl.d(phi, "v"), name="leak")
    >>> leak.called
    'leak'
    """

    into: str
    of: str | None = None
    form: Callable[..., Any] | None = None
    coefficient: Callable[[Any, Any], Any] | None = None
    at: Mapping[str, float | tuple[float, float] | Callable[[Any], Any]] = field(default_factory=dict)
    lands: Callable[[Any], Any] | None = None
    matrix: Any = None
    name: str = ""

    __post_init__ = require_fields

    @property
    def called(self) -> str:
        """What messages call it."""
        return self.name or (f"{self.of} -> {self.into}" if self.of else f"source of {self.into}")


def d(u: Any, axis: str) -> Any:
    """Derivative along an axis of an unknown or a test function inside a form.

    Parameters
    ----------
    u : what a form is given
        An unknown or phi.
    axis : str
        Along which axis.

    Returns
    -------
    array
        Values where the form is evaluated.

    Examples
    --------
    >>> import felif as fl
    >>> diffusion = fl.Term("n", "n", lambda n, phi, x: -fl.d(n, "v") * fl.d(phi, "v"))
    """
    return u.grad[axis]


def drift(
    n: str, axis: str, f: Callable[[Any], Any], c: Callable[[Any, Any], Any] | None = None, name: str = ""
) -> Term:
    """The term - d/dx (c f(x) n) in the equation of n.

    Parameters
    ----------
    n, axis : str
        The density, and the axis x along which it drifts.
    f : callable
        f(x), where x.v are the places along the axis v.
    c : callable or None
        Coefficient c(s, m); None stands for 1.
    name : str
        What messages call the term.

    Returns
    -------
    Term

    Examples
    --------
    >>> import felif as fl
    >>> fl.drift("n", "v", lambda x: -x.v).name
    'drift of n along v'
    """
    require_name("drift", "axis", axis)
    return Term(n, n, lambda u, phi, x: f(x) * u * d(phi, axis), c, name=named(name, f"drift of {n} along {axis}"))


@cache
def _diffusion(axis: str) -> Callable[..., Any]:
    return lambda u, phi, x: -d(u, axis) * d(phi, axis)


def noise(
    n: str, axis: str, c: Callable[[Any, Any], Any] | None = None, a: Callable[[Any], Any] | None = None, name: str = ""
) -> Term:
    """The term d/dx (c a(x) dn/dx) in the equation of n.

    Parameters
    ----------
    n, axis : str
        The density, and the axis x.
    c : callable or None
        Coefficient c(s, m), positive; None stands for 1.
    a : callable or None
        a(x), positive; None stands for 1.
    name : str
        What messages call the term.

    Returns
    -------
    Term

    Examples
    --------
    >>> import felif as fl
    >>> fl.noise("n", "v", lambda s, m: m.a0 + m.a1 * s.N).into
    'n'
    """
    require_name("noise", "axis", axis)
    form = _diffusion(axis) if a is None else (lambda u, phi, x: -a(x) * d(u, axis) * d(phi, axis))
    return Term(n, n, form, c, name=named(name, f"noise of {n} along {axis}"))


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
    """The term of what jumps: it leaves n where it is, and enters n at lands(x). Whatever jumps is conserved.

    Parameters
    ----------
    n, of : str
        The density, and what jumps: a flux of it, or n itself with a rate.
    lands : callable
        x -> {axis: place}, or [(weight, {axis: place}), ...].
    at : mapping or None
        {axis: place} where a flux leaves.
    rate : callable or None
        rate(x) at which neurons jump, where `of` is n.
    c : callable or None
        Coefficient c(s, m); None stands for 1.
    name : str
        What messages call the term.

    Returns
    -------
    Term

    Examples
    --------
    >>> import felif as fl
    >>> reset = fl.jump("n", "N", lambda x: {"v": 1.0}, at={"v": 2.0})
    >>> reset.of
    'N'
    """
    form = None if rate is None else (lambda u, phi, x: rate(x) * u * phi)
    return Term(n, of, form, c, {} if at is None else at, lands, name=named(name, f"jump of {n}"))


def exchange(source: str, target: str, rate: Callable[[Any, Any], Any]) -> tuple[Term, Term]:
    """The two terms by which neurons of `source` become neurons of `target`, where they are.

    Parameters
    ----------
    source, target : str
        Two densities over the same axes.
    rate : callable
        rate(s, m), >= 0.

    Returns
    -------
    tuple of two Terms

    Examples
    --------
    >>> import felif as fl
    >>> [term.into for term in fl.exchange("up", "down", lambda s, m: 0.5)]
    ['up', 'down']
    """
    return (
        Term(source, source, lambda u, phi, x: -u * phi, rate, name=f"{source} leaves for {target}"),
        Term(target, source, lambda u, phi, x: u * phi, rate, name=f"{source} becomes {target}"),
    )
