"""What several models share: the axis of potentials, a density with its flux, and terms. Signs are those of
d/dt (n, phi) = ..., after one integration by parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..weakform import Axis, Term, Unknown, d, jump
from ..weakform import noise as _noise

Coefficient = Callable[[Any, Any], Any]


def _moved(n: Any, phi: Any, x: Any) -> Any:
    return n * d(phi, "v")


def leaves(N: Any, phi: Any, x: Any) -> Any:
    """What a number N takes away."""
    return -N * phi


def _enters(phi: Any, x: Any) -> Any:
    return phi


def potentials(model: Any, above: bool = False) -> Axis:
    """The axis v of a model with v_reset and v_fire: up to V_F, or to infinity where neurons live `above` V_F."""
    points = {"reset": model.v_reset, "firing": model.v_fire}
    finite = {name: place for name, place in points.items() if place < math.inf}
    return Axis("v", -math.inf, math.inf if above else model.v_fire, finite)


def density(model: Any, n: str = "n", N: str = "N", others: tuple[str, ...] = ()) -> tuple[Unknown, Unknown]:
    """n over v (and other axes), 0 at V_F, and its flux N there."""
    return Unknown(n, ("v", *others)), Unknown(N, others, "holds", of=n, at={"v": model.v_fire})


def _named(name: str, unknown: str) -> str:
    """Term names of models with several populations say which one."""
    return name if unknown in ("n", "p", "R") else f"{name} of {unknown}"


def drift(function: Callable[[Any], Any], n: str = "n") -> Term:
    """(f(v) n, phi'): the motion of a single neuron."""
    try:
        form = _transport(function)
    except TypeError:  # a function without a hash
        form = _transport.__wrapped__(function)
    return Term(n, n, form, name=_named("drift", n))


@lru_cache(64)
def _transport(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The same form for the same function: `at` need not compare it."""
    return lambda n, phi, x: function(x.v) * n * d(phi, "v")


def current(coefficient: Coefficient, n: str = "n") -> Term:
    """m (n, phi') with m = I + b N: external and recurrent current."""
    return Term(n, n, _moved, coefficient, name=_named("current", n))


def noise(coefficient: Coefficient, n: str = "n") -> Term:
    """-a (n', phi') with a = a0 + a1 N."""
    return _noise(n, "v", coefficient, name=_named("noise", n))


def reset(model: Any, n: str = "n", N: str = "N") -> Term:
    """N (phi(V_R) - phi(V_F)): what leaves through the threshold comes back at once at the reset potential."""
    v_reset = model.v_reset
    return jump(n, N, lambda x: {"v": v_reset}, at={"v": model.v_fire}, name=_named("spikes", n))


def firing(model: Any, n: str = "n", N: str = "N") -> Term:
    """-N phi(V_F): what leaves through the threshold."""
    return Term(n, N, leaves, at={"v": model.v_fire}, name=_named("firing", n))


def returning(model: Any, rate: Coefficient, n: str = "n") -> Term:
    """rate x phi(V_R): what comes back at the reset potential."""
    return Term(n, None, _enters, rate, at={"v": model.v_reset}, name=_named("reset", n))


def waiting(R: str = "R", N: str = "N") -> tuple[Term, Term]:
    """dR/dt = N - R/tau: neurons enter the refractory state by firing and leave it after tau on average."""
    return (
        Term(R, N, name=_named("enter refractory state", R)),
        Term(R, None, None, lambda s, m: -getattr(s, R) / m.tau, name=_named("leave refractory state", R)),
    )
