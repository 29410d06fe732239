"""Whether two functions, models or settings are the same is told by what they compute, however they are made."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
import pytest
from scipy.interpolate import CubicSpline, PchipInterpolator

import felif as fl
from felif.given.identity import told


class Slots:
    __slots__ = ("gain",)

    def __init__(self, gain):
        self.gain = gain

    def __call__(self, t):
        return self.gain * t


def of_a_class(gain):
    class Current:
        factor = gain

        def __call__(self, t):
            return self.factor * t

    return Current()


class Compiled:
    """A function as compilers of functions return it: the Python function is kept beside the machine code."""

    def __init__(self, function):
        self.py_func, self.machine_code = function, object()

    def __call__(self, t):
        return self.py_func(t)


def compiled(gain):
    return Compiled(lambda t: gain * t)


MADE = {
    "a spline": lambda x: CubicSpline([0, 1, 2, 3], [0, 1, 2, x]),
    "a monotone spline": lambda x: PchipInterpolator([0, 1, 2, 3], [0, 1, 2, x]),
    "an object with slots": Slots,
    "an object with a constant of its class": of_a_class,
    "a compiled function": compiled,
    "a function that remembers": lambda x: functools.lru_cache(lambda t: x * t),
    "a method of a table": lambda x: {0.0: x}.get,
    "an array without axes": lambda x: np.array(x),
    "bytes": lambda x: bytes([int(x)]),
    "a fraction": lambda x: Fraction(int(x), 7),
}


@pytest.mark.parametrize("kind", MADE)
def test_equal_objects_are_told_alike_and_others_apart(kind):
    make = MADE[kind]
    assert told(make(1.0)) == told(make(1.0)) != told(make(5.0))


def test_a_folder_does_not_answer_for_another_spline(tmp_path):
    def run(end):
        problem = fl.discretize(fl.NoisyLIF(current=CubicSpline([0, 1, 2, 3], [0, 1, 2, end])), tol=1e-3)
        return fl.evolve(problem, fl.Gaussian(0.0, 0.25), 0.1, rtol=1e-3, folder=tmp_path / "run", resume=True)

    assert run(1.0).final.N == run(1.0).final.N
    with pytest.raises(ValueError, match=r"another run: model\.current = CubicSpline"):
        run(5.0)


def test_what_holds_itself_is_told():
    one: list = [1.0]
    one.append(one)
    assert told(one) == [1.0, "itself"]
    assert told({"a": one, "b": one}) == {"a": [1.0, "itself"], "b": [1.0, "itself"]}
