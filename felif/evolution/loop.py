"""The loop over steps: choose a step, make it or refuse it, record it, decide whether to go on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import inf, isnan, nan

import numpy as np

from ..inputs import is_of_user
from ..problem import Infeasible, Outcome, Problem, State
from .additive import AdditiveStepper, is_additive, rounding_of_rate
from .blow_up import BlowUpWatch
from .checkpoint import COUNTERS, Checkpoint, pack, unpack
from .diagonal import DiagonallyImplicitStepper
from .events import Event, Step, happened
from .rosenbrock import RosenbrockStepper
from .schemes import AdditiveTableau, RosenbrockTableau, Scheme, tableau_of
from .step_control import Controller, ErrorNorm
from .stepper import StepFailed, Window
from .trajectory import Segment, Trajectory, restrict

FIRST_ULPS, FIRST_CHANGE = 64, 0.1  # the change is relative to max n
NEARLY_SINGULAR = 0.1  # margin below which a large rate is taken for blow-up whatever law it follows
CLOCK_ULPS = 1024  # distance to a pole in numbers of the clock, below which it cannot be approached further
COARSENED_EVERY = 8  # steps between two looks at whether the mesh could do with fewer cells
ROUNDING = 1e-11  # relative change of a conserved quantity in a step, below which it is rounding


def _unevaluated(reason: ArithmeticError, where: str) -> Outcome:
    if is_of_user(reason):
        raise reason
    return Outcome("not_finite", f"The problem cannot be evaluated {where}: {reason}.")


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
    ) -> None:
        self.problem, self.t, self.y, self.t_end = problem, t, y, t_end
        self.scheme, self.rtol, self.atol = scheme, rtol, atol
        self.events, self.observers, self.breakpoints = events, observers, breakpoints
        self.fixed_step, self.max_step, self.max_steps = fixed_step, max_step, max_steps
        self.h = fixed_step if fixed_step is not None else nan if first_step is None else first_step
        # Fixed steps serve studies of convergence: what Newton leaves must not be seen in them.
        self.newton_target = 1e-11 / rtol if fixed_step is not None else max(1e-2, 1e-12 / rtol)
        self._shortest = self._layer = 0.0  # steps this short are accepted with errors up to FIRST_CHANGE, up to _layer
        self._failure: ArithmeticError | None = None  # why the last refused step was refused
        self.tiny = 1e-10 * abs(t_end - t)
        self.statistics = dict.fromkeys(COUNTERS, 0) if onto is None else onto.statistics
        self.tableau = tableau_of(scheme, is_additive(problem))
        self.controller = Controller(self.tableau.error_order)
        self.watch = BlowUpWatch(N_max)
        self._use(problem)
        if checkpoint is not None:
            unpack(checkpoint, self)
        self.trajectory = onto or Trajectory([])
        self._known = onto is not None and np.array_equal(onto.segments[-1].states[-1], y)  # no jump: it goes on
        if checkpoint is not None and onto is None:
            self.trajectory.rounding = float(checkpoint.memory.get("rounding", 0.0))
        self.trajectory.statistics, self.trajectory.t_end = self.statistics, t_end
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
                    outcome = self._advance()
        self.trajectory.checkpoint = self.checkpoint()
        self.trajectory.outcome = outcome
        return self.trajectory

    # -- beginning -------------------------------------------------------------------------------------------------

    def _use(self, problem: Problem) -> None:
        """Steppers and norm for a problem (a mesh)."""
        self.problem = problem
        tableau = self.tableau
        self.norm = ErrorNorm(problem, self.rtol * tableau.caution, self.atol, self.newton_target / tableau.caution)
        self._coarsened = getattr(problem, "coarsened", None)
        self._conserved = [((weights != 0).astype(float), weights) for weights in problem.conserved.values()]
        if isinstance(tableau, RosenbrockTableau):
            self.stepper = RosenbrockStepper(tableau, problem, self.statistics)
        elif isinstance(tableau, AdditiveTableau):
            self.stepper = AdditiveStepper(tableau, problem, self.statistics)
        else:
            self.stepper = DiagonallyImplicitStepper(tableau, problem, self.statistics, self.norm)
        names = problem.scalar_names
        self.rate_index = names.index("N") if "N" in names else 0 if names else None

    def _open_segment(self) -> None:
        q = len(self.tableau.H) if isinstance(self.tableau, RosenbrockTableau) else 2 * self.tableau.hermite
        self.trajectory.segments.append(Segment(self.problem, type(self.scheme).__name__, self.t, self.y, q))

    def _start(self) -> Outcome | None:
        """Records the start and measures there; an Outcome if there is nothing to integrate from."""
        t = self._window().inside(self.t)
        if not np.isfinite(self.y).all():
            return Outcome("not_finite", f"The state at the start, t = {self.t:.10g}, has entries that are not finite.")
        try:
            if not self._known:
                self.trajectory.record(self.t, 0.0, self.problem.observe(t, self.y))
            self._move(self.problem.scalars(t, self.y), t)
            if not self.problem.margin(t, self.y) > 0:
                raise Infeasible("the margin is not positive")
        except Infeasible as reason:
            return self._blow_up(f"No firing rate exists at the start, t = {self.t:.10g}: {reason}.", inf)
        except ArithmeticError as reason:
            return _unevaluated(reason, f"at the start, t = {self.t:.10g}")
        if not self.watch.rates and self.rate_index is not None:
            self.watch.record(self.t, self._N, 0.0, 0.0)
        self._values = self._event_values()
        return None

    def _move(self, scalars: np.ndarray, t: float, gradient: np.ndarray | None = None) -> None:
        self.scalars = scalars
        self.norm.at(t, self.y, scalars, gradient)

    def _window(self) -> Window:
        position = bisect_right(self.breakpoints, self.t)
        left = self.breakpoints[position - 1] if position else -inf
        right = self.breakpoints[position] if position < len(self.breakpoints) else inf
        self._next = min(right, self.t_end)
        self._left_of_jump = right <= self.t_end
        self.window = Window.between(left, right)
        return self.window

    # -- one step --------------------------------------------------------------------------------------------------

    def _advance(self) -> Outcome | None:
        """Makes one accepted step; an Outcome if it is the last or cannot be made."""
        t, y = self.t, self.y
        crossed = not self.window.low <= t < self._next
        window, stepper = self._window() if crossed else self.window, self.stepper
        try:
            if crossed:
                self._move(self.problem.scalars(window.inside(t), y), window.inside(t))
            stepper.begin(t, y, window)
        except Infeasible as reason:
            return self._blow_up(f"No firing rate exists at t = {t:.10g}: {reason}.", self._N)
        except ArithmeticError as reason:
            return _unevaluated(reason, f"at t = {t:.10g}")
        if isnan(self.h):
            span = self.t_end - t
            self.h = min(self.norm.first_step(stepper.start_slope(), self.scalars, span), 1e-2 * span)
            # an initial layer thinner than what the clock can tell apart is stepped over: the schemes damp it
            self._shortest = FIRST_ULPS * float(np.spacing(max(abs(t), self.tiny)))
            self.h, self._layer = max(self.h, self._shortest), t + 1024 * self._shortest
        while True:
            t1, lands = self._end_of_step()
            h = t1 - t
            if not lands and h < 8 * float(np.spacing(max(abs(t), self.tiny))):
                return self._stuck()
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
                self._failure, error = reason, None
            if error is not None and (error <= 1.0 or self.fixed_step is not None):
                break
            if error is not None and h <= 1.1 * self._shortest and error * self.rtol < FIRST_CHANGE:
                break
            self.statistics["rejected"] += 1
            self.norm.at(window.inside(t), y, self.scalars)
            if self.fixed_step is not None:
                return self._stuck()
            if error is None:
                self.controller.rejected = True
                self.h = 0.25 * h
            else:
                self._failure = StepFailed("step_underflow", f"the error of a step is {error:.3g} times the tolerance")
                self.h = h * self.controller.refused(error)
        self._shortest *= t1 < self._layer
        return self._accept(t1, y1, h, inside, scalars, error, lands)

    def _conserve(self, y: np.ndarray, y1: np.ndarray, h: float) -> np.ndarray:
        """Takes out of a step what rounding did to the conserved quantities, lest it add up over many steps.

        A scheme conserves them by itself; a defect above rounding is the problem's, and stays to be seen.
        """
        for carrier, weights in self._conserved:
            before = float(weights @ y)
            defect = float(weights @ y1) - before
            if not defect:
                continue
            if abs(defect) < ROUNDING * abs(before) or abs(defect) < rounding_of_rate(
                self.problem, self.window.inside(self.t), y, h
            ):
                y1 *= 1.0 - defect / (before + defect) * carrier
                self.trajectory.rounding += abs(defect)
        return y1

    def _end_of_step(self) -> tuple[float, bool]:
        """(t + h, does it end on a breakpoint or t_end), avoiding a last step of nearly nothing."""
        remaining = self._next - self.t
        limit = getattr(self.stepper, "limit", inf) if self.fixed_step is None else inf  # of an explicit part
        h = min(self.h, self.max_step, limit)
        if h * (1 + 1e-10) >= remaining:
            return self._next, True
        if 2 * h > remaining and self.fixed_step is None:
            h = 0.5 * remaining
        return self.t + h, False

    def _accept(
        self, t1: float, y1: np.ndarray, h: float, inside: float, scalars: np.ndarray, error: float, lands: bool
    ) -> Outcome | None:
        t, y, stepper, problem = self.t, self.y, self.stepper, self.problem
        dense = stepper.dense()
        stepper.accept()
        outcome = None
        if self.events:
            step = Step(problem, t, t1, y, y1, dense)
            self._values, ending = happened(self.events, self._values, step, self.trajectory.events)
            if ending is not None:
                theta, outcome = ending
                if theta < 1.0:
                    y1, dense = restrict(y, y1, dense, theta)
                    t1 = t + theta * h
                    inside = self.window.inside(t1)
                    stepper.forget()
                    scalars = problem.scalars(inside, y1)
                    self.norm.at(inside, y1, scalars)
        self.t, self.y, self.scalars = t1, y1, scalars
        self.statistics["steps"] += 1
        self.trajectory.segments[-1].append(t1, y1, dense)
        self.trajectory.record(t1, t1 - t, problem.observe(inside, y1))
        if self.rate_index is not None:
            self.watch.record(t1, self._N, error, self.rtol)
        self._next_step_size(h, error, lands)
        if (
            outcome is None
            and self.watch.beyond
            and (self.watch.lawful or problem.margin(inside, y1) < NEARLY_SINGULAR)
        ):
            reason = f"N = {self._N:.4g} at t = {t1:.10g} exceeds {self.watch.N_max:.4g} and rises."
            outcome = self._blow_up(reason, self._N)
        if outcome is None:
            self._adapt(inside)
        for observer in self.observers:
            observer(self.trajectory)
        return outcome

    def _next_step_size(self, h: float, error: float, lands: bool) -> None:
        if self.fixed_step is not None:
            self.h = self.fixed_step
        elif lands and self._left_of_jump:
            self.h = nan  # chosen anew behind the jump
        else:
            proposed = h * self.controller.accepted(h, error)
            self.h = max(proposed, self.h if lands else self._shortest)
        if lands and self._left_of_jump:
            self.stepper.forget()

    def _adapt(self, t: float) -> None:
        """A new mesh, if the problem asks for one; the step size goes on."""
        adapted = self.problem.adapted(t, self.y)
        if adapted is None and self._coarsened is not None and self.statistics["steps"] % COARSENED_EVERY == 0:
            adapted = self._coarsened(t, self.y)
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
        self.statistics["remeshes"] += 1
        self.statistics["undershoots"] += "undershoot" in reason
        self._open_segment()
        self._values = self._event_values()

    # -- events and ends -------------------------------------------------------------------------------------------

    def _event_values(self) -> list[float]:
        return [event.value(State(self.problem, self.t, self.y)) for event in self.events]

    @property
    def _N(self) -> float:
        return float(self.scalars[self.rate_index]) if self.rate_index is not None else nan

    def _blow_up(self, message: str, N: float) -> Outcome:
        self.trajectory.blow_up = blow_up = self.watch.estimate(self.t, N, message)
        return Outcome("blow_up", f"Blow-up at t = {blow_up.time:.10g} (error about {blow_up.error:.1e}). {message}")

    def _stuck(self) -> Outcome:
        """No step succeeds, however small (or the fixed one does not): why?"""
        failure = self._failure
        if failure is not None and is_of_user(failure):  # a coefficient fails in every step
            raise failure
        margin = self.problem.margin(self.window.inside(self.t), self.y)
        size = "of the fixed size" if self.fixed_step is not None else "however small"
        infeasible = type(failure) is Infeasible
        if margin < 0.5 and (infeasible or self.watch.rising and margin < 0.1) or infeasible and self.watch.rising:
            where = f"t = {self.t:.10g}, where the margin is {margin:.3g} and N = {self._N:.4g}"
            return self._blow_up(f"No step {size} leads on from {where}: {failure}.", self._N)
        if self.watch.left < CLOCK_ULPS * float(np.spacing(abs(self.t))):
            return self._blow_up(f"N = {self._N:.4g} rises to its pole within the resolution of the clock.", self._N)
        if self.fixed_step is None and self.watch.lawful:  # as good as the rounding of N in so thin a layer allows
            return self._blow_up(f"N = {self._N:.4g} rises to its pole until rounding lets no step succeed.", self._N)
        name = "not_finite" if isinstance(failure, FloatingPointError) else "step_underflow"
        name = getattr(failure, "kind", name)
        return Outcome(name, f"No step {size} succeeds at t = {self.t:.10g}: {failure}.")

    def checkpoint(self) -> Checkpoint:
        """Everything needed to go on to the same bits."""
        return pack(self)
