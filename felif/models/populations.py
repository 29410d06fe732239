"""Any number of coupled populations of noisy integrate-and-fire neurons."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.arguments import array, required, shown
from ..weakform import Axis, Conserved, Delayed, Equations, Given, Index, Term, Unknown, drift, jump, noise
from .drifts import Leaky
from .parameters import fixed, require_number


@dataclass(frozen=True, eq=False)
class Populations:
    """Any number K of coupled populations, each with its density n_i and firing rate N_i, i = 0, ..., K - 1.

        tau_m,i (d/dt n_i - returning_i delta(v - V_R,i)) + d/dv[(f_i(v) + I_i + s sum_j b_ij N_j(t - d_ij)) n_i]
            - a_i d2/dv2 n_i = 0,      v < V_F,i,      n_i(V_F,i) = 0,      N_i = -(a_i / tau_m,i) dn_i/dv(V_F,i)
        a_i = a0_i + sum_j a1_ij N_j,      dR_i/dt = N_i - returning_i,      int n_i dv + R_i = 1

    returning_i is N_i(t) where neurons begin again at once, N_i(t - D_i) after a dead time, R_i / tau_i where they rest
    for a mean time. The unknowns are n, N (and R) over the populations: `state.N[i]`, `state.n[i](v)`.

    Parameters
    ----------
    coupling : array (K, K) or scipy sparse matrix
        b[i, j], from population j to i; the shape says how many populations there are.
    current : float, array (K,) or callable
        I, or I(t) for all populations.
    a0 : float or array (K,)
        Noise without activity, > 0.
    a1 : float or array (K, K)
        Noise per firing rate, >= 0.
    v_reset, v_fire : float or array (K,)
        V_R < V_F.
    delay : float or array (K, K)
        d, >= 0.
    tau : float or array (K,)
        Mean time at rest, >= 0.
    strength : float
        s, a factor of all couplings, along which networks can be continued.
    dead_time : float or array (K,)
        D, >= 0; of a population, tau or D is 0.
    drift : callable or sequence of them
        f, for all populations or one for each.
    tau_m : float or array (K,)
        Membrane times, > 0: drift and noise act 1 / tau_m as fast.

    Raises
    ------
    ValueError
        For shapes and values that are not allowed.

    Notes
    -----
    Source: the lecture's networks of several populations; M. J. Caceres, R. Schneider, Kinet. Relat. Models 10 (2017)
    587-612.

    Examples
    --------
    >>> import felif as fl
    >>> network = fl.Populations(coupling=[[0.5, -0.3], [0.4, 0.0]], current=[0.5, 0.0], dead_time=[0.0, 0.1])
    >>> network.count
    2
    >>> fl.discretize(network, tol=1e-3).model is network
    True
    """

    coupling: Any = 0.0
    current: Any = 0.0
    a0: Any = 1.0
    a1: Any = 0.0
    v_reset: Any = fixed(1.0)
    v_fire: Any = fixed(2.0)
    delay: Any = fixed(0.0)
    tau: Any = fixed(0.0)
    strength: float = 1.0
    dead_time: Any = fixed(0.0)
    drift: Any = fixed(Leaky())
    tau_m: Any = 1.0

    def __post_init__(self) -> None:
        from scipy import sparse

        coupling = (
            self.coupling if sparse.issparse(self.coupling) else np.atleast_2d(_numbers("coupling", self.coupling))
        )
        if coupling.ndim != 2 or coupling.shape[0] != coupling.shape[1]:
            raise ValueError(f"Populations: coupling has the shape {coupling.shape}; allowed is (K, K)")
        entries = coupling.data if sparse.issparse(coupling) else coupling
        if not np.isfinite(np.asarray(entries)).all():
            raise ValueError("Populations: coupling holds values that are not finite")
        object.__setattr__(self, "_matrix", sparse.csr_matrix(coupling))
        require_number(self, "strength")
        K = coupling.shape[0]
        if not callable(self.current):
            self._each("current")
        for name, allowed, right in (
            ("a0", "positive numbers", self._each("a0") > 0),
            ("tau_m", "positive numbers", self._each("tau_m") > 0),
            ("tau", "numbers >= 0", self._each("tau") >= 0),
            ("dead_time", "numbers >= 0", self._each("dead_time") >= 0),
        ):
            if not right.all():
                raise ValueError(f"Populations: {name} = {shown(getattr(self, name))}; allowed are {allowed}")
        if (both := (self._each("tau") > 0) & (self._each("dead_time") > 0)).any():
            raise ValueError(
                f"Populations: tau = {shown(self.tau)} and dead_time = {shown(self.dead_time)}; allowed is one of them "
                f"for a population, population {int(np.argmax(both))} has both"
            )
        if not (self._each("v_reset") < self._each("v_fire")).all():
            raise ValueError(
                f"Populations: v_reset = {shown(self.v_reset)}; allowed are numbers below v_fire = {shown(self.v_fire)}"
            )
        for name in ("a1", "delay"):
            value = _numbers(name, getattr(self, name))
            if value.shape not in ((), (K, K)) or (value < 0).any():
                raise ValueError(
                    f"Populations: {name} = {shown(getattr(self, name))}; allowed is a number >= 0 or ({K}, {K})"
                )
        _ = self.drifts

    def _each(self, name: str) -> np.ndarray:
        """A parameter, one a population."""
        value = _numbers(name, getattr(self, name))
        if value.shape not in ((), (self.count,)):
            raise ValueError(
                f"Populations: {name} = {shown(getattr(self, name))}; allowed is a number, or {self.count} of them"
            )
        return np.broadcast_to(value, (self.count,))

    @property
    def count(self) -> int:
        """K."""
        return self._matrix.shape[0]

    @property
    def drifts(self) -> tuple[Callable[[Any], Any], ...]:
        """f, one a population."""
        given = self.drift if isinstance(self.drift, Sequence) else [self.drift] * self.count
        if len(given) != self.count or not all(map(callable, given)):
            raise ValueError(
                f"Populations: drift = {shown(self.drift)}; allowed is a function of v, or {self.count} of them"
            )
        return tuple(given)

    def equations(self) -> Equations:
        """The axis v, the index of the populations, the unknowns n and N (and R) over it, and their terms."""
        K, reset, fire = self.count, self._each("v_reset"), self._each("v_fire")
        speed = 1 / self._each("tau_m")
        places = {"firing": float(fire.max())}
        places |= {f"firing_{k}": float(v) for k, v in enumerate(np.unique(fire)[:-1])}
        places |= {f"reset_{k}": float(v) for k, v in enumerate(np.unique(reset))}
        top, back = ({"v": _place(values)} for values in (fire, reset))
        unknowns = [
            Unknown("n", ("population", "v")),
            Unknown("N", ("population",), "holds", of="n", at=top),
            Unknown("input", ("population",), "equals"),
        ]
        inputs: list[Any] = []
        own = np.zeros(K) if callable(self.current) else self._each("current")
        levels = speed * self._each("a0")
        drive = lambda s, m: speed[s.population] * (s.input + own[s.population])
        if callable(self.current):
            inputs.append(Given("I", "current"))
            drive = lambda s, m: speed[s.population] * (s.input + s.I)
        terms = [
            drift("n", "v", _drift(self.drifts, speed, fire), name="leak"),
            drift("n", "v", lambda x: 1.0, drive, name="input"),
            noise("n", "v", lambda s, m: levels[s.population], name="noise"),
        ]
        lags = np.broadcast_to(np.asarray(self.delay, float), (K, K))
        dense = self.strength * np.asarray(self._matrix.todense())
        for number, lag in enumerate(np.unique(lags[dense != 0])):
            of = "N"
            if lag > 0:
                of = f"N_before_{number}"
                inputs.append(Delayed(of, "N", float(lag)))
            terms.append(Term("input", of, matrix=np.where(lags == lag, dense, 0.0), name=f"coupling {number}"))
        weights = {"n": 1.0}
        rests = (self._each("tau") > 0) | (self._each("dead_time") > 0)
        if not rests.all():
            at_once = None if not rests.any() else (lambda x: np.where(rests, 0.0, 1.0)[x.population])
            terms.append(jump("n", "N", lambda x: {"v": reset[x.population]}, at=top, rate=at_once, name="reset"))
        if rests.any():
            unknowns.append(Unknown("R", ("population",), only=tuple(np.flatnonzero(rests).tolist())))
            weights["R"] = 1.0
            firing = lambda N, phi, x: np.where(rests, -1.0, 0.0)[x.population] * N * phi
            terms += [Term("n", "N", firing, at=top, name="firing"), Term("R", "N", name="rest begins")]
            terms += self._returns(back, inputs)
        a1 = np.asarray(self.a1, float)
        if a1.any():
            unknowns.append(Unknown("synaptic_noise", ("population",), "equals"))
            full = a1 if a1.ndim else a1 * np.eye(K)
            terms.append(Term("synaptic_noise", "N", matrix=full, name="synaptic noise"))
            spread = lambda s, m: speed[s.population] * s.synaptic_noise
            terms.append(noise("n", "v", spread, name="noise of the network"))
        axes = (Index("population", K), Axis("v", -math.inf, float(fire.max()), places))
        return Equations(
            axes, tuple(unknowns), tuple(terms), (Conserved("total", weights, "population"),), tuple(inputs)
        )

    def _returns(self, back: dict[str, Any], inputs: list[Any]) -> list[Term]:
        """What rests leaves R and enters n at V_R: R / tau, or N a dead time ago, of which `inputs` gets one for each
        dead time there is."""
        tau, dead = self._each("tau"), self._each("dead_time")
        leaving = np.divide(1.0, tau, out=np.zeros(len(tau)), where=tau > 0)
        sources = [("R", leaving)] if leaving.any() else []
        for number, span in enumerate(np.unique(dead[dead > 0])):
            inputs.append(Delayed(f"N_returning_{number}", "N", float(span)))
            sources.append((f"N_returning_{number}", np.where(dead == span, 1.0, 0.0)))
        found = []
        for of, share in sources:
            enters = lambda u, phi, x, share=share: share[x.population] * u * phi
            found.append(Term("R", of, matrix=-np.diag(share), name=f"{of} ends rest"))
            found.append(Term("n", of, enters, at=back, name=f"{of} returns"))
        return found


def _place(values: np.ndarray) -> float | Callable[[Any], Any]:
    """A place of the axis, for each population one if they differ."""
    return float(values[0]) if np.ptp(values) == 0 else (lambda x: values[x.population])


def _drift(drifts: tuple[Callable[[Any], Any], ...], speed: np.ndarray, fire: np.ndarray) -> Callable[[Any], Any]:
    """x -> f_i(v) / tau_m,i; f_i is not asked above V_F,i, where its neurons are not."""

    def found(x: Any) -> np.ndarray:
        population = np.broadcast_to(x.population, np.shape(x.v))
        v, values = np.minimum(x.v, fire[population]), np.zeros(np.shape(x.v))
        for f in {id(f): f for f in drifts}.values():
            of = np.isin(population, [k for k, other in enumerate(drifts) if other is f])
            values[of] = np.broadcast_to(f(v[of]), v[of].shape)
        return speed[population] * values

    return found


def _numbers(name: str, value: Any) -> np.ndarray:
    return required("Populations", name, value, array("a finite number, or an array of them"))
