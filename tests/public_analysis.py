"""More of `public_calls.calls`: theorems, closed forms, and what is computed of learning networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from public_subjects import START, learning, network, run, steady

import felif as fl


def calls() -> dict[str, tuple[Callable, dict[str, Any]]]:
    """{name: (callable, arguments by name)}."""
    return {
        "relative_entropy": (fl.relative_entropy, {"run": run(), "steady_state": steady(), "H": "quadratic"}),
        "excitatory_blow_up": (fl.excitatory_blow_up, {"state": run().final}),
        "noiseless_blow_up": (
            fl.noiseless_blow_up,
            {"b": 3.0, "current": 3.0, "density": START, "v_reset": 1.0, "v_fire": 2.0, "rounds": 3},
        ),
        "certificates": (fl.certificates, {"run": run(), "times": [0.05]}),
        "noise_blow_up": (fl.noise_blow_up, {"state": run().final, "mu": None}),
        "bounded_rate": (fl.bounded_rate, {"state": run().final}),
        "stefan": (fl.stefan, {"run": run()}),
        "representation": (
            fl.representation,
            {"learning": learning(), "N": lambda w: np.ones_like(w), "normalise": True, "guess": None},
        ),
        "discrimination": (
            fl.discrimination,
            {"learning": learning(), "C": np.ones_like, "I": lambda w: 1.0 + 0 * w, "J": np.cos, "guess": None},
        ),
        "stationary_outputs": (fl.stationary_outputs, {"learning": learning(), "C": lambda w: np.ones_like(w)}),
        "exact.steady_rates": (fl.analysis.exact.steady_rates, {"model": network()}),
        "tail_mass": (fl.analysis.density.tail_mass, {"model": network(), "N": 0.1, "v_min": -3.0}),
        "cut_below": (fl.analysis.density.cut_below, {"model": network(), "N": 0.1, "tolerance": 1e-6}),
        "head_mass": (fl.analysis.density.head_mass, {"model": fl.RandomThresholdLIF(), "N": 0.1, "v_max": 2.5}),
        "cut_above": (fl.analysis.density.cut_above, {"model": fl.RandomThresholdLIF(), "N": 0.1, "tolerance": 1e-6}),
        "exact_time.moment": (
            fl.analysis.exact_time.central_second_moment,
            {"t": [0.0, 1.0], "initial": 2.0, "a": 1.0},
        ),
        "exact_time.passage": (
            fl.analysis.exact_time.first_passage_density,
            {"t": [0.5, 1.0], "distance": 1.0, "a": 1.0},
        ),
        "exact_time.at_rest": (
            fl.analysis.exact_time.ThresholdAtRest,
            {"mean": 0.0, "variance": 0.25, "a": 1.0, "v_reset": 1.0, "v_fire": 2.0, "t_end": 0.5},
        ),
        "exact.steady_curve_over_rate": (fl.analysis.exact.steady_curve_over_rate, {"model": network(), "N": [0.1]}),
        "density": (fl.analysis.density.density, {"model": network(), "N": 0.1, "v": np.array([0.0, 1.0])}),
        "stationary_output": (
            fl.stationary_output,
            {"learning": learning(), "C": lambda w: np.ones_like(w), "guess": None},
        ),
        "learned_connectivity": (fl.learned_connectivity, {"learning": learning(), "inhibitory": None}),
    }
