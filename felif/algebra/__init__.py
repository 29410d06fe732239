"""Matrices that are a band plus a few columns, their factorisations, bordered systems, dense eigenvalues."""

from .band import Band, SingularMatrix
from .bandschur import BandSchur, Shared, blocks_of
from .bordered import Bordered
from .chain import Chain
from .dense import add_to, eigenpairs, eigenvalues
from .elimination import Elimination
from .linearisations import Linearisations
from .lowrank import BandLowRank, Factored
from .resolvent import resolvent
from .rules import composite, gauss, in_a_row, lagrange
from .shifted import determinants, krylov, resolvents
from .stacked import stacked
from .stages import StageChain

__all__ = [
    "Band",
    "BandLowRank",
    "BandSchur",
    "Bordered",
    "Chain",
    "Elimination",
    "Factored",
    "Linearisations",
    "Shared",
    "SingularMatrix",
    "StageChain",
    "add_to",
    "blocks_of",
    "composite",
    "determinants",
    "eigenpairs",
    "eigenvalues",
    "gauss",
    "in_a_row",
    "krylov",
    "lagrange",
    "resolvent",
    "resolvents",
    "stacked",
]
