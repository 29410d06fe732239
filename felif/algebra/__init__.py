"""ROOM 4: matrices that are a band plus a few columns, their factorisations, and bordered systems with them."""

from .band import Band
from .bordered import Bordered
from .lowrank import BandLowRank, Factored, SingularMatrix

__all__ = ["Band", "BandLowRank", "Bordered", "Factored", "SingularMatrix"]
