"""What a synchronous spike does to several populations with constant noise that hear each other at once.

Physical time stands still while kicks are delivered: D_j spikes per neuron of population j move every neuron of i by
X_i = sum_j b_ij D_j, on top of what arrives from earlier spikes. A neuron fires whenever it meets V_F: what counts is
how far its population has been moved at most, M_i. Neurons within M of V_F have fired, those within M - L, L = V_F -
V_R, twice, and so on (those that rest: once):

    tail_i(v) = int_v^{V_F} n_i,      G_i(M) = sum_{k >= 0} tail_i(V_F - M + k L),      D = G(M).

Where nobody who fires inhibits anybody who fires, the order in which spikes arrive does not matter: M = X+, and the
event is the limit of D <- G(B+ D), generation by generation, from the queue that a blow-up begins with, the least
solution above it. Otherwise the order decides, and the equations do not say it; `ORDERS` are those that can be asked
for. In any order D is at most that of "excitation_first".
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Infeasible, NotConverged
from ..systems.on_axes import OnAxes
from ..translation import law_of
from .synchronous import CumulativeMass
from .tuning import CASCADE

ORDERS = ("excitation_first", "buffered")


@dataclass(frozen=True)
class Cascade:
    """Spikes per neuron of each population, infinite for an event that never ends; X and M at its end."""

    sizes: np.ndarray
    shifts: np.ndarray
    reached: np.ndarray


def unfollowed_cascade(problem: OnAxes) -> str | None:
    """Why the law of a synchronous spike of several populations is not known; None if it is."""
    try:
        law = law_of(problem.model)
    except ValueError as reason:
        return str(reason)
    if law.escape_time or law.resets:
        return "its neurons fire at random above V_F, or are reset at random"
    noisy = [any(one.noise_kicks) for one in law.populations]
    if any(noisy) and not all(noisy):
        return "the noise of some of its populations grows with the rates; allowed is that of all, or of none"
    if any(noisy) and any(any(one.delays) for one in law.populations):
        return "its noise grows with the rates, and spikes are heard late; allowed is one of the two"
    if extra := {u.name for u in problem.layout.numbers} - {"R"}:
        return f"it has the numbers {sorted(extra)}; allowed is R, in which neurons wait"
    return None


class Spiking:
    """G, B of what is heard at once, and what arrives, at a state."""

    def __init__(self, problem: OnAxes, t: float, y: np.ndarray, arriving: np.ndarray | None = None) -> None:
        """`arriving` (populations, populations): how far spikes of j that were fired earlier move neurons of i now."""
        law = law_of(problem.model)
        (name,), (self.line,) = problem.field_names, problem.lines.values()
        self.densities, self.populations = problem.field(name, y), law.populations
        modes = self.line.modes(problem.full(name, y))
        self.tails = [CumulativeMass(self.line.cells, modal) for modal in modes]
        count, self.late = len(law.populations), arriving is not None
        self.B = np.array([[0.0 if one.delay(j) else one.kicks[j] for j in range(count)] for one in law.populations])
        self.arriving = np.zeros((count, count)) if arriving is None else arriving
        flux = next(u.name for u in problem.layout.algebraic if u.kind == "holds")
        try:
            push = self.B @ problem.group(flux, t, y)
        except Infeasible:  # data from which the spike begins at once: no layer yet
            push = np.full(count, np.inf)
        drifts = [_value(one.current, t) + float(one.drift(one.v_fire)) for one in law.populations]
        pairs = zip(law.populations, drifts, push.tolist(), strict=True)
        self.layers = np.array([max(one.noise / max(abs(f + x), 1e-300), CASCADE.thinnest) for one, f, x in pairs])

    def fired(self, reached: np.ndarray) -> np.ndarray:
        """G."""
        found = np.zeros(len(reached))
        for i, (one, tail, x) in enumerate(zip(self.populations, self.tails, reached.tolist(), strict=True)):
            length = one.v_fire - one.v_reset
            laps = 1 if one.rests else int(max(x, 0.0) / length) + 1
            places = one.v_fire - x + length * np.arange(laps)
            found[i] = float(tail(places[places < one.v_fire]).sum()) if x > 0 else 0.0
        return found


def _value(current: Any, t: float) -> float:
    return float(current(t)) if callable(current) else float(current)


def cascade(
    problem: OnAxes, t: float, y: np.ndarray, order: str | None = None, arriving: np.ndarray | None = None
) -> Cascade:
    """The synchronous spike of a network from a state at which its rates blow up, or at which spikes arrive.

    Of size 0 where nobody fires. `order`: in which spikes arrive, one of ORDERS; None: whatever it is. Raises
    NotConverged, with what the orders say, where order is None and it matters.
    """
    network = Spiking(problem, t, y, arriving)
    first = _excitation_first(network)
    if order == "excitation_first":
        return first
    fires = first.sizes > CASCADE.nobody
    inhibits = (((network.B < 0) & fires) | (network.arriving < 0)) & fires[:, None]
    if not inhibits.any():
        return first
    if order == "buffered":
        return _buffered(network)
    i, j = np.argwhere(inhibits).tolist()[0]
    raise NotConverged(
        f"population {j} inhibits population {i} while both fire: who fires with whom depends on the order in which "
        f"spikes arrive, which the equations do not say. {_told(network, first)}; Continue(order=...) chooses"
    )


def _told(network: Spiking, first: Cascade) -> str:
    """What the orders say."""
    try:
        buffered = f"are {_sizes(_buffered(network).sizes)}"
    except NotConverged as reason:
        buffered = f"are not known ({reason})"
    return (
        f"With order='excitation_first' the sizes are {_sizes(first.sizes)}, the largest there can be; with "
        f"order='buffered' they {buffered}"
    )


def _sizes(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{x:.6g}" for x in values.tolist()) + ")"


# all excitation before any inhibition -----------------------------------------------------------------------------


def _excitation_first(network: Spiking) -> Cascade:
    B, given = np.maximum(network.B, 0.0), np.maximum(network.arriving, 0.0).sum(axis=1)
    start = np.zeros(len(B)) if network.late else _queue(network, B)
    sizes = np.zeros(len(B)) if start is None else _settled(lambda D: network.fired(given + B @ D), start)
    finite = np.where(np.isfinite(sizes), sizes, 0.0)
    return Cascade(sizes, network.arriving.sum(axis=1) + network.B @ finite, given + B @ finite)


def _queue(network: Spiking, B: np.ndarray, least: float | None = None) -> np.ndarray | None:
    """Spikes D with G(B D) > D wherever D > 0, of the first sizes at which there are such; None if there are none.

    For every size the direction is that of G(B D) ~ D. On a path of such D, from the queue that the blow-up leaves to
    larger ones, none exceeds the least solution of D = G(B D), where B >= 0: where they touched first it would be
    G(B D) <= D. With `least`: the first whose queue, G(B D) - D, is that part of D.
    """
    size, found = float(network.layers.min() / np.maximum(B, 0.0).sum(axis=1).max(initial=1e-300)), None
    while size < CASCADE.longest:
        D = size * (_direction(network, B, size) if found is None else _onwards(network, B, size, found))
        on = D > CASCADE.part * D.max()
        D[~on] = 0.0
        after = network.fired(B @ D)
        if on.any() and (after[on] > D[on]).all():
            found = D
            if least is not None and (after[on] > (1 + least) * D[on]).all():
                return found
        elif found is not None:
            break
        size *= CASCADE.finer
    return found


def _onwards(network: Spiking, B: np.ndarray, size: float, D: np.ndarray) -> np.ndarray:
    """The direction at a larger size that goes on from a smaller D: of what that sets off, and nothing else."""
    ray = D / D.max()
    for _ in range(CASCADE.powers):
        fired = network.fired(size * (B @ ray))
        if not fired.max() > 0:
            break
        before, ray = ray, ray + fired / fired.max()
        ray = ray / ray.max()
        if np.abs(ray - before).max() < CASCADE.same_ray:
            break
    return ray


def _direction(network: Spiking, B: np.ndarray, size: float) -> np.ndarray:
    """r >= 0 with G(size B r) = lambda r, of the largest lambda: by linearisations G_i(x) = (G_i(x_i) / x_i) x."""
    count = len(B)
    ray, on = np.ones(count), np.ones(count, bool)
    for _ in range(CASCADE.directions):
        x = np.maximum(size * (B @ ray), 1e-3 * size)
        matrix = (network.fired(x) / x)[:, None] * B
        before, on = ray, np.ones(count, bool)
        while on.any():  # those that others keep from firing are left out
            values, vectors = np.linalg.eig(matrix[np.ix_(on, on)])
            values = np.where(np.abs(values.imag) <= 1e-9 * np.abs(values), values.real, -np.inf)
            best = vectors[:, int(np.argmax(values))].real
            best = best * np.sign(best[int(np.argmax(np.abs(best)))])
            if (best >= -CASCADE.part).all() or not np.isfinite(values).any():
                break
            on[np.flatnonzero(on)[best < -CASCADE.part]] = False
        ray = np.zeros(count)
        if not on.any() or not values.max() > 0:
            return ray
        ray[on] = np.maximum(best, 0.0) / best.max()
        if np.abs(ray - before).max() < CASCADE.part:
            break
    return ray


def _settled(generation: Callable[[np.ndarray], np.ndarray], D: np.ndarray) -> np.ndarray:
    """The limit of D <- G(B D), which grows."""
    for _ in range(CASCADE.generations):
        after = np.maximum(generation(D), D)
        if after.max() > CASCADE.longest:
            return np.full(len(D), np.inf)
        if (after - D <= CASCADE.same * (1 + D)).all():
            return after
        D = after
    raise NotConverged(f"after {CASCADE.generations} generations, {D.max():.6g} spikes per neuron, it has not ended")


# every spike after a time of its own ------------------------------------------------------------------------------


def _buffered(network: Spiking) -> Cascade:
    """d' = G(M) - d, M = max X, X = B d + what has arrived: of the spikes that wait each is as likely to be next.

    A population whose potentials fall does not fire until they are back where they were: M rests. Between the times at
    which that begins or ends everything is smooth.
    """
    from scipy.integrate import solve_ivp

    B, given = network.B, network.arriving.sum(axis=1)
    start = np.zeros(len(B)) if network.late else _queue(network, B, CASCADE.queue)
    if start is None:
        return Cascade(*[np.zeros(len(B))] * 3)
    path = lambda s, d: given * -np.expm1(-s) + B @ d
    s, d, reached = 0.0, start, np.maximum(path(0.0, start), 0.0)
    slope = given + B @ (network.fired(reached) - d)
    rests = slope <= 0
    for _ in range(CASCADE.turns):

        def at_most(s: float, d: np.ndarray, rests: np.ndarray = rests, reached: np.ndarray = reached) -> np.ndarray:
            return np.where(rests, reached, np.maximum(path(s, d), reached))

        known: dict[bytes, np.ndarray] = {}  # of the last point: all events ask there

        def queue(s: float, d: np.ndarray, at_most: Any = at_most, known: Any = known) -> np.ndarray:
            key = np.append(d, s).tobytes()
            if key not in known:
                known.clear()
                known[key] = network.fired(at_most(s, d)) - d
            return known[key]

        turns = [_turn(i, path, queue, given, B, reached[i] if rests[i] else None) for i in range(len(B))]
        waits = lambda s, d, queue=queue: max(np.abs(queue(s, d)).max(), np.abs(given).max() * np.exp(-s))
        empty = lambda s, d, waits=waits: float(waits(s, d) - CASCADE.end * (d.max() + np.abs(given).max()))
        many = lambda s, d: float(d.max() - CASCADE.longest)
        for event in (empty, many):
            event.terminal, event.direction = True, -1.0 if event is empty else 1.0
        how = {
            "method": "LSODA",
            "rtol": CASCADE.rtol,
            "atol": 1e-3 * CASCADE.rtol * (start.max() or 1.0),
            "max_step": CASCADE.longest_step,
        }
        found = solve_ivp(queue, (s, s + CASCADE.longest_event), d, events=[*turns, empty, many], **how)
        s, d = float(found.t[-1]), found.y[:, -1]
        reached = at_most(s, d)
        if len(found.t_events[-1]):
            return Cascade(np.full(len(B), np.inf), given + B @ d, reached)
        if len(found.t_events[-2]):
            sizes = network.fired(reached)
            shifts = given + B @ sizes
            return Cascade(sizes, shifts, np.maximum(reached, shifts))
        turned = np.array([len(times) > 0 for times in found.t_events[:-2]])
        if found.status != 1 or not turned.any():
            break
        rests = rests ^ turned
    raise NotConverged(f"spikes that are delivered one after the other have not ended after {d.max():.6g} per neuron")


def _turn(i: int, path: Any, queue: Any, given: np.ndarray, B: np.ndarray, top: float | None) -> Any:
    """The event at which X_i begins to fall or, where it lies below its largest value `top`, is back there."""
    if top is None:
        event = lambda s, d: float(given[i] * np.exp(-s) + B[i] @ queue(s, d))
    else:
        event = lambda s, d: float(path(s, d)[i] - top - CASCADE.rtol * (top + d.max()))
    event.terminal, event.direction = True, -1.0 if top is None else 1.0
    return event


# noise that grows with the rates, see `systems.dilated` ------------------------------------------------------------


def kick_matrices(problem: OnAxes) -> tuple[np.ndarray, np.ndarray]:
    """(B, A): what a spike of population j adds to the drift and to the noise of population i."""
    populations = law_of(problem.model).populations
    nothing = (0.0,) * len(populations)
    return np.array([one.kicks for one in populations]), np.array([one.noise_kicks or nothing for one in populations])


def depends_on_order(problem: OnAxes, sizes: np.ndarray) -> tuple[int, int, int] | None:
    """(i, j, k): of those that fire, i hears j and k in different proportions of drift and noise; None: nobody does."""
    B, A = kick_matrices(problem)
    fires = np.flatnonzero(sizes > CASCADE.nobody).tolist()
    for i in fires:
        for j, k in itertools.combinations(fires, 2):
            if abs(B[i, j] * A[i, k] - B[i, k] * A[i, j]) > CASCADE.parallel * np.abs(B[i]).max() * A[i].max():
                return i, j, k
    return None
