"""Runs and simulations as datasets of xarray: labelled arrays over t, the axes of densities, populations, neurons."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from .. import __version__
from ..problem import FieldValue, Problem
from .drawn import common_points, on_points, spread
from .frames import library
from .provenance import describe
from .tuning import FIGURES

_LABELS = {
    "t": "time",
    "v": "potential",
    "w": "synaptic weight",
    "N": "firing rate",
    "R": "fraction in the refractory state",
    "Nbar": "total firing rate",
    "n": "density",
    "p": "density",
    "mass": "integral of the density",
    "bin": "length of the bin",
    "snapshot": "time of the snapshot",
    "resting": "who is in the refractory state",
    "synchronous": "synchronous spikes per neuron in the bin",
}


def run_dataset(run: Any, times: Any = None) -> Any:
    """A Dataset of a run at `times` (by default its accepted times, at most 201 of them).

    Coordinates: "t"; the axes of the densities ("v", "w", "theta", ...), where they can be drawn as straight lines,
    zero beyond their mesh; "population" or another index where there is one. Variables: every scalar, conserved
    quantity and minimum of `series`; the densities; functions of w; mean and variance of every density along its
    axes, "mean_v", "variance_v". Attributes, numbers and strings that NetCDF stores: the model, its parameters as
    JSON, units, the outcome, felif's version. ModuleNotFoundError in a sentence without xarray; ValueError for times
    outside the run.
    """
    xarray = library("xarray", "to_xarray")
    times = _times(run) if times is None else np.atleast_1d(np.asarray(times, float)).ravel()
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    coordinates: dict[str, Any] = {"t": times}
    indexed = _groups(run, times, variables)
    for name in run.series:
        if name not in ("t", "dt") and name not in indexed:
            variables[name] = ("t",), np.asarray(run.sample(name, times), float)
    _densities(run, times, variables, coordinates)
    for dims, values in list(variables.values()):
        for dim, count in zip(dims, values.shape, strict=True):
            coordinates.setdefault(dim, np.arange(count))
    return _labelled(xarray.Dataset(variables, coordinates, _attributes(run)))


def particles_dataset(run: Any) -> Any:
    """A Dataset of simulated neurons.

    Coordinates: "t", middles of the bins; "snapshot", times of the snapshots. Variables: the series over t, those with
    batches also over "batch", "N_of_batches"; "bin", the lengths of the bins; of the snapshots over "neuron" the
    potentials "v", "resting", and "w" where neurons have weights; "population" and "batch_of_neuron"; of the recorded
    neurons the spikes, "spike_time" and "spike_neuron". Attributes as of a run, with the settings as JSON.
    """
    xarray = library("xarray", "to_xarray")
    variables: dict[str, tuple[tuple[str, ...], np.ndarray]] = {"bin": (("t",), np.diff(run.times))}
    variables |= {name: (("t",), values) for name, values in run.series.items()}
    variables |= {f"{name}_of_batches": (("batch", "t"), values) for name, values in run.batches.items()}
    times = sorted(run.snapshots)
    kept = [run.snapshots[t] for t in times]
    for name in ("v", "resting", "w"):
        if kept and getattr(kept[0], name) is not None:
            variables[name] = ("snapshot", "neuron"), np.array([getattr(one, name) for one in kept])
    if kept:
        variables |= {"population": (("neuron",), kept[0].population), "batch_of_neuron": (("neuron",), kept[0].batch)}
    if run.spikes:
        neurons = np.repeat(np.arange(len(run.spikes)), [len(times) for times in run.spikes])
        variables |= {"spike_time": (("spike",), np.concatenate(run.spikes)), "spike_neuron": (("spike",), neurons)}
    attributes = _common(run, f"simulation of {type(run.model).__name__}", describe(run.model))
    attributes |= {"settings": json.dumps(run.settings, default=str), "seed": run.settings["seed"]}
    attributes |= {"independent_batches": int(run.independent)}
    return _labelled(xarray.Dataset(variables, {"t": run.centres, "snapshot": times}, attributes))


def _labelled(dataset: Any) -> Any:
    for name in [*dataset.variables]:
        stem = name.partition("_")[0]
        dataset[name].attrs |= {"units": "1", "long_name": _LABELS.get(name, _LABELS.get(stem, name.replace("_", " ")))}
    return dataset


def _times(run: Any) -> np.ndarray:
    times = np.unique(run.times)
    return times[spread(len(times), FIGURES.most_times)]


def _groups(run: Any, times: np.ndarray, variables: dict) -> set[str]:
    """Numbers with one value for each entry of an index; the names of their entries as series."""
    entries: set[str] = set()
    for name in run.problem.groups:
        entries.update(run.problem.layout.flattened(name))
        values = np.asarray(run.sample(name, times), float)
        over = run.problem.equations.unknown(name).over
        dims = [axis if axis not in over[:k] else f"{axis}_{k}" for k, axis in enumerate(over)]  # weights, w_ij
        variables[name] = ("t", *dims), values
    return entries


def _densities(run: Any, times: np.ndarray, variables: dict, coordinates: dict) -> None:
    problem = run.problem
    if not problem.field_names or not len(times):
        return
    states = [run.at(t) for t in times.tolist()]
    axes, points = _axes([state.problem for state in states])
    coordinates |= dict(zip(axes, points, strict=True))
    single = len(problem.field_names) == 1
    for name in problem.field_names:
        functions = [getattr(state, name) for state in states]
        many = isinstance(functions[0], tuple)
        index = problem.equations.unknown(name).over[:1] if many else ()
        rows = functions if many else [(function,) for function in functions]
        values = np.array([[_on_grid(f, points) for f in row] for row in rows])
        dims = ("t", *index, *axes)
        variables[name] = dims, values if many else values[:, 0]
        for k, axis in enumerate(axes):
            found = np.array([[_moments(f, k) for f in row] for row in rows])
            for moment, table in zip(("mean", "variance"), np.moveaxis(found, -1, 0), strict=True):
                label = f"{moment}_{axis}" if single else f"{moment}_{axis}_of_{name}"
                variables[label] = dims[: 1 + len(index)], table if many else table[:, 0]
    for name in problem.line_names:
        variables[name] = ("t", axes[-1]), np.array([getattr(state, name)(points[-1]) for state in states])


def _axes(problems: list[Problem]) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Names of the axes of the densities, and points on each that draw all of them."""
    drawn = [one.drawing_points() for one in {id(one): one for one in problems}.values()]
    axes = drawn[0].axes
    if len(axes) == 1:
        return axes, [common_points([one.points for one in drawn], FIGURES.most_points)]
    return axes, [common_points([np.unique(one.points[:, k]) for one in drawn], FIGURES.most_on_planes) for k in (0, 1)]


def _on_grid(function: Any, points: list[np.ndarray]) -> np.ndarray:
    """Values at all combinations of points, 0 beyond the mesh."""
    if isinstance(function, FieldValue):
        return on_points(function, points[0])
    return function(*np.meshgrid(*points, indexing="ij"))


def _moments(function: Any, axis: int) -> tuple[float, float]:
    """Mean and variance along an axis, NaN where there is no mass, by the quadrature of the elements."""
    place = function.nodes if isinstance(function, FieldValue) else function.nodes[axis]
    weights = function.weights * function.values
    total = float(weights.sum())
    if not total > 0.0:
        return np.nan, np.nan
    mean = float(weights @ place) / total
    return mean, float(weights @ (place - mean) ** 2) / total


def _common(run: Any, title: str, parameters: Any) -> dict[str, Any]:
    return {
        "title": title,
        "model": repr(run.model),
        "parameters": json.dumps(parameters, default=str),
        "felif_version": __version__,
        "units": "time in membrane time constants, potentials in the units of V_R and V_F, rates per membrane time",
        "outcome": run.outcome.name,
        "message": run.outcome.message,
    }


def _attributes(run: Any) -> dict[str, Any]:
    parameters = {} if run.asked is None else run.asked.get("model", {})
    found = _common(run, f"run of {type(run.model).__name__}", parameters)
    found |= {"rtol": float(run.settings.rtol), "steps": int(run.statistics["steps"])}
    if run.blow_up is not None:
        found |= {"blow_up_time": float(run.blow_up.time), "blow_up_error": float(run.blow_up.error)}
    return found | {name: float(value) for name, value in run.problem.marks.items()}
