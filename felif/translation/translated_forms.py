"""Forms of the language as forms of the fast engines: of places x[0], x[1] and slopes grad[0], grad[1].

Each is made once of each function, so that two forms are told apart by being the same object.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from .weak_form import Slopes

_FORMS = 512  # the latest are kept


def tested(phi: Any, x: Any) -> Any:
    return phi


def lost(phi: Any, x: Any) -> Any:
    return -phi


def product(u: Any, phi: Any, x: Any) -> Any:
    return u * phi


def itself(u: Any, x: Any) -> Any:
    return u


def wrapped(form: Callable[..., Any], of: str, axes: tuple[str, ...]) -> Callable[..., Any]:
    """A form of the language as one of `of`: "phi", "u, phi", "1, phi" or "u, 1", at x[0], x[1]."""
    try:
        return _wrapped_once(form, of, axes)
    except TypeError:  # a form without a hash
        return _wrapped_once.__wrapped__(form, of, axes)


@lru_cache(_FORMS)
def _wrapped_once(form: Callable[..., Any], of: str, axes: tuple[str, ...]) -> Callable[..., Any]:
    if of == "phi":
        return lambda phi, x: form(_named(phi), _places(x, axes))
    if of == "1, phi":
        return lambda phi, x: form(1.0, _named(phi), _places(x, axes))
    if of == "u, 1":
        return lambda u, x: form(_named(u), 1.0, _places(x, axes))
    return lambda u, phi, x: form(_named(u), _named(phi), _places(x, axes))


def _places(x: Any, axes: tuple[str, ...]) -> SimpleNamespace:
    """x[0] as x.v, x[1] as x.w."""
    return SimpleNamespace(**dict(zip(axes, x, strict=False)))


class _Named(np.ndarray):
    """Values at points with `.grad["v"]`; what is computed from them has none."""


def _named(u: Any) -> Any:
    if not isinstance(u, np.ndarray) or (grad := getattr(u, "grad", None)) is None:
        return u
    named = np.asarray(u).view(_Named)
    named.grad = Slopes(grad)
    return named
