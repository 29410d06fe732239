"""How a simulation that is there goes on to a later end, to the digits of one that was asked for up to there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..output.work import Further
from .planning import Plan, bin_edges, plan_simulation

_MAY_DIFFER = ("t_end", "bins", "snapshots")
_STORED = ("neurons", "dt", "record", "event_size")


def further(law_until: Callable[[float], Any], plan: Plan, settings: Mapping[str, Any], is_there: Callable) -> Further:
    """What a simulation with this plan and these settings can go on from.

    law_until: t_end -> the law; is_there: whether a folder has the state of the k-th network.
    """

    def description(stored: Mapping[str, Any]) -> dict[str, Any]:
        if "settings" not in stored:
            return {}
        return {"settings": stored["settings"] | {name: settings[name] for name in _MAY_DIFFER}}

    return Further(_MAY_DIFFER, partial(_refusal, law_until, plan, is_there), description)


def stored_plan(law: Any, settings: Mapping[str, Any]) -> Plan:
    """The plan of a simulation that is in a folder, but for its history."""
    return plan_simulation(law, history=0.0, **{name: settings[name] for name in (*_STORED, *_MAY_DIFFER)})


def _refusal(law_until: Callable, plan: Plan, is_there: Callable, stored: Mapping[str, Any]) -> str:
    """Why what is there is not the beginning of what is asked for."""
    given = stored.get("settings")
    if given is None:  # no network has begun
        return ""
    before = stored_plan(law_until(given["t_end"]), given)
    if stored.get("outcome") is not None and not all(map(is_there, range(given["networks"]))):
        return "the files network-000001.npz, ... say where its networks ended, and not all of them are there"
    if plan.steps < before.steps:
        return f"it ends at t = {given['t_end']:g}; it goes on to later ends only"
    if plan.dt != before.dt:
        return f"its steps of {before.dt:.17g} do not lead to that t_end; whole numbers of dt do"
    if _abrupt(plan, given["t_end"]) != _abrupt(before, given["t_end"]):
        return "its current changes fast, and over the longer time that is seen at other times; Piecewise says when"
    if not _consist(plan.edges, before.edges):
        return f"the bins that are asked do not consist of those that are there; {_bins(plan, before)}"
    taken = {*before.snapshots, before.steps}
    if missing := [step for step in plan.snapshots if step <= before.steps and step not in taken]:
        return f"it has no snapshot at t = {missing[0] * plan.dt:g}, which has passed"
    return ""


def _abrupt(plan: Plan, end: float) -> list[list[float]]:
    """Times before `end` between which means of currents are taken."""
    return [[t for t in getattr(p.current, "breakpoints", ()) if t < end] for p in plan.law.populations]


def _consist(edges: np.ndarray, parts: np.ndarray) -> bool:
    """Whether bins, as far as those of `parts` reach, consist of whole ones of them."""
    return bool(np.isin(edges[edges < parts[-1]], parts).all())


def _bins(plan: Plan, before: Plan) -> str:
    """What makes bins that consist of those that are there."""
    bins, steps = len(before.edges) - 1, before.steps
    wanted, odd = divmod(bins * plan.steps, steps)
    if not odd and _consist(bin_edges(plan.steps, wanted), before.edges):
        return f"those of bins = {wanted} do"
    return f"those of t_end = {2 * steps * plan.dt:g}, {3 * steps * plan.dt:g}, ... do"
