"""A run: what `evolve` returns and `load_run` reads back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np

from ..evolution import Checkpoint, Segment, Trajectory
from ..given.arguments import FLAG, FOLDER, FUNCTION, TEXT, TIME, TIMES, checked, either, optional, several, whole
from ..given.portable import require_portable
from ..notebook import shown
from ..problem import BlowUp, Outcome, State
from . import exporting
from .checks import Checks
from .dense_series import just_before, last_state, rates_at_start, sampled
from .printing import printed, shown_in_notebooks, undershoot
from .recording import save
from .settings import Settings

FAILURES = frozenset(
    {"step_underflow", "newton_failed", "not_finite", "unstable_step", "unresolved", "beyond_equations"}
)


class Run:
    """A solution in time: accepted steps, dense output between them, series, and why it stopped.

    Attributes
    ----------
    outcome : Outcome
        `.name`: "finished", "blow_up", the name of an event, ...; `.message` says why in a sentence.
    times : array (steps + 1,)
        The accepted times.
    series : dict of arrays (steps + 1,)
        One entry an accepted step: "t", "dt", every scalar ("N", "R"), "mass", conserved quantities, "min_n".
    blow_up : BlowUp or None
        `.time`, `.error`, `.N`.
    events : list
        What happened on the way.
    statistics : dict
        steps, rejected, factorisations, newton_iterations, remeshes, undershoots (remeshes for n < -tol max n).
    settings, wall_time, compatible, trajectory
        How it was made: as asked, in seconds, whether the data vanish at V_F, and what the integrator returned.

    Examples
    --------
    >>> import felif as fl
    >>> run = fl.evolve(fl.discretize(fl.NoisyLIF(b=0.5)), fl.Gaussian(0.0, 0.25), t_end=1.0)
    >>> run.drift["mass"] < 1e-12, run.at(0.5).n([0.0, 1.0]).shape
    (True, (2,))
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
        """The model of the problem."""
        return self.problem.model

    @property
    def checkpoint(self) -> Checkpoint:
        """From here `resume` goes on to the same digits."""
        return self._trajectory.checkpoint

    @cached_property
    def series(self) -> dict[str, np.ndarray]:
        return rates_at_start(self, self._trajectory.series)

    @property
    def times(self) -> np.ndarray:
        """The accepted times."""
        return self._trajectory.series["t"]

    @overload
    def at(self, t: float) -> State: ...
    @overload
    def at(self, t: Sequence[float] | np.ndarray) -> tuple[State, ...]: ...
    @checked(t=either(TIME, several(TIME, "a row of them")))
    def at(self, t: Any) -> Any:
        """The state at time t by dense output; a tuple of states at several times.

        Parameters
        ----------
        t : float or sequence of float
            Within the run.

        Returns
        -------
        State or tuple of State

        Raises
        ------
        ValueError
            Outside the run.
        """
        if isinstance(t, tuple):
            return tuple(map(self.at, t))
        problem, y = self._trajectory.evaluate(float(t))
        first = float(self.segments[0].times[0])
        return State(problem, just_before(self, float(t)), y, self.infinite if t == first else None)

    @cached_property
    def infinite(self) -> dict[str, float]:
        """The rates that are infinite at the start, where data do not vanish at V_F."""
        return {} if self.compatible else dict.fromkeys(self.problem.infinite_rates, math.inf)

    @property
    def failed(self) -> bool:
        """Whether the run stopped because it could not be made: what it reached is no result for any later time."""
        return self.outcome.name in FAILURES and self.outcome.name not in self.settings.events

    @cached_property
    def jumps(self) -> frozenset[float]:
        """Times at which an input jumps."""
        return frozenset(self.settings.breakpoints)

    @property
    def final(self) -> State:
        """The last state. Its scalars are NaN where the run failed: `at(run.times[-1])` has those it reached."""
        return last_state(self)

    @checked(name=TEXT, times=TIMES)
    def sample(self, name: str, times: Any) -> Any:
        """A series by name at any times, by dense output.

        Parameters
        ----------
        name : str
            A column of `series`.
        times : float or array
            Within the run.

        Returns
        -------
        float or array
            Of the shape of `times`.

        Raises
        ------
        ValueError
            For an unknown name and for times outside the run.
        """
        return sampled(self, name, np.asarray(times, float))

    @checked(quantity=optional(either(TEXT, FUNCTION)), times=optional(TIMES))
    def error(self, quantity: Any = None, times: Any = None) -> Any:
        """Error bar of a series or a function of a State: `error_estimate`.

        Parameters
        ----------
        quantity : str or callable
            By default the firing rate.
        times : float or array
            By default the end.

        Returns
        -------
        float or array
        """
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

    @cached_property
    def undershoot(self) -> float:
        """max(-min n / max n) over the accepted steps: how far the density falls below zero, as it evolves."""
        return undershoot(self)

    @property
    def moment_defect(self) -> float | None:
        """Defect of the exponential-moment identity along the run (`felif.runs.checks`): an independent check of N."""
        return self.checks.moment_defect(self.problem)

    # output -----------------------------------------------------------------------------------------------------

    @checked(folder=FOLDER, overwrite=FLAG, snapshots=optional(either(whole(0, 10**4), several(TIME, "", most=10**4))))
    def save(self, folder: str | Path, overwrite: bool = False, snapshots: int | Sequence[float] | None = None) -> Path:
        """Write the run folder: run.json, series.csv, fields, final.npz.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        overwrite : bool
            Replace a run that is there.
        snapshots : int or sequence of float
            How many, or at which times, go to ParaView; 101 by default.

        Returns
        -------
        path
            The folder.

        Raises
        ------
        ValueError
            If it holds another run.
        """
        return save(self, folder, overwrite, snapshots)

    plot, plot_spacetime = exporting.plot, exporting.plot_spacetime
    to_pandas, to_xarray, to_pyvista = exporting.to_pandas, exporting.to_xarray, exporting.to_pyvista

    @shown
    def _repr_html_(self) -> str:
        return shown_in_notebooks(self)

    def __repr__(self) -> str:
        return printed(self)
