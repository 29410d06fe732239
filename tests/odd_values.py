"""Values that are no right argument of anything much, or right where nobody expects it, and how they fare."""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import felif as fl


class Rude:
    """An object whose every question raises."""

    def _no(self, *_: Any) -> Any:
        raise RuntimeError("rude")

    __repr__ = __str__ = __float__ = __int__ = __len__ = __iter__ = __eq__ = __bool__ = __call__ = __array__ = _no
    __hash__ = object.__hash__


def within_itself() -> list:
    one: list = []
    one.append(one)
    return one


def endless() -> Iterator[float]:
    while True:
        yield 1.0


PLAIN = (
    None, True, False, "", "x", "nan", b"x", 0, 1, -1, 3, 0.5, -0.5, 1e-300, 1e300, -1e300, 2**63, -(2**63), 10**400,
    math.nan, math.inf, -math.inf, 1j, np.float64("nan"), np.float32(0.5), np.int64(2), np.array(0.5),
    np.array([1.0, 2.0]), np.zeros((2, 2)), np.array([]), np.array(["a"]), np.array([None]), [], [1, 2],
    [[1], [2, 3]], ["a"], (), (1, 2, 3),
    {}, {"a": 1}, set(), object(), int, lambda: 0, lambda t: "x", lambda t: math.nan, Path("nowhere"), ..., range(3),
    iter([1.0]),
    # numbers that are none, texts that are numbers, arrays that are not what they look like
    -0.0, 5e-324, 1e-12, 1e9, 1e15, 2.0, 1.0000000000000002, 2**31, -3, 10**6, "1.0", "N", "b", "\0", "\ud800", "a\nb",
    "../x", "x" * 5000, bytearray(b"1"), memoryview(b"1"), decimal.Decimal("0.5"), fractions.Fraction(1, 2),
    datetime.timedelta(1), np.datetime64("2020-01-01"), np.timedelta64(1, "s"), np.bool_(True), np.str_("N"),
    np.complex128(0.5), np.longdouble(0.5), np.array([1.0, np.nan]), np.array([np.inf]), np.array([2.0, 1.0]),
    np.array([1.0, 1.0]), np.array([-1, 0]), np.array([True, False]), np.array([1j]), np.array([[0.5]]),
    np.zeros((0, 3)), np.zeros((1, 1, 1)), np.ma.masked_array([1.0, 2.0], [True, False]), np.ma.masked,
    np.array([1e308, 1e308]), np.array([10**400], object), np.recarray((2,), dtype=[("a", float)]),
    # containers, functions and objects
    [None], [[]], [1.0, "a"], [math.nan, 1.0], [math.inf], [10**400], [[0.1, 0.2], [0.3, 0.4]], (0.5,), (2.0, 1.0),
    (-1.0, 1.0), (None, None), ("b", "a0"), {"v": 1.0}, {"N": 0.5}, {1: 2}, {"a": None}, {"b": [0.1, 0.2]}, {0.5},
    frozenset({"b"}), {"n": np.ones_like}, {}.keys(), slice(3), NotImplemented, Exception("x"),
    fl.NoisyLIF, lambda x: x, lambda x, y: x + y, lambda *a: None, lambda *a: [],
    lambda *a: 1e300, lambda *a: np.ones(7), lambda x: 1 / 0, lambda x: 1j, lambda x: x > 0,
    fl.Gaussian(0.0, 0.25), fl.Uniform(-1.0, 0.0), fl.Rodas5P(), fl.SpectralElement(3), fl.Piecewise([1.0], [0.0, 1.0]),
    fl.NoisyLIF(b=0.5), fl.WilsonCowan(k=[[0.5]]), fl.Leaky(), fl.Continue(), fl.Event("x", lambda s: 1.0),
    Rude(), threading.Lock(), np.random.default_rng(1), Path("."), Path("/proc/nowhere/x"),
)  # fmt: skip
MADE: tuple[Callable[[], Any], ...] = (within_itself, endless, lambda: (x for x in "ab"), lambda: map(float, "12"))
ODD = (*((lambda value=value: value) for value in PLAIN), *MADE)  # each is made anew: iterators end
RAW = ("truth value of", "could not convert", "setting an array element", "shape mismatch")


SECONDS = 20


class Late(Exception):
    pass


def own_error(error: BaseException) -> bool:
    """Whether a function of the user raised it: that reaches the user as it is."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = frames[-1].filename.endswith(
        ("densities.py", "parameters.py", "drifts.py")
    )  # Uniform, Piecewise, Leaky, asked for other things
    given = ours and frames[-1].name == "__call__"
    own = given or Path(frames[-1].filename).name.startswith(("public_", "odd_values"))
    return own or "positional argument" in str(error)  # a function that is called with what it does not take


def watched() -> list[tuple[int, Any]]:
    """From now on what lasts too long ends as Late; returns the handlers that were there."""

    def late(*_: Any) -> None:
        raise Late

    return [(one, signal.signal(one, late)) for one in (signal.SIGALRM, signal.SIGPROF)]


def outcome(function: Callable, arguments: dict[str, Any]) -> tuple[str, str]:
    """("taken" | "refused" | "wrong", what is said)."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of work, however busy the machine is
    signal.alarm(20 * SECONDS)
    try:
        function(**arguments)
    except (ValueError, fl.NotConverged) as error:
        raw = [word for word in RAW if word in str(error) and "allowed" not in str(error)]
        bad = (raw and not own_error(error)) or "np.float" in str(error)
        return "wrong" if bad else "refused", str(error)
    except Late:
        return "wrong", "it does not end"
    except Exception as error:
        own = own_error(error) or isinstance(error, FileNotFoundError)
        return "refused" if own else "wrong", f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    return "taken", ""


def said_of(value: Any) -> str:
    try:
        return f"{type(value).__name__} {value!r:.50}"
    except Exception:
        return type(value).__name__
