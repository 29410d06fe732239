"""ROOM 7: the network of neurons behind each model, simulated."""

from .engine import Plan, Recording, plan_simulation, simulate_networks

__all__ = ["Plan", "Recording", "plan_simulation", "simulate_networks"]
