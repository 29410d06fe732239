"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stepping:
    """Steps, and what is done between them."""

    capacity: int = 64  # steps of a burst
    most_bursts: int = 400  # of 64 steps
    coarsened_every: int = 8  # steps between two looks at whether the mesh could do with fewer cells
    # the most, where N rises as towards a blow-up: the pause doubles after looks in vain, each as costly as thirty
    # steps
    coarsened_after: int = 32
    first_ulps: int = 64  # shortest step, in numbers of the clock
    first_change: float = 0.1  # error of a shortest step that is accepted, relative to max n
    behind_kinks: float = 1 / 64  # of the step: with all of it runs with delays were 3 times less accurate
    part: int = 8192  # numbers of a state that are worked on at once
    reserve: float = 0.9  # of the largest step: the explicit part changes within it
    rounding: float = 1e-11  # relative change of a conserved quantity in a step, below which it is rounding
    nearly_singular: float = 0.1  # margin below which a large rate is taken for blow-up whatever law it follows
    clock_ulps: int = 1024  # distance to a pole in numbers of the clock, below which it cannot be approached further


STEPPING = Stepping()


@dataclass(frozen=True)
class Past:
    """The past of delayed problems."""

    # multiples of a delay at which the solution is less smooth than the order of any scheme here
    breaking_points: int = 6
    sums: int = 100  # of delays, beyond which longer ones are left to the control of the error
    same: float = 1e-12  # relative difference of times that are one
    panels: int = 50  # of the quadrature of a given past
    slope: float = 1e-5  # time over which the slope of a given past is taken, so that a kink is felt no longer
    kink: float = 1e-2  # difference of slopes over this time, relative, from which there is a kink


HISTORY = Past()


@dataclass(frozen=True)
class Laplace:
    """Inversion of Laplace transforms: windows of time on contours, Fourier series where f is narrow."""

    ratio: float = 3.0  # longest time of a window over its shortest, where f does not fall steeply
    lowest: float = 0.01  # l^2/4t below which all windows have the same shape
    steps: int = 60  # of bisections for a time
    period: float = 1.3  # of a Fourier series, in units of where f has vanished
    most: int = 20_000  # terms
    chunk: int = 40  # terms computed together
    block: int = 1000  # terms evaluated together
    agree: float = 1e4  # of f where windows meet: times the accuracy asked for
    rounding: float = 1e-13  # of f, relative, per mean
    rarest: float = 1e9  # mean time, in units of 1 and of l^2: rounding is then a relative error of about 1e-6
    narrow: float = 0.13  # cv^2 below which f is a Fourier series
    vanished: float = 40.0  # f is extrapolated, not computed, before it has reached e^-40 of its peak
    # the same for a Fourier series, whose error is relative to the peak; after the peak, too
    vanished_narrow: float = 24.0


LAPLACE = Laplace()
