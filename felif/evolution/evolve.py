"""Integration in time of M dy/dt = F(t, y)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from ..given.arguments import FUNCTION, POSITIVE, TIME, checked, choice, instance, number, optional, several, whole
from ..problem import Problem
from .additive import is_additive
from .events import Event
from .loop import Integration
from .schemes import SCHEMES, Rodas5P, Scheme, tableau_of
from .trajectory import Checkpoint, Trajectory

STEPS = {  # kinds of the arguments that say how steps are made
    "t_start": TIME,
    "t_end": TIME,
    "scheme": instance(", ".join(f"{name}()" for name in SCHEMES), *SCHEMES.values()),
    "rtol": number(least=1e-14, most=0.5),
    "atol": optional(number(least=0.0)),
    "events": several(instance("an Event", Event), "a row of Event"),
    "breakpoints": several(TIME, "a row of finite numbers"),
    "fixed_step": optional(POSITIVE),
    "first_step": optional(POSITIVE),
    "max_step": number(above=0.0, infinite=True),
    "max_steps": optional(whole(1)),
    "N_max": POSITIVE,
    "observers": several(FUNCTION, "a row of functions"),
}


@checked(
    **STEPS | {"max_steps": optional(whole(0)), "N_max": number(above=0.0, infinite=True)},
    core=choice("compiled", "python"),
)
def integrate(
    problem: Problem,
    y0: np.ndarray,
    t_start: float,
    t_end: float,
    *,
    scheme: Scheme = Rodas5P(),
    rtol: float = 1e-6,
    atol: float | None = None,
    events: Sequence[Event] = (),
    breakpoints: Sequence[float] = (),
    fixed_step: float | None = None,
    first_step: float | None = None,
    max_step: float = inf,
    max_steps: int | None = None,
    N_max: float = 1e5,
    observers: Sequence[Callable[[Trajectory], None]] = (),
    checkpoint: Checkpoint | None = None,
    onto: Trajectory | None = None,
    core: str = "compiled",
) -> Trajectory:
    """The solution of M dy/dt = F(t, y), y(t_start) = y0, up to t_end or as far as it exists.

    rtol, atol   the error of a step is kept below rtol max|y|, and for every scalar (N, R) below rtol of itself; atol
                 (default 0) is added to both. See `ErrorNorm`
    breakpoints  times where the input may jump: steps end on them, and the problem is evaluated strictly between them
    fixed_step   this step size, without control of the error, for studies of convergence
    max_steps    the most accepted steps of this call
    observers    called with the trajectory after every accepted step
    core         "compiled": the compiled core makes the steps where it was built and takes the problem and the scheme,
                 to the same results but for rounding; "python": the loop of this package does
    checkpoint   go on from here, with the problem (mesh) it belongs to; y0 and t_start are not used

    It never raises for what the solution does; `outcome.name` is "finished", the name of a terminal event, or

        "max_steps"       as many steps as allowed were made
        "blow_up"         N exceeds N_max and rises, or no N exists for any step (`blow_up` has the time and its error)
        "jump"            two solutions of the equation of N meet: N stays finite and would jump (time: `blow_up`)
        "unstable_step"   a fixed step exceeds what the explicit part of the problem allows (CFL)
        "step_underflow"  the tolerance cannot be met by any step
        "beyond_equations"  the solution leaves the states for which the model's equations hold
        "newton_failed"   Newton's iteration fails for every step
        "not_finite"      the problem returns inf or NaN
    Raises ValueError for settings outside their range.
    """
    y0 = np.array(y0, float)
    if checkpoint is None and y0.shape != (problem.size,):
        raise ValueError(f"y0 has shape {y0.shape}; the problem has {problem.size} unknowns")
    if checkpoint is not None and checkpoint.y.shape != (problem.size,):
        raise ValueError(
            f"checkpoint has {checkpoint.y.size} unknowns and the problem {problem.size}: it belongs to another mesh"
        )
    tableau_of(scheme, is_additive(problem))
    if t_end < t_start:
        raise ValueError(f"t_end = {t_end!r}; allowed is a finite number >= t_start = {t_start!r}")
    return Integration(
        problem,
        y0,
        float(t_start),
        float(t_end),
        scheme=scheme,
        rtol=float(rtol),
        atol=0.0 if atol is None else float(atol),
        events=events,
        breakpoints=sorted(set(map(float, breakpoints))),
        fixed_step=fixed_step,
        first_step=first_step,
        max_step=max_step,
        max_steps=inf if max_steps is None else max_steps,
        N_max=N_max,
        observers=observers,
        checkpoint=checkpoint,
        onto=onto,
        core=core,
    ).run()
