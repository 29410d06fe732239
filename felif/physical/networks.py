"""Networks in physical units: recurrent connections of one kind of neuron, and rates of any number of populations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import root

from ..analysis.leaky_network import log_interval
from ..given.arguments import checked, several
from ..problem import NotConverged
from .neuron import NEURON, Neuron
from .quantities import quantities, quantity

_FILTERED = 2.0652531522312172  # sqrt(2) |zeta(1/2)|
_RELAXED, _STEP = 150, 0.1  # steps towards the fixed point, each a part of the way


def drive(tau_m: Any, weights: Any, connections: Any, rates: Any) -> tuple[float, float]:
    """(mean, sigma) in mV that Poisson spikes add to mu and sigma ("brunel"):

        mean = tau_m sum J K rate,    sigma^2 = tau_m sum J^2 K rate

    Parameters
    ----------
    tau_m : float or quantity
        In ms.
    weights, connections, rates : float, array or quantity
        J in mV, K, rates in Hz: numbers, or arrays of the same shape.

    Returns
    -------
    tuple of two float
        (mean, sigma) in mV.

    Examples
    --------
    >>> import felif as fl
    >>> mean, sigma = fl.physical.drive(20.0, 0.1, 1000, 10.0)
    >>> round(mean, 12), round(sigma, 6)
    (20.0, 1.414214)
    """
    tau = quantity("drive", "tau_m", tau_m, "ms", least=0.0)
    J, K, rate = (
        quantities("drive", name, value, unit)
        for name, value, unit in (("weights", weights, "mV"), ("connections", connections, ""), ("rates", rates, "Hz"))
    )
    try:
        J, K, rate = np.broadcast_arrays(J, K, rate)
    except ValueError:
        shapes = f"weights {J.shape}, connections {K.shape}, rates {rate.shape}"
        raise ValueError(f"drive: {shapes}; allowed are numbers, or arrays of the same shape") from None
    arriving = tau / 1e3 * K * rate
    return float(np.sum(J * arriving)), float(np.sqrt(np.sum(J**2 * arriving)))


@checked(neuron=NEURON)
def network(neuron: Neuron, *, weights: Any, connections: Any, delay: Any = 0.0) -> Neuron:
    """A network of such neurons, all of which fire at the same rate nu (identical excitatory and inhibitory ones, too):

        mu(t) = mu + tau_m nu(t - delay) sum J K,      sigma^2(t) = sigma^2 + tau_m nu(t - delay) sum J^2 K    (brunel)

    As felif's model: b = sum J K, a1 = sum J^2 K / 2.

    Parameters
    ----------
    neuron : Neuron
        With mu and sigma of what comes from outside.
    weights : float, array or quantity
        J of the spikes that arrive, in mV, one for each kind of synapse: [0.1, -0.5].
    connections : float or array
        K, how many of each a neuron has: [1000, 250].
    delay : float or quantity
        Of the spikes, in ms: mean and noise are those of spikes fired that long ago.

    Returns
    -------
    Neuron

    Raises
    ------
    ValueError
        For other shapes.

    Notes
    -----
    Source: N. Brunel, J. Comput. Neurosci. 8 (2000) 183-208, eqs. 4, 5.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.physical.lif(tau_m=20.0, v_rest=0.0, v_reset=10.0, v_fire=20.0, mu=18.0, sigma=4.0)
    >>> network = fl.physical.network(neuron, weights=[0.1, -0.5], connections=[1000, 250])
    >>> round(network.model.b, 12), round(network.model.a1, 12)
    (-25.0, 36.25)
    """
    J, K = quantities("network", "weights", weights, "mV"), quantities("network", "connections", connections, "")
    if J.shape != K.shape or not (K >= 0).all():
        raise ValueError(
            f"network: weights of shape {J.shape}, connections = {K.tolist()}; allowed are as many numbers >= 0"
        )
    late = quantity("network", "delay", delay, "ms", least=0.0) / neuron.tau_m
    unit = neuron.mV_per_unit
    model = dataclasses.replace(
        neuron.model,
        b=neuron.model.b + float(np.sum(J * K)) / unit,
        a1=neuron.model.a1 + float(np.sum(J**2 * K)) / 2 / unit**2,
        delay=late,
        noise_delay=late,
    )
    return dataclasses.replace(neuron, model=model)


@checked(neurons=several(NEURON, "a row of neurons that lif returned", 1))
def mean_field_rates(
    neurons: Sequence[Neuron], *, weights: Any, connections: Any, tau_syn: Any = 0.0, start: Any = None
) -> np.ndarray:
    """Steady rates, in Hz, of populations of leaky neurons, each driven by all of them: shape (K,).

        mu_i = mu_i + tau_m sum_j J_ij K_ij nu_j,   sigma_i^2 = sigma_i^2 + tau_m sum_j J_ij^2 K_ij nu_j,
        nu_i = rate(mu_i, sigma_i)

    Of several fixed points the one is found that tau dnu/dt = rate(nu) - nu leads to.

    Parameters
    ----------
    neurons : sequence of Neuron
        Of `lif`, with mu and sigma of what comes from outside (`drive`).
    weights, connections : array (K, K)
        J (mV) and K from population j to i.
    tau_syn : float or quantity
        Time constant of exponential synaptic currents, in ms; for tau_syn << tau_m thresholds and resets rise by
        sigma (alpha/2) sqrt(tau_syn/tau_m), alpha = sqrt(2) |zeta(1/2)|.
    start : array (K,)
        Rates (Hz) the search starts from, by default 0.

    Returns
    -------
    array (K,)
        In Hz.

    Raises
    ------
    ValueError
        For other shapes and other neurons.
    NotConverged
        Where no fixed point is reached.

    Notes
    -----
    Sources: N. Brunel, J. Comput. Neurosci. 8 (2000) 183-208; N. Fourcaud & N. Brunel, Neural Comput. 14 (2002)
    2057-2110, eq. 4.33.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.physical.lif(tau_m=20.0, v_rest=0.0, v_reset=10.0, v_fire=20.0, mu=18.0, sigma=4.0)
    >>> one = fl.physical.mean_field_rates([neuron], weights=[[0.0]], connections=[[0]])
    >>> bool(abs(one[0] - fl.physical.rate_hz(neuron)) < 1e-6)
    True
    """
    J, K = (
        quantities("mean_field_rates", name, value, unit)
        for name, value, unit in (("weights", weights, "mV"), ("connections", connections, ""))
    )
    count = len(neurons)
    if J.shape != (count, count) or K.shape != (count, count):
        raise ValueError(
            f"mean_field_rates: weights {J.shape}, connections {K.shape}; allowed is ({count}, {count}), as there are "
            "neurons"
        )
    if any(neuron.kind != "lif" or neuron.model.b or neuron.model.a1 for neuron in neurons):
        raise ValueError("mean_field_rates: neurons; allowed are those of `lif`, not networks and not other kinds")
    synaptic = quantity("mean_field_rates", "tau_syn", tau_syn, "ms", least=0.0)
    tau = np.array([neuron.tau_m for neuron in neurons])
    shapes = [(neuron.model.v_reset, neuron.model.v_fire, neuron.model.dead_time) for neuron in neurons]
    alike = [(neurons[shapes.index(s)].model, np.flatnonzero([t == s for t in shapes])) for s in dict.fromkeys(shapes)]
    external = np.array([[neuron.model.current, neuron.model.a0] for neuron in neurons])

    def response(rates: np.ndarray) -> np.ndarray:
        arriving = tau[:, None] / 1e3 * K * np.maximum(rates, 0.0)
        mean, noise = external[:, 0] + (J * arriving).sum(axis=1), external[:, 1] + (J**2 * arriving).sum(axis=1) / 2
        shift = _FILTERED / 2 * np.sqrt(2 * noise * synaptic / tau)  # thresholds up: the mean down
        found = np.empty(count)
        for model, which in alike:
            found[which] = np.exp(-log_interval(model, (mean - shift)[which], noise[which]).log)
        return 1e3 / tau * found

    rates = np.zeros(count) if start is None else quantities("mean_field_rates", "start", start, "Hz")
    if rates.shape != (count,):
        raise ValueError(
            f"mean_field_rates: start has shape {rates.shape}; allowed is ({count},), as there are neurons"
        )
    for _ in range(_RELAXED):
        rates = rates + _STEP * (response(rates) - rates)
    found = root(lambda x: response(x) - x, rates, method="hybr", options={"xtol": 1e-13})
    left = np.abs(response(found.x) - found.x).max()
    if (found.x < 0).any() or not left <= 1e-8 * (1 + found.x.max()):
        raise NotConverged(f"mean_field_rates: from {rates.tolist()} Hz no fixed point was reached ({found.message})")
    return found.x
