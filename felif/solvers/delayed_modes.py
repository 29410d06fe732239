"""The leading modes of a problem with delays: looked for until there are as many as the argument principle counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..problem import Problem
from .characteristic import Characteristic, different
from .tuning import MODES

_SHARES = (0.7, 0.4, 0.15)  # of the modes asked for, of which it is tried whether they are complete


@dataclass(frozen=True, eq=False)
class Modes:
    """Every mode right of Re lambda = edge by falling real part (pairs complete), as many as `counted` there.

    message  empty, or why there are fewer than asked for; none where not even the unstable ones could be counted
    """

    values: np.ndarray
    edge: float
    counted: int
    message: str


def modes(problem: Problem, y: np.ndarray, count: int) -> Modes:
    """The `count` leading modes at a steady state of a problem with delays, and all unstable ones.

    They are looked for until there are as many right of the last one as the argument principle counts there; where that
    does not come about, `message` says what is missing.
    """
    D = Characteristic(problem, y)
    longest, order = D.delays.max(), np.sort(D.poles.real)[::-1]
    K = D.sampled(0.0, D.heights[:8])[1]
    largest, beyond = float(np.abs(K).max()), D.beyond()
    least = (
        -max(min(MODES.left - np.log(max(largest, 1e-300)), np.log(MODES.inside * MODES.small / beyond)), 1e-3)
        / longest
    )
    left = max(float(order[min(count + 2, len(order)) - 1]) - 1.0, least)
    highest = D.top(0.0, everywhere=False)
    top = max(
        highest if np.isfinite(highest) else 0.0, min((count / 2 + 3) * 2 * np.pi / longest, 3 * abs(left) + 30.0)
    )
    reach, density, message = 1.5 * top, 1.0, ""
    rational = D.interpolant([0.0], reach)
    wanted, values, found, edge, counted = count, np.zeros(0), np.zeros(0, complex), 0.0, None
    for _ in range(MODES.attempts):
        x = D.zeros(rational, D.starts(rational, left, 1.5 * top, density), left, 1.5 * top)
        x = different(np.concatenate([x, found]))
        marks = whole(D.at_poles(x, left, rational))
        many = max(wanted, _growing(marks))
        many += bool(many <= len(marks) and marks[many - 1].imag > 0)  # no line passes between two of a pair
        edge = _edge(marks, D.poles, many) if many < len(marks) else D.around(rational, many, left)
        height = D.top(edge)
        if not np.isfinite(height):
            counted = None
            message = (
                f"modes right of {edge:.6g} cannot be counted: the delayed feedback does not fade at high frequencies"
            )
            break
        top = max(top, height)
        if 1.5 * top > reach or not D.meets(rational, edge, 1.5 * top):
            reach = 1.5 * top
            rational = D.interpolant([0.0, edge], reach)
        near = [D.polished(one) for one in x[x.real > edge - 1e-6]]
        found = different(np.array([one for one in near if one is not None], complex))
        right = D.at_poles(found, edge, None)
        counted, values = D.count(rational, edge, height), whole(right)
        if counted is not None and counted > len(values):
            values = whole(D.repeated(rational, right))
        if counted is not None and counted > len(values):
            found = different(np.concatenate([found, _remaining(D, found, edge)]))
            values = whole(D.repeated(rational, D.at_poles(found, edge, None)))
        if counted != len(values):
            if density >= MODES.densest:
                break
            density *= 2
            rational = D.interpolant([0.0, edge / 10, edge / 3, edge], reach)
        elif len(values) >= count:
            return Modes(values, edge, counted, "")
        elif len(values) < len(marks) and wanted < 2 * count + 8:
            wanted += count - len(values) + 1
        elif left == least and density >= MODES.densest:
            message = f"{len(values)} modes were found right of {edge:.6g}, {count} were asked for"
            break
        else:
            left, density = max(2 * left, least), density * (2 if left == least else 1)
    if counted == len(values):
        return Modes(values, edge, counted, message)
    if not message and counted is None:
        message = f"modes right of {edge:.6g} could not be counted ({len(values)} were found)"
    elif not message:
        message = f"the argument principle counts {counted} modes right of {edge:.6g}, {len(values)} were found"
    fewer = _certain(D, values, count)
    rest = f"; the {fewer[2]} right of {fewer[1]:.6g} are all there are" if fewer[2] else ""
    return Modes(*fewer, message + rest)


def _remaining(D: Characteristic, known: np.ndarray, edge: float) -> np.ndarray:
    """Modes right of the line, Im >= 0, that are not among the known ones: Newton's method for D prod (x - p) / prod
    (x - z), p eigenvalues of J and z the known ones, on exact values; from next to p and from between p and z."""
    zeros = np.concatenate([known, known[known.imag > 0].conj()])
    near = D.poles[(D.poles.imag >= 0) & (D.poles.real > edge)]
    marks, upper = np.sort(np.append(near.real, edge)), known[np.argsort(known.imag)]
    starts = [near + 0.1j, (marks[1:] + marks[:-1]) / 2, (upper[1:] + upper[:-1]) / 2]
    alive, limit, done = np.concatenate(starts)[: MODES.divided] + 1e-6 * (1 + 1j), 1.0 / D.delays.max(), []
    for _ in range(40):
        if not len(alive):
            break
        h = 1e-7 * (1 + np.abs(alive))
        at, moved = np.split(D.exact(np.concatenate([alive, alive + h])), 2)
        with np.errstate(all="ignore"):
            known_part = (1 / (alive[:, None] - zeros)).sum(axis=1) - (1 / (alive[:, None] - D.poles)).sum(axis=1)
            step = -1 / ((moved - at) / (h * at) - known_part)
        step = np.where(np.isfinite(step), step, limit)
        alive = alive + step * np.minimum(1.0, np.minimum(limit, 0.3 * (1 + np.abs(alive))) / np.abs(step))
        there = np.abs(step) <= 1e-8 * (1 + np.abs(alive))
        done.append(alive[there])
        alive = alive[~there & (alive.real > edge - 2 * limit)]
    found = np.concatenate([alive[:0], *done])
    found = np.where(
        np.abs(found.imag) <= MODES.same * (1 + np.abs(found)), found.real, found.real + 1j * np.abs(found.imag)
    )
    return different(found[found.real > edge])


def _certain(D: Characteristic, values: np.ndarray, count: int) -> tuple[np.ndarray, float, int]:
    """(modes, edge, number) of those found that are as many as are counted right of an edge, fewer than asked for."""
    tried = {int(share * min(count, len(values))) for share in _SHARES} | {max(_growing(values), 1)}
    for number in sorted(tried - {0}, reverse=True):
        while number < len(values) and values.real[number - 1] - values.real[number] < 1e-7:
            number += 1
        if number >= len(values):
            continue
        edge = float(values.real[number - 1] + values.real[number]) / 2
        height = D.top(edge)
        if np.isfinite(height) and D.count(D.interpolant([0.0, edge], max(1.5 * height, 1.0)), edge, height) == number:
            return values[:number], edge, number
    return values[:0], np.inf, 0


def _growing(values: np.ndarray) -> int:
    """How many are unstable, or too near the axis to tell."""
    return int(np.count_nonzero(values.real > -1e-6 * (1 + np.abs(values))))


def _edge(values: np.ndarray, poles: np.ndarray, count: int) -> float:
    """A line left of the first `count`, in a gap between values and eigenvalues of J."""
    last, end = values.real[count - 1], values.real[min(count + 7, len(values) - 1)]
    marks = np.concatenate([values.real[count - 1 : count + 8], poles.real[(poles.real < last) & (poles.real >= end)]])
    marks = np.sort(marks)[::-1]
    gaps = marks[:-1] - marks[1:]
    wide = int(np.argmax(gaps > 0.3 * gaps.max()))
    return float(marks[wide] - 0.5 * gaps[wide])


def whole(x: np.ndarray) -> np.ndarray:
    """Zeros with Im >= 0 and their conjugates by falling real part, of a pair the one with Im > 0 first."""
    both = np.concatenate([x, x[x.imag > 0].conj()])
    return both[np.lexsort((-both.imag, -both.real))]
