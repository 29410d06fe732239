"""A neuron in physical units: felif's model of it, and how its numbers translate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.arguments import VALUES, checked, instance
from ..models import NoisyLIF


@dataclass(frozen=True)
class Neuron:
    """A neuron, or a network of neurons, as a model of felif, with the units that translate.

    Parameters
    ----------
    model : NoisyLIF
        felif's model: potentials (V - v_zero)/mV_per_unit, time t/tau_m, rates per tau_m.
    tau_m : float
        Membrane time constant in ms.
    v_zero : float
        The potential, in mV, that is 0 in the model.
    mV_per_unit : float
        Of potentials of the model.
    kind : {"lif", "eif", "qif"}
        Which drift it has.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.physical.lif(
    ...     tau_m=20.0, v_rest=-65.0, v_reset=-65.0, v_fire=-50.0, mu=-52.0, sigma=3.0, dead_time=2.0
    ... )
    >>> round(neuron.time(100.0), 12), round(neuron.mV(15.0), 12)
    (5.0, -50.0)
    """

    model: NoisyLIF
    tau_m: float
    v_zero: float
    mV_per_unit: float = 1.0
    kind: str = "lif"

    @checked(N=VALUES)
    def hz(self, N: Any) -> Any:
        """Rates of the model, per tau_m, in Hz.

        Parameters
        ----------
        N : float or array
            Rates per tau_m.

        Returns
        -------
        float or array
        """
        return _like(1e3 / self.tau_m * np.asarray(N, float))

    @checked(rate=VALUES)
    def per_tau(self, rate: Any) -> Any:
        """Rates in Hz as the model has them.

        Parameters
        ----------
        rate : float or array
            Rates in Hz.

        Returns
        -------
        float or array
        """
        return _like(self.tau_m / 1e3 * np.asarray(rate, float))

    @checked(t=VALUES)
    def ms(self, t: Any) -> Any:
        """Times of the model in ms.

        Parameters
        ----------
        t : float or array
            Times in tau_m.

        Returns
        -------
        float or array
        """
        return _like(self.tau_m * np.asarray(t, float))

    @checked(ms=VALUES)
    def time(self, ms: Any) -> Any:
        """Times in ms as the model has them.

        Parameters
        ----------
        ms : float or array
            Times in ms.

        Returns
        -------
        float or array
        """
        return _like(np.asarray(ms, float) / self.tau_m)

    @checked(v=VALUES)
    def mV(self, v: Any) -> Any:
        """Potentials of the model in mV.

        Parameters
        ----------
        v : float or array
            Potentials of the model.

        Returns
        -------
        float or array
        """
        return _like(self.v_zero + self.mV_per_unit * np.asarray(v, float))

    @checked(mV=VALUES)
    def potential(self, mV: Any) -> Any:
        """Potentials in mV as the model has them.

        Parameters
        ----------
        mV : float or array
            Potentials in mV.

        Returns
        -------
        float or array
        """
        return _like((np.asarray(mV, float) - self.v_zero) / self.mV_per_unit)

    @property
    def sigma(self) -> float:
        """The noise in mV, as "brunel" has it: sqrt(2 a0) of the model."""
        return math.sqrt(2 * self.model.a0) * self.mV_per_unit

    def __repr__(self) -> str:
        m = self.model
        parts = [
            f"tau_m = {self.tau_m:g} ms",
            f"V_R = {self.mV(m.v_reset):g} mV",
            f"V_F = {self.mV(m.v_fire):g} mV",
            f"sigma = {self.sigma:g} mV (brunel)",
        ]
        if not callable(m.current):
            rest = 0.0 if self.kind != "qif" else -0.5
            parts.insert(3, f"mu = {self.mV(m.current + rest):g} mV")
        parts += [f"dead time {self.ms(m.dead_time):g} ms"] if m.dead_time else []
        parts += [f"delay {self.ms(m.delay):g} ms"] if m.delay else []
        parts += [f"b = {m.b * self.mV_per_unit:g} mV, a1 = {m.a1 * self.mV_per_unit**2:g} mV^2"] if m.b or m.a1 else []
        return f"{self.kind}({', '.join(parts)})"


NEURON = instance("a neuron: what lif, eif, qif or network returns", Neuron)


def _like(values: np.ndarray) -> Any:
    return values if values.ndim else values.item()
