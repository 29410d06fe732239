"""Neurons structured by the time elapsed since they last fired."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..weakform import Axis, Conserved, Delayed, Equations, Term, Unknown, drift
from .parameters import fixed, require_callable, require_number


@dataclass(frozen=True)
class StepHazard:
    """p(s, x) = 1 where s > sigma(x), else 0: neurons fire at rate 1 once they have waited for sigma(x).

    Parameters
    ----------
    sigma : callable
        A positive function of x, analytic.

    Examples
    --------
    >>> import felif as fl
    >>> import numpy as np
    >>> model = fl.TimeElapsed(hazard=fl.StepHazard(lambda x: 0.5 * np.exp(-x)), tau=1.0)
    >>> fl.discretize(model, tol=1e-3).model == model
    True
    """

    sigma: Callable[[Any], Any]

    def __post_init__(self) -> None:
        require_callable(self, "sigma")

    def __call__(self, s: Any, x: Any) -> Any:
        return (s > self.sigma(x)) * 1.0


@dataclass(frozen=True)
class TimeElapsed:
    """Density n(s, t) of neurons by the time s since their last spike.

        n_t + n_s + p(s, x) n = 0,      n(0, t) = N(t) = int p(s, x) n ds,      int n ds = 1

    The unknowns are n, N, J; with x = N the margin is 1 - int p_x n ds. Of a StepHazard they are young(a), ready, N, J,
    where n(s) = young(s/sigma)/sigma for s < sigma(x), and ready = N is everything older, whose age does not matter.
    That holds while d sigma/dt < 1: where sigma grows faster neurons that were ready are no longer, and nothing is
    computed.

    Parameters
    ----------
    hazard : callable or StepHazard
        p(s, x), the rate at which a neuron fires, smooth in s and analytic in x; or a StepHazard, with an analytic
        sigma.
    tau : float or None
        x = J with tau J' = N - J; None: no J.
    delay : float
        x = N(t - delay). With neither tau nor delay x = N, and N solves its own equation at every time. With a
        StepHazard the `history` of N has to end at the N that the run begins with: otherwise sigma would jump.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: K. Pakdaman, B. Perthame, D. Salort, Nonlinearity 23 (2010) 55-75.

    Examples
    --------
    >>> import felif as fl
    >>> import numpy as np
    >>> problem = fl.discretize(fl.TimeElapsed(hazard=lambda s, x: 1.0 + 0.0 * s), tol=1e-4)
    >>> run = fl.evolve(problem, lambda s: np.exp(-s), t_end=0.5, rtol=1e-4)  # neurons that fire at random, rate 1
    >>> round(float(run.final.N), 3)
    1.0
    """

    hazard: Callable[[Any, Any], Any]
    tau: float | None = None
    delay: float = fixed(0.0)

    def __post_init__(self) -> None:
        require_callable(self, "hazard")
        require_number(self, "delay", nonnegative=True)
        if self.tau is not None:
            require_number(self, "tau", positive=True)
            if self.delay:
                raise ValueError(f"TimeElapsed: tau = {self.tau!r} and delay = {self.delay!r}; allowed is one of them")

    def as_unknowns(self, start: Any, history: Callable[[str, float], float] | None = None) -> Any:
        """A start {"n": density of s, "J": ...} in the unknowns of a StepHazard; as it is with a smooth hazard.

        Parameters
        ----------
        start : callable or mapping
            What `evolve` was given.
        history : callable or None
            The past of a delayed model: history("N", t), which has an attribute t_start.

        Returns
        -------
        mapping or callable
            The same state in terms of young and ready.
        """
        if isinstance(self.hazard, StepHazard):
            from .step_hazard import start_of

            before = None if history is None else history("N", history.t_start - self.delay)
            return start_of(self.hazard.sigma, self.tau, start, before)
        return start

    def equations(self) -> Equations:
        """The axis s (or a), the unknowns n, N (and J), and their terms."""
        if isinstance(self.hazard, StepHazard):
            from .step_hazard import equations

            return equations(self.hazard.sigma, self.tau, self.delay)
        unknowns = [Unknown("n", ("s",)), Unknown("N", (), "equals")]
        inputs = []
        if self.tau is not None:
            unknowns.append(Unknown("J"))
            p = lambda s, m: m.hazard(s.s, s.J)
        elif self.delay:
            inputs.append(Delayed("N_before", "N", self.delay))
            p = lambda s, m: m.hazard(s.s, s.N_before)
        else:
            p = lambda s, m: m.hazard(s.s, s.N)
        terms = [
            drift("n", "s", lambda x: 1.0, name="age"),
            Term("n", "n", lambda n, phi, x: -n * phi, p, name="firing"),
            Term("N", "n", lambda n, phi, x: n * phi, p, name="rate"),
            Term("n", "N", lambda N, phi, x: N * phi, at={"s": 0.0}, name="renewal"),
        ]
        if self.tau is not None:
            terms.append(Term("J", "N", coefficient=lambda s, m: 1 / m.tau, name="what arrives"))
            terms.append(Term("J", "J", coefficient=lambda s, m: -1 / m.tau, name="decay"))
        axis = Axis("s", 0.0, math.inf)
        return Equations((axis,), tuple(unknowns), tuple(terms), (Conserved("mass", {"n": 1.0}),), tuple(inputs))
