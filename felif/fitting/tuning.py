"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """First passages: meshes, times, laws."""

    degree: int = 10  # of the elements
    parts: int = 8  # cells between the start and V_F
    growth: float = 0.6  # of cells away from the start
    widest: float = 1.25  # cell, in units of the local width of the density
    cells: int = 5000  # at most
    finest: float = 2e-3  # cell, in units of the distance to V_F
    layer: float = 8.0  # of a cell, in units of a/|f|
    left: float = 1e-12  # survival at which waiting ends
    longest_wait: float = 1e3  # time after which waiting ends, whatever is left
    grid: int = 513  # times between which quantiles are sought
    longest: float = 1e100  # of times, whose mean may be long


PASSAGE = Passage()


@dataclass(frozen=True)
class Likelihood:
    """The likelihood of intervals."""

    tol: float = 1e-8  # of the law of an interval
    floor: float = 1e-300  # density of an interval that is impossible, so that its logarithm stays a number
    step: float = 1e-4  # of differences
    laws: int = 4  # kept, of the parameters that were used last
    near: float = 0.1  # change of parameters over which a mesh is kept
    largest: int = 5000  # unknowns; what needs more is too narrow a density for measured intervals
    terms: int = 3000  # of a Fourier series, likewise
    resolution: float = 1e-2  # of the mean interval, beyond which the last digit of the times shows in the intervals
    most_entries: int = 10**7  # entries of an iterator


LIKELIHOOD = Likelihood()


@dataclass(frozen=True)
class Climb:
    """The search for the maximum of a likelihood."""

    iterations: int = 60  # at most
    matching: int = 60  # iterations that match moments, at most
    close: float = 1e-7  # squared distance from the maximum, in standard errors, at which it is reached
    nothing: float = 0.1  # times `close`: a gain by a step of one scale that is not worth it
    nearly: float = 30.0  # times `close`
    noise: float = 1e-2  # the same where differences of the likelihood lead no further
    patience: int = 8  # iterations whose gains are looked at together
    flat: float = 1e-3  # gain in log-likelihood in them that is not worth going on
    slow: float = 0.1  # such a gain, from which a valley is followed
    strides: int = 15  # along a valley
    shortest: float = 0.02  # stride, in scales
    rough: float = 1e-2  # `close` along a valley
    brief: int = 12  # iterations at a stride
    follows: int = 3  # valleys, at most
    fitting: float = 20.0  # squared distance in standard errors, beyond which laws do not fit at all
    goes_on: float = 0.2  # scales that a parameter moves meanwhile, where the likelihood has no maximum
    damped: float = 1e12  # damping at which a step leads nowhere
    creeps: float = 0.97  # of the distance left by a shortened step, where there is no way on
    apart: float = 0.3  # in log mean and log cv, from which on moments do not agree
    # smallest singular value of the normalised scores, below which parameters are not told apart
    singular: float = 1e-5
    restarts: int = 5  # from points that turn out better than the maximum
    # smallest singular value of the normalised scores below which it is said that parameters are confused
    weak: float = 5e-3
    misfit: float = 1e-4  # p-value of the distance between law and intervals below which it is said
    rounds: int = 3  # over all parameters, for intervals


CLIMB = Climb()


@dataclass(frozen=True)
class Profile:
    """Intervals from profiles of the likelihood."""

    precise: float = 4e-3  # of the square root of D, at an end of an interval
    enough: float = 1e-2  # squared distance from the maximum over the other parameters, in standard errors
    astray: float = 60.0  # D above that of the last point, beyond which a side is followed in shorter steps
    lost_it: float = 20.0  # log-likelihood below the maximum, from which the moments of the intervals lead back
    far: float = 7.0  # scales from the estimate (a factor 1000 of a positive parameter) to which a side is followed
    stride: float = 1.0  # of the search for an end, in scales
    first: float = 0.5  # stride
    short: float = 0.02  # stride that is not cut further where the likelihood falls off a cliff
    shortest: float = 1e-3  # stride
    shrink: float = 0.03  # of a stride, against the longest allowed
    grow: float = 3.0  # of a stride, against the one before
    steps: int = 80  # at most along a side
    # times where a quadratic likelihood would end, beyond which further parts of an interval are looked for
    bent: float = 1.15
    falls: float = 0.1  # of sqrt(D) outwards, from which there may be another maximum
    looks: int = 20  # strides to which further parts are looked for
    beyond: float = 3.0  # and sqrt(D) above that at the end
    overlooked: float = 0.05  # standard errors
    apart: float = 0.1  # scales between two points that give a direction
    margin: float = 0.05  # of a bracket, that the next point keeps from its ends
    better: float = 1e-2  # log-likelihood above the maximum from which on another maximum has been found


PROFILE = Profile()
