"""Compiled random numbers: xoshiro256++ bits, uniform, exponential and (ziggurat) normal variates.

The state of a generator is a row of four uint64. A normal variate costs about 3 ns, a fifth of a polar method on
Mersenne twister bits; that is what a step of a neuron costs. numba is imported at the top: import this inside
functions.

Sources: Blackman & Vigna, ACM Trans. Math. Softw. 47 (2021), sec. 5 (the generator); Marsaglia & Tsang, J. Stat. Softw.
5:8 (2000), with layer, sign and abscissa from different bits (Doornik 2005).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

LAYERS = 256
_TAIL = 3.6541528853610088  # where the lowest layer ends, for 256 layers of equal area
_UNIT = 2.0**-53


def _ziggurat() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(width of layer i per unit of a 53-bit integer, integers below which it lies under the curve, heights)."""
    height = math.exp(-0.5 * _TAIL**2)
    area = _TAIL * height + math.sqrt(math.pi / 2) * math.erfc(_TAIL / math.sqrt(2))
    edges = np.empty(LAYERS + 1)
    edges[0], edges[1] = (
        area / height,
        _TAIL,
    )  # layer 0: a rectangle, its overhang stands for the tail
    for i in range(2, LAYERS):
        edges[i] = math.sqrt(-2 * math.log(area / edges[i - 1] + math.exp(-0.5 * edges[i - 1] ** 2)))
    edges[LAYERS] = 0.0
    inner = np.floor(edges[1:] / edges[:-1] * 2.0**53).astype(np.uint64)
    return edges[:-1] * _UNIT, inner, np.exp(-0.5 * edges**2)


_WIDTH, _INNER, _HEIGHT = _ziggurat()


def streams(sequence: np.random.SeedSequence, count: int) -> np.ndarray:
    """States of `count` independent generators, shape (count, 4)."""
    return sequence.generate_state(4 * count, np.uint64).reshape(count, 4)


@njit(cache=True)
def _bits(a, b, c, d):
    """One draw of 64 bits and the next state."""
    x = a + d
    drawn = ((x << np.uint64(23)) | (x >> np.uint64(41))) + a
    t = b << np.uint64(17)
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << np.uint64(45)) | (d >> np.uint64(19))
    return drawn, a, b, c, d


@njit(cache=True)
def _open(bits):
    """A number in (0, 1) from 64 bits."""
    return (np.float64(bits >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16


@njit(cache=True)
def fill_normal(state, values, count):
    """The first `count` entries of `values` become independent standard normal variates."""
    a, b, c, d = state[0], state[1], state[2], state[3]
    for j in range(count):
        while True:
            bits, a, b, c, d = _bits(a, b, c, d)
            layer = np.int64(bits & np.uint64(255))
            whole = bits >> np.uint64(11)
            x = np.float64(np.int64(whole)) * _WIDTH[layer]
            inside = whole < _INNER[layer]
            if not inside:
                if layer == 0:
                    while True:
                        first, a, b, c, d = _bits(a, b, c, d)
                        second, a, b, c, d = _bits(a, b, c, d)
                        beyond = -math.log(_open(first)) / _TAIL
                        if -2.0 * math.log(_open(second)) > beyond * beyond:
                            break
                    x = _TAIL + beyond
                    inside = True
                else:
                    more, a, b, c, d = _bits(a, b, c, d)
                    low, high = _HEIGHT[layer], _HEIGHT[layer + 1]
                    inside = low + _open(more) * (high - low) < math.exp(-0.5 * x * x)
            if inside:
                values[j] = -x if bits & np.uint64(256) else x
                break
    state[0], state[1], state[2], state[3] = a, b, c, d


@njit(cache=True)
def uniform(state):
    """A number in (0, 1)."""
    bits, state[0], state[1], state[2], state[3] = _bits(state[0], state[1], state[2], state[3])
    return _open(bits)


@njit(cache=True)
def exponential(state):
    """An exponential variate of mean 1."""
    return -math.log(uniform(state))


@njit(cache=True)
def normal(state):
    """One standard normal variate (Box and Muller)."""
    return math.sqrt(2.0 * exponential(state)) * math.cos(2.0 * math.pi * uniform(state))
