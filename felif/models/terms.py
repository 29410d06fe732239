"""Terms that several models share. Signs are those of d/dt (n, phi) = ..., after one integration by parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..weakform import Term, dv

Coefficient = Callable[[Any, Any], Any]


def _named(name: str, unknown: str) -> str:
    """Term names of models with several populations say which one."""
    return name if unknown in ("n", "p", "R") else f"{name} of {unknown}"


def drift(function: Callable[[Any], Any], field: str = "n") -> Term:
    """(f(v) n, phi'): the motion of a single neuron."""
    return Term(_named("drift", field), into=field, of=field, form=lambda n, phi, x: function(x[0]) * n * dv(phi))


def current(coefficient: Coefficient, field: str = "n") -> Term:
    """m (n, phi') with m = I + b N: external and recurrent current."""
    return Term(
        _named("current", field), into=field, of=field, form=lambda n, phi, x: n * dv(phi), coefficient=coefficient
    )


def noise(coefficient: Coefficient, field: str = "n") -> Term:
    """-a (n', phi') with a = a0 + a1 N."""
    return Term(
        _named("noise", field), into=field, of=field, form=lambda n, phi, x: -dv(n) * dv(phi), coefficient=coefficient
    )


def firing(coefficient: Coefficient, field: str = "n") -> Term:
    """-N phi(V_F): what leaves through the threshold."""
    return Term(_named("firing", field), into=field, form=lambda phi, x: -phi, coefficient=coefficient, over="firing")


def reset(coefficient: Coefficient, field: str = "n") -> Term:
    """+ rate x phi(V_R): what comes back at the reset potential."""
    return Term(_named("reset", field), into=field, form=lambda phi, x: phi, coefficient=coefficient, over="reset")


def recovery(scalar: str = "R", rate: str = "N") -> tuple[Term, Term]:
    """dR/dt = N - R/tau: neurons enter the refractory state by firing and leave it after tau on average."""
    return (
        Term(_named("enter refractory state", scalar), into=scalar, coefficient=lambda s, m: getattr(s, rate)),
        Term(
            _named("leave refractory state", scalar), into=scalar, coefficient=lambda s, m: -getattr(s, scalar) / m.tau
        ),
    )
