"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Walk:
    """Walking along curves by arc length, and what happens on the way."""

    wanted_steps: float = 4.0  # of Newton's method
    wanted_angle: float = 0.2  # between successive tangents
    largest_angle: float = 0.4  # likewise
    shortest: float = 1e-6  # step, in units of the longest
    rounds: int = 24  # of adapting the mesh to one point
    parts: float = 20.0  # steps that the range of the parameter, and of N, may take at most
    range: float = 10.0  # default bounds of a parameter, in units of max(1, |value|)
    step: float = 0.2  # unit of length of a parameter, in units of |value|
    slowest: float = 1e-3  # frequency at which a curve of Hopf points ends
    halvings: int = 12  # of a step, until what lies in it is alone
    beyond: float = 0.02  # of a step, by which its ends on different meshes may err
    third: float = 300.0  # steps of second differences, in units of those of first ones


WALK = Walk()


@dataclass(frozen=True)
class Newton:
    """Newton's method for states and for points of curves."""

    rounding: float = 1e-13  # relative change of y below which Newton has converged
    contracted: float = 0.05  # of the first step, at most, that a second one with the same Jacobian may have
    stalled: float = 1e-8  # relative change below which an iteration that no longer improves is taken for rounding
    steps: int = 8  # of Newton's method in one corrector
    close: float = 1e-7  # relative change after which, convergence being quadratic, the next would be rounding
    rounding_of_points: float = 1e-12  # relative change that is rounding where equations take differences
    kept: int = 6  # problems remembered: Newton, differences in p and stability ask for the same ones again
    near: float = 0.02  # relative change of (y, p) for which a derivative by moving nodes is used again
    step: float = 1e-5  # of central differences, relative to the size of what is moved


NEWTON = Newton()


@dataclass(frozen=True)
class Errors:
    """Error estimates of states, points and orbits."""

    margin: float = 1.05  # of what a richer space changes: it is no truth either
    floor: float = 1e-16  # of every error estimate
    negative: float = 0.1  # undershoot, relative to max n, of a density that is no solution
    safety: float = 2.0  # of a difference that estimates an error
    further: float = 1e-9  # of the tolerance: what a mesh may cut off that shows an error
    least: float = 1e-18  # and in all
    near: float = 1e-4  # relative change of a scalar with which a point of a curve is looked for
    digits: float = 1e-14  # relative, of ordinary points: sums over many unknowns
    # relative change of that scalar after which the secant method, of order 1.6, leaves rounding only
    settled: float = 1e-8
    rounding: float = 1e-11  # relative, of where a singular point lies: differences in its equations
    rounding_double: float = 1e-9  # of those at which two things happen
    rounding_of_orbits: float = 1e-10  # relative, what correctors of orbits leave
    fine: int = 21  # places on a piece of time between which extremes are looked for
    safety_of_modes: float = 1.3  # of what a richer space changes


ERRORS = Errors()


@dataclass(frozen=True)
class Search:
    """Where steady states may lie: searches without bounds, and one population by frozen coefficients."""

    lowest: float = 1e-14  # rates between which steady states are looked for
    highest: float = 1e4  # and up to here
    finest: float = 1e-4  # distance of points, in log N, at which refinement gives up
    deep: float = 40.0  # |log(out/N)| beyond which it does not matter
    same: float = 1e-6  # relative distance of states that are one
    turning: float = 3e-2  # part of the largest change along a symmetry, from which a number changes with it
    turned: float = 0.4  # how far along it that is looked at, too
    strides: int = 40  # along log N
    tries: int = 30  # of the secant method at one N
    most_of_many: int = 150_000  # boxes of four populations and more that are looked at
    starts: int = 64  # of searches without bounds, times the number of scalars
    frozen_starts: int = 12  # the same where every look costs a linear system
    steps: int = 40  # of a search
    close: float = 1e-5  # distance of candidates, in log N
    n_max: float = 20.0  # total activities up to which steady states are looked for
    scan: int = 100  # activities at which lines are looked at
    serves: float = 0.05  # |log(out/s)| at a candidate s, below which the mesh at hand serves there
    near: float = 0.03  # relative distance of a state from its candidate
    small: float = 1e-14  # rates below it are lost in rounding
    agrees: float = 0.1  # of the tolerance: how far a state may be from the closed form, without an error estimate


SEARCH = Search()


@dataclass(frozen=True)
class Boxes:
    """Branch and bound over boxes of rates."""

    lowest: float = -200.0  # log of a rate that counts as none; log_rate returns no less
    sweeps: int = 4  # contractions before slopes are looked at
    few: int = 4  # boxes, times neurons, for which slopes say more than another contraction
    shrink: float = 0.7  # of its widths, to which a box must have shrunk not to be cut
    # widths, in log N and of the input in units of the noise, of boxes that are given up
    smallest: tuple[float, ...] = (3e-6, 3e-4)
    thin: float = 1e-9  # what is not cut further
    # the boxes that one rate starts from: their lowest end, in log N, and how many
    first: tuple[float, ...] = (-35.0, 100)
    batch: int = 4096  # boxes that are looked at together
    last: float = 0.05  # weight of cutting a rate and not the input that it follows
    newton: int = 25  # steps from the centre of a box
    rounding: float = 1e-12  # relative, of bounds
    large: float = 1e100  # stands for slopes that overflow
    exact: float = 1e-8  # error of log r below which it is that of a closed form


BOXES = Boxes()


@dataclass(frozen=True)
class Spectra:
    """Eigenvalues at steady states: dense, by Krylov spaces, counted by the argument principle."""

    dense: int = 600  # unknowns up to which all eigenvalues are computed
    found: float = 1e-8  # residual, relative, of an eigenpair that Newton has reached
    away: float = 1e3  # where deflation puts the zeros of conserved quantities: to -1e3
    most: int = 1000  # modes of a problem with delays
    further: float = 0.01  # mass below V_min, in units of tol, per mode
    far: int = 12  # number of modes up to which it falls
    attempts: int = 4  # at a mesh on which the modes meet the tolerance
    defective: float = 1e6  # condition from which an eigenvalue counts as nearly defective
    steps: int = 8  # of Newton on one eigenpair
    polished: float = 1e-13  # relative change of an eigenvalue at which Newton stops
    zero: float = 1e-8  # size of an eigenvalue that cannot be told from the conserved zeros
    krylov: int = 40  # vectors of Arnoldi's method for multipliers
    inverse_steps: int = 60  # of inverse iteration for a Hardy/Poincare constant
    enriched: int = 5  # times
    near: float = 1e-4  # relative change of the quotient from which it serves as the shift
    shifts: int = 4  # that many times


SPECTRA = Spectra()


@dataclass(frozen=True)
class Stability:
    """Leading eigenvalues along a branch."""

    small: int = 60  # unknowns up to which all eigenvalues cost less than a Krylov space
    # unknowns up to which all eigenvalues are computed where a few are not certain, or of several densities
    dense: int = 350
    krylov: int = 60  # vectors
    # real part right of which eigenvalues are counted: scalars without their own decay have a zero in B
    edge: float = 1e-7
    turn: float = 0.75  # largest relative change of the determinant between successive heights
    points: int = 400  # heights, at most
    # height over depth of a border at least, so that it stays away from eigenvalues of B, which are real
    wide: float = 0.4
    # |D| on the axis, from which a state that is known to a thousandth has its own number of unstable modes
    aside: float = 0.02
    near_one: float = 0.8  # |D - 1| on a border where it does not turn
    closed: float = 0.1  # of a turn that may be missing above the last
    rounding: float = 1e-9  # of a real or imaginary part that is none, relative to 1 + |lambda|
    away: float = -1e3  # where deflation puts the conserved zeros: far below every eigenvalue looked at


STABILITY = Stability()


@dataclass(frozen=True)
class DelayedModes:
    """Modes of problems with delays, counted by the turns of D(lambda) = det(1 - K Z)."""

    fitted: float = 1e-10  # error of the interpolant, relative to the largest |K|
    followed: float = 1e-4  # error of D, relative, with which its turns are counted
    small: float = 0.9  # |Z K| below which D does not turn
    turn: float = 0.6  # largest relative change of D between successive points of a line
    samples: int = 600  # of K on its lines
    most: int = 200_000  # points of a line
    starts: int = 5000  # of Newton's method at once, at most
    circle: int = 24  # points of a circle
    same: float = 1e-7  # relative distance at which two zeros are one
    left: float = 14.0  # of -Re lambda d where K is of order one: exp of it magnifies errors of K
    inside: float = 0.97  # of the size of Z K beyond which D may turn at any height
    attempts: int = 8  # rounds of looking
    divided: int = 400  # starts of Newton's method with the known zeros divided out
    densest: float = 4.0  # starts of Newton's method per 1/d of height


MODES = DelayedModes()


@dataclass(frozen=True)
class PlaneModes:
    """Modes over (v, w)."""

    kept: int = 500  # modes of lines that are coupled exactly; the others to first order around the leading eigenvalue
    largest: float = 3e7  # numbers in the matrices of all lines
    shift: float = 1.0  # of shift-and-invert with transport: right of what is stable
    dense: int = 1500  # unknowns up to which all eigenvalues are computed
    difference: float = 1e-5  # step of the differences that make Jacobian-vector products of transport
    small: float = 1e-7  # the same for a single unknown, which may stand where there is almost no density
    moving: float = 1e-3  # mass that a state at rest may move in a unit of time


PLANES = PlaneModes()


@dataclass(frozen=True)
class Orbits:
    """Periodic orbits by collocation."""

    points: int = 5  # Radau points of a piece
    pieces: int = 16  # at first
    most_pieces: int = 160  # at most
    rounds: int = 6  # of meshes for one orbit
    unit: float = 0.25  # of the way to the target, as a length
    longest: float = 1.0  # step
    shortest: float = 1e-4  # step
    away: float = -1.0  # of the way to the target: orbits that have gone so far to the other side are given up
    hit: float = 1e-14  # distance from a node at which a function has the value there
    still: float = 1e-12  # relative range of a scalar that is constant
    difference: float = 1e-6  # in theta: what it leaves out of the derivative, further iterations make good
    near: float = 1e-3  # a step so small, relative to the orbit, leaves the derivative as it is for the next
    newton: int = 10  # iterations


ORBITS = Orbits()
