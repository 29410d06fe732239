"""The network of neurons behind each model, simulated."""

from .engine import simulate_networks
from .planning import Plan, plan_simulation
from .recording import Recording

__all__ = ["Plan", "Recording", "plan_simulation", "simulate_networks"]
