"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OneNeuron:
    """Integrals behind the rate and the density of one neuron."""

    drop: float = 80.0  # the integrand is cut where it has fallen below e^{-40} of its largest value
    drop_of_zone: float = 60.0  # the integrand is cut where it has fallen to e^{-60} of its peak
    far: float = 1e8  # of y, where nothing is left
    nodes: int = 16  # Chebyshev points of a panel: sixteen digits
    panels_per_width: float = 2.0  # panels in the width sqrt(a) over which rates vary
    reach: int = 100  # equal panels on either side of V_F
    growth: float = 0.25  # of the logarithm of the distance, from one of the panels beyond to the next
    far_panels: int = 240  # such panels on either side: up to distances e^60 times larger


NEURON = OneNeuron()


@dataclass(frozen=True)
class Quadrature:
    """Adaptive integrals, and roots of functions that are costly to evaluate."""

    panels: int = 4  # to begin with, between two breaks
    tiny: float = 1e-305  # integrals below have no relative accuracy
    most: int = 4000  # panels at a time
    asked: int = 4000  # values of a function whose roots are looked for
    places: int = 65  # at which it is looked at first
    order: int = 20  # nodes of a panel
    most_panels: int = 1000  # whose number enters squared
    points: int = 16  # Gauss points a cell
    empty: float = 1e-15  # of max n: density below which nothing is left
    points_of_piece: int = 4  # Gauss points of a piece of a cell
    cuts: int = 16  # pieces of a cell
    points_of_step: int = 8  # Gauss points a step of the free boundary
    halvings: int = 40  # geometric halvings of the last step: the kernel is sharp where q approaches tau


QUADRATURE = Quadrature()


@dataclass(frozen=True)
class Roots:
    """All steady states of a leaky network, and their folds, from scalar equations."""

    rounding: float = 2e-15  # of f, relative to 1 + |x| + |log T|
    narrowest: float = 3e-9  # cell in x; a pair of roots closer than that is lost in rounding of f
    top: float = 1e12  # times the scale of rates, where N T -> 1 is no longer followed
    equal: float = 1e-9  # |b/W - 1| below which b is W
    first: float = 0.5  # width of the first cells in x
    step: float = 0.05  # of scans, in the logarithm of what is scanned
    largest: float = 80.0  # mu (V_F - V_R) up to which a better mu is sought


ROOTS = Roots()


@dataclass(frozen=True)
class Connectivity:
    """Stationary states of learning networks, semi-analytically."""

    scan: float = 1e-8  # accuracy of integrals while roots are looked for
    most: float = 690.0  # in a logarithm, in place of what overflows
    safe: float = 300.0  # in a logarithm of which only samples are known
    least: float = 1e-280  # activity below which no neuron fires: near the smallest numbers


CONNECTIVITY = Connectivity()


@dataclass(frozen=True)
class Noiseless:
    """The network without noise, round after round of spikes."""

    nodes: int = 256  # Chebyshev nodes of a round
    rounds: int = 20_000  # rounds, after which a blow-up is given up
    largest: float = 1e300  # of z = e^t and its slope, beyond which rounds are not followed


NOISELESS = Noiseless()


@dataclass(frozen=True)
class Agreement:
    """Tests whether a sample agrees with a law."""

    fewest: int = 10  # counts in a batch from which its mean is taken to be normal
    fewest_in_all: int = 25  # counts in all batches, below which nothing is said


AGREEMENT = Agreement()
