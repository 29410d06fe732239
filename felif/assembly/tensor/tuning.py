"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lines:
    """Lines over (v, w): their meshes and their equations."""

    unresolved: float = 20.0  # times tol: size of a cell's highest modes, times its width, above which it is split
    smallest: float = 1e-3  # cell, over the length of the axis, at the smallest tolerances
    merged: float = 0.02  # of what splits a cell: less than this in the union of two, and they are merged
    share: float = 0.01  # of finite volumes in a cell, above which it is split
    fires: float = 1e-6  # of the largest rate, above which the layer of a line is to be resolved
    margin: float = 0.8  # 1 - dg/dNbar below which the last cell of v is halved
    worth: int = 4  # pairs, or a tenth of the cells, below which a mesh is not made anew
    looked_at: int = 33  # lines among which those are looked for that the mesh of v is chosen for
    base_cells: int = 8  # of the w-axis, for polynomials of degree 3 and more; evolve splits them
    rounds: int = 12  # of splitting cells at rest
    # times tol: size of the highest modes of C in a cell, times its width, above which it is split
    unresolved_at_rest: float = 5.0
    newton_steps: int = 80  # of N on every line, and of Nbar
    largest: float = 1e8  # activity beyond which no root is looked for


LINES = Lines()


@dataclass(frozen=True)
class Transport:
    """Transport across lines: limiters, finite volumes where shocks are."""

    below: float = 1e-7  # of the largest density: what falls less below zero is left alone
    rounds: int = 4  # of lifting a polynomial where it is lowest
    slowly: float = 1.0  # times the spacing of V_R and V_F: length over which a change varies
    highest: int = 8  # degree in w: beyond it roots of polynomials lose digits
    samples: int = 8  # times the degree: points at which a polynomial is looked at for its minimum
    negligible: float = 1e-4  # share of finite volumes that is left out
    jump: float = 0.2  # between cells of degree 1 to 3, relative to C, at which both methods have an equal share
    quiet: float = 3e-3  # of the largest C: oscillations are measured relative to C where it is larger than this


TRANSPORT = Transport()
