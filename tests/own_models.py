"""Models of a user, every part of which a test can replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scipy.stats import norm

import felif as fl
from felif.models import terms
from felif.models.parameters import fixed


@dataclass(frozen=True)
class Own:
    """Leaky neurons with a current I + b N."""

    b: float = 0.5
    gain: float = 1.0
    current: object = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    drive: Callable = fixed(lambda s, m: s.I + m.b * s.N)
    leak: Callable = fixed(lambda n, phi, x: -x[0] * n * fl.dv(phi))
    noise: Callable = fixed(lambda s, m: 1.0)
    firing: Callable = fixed(lambda s, m: s.N)
    resets: tuple = fixed((terms.reset(lambda s, m: s.N),))
    more: tuple = fixed(())
    scalars: tuple = fixed(())
    inputs: tuple = fixed((fl.Input("I", "current"),))
    conserved: tuple = fixed((fl.Conserved("mass", {"n": 1.0}),))

    def weak_form(self) -> fl.WeakForm:
        return fl.WeakForm(
            unknowns=(fl.Field("n"), fl.Scalar("N", algebraic="flux", of="n", over="firing"), *self.scalars),
            inputs=self.inputs,
            terms=(
                fl.Term("leak", into="n", of="n", form=self.leak),
                terms.current(self.drive),
                terms.noise(self.noise),
                terms.firing(self.firing),
                *self.resets,
                *self.more,
            ),
            conserved=self.conserved,
        )


@dataclass(frozen=True)
class OwnPlane:
    """A density over (v, w), learning with speed -N Nbar - w."""

    eps: float = 0.3
    w_min: float = fixed(-1.0)
    w_max: float = fixed(0.0)
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    drive: Callable = fixed(lambda s, m: 1 + s.w * s.Nbar)
    leak: Callable = fixed(lambda p, phi, x: -x[0] * p * fl.dv(phi))
    firing: tuple = fixed((terms.firing(lambda s, m: s.N, "p"),))
    resets: tuple = fixed((terms.reset(lambda s, m: s.N, "p"),))
    total: Callable = fixed(lambda N, x: N)
    more: tuple = fixed(())
    conserved: tuple = fixed((fl.Conserved("mass", {"p": 1.0}),))

    def weak_form(self) -> fl.WeakForm:
        return fl.WeakForm(
            unknowns=(
                fl.Field("p", over=("v", "w")),
                fl.Scalar("N", algebraic="flux", of="p", over="firing", along="w"),
                fl.Scalar("Nbar", algebraic="integral"),
            ),
            terms=(
                fl.Term("leak", into="p", of="p", form=self.leak),
                terms.current(self.drive, "p"),
                terms.noise(lambda s, m: 1.0, "p"),
                *self.firing,
                *self.resets,
                fl.Term(
                    "learning",
                    into="p",
                    of="p",
                    form=lambda p, phi, x: p * fl.dw(phi),
                    coefficient=lambda s, m: m.eps * (-s.N * s.Nbar - s.w),
                ),
                fl.Term("total", into="Nbar", of="N", form=self.total),
                *self.more,
            ),
            conserved=self.conserved,
        )


def spread(deviation: float, share: float = 1.0) -> fl.Term:
    """Neurons that fire are reset to a Gaussian around 0, cut at V_F = 2."""
    height = share / norm.cdf(2.0 / deviation)
    return fl.Term(
        "spread reset",
        into="n",
        form=lambda phi, x: phi * height * norm.pdf(x[0], 0.0, deviation),
        coefficient=lambda s, m: s.N,
    )


def refused(make: Callable[[], object]) -> str:
    """The message of the ValueError that must come."""
    try:
        found = make()
    except ValueError as error:
        return str(error)
    raise AssertionError(f"accepted: {found}")
