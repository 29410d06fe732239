"""ROOM 1: what is solved. One file a system of equations; terms that several share stand in terms.py."""

from .drifts import Exponential, Leaky, Quadratic
from .excitatory_inhibitory_lif import ExcitatoryInhibitoryLIF
from .learning_lif import LearningLIF
from .noisy_lif import NoisyLIF
from .parameters import Piecewise
from .random_threshold_lif import RandomThresholdLIF
from .refractory_lif import RefractoryLIF

__all__ = [
    "ExcitatoryInhibitoryLIF",
    "Exponential",
    "Leaky",
    "LearningLIF",
    "NoisyLIF",
    "Piecewise",
    "Quadratic",
    "RandomThresholdLIF",
    "RefractoryLIF",
]
