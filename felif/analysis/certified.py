"""Certificates along a run: their margins at every accepted step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..given.arguments import RUN, TIMES, checked, optional
from ..given.types import Evolved, Times
from ..problem import State
from .certificates import Certificate, bounded_rate, excitatory_blow_up, noise_blow_up

TESTS: dict[str, Callable[[State], Certificate]] = {
    "excitatory_blow_up": excitatory_blow_up,
    "noise_blow_up": noise_blow_up,
    "bounded_rate": bounded_rate,
}


@checked(run=RUN, times=optional(TIMES))
def certificates(run: Evolved, times: Times | None = None) -> dict[str, np.ndarray]:
    """Margins of every certificate along a run: at every accepted step, or at given times.

    Where a margin of a blow-up is >= 0 the solution must blow up. Margins are -inf where no theorem covers the model,
    over (v, w) for one: the message of each certificate says why.

    Parameters
    ----------
    run : Run
        What `evolve` returned.
    times : array
        By default the accepted times.

    Returns
    -------
    dict of arrays
        By name, beside "t"; the value of "bounded_rate" is "rate_bound".

    Raises
    ------
    ValueError
        For times outside the run.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=3.0), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(1.7, 0.005), t_end=1e-3, rtol=1e-3)
    >>> sorted(fl.certificates(run, [0.0]))
    ['bounded_rate', 'excitatory_blow_up', 'noise_blow_up', 'rate_bound', 't']
    """
    asked = run.times if times is None else np.ravel(np.asarray(times, float))
    recorder = CertificateRecorder()
    for t in asked:
        recorder.record(run.at(float(t)))
    return recorder.arrays


class CertificateRecorder:
    """Observer for `evolve(..., observers=[recorder])`: the margins at every accepted step.

    Examples
    --------
    >>> import felif as fl
    >>> recorder = fl.CertificateRecorder()
    >>> problem = fl.discretize(fl.NoisyLIF(b=-1.0), tol=1e-3)
    >>> run = fl.evolve(problem, fl.Gaussian(0.0, 0.25), t_end=0.1, rtol=1e-3, observers=[recorder])
    >>> sorted(recorder.arrays)
    ['bounded_rate', 'excitatory_blow_up', 'noise_blow_up', 'rate_bound', 't']
    """

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def __call__(self, trajectory: Any) -> None:
        last = trajectory.segments[-1]
        self.record(State(last.problem, float(last.times[-1]), last.states[-1]))

    def record(self, state: State) -> None:
        """Note the margins at a state.

        Parameters
        ----------
        state : State
            At any time of a run.
        """
        found = {name: test(state) for name, test in TESTS.items()}
        self._rows.append((state.t, *(c.margin for c in found.values()), found["bounded_rate"].value))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Margins by name, beside "t" and "rate_bound", as `certificates` returns them."""
        columns = np.array(self._rows, float).reshape(-1, len(TESTS) + 2).T
        return dict(zip(("t", *TESTS, "rate_bound"), columns, strict=True))
