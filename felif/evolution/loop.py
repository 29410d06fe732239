"""The loop over steps: choose a step, make it or refuse it, record it, decide whether to go on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import inf, isnan, nan

import numpy as np

from ..problem import Infeasible, Outcome, Problem, State
from .additive import AdditiveStepper, is_additive, rounding_of_rate
from .blow_up import BlowUpWatch
from .bursts import burst_of
from .checkpoint import COUNTERS, Checkpoint, pack, unpack
from .conserving import Conserving
from .diagonal import DiagonallyImplicitStepper
from .endings import blow_up, run_away, stuck, unevaluated
from .events import Event, until_event
from .rosenbrock import RosenbrockStepper
from .schemes import Scheme, tableau_of
from .step_control import Controller, ErrorNorm
from .stepper import StepFailed, Window
from .tableaux import AdditiveTableau, RosenbrockTableau
from .trajectory import RUNNING, Segment, Trajectory
from .tuning import CONTROL, STEPPING


class Integration:
    """An integration under way: everything mutable, between one accepted step and the next."""

    def __init__(
        self,
        problem: Problem,
        y: np.ndarray,
        t: float,
        t_end: float,
        *,
        scheme: Scheme,
        rtol: float,
        atol: float,
        events: Sequence[Event],
        breakpoints: Sequence[float],
        fixed_step: float | None,
        first_step: float | None,
        max_step: float,
        max_steps: float,
        N_max: float,
        observers: Sequence[Callable[[Trajectory], None]],
        checkpoint: Checkpoint | None,
        onto: Trajectory | None = None,
        core: str = "compiled",
    ) -> None:
        self.core = core  # "compiled", where the problem and the scheme allow it, or "python"
        self.problem, self.t, self.y, self.t_end = problem, t, y, t_end
        self.scheme, self.rtol, self.atol = scheme, rtol, atol
        self.events, self.observers, self.breakpoints = events, observers, breakpoints
        self.fixed_step, self.max_step, self.max_steps = fixed_step, max_step, max_steps
        self.h = fixed_step if fixed_step is not None else nan if first_step is None else first_step
        self.next_stop = inf if checkpoint is None else t  # steps land on it
        # Fixed steps serve studies of convergence: what Newton leaves must not be seen in them.
        self.newton_target = 1e-11 / rtol if fixed_step is not None else max(1e-2, 1e-12 / rtol)
        self.shortest = self.layer = 0.0  # steps this short are accepted with larger errors, up to _layer
        self.failure: ArithmeticError | None = None  # why the last refused step was refused
        self.tiny = 1e-10 * abs(t_end - t)
        self.statistics = dict.fromkeys(COUNTERS, 0) if onto is None else onto.statistics
        self.tableau = tableau_of(scheme, is_additive(problem))
        self.controller = Controller(self.tableau.error_order)
        self.watch = BlowUpWatch(N_max)
        self.pause = STEPPING.coarsened_every  # between looks whether fewer cells would do, and the next one
        self.look_at = self.statistics["steps"] + self.pause
        self._use(problem)
        if checkpoint is not None:
            unpack(checkpoint, self)
        self.trajectory = onto or Trajectory([])
        self._known = onto is not None and np.array_equal(onto.segments[-1].states[-1], y)  # no jump: it goes on
        if checkpoint is not None and onto is None:
            self.trajectory.rounding = float(checkpoint.memory.get("rounding", 0.0))
        self.trajectory.statistics, self.trajectory.t_end = self.statistics, t_end
        self.trajectory.outcome = RUNNING
        self.trajectory.blow_up, self.trajectory.checkpoint = None, self.checkpoint
        self._open_segment()

    def run(self) -> Trajectory:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            outcome = self._start()
            while outcome is None:
                if self.t >= self.t_end:
                    outcome = Outcome("finished", f"Reached t = {self.t_end:.10g}.")
                elif (steps := self.statistics["steps"]) >= self.max_steps:  # a resumed run counts on
                    outcome = Outcome(
                        "max_steps", f"Made {steps} steps, the most allowed, and reached t = {self.t:.10g}."
                    )
                else:
                    outcome = self.step_of_loop() if self.burst is None else self.burst.advance(self)
        self.trajectory.checkpoint = self.checkpoint()
        self.trajectory.outcome = outcome
        return self.trajectory

    # -- beginning -------------------------------------------------------------------------------------------------

    def _use(self, problem: Problem) -> None:
        """Steppers and norm for a problem (a mesh)."""
        self.problem = problem
        tableau = self.tableau
        self.norm = ErrorNorm(problem, self.rtol * tableau.caution, self.atol, self.newton_target / tableau.caution)
        self._coarsened = problem.coarsened
        self._conserving = Conserving(problem)
        names = problem.scalar_names
        self.rate_places = [names.index(name) for name in problem.rate_names]
        self.burst = burst_of(self)
        self.stepper = None if self.burst is not None else self._stepper()

    def _stepper(self) -> RosenbrockStepper | AdditiveStepper | DiagonallyImplicitStepper:
        if isinstance(self.tableau, RosenbrockTableau):
            return RosenbrockStepper(self.tableau, self.problem, self.statistics)
        if isinstance(self.tableau, AdditiveTableau):
            return AdditiveStepper(self.tableau, self.problem, self.statistics)
        return DiagonallyImplicitStepper(self.tableau, self.problem, self.statistics, self.norm)

    def _open_segment(self) -> None:
        q = len(self.tableau.H) if isinstance(self.tableau, RosenbrockTableau) else 2 * self.tableau.hermite
        self.trajectory.segments.append(Segment(self.problem, type(self.scheme).__name__, self.t, self.y, q))

    def _start(self) -> Outcome | None:
        """Records the start and measures there; an Outcome if there is nothing to integrate from."""
        t = self.look_ahead().inside(self.t)
        if not np.isfinite(self.y).all():
            return Outcome("not_finite", f"The state at the start, t = {self.t:.10g}, has entries that are not finite.")
        try:
            if not self._known:
                self.trajectory.record(self.t, 0.0, self.problem.observe(t, self.y))
            self._move(self.problem.scalars(t, self.y), t)
            if not self.problem.margin(t, self.y) > 0:
                raise Infeasible("the margin is not positive")
        except Infeasible as reason:
            return blow_up(self, f"No firing rate exists at the start, t = {self.t:.10g}: {reason}.", inf)
        except ArithmeticError as reason:
            return unevaluated(reason, f"at the start, t = {self.t:.10g}")
        if not self.watch.rates and self.rate_index is not None:
            self.watch.record(self.t, self.rate_now, 0.0, 0.0)
        self.event_values = self._event_values()
        return None

    def _move(self, scalars: np.ndarray, t: float, measure: bool = False) -> None:
        """New scalars at this state; the core has a norm of its own."""
        self.scalars = scalars
        if measure or self.burst is None:
            self.norm.at(t, self.y, scalars)

    def look_ahead(self) -> Window:
        """Moves `window` and `next_stop` to those of t. Behind a jump of inputs the step is chosen anew.

        What comes late jumps once, and has kinks later on: a first step chosen from slopes would be one chosen from
        rounding where cells are tiny.
        """
        landed, position = self.t >= self.next_stop, bisect_right(self.breakpoints, self.t)
        before, left = (self.breakpoints[k] if k >= 0 else -inf for k in (position - 2, position - 1))
        right = self.breakpoints[position] if position < len(self.breakpoints) else inf
        self.next_stop = min(right, self.t_end)
        self.window = Window.between(left, right)
        if landed and left == self.t and left not in self.problem.kinks:
            sides, less = (Window.between(-inf, left).high, self.window.low), self.h * STEPPING.behind_kinks
            if self.fixed_step is None and self.norm.notices_jump(*sides, self.y, self.h):
                self.h = nan
            elif self.fixed_step is None and left - before > less:  # else both are as good as one
                self.h = self.controller.step = less
            if self.stepper is not None:
                self.stepper.forget()
        return self.window

    # -- one step --------------------------------------------------------------------------------------------------

    def step_of_loop(self) -> Outcome | None:
        """Makes one accepted step; an Outcome if it is the last or cannot be made."""
        t, y = self.t, self.y
        if self.stepper is None:
            self.stepper = self._stepper()
        crossed = not self.window.low <= t < self.next_stop
        window, stepper = self.look_ahead() if crossed else self.window, self.stepper
        try:
            if crossed or self.burst is not None:
                self._move(self.problem.scalars(window.inside(t), y), window.inside(t), measure=True)
            stepper.begin(t, y, window)
        except Infeasible as reason:
            return blow_up(self, f"No firing rate exists at t = {t:.10g}: {reason}.", self.rate_now)
        except ArithmeticError as reason:
            return unevaluated(reason, f"at t = {t:.10g}")
        if isnan(self.h):
            span = self.t_end - t
            self.h = self.norm.first_step(stepper.start_slope(), self.scalars, span)
            # an initial layer thinner than what the clock can tell apart is stepped over: the schemes damp it
            self.shortest = CONTROL.first_ulps * float(np.spacing(max(abs(t), self.tiny)))
            self.h, self.layer = max(self.h, self.shortest), t + CONTROL.layer * self.shortest
        while True:
            t1, lands = self._end_of_step()
            h = t1 - t
            if not lands and h < CONTROL.shortest_ulps * float(np.spacing(max(abs(t), self.tiny))):
                return stuck(self)
            try:
                self.norm.of_step(h)
                y1 = self._conserve(y, stepper.attempt(t, y, h), h)
                inside = window.inside(t1)
                scalars = self.problem.scalars(inside, y1)
                if not self.problem.margin(inside, y1) > 0:
                    raise Infeasible("the margin is not positive")
                if len(scalars) and not np.isfinite(scalars).all():
                    raise Infeasible("the firing rate is not finite")
                self.norm.at(inside, y1, scalars)
                self.norm.of_step(h, scalars > self.scalars)
                error = self.norm.of_change(stepper.error)
                if not error < inf:
                    raise StepFailed("not_finite", "the estimate of the error is not finite")
            except ArithmeticError as reason:
                if getattr(reason, "of_user", False):
                    raise
                self.failure, error = reason, None
            if error is not None and (error <= 1.0 or self.fixed_step is not None):
                break
            shortest = h <= CONTROL.longer * self.shortest
            if error is not None and shortest and error * self.rtol < CONTROL.first_change:
                break
            self.statistics["rejected"] += 1
            self.norm.at(window.inside(t), y, self.scalars)
            if self.fixed_step is not None:
                return stuck(self)
            if error is None:
                self.controller.rejected = True
                self.h = CONTROL.failed * h
            else:
                self.failure = StepFailed("step_underflow", f"the error of a step is {error:.3g} times the tolerance")
                self.h = h * self.controller.refused(error)
        self.shortest *= t1 < self.layer
        return self._accept(t1, y1, h, inside, scalars, error, lands)

    def _conserve(self, y: np.ndarray, y1: np.ndarray, h: float) -> np.ndarray:
        rounding = lambda: rounding_of_rate(self.problem, self.window.inside(self.t), y, h)
        self.trajectory.rounding += self._conserving.taken_out(y, y1, rounding)
        return y1

    def _end_of_step(self) -> tuple[float, bool]:
        """(t + h, does it end on a breakpoint or t_end), avoiding a last step of nearly nothing."""
        remaining = self.next_stop - self.t
        limit = getattr(self.stepper, "limit", inf) if self.fixed_step is None else inf  # of an explicit part
        h = min(self.h, self.max_step, limit)
        if h * (1 + CONTROL.whole) >= remaining:
            return self.next_stop, True
        if 2 * h > remaining and self.fixed_step is None:
            h = 0.5 * remaining
        return self.t + h, False

    def _accept(
        self, t1: float, y1: np.ndarray, h: float, inside: float, scalars: np.ndarray, error: float, lands: bool
    ) -> Outcome | None:
        t, stepper, problem = self.t, self.stepper, self.problem
        dense = stepper.dense()
        stepper.accept()
        outcome = None
        if self.events:
            reached, y1, dense, outcome = until_event(self, t1, y1, dense)
            if reached < t1:
                t1, inside = reached, self.window.inside(reached)
                stepper.forget()
                scalars = problem.scalars(inside, y1)
                self.norm.at(inside, y1, scalars)
        self.t, self.y, self.scalars = t1, y1, scalars
        self.statistics["steps"] += 1
        self.trajectory.segments[-1].append(t1, y1, dense)
        self.trajectory.record(t1, t1 - t, problem.observe(inside, y1))
        if self.rate_index is not None:
            self.watch.record(t1, self.rate_now, error, self.rtol)
        self._next_step_size(h, error, lands)
        outcome = self.after_steps() if outcome is None else outcome
        self.observed(outcome)
        return outcome

    def observed(self, outcome: Outcome | None) -> None:
        """Calls the observers; an outcome is that of the trajectory already: from its end nothing goes on."""
        if outcome is not None:
            self.trajectory.outcome = outcome
        for observer in self.observers:
            observer(self.trajectory)

    def after_steps(self, finer: bool = True, coarser: bool = True) -> Outcome | None:
        """Behind accepted steps: an Outcome where N has run away, else a new mesh where one is needed.

        Not `finer`, not `coarser`: nothing asks for such a mesh for certain.
        """
        inside = self.window.inside(self.t)
        if (outcome := run_away(self)) is not None:
            return outcome
        self._adapt(inside, finer, coarser)
        return None

    def _next_step_size(self, h: float, error: float, lands: bool) -> None:
        if self.fixed_step is not None:
            self.h = self.fixed_step
        else:
            proposed = h * self.controller.accepted(h, error)
            self.h = max(proposed, self.h if lands else self.shortest)

    @property
    def longest_pause(self) -> int:
        """Between looks at whether the mesh could do with fewer cells."""
        return STEPPING.coarsened_after if self.watch.lawful else STEPPING.coarsened_every

    def _adapt(self, t: float, finer: bool, coarser: bool) -> None:
        """A new mesh, if the problem asks for one; the step size goes on."""
        adapted = self.problem.adapted(t, self.y) if finer else None
        if adapted is None and coarser and self._coarsened is not None and self.statistics["steps"] >= self.look_at:
            adapted = self._coarsened(t, self.y)
            self.pause = min(2 * self.pause, self.longest_pause) if adapted is None else STEPPING.coarsened_every
            self.look_at = self.statistics["steps"] + self.pause
        if adapted is None:
            return
        problem, y, reason = adapted
        try:
            scalars = problem.scalars(t, y)
        except Infeasible:  # a transfer that is not exact, next to blow-up: the present mesh does better
            return
        self.y = y
        self._use(problem)
        self._move(scalars, t)
        self.watch.on_new_mesh = True
        self.statistics["remeshes"] += 1
        self.statistics["undershoots"] += "undershoot" in reason
        self._open_segment()
        self.event_values = self._event_values()

    # -- events and ends -------------------------------------------------------------------------------------------

    def _event_values(self) -> list[float]:
        return [event.value(State(self.problem, self.t, self.y)) for event in self.events]

    @property
    def rate_index(self) -> int | None:
        """The place of the largest rate among the scalars; None where there is no rate."""
        places = self.rate_places
        return max(places, key=lambda k: self.scalars[k]) if places else None

    @property
    def rate_now(self) -> float:
        return float(self.scalars[self.rate_index]) if self.rate_index is not None else nan

    def checkpoint(self) -> Checkpoint:
        """Everything needed to go on to the same bits."""
        return pack(self)
