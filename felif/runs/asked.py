"""What a run was asked for, as its folder stores it, and whether it is what is asked for now."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evolution import STEPS
from ..given.arguments import FLAG, FOLDER, PROBLEM, TIME, either, instance, optional, several, whole
from ..given.identity import differences, mesh, told
from ..output.listing import Listing
from ..output.manifest import KINDS as KINDS_OF_FOLDERS
from ..output.reading import read_description
from ..output.work import WAY_OUT, in_words, said
from ..problem import Problem
from .after_blow_up import Continue

KINDS = STEPS | {  # of the arguments of evolve
    "problem": PROBLEM,
    "scheme": optional(STEPS["scheme"]),
    "after_blow_up": optional(instance("Continue()", Continue)),
    "folder": optional(FOLDER),
    "snapshots": optional(either(whole(0, 10**4), several(TIME, "a row of times", most=10**4))),
    "resume": FLAG,
    "overwrite": FLAG,
    "progress": optional(FLAG),
}


def what_is_asked(
    problem: Problem, start: Any, t_start: float, t_end: float, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Model, mesh, start and settings of a run in plain JSON; functions by what they compute (`identity.told`)."""
    asked = {
        "model": told(problem.model),
        "space": told(problem.space),
        "tol": told(problem.tol),
        "mesh": mesh(problem),
        "start": told(start),
        "t_start": float(t_start),
        "t_end": float(t_end),
        **{name: told(value) for name, value in settings.items()},
    }
    asked["breakpoints"] = told(sorted({*map(float, settings["breakpoints"])}))
    return json.loads(json.dumps(asked))


def goes_on(folder: Path, asked: Mapping[str, Any], overwrite: bool) -> bool:
    """Whether the run in a folder is the one that is asked for, perhaps not so long; False: it is to be replaced.

    A run without a checkpoint holds nothing to go on with and is begun again. Raises ValueError that names what
    differs, unless `overwrite`.
    """
    description = read_description(folder, None)
    stored = description.get("asked")
    if stored is None:
        if overwrite:
            return False
        raise ValueError(
            f"{folder} holds a run that does not say what it was asked for, of an older version: it cannot be compared "
            f"with what is asked now. load_run reads it. {WAY_OUT}"
        )
    differing = differences(stored, asked)
    if asked["snapshots"] is None:  # those that are there
        differing.pop("snapshots", None)
    if asked["t_end"] > stored["t_end"]:
        differing.pop("t_end", None)
    if _most(asked["max_steps"]) > _most(stored["max_steps"]):
        differing.pop("max_steps", None)
    if differing and not overwrite:
        if set(differing) - {"mesh"} and any(name.split(".")[0] in ("model", "space", "tol") for name in differing):
            differing.pop("mesh", None)  # follows from those
        raise ValueError(f"evolve: {folder} holds another run: {in_words(differing)}. {WAY_OUT}")
    return not differing and Listing(folder, KINDS_OF_FOLDERS).is_there("final.npz")


def prolonged(stored: Mapping[str, Any] | None, t_end: float, max_steps: int | None) -> dict[str, Any] | None:
    """What a run was asked for that goes on to t_end, with so many steps."""
    return None if stored is None else {**stored, "t_end": t_end, "max_steps": max_steps}


def require_events(folder: Any, stored: Mapping[str, Any] | None, events: Sequence[Any]) -> None:
    """ValueError unless the events given to `resume` are those the run was started with."""
    if stored is None:
        return
    for old, new in zip(stored["events"], json.loads(json.dumps(told(events))), strict=True):
        for name, (was, now) in differences(old, new).items():
            raise ValueError(
                f"resume: {folder}: {name} = {said(now)} of event {new['name']!r} is given, {said(was)} is there: "
                "give the same events"
            )


def _most(steps: int | None) -> float:
    return math.inf if steps is None else steps
