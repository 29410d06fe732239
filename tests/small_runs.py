"""A small problem and its runs, for tests of what folders hold."""

from __future__ import annotations

import felif as fl

MESH = {"cells": 6, "v_min": -5.0}


def problem_of(tol=None, cells=6, space=None, **parameters):
    model = fl.NoisyLIF(**{"b": 0.5, **parameters})
    if tol is not None:
        return fl.discretize(model, tol=tol)
    return fl.discretize(model, fl.interval(model, **{**MESH, "cells": cells}), space=space)


PROBLEM, START = problem_of(), fl.Gaussian(-1.0, 0.25)
LATE = problem_of(delay=0.5)


def evolve(problem=PROBLEM, start=START, t_end=0.2, **settings):
    return fl.evolve(problem, start, t_end, **{**HOW, "resume": True, **settings})


HOW = {"rtol": 1e-3, "snapshots": 2, "progress": False}


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
