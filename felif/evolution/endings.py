"""Why an integration stops where no step succeeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..given.inputs import is_of_user
from ..problem import Infeasible, Outcome

CLOCK_ULPS = 1024  # distance to a pole in numbers of the clock, below which it cannot be approached further


def unevaluated(reason: ArithmeticError, where: str) -> Outcome:
    """The problem has no value at the last state; what a function of the user raised is raised again."""
    if is_of_user(reason):
        raise reason
    return Outcome("not_finite", f"The problem cannot be evaluated {where}: {reason}.")


def blow_up(run: Any, message: str, N: float) -> Outcome:
    """The outcome of a run that ends in a blow-up, which is estimated here."""
    run.trajectory.blow_up = found = run.watch.estimate(run.t, N, message)
    return Outcome("blow_up", f"Blow-up at t = {found.time:.10g} (error about {found.error:.1e}). {message}")


def stuck(run: Any) -> Outcome:
    """No step succeeds, however small (or the fixed one does not): why?"""
    failure = run.failure
    if failure is not None and is_of_user(failure):  # a coefficient fails in every step
        raise failure
    margin = run.problem.margin(run.window.inside(run.t), run.y)
    size = "of the fixed size" if run.fixed_step is not None else "however small"
    infeasible = type(failure) is Infeasible
    if margin < 0.5 and (infeasible or run.watch.rising and margin < 0.1) or infeasible and run.watch.rising:
        where = f"t = {run.t:.10g}, where the margin is {margin:.3g} and N = {run.rate_now:.4g}"
        return blow_up(run, f"No step {size} leads on from {where}: {failure}.", run.rate_now)
    if run.watch.left < CLOCK_ULPS * float(np.spacing(abs(run.t))):
        return blow_up(
            run, f"N = {run.rate_now:.4g} rises to its pole within the resolution of the clock.", run.rate_now
        )
    if run.fixed_step is None and run.watch.lawful:  # as good as the rounding of N in so thin a layer allows
        message = f"N = {run.rate_now:.4g} rises to its pole until rounding lets no step succeed."
        return blow_up(run, message, run.rate_now)
    name = "not_finite" if isinstance(failure, FloatingPointError) else "step_underflow"
    name = getattr(failure, "kind", name)
    return Outcome(name, f"No step {size} succeeds at t = {run.t:.10g}: {failure}.")
