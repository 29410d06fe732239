"""ROOM 3: (model, mesh, space) -> Problem; initial states; meshes that follow the state."""

from .discretize import discretize
from .initial import Gaussian, Uniform, initial
from .semidiscrete import SemiDiscrete
from .spaces import ExponentialFitting, Lagrange, SpectralElement

__all__ = [
    "ExponentialFitting",
    "Gaussian",
    "Lagrange",
    "SemiDiscrete",
    "SpectralElement",
    "Uniform",
    "discretize",
    "initial",
]
