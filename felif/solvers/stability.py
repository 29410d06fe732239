"""The leading eigenvalues of J x = lambda M x along a curve of steady states, conserved modes left out: fast."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..algebra import BandLowRank, SingularMatrix, determinants, eigenpairs, eigenvalues, krylov
from ..problem import NotConverged, Problem
from .border import by_mass, conservation, deflated, symmetry
from .delayed_modes import modes
from .plane_modes import leading_on_lines
from .tuning import SPECTRA, STABILITY

_FEW = (26, 48, 72)  # steps around the first shift; modes of one density are simple, the leading ones near the axis
#: heights at which it is looked at first: most of them where it turns, around the rate of the leak
_HEIGHTS = np.concatenate([[0.0, 1e-3, 1e-2], np.geomspace(0.03, 30.0, 13), [1e2, 1e3, 1e4, 1e6]])
_DOWN, _ACROSS, _UP = np.geomspace(1e4, 1.5, 6), np.array([0.0, 0.5]), np.geomspace(1.0, 1e4, 8)  # places on it
_SHIFTS = (0.5, 5.0, 50.0, 500.0, 5000.0)


def leading(problem: Problem, y: np.ndarray, count: int = 6) -> np.ndarray:
    """The `count` eigenvalues with the largest real parts, sorted by them, and all unstable ones; pairs complete.

    Of one density from a Krylov space around the positive axis, where as many of them are unstable as the argument
    principle counts. Else up to 350 unknowns from all eigenvalues; beyond, from Krylov spaces around several points of
    the positive axis, and from all eigenvalues where the argument principle counts another number of unstable ones;
    where the Jacobian is no band (densities over two axes) unstable ones are not counted, only found. With delays they
    are counted by the argument principle; raises NotConverged where fewer are found.
    """
    if problem.line_names:
        return leading_on_lines(problem, 0.0, y, count)[0]
    if problem.delays:
        found = modes(problem, y, count)
        if found.message and not (found.edge < 0 and len(found.values)):  # unstable ones may be missing
            raise NotConverged(f"stability with delays: {found.message}")
        return _first(found.values, count)
    J = problem.jacobian(0.0, y)
    if not hasattr(J, "band"):
        return _first(
            sorted_leading(_right_half(problem, y) if problem.size > STABILITY.dense else _all(problem, y)), count
        )
    if len(problem.field_names) == 1 and problem.size > STABILITY.small:
        values = _few(problem, deflated(problem, J, y, -STABILITY.away), y, count)
        if values is not None:
            return _first(values, count)
    if problem.size > STABILITY.dense:
        values = _right_half(problem, y)
        if _counted(problem, deflated(problem, J, y, -STABILITY.away), y, values):
            return _first(sorted_leading(values), count)
    return _first(sorted_leading(_all(problem, y)), count)


def leading_and_unstable(problem: Problem, y: np.ndarray) -> tuple[np.ndarray, int | None]:
    """(`leading` eigenvalues, how many of all are unstable); none and None where they cannot be counted."""
    try:
        values = leading(problem, y)
    except NotConverged:
        return np.zeros(0), None
    return values, unstable(values)


def _first(values: np.ndarray, count: int) -> np.ndarray:
    count = min(max(count, unstable(values)), len(values))
    if 0 < count < len(values) and values[count - 1].imag > 0:
        count += 1
    return values[:count]


def sorted_leading(values: np.ndarray) -> np.ndarray:
    """By falling real part, of a pair the one with positive imaginary part first.

    A pair that rounding has made of a double real eigenvalue, as symmetries make them, is real.
    """
    values = np.where(np.abs(values.imag) <= STABILITY.rounding * (1 + np.abs(values)), values.real, values)
    return values[np.lexsort((-values.imag, -values.real))]


def grow(values: Any) -> Any:
    """Which eigenvalues grow: those within rounding of the axis do not."""
    return np.real(values) > STABILITY.rounding * (1 + np.abs(values))


def on_axis(values: np.ndarray) -> np.ndarray:
    """Which eigenvalues neither grow nor decay, but for rounding."""
    return np.abs(values.real) <= STABILITY.rounding * (1 + np.abs(values))


def unstable(values: np.ndarray) -> int:
    """How many eigenvalues grow."""
    return int(np.count_nonzero(grow(values)))


def _all(problem: Problem, y: np.ndarray) -> np.ndarray:
    J = problem.jacobian(0.0, y)
    kept = _kept(problem, y)
    if not kept:
        return eigenvalues(by_mass(problem, J.dense()))
    values = eigenvalues(by_mass(problem, deflated(problem, J, y, -STABILITY.away).dense()))
    return np.delete(values, np.argsort(np.abs(values - STABILITY.away))[:kept])


def _kept(problem: Problem, y: np.ndarray) -> int:
    """How many zeros of J belong to conserved quantities and symmetries."""
    return len(conservation(problem)) + (symmetry(problem, y) is not None)


def _few(problem: Problem, J: BandLowRank, y: np.ndarray, count: int) -> np.ndarray | None:
    """Eigenvalues nearest to the first shift, the `count` leading ones and all unstable ones among them.

    None where that is not sure. J is deflated.
    """
    start, shift = _start(problem.size), _SHIFTS[0]
    D = _Determinant(problem, J, y)
    for steps in _FEW:
        try:
            values, reach = _ritz(*krylov(J, problem.mass, shift, start, min(steps, problem.size - 1)), shift)
            values = sorted_leading(values)
            complete = D.complete(values, count, shift, reach, follow=steps > _FEW[0])
        except SingularMatrix:
            return None
        if complete is not None:
            return values if complete else None
    return None


@lru_cache(16)
def _start(size: int) -> np.ndarray:
    """Where Krylov spaces begin."""
    return np.random.default_rng(0).standard_normal(size)


def all_found(problem: Problem, y: np.ndarray, values: np.ndarray, count: int, shift: float) -> bool:
    """Whether the `count` leading ones and all unstable ones are among the eigenvalues nearest to a shift, by the
    argument principle: of several densities the unstable ones only, and True where the Jacobian is no band.
    """
    J = problem.jacobian(0.0, y)
    if not hasattr(J, "band"):
        return True
    J, values = deflated(problem, J, y, -STABILITY.away), sorted_leading(values)
    if len(problem.field_names) > 1:
        return _counted(problem, J, y, values)
    try:
        reach = float(np.abs(values - shift).max())
        return bool(_Determinant(problem, J, y).complete(values, count, shift, reach, follow=True))
    except SingularMatrix:
        return False


def _axis(known: np.ndarray) -> np.ndarray:
    """Where a determinant is looked at, upwards next to the axis: beside the `known` eigenvalues, too."""
    further = known.imag[known.imag > 0]
    return STABILITY.edge + 1j * (np.union1d(_HEIGHTS, further) if len(further) else _HEIGHTS)


def _border(edge: float, shift: float, reach: float) -> np.ndarray | None:
    """From the axis to the left and up: above it are eigenvalues right of `edge` and farther from the shift than this.

    None where it would pass near eigenvalues without feedback, which are real.
    """
    square = reach**2 - (shift - edge) ** 2
    if square <= (STABILITY.wide * (shift - edge)) ** 2:
        return None
    return np.concatenate([edge * _ACROSS + 1j * np.sqrt(square), edge + 1j * np.sqrt(square) * _UP])


def counted(problem: Problem, y: np.ndarray) -> int | None:
    """Number of unstable eigenvalues of a problem without delays, by the argument principle alone.

    y may be off by a part STABILITY.aside of what moves an eigenvalue to the axis: None where D comes nearer to 0, and
    where its turns cannot be followed.
    """
    D, axis = (
        _Determinant(problem, deflated(problem, problem.jacobian(0.0, y), y, -STABILITY.away), y),
        _axis(np.zeros(0)),
    )
    try:
        known = D.at(axis)
        return D.growing(axis, known) if np.abs(known).min() > STABILITY.aside else None
    except SingularMatrix:
        return None


def _counted(problem: Problem, J: BandLowRank, y: np.ndarray, values: np.ndarray) -> bool:
    """Whether as many eigenvalues are unstable as among these. J is deflated."""
    try:
        D, axis = _Determinant(problem, J, y), _axis(values)
        growing = D.growing(axis, D.at(axis))
    except SingularMatrix:
        return False
    return growing == int(np.count_nonzero(values.real > STABILITY.edge))


class _Determinant:
    """D(x) = det(1 - G (x M - B)^-1 U), J = B + U G: zeros where J has eigenvalues that B has not.

    J is deflated, which D is not: of zeros at 0 it has those that remain.
    """

    def __init__(self, problem: Problem, J: BandLowRank, y: np.ndarray) -> None:
        self._mass, self._J, self._moved = problem.mass, J, _kept(problem, y)

    def at(self, x: np.ndarray) -> np.ndarray:
        """D, with the zeros of what is conserved at -1."""
        return determinants(self._J, self._mass, x) * ((1 + x) / (x - STABILITY.away)) ** self._moved

    def complete(self, values: np.ndarray, count: int, shift: float, reach: float, follow: bool) -> bool | None:
        """Whether these eigenvalues, sorted, hold all unstable ones and, those within `reach` of the shift being there,
        the `count` leading ones; None where such may be farther away. Raises SingularMatrix.
        """
        if len(values) < count or (border := _border(values[count - 1].real, shift, reach)) is None:
            return None
        axis = _axis(values)
        known = self.at(np.concatenate([axis, border]))
        if not self.none_above(border, known[len(axis) :], follow):
            return None
        return self.growing(axis, known[: len(axis)]) == int(np.count_nonzero(values.real > STABILITY.edge))

    def growing(self, axis: np.ndarray, D: np.ndarray) -> int | None:
        """Number of unstable eigenvalues: turns of D around 0 upwards next to the axis, from what is known there.

        Without U G the density only runs out at the threshold, so B has no unstable eigenvalue. None where the turns
        cannot be followed. Raises SingularMatrix.
        """
        turned, last = self._along(axis, D)
        turned = (np.angle(last) - turned) / np.pi
        return round(float(turned)) if abs(turned - np.round(turned)) < STABILITY.closed else None

    def none_above(self, border: np.ndarray, D: np.ndarray, follow: bool) -> bool:
        """Whether J has no eigenvalue above a border, D being known on it: D is near 1 there, as it is on the axis.

        Or, where it is to be followed, D does not turn around 0 on the way from above on the axis down, left and up
        again. Raises SingularMatrix.
        """
        near = bool((np.abs(D * (border / (1 + border)) ** self._moved - 1) < STABILITY.near_one).all())
        if near or not follow:
            return near
        down = 1j * border[0].imag * _DOWN
        return bool(abs(self._along(np.concatenate([down, border]), np.concatenate([self.at(down), D]))[0]) < np.pi)

    def _along(self, x: np.ndarray, D: np.ndarray) -> tuple[float, complex]:
        """(by how much D turns along a path through these points, D at its end); NaN where it cannot be followed."""
        while len(
            far := np.flatnonzero(~(np.abs(np.diff(D)) <= STABILITY.turn * np.minimum(np.abs(D[:-1]), np.abs(D[1:]))))
        ):
            a, b = x[far], x[far + 1]
            low, high = np.minimum(a.imag, b.imag), np.maximum(a.imag, b.imag)
            height = np.where(low > 0, np.sqrt(low * high), np.maximum(0.1 * high, 0.01 * STABILITY.edge))
            close = (np.abs(a - b) <= 1e-9 * np.abs(a) + 1e-12) | ((low == 0) & (height >= high))
            if len(D) > STABILITY.points or close.any():
                return np.nan, np.nan
            between = (a.real + b.real) / 2 + 1j * height
            x, D = np.insert(x, far + 1, between), np.insert(D, far + 1, self.at(between))
        return float(np.angle(D[1:] / D[:-1]).sum()), complex(D[-1])


def _right_half(problem: Problem, y: np.ndarray) -> np.ndarray:
    """Eigenvalues near the axis and right of it: each strip of real parts from the shift at its right end."""
    found = [_around(problem, y, shift) for shift in _SHIFTS]
    ends = (-np.inf, *_SHIFTS[:-1], np.inf)
    return np.concatenate(
        [v[(v.real > low) & (v.real <= high)] for v, low, high in zip(found, ends[:-1], ends[1:], strict=True)]
    )


def _around(problem: Problem, y: np.ndarray, shift: float) -> np.ndarray:
    """Eigenvalues around `shift` from one Krylov space of (shift M - J)^-1 M, J deflated."""
    J = deflated(problem, problem.jacobian(0.0, y), y, -STABILITY.away)
    try:
        steps = min(STABILITY.krylov, problem.size - len(conservation(problem)))
        return _ritz(*krylov(J, problem.mass, shift, _start(problem.size), steps), shift)[0]
    except SingularMatrix:
        return _around(problem, y, 1.1 * shift + 0.1)


def _ritz(V: np.ndarray, H: np.ndarray, shift: float) -> tuple[np.ndarray, float]:
    """(eigenvalues near the shift that a Krylov space has found, how far from it the nearest one is that it has not)"""
    theta, vectors = eigenpairs(H[:-1])
    found = (H[-1, -1] * np.abs(vectors[-1]) < SPECTRA.found * np.abs(theta)) & (np.abs(theta) > 1e-12)
    return shift - 1 / theta[found], 1 / float(np.abs(theta[~found]).max(initial=1e-12))
