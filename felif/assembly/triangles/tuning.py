"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refinement:
    """Triangles that are cut, and meshes that are made anew."""

    unresolved: float = 3.0  # times tol: size of a triangle's highest modes over the density's, above which it is cut
    bins: int = 256  # of the interval of w, in which heights of triangles are compared
    together: float = 0.5  # of that: triangles cut along with those that must be, so that few meshes are made
    wanted: float = 0.4  # of that: what a mesh that is made anew must be resolved to
    busy: float = 0.1  # of that: a triangle that would be cut if it were twice as large
    idle: float = 0.05  # of that: a triangle this smooth might be part of a larger one
    worth: float = 0.7  # of the triangles: a coarser mesh is taken if it has no more
    deepest: float = 4.0**-4  # of the area of the coarsest triangle that a triangle may be cut down to
    rounds: int = 16  # of cutting in which a mesh reaches what is wanted
    lines: int = 5  # lines w = const that V_min is chosen for
    # time constant, in units of the membrane's, above which scales of p are kept when meshes change
    settling: float = 0.1


REFINEMENT = Refinement()


@dataclass(frozen=True)
class Limiting:
    """What keeps densities on triangles from oscillating and from falling below zero."""

    strength: float = 40.0  # of the damping, times the fastest crossing of a triangle
    shock: float = 0.5  # s_T from which the damping is full
    raised: int = 4  # times the degree: that of the Bernstein polynomials
    highest: int = 12  # and at most
    below: float = 1e-12  # of the largest mean: what is rounding
    moves: int = 8  # of coefficients towards zero, before the rest is scaled
    stiff: float = 1e-3  # of the largest length: coefficients that can hardly be moved are left to the scaling


LIMITING = Limiting()


@dataclass(frozen=True)
class Geometry:
    """Points in triangles, and overlaps of two meshes."""

    outside: float = 1e-10  # barycentric coordinate below which a point is outside
    points_at_once: int = 4_000_000  # points times triangles compared at once
    pairs: int = 2_000_000  # pairs of bounding boxes compared at once
    sliver: float = 1e-14  # of the smaller triangle: an overlap that is rounding


GEOMETRY = Geometry()


@dataclass(frozen=True)
class Forms:
    """Forms on triangles, and the flux at V_F."""

    penalty: float = 1.5  # times the smallest penalty for which the interior penalty form is definite
    step: float = 1e-4  # in the scalars, of differences
    most: int = 50  # iterates


FORMS = Forms()
