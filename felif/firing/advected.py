"""Neurons that the drift alone carries to V_F: what their density is now is the firing rate soon.

Where noise is small a volley keeps its shape on the way, and an error of n is an error of N = f n when it arrives.
Where noise is large it spreads first, and nothing is asked of the density beyond its own accuracy.
"""

from __future__ import annotations

import numpy as np

from . import layers
from .over_v import OverV
from .tuning import LAYER


class Arrivals:
    """For a problem, (drift, share) at any time, or None where noise rules or the drift does not reach V_F.

    drift: f without activity at the nodes from which it leads up to V_F, 0 elsewhere, in the order of y
    share: the part of the largest flux f n that counts as small everywhere
    """

    def __init__(self, problem: OverV) -> None:
        self._problem, self._forms, self._known = problem, [], None
        self._varies = any(callable(getattr(problem.model, i.parameter, None)) for i in problem.weak_form.inputs)
        if not self._varies and _ruled_by_noise(problem):
            return
        self._flow = problem.flow
        self._last = int(np.searchsorted(problem.nodes, problem.top))
        self._forms = self._flow.on(problem.nodes[: self._last + 1])
        self._known = self._at(0.0) if self._forms and not self._varies else None

    def __call__(self, t: float) -> tuple[np.ndarray, float] | None:
        return self._at(t) if self._forms and self._varies else self._known

    def parts(self, inputs: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, float] | None:
        """(drift at the nodes up to V_F, noise at V_F, what that is multiplied by to be compared with the drift there).

        Row 0 of drift and noise is without inputs that vary in time, the others what one unit of each of them adds;
        None where the drift leads nobody to V_F at any time.
        """
        if not self._forms or not (self._varies or self._known):
            return None
        model, driven = self._problem.model, self._problem.weak_form.inputs
        names = [i.name for i in driven if i.of is None and callable(getattr(model, i.parameter))]
        nothing = dict.fromkeys(names, 0.0)
        tables = [self._flow.combine(self._forms, inputs={**nothing, name: 1.0}) for name in names]
        speed, noise, _ = self._flow.combine(self._forms, inputs=nothing)
        speeds, noises = np.zeros((1 + len(inputs), self._last + 1)), np.zeros(1 + len(inputs))
        speeds[0], noises[0] = speed, noise[self._last]
        for name, (with_it, noise_with_it, _) in zip(names, tables, strict=True):
            place = 1 + inputs.index(name)
            speeds[place], noises[place] = with_it - speed, noise_with_it[self._last] - noises[0]
        return speeds, noises, spread_of(self._problem, 1.0)

    def _at(self, t: float) -> tuple[np.ndarray, float] | None:
        problem, last = self._problem, self._last
        speed, noise, _ = self._flow.combine(self._forms, 0.0, t)
        share = spread_of(problem, float(noise[last]))
        if not speed[last] > share:
            return None
        against = np.flatnonzero(speed <= 0)
        speed[: against[-1] + 1 if against.size else 0] = 0.0
        drift = np.zeros(problem.size)
        for name in problem.field_names:
            start, count = problem.layout.slice(name).start, min(problem.layout.free(name), last + 1)
            drift[start : start + count] = speed[:count]
        return drift, share / float(speed[last])


def spread_of(problem: OverV, noise: float) -> float:
    """The drift at V_F below which noise rules."""
    return LAYER.spread * noise / problem.length


def _ruled_by_noise(problem: OverV) -> bool:
    """Whether what is known of drift and noise at V_F says already that nothing arrives."""
    known = layers.transport(problem, problem.point(0.0)).values()
    return bool(known) and all(drift[-1] <= spread_of(problem, float(noise[-1])) for drift, noise in known)
