"""power_spectrum: how the rate of a network of finitely many neurons fluctuates around a steady state.

A_i(t), spikes per neuron and time of the n_i neurons of population i, differs from N_i by what single neurons, each a
renewal process, make of chance, and by what the network answers to that:

    A = N + (1 - H)^{-1} a,      C(omega) = (1 - H)^{-1} diag(S_i/n_i) (1 - H)^{-*},
    S_i = N_i (1 - |f_i|^2)/|1 - f_i|^2,      H_ij = K_i b_ij e^{-i omega d_ij} + K_i^a a1_ij

with f_i the characteristic function of the interspike interval and K_i, K_i^a the answers of one neuron's rate to its
current and its noise (`response`), all at the steady state. To leading order in 1/n. Source: N. Brunel, V. Hakim,
Neural Computation 11 (1999) 1621-1671, section 5; B. Lindner, B. Doiron, A. Longtin, Phys. Rev. E 72 (2005) 061919.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..assembly import SpectralElement, discretize
from ..given.arguments import PROBLEM, ROW, STATE, Kind, checked, either, several, whole
from ..models.noisy_lif import NoisyLIF
from ..problem import Problem, State
from ..solvers.spectrum import spectrum
from ..translation import law_of
from .response import response
from .states import steady_state
from .tuning import RESPONSE


@dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """Cross-spectra of the rates of populations of finitely many neurons, int e^{-i omega t} cov(A_i(t), A_j(0)) dt.

    Attributes
    ----------
    state : State
        The steady state around which the network fluctuates.
    omega : array (m,)
        Angular frequencies.
    values : array
        Shape (m, populations, populations), Hermitian; (m,) and real where there is one population.
    single : array (m, populations)
        Of one neuron, N_i (1 - abs(f_i)^2)/abs(1 - f_i)^2: N_i CV_i^2 at low, N_i at high omega.
    neurons : tuple of int
        Of each population.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.0), tol=1e-4)
    >>> state = fl.steady_state(problem)
    >>> found = fl.power_spectrum(problem, state, [1000.0], neurons=100)
    >>> round(float(found.values[0] * 100 / state.N), 2)  # Poisson at high frequencies
    1.0
    """

    state: State
    omega: np.ndarray
    values: np.ndarray
    single: np.ndarray
    neurons: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Network:
    neurons: tuple[NoisyLIF, ...]  # one of each population, at its input, without rest
    rates: np.ndarray
    tau: np.ndarray
    dead: np.ndarray
    kicks: np.ndarray
    delays: np.ndarray
    noise: np.ndarray


_SIZES = Kind("a positive whole number, or a row of them", either(whole(1), several(whole(1), "", 1)).read)


@checked(problem=PROBLEM, state=STATE, omega=ROW, neurons=_SIZES)
def power_spectrum(problem: Problem, state: State, omega: ArrayLike, neurons: int | Sequence[int]) -> PowerSpectrum:
    """Power spectrum of the rates of a network of finitely many neurons.

    Parameters
    ----------
    problem : Problem
        What `discretize` returns.
    state : State
        A stable steady state of it.
    omega : array (m,)
        Angular frequencies > 0, in radians per unit of time of the model.
    neurons : int or sequence of int
        In each population, or one number for each.

    Returns
    -------
    PowerSpectrum

    Raises
    ------
    ValueError
        For a state that is not steady or not stable, for numbers that are not allowed, and for models other than leaky
        or other diffusing neurons with a sharp threshold: NoisyLIF, RefractoryLIF, ExcitatoryInhibitoryLIF,
        Populations.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.NoisyLIF(b=0.5), tol=1e-4)
    >>> found = fl.power_spectrum(problem, fl.steady_state(problem), [1.0, 100.0], neurons=1000)
    >>> found.values.shape
    (2,)
    """
    frequencies = np.asarray(omega, float)
    if not (frequencies > 0).all():
        raise ValueError(f"power_spectrum: omega = {omega!r}; allowed are positive numbers")
    network = _network(problem, state)
    count = len(network.rates)
    sizes = np.atleast_1d(np.asarray(neurons))
    if sizes.shape not in ((1,), (count,)) or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise ValueError(
            f"power_spectrum: neurons = {neurons!r}; allowed is a positive whole number, or {count} of them"
        )
    sizes = np.broadcast_to(sizes, (count,))
    growth = spectrum(problem, state, count=1).gap
    if not growth > 0:
        raise ValueError(f"power_spectrum: the state is unstable (growth rate {-growth:.3g}); allowed is a stable one")
    parts = [
        _one(one, rate, tau, dead, frequencies)
        for one, rate, tau, dead in zip(network.neurons, network.rates, network.tau, network.dead, strict=True)
    ]
    single, K, K_noise = (np.array([part[k] for part in parts]).T for k in range(3))
    values = np.empty((len(frequencies), count, count), complex)
    for m, w in enumerate(frequencies.tolist()):
        H = K[m][:, None] * network.kicks * np.exp(-1j * w * network.delays) + K_noise[m][:, None] * network.noise
        T = np.linalg.inv(np.eye(count) - H)
        values[m] = T @ np.diag(single[m] / sizes) @ T.conj().T
    shaped = values[:, 0, 0].real if count == 1 else values
    return PowerSpectrum(state, frequencies, shaped, single, tuple(map(int, sizes)))


def _network(problem: Problem, state: State) -> _Network:
    model = problem.model
    try:
        law = law_of(model)
    except ValueError:  # not one of neurons
        law = None
    known = law is not None and law.learning is None and not law.escape_time and not law.resets
    if not known or not all(np.isfinite(one.v_fire) for one in law.populations):
        raise ValueError(
            f"power_spectrum: {type(model).__name__} is no network of diffusing neurons with a sharp, finite threshold "
            "and fixed weights; allowed are NoisyLIF, RefractoryLIF, ExcitatoryInhibitoryLIF, Populations"
        )
    populations, every = law.populations, range(len(law.populations))
    rates = np.asarray(state.N) if "N" in problem.groups else [getattr(state, f"N{one.name}") for one in populations]
    kicks = np.array([one.kicks for one in populations])
    noise = np.array([one.noise_kicks or (0.0,) * len(rates) for one in populations])
    inputs = np.array([_constant(one.current) for one in populations]) + kicks @ rates
    levels = np.array([one.noise for one in populations]) + noise @ rates
    each = tuple(
        NoisyLIF(a0=float(a), current=float(I), drift=one.drift, v_reset=one.v_reset, v_fire=one.v_fire)
        for one, a, I in zip(populations, levels, inputs, strict=True)
    )
    tau, dead = (np.array([getattr(one, name) for one in populations]) for name in ("refractory_time", "dead_time"))
    delays = np.array([[one.delay(j) for j in every] for one in populations])
    return _Network(each, np.asarray(rates), tau, dead, kicks, delays, noise)


def _constant(current: Any) -> Any:
    if callable(current):
        raise ValueError(f"power_spectrum: current = {current!r}; allowed are inputs that do not depend on time")
    return current


def _one(neuron: NoisyLIF, rate: float, tau: float, dead: float, omega: np.ndarray) -> tuple[np.ndarray, ...]:
    """(spectrum of its spikes, answer to its current, to its noise) of a neuron that rests after each spike."""
    problem = discretize(neuron, tol=RESPONSE.tol, space=SpectralElement(8))
    state = steady_state(problem)
    answers = response(problem, state, omega, to=("current", "a0"))
    richer, y = answers.state.problem, answers.state.y
    passage = _passage(richer, y, omega)
    interval = passage * np.exp(-1j * omega * dead) / (1 + 1j * omega * tau)
    single = rate * (1 - np.abs(interval) ** 2) / np.abs(1 - interval) ** 2
    slower = rate / state.N * (1 - passage) / (1 - interval)
    current, noise = (slower * answers.N[:, k] for k in range(2))
    return single, current, noise


def _passage(problem: Problem, y: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """f(omega) of the time from V_R to V_F: m = f/(1 - f) is the rate after a spike, from n(0) = delta(v - V_R)."""
    J, G = problem.jacobian(0.0, y), problem.scalar_gradient(0.0, y)[0]
    start = np.zeros(problem.size, complex)
    start[int(np.argmin(np.abs(problem.nodes - problem.model.v_reset)))] = 1.0
    m = np.array([G @ J.factor(1j * w, problem.mass).solve(start) for w in omega.tolist()])
    return m / (1 + m)
