"""What is solved. One file a system of equations; terms that several share stand in terms.py."""

from .adaptive_lif import AdaptiveLIF
from .cell_polarisation import CellPolarisation
from .drifts import Exponential, Leaky, Proportional, Quadratic
from .excitatory_inhibitory_lif import ExcitatoryInhibitoryLIF
from .kuramoto import Kuramoto
from .learning_lif import LearningLIF
from .noisy_lif import NoisyLIF
from .parameters import Piecewise
from .populations import Populations
from .random_threshold_lif import RandomThresholdLIF
from .refractory_lif import RefractoryLIF
from .sampled import Sampled
from .time_elapsed import StepHazard, TimeElapsed
from .voltage_conductance import VoltageConductance
from .wilson_cowan import WilsonCowan

__all__ = [
    "AdaptiveLIF",
    "CellPolarisation",
    "ExcitatoryInhibitoryLIF",
    "Exponential",
    "Kuramoto",
    "Leaky",
    "LearningLIF",
    "NoisyLIF",
    "Piecewise",
    "Populations",
    "Proportional",
    "Quadratic",
    "RandomThresholdLIF",
    "RefractoryLIF",
    "Sampled",
    "StepHazard",
    "TimeElapsed",
    "VoltageConductance",
    "WilsonCowan",
]
