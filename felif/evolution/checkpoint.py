"""Checkpoints: everything mutable of an integration, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

COUNTERS = ("steps", "rejected", "factorisations", "remeshes", "undershoots", "newton_iterations", "limited")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything mutable of an integration: from it, `integrate(..., checkpoint=...)` goes on to the same bits.

    It belongs to the problem (mesh) the integration had reached, `Trajectory.segments[-1].problem`.
    """

    t: float
    y: np.ndarray
    #: step size, first layer, controller, slope carried over, recent N, counters, rounding
    memory: Mapping[str, np.ndarray]

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays for `np.savez`."""
        return {"t": np.array(self.t), "y": self.y, **{f"memory_{name}": v for name, v in self.memory.items()}}

    def counted(self) -> Checkpoint:
        """With its counters alone: for an integration that begins here."""
        return Checkpoint(self.t, self.y, {name: self.memory[name] for name in ("counters", "rounding")})

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Checkpoint:
        """Inverse of `to_arrays`; entries it does not know are left alone."""
        memory = {name[7:]: np.array(arrays[name]) for name in arrays if name.startswith("memory_")}
        return cls(float(arrays["t"]), np.array(arrays["y"], float), memory)


def pack(run: Any) -> Checkpoint:
    """The checkpoint of an integration between two steps."""
    slope = getattr(run.stepper, "slope", None)
    controller = run.controller
    memory = {
        "h": np.array(run.h),
        "tiny": np.array(run.tiny),
        "first": np.array([run.shortest, run.layer]),
        "controller": np.array(
            [controller.error, controller.step, float(controller.rejected), float(controller.starting)]
        ),
        "slope": np.zeros(0) if slope is None else slope.copy(),
        "contraction": np.array(getattr(run.stepper, "contraction", 1.0)),
        "rounding": np.array(run.trajectory.rounding),
        "counters": np.array([run.statistics[name] for name in COUNTERS]),
        "coarsening": np.array([run.pause, run.look_at]),
        **{name: value.copy() for name, value in run.watch.to_arrays().items()},
    }
    return Checkpoint(run.t, run.y.copy(), memory)


def unpack(checkpoint: Checkpoint, run: Any) -> None:
    """Puts an integration where the checkpoint was made."""
    memory = checkpoint.memory
    run.t, run.y = checkpoint.t, checkpoint.y.copy()
    run.statistics.update(zip(COUNTERS, memory["counters"].tolist(), strict=False))
    run.look_at = run.statistics["steps"] + run.pause
    if "h" not in memory:
        return
    run.tiny = float(memory["tiny"])
    run.h = float(memory["h"]) if run.fixed_step is None else run.fixed_step
    controller = run.controller
    controller.error, controller.step, rejected, starting = memory["controller"].tolist()
    controller.rejected, controller.starting = bool(rejected), bool(starting)
    if "first" in memory:
        run.shortest, run.layer = memory["first"].tolist()
    if "coarsening" in memory:
        run.pause, run.look_at = memory["coarsening"].tolist()
    run.watch.restore(memory)
    if hasattr(run.stepper, "slope"):
        run.stepper.slope = memory["slope"].copy() if memory["slope"].size else None
        run.stepper.contraction = float(memory["contraction"])
