"""A quick look at whether a mesh still serves: nearly always it does, and a step should not pay for more."""

from __future__ import annotations

import numpy as np

from ..firing import layers
from ..firing.over_v import OverV
from ..problem import Infeasible
from . import splitting
from .tuning import SPLITTING


class MeshWatch:
    """Tests that every reason to change the mesh (see `splitting`) must fail, for an explicit system of degree >= 3.

    Each test is the one of `splitting` or weaker, so `quiet` is never True where `splitting.adapted` would act.
    """

    def __init__(self, problem: OverV) -> None:
        self._modes = problem._assembled.highest_modes
        cells = len(problem.widths)
        self._cells, self._tol, self._explicit = cells, problem.tol, problem._explicit
        low, high = problem.decay_lengths
        self._low, self._high = problem.tol / max(low, 1e-300), SPLITTING.top * problem.tol / max(high, 1e-300)
        self._layers = layer_lines(problem)

    def quiet(self, y: np.ndarray) -> bool:
        """True where the mesh certainly serves the state y."""
        try:
            N = self._explicit.solve(y)[0]
        except Infeasible:
            return False
        modes = np.abs(self._modes @ y)
        if (modes[: self._cells] + modes[self._cells :]).max() > 1.0:
            return False
        if abs(float(y[0])) > self._low or abs(float(y[-1])) > self._high:
            return False
        for width, drift, drift_slope, noise, noise_slope in self._layers:
            if width * abs(drift + drift_slope * N) > SPLITTING.layer_cells * (noise + noise_slope * N):
                return False
        return -float(y.min()) <= self._tol * float(y.max())


def layer_lines(problem: OverV) -> list[tuple[float, float, float, float, float]]:
    """For the layers below V_F and V_R: (cell width, drift at N = 0, its slope in N, noise at N = 0, its slope)."""
    zero, one = (layers.transport(problem, problem.point(rate)) for rate in (0.0, 1.0))
    lines = []
    for field in zero:
        for k, place in enumerate((*problem.landings, problem.top)):
            width = float(problem.widths[int(np.searchsorted(problem.cells, place)) - 1])
            if width > splitting.thinnest(problem, place):
                (drift, noise), (drift_1, noise_1) = ((float(x[k]) for x in table[field]) for table in (zero, one))
                lines.append((width, drift, drift_1 - drift, noise, noise_1 - noise))
    return lines
