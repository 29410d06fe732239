"""M dy/dt = F(t, y) in time: schemes, control of the step, events, blow-up, checkpoints."""

from .additive import is_additive
from .checkpoint import Checkpoint
from .endings import outcome_of
from .events import Event
from .evolve import STEPS, integrate
from .history import History, breaking_points, same_time
from .rows import Block, Piece
from .schemes import ARK43, ESDIRK43, SCHEMES, TRBDF2, BackwardEuler, Rodas5P, Scheme
from .trajectory import EventRecord, Segment, Trajectory, through_steps

__all__ = [
    "ARK43",
    "ESDIRK43",
    "SCHEMES",
    "STEPS",
    "TRBDF2",
    "BackwardEuler",
    "Block",
    "Checkpoint",
    "Event",
    "History",
    "EventRecord",
    "Piece",
    "Rodas5P",
    "Scheme",
    "Segment",
    "Trajectory",
    "breaking_points",
    "integrate",
    "outcome_of",
    "is_additive",
    "same_time",
    "through_steps",
]
