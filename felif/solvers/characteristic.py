"""Every mode of a problem with delays right of a line, counted by the argument principle.

With K(lambda) = Gamma + G (lambda M - J)^-1 U from the delayed inputs to the scalars that they repeat, J the Jacobian
with those inputs held fixed, lambda is a mode where

    D(lambda) = det(1 - Z K(lambda)) = 0,    Z = diag exp(-lambda d).

Poles of D are eigenvalues of J. Right of a line Re lambda = x there are as many modes as eigenvalues of J plus turns of
D around 0 along the line (upwards, clockwise): K is rational and vanishes at infinity up to Gamma, so D is near
det(1 - Z Gamma) on the arc that closes the line, and |Z K| < 1 from some height on, beyond which D cannot turn.

K does not depend on the delays and is smooth: it is known from complex band solves on the line and a rational
interpolant through them, checked between them (AAA: Nakatsukasa, Sete & Trefethen, SIAM J. Sci. Comput. 40 (2018)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from ..algebra import eigenvalues
from ..problem import Problem
from .delayed import Delayed
from .newton import by_mass, conservation, deflated

_AWAY = 1e3  # deflation puts the zeros of conserved quantities to -1e3
_FITTED = 1e-10  # error of the interpolant, relative to the largest |K|
_FOLLOWED = 1e-4  # error of D, relative, with which its turns are counted
_SMALL = 0.9  # |Z K| below which D does not turn
_TURN = 0.6  # largest relative change of D between successive points of a line
_SAMPLES = 600  # of K on its lines
_MOST = 200_000  # points of a line
_LEFT = 14.0  # of -Re lambda d where K is of order one: exp of it magnifies errors of K
_STARTS = 5000  # of Newton's method at once, at most
_ATTEMPTS = 8
_DENSEST = 4.0  # starts of Newton's method per 1/d of height
_SAME = 1e-7  # relative distance at which two zeros are one


@dataclass(frozen=True, eq=False)
class Modes:
    """Every mode right of Re lambda = edge by falling real part (pairs complete), and how many were `counted` there."""

    values: np.ndarray
    edge: float
    counted: int
    message: str


@dataclass(frozen=True, eq=False)
class Rational:
    """Values (m, k, k) at points (m,), continued as sum w_j values_j / (x - z_j) over sum w_j / (x - z_j)."""

    points: np.ndarray
    values: np.ndarray
    weights: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        away = x[:, None] - self.points
        away[away == 0] = 1e-15
        parts = self.weights / away
        parts /= parts.sum(axis=1)[:, None]
        k = self.values.shape[-1]
        return (parts @ self.values.reshape(len(self.points), -1)).reshape(-1, k, k)

    @classmethod
    def through(cls, x: np.ndarray, values: np.ndarray, accuracy: float) -> Rational:
        """From samples at x (n,) with Im x >= 0 and their conjugates, until they are met: greedy support points.

        Weights of conjugate points are conjugate, so the least-squares problem for them is real.
        """
        flat = values.reshape(len(x), -1)
        scale = max(float(np.abs(flat).max()), 1e-200)
        error, chosen = np.abs(flat - flat.mean(axis=0).real).max(axis=1), np.zeros(0, int)
        found = None
        for _ in range(40):
            taken = min(3, np.count_nonzero(error > accuracy * scale)) or 1
            error[chosen] = -1.0
            chosen = np.append(chosen, np.argsort(error)[-taken:])
            rest = np.setdiff1d(np.arange(len(x)), chosen)
            z, f = x[chosen], flat[chosen]
            real = z.imag == 0
            weights = _weights(x[rest], flat[rest], z, f, real)
            pairs = ~real
            points = np.concatenate([z, z[pairs].conj()])
            found = cls(
                points,
                np.concatenate([values[chosen], values[chosen][pairs].conj()]),
                np.concatenate([weights, weights[pairs].conj()]),
            )
            if len(rest) < 4:
                break
            error = np.zeros(len(x))
            error[rest] = np.abs(found(x[rest]).reshape(len(rest), -1) - flat[rest]).max(axis=1)
            if error.max() <= accuracy * scale:
                break
        return found


def _weights(x: np.ndarray, fx: np.ndarray, z: np.ndarray, fz: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The weights w (conjugate ones at conjugate points) of length one that best make the interpolant meet fx."""
    one = (fx[:, None, :] - fz[None]) / (x[:, None] - z)[:, :, None]
    other = (fx[:, None, :] - fz.conj()[None]) / (x[:, None] - z.conj())[:, :, None]
    by_real = np.where(real[None, :, None], one, one + other)
    by_imaginary = (1j * (one - other))[:, ~real]
    columns = np.concatenate([by_real, by_imaginary], axis=1)
    columns = columns.transpose(0, 2, 1).reshape(-1, columns.shape[1])
    columns = np.vstack([columns.real, columns.imag])
    if len(columns) < columns.shape[1]:
        columns = np.vstack([columns, np.zeros((columns.shape[1] - len(columns), columns.shape[1]))])
    w = np.linalg.svd(np.linalg.qr(columns, mode="r"))[2][-1]
    weights = w[: len(z)].astype(complex)
    weights[~real] += 1j * w[len(z) :]
    return weights


class Characteristic:
    """D of a problem at a steady state: exact at one lambda, from an interpolant at many."""

    def __init__(self, problem: Problem, y: np.ndarray) -> None:
        parts = Delayed.at(problem, y)
        C, J = conservation(problem), parts.instantaneous
        self.delays, self.Gamma = parts.delays, parts.Gamma
        J = deflated(problem, J, y, _AWAY)
        values = eigenvalues(by_mass(problem, J.dense()))
        #: eigenvalues of J, those of conserved quantities left out
        self.poles = np.delete(values, np.argsort(np.abs(values + _AWAY))[: len(C)])
        self.radius = float(np.abs(self.poles).max(initial=1.0))
        self._band, self._mass, self._inner = J.band, problem.mass, J.U.shape[1]
        self._columns = np.asfortranarray(np.hstack([J.U, parts.U]), complex)
        self._rows = np.vstack([J.G, parts.G])
        self.met = False  # whether the last interpolant is one
        self._known: dict[complex, np.ndarray] = {}
        least = 0.3 * min(1.0, float(np.abs(self.poles).min(initial=1.0)))
        #: heights at which K is looked at on a line at first: 0, up to beyond every eigenvalue of J, and its resonances
        far = np.geomspace(1e3 * least, 1e3 * least + 10 * self.radius, 1 + int(np.log10(10 + 1e-2 * self.radius / least)))
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
        """D where K has been computed, shapes (n,) and (n, k, k)."""
        Z = np.exp(-x[:, None] * self.delays)
        if len(self.delays) == 1:
            return 1 - Z[:, 0] * K[:, 0, 0]
        if len(self.delays) == 2:
            L = Z[:, :, None] * K
            return (1 - L[:, 0, 0]) * (1 - L[:, 1, 1]) - L[:, 0, 1] * L[:, 1, 0]
        return np.linalg.det(np.eye(len(self.delays)) - Z[:, :, None] * K)

    def size(self, x: np.ndarray, K: np.ndarray) -> np.ndarray:
        """A bound of |Z K|: while it is below one, D stays on its side of 0 (k = 1), or cannot vanish."""
        rows = np.exp(-x.real[:, None] * self.delays) * np.abs(K).sum(axis=2)
        return rows.max(axis=1)

    def sampled(self, edge: float, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = edge + 1j * heights
        return x, np.array([self.transfer(complex(one)) for one in x])

    def interpolant(self, edges: list[float], top: float) -> Rational:
        """Of K on these lines up to the height `top`, sampled ever finer until it is met between samples."""
        grids = {edge: np.append(self.heights[self.heights < top], top) for edge in edges}
        while True:
            x, K = (np.concatenate(one) for one in zip(*(self.sampled(e, g) for e, g in grids.items()), strict=True))
            rational = Rational.through(x, K, 0.05 * _FITTED)
            finer = {edge: np.union1d(grid, self._unmet(rational, edge, grid)) for edge, grid in grids.items()}
            before, after = (sum(map(len, one.values())) for one in (grids, finer))
            if before == after or after > _SAMPLES:
                self.met = before == after
                return rational
            grids = finer

    def _unmet(self, rational: Rational, edge: float, grid: np.ndarray) -> np.ndarray:
        """Heights between those of the grid at which the interpolant errs."""
        x, K = self.sampled(edge, (grid[:-1] + grid[1:]) / 2)
        return x[~self._met(rational, x, K)].imag

    @staticmethod
    def _met(rational: Rational, x: np.ndarray, K: np.ndarray) -> np.ndarray:
        return np.abs(rational(x) - K).max(axis=(1, 2)) <= _FITTED * max(np.abs(K).max(), 1e-200)

    def meets(self, rational: Rational, edge: float, top: float) -> bool:
        """Whether an interpolant made on other lines gives D on this one, well enough to follow its turns."""
        x, K = self.sampled(edge, self.heights[self.heights <= top])
        D = self.of(x, K)
        return bool((np.abs(self.of(x, rational(x)) - D) <= _FOLLOWED * np.abs(D)).all())

    def beyond(self) -> float:
        """|K| beyond every eigenvalue of J."""
        return max(float(np.abs(self.transfer(1j * self.heights[-1])).sum(axis=1).max()), 1e-300)

    def top(self, edge: float, everywhere: bool = True) -> float:
        """The height beyond which D does not turn around 0 on the line; infinite where there is none.

        Looked for beyond every eigenvalue of J; `everywhere` False: up to where three successive samples are small.
        """
        small = 0
        for height in self.heights:
            x, K = self.sampled(edge, np.array([height]))
            if self.size(x, K)[0] >= _SMALL:
                small = 0
                continue
            first, small = (height if small == 0 else first), small + 1
            if small == 3 and not everywhere:
                break
        return float(first) if small else np.inf

    def count(self, rational: Rational, edge: float, top: float) -> int | None:
        """How many modes are right of the line; None where D vanishes on it, or turns too often to be followed."""
        longest, heights = self.delays.max(), self.heights
        if not self.met or top * longest > 0.3 * _MOST:
            return None
        even = np.linspace(0.0, top, 8 + int(top * longest / 0.3))
        fine = (heights[:-1, None] + np.diff(heights)[:, None] * np.arange(4) / 4).ravel()
        h = np.union1d(even, fine[fine < top])
        D = self.of(edge + 1j * h, rational(edge + 1j * h))
        for _ in range(40):
            least = np.minimum(np.abs(D[1:]), np.abs(D[:-1]))
            far = np.flatnonzero(~(np.abs(np.diff(D)) <= _TURN * least))
            if not len(far):
                break
            if len(h) > _MOST:
                return None
            between = (h[far] + h[far + 1]) / 2
            x = edge + 1j * between
            h, D = np.insert(h, far + 1, between), np.insert(D, far + 1, self.of(x, rational(x)))
        else:
            return None
        last = np.array([edge + 1j * top])
        Z = np.exp(-last[0] * self.delays)
        closing = np.angle(1 - np.linalg.eigvals(Z[:, None] * rational(last)[0])).sum()
        turned = (closing - np.angle(D[1:] / D[:-1]).sum()) / np.pi
        if abs(turned - round(turned)) > 1e-3:
            return None
        return round(turned) + int(np.count_nonzero(self.poles.real > edge))

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
        even = np.linspace(0.0, top, 4 + int(density * top * longest))
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
            chains += [share * x.max() + (1 - share) * left + 1j * h for share in np.linspace(0.0, 1.0, int(2 + 2 * density))]
        around = [near + step * (0.1 + np.abs(near.imag) * 0.05) for step in (0.0, 1.0, -1.0, 3.0, 1j, 3j)]
        all_starts = np.concatenate([*chains, *around, axis]) + 1e-9j
        return all_starts[:: 1 + len(all_starts) // _STARTS]

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
        found.imag[found.imag <= _SAME * (1 + np.abs(found))] = 0.0
        return _different(found[found.real > left])

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
            D = self._exact(at)
            with np.errstate(all="ignore"):
                step = self._step(at[:1], D[:1], np.diff(D) / (at[1] - at[0]))[0]
            x = x + step
            if not np.isfinite(x) or abs(x - start) > 1e-3 * (1 + abs(start)):
                return None
            if abs(step) <= 1e-10 * (1 + abs(x)):
                return complex(x.real, 0.0) if abs(x.imag) <= _SAME * (1 + abs(x)) else complex(x.real, abs(x.imag))
        return None

    def _exact(self, x: np.ndarray) -> np.ndarray:
        return self.of(x, np.array([self._kernel(complex(one)) for one in x]))

    def at_poles(self, rational: Rational | None, left: float) -> np.ndarray:
        """Modes at an eigenvalue of J, Im >= 0: the delayed feedback (hardly) moves them. rational None: exactly."""
        p = _different(self.poles[(self.poles.imag >= 0) & (self.poles.real > left)])
        if not len(p):
            return p
        return np.repeat(p, np.maximum(self._turns(rational, p, self._radius(p, 1e-5 if rational else _SAME)), 0))

    def repeated(self, rational: Rational, x: np.ndarray) -> np.ndarray:
        """Zeros of D as often as they are zeros."""
        return np.repeat(x, np.maximum(self._turns(rational, x, self._radius(x, 1e-4)), 1)) if len(x) else x

    def _radius(self, x: np.ndarray, size: float) -> np.ndarray:
        others = np.concatenate([x, x.conj(), self.poles])
        gap = np.abs(others - x[:, None])
        gap[gap <= _SAME * (1 + np.abs(x[:, None]))] = np.inf
        return np.minimum(size * (1 + np.abs(x)), 0.3 * gap.min(axis=1))

    def _turns(self, rational: Rational | None, x: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """How many modes are within small circles: turns of D, and eigenvalues of J inside."""
        circles = x[:, None] + radius[:, None] * np.exp(2j * np.pi * np.arange(33) / 32)
        flat = circles.ravel()
        D = (self.of(flat, rational(flat)) if rational else self._exact(flat)).reshape(circles.shape)
        turned = np.angle(D[:, 1:] / D[:, :-1]).sum(axis=1) / (2 * np.pi)
        inside = (np.abs(self.poles - x[:, None]) < radius[:, None]).sum(axis=1)
        return np.rint(turned).astype(int) + inside


def _apart(x: np.ndarray, poles: np.ndarray) -> np.ndarray:
    """Which of x are not at eigenvalues of J."""
    return (np.abs(x[:, None] - poles) > _SAME * (1 + np.abs(x[:, None]))).all(axis=1)


def _different(x: np.ndarray) -> np.ndarray:
    kept: list[complex] = []
    x = x[np.unique(np.round(x, 8), return_index=True)[1]]
    for one in x[np.lexsort((x.imag, -x.real))]:
        if all(abs(one - other) > _SAME * (1 + abs(one)) for other in kept[-30:]):
            kept.append(one)
    return np.array(kept, complex)


def _whole(x: np.ndarray) -> np.ndarray:
    """Zeros with Im >= 0 and their conjugates by falling real part, of a pair the one with positive imaginary part first."""
    both = np.concatenate([x, x[x.imag > 0].conj()])
    return both[np.lexsort((-both.imag, -both.real))]


def modes(problem: Problem, y: np.ndarray, count: int) -> Modes:
    """The `count` leading modes at a steady state of a problem with delays, and all unstable ones.

    They are looked for until there are as many right of the last one as the argument principle counts there; where that
    does not come about, `message` says what is missing.
    """
    D = Characteristic(problem, y)
    longest, order = D.delays.max(), np.sort(D.poles.real)[::-1]
    K = D.sampled(0.0, D.heights[:8])[1]
    largest, beyond = float(np.abs(K).max()), D.beyond()
    least = -max(min(_LEFT - np.log(max(largest, 1e-300)), np.log(0.5 * _SMALL / beyond)), 1e-3) / longest
    left = max(float(order[min(count + 2, len(order)) - 1]) - 1.0, least)
    highest = D.top(0.0, everywhere=False)
    top = max(highest if np.isfinite(highest) else 0.0, min((count / 2 + 3) * 2 * np.pi / longest, 3 * abs(left) + 30.0))
    reach, density, message = 1.5 * top, 1.0, ""
    rational = D.interpolant([0.0], reach)
    wanted, values, found, edge, counted = count, np.zeros(0), np.zeros(0, complex), 0.0, None
    for _ in range(_ATTEMPTS):
        x = D.zeros(rational, D.starts(rational, left, 1.5 * top, density), left, 1.5 * top)
        x = _different(np.concatenate([x, found]))
        marks = np.concatenate([x[_apart(x, D.poles)], D.at_poles(rational, left)])
        marks = _whole(marks)
        many = max(wanted, _growing(marks))
        edge = _edge(marks, D.poles, many) if many < len(marks) else D.around(rational, many, left)
        height = D.top(edge)
        if not np.isfinite(height):
            message = f"modes right of {edge:.6g} cannot be counted: the delayed feedback does not fade at high frequencies"
            break
        top = max(top, height)
        if 1.5 * top > reach or not D.meets(rational, edge, 1.5 * top):
            reach = 1.5 * top
            rational = D.interpolant([0.0, edge], reach)
        near = [D.polished(one) for one in x[x.real > edge - 1e-6]]
        found = _different(np.array([one for one in near if one is not None], complex))
        found = found[_apart(found, D.poles)]
        counted = D.count(rational, edge, height)
        right = found[found.real > edge]
        values = _whole(right)
        if counted is not None and counted > len(values):
            right = np.concatenate([right, D.at_poles(None, edge)])
            values = _whole(right)
        if counted is not None and counted > len(values):
            values = _whole(D.repeated(rational, right))
        if counted != len(values):
            if density >= _DENSEST:
                break
            density *= 2
            rational = D.interpolant([0.0, edge / 10, edge / 3, edge], reach)
        elif len(values) >= count:
            return Modes(values, edge, counted, "")
        elif len(values) < len(marks) and wanted < 2 * count + 8:
            wanted += count - len(values) + 1
        elif left == least and density >= _DENSEST:
            message = f"{len(values)} modes were found right of {edge:.6g}, {count} were asked for"
            break
        else:
            left, density = max(2 * left, least), density * (2 if left == least else 1)
    if not message and counted is None:
        message = f"modes right of {edge:.6g} could not be counted ({len(values)} were found)"
    elif not message:
        message = f"the argument principle counts {counted} modes right of {edge:.6g}, {len(values)} were found"
    return Modes(values, edge, -1 if counted is None else counted, message)


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
