"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Splitting:
    """Cells that are split where a state over v is not resolved."""

    unresolved: float = 300.0  # times tol: size of a cell's highest modes, times its width, above which it is split
    layer_cells: float = 2.0  # widths of the boundary layer a/|drift| that the last cell may span
    ahead: int = 3  # cells in a layer beyond those that it needs
    buffer: int = 2  # cells split ahead of a flagged one, on either side
    own: float = 0.1  # size of the highest modes of a cell over its undershoot, above which it is its own
    # of the width that the tolerance asks for: two halvings against undershoots, which jumps always have
    finer: float = 0.3
    # times tol: density times decay length at V_max, above which cells are added there; the tail grows
    top: float = 0.01
    thinnest: float = 1e-6  # layer that is followed, in units of V_F - V_R
    thinnest_reset: float = 1e-4  # the same below V_R, where n does not vanish and tiny cells cost digits of the mass
    smallest: float = 1e-9  # cell, in units of V_F - V_R


SPLITTING = Splitting()


@dataclass(frozen=True)
class Merging:
    """Cells that are given back where a state over v no longer needs them."""

    # content of a merged cell, in units of the content at which a cell is split: nothing goes to and fro
    slack: float = 0.01
    smooth: float = 1 / 32  # a pair is looked at when both contents are below this times that: merging multiplies them
    rate: float = 0.03  # times tol: relative change of a scalar that one merged cell may cause
    floor: float = 1e-2  # rates below it count as small, as for the steps
    steepest: float = 2.0 * (1 + 1e-9)  # a merged cell over its neighbours: what is concentrated spreads into them next
    negative: float = 0.1  # times tol and the largest n: undershoot that a merged cell may have
    least: int = 4  # cells that must be given back for a new mesh to be worth its making
    share: float = 0.25  # and part of all cells


MERGING = Merging()


@dataclass(frozen=True)
class Language:
    """Where forms and coefficients are looked at, and how exactly what models declare must hold."""

    analytic: float = 1e-8  # allowed defect of int c' = c(b) - c(a); Gauss's rule leaves less wherever c is smooth
    weights: int = 17  # weights at which coefficients over (v, w) are looked at
    uneven: float = 1.2345  # so that a kink at a round number lies inside a piece
    levels: int = 20  # how often a piece is halved in search of a kink
    conserved: float = 1e-9  # allowed change of what is conserved, relative to all that changes
    linear: float = 1e-12  # relative defect of a form that is linear
    places: int = 63  # at which forms are looked at, before there is a mesh
    kept: int = 512  # checks that are remembered
    lines: int = 33  # weights at which what fires is looked at, ends included
    source_points: int = 64  # of Gauss's rule for sources, in every cell


LANGUAGE = Language()


@dataclass(frozen=True)
class Extent:
    """Where the axis v is cut, and how wide cells may be."""

    reach: float = 400.0  # of the search for V_min, in units of V_F - V_R or of sqrt(a), whichever is larger
    far: float = 4.0  # times V_F - V_R: a width sqrt(a) from which on this is short
    most_cells: int = 2000  # of a mesh at rest
    nobody: float = 1e-13  # part of a source below V_R that may lie below V_min
    widest: float = 1.25  # cell, in units of the local width of the density
    carried: float = 3.0  # ratio of f/f' and sqrt(a/f') above which the drift alone shapes the density
    most_nodes: int = 1_000_000  # of a mesh
    enough: float = 30.0  # the mass beyond an end that `extended` moves is at most tol / 30
    rounding: float = 1e-16  # masses above V_max that are none
    fallen: float = 40.0  # decay, in powers of e, after which nothing is left
    panels: int = 60  # of the integral of what is cut off, each 1.06 times the one before: twenty lengths
    most_beyond: int = 40  # cells as wide as the last one beyond an end
    decays: float = 0.4  # real part of a root over its size, and 1 + lambda R/J, where a mode decays at V_min
    too_much: float = 0.1  # part cut off beyond which nothing is computed
    panels_beyond: int = 80  # the same beyond the ends of a mesh
    visible: float = 1e-3  # part cut off that is warned of before anything is computed
    reached: float = 1e-9  # tolerance that says how far a mesh must reach for errors of V_min and V_max to be seen


EXTENT = Extent()


@dataclass(frozen=True)
class CutOff:
    """Where a drift that runs away towards V_F is cut off."""

    negligible: float = 1e-10  # part of the neuron's time scale by which the time from v_c to V_F may be wrong
    worst: float = 1e-5  # the same where little noise would make the layer at V_F thinner than ...
    thinnest: float = 1e-11  # ... this part of the line
    places: int = 2000  # of a table of times
    told: float = 1e-6  # part of the neuron's time from which a run is told
    visible: float = (
        10.0  # times `negligible`, and times what the place at hand was made with: part of the neuron's time
    )


CUT = CutOff()


@dataclass(frozen=True)
class Initial:
    """Densities made into states: over v, on lines and on triangles."""

    rounds: int = 40  # of splitting cells until a density is resolved
    too_coarse: float = 0.2  # fraction of the mass that a mesh given by the user may misplace
    kept: int = 8  # initial states of the same problem: a run that is made again starts from what is known
    carried: float = 0.05  # of the tolerance, for cells of a density that the drift carries to V_F
    vanishes: float = 1e-12  # density at V_F over the largest one
    coincide: float = 1e-6  # distance of cell ends, in units of V_F - V_R, below which they are the same
    noise: float = 1e-2  # change of a rate by finer cells next to V_F, above which it is noise of the projection
    rounding: float = 1e-9  # part of a State above V_F that is not there but for its rounding and undershoots
    cut: float = 1e-6  # part of the data beyond the ends of a user's mesh that is warned of
    rounds_on_lines: int = 30  # of splitting cells on lines
    points: int = 1 << 18  # at which a density is evaluated at once
    rounds_on_triangles: int = 16  # of refining triangles
    highest: int = 19  # order of quadrature on triangles that scikit-fem has


INITIAL = Initial()


@dataclass(frozen=True)
class Memory:
    """How much is remembered."""

    systems: int = 4  # on one mesh, for other parameters
    assembled: int = 8  # what problems of the same forms share in a process, mesh by mesh
    chosen: int = 64  # meshes chosen for a tolerance
    profiles: int = 8  # densities to begin with, each at points of as many meshes
    meshes: int = 4  # of one problem: error estimates and runs ask for the same ones again
    sums: int = 4  # of constant terms: where other coefficients change, these stay


MEMORY = Memory()


@dataclass(frozen=True)
class Weighted:
    """A stationary density as a weight."""

    decay: float = 2.0  # steepest change of log P in a part of a cell
    parts: int = 200  # of a cell, at most
    vanished: float = 1e-280  # of max P
    negligible: float = 1e-10  # of max P: a finite-element density below it is dropped, where no integral gives P


WEIGHTED = Weighted()
