"""fit: parameters of a neuron from its interspike intervals, by maximum likelihood through their density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..given.arguments import checked, number, optional
from ..given.warning import warn
from .checked_arguments import check_arguments, check_dead_time, names_of
from .estimates import Fit
from .intervals import as_intervals
from .likelihood import TIME, Likelihood
from .likelihood_maximum import STOPPED, maximise, near, told_apart
from .likelihood_profile import Better
from .tuning import CLIMB

_USUAL = (0.05, 8.0)  # mean intervals, in membrane times, of neurons whose unit of time nobody asks about


@checked(rate=optional(number()), membrane_time=optional(number()))
def fit(
    intervals: Any,
    model: Any,
    parameters: Sequence[str] = ("current", "a0"),
    *,
    kind: Literal["intervals", "times"] | None = None,
    unit: float | str | None = None,
    rate: float | None = None,
    membrane_time: float | None = None,
) -> Fit:
    """Parameters of a neuron from independent interspike intervals t_i:  max over theta of sum log f(t_i; theta).

    f is the first-passage density of the model (`first_passage`), so a refractory state or a random threshold counts.
    The profiles of the likelihood are followed at once, and the search begins again where they meet a larger one. A
    search that takes long shows its progress on a terminal.

    Parameters
    ----------
    intervals : array, list of arrays, or what `as_intervals` takes
        Several arrays are separate recordings. In units of the time that `membrane_time` is in.
    model : model
        Where the search begins, and the values of what is not fitted.
    parameters : sequence of str
        Numbers of the model ("current", "a0", "v_reset", "v_fire", "tau", "dead_time", ...), or "membrane_time", the
        model's unit of time in that of the intervals.
    kind : {"intervals", "times"}
        Of what is given; "intervals" by default.
    unit : float or str
        Factor of plain numbers; objects with units are converted to it ("ms"; seconds by default), and `membrane_time`
        is in the same unit (see `as_intervals`).
    rate : float
        Firing rate of the network around the neuron, for models with b or a1 (see `first_passage`).
    membrane_time : float
        The model's unit of time in that of the intervals (20.0: intervals in ms, membrane time 20 ms); 1 by default,
        with a warning where intervals are then unusually long or short.

    Returns
    -------
    Fit
        `.values`, `.errors`, `.confidence(name)`, `.profile(name)`, `.p_value`.

    Raises
    ------
    ValueError
        For bad intervals and names, and for parameters that intervals cannot tell apart: of current, a0, v_reset and
        v_fire of a leaky neuron only two can be fitted, since a change of the scale and of the origin of v leaves all
        intervals as they are.
    NotConverged
        Where the model hardly ever fires to begin with.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.NoisyLIF(current=1.0, a0=0.5)
    >>> intervals = fl.first_passage(neuron, tol=1e-4).sample(100, seed=1)
    >>> found = fl.fit(intervals, neuron, ["current"])
    >>> low, high = found.confidence("current")
    >>> low < 1.0 < high
    True
    """
    data = as_intervals(intervals, kind, unit=unit)
    names = names_of(parameters)
    time = 1.0 if membrane_time is None else membrane_time
    check_arguments(model, names, time, rate)
    check_dead_time(model, names, data, float(time))
    if len(data) <= len(names):
        raise ValueError(f"intervals: {len(data)}; allowed are more than there are parameters ({len(names)})")
    if len(names) > 1 and {"a0", TIME} & set(names) and np.ptp(data) <= 1e-9 * data.max():
        raise ValueError(f"intervals: all {len(data)} are {data[0]:g}; the less noise the better they fit, without end")
    if membrane_time is None and not _USUAL[0] <= data.mean() <= _USUAL[1]:
        warn(
            f"fit: the intervals have a mean of {data.mean():.4g} membrane times, which is unusual. Give membrane_time "
            "in the unit of the intervals (20.0 for ms), or membrane_time=1.0 if they are in membrane times.",
        )
    likelihood = Likelihood(data, model, names, rate, float(time))
    likelihood.passage(likelihood.start)  # says what is wrong
    with likelihood.shown():
        start, everything = near(likelihood), np.arange(len(names))
        if likelihood.impossible(start):
            raise ValueError(
                f"intervals: their mean is {data.mean():.3g}, that of the model to begin with "
                f"{math.exp(likelihood.moments(likelihood.start)[0]):.3g}: too far apart to begin there; allowed is a "
                "model nearer to them, or the membrane_time in their unit"
            )
        scores = likelihood.scores(start, everything)
        if scores is not None:
            confused = told_apart(scores, names, CLIMB.singular)
            if confused:
                raise ValueError(f"parameters = {list(names)}: {confused}")
        spent = 0
        for _ in range(CLIMB.restarts):
            theta, _, iterations, how = maximise(likelihood, start, everything)
            spent += iterations
            found = Fit(likelihood, theta, spent, how)
            try:
                if found.converged:
                    found.follow()
                break
            except Better as better:
                start = better.theta
        else:
            found = Fit(likelihood, theta, spent, STOPPED)
    found.evaluations = likelihood.evaluations
    return found
