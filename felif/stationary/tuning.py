"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AtRest:
    """One leaky population at rest: all of its rates."""

    highest: float = 1e4  # rates that are looked for
    lowest: float = -400.0  # log of a rate below all that are told apart: `LinearNeuron` knows none below e^-313
    silent: float = -300.0  # log of a rate that is given as 0
    shrink: float = 0.7  # of its width, to which a box must have shrunk not to be cut
    narrow: float = 0.5  # width from which the slope in a box is looked at
    rounds: int = 200  # of cutting boxes
    small: float = 1e-6  # boxes that are given up: two rates meet there, to rounding
    steps: int = 50  # of Newton's method, or bisection
    pad: float = 1e-11  # of bounds: rounding in T


REST = AtRest()


@dataclass(frozen=True)
class Response:
    """Numbers of steady states, response and fluctuations."""

    margin: float = 1.05  # of the bar: what is of higher order
    share: float = 0.6  # of the indicators that the marked cells hold together
    tol: float = 1e-8  # of what is computed of one neuron
    chunk: int = 2000  # points at a time
    serves: float = 1e-3  # relative: what N may be off on a mesh where modes are counted (see `counted`)
    sent: int = 100  # points that go to an executor at a time
    step: float = 3e-3  # of differences in a parameter, relative to its size or to 0.3
    safety: float = 1.3  # of what a richer space changes
    rounds: int = 3  # of richer spaces
    steady: float = 1e-6  # relative change of a state by Newton's method up to which it is steady


RESPONSE = Response()
