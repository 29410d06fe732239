"""The network of neurons behind each model, simulated."""

from .batches import Recording
from .engine import simulate_networks
from .planning import Plan, plan_simulation

__all__ = ["Plan", "Recording", "plan_simulation", "simulate_networks"]
