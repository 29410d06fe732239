"""ROOM 4: matrices that are a band plus a few columns, their factorisations, bordered systems, dense eigenvalues."""

from .band import Band, SingularMatrix
from .bordered import Bordered
from .dense import add_to, eigenpairs, eigenvalues
from .lowrank import BandLowRank, Factored
from .resolvent import resolvent
from .shifted import krylov, resolvents

__all__ = [
    "Band",
    "BandLowRank",
    "Bordered",
    "Factored",
    "SingularMatrix",
    "add_to",
    "eigenpairs",
    "eigenvalues",
    "krylov",
    "resolvent",
    "resolvents",
]
