"""ROOM 3: (model, mesh, space) -> Problem; initial states; meshes that follow the state."""

from .densities import Gaussian, Uniform
from .discretize import discretize
from .initial import initial
from .semidiscrete import SemiDiscrete
from .spaces import ExponentialFitting, Lagrange, SpectralElement
from .triangle_space import Triangles

__all__ = [
    "ExponentialFitting",
    "Gaussian",
    "Lagrange",
    "SemiDiscrete",
    "SpectralElement",
    "Triangles",
    "Uniform",
    "discretize",
    "initial",
]
