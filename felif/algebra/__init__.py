"""ROOM 4: matrices that are a band plus a few columns, and their factorisations."""

from .band import Band
from .lowrank import BandLowRank, Factored, SingularMatrix

__all__ = ["Band", "BandLowRank", "Factored", "SingularMatrix"]
