"""Fits and comparisons on disk; `loading` reads a fit.

A fit:          run.json        model, estimates with errors and intervals, likelihood, message, versions
                intervals.csv   the intervals, to the same bits
                density.csv     t, density and survival of the fitted law, in the unit of time of the intervals
                final.npz       what `load_fit` makes the fit of again: the model to begin with, the estimates
A comparison:   run.json        means, tests and synchronous spikes, seeds, versions
                rate-N.csv      one row a bin: its ends, particles, error, expected; one file a rate
                density-01.csv  one row a bar: its ends, particles, error, expected; names and times are in run.json
"""

from __future__ import annotations

import glob
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..output.manifest import make_room
from ..output.model_files import packed
from ..output.provenance import describe, provenance

FIT, _COMPARISON = "fit", "comparison"


def save_fit(fit: Any, folder: str | Path, overwrite: bool = False) -> Path:
    """Write a Fit as a folder. ValueError if it holds anything else, or a fit and `overwrite` is False."""
    path, likelihood = Path(folder), fit.likelihood
    model = packed(likelihood.model)
    room = make_room(path, FIT, overwrite, ("run.json", "intervals.csv", "density.csv", "final.npz"))
    time = fit.membrane_time
    t = fit.passage.times
    f, S = fit.passage.both(t)
    room.series("intervals.csv", {"interval": fit.intervals})
    room.series("density.csv", {"t": t * time, "density": f / time, "survival": S})
    theta = {"theta": fit.theta, "mesh": fit.mesh_theta, **fit.ends()}
    room.npz("final.npz", {"model": model, **theta})
    description = {
        "kind": FIT,
        "model": describe(fit.model),
        "start": describe(likelihood.model),
        "parameters": list(fit.values),
        "values": fit.values,
        "errors": fit.errors,
        "confidence": {name: fit.confidence(name) if fit.converged else None for name in fit.values},
        "covariance": fit.covariance,
        "rate": likelihood.rate,
        "membrane_time": time,
        "start_membrane_time": likelihood.time,
        **{name: getattr(fit, name) for name in _NUMBERS},
        **provenance(),
    }
    room.json("run.json", description)
    return path


_NUMBERS = ("count", "log_likelihood", "aic", "ks", "p_value", "converged", "identifiable", "message")
_NUMBERS += ("iterations", "evaluations", "how")


def save_comparison(comparison: Any, folder: str | Path, overwrite: bool = False) -> Path:
    """Write the tables of a Comparison. ValueError if the folder holds anything else, or one and not `overwrite`."""
    path = Path(folder)
    tables = [f"rate-{name}.csv" for name in comparison.rates]
    tables += [f"density-{number:02d}.csv" for number in range(1, len(comparison.densities) + 1)]
    room = make_room(path, _COMPARISON, overwrite, ("run.json", *map(glob.escape, tables)))
    rates, densities = {}, []
    for name, rate in comparison.rates.items():
        file = f"rate-{name}.csv"
        room.series(file, _columns(rate))
        means = {key: getattr(rate, key) for key in ("mean", "mean_error", "mean_expected")}
        rates[name] = {"file": file, **means, "test": asdict(rate.test)}
    for number, density in enumerate(comparison.densities, 1):
        file = f"density-{number:02d}.csv"
        room.series(file, _columns(density))
        what = {key: getattr(density, key) for key in ("name", "axis", "t", "inflation")}
        tests = {"distance": asdict(density.distance), "test": asdict(density.test)}
        densities.append({"file": file, **what, **tests})
    description = {
        "kind": _COMPARISON,
        "model": describe(comparison.run.model),
        "particles": [{key: describe(value) for key, value in p.settings.items()} for p in comparison.particles],
        "equation": comparison.run.settings.stored(),
        "neurons": comparison.neurons,
        "batches": comparison.batches,
        "independent": comparison.independent,
        "p": comparison.p,
        "rates": rates,
        "densities": densities,
        "spikes": [asdict(spike) for spike in comparison.spikes],
        **provenance(),
    }
    room.json("run.json", description)
    return path


def _columns(part: Any) -> dict[str, np.ndarray]:
    ends = {"start": part.edges[:-1], "end": part.edges[1:]}
    return ends | {name: getattr(part, name) for name in ("particles", "error", "expected")}
