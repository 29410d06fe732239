"""One neuron in physical units: leaky, exponential, quadratic; the conventions of its noise; rates in hertz."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..analysis import exact
from ..assembly import discretize
from ..given.arguments import shown
from ..models import Exponential, NoisyLIF, Quadratic
from ..problem import NotConverged
from ..stationary.states import steady_states
from .quantities import quantity

CONVENTIONS = ("brunel", "ricciardi", "richardson", "sde")
_TOL = 1e-9  # of steady states without a closed form

Convention = Literal["brunel", "ricciardi", "richardson", "sde"]


@dataclass(frozen=True)
class Neuron:
    """A neuron, or a network of neurons, as a model of felif, with the units that translate.

    model  felif's model: potentials (V - v_zero)/mV_per_unit, time t/tau_m, rates per tau_m
    tau_m  membrane time constant in ms
    v_zero the potential, in mV, that is 0 in the model
    mV_per_unit  of potentials of the model
    kind   "lif", "eif" or "qif"
    """

    model: NoisyLIF
    tau_m: float
    v_zero: float
    mV_per_unit: float = 1.0
    kind: str = "lif"

    def hz(self, N: Any) -> Any:
        """Rates of the model, per tau_m, in Hz."""
        return _like(1e3 / self.tau_m * np.asarray(N, float))

    def per_tau(self, rate: Any) -> Any:
        """Rates in Hz as the model has them."""
        return _like(self.tau_m / 1e3 * np.asarray(rate, float))

    def ms(self, t: Any) -> Any:
        """Times of the model in ms."""
        return _like(self.tau_m * np.asarray(t, float))

    def time(self, ms: Any) -> Any:
        """Times in ms as the model has them."""
        return _like(np.asarray(ms, float) / self.tau_m)

    def mV(self, v: Any) -> Any:
        """Potentials of the model in mV."""
        return _like(self.v_zero + self.mV_per_unit * np.asarray(v, float))

    def potential(self, mV: Any) -> Any:
        """Potentials in mV as the model has them."""
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


def _like(values: np.ndarray) -> Any:
    return values if values.ndim else values.item()


def noise_of(sigma: Any, convention: Convention, tau_m: float) -> float:
    """a0 in mV^2, the noise of dV = ... dt + sqrt(2 a0) dW with time in tau_m, from sigma in one of the conventions:

        "brunel"                   tau dV/dt = mu - V + sigma sqrt(tau) xi       sigma in mV         a0 = sigma^2 / 2
        "ricciardi", "richardson"  tau dV/dt = mu - V + sigma sqrt(2 tau) xi     sigma in mV         a0 = sigma^2
        "sde"                      dV = (mu - V)/tau dt + sigma dW             sigma in mV/ms^1/2   a0 = sigma^2 tau / 2

    xi is white noise, <xi(t) xi(s)> = delta(t - s). Without a threshold the variance of V is a0: sigma^2 / 2 in the
    first, sigma^2 in the second. Raises ValueError for other conventions and for sigma <= 0.

    Sources: N. Brunel, J. Comput. Neurosci. 8 (2000) 183-208, eq. 4; L. M. Ricciardi, Diffusion Processes and Related
    Topics in Biology, Springer 1977; M. J. E. Richardson, Phys. Rev. E 76 (2007) 021919, eq. 1.
    """
    if convention not in CONVENTIONS:
        raise ValueError(
            f"noise_of: convention = {shown(convention)}; allowed is one of {', '.join(map(repr, CONVENTIONS))}"
        )
    unit = "mV / ms ** 0.5" if convention == "sde" else "mV"
    value = quantity("noise_of", "sigma", sigma, unit, least=0.0)
    if value == 0.0:
        raise ValueError(f"noise_of: sigma = {shown(sigma)}; allowed is a number > 0")
    return {"brunel": value**2 / 2, "sde": value**2 * tau_m / 2}.get(convention, value**2)


def lif(
    *,
    tau_m: Any,
    v_rest: Any,
    v_reset: Any,
    v_fire: Any,
    mu: Any,
    sigma: Any,
    dead_time: Any = 0.0,
    convention: Convention = "brunel",
) -> Neuron:
    """The leaky neuron: tau_m dV/dt = -(V - mu) + noise, V = v_fire: a spike, then v_reset after `dead_time`.

    tau_m, dead_time in ms; potentials in mV: v_rest, where V rests without input (0 of the model), v_reset, v_fire, and
    mu, the mean of V without a threshold, mu = v_rest + R I; sigma, see `noise_of`. Numbers, or quantities of pint.
    Raises ValueError that names what is wrong.

    >>> round(rate_hz(lif(tau_m=20.0, v_rest=0.0, v_reset=0.0, v_fire=20.0, mu=24.0, sigma=1.0)), 3)
    28.134
    """
    rest, model = _common("lif", tau_m, v_rest, v_reset, v_fire, mu, sigma, dead_time, convention)
    tau, zero, unit = rest
    return Neuron(NoisyLIF(**model), tau, zero, unit)


def eif(
    *,
    tau_m: Any,
    v_rest: Any,
    v_reset: Any,
    v_fire: Any,
    v_soft: Any,
    delta: Any,
    mu: Any,
    sigma: Any,
    dead_time: Any = 0.0,
    convention: Convention = "brunel",
) -> Neuron:
    """The exponential neuron: tau_m dV/dt = -(V - mu) + delta exp((V - v_soft)/delta) + noise.

    v_soft, where the spike starts, and its sharpness delta in mV; v_fire cuts the spike off, or is math.inf; else as
    `lif`. Source: Fourcaud-Trocme, Hansel, van Vreeswijk & Brunel, J. Neurosci. 23 (2003) 11628.
    """
    rest, model = _common("eif", tau_m, v_rest, v_reset, v_fire, mu, sigma, dead_time, convention)
    tau, zero, unit = rest
    sharpness = quantity("eif", "delta", delta, "mV", least=0.0)
    drift = Exponential(delta=sharpness, v_soft=quantity("eif", "v_soft", v_soft, "mV") - zero)
    return Neuron(NoisyLIF(**model, drift=drift), tau, zero, unit, "eif")


def qif(
    *,
    tau_m: Any,
    v_rest: Any,
    v_reset: Any,
    v_fire: Any,
    v_crit: Any,
    mu: Any,
    sigma: Any,
    dead_time: Any = 0.0,
    convention: Convention = "brunel",
) -> Neuron:
    """The quadratic neuron: tau_m dV/dt = (V - v_rest)(V - v_crit)/(v_crit - v_rest) + mu - v_rest + noise.

    Near v_rest it is the leaky neuron with tau_m; beyond v_crit > v_rest it fires without input. v_fire cuts the spike
    off, or is math.inf; v_reset may be -1e3 or so; else as `lif`. The model is x' = x^2 - 1/4 + (mu - v_rest)/d with
    x = (V - (v_rest + v_crit)/2)/d, d = v_crit - v_rest.
    """
    rest, crit = (quantity("qif", name, v, "mV") for name, v in (("v_rest", v_rest), ("v_crit", v_crit)))
    if not crit > rest:
        raise ValueError(f"qif: v_crit = {crit!r}; allowed is a potential above v_rest = {rest!r}")
    units, model = _common(
        "qif", tau_m, rest, v_reset, v_fire, mu, sigma, dead_time, convention, (rest + crit) / 2, crit - rest
    )
    model["current"] = (quantity("qif", "mu", mu, "mV") - rest) / units[2]
    return Neuron(NoisyLIF(**model, drift=Quadratic(offset=0.25)), *units, "qif")


def _common(
    who: str,
    tau_m: Any,
    v_rest: Any,
    v_reset: Any,
    v_fire: Any,
    mu: Any,
    sigma: Any,
    dead_time: Any,
    convention: Convention,
    zero: float | None = None,
    unit: float = 1.0,
) -> tuple[tuple[float, float, float], dict[str, Any]]:
    """(tau_m, zero, unit) and what all models have."""
    tau = quantity(who, "tau_m", tau_m, "ms", least=0.0)
    if tau == 0.0:
        raise ValueError(f"{who}: tau_m = {shown(tau_m)}; allowed is a number > 0, in ms")
    rest, mean, low = (
        quantity(who, name, v, "mV") for name, v in (("v_rest", v_rest), ("mu", mu), ("v_reset", v_reset))
    )
    high = quantity(who, "v_fire", v_fire, "mV", infinite=who != "lif")
    if not low < high:
        raise ValueError(f"{who}: v_reset = {low!r} is not below v_fire = {high!r}; allowed is v_reset < v_fire")
    zero = rest if zero is None else zero
    model = {
        "a0": noise_of(sigma, convention, tau) / unit**2,
        "v_reset": (low - zero) / unit,
        "v_fire": (high - zero) / unit,
        "current": (mean - zero) / unit,
        "dead_time": quantity(who, "dead_time", dead_time, "ms", least=0.0) / tau,
    }
    return (tau, zero, unit), model


def rate_hz(neuron: Neuron) -> float:
    """The steady rate of a neuron, or of a network that has one steady state, in Hz.

    Leaky: the closed form (Siegert; Ricciardi; for networks with its fixed point, every one of which is isolated),

        1/rate = dead_time + tau_m sqrt(pi) int_(V_R - mu)/sigma^(V_F - mu)/sigma exp(u^2) (1 + erf u) du    (brunel)

    else from `steady_states`. Raises NotConverged, naming all of them, where a network has several or none.
    """
    if neuron.kind == "lif":
        return float(neuron.hz(exact.firing_rate(neuron.model)))
    states = steady_states(discretize(neuron.model, tol=_TOL))
    if len(states) != 1:
        rates = ", ".join(f"{neuron.hz(state.N):.6g}" for state in states)
        raise NotConverged(f"{neuron} has {len(states)} steady states, at {rates or 'no rate'} Hz")
    return float(neuron.hz(states[0].N))
