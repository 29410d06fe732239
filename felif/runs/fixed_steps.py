"""One integration by the settings of a run; where rates are singular, one of fixed steps controls its error.

Behind data that do not vanish at V_F the rate falls like t^(-1/2), and behind a delay it is heard like that. A scheme
whose first stage is explicit starts from a slope M^-1 F of the size of 1/(width of the last cell), and coupling makes
of it a current that moves everyone; stages that read N(t - d) miss part of its integral. What is wrong then no later
step mends, and every scheme is of first order. Backward Euler is so all the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from ..evolution import SCHEMES, BackwardEuler, Checkpoint, Trajectory, integrate
from ..problem import Problem
from .settings import Settings
from .tuning import BARS

_ECHOES = {1: 3, 2: 2}  # of so many delays; an echo is smoother than what it repeats by half an order


def start_up(settings: Settings) -> float | None:
    """How long the error is controlled: a 32nd of the run, in whole steps; None where it always or never is."""
    step = settings.fixed_step
    if step is None or isinstance(settings.scheme, BackwardEuler):
        return None
    return step * max(1, math.ceil((settings.t_end - settings.t_start) / (BARS.part * step) - 1e-9))


def integrated(
    problem: Problem,
    y: np.ndarray,
    t: float,
    t_end: float,
    settings: Settings,
    onto: Trajectory | None,
    *,
    spikes: Sequence[float] = (),
    checkpoint: Checkpoint | None = None,
    **how: Any,
) -> Trajectory:
    """From (t, y), or a checkpoint, to t_end. `onto`: what it continues; `spikes`: times of synchronous ones so far."""
    length, begins = settings.start_up, [*[settings.t_start] * settings.singular, *spikes]
    delays = {delay for _, delay in problem.delays.values()}
    echoes = {sum(way) for way in combinations_with_replacement([0.0, *delays], _ECHOES.get(len(delays), 1))}
    windows = [] if length is None else [(at + d, at + d + length) for at in begins for d in echoes]
    sharp = settings.but(fixed_step=None, rtol=min(settings.rtol, BARS.rtol), scheme=SCHEMES[problem.default_scheme]())
    now = t if checkpoint is None else checkpoint.t
    if checkpoint is not None and now in [end for window in windows for end in window]:
        checkpoint = checkpoint.counted()
    while True:
        ends = [end for begin, end in windows if begin <= now < end]
        until = min(t_end, max(ends) if ends else min((begin for begin, _ in windows if begin > now), default=math.inf))
        chosen = sharp if ends else settings
        onto = _once(problem, y, t, until, chosen, onto=onto, checkpoint=checkpoint, **how)
        if onto.outcome.name != "finished" or not onto.t == until < t_end:
            return onto
        last = onto.segments[-1]
        problem, y, t, now, checkpoint = last.problem, last.states[-1], until, until, None


def _once(problem: Problem, y: np.ndarray, t: float, t_end: float, settings: Settings, **how: Any) -> Trajectory:
    return integrate(
        problem,
        y,
        t,
        t_end,
        rtol=settings.rtol,
        atol=settings.atol,
        breakpoints=list(settings.breakpoints),
        fixed_step=settings.fixed_step,
        first_step=settings.first_step,
        max_step=settings.max_step,
        max_steps=settings.max_steps,
        N_max=settings.N_max,
        core=settings.core,
        scheme=settings.scheme,
        **how,
    )
