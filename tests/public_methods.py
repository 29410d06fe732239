"""More of `public_calls.calls`: what results can be asked, neurons in physical units, closed forms, studies, sweeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import felif as fl

DIRECT = {"tau_m": 20.0, "v_rest": -70.0, "v_reset": -60.0, "v_fire": -50.0, "mu": -55.0, "sigma": 4.0}
STUDY = '''"""A study."""
def main(x: float = 2.0) -> dict:
    return {"y": x * x}
'''


def square(x: float = 2.0) -> dict:
    return {"y": x * x}


def squares(x: np.ndarray) -> dict:
    return {"y": x * x}


@cache
def pool() -> Executor:
    return ThreadPoolExecutor(1)


@cache
def neuron() -> Any:
    return fl.physical.lif(**DIRECT)


def of_results(run: Any, particles: Any, branch: Any, law: Any, fitted: Any, folder: Path) -> dict[str, tuple]:
    """Methods of results, {name: (callable, arguments by name)}."""
    compared = fl.compare(particles, run)
    table: dict[str, tuple[Callable, dict[str, Any]]] = {
        "Run.plot": (run.plot, {"path": folder / "n.png", "times": [0.0, 0.1], "ax": None}),
        "Run.plot_spacetime": (run.plot_spacetime, {"path": folder / "s.png"}),
        "ParticleRun.mean": (particles.mean, {"name": "N", "start": 0.0, "end": 0.1}),
        "ParticleRun.save": (particles.save, {"folder": folder / "neurons", "overwrite": True}),
        "Comparison.plot": (compared.plot, {"path": folder / "c.png"}),
        "Comparison.save": (compared.save, {"folder": folder / "compared", "overwrite": True}),
        "FirstPassage.density": (law.density, {"t": [0.1, 1.0]}),
        "FirstPassage.survival": (law.survival, {"t": [0.1, 1.0]}),
        "FirstPassage.both": (law.both, {"t": [0.1, 1.0]}),
        "FirstPassage.quantile": (law.quantile, {"p": [0.1, 0.5]}),
        "Fit.confidence": (fitted.confidence, {"name": "current", "level": 0.5}),
        "Fit.follow": (fitted.follow, {"level": 0.5}),
        "Fit.profile": (fitted.profile, {"name": "current", "values": [1.9, 2.1], "points": 3}),
        "Fit.plot": (fitted.plot, {"path": folder / "fit.png"}),
        "Fit.save": (fitted.save, {"folder": folder / "fitted", "overwrite": True}),
        "Branch.at": (branch.at, {"value": -0.5}),
        "Branch.of_kind": (branch.of_kind, {"kind": "fold"}),
    }
    if find_spec("xarray"):
        table["Run.to_xarray"] = (run.to_xarray, {"times": [0.05]})
    if find_spec("pyvista"):
        table["Run.to_pyvista"] = (run.to_pyvista, {"t": 0.05})
    return table


def of_values(folder: Path) -> dict[str, tuple]:
    """Neurons in physical units, inputs, closed forms."""
    exact, network = fl.analysis.exact, fl.NoisyLIF(b=0.5)
    np.savetxt(folder / "input.csv", np.column_stack([np.arange(8.0), np.sin(np.arange(8.0))]), delimiter=",")
    sampled = fl.Sampled(np.arange(8.0), np.sin(np.arange(8.0)))
    over = {"m": [0.0, 1.0], "a": 1.0, "v_reset": 1.0, "v_fire": 2.0}
    soft, critical = {"v_soft": -52.0, "delta": 2.0, "v_fire": math.inf}, {"v_crit": -50.0, "v_fire": math.inf}
    times = {"dead_time": 2.0, "convention": "brunel"}
    synapses = {"weights": [0.1, -0.5], "connections": [800, 200]}
    return {
        "physical.lif": (fl.physical.lif, DIRECT | times),
        "physical.eif": (fl.physical.eif, DIRECT | times | soft),
        "physical.qif": (fl.physical.qif, DIRECT | times | critical),
        "physical.noise_of": (fl.physical.noise_of, {"sigma": 2.0, "convention": "brunel", "tau_m": 20.0}),
        "physical.drive": (fl.physical.drive, {"tau_m": 20.0, "rates": [10.0, 10.0], **synapses}),
        "physical.network": (fl.physical.network, {"neuron": neuron(), "delay": 1.5, **synapses}),
        "physical.mean_field_rates": (
            fl.physical.mean_field_rates,
            {"neurons": [neuron()], "weights": [[0.1]], "connections": [[100]], "tau_syn": 0.5, "start": [1.0]},
        ),
        "physical.rate_hz": (fl.physical.rate_hz, {"neuron": neuron()}),
        "Neuron.hz": (neuron().hz, {"N": 0.1}),
        "Neuron.mV": (neuron().mV, {"v": [0.0, 1.0]}),
        "Neuron.ms": (neuron().ms, {"t": 1.0}),
        "Neuron.time": (neuron().time, {"ms": 20.0}),
        "Neuron.potential": (neuron().potential, {"mV": -50.0}),
        "Neuron.per_tau": (neuron().per_tau, {"rate": 10.0}),
        "Sampled": (
            fl.Sampled,
            {"times": [0.0, 1.0, 2.0], "values": [0.0, 1.0, 0.5], "kind": "linear", "tol": 1e-3, "knots": 100},
        ),
        "Sampled.read": (
            fl.Sampled.read,
            {"path": folder / "input.csv", "time_unit": 0.5, "kind": "linear", "tol": 1e-3, "knots": 100},
        ),
        "ExcitatoryInhibitoryLIF.populations": (fl.ExcitatoryInhibitoryLIF().populations, {}),
        "Sampled.between": (sampled.between, {"t": [0.5, 1.0]}),
        "Sampled.mean": (sampled.mean, {"t0": 0.5, "t1": 2.0}),
        "exact.folds": (exact.folds, {"model": network}),
        "exact.cusps": (exact.cusps, {"model": fl.RefractoryLIF(b=0.5, tau=0.3)}),
        "exact.firing_rate": (exact.firing_rate, {"model": fl.NoisyLIF()}),
        "exact.log_steady_rates": (exact.log_steady_rates, {"model": network}),
        "exact.steady_curve": (exact.steady_curve, {"model": network, "m": [0.0, 0.5]}),
        "exact.log_interval": (exact.log_interval, {"model": network, "m": [0.0, 0.5], "a": 1.0}),
        "exact.drift_centre": (exact.drift_centre, {"model": network, "N": [0.1]}),
        "exact.passage_time": (exact.passage_time, over),
        "exact.passage_time_slope": (exact.passage_time_slope, over),
        "exact.log_passage_time": (exact.log_passage_time, over),
        "exact.rate": (exact.rate, over),
        "exact.log_rate": (exact.log_rate, over),
        "Gaussian.share_above": (fl.Gaussian(0.0, 0.25).share_above, {"v": 1.0}),
        "Gaussian.share_below": (fl.Gaussian(0.0, 0.25).share_below, {"v": 1.0}),
        "Uniform.share_above": (fl.Uniform(-1.0, 0.0).share_above, {"v": -0.5}),
        "Uniform.share_below": (fl.Uniform(-1.0, 0.0).share_below, {"v": -0.5}),
    }


def of_studies(folder: Path) -> dict[str, tuple]:
    """Studies and sweeps."""
    (folder / "own.py").write_text(STUDY)
    swept = fl.sweep(square, {"x": [1.0, 2.0]}, folder / "swept", pool(), overwrite=True, progress=False)
    own = fl.study.load(folder / "own.py")
    solver = fl.study.Solver(tol=1e-2, t_end=0.1, rtol=1e-2)
    table = {
        "sweep": (
            fl.sweep,
            {
                "main": square,
                "grid": {"x": [1.0, 2.0]},
                "folder": folder / "sweep",
                "executor": pool(),
                "fixed": {},
                "many": None,
                "shard": (1, 1),
                "retry": False,
                "folders": False,
                "overwrite": True,
                "progress": False,
            },
        ),
        "sweep of many": (
            fl.sweep,
            {
                "main": square,
                "many": squares,
                "grid": {"x": [1.0]},
                "folder": folder / "many",
                "executor": pool(),
                "overwrite": True,
            },
        ),
        "read_table": (fl.read_table, {"folder": folder / "swept"}),
        "Table.part": (swept.part, {"start": 0, "stop": 1}),
        "study.of": (fl.study.of, {"main": square, "many": squares}),
        "study.numerics": (fl.study.numerics, {"mesh": {"v_min": -6.0}, "cells": 4, "tol": 1e-2, "rtol": 1e-2}),
        "Solver.discretize": (solver.discretize, {"model": fl.NoisyLIF()}),
        "Solver.evolve": (
            solver.evolve,
            {"name": "run", "problem": fl.NoisyLIF(), "start": fl.Gaussian(0.0, 0.25), "t_end": 0.01},
        ),
        "study.check": (fl.study.check, {"study": own}),
        "study.load from": (fl.study.load, {"study": "own", "where": folder}),
        "study.studies": (fl.study.studies, {"where": folder}),
        "Study.complete": (own.complete, {"options": {"x": 3.0}}),
        "Study.deviations": (own.deviations, {"results": {"y": 4.0}}),
    }
    if find_spec("pyarrow"):
        table["Table.to_parquet"] = (swept.to_parquet, {"path": folder / "table.parquet", "overwrite": True})
    return table
