"""Elements along an axis: their polynomials, nodes and rules, and the rows of their basis at any points."""

from .drawing import DrawingPoints, along, over_rectangles, over_triangles
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
    "DrawingPoints",
    "ExponentialFitting",
    "Lagrange",
    "Line",
    "Space",
    "SpectralElement",
    "along",
    "cell_nodes",
    "evaluate",
    "has_lumped_mass",
    "is_integer",
    "lobatto",
    "modal_transform",
    "modes",
    "node_positions",
    "over_rectangles",
    "over_triangles",
    "quadrature",
    "shapes",
]
