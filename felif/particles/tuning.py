"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """Steps of a network of neurons, and how kicks outrun noise."""

    steady: float = 0.5  # longest kicks in units of sqrt(2 a0 h), while the rate is steady
    strength: float = 0.1  # and while it grows
    change: float = 0.1  # of a rate or of the noise in a step, relative, from which it grows
    meanwhile: float = 20.0  # steps over which rates are averaged
    counted: int = 50  # spikes in a step from which its rate is trusted
    deepest: int = 20  # halvings of a step
    longest: float = 200.0  # spikes per neuron after which a synchronous spike that has not ended is called eternal
    negligible: float = 28.0  # crossings of probability below e^-28 are not drawn
    batches: int = 20  # groups of neurons of one network whose rates are kept apart
    chunk: int = 2048  # neurons that share a generator, at most
    alone: int = 20_000  # below so many neurons a step is too short for two threads
    events: int = 100_000  # that are kept
    heard: int = 100  # spikes over which the activity is averaged, for the drift
    learned: int = 500  # and for the learning rule
    longest_average: float = 0.02  # and the longest time it is averaged over
    apart: float = 6.0  # least distance of V_F and V_min in standard deviations of a step, in which one of them is met
    every: float = 2.0  # seconds between files at least
    share: float = 0.05  # of the time that may be spent on them


NETWORK = Network()


@dataclass(frozen=True)
class Planning:
    """What simulations need, and what is refused."""

    most_neurons: int = 10**9  # neurons: 8 GB of potentials
    most_steps: float = 1e8  # of a simulation: hours
    most_bytes: float = 1.5e9  # of what is kept of every step
    resolved: float = 0.05  # longest step in units of the time in which the drift changes
    most_steps_of_one: int = 10_000_000  # ten seconds
    unnoticed: float = 1e-3  # part of a neuron's time by which the time that a drift needs to run away may be wrong
    points: int = 8192  # of a table, at least
    most: int = 1 << 20  # and at most
    places: int = 20_001  # of a table that inverts a distribution function
    consistent: float = 1e-3  # fraction of neurons by which a silent state may differ from its history
    # how far below V_F a density is looked for that does not say where it is, in units of V_F - V_R
    reach: float = 60.0
    bars: int = 40  # of a histogram


PLANNING = Planning()


@dataclass(frozen=True)
class Exact:
    """Neurons without noise, from spike to spike."""

    degree: int = 24  # of the polynomial that stands for the current on a piece of time
    small: float = 1e-14  # of its last coefficients, relative to the largest
    shortest: float = 1e-13  # piece, in units of the whole: where the current jumps without saying so
    most: int = 10_000_000  # spikes


EXACT = Exact()
