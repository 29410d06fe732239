"""Two coupled populations, excitatory and inhibitory (Caceres & Schneider 2016)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..given.arguments import shown
from ..weakform import Conserved, Delayed, Equations, Given, Term, Unknown
from . import terms
from .drifts import Leaky
from .parameters import (
    InputValue,
    fixed,
    require_callable,
    require_input,
    require_number,
    require_threshold_above_reset,
)
from .populations import Populations


@dataclass(frozen=True)
class ExcitatoryInhibitoryLIF:
    """Densities n_E, n_I of an excitatory and an inhibitory population, each with its firing rate, for i = E, I:

        (n_i)_t + [(f(v) + I_i(t) + b_Ei N_E - b_Ii N_I) n_i]_v - a0 (n_i)_vv = N_i delta(v - V_R),     v < V_F
        n_i(V_F, t) = 0,      N_i(t) = -a0 (n_i)_v(V_F, t),      int n_i dv = 1

    With a refractory time tau > 0 the source is (R_i/tau) delta(v - V_R), dR_i/dt + R_i/tau = N_i, int n_i dv + R_i =
    1; with a delay d > 0 the drift holds N_E(t - d) and N_I(t - d).

    Parameters
    ----------
    b_EE, b_IE, b_EI, b_II : float
        Connectivities >= 0. The first letter says from whom: b_IE is from I to E. b_IE and b_II enter with a minus
        sign.
    a0 : float
        Noise of both populations, > 0.
    tau, delay : float
        Mean time at rest and transmission delay d, in membrane time constants, >= 0.
    v_reset, v_fire : float
        V_R < V_F.
    current_E, current_I : float, callable or Piecewise
        I_E(t) and I_I(t).
    drift : callable
        f, a function of v; f = -v by default.

    Raises
    ------
    ValueError
        For values that are not allowed.

    Notes
    -----
    Source: Caceres & Schneider, Kinet. Relat. Models 10 (2017), eqs. 1.1-1.4.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.ExcitatoryInhibitoryLIF(b_EE=0.5, b_IE=0.25, b_EI=0.25, b_II=1.0))
    >>> state = fl.steady_state(problem)
    >>> state.N_E > state.N_I
    True
    """

    b_EE: float = 0.0
    b_IE: float = 0.0
    b_EI: float = 0.0
    b_II: float = 0.0
    a0: float = 1.0
    tau: float = 0.0
    delay: float = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    current_E: InputValue = 0.0
    current_I: InputValue = 0.0
    drift: Callable = fixed(Leaky())

    def __post_init__(self) -> None:
        require_threshold_above_reset(self)
        for name in ("b_EE", "b_IE", "b_EI", "b_II", "tau", "delay"):
            require_number(self, name, nonnegative=True)
        require_number(self, "a0", positive=True)
        require_input(self, "current_E")
        require_input(self, "current_I")
        require_callable(self, "drift")

    def populations(self) -> Populations:
        """The same network as `Populations`, 0 the excitatory and 1 the inhibitory one.

        What is asked of networks of any size is asked of that, such as `Continue` through blow-ups.

        Returns
        -------
        Populations
            With coupling [[b_EE, -b_IE], [b_EI, -b_II]], and the other parameters as they are.

        Raises
        ------
        ValueError
            Where the currents are two different functions of time: `Populations` have numbers or one function.

        Examples
        --------
        >>> import felif as fl
        >>> fl.ExcitatoryInhibitoryLIF(b_EE=2.0, b_IE=0.5).populations().coupling
        [[2.0, -0.5], [0.0, -0.0]]
        """
        current: Any = [self.current_E, self.current_I]
        if callable(self.current_E) or callable(self.current_I):
            if self.current_E != self.current_I:
                raise ValueError(
                    f"ExcitatoryInhibitoryLIF: current_E = {shown(self.current_E)} and current_I = "
                    f"{shown(self.current_I)}; allowed in Populations are numbers or one function of time"
                )
            current = self.current_E
        shared = {name: getattr(self, name) for name in ("a0", "tau", "delay", "v_reset", "v_fire", "drift")}
        return Populations([[self.b_EE, -self.b_IE], [self.b_EI, -self.b_II]], current, **shared)

    def equations(self) -> Equations:
        """The axis v, the unknowns n_E, n_I, N_E, N_I (and R_E, R_I), and their terms."""
        unknowns = [*terms.density(self, "n_E", "N_E"), *terms.density(self, "n_I", "N_I")]
        inputs: list[Given | Delayed] = [Given("I_E", "current_E"), Given("I_I", "current_I")]
        rates = "N_E", "N_I"
        if self.delay > 0:
            inputs += [Delayed(f"{N}_delayed", N, "delay") for N in rates]
            rates = "N_E_delayed", "N_I_delayed"
        weights = {i: {f"n_{i}": 1.0} for i in "EI"}
        if self.tau > 0:
            unknowns += [Unknown("R_E"), Unknown("R_I")]
            weights = {i: {f"n_{i}": 1.0, f"R_{i}": 1.0} for i in "EI"}
        kept = "total" if self.tau > 0 else "mass"
        return Equations(
            (terms.potentials(self),),
            tuple(unknowns),
            (*self._population("E", *rates), *self._population("I", *rates)),
            tuple(Conserved(f"{kept}_{i}", weights[i]) for i in "EI"),
            tuple(inputs),
        )

    def _population(self, i: str, excitation: str, inhibition: str) -> tuple[Term, ...]:
        """Terms of population i, whose drift reads these two rates."""
        n, N, R = f"n_{i}", f"N_{i}", f"R_{i}"

        def recurrent(s, m):
            received = getattr(m, f"b_E{i}") * getattr(s, excitation) - getattr(m, f"b_I{i}") * getattr(s, inhibition)
            return getattr(s, f"I_{i}") + received

        spikes = (terms.reset(self, n, N),)
        if self.tau > 0:
            back = lambda s, m: getattr(s, R) / m.tau
            spikes = (terms.firing(self, n, N), terms.returning(self, back, n), *terms.waiting(R, N))
        return terms.drift(self.drift, n), terms.current(recurrent, n), terms.noise(lambda s, m: m.a0, n), *spikes
