"""Steps made by the compiled core, many at a time; what the loop does after each of them is done after each burst.

The core comes back where something is to be decided: at a breakpoint, where the mesh may no longer serve, where N is
large, where no step succeeds. A step that it cannot make (a small pivot, no rate) is made, or refused, by the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import byref
from dataclasses import asdict
from functools import lru_cache
from math import inf, nan
from typing import Any

import numpy as np

from ..algebra import compiled
from ..problem import Infeasible, Outcome
from .endings import stuck
from .events import until_event
from .history import NODES, History
from .stepper import StepFailed
from .tableaux import RosenbrockTableau
from .tuning import CONTROL, STEPPING


def burst_of(run: Any) -> Burst | None:
    """What makes bursts of steps for an integration on its present problem; None where the loop must make the steps."""
    core = compiled.library() if run.core == "compiled" else None
    tableau = run.tableau
    if core is None or not isinstance(tableau, RosenbrockTableau) or len(tableau.c) != 8 or len(tableau.H) != 3:
        return None
    if not np.array_equal(tableau.e, np.eye(8)[-1]):  # the core takes the last stage for the error
        return None
    history = run.problem.history
    if isinstance(history, History) and history.interrupted:  # the core knows no gaps
        return None
    system = run.problem.condensed
    return None if system is None else Burst(core, system, run)


@lru_cache
def scheme_of(tableau: RosenbrockTableau) -> tuple[compiled.Scheme, Any]:
    """The tableau for the core, whose error is its last stage, and the arrays it points to."""
    arrays = {name: np.ascontiguousarray(getattr(tableau, name), float) for name in "aCbcdH"}
    pointers = {name: compiled.pointer(array) for name, array in arrays.items()}
    return compiled.Scheme(**pointers, gamma=tableau.gamma, exponent=1.0 / (tableau.error_order + 1)), arrays


def progress(rtol: float, accepted_rtol: float, atol: float) -> compiled.Progress:
    """What a burst is given and gives back, with the numbers of the control of the step."""
    control = compiled.Control(**asdict(CONTROL))
    return compiled.Progress(rtol=rtol, accepted_rtol=accepted_rtol, atol=atol, known=-1, control=control)


class Burst:
    """The core on one problem: its working memory, the steps it hands back, the inputs it calls."""

    def __init__(self, core: Any, system: Any, run: Any) -> None:
        self._call, self._system, problem = core.felif_burst, system, run.problem
        size, scalars = problem.size, len(problem.scalar_names)
        self._scheme = scheme_of(run.tableau)[0]
        self._watched = bool(run.events) or any(getattr(observer, "each_step", True) for observer in run.observers)
        self._capacity = 1 if self._watched else STEPPING.capacity
        self._work = np.empty(core.felif_work(byref(system.system)) + 8)
        self._y = np.empty(size)
        self._times, self._errors = np.empty((2, self._capacity))
        self._scalars = np.empty((self._capacity, scalars))
        self._states, self._dense = np.empty((self._capacity, size)), np.empty((self._capacity, 3, size))
        arrays = (self._times, self._errors, self._scalars, self._states, self._dense)
        self._steps = compiled.Steps(*map(compiled.pointer, arrays))
        self._progress = p = progress(run.norm.rtol, run.rtol, run.atol)
        p.max_step, p.N_max, p.tiny, p.fixed = run.max_step, run.watch.N_max, run.tiny, run.fixed_step is not None
        self._raised: BaseException | None = None
        self._inputs = self._given(run)
        start = compiled.pointer(self._work)
        self._arguments = (
            byref(system.system),
            byref(self._scheme),
            byref(self._inputs),
            byref(p),
            byref(self._steps),
            compiled.pointer(self._y),
            start + -start % 64,
        )

    # inputs -----------------------------------------------------------------------------------------------------

    def _given(self, run: Any) -> compiled.Inputs:
        names, problem = self._system.input_names, run.problem
        self._history: History | None = None
        if not names:
            return compiled.Inputs()
        inputs, delays, history = problem.input_functions, problem.delays, problem.history
        count = len(names)
        kind, value, scalar = (
            np.full(count, compiled.CALLED_INPUT, np.int32),
            np.zeros(count),
            np.zeros(count, np.int32),
        )
        functions: list[Callable[[float], float]] = [inputs[name] for name in names]
        if isinstance(history, History) and any(history.follow == observer for observer in run.observers):
            self._history = history
            for k, name in enumerate(names):
                if name in delays:
                    of, value[k] = delays[name]
                    kind[k], scalar[k] = compiled.DELAYED_INPUT, problem.scalar_names.index(of)
            functions += [lambda t, name=name: history(name, t) for name in problem.scalar_names]
            self._progress.past_start = history.t_start
        self._kept = kind, value, scalar, compiled.InputFunction(self._called(functions))
        given = compiled.Inputs(self._kept[3], *map(compiled.pointer, (kind, value, scalar, NODES)))
        return given

    def _called(self, functions: list[Callable[[float], float]]) -> Callable[[int, float], float]:
        """A function for the core, which knows no exceptions: they are kept, and NaN says so."""

        def called(which: int, t: float) -> float:
            try:
                return functions[which](t)
            except Infeasible:
                return inf
            except BaseException as error:
                self._raised = error
                return nan

        return called

    # steps ------------------------------------------------------------------------------------------------------

    def advance(self, run: Any) -> Outcome | None:
        """Makes accepted steps; an Outcome if the last of them ends the run or the next cannot be made."""
        if not run.window.low <= run.t < run.next_stop:
            run.look_ahead()
        p, controller, statistics, t, y = self._progress, run.controller, run.statistics, run.t, run.y
        p.t, p.h, p.end, p.low, p.high = t, run.h, run.next_stop, run.window.low, run.window.high
        p.span = run.t_end - t
        p.rate = -1 if run.rate_index is None else run.rate_index
        p.shortest, p.layer, p.rounding = run.shortest, run.layer, 0.0
        p.control_error, p.control_step = controller.error, controller.step
        p.control_rejected, p.control_starting = controller.rejected, controller.starting
        p.rejected = p.factorisations = p.failure = 0
        p.capacity = min(self._capacity, int(min(run.max_steps - statistics["steps"], STEPPING.capacity)))
        p.until_coarsening, p.coarsening_every = max(run.look_at - statistics["steps"], 1), run.pause
        p.longest_pause = run.longest_pause
        if self._history is not None:
            times, values, p.known = self._history.room(run.problem.scalar_names, p.capacity)
            self._inputs.times, self._inputs.values = compiled.pointer(times), compiled.pointer(values)
        self._y[:] = y
        code = self._call(*self._arguments)
        if self._raised is not None:
            raised, self._raised = self._raised, None
            raise raised
        made = p.made
        run.h, run.shortest, run.layer = p.h, p.shortest, p.layer
        controller.error, controller.step = p.control_error, p.control_step
        controller.rejected, controller.starting = bool(p.control_rejected), bool(p.control_starting)
        statistics["rejected"] += p.rejected
        statistics["factorisations"] += p.factorisations
        run.trajectory.rounding += p.rounding
        outcome = self._record(run, made, t) if made else None
        run.pause = p.coarsening_every
        run.look_at = statistics["steps"] + (0 if p.coarser else p.until_coarsening)
        if made and outcome is None:
            outcome = run.after_steps(finer=bool(p.finer), coarser=bool(p.coarser))
        if made:
            run.observed(outcome)
        if outcome is None and run.burst is self and code in (compiled.NO_RATE, compiled.PIVOT, compiled.NO_INPUT):
            return run.step_of_loop()
        if outcome is None and run.burst is self and code == compiled.STUCK:
            run.failure = self._failure()
            return stuck(run)
        return outcome

    def _record(self, run: Any, made: int, t: float) -> Outcome | None:
        """What happened in the steps; an Outcome if an event ended the run."""
        times, scalars, problem = self._times[:made], self._scalars[:made], run.problem
        states, dense, outcome = self._states[:made], self._dense[:made], None
        if run.events:  # one step at a time
            reached, y1, D, outcome = until_event(run, float(times[0]), states[0].copy(), dense[0].copy())
            if reached < times[0]:
                times, states, dense = np.array([reached]), y1[None], D[None]
                scalars = problem.scalars(run.window.inside(reached), y1)[None]
        run.statistics["steps"] += made
        if self._history is not None:
            self._history.took(run.trajectory, made)
        run.trajectory.segments[-1].extend(times, states, dense)
        run.trajectory.record_many(times, np.diff(times, prepend=t), problem.observed(scalars, states))
        run.t, run.y, run.scalars = float(times[-1]), states[-1].copy(), scalars[-1].copy()
        if run.rate_places:
            rates, errors = scalars[:, run.rate_places].max(axis=1).tolist(), self._errors[:made].tolist()
            for moment, N, error in zip(times.tolist(), rates, errors, strict=True):
                run.watch.record(moment, N, error, run.rtol)
        if self._system.looks_at_each_step:
            for moment, state in zip(times.tolist(), states, strict=True):
                problem.warn_where_wrong(run.window.inside(moment), state)
        return outcome

    def _failure(self) -> ArithmeticError:
        """Why the last step was refused."""
        p = self._progress
        if p.failure == compiled.INFEASIBLE:
            margin = p.failure_value / self._system.empty
            return Infeasible(f"no firing rate satisfies its equation: 1 - f1.n = {margin:.3g}")
        if p.failure == compiled.TOO_LARGE:
            return StepFailed("step_underflow", f"the error of a step is {p.failure_value:.3g} times the tolerance")
        return StepFailed("not_finite", "the right-hand side or the solution is not finite")
