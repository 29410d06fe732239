"""One cheap call that is right for every public callable: what tests of bad arguments change one argument of."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import public_analysis
import public_methods
from public_models import MODELS
from public_subjects import (
    QUIET,
    SEMIGROUP,
    START,
    branch,
    curved,
    delayed,
    fitted,
    intervals,
    law,
    learning,
    network,
    oscillating,
    particles,
    problem,
    resting,
    run,
    steady,
    written,
)

import felif as fl


def calls(folder: Path) -> dict[str, tuple[Callable, dict[str, Any]]]:
    """{name: (callable, arguments by name)}; what writes does so in `folder`."""
    table: dict[str, tuple[Callable, dict[str, Any]]] = {
        name: (getattr(fl, name), dict(arguments)) for name, arguments in MODELS.items()
    }

    def kept(name: str) -> dict[str, Any]:
        return {"folder": folder / name, "resume": False, "overwrite": True, **QUIET}

    stored = folder / "stored"
    if not stored.exists():
        fl.evolve(problem(), START, 0.1, rtol=1e-3, folder=stored, snapshots=0, **QUIET)
        fl.save_branch(branch(), folder / "branch")
        particles().save(folder / "particles")
        fitted().save(folder / "fit")
        np.savetxt(folder / "intervals.txt", intervals())
    short = {"problem": problem(), "start": START, "t_end": 0.02, "rtol": 1e-2, **QUIET}
    table |= {
        "interval": (fl.interval, {"model": network(), "v_min": -6.0, "v_max": 2.0, "cells": 13, "grading": 1.5}),
        "strip": (fl.strip, {"model": learning(), "v_min": -5.0, "cells": (6, 2), "grading": 1.5}),
        "discretize": (fl.discretize, {"model": network(), "mesh": None, "space": fl.SpectralElement(6), "tol": 1e-3}),
        "discretize on a mesh": (fl.discretize, {"model": network(), "mesh": fl.interval(network(), cells=6)}),
        "evolve": (
            fl.evolve,
            {**short, "t_start": 0.0, "atol": 1e-3, "scheme": fl.Rodas5P(), "events": (), "breakpoints": (0.01,)},
        ),
        "rate_map": (
            fl.rate_map,
            {
                "model": network(),
                "parameters": {"b": [0.1]},
                "paired": True,
                "stability": False,
                "tol": 1e-2,
                "workers": None,
                "executor": public_methods.pool(),
            },
        ),
        "evolve_many": (
            fl.evolve_many,
            {
                "model": network(),
                "parameters": {"b": [0.1, 0.2]},
                "start": START,
                "times": [0.0, 0.1],
                "tol": 1e-2,
                "paired": True,
                "workers": None,
                "executor": public_methods.pool(),
                "t_start": 0.0,
                "N_max": 1e4,
            },
        ),
        "evolve in steps": (
            fl.evolve,
            {**short, "fixed_step": 0.01, "max_step": 0.01, "max_steps": 3, "N_max": 1e4, "first_step": 1e-3},
        ),
        "evolve with a past": (fl.evolve, {**short, "problem": delayed(), "history": 0.1, "observers": ()}),
        "evolve further": (
            fl.evolve,
            {
                **short,
                "after_blow_up": fl.Continue(),
                "snapshots": 2,
                "folder": folder / "further",
                "resume": False,
                "overwrite": True,
            },
        ),
        "save_branch": (fl.save_branch, {"branch": branch(), "folder": folder / "branch", "overwrite": True}),
        "neuron_path": (
            fl.neuron_path,
            {"model": fl.NoisyLIF(), "t_end": 0.1, "points": 10, "start": 0.0, "dt": 0.01, "seed": 1},
        ),
        "Event": (fl.Event, {"name": "x", "function": lambda state: 1.0, "direction": 0, "terminal": True}),
        "resume": (
            fl.resume,
            {"folder": stored, "t_end": 0.1, "max_steps": None, "model": None, "history": None, "events": (), **QUIET},
        ),
        "load_run": (fl.load_run, {"folder": stored, "model": None, "history": None}),
        "read_folder": (fl.read_folder, {"folder": stored}),
        "run.at": (run().at, {"t": 0.05}),
        "run.sample": (run().sample, {"name": "N", "times": [0.01, 0.05]}),
        "run.error": (run().error, {"quantity": "N", "times": 0.05}),
        "run.n": (run().final.n, {"v": [0.0, 1.0]}),
        "steady_states": (fl.steady_states, {"problem": problem(), "t": 0.0, "totals": {"mass": 1.0}}),
        "steady_states of learning": (fl.steady_states, {"problem": resting(), "C": lambda w: np.ones_like(w)}),
        "steady_state": (fl.steady_state, {"problem": problem(), "guess": 0.1, "t": 0.0, "totals": None}),
        "steady_value": (fl.steady_value, {"problem": problem(), "quantity": "N", "guess": 0.1, "tol": 1e-3}),
        "spectrum": (fl.spectrum, {"problem": problem(), "state": steady(), "count": 2}),
        "poincare": (fl.poincare, {"problem": problem(), "state": steady(), "field": "n"}),
        "continuation": (
            fl.continuation,
            {
                "problem": problem(),
                "state": steady(),
                "parameter": "b",
                "bounds": (-0.6, -0.4),
                "N_max": 10.0,
                "max_step": 1.0,
                "max_points": 20,
                "stability": True,
                **kept("continued"),
            },
        ),
        "fold_curve": (
            fl.fold_curve,
            {
                "problem": curved()[0],
                "fold": curved()[1].folds[0],
                "first": "b",
                "second": "a0",
                "bounds": None,
                "N_max": 10.0,
                "max_points": 4,
                "stability": False,
                **kept("folds"),
            },
        ),
        "simulate_particles": (
            fl.simulate_particles,
            {
                "model": network(),
                "neurons": 40,
                "t_end": 0.05,
                "start": START,
                "dt": 0.01,
                "seed": 1,
                "networks": 1,
                "threads": 1,
                "bins": 2,
                "snapshots": [0.05],
                "record": 1,
                "history": 0.0,
                "event_size": 0.05,
                **kept("simulated"),
            },
        ),
        "load_particles": (fl.load_particles, {"folder": folder / "particles", "model": None}),
        "load_fit": (fl.load_fit, {"folder": folder / "fit", "model": None}),
        "compare": (fl.compare, {"particles": particles(), "run": run(), "start": 0.0, "end": 0.1}),
        "first_passage": (
            fl.first_passage,
            {"model": fl.NoisyLIF(current=2.0), "start": 0.0, "rate": None, "t_start": 0.0, "t_end": None, "tol": 1e-8},
        ),
        "FirstPassage.sample": (law().sample, {"count": 3, "seed": 1}),
        "spike_times": (
            fl.spike_times,
            {"model": fl.NoisyLIF(current=3.0), "t_end": 1.0, "start": 0.0, "t_start": 0.0},
        ),
        "fit": (
            fl.fit,
            {
                "intervals": intervals(),
                "model": fl.NoisyLIF(current=1.9),
                "parameters": ["current"],
                "membrane_time": 1.0,
                "kind": "intervals",
                "unit": None,
                "rate": None,
            },
        ),
        "read_intervals": (
            fl.read_intervals,
            {
                "path": folder / "intervals.txt",
                "kind": "intervals",
                "column": 0,
                "unit": None,
                "train": None,
                "layout": None,
                "padding": False,
                "delimiter": None,
                "decimal": None,
                "encoding": None,
            },
        ),
        "as_intervals": (
            fl.as_intervals,
            {
                "data": intervals(),
                "kind": "intervals",
                "where": "here",
                "unit": None,
                "column": None,
                "train": None,
                "layout": None,
                "padding": False,
            },
        ),
        "read_branch": (fl.read_branch, {"folder": folder / "branch"}),
        "ESDIRK43": (fl.ESDIRK43, {}),
        "TRBDF2": (fl.TRBDF2, {}),
        "BackwardEuler": (fl.BackwardEuler, {}),
        "ARK43": (fl.ARK43, {}),
        "MUSCL": (fl.MUSCL, {}),
        "jump": (
            fl.jump,
            {
                "n": "n",
                "of": "N",
                "lands": lambda x: {"v": 1.0},
                "at": {"v": 2.0},
                "rate": None,
                "c": None,
                "name": "reset",
            },
        ),
        "Term": (
            written,
            {
                "into": "n",
                "of": "N",
                "form": lambda N, phi, x: N * phi,
                "coefficient": lambda s, m: 1.0,
                "at": {"v": 1.0},
                "lands": None,
                "matrix": None,
                "name": "source",
            },
        ),
        "Equations": (
            written,
            {
                "axes": (fl.Axis("v", -math.inf, 2.0, {"reset": 1.0}),),
                "unknowns": (fl.Unknown("n", ("v",)), fl.Unknown("N", (), "holds", of="n", at={"v": 2.0})),
                "terms": SEMIGROUP,
                "conserved": (),
                "inputs": (),
                "masses": {},
                "symmetric_along": None,
            },
        ),
        "read_mesh": (fl.read_mesh, {"path": "strip.msh", "model": learning()}),
        "discretize over (v, w)": (
            fl.discretize,
            {"model": learning(), "mesh": None, "space": fl.Tensor(fl.SpectralElement(2), fl.DG(0)), "tol": 0.1},
        ),
        "run.save": (run().save, {"folder": folder / "saved", "overwrite": True, "snapshots": 1}),
        "error_estimate": (fl.error_estimate, {"run": run(), "quantity": "N", "times": [0.05]}),
        "dual_weighted": (fl.dual_weighted, {"run": run(), "quantity": "N"}),
        "plot_particles": (fl.plot_particles, {"run": particles(), "path": folder / "particles.png"}),
        "plot_branch": (
            fl.plot_branch,
            {"branches": branch(), "path": folder / "b.png", "name": "N", "orbits": (), "axes": None},
        ),
        "write_branch_vtk": (
            fl.write_branch_vtk,
            {"branch": branch(), "folder": folder / "vtk", "rows": [0], "overwrite": True},
        ),
        "response": (fl.response, {"problem": problem(), "state": steady(), "omega": [0.0, 1.0], "to": None}),
        "power_spectrum": (
            fl.power_spectrum,
            {"problem": problem(), "state": steady(), "omega": [0.5, 1.0], "neurons": 100},
        ),
        "hopf_curve": (
            fl.hopf_curve,
            {
                "problem": oscillating()[0],
                "hopf": oscillating()[1],
                "first": "b",
                "second": "current",
                "bounds": None,
                "N_max": None,
                "max_points": 2,
                "stability": False,
                **kept("hopfs"),
            },
        ),
        "periodic_orbit": (
            fl.periodic_orbit,
            {
                "problem": oscillating()[0],
                "hopf": oscillating()[1],
                "tol": 1e-2,
                "max_orbits": 20,
                "b": oscillating()[1].b - 0.5,
                **kept("orbit"),
            },
        ),
        "check_model": (fl.testing.check_model, {"model": network(), "seed": 0}),
        "write_vtk": (
            fl.output.write_vtk,
            {"run": run(), "folder": folder / "fields", "times": [0.05], "overwrite": True},
        ),
        "plot_run": (fl.output.plot_run, {"run": run(), "path": folder / "run.png"}),
        "plot_spacetime": (fl.output.plot_spacetime, {"run": run(), "path": folder / "surface.png"}),
        "snapshot_times": (fl.output.snapshot_times, {"start": 0.0, "end": 1.0, "snapshots": 3}),
        "study.folder": (fl.study.folder, {"out": folder / "study", "name": "run"}),
        "study.load": (fl.study.load, {"study": "relaxation"}),
    }
    table |= public_analysis.calls()
    methods = public_methods.of_results(run(), particles(), branch(), law(), fitted(), folder)
    return table | methods | public_methods.of_values(folder) | public_methods.of_studies(folder)
