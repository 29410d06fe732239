"""One leaky population at rest, at many parameters, and all of its rates.

Where drift and noise are affine in its rate it is, at rest, one neuron: with u = m + mN N its input,
a = a0 + aN N its noise, and T(u, a) its mean interval (Siegert 1951), the steady rates solve

    log out(N) = log N,    out = total / (w T(u, a) + tau),

w and tau being the weights of its density and of its rate in what is conserved. T falls with u and a, and so do the
sizes of T_u and T_a, so a box of log N has exact bounds of out and of its slope. Boxes of all points are cut, shrunk
and dropped together until each holds one root, which Newton's method finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..assembly.many_points import factors, scalars_in_order
from ..firing.passage_times import LinearNeuron
from ..given.parameters import Points
from ..problem import Problem
from ..translation.weak_form import CELLS, probe
from .tuning import REST

_SAMPLES = np.linspace(-3.0, 0.0, 7)  # of v, in units of V_F - V_R from V_F on


@dataclass
class Rates:
    """Of one point: N and d log out / d log N of all, and whether there are no others."""

    N: np.ndarray
    slope: np.ndarray
    complete: bool
    stable: np.ndarray | None = None


class RestingNeurons:
    """u = m + mN N, a = a0 + aN N, conductance, and what is conserved, at all points; (points,) each."""

    def __init__(self, problem: Problem, points: Points) -> None:
        """Raises ValueError where the model is no leaky population with affine drift and noise."""
        table = points.table
        if problem.neurons is None:
            raise ValueError("no populations of neurons that are known at rest")
        shaping = set(table) - set(problem.parameter_names)
        delays = {given.parameter for given in problem.weak_form.inputs if given.of is not None}
        if problem.line_names or problem.lines is not None or shaping or set(table) & delays:
            raise ValueError("no one-dimensional problem")
        neurons, why = problem.neurons(0.0, np.ones(len(problem.conserved)), REST.highest)
        if (
            neurons is None
            or neurons.count != 1
            or not isinstance(neurons.kinds[0], LinearNeuron)
            or not neurons.affine
        ):
            raise ValueError(f"no leaky population: {why}")
        self.ends, form = (problem.landings[0], problem.top), problem.weak_form
        f, names = factors(problem, points), scalars_in_order(problem)
        z0, z1 = _scalars_at_rest(f, names, form)
        field = problem.field_names[0]
        v = problem.top + problem.length * _SAMPLES
        self.m0, self.mN, self.a0, self.aN, self.g = np.zeros((5, points.count))
        for k, term in enumerate(form.terms):
            if term.into != field or (term.of is None and term.is_at_point):
                continue
            if term.of != field or term.over != CELLS:
                raise ValueError("the density has other sources")
            convection, diffusion, reaction = probe(term, v)
            slope = np.polyfit(v, convection, 1)
            size = np.abs(convection).max() + np.abs(diffusion).max()
            if np.abs(convection - np.polyval(slope, v)).max() > 1e-12 * size or np.ptp(diffusion) > 1e-12 * size:
                raise ValueError("drift or noise is not linear in v")
            if np.abs(reaction).max() > 0:
                raise ValueError("neurons appear along the line")
            c0, cN = np.einsum("pz,pz->p", f[:, k], z0), np.einsum("pz,pz->p", f[:, k], z1)
            if abs(slope[0]) > 1e-12 * size:
                if cN.any():
                    raise ValueError("the leak depends on the rate")
                self.g -= c0 * slope[0]
            offset = slope[1] if abs(slope[1]) > 1e-12 * size else 0.0
            self.m0, self.mN = self.m0 + c0 * offset, self.mN + cN * offset
            self.a0, self.aN = self.a0 + c0 * diffusion[0], self.aN + cN * diffusion[0]
        if not (self.g > 0).all() or not (self.a0 > 0).all() or not (self.aN >= 0).all():
            raise ValueError("no leak, or no noise without activity")
        (conserved,) = form.conserved
        weights = np.array([0.0, *(float(conserved.weights.get(name, 0.0)) for name in names)])
        self.weight = float(conserved.weights[field])
        self.total, self.rest = 1.0 - z0 @ weights, z1 @ weights
        if not (self.total > 0).all() or not (self.rest >= 0).all():
            raise ValueError("nobody is left for the density")
        _require_returned(f, z0, z1, form, field, self.ends)

    # one box after the other ------------------------------------------------------------------------------------

    def log_out(self, p: np.ndarray, u: np.ndarray, a: np.ndarray, slopes: bool) -> tuple[np.ndarray, ...]:
        """(log out, |T_u| w / total, |T_a| w / total) of points p at inputs u and noises a."""
        log, by_u, by_a = LinearNeuron(self.g[p], 0.0, *self.ends)(u, a, slopes)
        log = log + np.log(self.weight)
        with np.errstate(divide="ignore"):
            whole = np.logaddexp(log, np.log(self.rest[p])) if self.rest.any() else log
        out = np.log(self.total[p]) - whole
        if not slopes:
            return (out,)
        T = np.exp(log) / self.total[p]
        return out, by_u * T, by_a * T

    def rates(self, part: np.ndarray) -> list[Rates]:
        """All steady rates of these points."""
        p, low, high = part, np.full(len(part), REST.lowest), np.full(len(part), np.log(REST.highest))
        undecided, roots = np.zeros(self.total.shape, bool), []
        for _ in range(REST.rounds):
            width = high - low
            p, low, high, kept = self._shrunk(p, low, high)
            looked = (high - low > REST.shrink * width[kept]) | (high - low < REST.narrow)
            unique, none = np.zeros((2, len(p)), bool)
            unique[looked], none[looked] = self._slopes(p[looked], low[looked], high[looked])
            roots.append((p[unique], low[unique], high[unique]))
            small = ~unique & ~none & (high - low < REST.small)
            undecided[p[small]] = True
            left = ~unique & ~none & ~small
            p, low, high, cut = p[left], low[left], high[left], looked[left]
            if not len(p):
                break
            middle = 0.5 * (low + high)
            p, low, high = (
                np.concatenate(parts)
                for parts in ((p, p[cut]), (low, middle[cut]), (np.where(cut, middle, high), high[cut]))
            )
        undecided[p] = True
        p, low, high = (np.concatenate(parts) for parts in zip(*roots, strict=True))
        z, slope, inside = self._polished(p, low, high)
        p, z, slope = p[inside], z[inside], slope[inside]
        found = []
        order = np.lexsort((z, p))
        p, z, slope = p[order], z[order], slope[order]
        starts = np.searchsorted(p, part), np.searchsorted(p, part, "right")
        for point, first, last in zip(part.tolist(), *starts, strict=True):
            own, steep = z[first:last], slope[first:last]
            fresh = np.concatenate([[True], np.diff(own) > 1e-9])[: len(own)]
            N = np.where(own < REST.silent, 0.0, np.exp(own))
            found.append(Rates(N[fresh], steep[fresh], not undecided[point]))
        return found

    def _inputs(self, p: np.ndarray, N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.m0[p] + self.mN[p] * N, self.a0[p] + self.aN[p] * N

    def _corners(self, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, ...]:
        """Smallest and largest inputs and noises in boxes of log N."""
        (u1, a1), (u2, a2) = self._inputs(p, np.exp(low)), self._inputs(p, np.exp(high))
        return np.minimum(u1, u2), np.maximum(u1, u2), a1, a2

    def _shrunk(self, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, ...]:
        """Boxes cut to what log out can be in them; those without a root go."""
        u1, u2, a1, a2 = self._corners(p, low, high)
        (least,), (most,) = self.log_out(p, u1, a1, False), self.log_out(p, u2, a2, False)
        pad = REST.pad * (1 + np.abs(least))
        least, most = np.where(low <= REST.lowest, np.maximum(least, REST.lowest), least) - pad, most + pad
        low, high = np.maximum(low, least), np.minimum(high, most)
        there = low <= high
        return p[there], low[there], high[there], there

    def _slopes(self, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether boxes hold one root at most, since the slope of log out - log N has one sign; whether none, since
        from its values at the ends it falls and rises too little."""
        u1, u2, a1, a2 = self._corners(p, low, high)
        least, Tu_most, Ta_most = self.log_out(p, u1, a1, True)
        most, Tu_least, Ta_least = self.log_out(p, u2, a2, True)
        # d log out/d log N = N out (mN |T_u| + aN |T_a|) w/total
        first, last = np.exp(low + least), np.exp(high + most)
        by_u = np.where(self.mN[p] > 0, (first * Tu_least, last * Tu_most), (last * Tu_most, first * Tu_least))
        lower = self.mN[p] * by_u[0] + self.aN[p] * first * Ta_least
        upper = self.mN[p] * by_u[1] + self.aN[p] * last * Ta_most
        one = (upper < 1 - 1e-9) | (lower > 1 + 1e-9)
        first, last = (self.log_out(p, *self._inputs(p, np.exp(z)), False)[0] - z for z in (low, high))
        # it stays between lines of the extreme slopes through both ends: they meet where it may deviate most
        falls, rises, width = np.minimum(lower - 1, 0.0) - 1e-9, np.maximum(upper - 1, 0.0) + 1e-9, high - low
        down = np.clip((rises * width + first - last) / (rises - falls), 0.0, width)
        up = np.clip((last - first - falls * width) / (rises - falls), 0.0, width)
        least = np.minimum(np.minimum(first, last), first + falls * down)
        most = np.maximum(np.maximum(first, last), first + rises * up)
        pad = 4 * REST.pad * (1 + np.abs(low))
        none = (least > pad) | (most < -pad)
        return one & ~none, none

    def _polished(self, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(log N, slope, whether it converged) of the root of every box: Newton's method, bisection where it leaves."""
        z, slope = 0.5 * (low + high), np.zeros(len(p))
        rising = self.log_out(p, *self._inputs(p, np.exp(low)), False)[0] - low < 0  # log out - log N at the left end
        for _ in range(REST.steps):
            N = np.exp(z)
            out, Tu, Ta = self.log_out(p, *self._inputs(p, N), True)
            slope = N * np.exp(out) * (self.mN[p] * Tu + self.aN[p] * Ta)
            excess = out - z
            left = (excess < 0) == rising
            low, high = np.where(left, z, low), np.where(left, high, z)
            step = excess / np.where(np.abs(1 - slope) > 1e-12, 1 - slope, 1e-12)
            new = z + step
            new = np.where((new < low) | (new > high), 0.5 * (low + high), new)
            done = np.abs(new - z) <= 1e-14 * (1 + np.abs(z))
            z = new
            if done.all():
                break
        return z, slope, np.abs(excess) <= 1e-9 * (1 + np.abs(z))


def _scalars_at_rest(f: np.ndarray, names: tuple[str, ...], form: Any) -> tuple[np.ndarray, np.ndarray]:
    """z = z0 + z1 N at all points, z = (1, scalars), from the equations of the scalars that are no flux."""
    kinds = {s.name: s.algebraic for s in form.scalars}
    (rate,) = [name for name in names if kinds[name] == "flux"]
    own, others = 1 + names.index(rate), [1 + k for k, name in enumerate(names) if name != rate]
    z0, z1 = np.zeros((2, len(f), 1 + len(names)))
    z0[:, 0], z1[:, own] = 1.0, 1.0
    if others:
        rows = np.zeros((len(f), len(others), 1 + len(names)))
        for row, j in enumerate(others):
            for k, term in enumerate(form.terms):
                if term.into == names[j - 1]:
                    if term.of is not None or term.form is not None:
                        raise ValueError("a scalar is an integral of the density")
                    rows[:, row] += f[:, k]
            rows[:, row, j] -= kinds[names[j - 1]] == "integral"
        matrix = rows[:, :, others]
        if not (np.abs(np.linalg.det(matrix)) > 1e-12).all():
            raise ValueError("the scalars at rest do not follow from the rate")
        z0[:, others] = -np.linalg.solve(matrix, rows[:, :, :1])[..., 0]
        z1[:, others] = -np.linalg.solve(matrix, rows[:, :, own : own + 1])[..., 0]
    return z0, z1


def _require_returned(f: np.ndarray, z0: np.ndarray, z1: np.ndarray, form: Any, field: str, ends: tuple) -> None:
    """ValueError unless at all points what leaves at V_F enters at V_R, and is N."""
    for over, place, sign in (("firing", ends[1], -1.0), ("reset", ends[0], 1.0)):
        total = np.zeros((2, len(f)))
        for k, term in enumerate(form.terms):
            if term.into == field and term.of is None and term.over == over:
                value = float(np.ravel(term.form(np.ones(1), np.array([[place]])))[0])
                total += value * np.array([np.einsum("pz,pz->p", f[:, k], z) for z in (z0, z1)])
        if np.abs(total[0]).max() > 1e-9 or np.abs(total[1] - sign).max() > 1e-9:
            raise ValueError("what fires does not return to V_R")
