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
    behind_kinks: float = 1 / 64  # of the step: with all of it runs with delays were 3 times less accurate
    part: int = 8192  # numbers of a state that are worked on at once
    reserve: float = 0.9  # of the largest step: the explicit part changes within it
    nearly_singular: float = 0.1  # margin below which a large rate is taken for blow-up whatever law it follows
    clock_ulps: int = 1024  # distance to a pole in numbers of the clock, below which it cannot be approached further


STEPPING = Stepping()


@dataclass(frozen=True)
class Control:
    """The control of the step, in the loop and in the compiled core, which is given these numbers."""

    floor: float = 1e-2  # rate below which accuracy relative to it would cost steps and mean nothing
    count: float = 1e-3  # of the neurons: N from data that do not vanish at V_F is not followed through steps of 1e-6
    rising: float = 1e-5  # the same where N rises: on the way to a blow-up few spikes decide when it comes
    arriving: float = 0.4  # of rtol, for the flux that the drift carries to V_F: what is wrong early arrives wrong
    first: float = 0.01  # of the shortest time in which anything changes by itself: the first step
    first_of_span: float = 0.01  # of the time to be covered, the same
    from_nothing: float = 1e-4  # of the time to be covered: the time in which y = 0 changes
    safety: float = 0.9  # the law of the error holds to leading order only
    smallest: float = 0.2  # factor between two steps
    largest: float = 6.0
    after_first: float = 1e3  # the first step is a cautious guess
    upward: float = 0.3  # power of a trend upwards that is believed: all of it would be refused too often
    least_error: float = 1e-6  # smaller ones are luck
    least_first_error: float = 1e-15  # rounding: the first step may be far too short
    least_kept: float = 1e-2  # of the error that the next one is compared with
    refused_smallest: float = 0.1  # factor after a step that was refused
    refused_largest: float = 0.9
    failed: float = 0.25  # factor after a step that could not be made
    whole: float = 1e-10  # of a step: what is left of the way is taken with it
    shortest_ulps: float = 8.0  # numbers of the clock in a step, below which no step is made
    first_ulps: float = 64.0  # the same for the first step
    layer: float = 1024.0  # such first steps, within which one may be as short and have a larger error
    longer: float = 1.1  # times the shortest step, as long as one is: rounding
    first_change: float = 0.1  # error of a shortest step that is accepted, relative to max n
    rounding: float = 1e-11  # relative change of a conserved quantity in a step, below which it is rounding


CONTROL = Control()


@dataclass(frozen=True)
class Watch:
    """The law of N on the way to a blow-up."""

    kept: int = 64  # steps of it that are kept whole
    least: float = 0.05  # of the tolerance, which the error of a step counts as where it is small by luck
    long: float = 30.0  # factor of N over which the law is fitted
    short: float = 5.0  # the same, lately
    nearly: float = 0.99  # of N, from which it has not fallen on a new mesh but is read there otherwise
    near: float = 0.05  # of the exponent to 1/2; 0.01 to 0.03 measured for networks with constant noise


WATCH = Watch()


@dataclass(frozen=True)
class Past:
    """The past of delayed problems."""

    # multiples of a delay at which the solution is less smooth than the order of any scheme here
    breaking_points: int = 6
    sums: int = 100  # of delays, beyond which longer ones are left to the control of the error
    same: float = 1e-12  # relative difference of times that are one
    panels: int = 50  # of the quadrature of a given past


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
