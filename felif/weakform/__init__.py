"""The language of models over any axes: axes, indices, unknowns, and terms that say what leaves and where it lands.

A model has a method `equations()` that returns `Equations`. An unknown is a function of the axes and indices `over`
which it lives, a number where there are none:

    "evolves"  d/dt (u, phi) = sum of its terms, for every test function phi
    "equals"   (u, phi) = sum of its terms: an integral, a trace, an order parameter, the input of a population
    "holds"    the Lagrange multiplier of `of` = 0 at a place of an axis: the flux that leaves there, felif's N

One rule says what a term means: it lives on the union of the axes of `into`, of `of`, of `at`, and of those functions
that its coefficient reads; it is summed over the axes that `into` lacks, and what lacks an axis is constant along it.
`lands` is a map of places: what leaves at x enters at lands(x), int r u [phi(lands(x)) - phi(x)], so that a jump
conserves whatever it moves. Natural boundary conditions are those of no flux.
"""

from .equations import TAKEN, Condition, Conserved, Equations
from .terms import Term, d, drift, exchange, jump, noise
from .unknowns import Axis, Delayed, Given, Index, Unknown

__all__ = [
    "TAKEN",
    "Axis",
    "Condition",
    "Conserved",
    "Delayed",
    "Equations",
    "Given",
    "Index",
    "Term",
    "Unknown",
    "d",
    "drift",
    "exchange",
    "jump",
    "noise",
]
