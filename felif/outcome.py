"""Why a computation stopped: outcomes, blow-up, and what is raised where one answer was asked for and there is none."""

from __future__ import annotations

from dataclasses import dataclass


class Infeasible(ArithmeticError):
    """No firing rate satisfies its equation at this state: 1 - f1.n <= 0, the mechanism of blow-up."""


class BeyondEquations(Infeasible):
    """The model's equations do not hold at this state, see `weakform.Condition`."""

    kind = "beyond_equations"


class NotConverged(RuntimeError):
    """An answer that was asked for does not exist or was not found; the message says what was tried, what to change.

    Examples
    --------
    >>> import felif as fl
    >>> try:
    ...     fl.steady_state(fl.discretize(fl.NoisyLIF(b=4.0), tol=1e-3))
    ... except fl.NotConverged as error:
    ...     print("there is none")
    there is none
    """


@dataclass(frozen=True)
class Outcome:
    """Why a computation stopped.

    Attributes
    ----------
    name : str
        For programs: "finished", "blow_up", the name of an event, ....
    message : str
        For people: a sentence.

    Examples
    --------
    >>> import felif as fl
    >>> run = fl.evolve(fl.discretize(fl.NoisyLIF(), tol=1e-3), fl.Gaussian(0.0, 0.25), t_end=0.1, rtol=1e-3)
    >>> print(run.outcome)
    finished: Reached t = 0.1.
    """

    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@dataclass(frozen=True)
class BlowUp:
    """Where a solution ceased to exist.

    Attributes
    ----------
    time, error : float
        Of the blow-up, and an estimate of its error.
    N : float
        Where the integration stopped.
    message : str
        A sentence.
    exponent : float
        N ~ (time - t)^(-exponent) there: 1/2, approached slowly where the noise is constant.
    mechanism : str
        "drift": b n(V_F^-) = 1; "noise": a1 abs(n_v(V_F)) = 1; "jump": N stays finite, and its derivative does not;
        "step_underflow": no step leads on.
    remaining : float
        int N dt from where the integration stopped to the blow-up.
    steps : float
        The part of `error` that counts what the steps leave.
    """

    time: float
    error: float
    N: float
    message: str
    exponent: float = 0.5
    mechanism: str = "drift"
    remaining: float = 0.0
    steps: float = 0.0
