"""Any number of coupled populations of noisy leaky integrate-and-fire neurons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.arguments import array, required, shown
from ..weakform import Axis, Conserved, Delayed, Equations, Given, Index, Term, Unknown, drift, jump, noise
from .parameters import fixed, require_number


@dataclass(frozen=True, eq=False)
class Populations:
    """Any number K of coupled populations, each with its density n_i and firing rate N_i, i = 0, ..., K - 1.

        d/dt n_i + d/dv[(-v + I_i + s sum_j b_ij N_j(t - d_ij)) n_i] - a_i d2/dv2 n_i = N_i delta(v - V_R),   v < V_F
        a_i = a0_i + sum_j a1_ij N_j,      int n_i dv = 1

    The unknowns are n, N (and R) over the populations: `state.N[i]`, `state.n[i](v)`.

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
    v_reset : float or array (K,)
        V_R < V_F.
    v_fire : float
        V_F.
    delay : float or array (K, K)
        d, >= 0.
    tau : float or array (K,)
        Mean time at rest, >= 0: with tau > 0 what fires waits in R_i, and int n_i + R_i = 1.
    strength : float
        s, a factor of all couplings, along which networks can be continued.

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
    >>> network = fl.Populations(coupling=[[0.5, -0.3], [0.4, 0.0]], current=[0.5, 0.0])
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
    v_fire: float = fixed(2.0)
    delay: Any = fixed(0.0)
    tau: Any = fixed(0.0)
    strength: float = 1.0

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
        for name in ("a0", "v_reset", "tau"):
            self._each(name, K)
        if not callable(self.current):
            self._each("current", K)
        if not (self._each("a0", K) > 0).all():
            raise ValueError(f"Populations: a0 = {shown(self.a0)}; allowed are positive numbers")
        if not (self._each("tau", K) >= 0).all():
            raise ValueError(f"Populations: tau = {shown(self.tau)}; allowed are numbers >= 0")
        require_number(self, "v_fire")
        if not (self._each("v_reset", K) < self.v_fire).all():
            raise ValueError(
                f"Populations: v_reset = {shown(self.v_reset)}; allowed are numbers below v_fire = {self.v_fire}"
            )
        for name in ("a1", "delay"):
            value = _numbers(name, getattr(self, name))
            if value.shape not in ((), (K, K)) or (value < 0).any():
                raise ValueError(
                    f"Populations: {name} = {shown(getattr(self, name))}; allowed is a number >= 0 or ({K}, {K})"
                )

    def _each(self, name: str, count: int) -> np.ndarray:
        """A parameter, one a population."""
        value = _numbers(name, getattr(self, name))
        if value.shape not in ((), (count,)):
            raise ValueError(
                f"Populations: {name} = {shown(getattr(self, name))}; allowed is a number, or {count} of them"
            )
        return np.broadcast_to(value, (count,))

    @property
    def count(self) -> int:
        """K, the number of populations."""
        return self._matrix.shape[0]

    def equations(self) -> Equations:
        """The axis v, the index of the populations, the unknowns n and N (and R) over it, and their terms."""
        K, matrix = self.count, self._matrix
        reset, tau, a0 = (self._each(name, K) for name in ("v_reset", "tau", "a0"))
        places = {"firing": self.v_fire} | {f"reset_{k}": float(v) for k, v in enumerate(np.unique(reset))}
        axes = (Index("population", K), Axis("v", -math.inf, self.v_fire, places))
        unknowns = [
            Unknown("n", ("population", "v")),
            Unknown("N", ("population",), "holds", of="n", at={"v": self.v_fire}),
            Unknown("input", ("population",), "equals"),
        ]
        inputs: list[Any] = []
        own = np.zeros(K) if callable(self.current) else self._each("current", K)
        drive = lambda s, m: s.input + own[s.population]
        if callable(self.current):
            inputs.append(Given("I", "current"))
            drive = lambda s, m: s.input + s.I
        terms = [
            drift("n", "v", lambda x: -x.v, name="leak"),
            drift("n", "v", lambda x: 1.0, drive, name="input"),
            noise("n", "v", lambda s, m: a0[s.population], name="noise"),
        ]
        lags = np.broadcast_to(np.asarray(self.delay, float), (K, K))
        dense = self.strength * np.asarray(matrix.todense())
        for number, lag in enumerate(np.unique(lags[dense != 0])):
            of = "N"
            if lag > 0:
                of = f"N_before_{number}"
                inputs.append(Delayed(of, "N", float(lag)))
            terms.append(Term("input", of, matrix=np.where(lags == lag, dense, 0.0), name=f"coupling {number}"))
        weights = {"n": 1.0}
        at = {"v": self.v_fire}
        if not tau.any():
            terms.append(jump("n", "N", lambda x: {"v": reset[x.population]}, at=at, name="reset"))
        elif tau.all():
            unknowns.append(Unknown("R", ("population",)))
            terms += [
                Term("n", "N", lambda N, phi, x: -N * phi, at=at, name="firing"),
                Term("R", "N", name="waiting begins"),
                Term("R", "R", coefficient=lambda s, m: -1 / tau[s.population], name="waiting ends"),
                *self._returns(reset, tau),
            ]
            weights["R"] = 1.0
        else:
            raise ValueError(f"Populations: tau = {shown(self.tau)}; allowed are all 0, or all positive")
        a1 = np.asarray(self.a1, float)
        if a1.any():
            unknowns.append(Unknown("synaptic_noise", ("population",), "equals"))
            full = a1 if a1.ndim else a1 * np.eye(K)
            terms.append(Term("synaptic_noise", "N", matrix=full, name="synaptic noise"))
            terms.append(noise("n", "v", lambda s, m: s.synaptic_noise, name="noise of the network"))
        return Equations(
            axes, tuple(unknowns), tuple(terms), (Conserved("total", weights, "population"),), tuple(inputs)
        )

    @staticmethod
    def _returns(reset: np.ndarray, tau: np.ndarray) -> list[Term]:
        """R / tau enters at V_R, one term for each reset potential there is."""
        found = []
        for place in np.unique(reset):
            here = np.where(reset == place, 1.0, 0.0) / tau
            found.append(
                Term(
                    "n",
                    "R",
                    lambda R, phi, x: R * phi,
                    lambda s, m, here=here: here[s.population],
                    at={"v": float(place)},
                    name=f"return to {place:g}",
                )
            )
        return found


def _numbers(name: str, value: Any) -> np.ndarray:
    return required("Populations", name, value, array("a finite number, or an array of them"))
