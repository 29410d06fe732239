"""(model, mesh, space) -> Problem; initial states; meshes that follow the state."""

from ..spaces import ExponentialFitting, Lagrange, SpectralElement
from .densities import Gaussian, Uniform
from .discretize import discretize
from .initial import initial
from .over_planes import plane_from_arrays
from .semidiscrete import SemiDiscrete
from .tensor.spaces import DG, MUSCL, Tensor
from .triangles.space import Triangles

__all__ = [
    "DG",
    "MUSCL",
    "Tensor",
    "plane_from_arrays",
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
