"""Random numbers: words of 64 bits, numbers in (0, 1), exponential and (ziggurat) normal variates, arrays at a time.

A generator is a place on a Weyl sequence of 64 bits, and its words are the places it passes, mixed (SplitMix64). Any
word is found without those before it, so that neurons may be worked on in any order, by any number of threads: in step
s neuron i of n begins with word s n + i of the network, and what else it needs in that step it draws from the generator
that begins with this word. The compiled core (random.h) draws the same numbers.

Sources: Steele, Lea & Flood, OOPSLA 2014 (the generator, with the mixing of Stafford's variant 13); Marsaglia & Tsang,
J. Stat. Softw. 5:8 (2000), with layer, sign and abscissa from different bits (Doornik 2005).
"""

from __future__ import annotations

import math

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_LAYERS = 256
_TAIL = 3.6541528853610088  # where the lowest layer ends, for 256 layers of equal area
_ONE = np.uint64(0x3FF0000000000000)  # the bits of 1.0


def _ziggurat() -> np.ndarray:
    """Rows (width of the layer, part of it that lies under the curve, height at which it begins), shape (257, 3)."""
    height = math.exp(-0.5 * _TAIL**2)
    area = _TAIL * height + math.sqrt(math.pi / 2) * math.erfc(_TAIL / math.sqrt(2))
    edges = np.zeros(_LAYERS + 1)
    edges[:2] = area / height, _TAIL  # layer 0: a rectangle, its overhang stands for the tail
    for i in range(2, _LAYERS):
        edges[i] = math.sqrt(-2 * math.log(area / edges[i - 1] + math.exp(-0.5 * edges[i - 1] ** 2)))
    parts = np.append(edges[1:] / edges[:-1], 0.0)
    return np.column_stack([edges, parts, np.exp(-0.5 * edges**2)])


ZIGGURAT = _ziggurat()
_EDGE, _PART, _HEIGHT = np.ascontiguousarray(ZIGGURAT.T)


def generator(sequence: np.random.SeedSequence) -> np.ndarray:
    """The place where a generator begins, shape (1,): all of its state."""
    return sequence.generate_state(1, np.uint64)


def mixed(places: np.ndarray) -> np.ndarray:
    """Words of 64 bits."""
    z = (places ^ (places >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


def words(place: np.ndarray, first: int, last: int) -> np.ndarray:
    """Words first ... last - 1 of a generator, which stays where it is."""
    return mixed(place + np.arange(first + 1, last + 1, dtype=np.uint64) * GOLDEN)


def drawn(generators: np.ndarray, who: np.ndarray) -> np.ndarray:
    """The next word of the generators `who`."""
    generators[who] += GOLDEN
    return mixed(generators[who])


def uniform(generators: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Numbers in (0, 1) from the generators `who`."""
    return ((drawn(generators, who) >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53


def exponential(generators: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Exponential variates of mean 1 from the generators `who`."""
    return -np.log(uniform(generators, who))


def _first_try(word: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(variate, whether it lies under the curve for certain, layer)."""
    layer = (word & np.uint64(_LAYERS - 1)).astype(np.intp)
    u = ((word >> np.uint64(12)) | _ONE).view(float) - 1.0
    x = u * _EDGE[layer]
    return np.where(word & np.uint64(256), -x, x), u < _PART[layer], layer


def normals(word: np.ndarray) -> np.ndarray:
    """The standard normal variate that belongs to each word."""
    values, inside, layer = _first_try(word)
    who = np.flatnonzero(~inside)
    more, layer = ~word, layer[who]  # what a word cannot decide its own generator does
    while who.size:
        for k in who[layer == 0]:
            values[k] = math.copysign(_beyond(more, np.array([k])), values[k])
        who, layer = who[layer > 0], layer[layer > 0]
        height = _HEIGHT[layer] + uniform(more, who) * (_HEIGHT[layer + 1] - _HEIGHT[layer])
        who = who[height >= np.exp(-0.5 * values[who] ** 2)]
        values[who], inside, layer = _first_try(drawn(more, who))
        who, layer = who[~inside], layer[~inside]
    return values


def _beyond(more: np.ndarray, who: np.ndarray) -> float:
    """The modulus of a variate from the tail."""
    while True:
        beyond = float(exponential(more, who)[0]) / _TAIL
        if 2.0 * float(exponential(more, who)[0]) > beyond * beyond:
            return _TAIL + beyond
