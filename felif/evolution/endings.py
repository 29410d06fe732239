"""Why an integration stops before its end: a rate that has run away, no step that succeeds, no value at a state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..given.inputs import is_of_user
from ..problem import BlowUp, Infeasible, Outcome
from .tuning import STEPPING


def unevaluated(reason: ArithmeticError, where: str) -> Outcome:
    """The problem has no value at the last state; what a function of the user raised is raised again."""
    if is_of_user(reason):
        raise reason
    return Outcome("not_finite", f"The problem cannot be evaluated {where}: {reason}.")


def blow_up(run: Any, message: str, N: float) -> Outcome:
    """The outcome of a run that ends in a blow-up, or where N would jump; when that is is estimated here."""
    found = run.watch.estimate(run.t, N, message)
    if run.problem.jumps and not run.watch.lawful and (margin := _margin(run)) < STEPPING.nearly_singular:
        found = _jump(run, found, margin)
    run.trajectory.blow_up = found
    return outcome_of(found)


def run_away(run: Any) -> Outcome | None:
    """The end of a run whose rate is beyond any bound and rises, by the law of a blow-up or with hardly a margin."""
    if run.watch.beyond and (run.watch.lawful or _margin(run) < STEPPING.nearly_singular):
        reason = f"N = {run.rate_now:.4g} at t = {run.t:.10g} exceeds {run.watch.N_max:.4g} and rises."
        return blow_up(run, reason, run.rate_now)
    return None


def outcome_of(found: BlowUp) -> Outcome:
    """The sentence about a blow-up or a jump."""
    name, what = ("jump", "N would jump") if found.mechanism == "jump" else ("blow_up", "Blow-up")
    return Outcome(name, f"{what} at t = {found.time:.10g}, error about {found.error:.1e}. {found.message}")


def _margin(run: Any) -> float:
    return run.problem.margin(run.window.inside(run.t), run.y)


def _jump(run: Any, found: BlowUp, margin: float) -> BlowUp:
    """Two solutions of the equation of N meet: the margin is like the root of the time that is left."""
    segment, left = run.trajectory.segments[-1], 0.0
    if len(segment.times) > 1:
        t, end = segment.times[-2:].tolist()
        before = segment.problem.margin(t, segment.states[-2])
        if before > margin > 0:
            left = margin**2 * (end - t) / (before**2 - margin**2)
    message = (
        f"N = {found.N:.6g} stays finite there, and its derivative does not: beyond, its equation has no solution next "
        f"to this one (the margin has fallen to {margin:.3g})."
    )
    error = found.steps + left + float(np.spacing(abs(run.t)))
    changes = {"time": run.t + left, "error": error, "exponent": 0.0, "remaining": found.N * left}
    return replace(found, message=message, mechanism="jump", **changes)


def stuck(run: Any) -> Outcome:
    """No step succeeds, however small (or the fixed one does not): why?"""
    failure = run.failure
    if failure is not None and is_of_user(failure):  # a coefficient fails in every step
        raise failure
    margin = _margin(run)
    size = "of the fixed size" if run.fixed_step is not None else "however small"
    infeasible = type(failure) is Infeasible
    rising, risen = run.watch.rising, run.watch.risen(run.t, run.rate_now)
    if margin < 0.5 and (infeasible or rising and margin < 0.1) or infeasible and rising or risen:
        where = f"t = {run.t:.10g}, where the margin is {margin:.3g} and N = {run.rate_now:.4g}"
        return blow_up(run, f"No step {size} leads on from {where}: {failure}.", run.rate_now)
    if run.watch.left < STEPPING.clock_ulps * float(np.spacing(abs(run.t))):
        return blow_up(
            run, f"N = {run.rate_now:.4g} rises to its pole within the resolution of the clock.", run.rate_now
        )
    if run.fixed_step is None and run.watch.lawful:  # as good as the rounding of N in so thin a layer allows
        message = f"N = {run.rate_now:.4g} rises to its pole until rounding lets no step succeed."
        return blow_up(run, message, run.rate_now)
    name = "not_finite" if isinstance(failure, FloatingPointError) else "step_underflow"
    name = getattr(failure, "kind", name)
    return Outcome(name, f"No step {size} succeeds at t = {run.t:.10g}: {failure}.")
