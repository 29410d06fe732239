"""Every mode of a problem with delays right of a line, counted by the argument principle.

With K(lambda) = Gamma + G (lambda M - J)^-1 U from the delayed inputs to the scalars that they repeat, J the Jacobian
with those inputs held fixed, lambda is a mode where

    D(lambda) = det(1 - Z K(lambda)) = 0,    Z = diag exp(-lambda d).

Poles of D are eigenvalues of J. Right of a line Re lambda = x there are as many modes as eigenvalues of J plus turns of
D around 0 along the line (upwards, clockwise): K is rational and vanishes at infinity up to Gamma, so D is near
det(1 - Z Gamma) on the arc that closes the line, and |Z K| < 1 from some height on, beyond which D cannot turn.

An input that empties a scalar R (a dead time, see delayed.py) keeps whatever R holds beyond int_{t-d}^t s: of every
such input D has a zero at 0 that is no mode, since R is that integral. It is divided out: D(lambda)/lambda.

K does not depend on the delays and is smooth: it is known from complex band solves on the line and a rational
interpolant through them, checked between them (AAA: Nakatsukasa, Sete & Trefethen, SIAM J. Sci. Comput. 40 (2018)).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from ..algebra import eigenvalues
from ..problem import Problem
from .border import by_mass, conservation, deflated
from .delayed import Delayed
from .rational import Rational
from .tuning import MODES, SPECTRA


class Characteristic:
    """D of a problem at a steady state: exact at one lambda, from an interpolant at many."""

    def __init__(self, problem: Problem, y: np.ndarray) -> None:
        parts = Delayed.at(problem, y)
        C, J = conservation(problem), parts.instantaneous
        self.delays, self.Gamma, self._emptying = parts.delays, parts.Gamma, int(parts.emptying.sum())
        J = deflated(problem, J, y, SPECTRA.away)
        values = eigenvalues(by_mass(problem, J.dense()))
        #: eigenvalues of J, those of conserved quantities left out
        self.poles = np.delete(values, np.argsort(np.abs(values + SPECTRA.away))[: len(C)])
        self.radius = float(np.abs(self.poles).max(initial=1.0))
        self._band, self._mass, self._inner = J.band, problem.mass, J.U.shape[1]
        self._columns = np.asfortranarray(np.hstack([J.U, parts.U]), complex)
        self._rows = np.vstack([J.G, parts.G])
        self.met = False  # whether the last interpolant is one
        self._known: dict[complex, np.ndarray] = {}
        least = 0.3 * min(1.0, float(np.abs(self.poles).min(initial=1.0)))
        #: heights at which K is looked at on a line at first: 0, up to beyond every eigenvalue of J, and its resonances
        far = np.geomspace(
            1e3 * least, 1e3 * least + 10 * self.radius, 1 + int(np.log10(10 + 1e-2 * self.radius / least))
        )
        sharp = self.poles[(self.poles.imag > 0) & (np.abs(self.poles.real) < self.poles.imag)]
        sharp = sharp.imag[np.argsort(-sharp.real)[:12]]
        self.heights = np.unique(np.concatenate([[0.0], np.geomspace(least, 1e3 * least, 16), far, sharp]))

    def transfer(self, x: complex) -> np.ndarray:
        """K(x), by one complex band solve."""
        if x not in self._known:
            self._known[x] = self._kernel(x)
        return self._known[x]

    def _kernel(self, x: complex) -> np.ndarray:
        """Gamma + G (x M - J)^-1 U."""
        band, mass, r = self._band, self._mass, self._inner
        kl, ku = max(band.kl, mass.kl), max(band.ku, mass.ku)
        work = np.zeros((2 * kl + ku + 1, band.n), complex, order="F")
        work[kl + ku - band.ku : kl + ku + band.kl + 1] = -band.data
        work[kl + ku - mass.ku : kl + ku + mass.kl + 1] += x * mass.data
        *_, columns, info = lapack.zgbsv(kl, ku, work, self._columns, overwrite_ab=True)
        products = self._rows @ columns  # of L^-1 (U_J, U) with L = x M - band
        try:
            if info:
                raise np.linalg.LinAlgError
            inner = np.linalg.solve(np.eye(r) - products[:r, :r], products[:r, r:])
        except np.linalg.LinAlgError:
            return self._kernel(x + 1e-9 * (1 + abs(x)))
        return self.Gamma + products[r:, r:] + products[r:, :r] @ inner

    def of(self, x: np.ndarray, K: np.ndarray) -> np.ndarray:
        """D where K has been computed, shapes (n,) and (n, k, k), without its zeros at 0 that are no modes."""
        D = self.whole(x, K)
        return D if not self._emptying else D / np.where(x == 0, 1e-12, x) ** self._emptying

    def whole(self, x: np.ndarray, K: np.ndarray) -> np.ndarray:
        """D with all its zeros."""
        Z = np.exp(-x[:, None] * self.delays)
        if len(self.delays) == 1:
            return 1 - Z[:, 0] * K[:, 0, 0]
        if len(self.delays) == 2:
            L = Z[:, :, None] * K
            return (1 - L[:, 0, 0]) * (1 - L[:, 1, 1]) - L[:, 0, 1] * L[:, 1, 0]
        return np.linalg.det(np.eye(len(self.delays)) - Z[:, :, None] * K)

    def size(self, x: np.ndarray, K: np.ndarray) -> np.ndarray:
        """A bound of the eigenvalues of Z K: below one no factor 1 - mu of D leaves the right half-plane.

        The largest eigenvalue of |Z K|, the least of its norms over all units in which the inputs may be measured.
        """
        entries = np.exp(-x.real[:, None] * self.delays)[:, :, None] * np.abs(K)
        return entries[:, 0, 0] if len(self.delays) == 1 else np.abs(np.linalg.eigvals(entries)).max(axis=1)

    def sampled(self, edge: float, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = edge + 1j * heights
        return x, np.array([self.transfer(complex(one)) for one in x])

    def interpolant(self, edges: list[float], top: float) -> Rational:
        """Of K on these lines up to the height `top`, sampled ever finer until it is met between samples."""
        grids = {edge: np.append(self.heights[self.heights < top], top) for edge in edges}
        while True:
            x, K = (np.concatenate(one) for one in zip(*(self.sampled(e, g) for e, g in grids.items()), strict=True))
            rational = Rational.through(x, K, 0.05 * MODES.fitted)
            finer = {edge: np.union1d(grid, self._unmet(rational, edge, grid)) for edge, grid in grids.items()}
            before, after = (sum(map(len, one.values())) for one in (grids, finer))
            if before == after or after > MODES.samples:
                self.met = before == after
                return rational
            grids = finer

    def _unmet(self, rational: Rational, edge: float, grid: np.ndarray) -> np.ndarray:
        """Heights between those of the grid at which the interpolant errs."""
        x, K = self.sampled(edge, (grid[:-1] + grid[1:]) / 2)
        return x[~self._met(rational, x, K)].imag

    @staticmethod
    def _met(rational: Rational, x: np.ndarray, K: np.ndarray) -> np.ndarray:
        return np.abs(rational(x) - K).max(axis=(1, 2)) <= MODES.fitted * max(np.abs(K).max(), 1e-200)

    def meets(self, rational: Rational, edge: float, top: float) -> bool:
        """Whether an interpolant made on other lines gives D on this one, well enough to follow its turns."""
        x, K = self.sampled(edge, self.heights[self.heights <= top])
        D = self.of(x, K)
        return bool((np.abs(self.of(x, rational(x)) - D) <= MODES.followed * np.abs(D)).all())

    def beyond(self) -> float:
        """The size of K, as `size` bounds it on the imaginary axis, beyond every eigenvalue of J."""
        return max(float(self.size(*self.sampled(0.0, self.heights[-1:]))[0]), 1e-300)

    def top(self, edge: float, everywhere: bool = True) -> float:
        """The height beyond which D does not turn around 0 on the line; infinite where there is none.

        Looked for beyond every eigenvalue of J; `everywhere` False: up to where three successive samples are small.
        """
        small, first = 0, np.inf
        for height in self.heights:
            x, K = self.sampled(edge, np.array([height]))
            if self.size(x, K)[0] >= MODES.small:
                small = 0
                continue
            first, small = float(height) if small == 0 else first, small + 1
            if small == 3 and not everywhere:
                break
        return first if small else np.inf

    def count(self, rational: Rational, edge: float, top: float) -> int | None:
        """How many modes are right of the line; None where D vanishes on it, or turns too often to be followed."""
        longest, heights = self.delays.max(), self.heights
        if not self.met or top * longest > 0.3 * MODES.most:
            return None
        even = np.linspace(0.0, top, 8 + int(top * longest / 0.3))
        fine = (heights[:-1, None] + np.diff(heights)[:, None] * np.arange(4) / 4).ravel()
        h = np.union1d(even, fine[fine < top])
        D = self.whole(edge + 1j * h, rational(edge + 1j * h))
        for _ in range(40):
            least = np.minimum(np.abs(D[1:]), np.abs(D[:-1]))
            far = np.flatnonzero(~(np.abs(np.diff(D)) <= MODES.turn * least))
            if not len(far):
                break
            if len(h) > MODES.most:
                return None
            between = (h[far] + h[far + 1]) / 2
            x = edge + 1j * between
            h, D = np.insert(h, far + 1, between), np.insert(D, far + 1, self.whole(x, rational(x)))
        else:
            return None
        last = np.array([edge + 1j * top])
        Z = np.exp(-last[0] * self.delays)
        closing = np.angle(1 - np.linalg.eigvals(Z[:, None] * rational(last)[0])).sum()
        turned = (closing - np.angle(D[1:] / D[:-1]).sum()) / np.pi
        if abs(turned - round(turned)) > 1e-3:
            return None
        return round(turned) + int(np.count_nonzero(self.poles.real > edge)) - self._emptying * (edge < 0)

    def around(self, rational: Rational, wanted: int, left: float) -> float:
        """A line right of which there seem to be somewhat more than the wanted number of modes, by bisection."""
        low, high, edge = left, 0.0, left
        for _ in range(12):
            height = self.top(edge)
            if height * self.delays.max() > np.pi * (4 * wanted + 60):
                low, number = edge, np.inf
            else:
                number = self.count(rational, edge, height)
                if number is None or wanted < number <= 2 * wanted + 8:
                    break
                low, high = (edge, high) if number > wanted else (low, edge)
            if edge == left and number <= wanted:
                break
            edge = (low + high) / 2
        return edge

    # zeros ------------------------------------------------------------------------------------------------------

    def starts(self, rational: Rational, left: float, top: float, density: float) -> np.ndarray:
        """Where zeros may be: on the chains |eigenvalue of Z K| = 1, at eigenvalues of J, and on the real axis."""
        longest = self.delays.max()
        heights = self.heights
        even = np.linspace(0.0, top, min(4 + int(density * top * longest), MODES.starts))
        h = np.union1d(even, heights[heights < top])
        x, chains = np.zeros(len(h)), []
        for j in range(len(self.delays)):
            for _ in range(3):
                K = rational(x + 1j * h)
                sizes = np.abs(K[:, :, 0] if len(self.delays) == 1 else np.sort(np.abs(np.linalg.eigvals(K)), axis=1))
                x = np.clip(np.log(np.maximum(sizes[:, -1 - j], 1e-300)) / longest, left, None)
            chains.append(x + 1j * h)
        x = chains[0].real
        near = self.poles[(self.poles.real > left) & (self.poles.imag >= 0)]
        axis = np.linspace(left, max(x.max(), near.real.max(initial=0.0), 0.0) + 1.0, int(12 * density))
        if density > (1 if len(self.delays) > 1 else 3):
            chains += [
                share * x.max() + (1 - share) * left + 1j * h for share in np.linspace(0.0, 1.0, int(2 + 2 * density))
            ]
        around = [near + step * (0.1 + np.abs(near.imag) * 0.05) for step in (0.0, 1.0, -1.0, 3.0, 1j, 3j)]
        all_starts = np.concatenate([*chains, *around, axis]) + 1e-9j
        return all_starts[:: 1 + len(all_starts) // MODES.starts]

    def zeros(self, rational: Rational, x: np.ndarray, left: float, top: float) -> np.ndarray:
        """Different modes, Im >= 0, that Newton's method on the interpolant reaches from x."""
        limit = 1.0 / self.delays.max()
        self._near = self.poles[(self.poles.real > 2 * left - 5) & (np.abs(self.poles.imag) < 1.5 * top + 5)]
        alive, done = x.copy(), []
        with np.errstate(all="ignore"):
            for _ in range(25):
                D, slope = self._with_slope(rational, alive)
                step = self._step(alive, D, slope)
                long = np.abs(step) > np.minimum(limit, 0.3 * (1 + np.abs(alive)))
                step[long] *= np.minimum(limit, 0.3 * (1 + np.abs(alive[long]))) / np.abs(step[long])
                alive = alive + step
                alive = np.where(alive.imag < 0, alive.conj(), alive)
                there = np.abs(step) <= 1e-9 * (1 + np.abs(alive))
                done.append(alive[there])
                stays = ~there & np.isfinite(alive) & (alive.real > left - 2 * limit) & (alive.imag < 1.2 * top + limit)
                alive = alive[stays]
                if not len(alive):
                    break
        found = np.concatenate(done)
        found.imag[found.imag <= MODES.same * (1 + np.abs(found))] = 0.0
        return different(found[found.real > left])

    def _with_slope(self, rational: Rational, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        h = 1e-5 * (1 + np.abs(x))
        n, all_x = len(x), np.concatenate([x, x + h, x - h])
        D = self.of(all_x, rational(all_x))
        return D[:n], (D[n : 2 * n] - D[2 * n :]) / (2 * h)

    def _step(self, x: np.ndarray, D: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Newton's for D prod (x - p) over the eigenvalues p of J near by, which has no poles there."""
        away = x[:, None] - self._near
        away[away == 0] = 1e-14
        step = -1 / (slope / D + (1 / away).sum(axis=1))
        return np.where(np.isfinite(step) | (np.abs(away).min(axis=1, initial=np.inf) > 1e-12), step, 0.0)

    def polished(self, x: complex) -> complex | None:
        """The mode near one of the interpolant; None where there is none."""
        start = x
        for _ in range(8):
            at = x + 1e-7 * (1 + abs(x)) * np.arange(2)
            D = self.exact(at)
            with np.errstate(all="ignore"):
                step = self._step(at[:1], D[:1], np.diff(D) / (at[1] - at[0]))[0]
            x = x + step
            if not np.isfinite(x) or abs(x - start) > 1e-3 * (1 + abs(start)):
                return None
            if abs(step) <= 1e-10 * (1 + abs(x)):
                return (
                    complex(x.real, 0.0) if abs(x.imag) <= MODES.same * (1 + abs(x)) else complex(x.real, abs(x.imag))
                )
        return None

    def exact(self, x: np.ndarray) -> np.ndarray:
        """D by a band solve a point."""
        return self.of(x, np.array([self._kernel(complex(one)) for one in x]))

    def at_poles(self, x: np.ndarray, edge: float, rational: Rational | None) -> np.ndarray:
        """The modes x right of the line, those close to eigenvalues p of J made anew. rational None: from exact values.

        Within a small circle around p the function D prod (z - p) is a polynomial to rounding; feedback that hardly
        moves an eigenvalue leaves zero and pole of D closer than differences of D can tell.
        """
        x, p = x[x.real > edge], different(self.poles[(self.poles.imag >= 0) & (self.poles.real > edge)])
        if not len(p):
            return x
        radius, unit = self._radius(p, 1e-3), np.exp(2j * np.pi * np.arange(MODES.circle) / MODES.circle)
        D = self._around(p, radius, unit, rational)
        inside = (np.abs(self.poles - p[:, None]) < radius[:, None]).sum(axis=1)
        parts = [x[(np.abs(x[:, None] - p) >= radius).all(axis=1)]]
        for values, centre, size, number in zip(D, p, radius, inside, strict=True):
            count = _turned(values) + int(number)
            if count > 0:
                series = np.fft.fft(values * unit**number)[: MODES.circle // 2] / MODES.circle
                roots = np.roots(series[::-1])
                z = centre + size * roots[np.argsort(np.abs(roots))[:count]]
                z = np.where(np.abs(z.imag) <= MODES.same * (1 + np.abs(z)), z.real, z)
                parts.append(z[z.imag >= 0])
        return np.concatenate(parts)

    def repeated(self, rational: Rational, x: np.ndarray) -> np.ndarray:
        """Zeros of D as often as they are zeros."""
        return np.repeat(x, np.maximum(self._turns(rational, x, self._radius(x, 1e-4)), 1)) if len(x) else x

    def _radius(self, x: np.ndarray, size: float) -> np.ndarray:
        others = np.concatenate([x, x.conj(), self.poles])
        gap = np.abs(others - x[:, None])
        gap[gap <= MODES.same * (1 + np.abs(x[:, None]))] = np.inf
        return np.minimum(size * (1 + np.abs(x)), 0.3 * gap.min(axis=1))

    def _turns(self, rational: Rational, x: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """How many modes are within small circles: turns of D, and eigenvalues of J inside."""
        D = self._around(x, radius, np.exp(2j * np.pi * np.arange(32) / 32), rational)
        return [_turned(values) for values in D] + (np.abs(self.poles - x[:, None]) < radius[:, None]).sum(axis=1)

    def _around(self, x: np.ndarray, radius: np.ndarray, unit: np.ndarray, rational: Rational | None) -> np.ndarray:
        circles = x[:, None] + radius[:, None] * unit
        flat = circles.ravel()
        return (self.of(flat, rational(flat)) if rational else self.exact(flat)).reshape(circles.shape)


def _turned(values: np.ndarray) -> int:
    """Turns around 0 of values along a circle."""
    return round(float(np.angle(np.roll(values, -1) / values).sum()) / (2 * np.pi))


def different(x: np.ndarray) -> np.ndarray:
    kept: list[complex] = []
    x = x[np.unique(np.round(x, 8), return_index=True)[1]]
    for one in x[np.lexsort((x.imag, -x.real))]:
        if all(abs(one - other) > MODES.same * (1 + abs(one)) for other in kept[-30:]):
            kept.append(one)
    return np.array(kept, complex)
