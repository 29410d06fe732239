"""One neuron in physical units: leaky, exponential, quadratic; the conventions of its noise; rates in hertz."""

from __future__ import annotations

from typing import Any, Literal

from ..analysis import exact
from ..assembly import discretize
from ..given.arguments import checked, choice, required, shown
from ..models import Exponential, NoisyLIF, Quadratic
from ..problem import NotConverged
from ..stationary.states import steady_states
from .neuron import NEURON, Neuron
from .quantities import quantity

CONVENTIONS = ("brunel", "ricciardi", "richardson", "sde")
_TOL = 1e-9  # of steady states without a closed form

Convention = Literal["brunel", "ricciardi", "richardson", "sde"]


def noise_of(sigma: Any, convention: Convention, tau_m: Any) -> float:
    """a0 in mV^2, the noise of dV = ... dt + sqrt(2 a0) dW with time in tau_m, from sigma in one of the conventions:

        "brunel"                   tau dV/dt = mu - V + sigma sqrt(tau) xi       sigma in mV         a0 = sigma^2 / 2
        "ricciardi", "richardson"  tau dV/dt = mu - V + sigma sqrt(2 tau) xi     sigma in mV         a0 = sigma^2
        "sde"                      dV = (mu - V)/tau dt + sigma dW             sigma in mV/ms^1/2   a0 = sigma^2 tau / 2

    xi is white noise, <xi(t) xi(s)> = delta(t - s). Without a threshold the variance of V is a0: sigma^2 / 2 in the
    first, sigma^2 in the second.

    Parameters
    ----------
    sigma : float or quantity
        In mV, or in mV/ms^(1/2).
    convention : {"brunel", "ricciardi", "richardson", "sde"}
        Whose sigma it is.
    tau_m : float or quantity
        In ms.

    Returns
    -------
    float
        a0 in mV^2.

    Raises
    ------
    ValueError
        For other conventions and for sigma <= 0.

    Notes
    -----
    Sources: N. Brunel, J. Comput. Neurosci. 8 (2000) 183-208, eq. 4; L. M. Ricciardi, Diffusion Processes and Related
    Topics in Biology, Springer 1977; M. J. E. Richardson, Phys. Rev. E 76 (2007) 021919, eq. 1.

    Examples
    --------
    >>> import felif as fl
    >>> fl.physical.noise_of(2.0, "brunel", 20.0), fl.physical.noise_of(2.0, "richardson", 20.0)
    (2.0, 4.0)
    """
    required("noise_of", "convention", convention, choice(*CONVENTIONS))
    tau_m = quantity("noise_of", "tau_m", tau_m, "ms", least=0.0)
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

    Parameters
    ----------
    tau_m, dead_time : float or quantity
        In ms.
    v_rest, v_reset, v_fire : float or quantity
        In mV: where V rests without input (0 of the model), where a spike resets V, and where it spikes.
    mu : float or quantity
        In mV, the mean of V without a threshold, v_rest + R I.
    sigma : float or quantity
        Noise, see `noise_of`.
    convention : {"brunel", "ricciardi", "richardson", "sde"}
        Whose sigma it is.

    Returns
    -------
    Neuron

    Raises
    ------
    ValueError
        Naming what is not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.physical.lif(tau_m=20.0, v_rest=0.0, v_reset=0.0, v_fire=20.0, mu=24.0, sigma=1.0)
    >>> round(fl.physical.rate_hz(neuron), 3)
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

    Parameters
    ----------
    tau_m, dead_time : float or quantity
        In ms.
    v_rest, v_reset, v_fire : float or quantity
        In mV: where V rests without input (0 of the model), where a spike
        resets V, and where it is cut off (math.inf: nowhere).
    v_soft, delta : float or quantity
        In mV, where the spike starts, and its sharpness.
    mu : float or quantity
        In mV, the mean of V without a threshold, v_rest + R I.
    sigma : float or quantity
        Noise, see `noise_of`.
    convention : {"brunel", "ricciardi", "richardson", "sde"}
        Whose sigma it is.

    Returns
    -------
    Neuron

    Raises
    ------
    ValueError
        Naming what is not allowed.

    Notes
    -----
    Source: Fourcaud-Trocme, Hansel, van Vreeswijk & Brunel, J. Neurosci. 23 (2003) 11628.

    Examples
    --------
    >>> import felif as fl
    >>> spike = {"v_reset": -68.0, "v_fire": -30.0, "v_soft": -53.0, "delta": 3.5}
    >>> neuron = fl.physical.eif(tau_m=10.0, v_rest=-65.0, mu=-58.0, sigma=6.0, **spike)
    >>> neuron.kind, round(neuron.model.v_fire, 12)
    ('eif', 35.0)
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

    Near v_rest it is the leaky neuron with tau_m; beyond v_crit > v_rest it fires without input. The model is
    x' = x^2 - 1/4 + (mu - v_rest)/d with x = (V - (v_rest + v_crit)/2)/d, d = v_crit - v_rest.

    Parameters
    ----------
    tau_m, dead_time : float or quantity
        In ms.
    v_rest, v_reset, v_fire : float or quantity
        In mV: where V rests without input, where a spike resets V (-1e3 or so is
        allowed), and where it is cut off (math.inf: nowhere).
    v_crit : float or quantity
        In mV, above v_rest.
    mu : float or quantity
        In mV, the mean of V without a threshold, v_rest + R I.
    sigma : float or quantity
        Noise, see `noise_of`.
    convention : {"brunel", "ricciardi", "richardson", "sde"}
        Whose sigma it is.

    Returns
    -------
    Neuron

    Raises
    ------
    ValueError
        Naming what is not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> spike = {"v_reset": -70.0, "v_fire": 0.0, "v_crit": -50.0}
    >>> fl.physical.qif(tau_m=10.0, v_rest=-65.0, mu=-60.0, sigma=3.0, **spike).kind
    'qif'
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


@checked(neuron=NEURON)
def rate_hz(neuron: Neuron) -> float:
    """The steady rate of a neuron, or of a network that has one steady state, in Hz.

    Leaky: the closed form (Siegert; Ricciardi; for networks with its fixed point, every one of which is isolated),

        1/rate = dead_time + tau_m sqrt(pi) int_(V_R - mu)/sigma^(V_F - mu)/sigma exp(u^2) (1 + erf u) du    (brunel)

    else from `steady_states`.

    Parameters
    ----------
    neuron : Neuron
        What `lif`, `eif`, `qif` or `network` return.

    Returns
    -------
    float

    Raises
    ------
    NotConverged
        Naming all of them, where a network has several steady states or none.

    Examples
    --------
    >>> import felif as fl
    >>> neuron = fl.physical.lif(tau_m=20.0, v_rest=0.0, v_reset=10.0, v_fire=20.0, mu=18.0, sigma=4.0, dead_time=2.0)
    >>> round(fl.physical.rate_hz(neuron), 3)
    16.302
    """
    if neuron.kind == "lif":
        return float(neuron.hz(exact.firing_rate(neuron.model)))
    states = steady_states(discretize(neuron.model, tol=_TOL))
    if len(states) != 1:
        rates = ", ".join(f"{neuron.hz(state.N):.6g}" for state in states)
        raise NotConverged(f"{neuron} has {len(states)} steady states, at {rates or 'no rate'} Hz")
    return float(neuron.hz(states[0].N))
