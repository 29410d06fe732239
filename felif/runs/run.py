"""A run: what `evolve` returns and `load_run` reads back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..evolution import Checkpoint, Segment, Trajectory, is_additive, through_steps
from ..given.arguments import FLAG, FOLDER, FUNCTION, TEXT, TIME, TIMES, checked, either, optional, several
from ..given.portable import require_portable
from ..notebook import page, picture, profile, shown
from ..problem import BlowUp, Outcome, State
from .checks import Checks
from .recording import save
from .settings import Settings

FAILURES = frozenset(
    {"step_underflow", "newton_failed", "not_finite", "unstable_step", "unresolved", "beyond_equations"}
)


class Run:
    """A solution in time: accepted steps, dense output between them, series, and why it stopped.

    outcome     `.name`: "finished", "blow_up", the name of an event, ...; `.message` says why in a sentence
    times       the accepted times, shape (steps + 1,)
    series      one entry an accepted step: "t", "dt", every scalar ("N", "R"), "mass", conserved quantities, "min_n"
    blow_up     None, or `.time`, `.error`, `.N`
    events      what happened on the way
    statistics  steps, rejected, factorisations, newton_iterations, remeshes, undershoots (remeshes for n < -tol max n)
    final       the last state; `at(t)` any other; `sample(name, times)` a series at any times
    failed      True where steps failed: `print` says so first, scalars of `final` are NaN
    """

    def __init__(
        self,
        trajectory: Trajectory,
        settings: Settings,
        wall_time: float,
        compatible: bool = True,
        blow_up: BlowUp | None = None,
    ) -> None:
        self._trajectory, self.settings, self.wall_time = trajectory, settings, wall_time
        self.compatible = compatible
        self.blow_up = blow_up or trajectory.blow_up
        self.outcome: Outcome = trajectory.outcome
        self.events = trajectory.events
        self.statistics = trajectory.statistics
        self.start: Any = None  # the initial data as given to `evolve`; None for a run that was read from a folder
        self._asked: Any = None
        self.folder: Path | None = None  # where it is written
        self.kept_companion: Run | None = None  # of `error`
        self._checks: Checks | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For `pickle`: what was asked as folders store it. PicklingError in a sentence for data that are a lambda."""
        require_portable("A run", start=self.start)
        return {**vars(self), "_asked": self.asked}

    @property
    def asked(self) -> Any:
        """What `evolve` was asked, as folders store it (`felif.runs.asked`); told when it is first looked at."""
        if callable(self._asked):
            self._asked = self._asked()
        return self._asked

    @asked.setter
    def asked(self, asked: Any) -> None:
        self._asked = asked

    @property
    def trajectory(self) -> Trajectory:
        """What the integrator returned."""
        return self._trajectory

    @property
    def segments(self) -> list[Segment]:
        """Steps grouped by mesh: `.problem`, `.times`, `.states`, `.dense`."""
        return self._trajectory.segments

    @property
    def problem(self) -> Any:
        """The problem on the last mesh."""
        return self.segments[-1].problem

    @property
    def past(self) -> Any:
        """The history of a delayed problem, None where nothing is delayed."""
        return self.problem.history

    @property
    def model(self) -> Any:
        return self.problem.model

    @property
    def checkpoint(self) -> Checkpoint:
        """From here `resume` goes on to the same digits."""
        return self._trajectory.checkpoint

    @cached_property
    def series(self) -> dict[str, np.ndarray]:
        series = self._trajectory.series
        if not self.compatible:  # N ~ t^(-1/2): the discrete value at t = 0 means nothing
            for name in self.problem.infinite_rates:
                series[name] = np.concatenate([[np.inf], series[name][1:]])
        return series

    @property
    def times(self) -> np.ndarray:
        return self._trajectory.series["t"]

    @overload
    def at(self, t: float) -> State: ...
    @overload
    def at(self, t: Sequence[float] | np.ndarray) -> tuple[State, ...]: ...
    @checked(t=either(TIME, several(TIME, "a row of them")))
    def at(self, t: Any) -> Any:
        """The state at time t by dense output; a tuple of states at several times. ValueError outside the run."""
        if isinstance(t, tuple):
            return tuple(map(self.at, t))
        problem, y = self._trajectory.evaluate(float(t))
        first = float(self.segments[0].times[0])
        return State(problem, self._just_before(float(t)), y, self._infinite if t == first else None)

    @cached_property
    def _infinite(self) -> dict[str, float]:
        """The rates that are infinite at the start, where data do not vanish at V_F."""
        return {} if self.compatible else dict.fromkeys(self.problem.infinite_rates, math.inf)

    @property
    def failed(self) -> bool:
        """Whether the run stopped because it could not be made: what it reached is no result for any later time."""
        return self.outcome.name in FAILURES and self.outcome.name not in self.settings.events

    def _just_before(self, t: float) -> float:
        """t, or a few ulps less where an input jumps at t: rates there are limits from the left, as in `series`."""
        if t > self.segments[0].times[0] and t in self._jumps:
            for _ in range(4):
                t = math.nextafter(t, -math.inf)
        return t

    @cached_property
    def _jumps(self) -> frozenset[float]:
        return frozenset(self.settings.breakpoints)

    @property
    def final(self) -> State:
        """The last state. Its scalars are NaN where the run failed: `at(run.times[-1])` has those it reached."""
        last = self.segments[-1]
        known = self._infinite if len(self.segments) == 1 and len(last.times) == 1 else None
        if self.failed:
            known = dict.fromkeys(last.problem.scalar_names, math.nan)
        return State(last.problem, self._just_before(float(last.times[-1])), last.states[-1].copy(), known)

    @checked(name=TEXT, times=TIMES)
    def sample(self, name: str, times: Any) -> Any:
        """A series by name at any times, by dense output: an array of the shape of `times`.

        Raises ValueError for an unknown name and for times outside the run.
        """
        asked = np.asarray(times, float)
        if name in self.problem.groups:
            values = [problem.group(name, t, y) for t, (problem, y) in self._evaluated(asked)]
            return np.array(values).reshape((*asked.shape, *values[0].shape))
        if name not in self.series:
            raise ValueError(f"sample: {name!r} is no series of this run; it has: {', '.join(self.series)}")
        if name == "t":
            return asked + 0.0 if asked.ndim else float(asked)
        start = float(self.times[0])
        if asked.size and np.isin(asked, self.times).all():  # accepted times: the entries of the series themselves
            found = self.series[name][np.searchsorted(self.times, asked)]
            return found if asked.ndim else float(found)
        if is_additive(self.problem) and name in self.problem.scalar_names:
            return self._through_steps(name, asked)
        if name in self.problem.scalar_names and asked.size > 1 and len(self.segments) == 1 and not self._jumps:
            return self._sample_scalar(name, asked.ravel(), start).reshape(asked.shape)
        values = [self._sample_one(name, t, t == start) for t in asked.ravel().tolist()]
        return np.array(values).reshape(asked.shape) if asked.ndim else values[0]

    def _evaluated(self, times: np.ndarray) -> list[tuple[float, tuple[Any, np.ndarray]]]:
        return [(self._just_before(t), self._trajectory.evaluate(t)) for t in times.ravel().tolist()]

    def _through_steps(self, name: str, times: np.ndarray) -> Any:
        for t in times.ravel()[~((times.ravel() >= self.times[0]) & (times.ravel() <= self.times[-1]))]:
            self._trajectory.evaluate(float(t))  # says what is allowed
        known, series, breaks = self.times, self.series[name], self.settings.breakpoints
        values = [through_steps(known, series, breaks, t) for t in times.ravel().tolist()]
        return np.array(values).reshape(times.shape) if times.ndim else values[0]

    def _sample_scalar(self, name: str, times: np.ndarray, start: float) -> np.ndarray:
        """A scalar at many times of a run on one mesh."""
        segment = self.segments[0]
        if times.size and not (times.min() >= start and times.max() <= segment.times[-1]):
            self._trajectory.evaluate(float(times[(times < start) | (times > segment.times[-1]) | (times != times)][0]))
        values = segment.problem.scalar_values(times, segment.evaluate_many(times))[:, self._place_of(name)]
        values[times == start] = self.series[name][0]
        return values

    def _place_of(self, name: str) -> int:
        return self.problem.scalar_names.index(name)

    def _sample_one(self, name: str, t: float, at_start: bool) -> float:
        problem, y = self._trajectory.evaluate(t)
        if at_start or name == "dt":
            return float(self.series[name][np.searchsorted(self.times, t)])
        t = self._just_before(t)
        if name in problem.scalar_names:
            return float(problem.scalars(t, y)[self._place_of(name)])
        return float(problem.observe(t, y)[name])

    @checked(quantity=optional(either(TEXT, FUNCTION)), times=optional(TIMES))
    def error(self, quantity: Any = None, times: Any = None) -> Any:
        """Error bar of a series (default: the firing rate) or a function of a State at `times` (default: the end)."""
        from .. import error_estimate  # the verb, as it is public: it runs `evolve` again

        return error_estimate(self, quantity, times)

    # checks -----------------------------------------------------------------------------------------------------

    @property
    def checks(self) -> Checks:
        """What is checked along the run (`felif.runs.checks`): as it was written to a folder, or of the steps here."""
        if self._checks is None:
            self._checks = Checks.of(self.segments, self.events)
            self._checks.rows(tuple(self.problem.conserved), self.series)
        return self._checks

    @checks.setter
    def checks(self, checks: Checks) -> None:
        self._checks = checks

    @property
    def drift(self) -> dict[str, float]:
        """Largest departure of each conserved quantity from its value at the start."""
        return self.checks.drift(self.problem)

    @property
    def _smallest(self) -> str:
        """The series of the smallest value of the density."""
        return next(name for name in self.series if name.startswith("min_"))

    @cached_property
    def undershoot(self) -> float:
        """max(-min n / max n) over the accepted steps: how far the density falls below zero, as it evolves."""
        if self.problem.largest_and_lowest is None:
            lowest = self.series.get("evolving_" + self._smallest, self.series[self._smallest])
            return max(0.0, -float(np.min(lowest)) / self.checks.start)
        return self.checks.undershoot

    @property
    def moment_defect(self) -> float | None:
        """Defect of the exponential-moment identity along the run (`felif.runs.checks`): an independent check of N."""
        return self.checks.moment_defect(self.problem)

    # output -----------------------------------------------------------------------------------------------------

    @checked(folder=FOLDER, overwrite=FLAG)
    def save(self, folder: str | Path, overwrite: bool = False, snapshots: int = 101) -> Path:
        """Write the run folder: run.json, series.csv, fields, final.npz. ValueError if it holds another run."""
        return save(self, folder, overwrite, snapshots)

    @checked(times=optional(TIMES))
    def plot(self, path: str | Path | None = None, times: Any = None, ax: Any = None) -> Any:
        """Figure with N(t) and the density at `times`; written to `path` if given.

        times  by default five between which the density changes by as much as between any other two
        ax     matplotlib axes to draw on: of one N(t), of two the densities and N(t). Raises ValueError for others
        """
        from ..output import plot_run

        return plot_run(self, path, times, ax)

    def plot_spacetime(self, path: str | Path | None = None) -> Any:
        """Picture of n(v, t); written to `path` if given."""
        from ..output import plot_spacetime

        return plot_spacetime(self, path)

    def to_pandas(self) -> Any:
        """`series` as a DataFrame of pandas: a row an accepted step, the index is t. Needs the extra `xarray`."""
        from ..output.frames import frame

        return frame("to_pandas", self.series, index="t")

    @checked(times=optional(TIMES))
    def to_xarray(self, times: Any = None) -> Any:
        """The run as a Dataset of xarray at `times`: N, mass, ... over t, densities over t and v (w, populations).

        By default at its accepted times, at most 201 of them. `.to_netcdf(file)` stores it. Needs the extra `xarray`;
        `felif.output.datasets` says what there is. Raises ValueError for times outside the run.
        """
        from ..output.datasets import run_dataset

        return run_dataset(self, times)

    def to_pyvista(self, t: float | None = None) -> Any:
        """The density as a grid of pyvista: n(v, t) of all times, or that at `t`; see `felif.output.pictures`."""
        from ..output.pictures import to_pyvista

        return to_pyvista(self, t)

    def _undershoots(self) -> str:
        """What is said about densities below zero, where a tolerance is there to compare with."""
        tol, count = self.problem.tol, self.statistics.get("undershoots", 0)
        text = f"; {count} meshes refined where n < -tol max n" if count else ""
        if tol is not None and self.undershoot > tol:
            spaces = "ExponentialFitting() keeps"
            if self.problem.line_names:
                spaces = "Tensor(v=ExponentialFitting(), w=MUSCL()) on lines and Triangles(positive=True) keep"
            worst = f"as it evolves {-self.undershoot:.1e} of the largest at worst, beyond tol = {tol:g}"
            text += f"; {worst}: {spaces} densities nonnegative"
        return text

    @shown
    def _repr_html_(self) -> str:
        names = [name for name in self.problem.scalar_names if name.partition("_")[0] in ("N", "R", "Nbar")]
        names = (names or list(self.problem.scalar_names))[:5]
        rates = picture([(self.times, self.series[name]) for name in names], "t", ", ".join(names)[:8], names=names)
        density = profile(self.final)
        return page(repr(self), [rates, density])

    def __repr__(self) -> str:
        low, high = float(self.times[0]), float(self.times[-1])
        scalars = ", ".join(f"{name} = {self.series[name][-1]:.10g}" for name in self.problem.scalar_names)
        asked = self.settings.t_end
        reached = f"  reached    t = {high:.10g} of {asked:g} with {scalars}: no result" if self.failed else None
        lines = [
            *([f"FAILED: {self.outcome}"] if self.failed else []),
            f"Run of {self.model}",
            f"  outcome    {self.outcome}",
            f"  time       {low:g} to {high:.10g}: {self.statistics['steps']} steps, "
            f"{self.statistics['rejected']} rejected, {self.statistics['remeshes']} meshes changed, "
            f"{self.wall_time:.3g} s",
            reached or f"  final      {scalars}",
            "  conserved  "
            + ", ".join(f"{name} to {drift:.1e}" for name, drift in self.drift.items())
            + f" (rounding taken out on the way: {self.trajectory.rounding:.1e})",
            f"  {self._smallest.replace('_', ' ')}      {float(np.min(self.series[self._smallest])):.2e}"
            + self._undershoots(),
        ]
        if self.moment_defect is not None:
            lines.append(f"  check      exponential moment (mu = 1): defect {self.moment_defect:.1e}")
        if self.events:
            lines.append("  events     " + ", ".join(f"{e.name} at t = {e.time:.6g}" for e in self.events[:6]))
        return "\n".join(lines)
