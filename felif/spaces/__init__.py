"""Elements along an axis: their polynomials, nodes and rules, and the rows of their basis at any points."""

from .elements import (
    ExponentialFitting,
    Lagrange,
    Space,
    SpectralElement,
    cell_nodes,
    evaluate,
    has_lumped_mass,
    is_integer,
    lobatto,
    modal_transform,
    modes,
    node_positions,
    quadrature,
    shapes,
)
from .line import Line

__all__ = [
    "ExponentialFitting",
    "Lagrange",
    "Line",
    "Space",
    "SpectralElement",
    "cell_nodes",
    "evaluate",
    "has_lumped_mass",
    "is_integer",
    "lobatto",
    "modal_transform",
    "modes",
    "node_positions",
    "quadrature",
    "shapes",
]
