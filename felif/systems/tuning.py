"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Meshes:
    """Cells of any axis."""

    smallest: float = 1e-9  # cell, in units of the whole axis
    # the same of data along an axis of transport, or of its scale where that is the only axis
    smallest_of_jumps: float = 1e-2
    nearly: float = 0.1  # of the tolerance, from which cells are split, too, when any is: they would be next
    small: int = 1000  # unknowns, up to which another mesh costs more than steps with more cells
    most: int = 400  # cells along an axis
    # of cells towards a place where densities are not smooth, to the power that its axis states
    shrinking: float = 0.12
    furthest: float = 1e3  # of an axis without an end on which nothing decays, in units of its scale
    noticed: float = 1e-3  # of the last cell: what is less is not worth another one
    about: float = 1.5  # widths of cells that differ by less count as the same
    growth: float = 1.4  # of cells towards an infinite end
    first_cells: int = 12  # between two named places, at first
    samples: int = 4000  # of an axis without an end, among which that is looked for
    graded: float = 5000.0  # times tol: the smallest cell next to a place where a density is not smooth, see `Axis`
    # of the largest value of a density: what a mesh that shows the error of another one may end at
    least: float = 1e-14
    nothing: float = 1e-300  # what stands for 0 where something is divided by it
    # tolerance that cells between the ends of an only axis of transport serve, and the power by which
    # others take more
    coarsest: float = 1e-2
    transport: float = -1 / 6
    # what several cells lack both of a coefficient and of a density adds up: with 1 N was off by 1 to 4 tol
    several: float = 3.0


MESHES = Meshes()


@dataclass(frozen=True)
class States:
    """Initial states, states at rest and algebraic unknowns."""

    rounds: int = 30  # of splitting cells until densities are resolved
    halvings: int = 45  # of a cell in which data jump, for its moments
    moments: float = 1e-13  # error of these, over the width of what is halved
    jump: float = 1e-2  # of the largest value: between two sides of a node, or of a cell's moments, what counts as one
    intervals: int = 10_000  # of which no more are halved
    kept: int = 8  # initial states of the same system: a run that is made again starts from what is known
    negative: float = 1e-9  # relative: what of a density may lie below zero
    continuous: float = 1e-6  # of a past, where its derivative is heard
    vanishes: float = 1e-8  # of a density where it is held at zero, over its largest value
    still: int = 3  # steps of rounding, of the largest unknown, after which the smallest have converged, too
    steps: int = 60  # of Newton's method
    beyond: float = 1e-8  # of algebraic unknowns: a change that is not halved, whatever it leads to
    frozen: int = 24  # starts with a linear system each
    pins: int = 3  # times that a state at rest is solved for, pinned by the one before, until it is one to rounding
    below: float = 0.1  # of the largest value: densities further below zero are at rest nowhere near
    free: int = 60  # starts of numbers alone
    sizes: tuple[float, ...] = (-2.0, 1.5)  # powers of ten of numbers
    same: float = 1e-12  # defect of what is at rest
    seed: float = 1e-7  # spikes per neuron that wait at first, in dilated time


STATES = States()


@dataclass(frozen=True)
class Matrices:
    """What is taken as a dense matrix, a band or a sparse one."""

    algebraic: int = 400  # unknowns z up to which their equations are solved as a dense system
    entries: int = 1000  # of T, up to which a sparse product takes less time
    product: int = 10_000  # entries, zeros included, up to which a dense product is faster than a sparse one
    solved_for: int = 8  # unknowns that are solved for, up to which their gradient is a dense matrix
    shown: int = 128  # entries of a function of indices, up to which each is a series of a run
    widest: int = 40  # of a band
    most_rows: int = 40  # that may leave the band
    most_columns: int = 400  # algebraic unknowns that are eliminated from a band
    dense_columns: int = 8  # beside a band, up to which they are taken as dense
    series: float = 1e-2  # |z| below which Bernoulli's function is a series
    nobody: float = 1e-80  # density below which slopes are not limited: there are none
    largest: float = 500.0  # z above which it is 0
    negative: float = 1e-12  # of the largest entry: rounding


MATRICES = Matrices()


@dataclass(frozen=True)
class Checks:
    """What is tried of a model over any axes, and how exactly it must hold."""

    states: int = 3  # random states
    tries: int = 3  # random states at which terms are looked at
    tolerance: float = 1e-2  # of the small problem that is looked at
    differences: float = 1e-6  # defect of a derivative against differences
    rounding: float = 1e-11  # defect of what holds exactly
    conserved: float = 1e-9  # change of what is conserved, relative to all that changes
    # steps of real differences, with one of which a complex step must agree, to `agrees`
    changes: tuple[float, ...] = (1e-5, 1e-8)
    agrees: float = 1e-6  # relative
    entry: float = 1e-12  # of the largest part of an entry
    sizes: tuple[float, ...] = (0.7, 5.3)  # of the states at which it is looked whether the system is as it was read
    linear: float = 1e-10  # relative defect of a form that is linear


CHECKS = Checks()
