"""Numbers of this room that are chosen, not derived: one class a strategy, a reason beside each number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Checks:
    """How exactly what is looked at in a model must hold."""

    # allowed defect of a derivative against fourth-order differences, which are good to about 1e-10
    differences: float = 1e-7
    rounding: float = 1e-11  # allowed defect of what holds exactly, relative to the largest summand
    states: int = 3  # random ones
    states_over_planes: int = 2  # random ones, over (v, w)
    first_order: float = 1e-3  # allowed defect of dA/dNbar, which triangles take from a one-sided difference
    # allowed residual of a linear solve, relative; fill-reducing pivots of triangles lose some digits
    solve: float = 1e-8


CHECKS = Checks()
