"""Two coupled populations, excitatory and inhibitory (Caceres & Schneider 2016)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..weakform import Conserved, Field, Input, Scalar, Term, WeakForm
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
from .particle_law import ParticleLaw, Population


@dataclass(frozen=True)
class ExcitatoryInhibitoryLIF:
    """Densities n_E, n_I of an excitatory and an inhibitory population, each with its firing rate, for i = E, I:

        (n_i)_t + [(f(v) + I_i(t) + b_Ei N_E - b_Ii N_I) n_i]_v - a0 (n_i)_vv = N_i delta(v - V_R),     v < V_F
        n_i(V_F, t) = 0,      N_i(t) = -a0 (n_i)_v(V_F, t),      int n_i dv = 1

    b_IE >= 0 is the connectivity from I to E; it and b_II enter with a minus sign. With a refractory time tau > 0 the
    source is (R_i/tau) delta(v - V_R), dR_i/dt + R_i/tau = N_i, int n_i dv + R_i = 1; with a delay d > 0 the drift
    holds N_E(t - d) and N_I(t - d).

    Source: Caceres & Schneider, Kinet. Relat. Models 10 (2017), eqs. 1.1-1.4.
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

    def particle_law(self) -> ParticleLaw:
        excitatory = Population("_E", (self.b_EE, -self.b_IE), self.drift, self.current_E, self.a0)
        inhibitory = Population("_I", (self.b_EI, -self.b_II), self.drift, self.current_I, self.a0)
        return ParticleLaw(
            (excitatory, inhibitory), self.v_reset, self.v_fire, refractory_time=self.tau, delay=self.delay
        )

    def weak_form(self) -> WeakForm:
        delayed, refractory = self.delay > 0, self.tau > 0
        rates = ("N_E_delayed", "N_I_delayed") if delayed else ("N_E", "N_I")
        inputs = (Input("I_E", "current_E"), Input("I_I", "current_I"))
        if delayed:
            inputs += (Input("N_E_delayed", "delay", of="N_E"), Input("N_I_delayed", "delay", of="N_I"))
        resting = (Scalar("R_E"), Scalar("R_I")) if refractory else ()
        return WeakForm(
            unknowns=(
                Field("n_E"),
                Field("n_I"),
                Scalar("N_E", algebraic="flux", of="n_E", over="firing"),
                Scalar("N_I", algebraic="flux", of="n_I", over="firing"),
                *resting,
            ),
            inputs=inputs,
            terms=(*self._population("E", rates, refractory), *self._population("I", rates, refractory)),
            conserved=tuple(
                Conserved(f"total_{i}", {f"n_{i}": 1.0, f"R_{i}": 1.0})
                if refractory
                else Conserved(f"mass_{i}", {f"n_{i}": 1.0})
                for i in "EI"
            ),
        )

    def _population(self, i: str, rates: tuple[str, str], refractory: bool) -> tuple[Term, ...]:
        """Terms of population i; `rates` are the scalars that its drift reads."""
        excitation, inhibition = rates
        field, own, rest = f"n_{i}", f"N_{i}", f"R_{i}"

        def recurrent(s, m):
            received = getattr(m, f"b_E{i}") * getattr(s, excitation) - getattr(m, f"b_I{i}") * getattr(s, inhibition)
            return getattr(s, f"I_{i}") + received

        returning = (lambda s, m: getattr(s, rest) / m.tau) if refractory else (lambda s, m: getattr(s, own))
        return (
            terms.drift(self.drift, field),
            terms.current(recurrent, field),
            terms.noise(lambda s, m: m.a0, field),
            terms.firing(lambda s, m: getattr(s, own), field),
            terms.reset(returning, field),
            *(terms.recovery(rest, own) if refractory else ()),
        )
