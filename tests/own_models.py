"""Models of a user, every part of which a test can replace."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

import felif as fl
from felif import d
from felif.models.parameters import fixed

TOP, BACK = {"v": 2.0}, {"v": 1.0}  # V_F, V_R


def returns(rate: Callable, n: str = "n") -> fl.Term:
    """rate(s, m) phi(V_R)."""
    return fl.Term(n, None, lambda phi, x: phi, rate, at=BACK, name="reset")


@dataclass(frozen=True)
class Own:
    """Leaky neurons with a current I + b N."""

    b: float = 0.5
    gain: float = 1.0
    current: object = 0.0
    v_reset: float = fixed(1.0)
    v_fire: float = fixed(2.0)
    drive: Callable = fixed(lambda s, m: s.I + m.b * s.N)
    leak: Callable = fixed(lambda n, phi, x: -x.v * n * d(phi, "v"))
    noise: Callable = fixed(lambda s, m: 1.0)
    firing: Callable = fixed(lambda s, m: s.N)
    resets: tuple | None = fixed(None)
    more: tuple = fixed(())
    scalars: tuple = fixed(())
    inputs: tuple = fixed((fl.Given("I", "current"),))
    conserved: tuple = fixed((fl.Conserved("mass", {"n": 1.0}),))

    def equations(self) -> fl.Equations:
        top, at_once = {"v": self.v_fire}, fl.Term("n", "N", at={"v": self.v_reset}, name="reset")
        return fl.Equations(
            (fl.Axis("v", -math.inf, self.v_fire, {"reset": self.v_reset}),),
            (fl.Unknown("n", ("v",)), fl.Unknown("N", (), "holds", of="n", at=top), *self.scalars),
            (
                fl.Term("n", "n", self.leak, name="leak"),
                fl.drift("n", "v", lambda x: 1.0, self.drive, name="current"),
                fl.noise("n", "v", self.noise, name="noise"),
                fl.Term("n", None, lambda phi, x: -phi, self.firing, at=top, name="firing"),
                *((at_once,) if self.resets is None else self.resets),
                *self.more,
            ),
            self.conserved,
            self.inputs,
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
    leak: Callable = fixed(lambda p, phi, x: -x.v * p * d(phi, "v"))
    firing: tuple = fixed((fl.Term("p", "N", lambda N, phi, x: -N * phi, at=TOP, name="firing"),))
    resets: tuple = fixed((returns(lambda s, m: s.N, "p"),))
    learning: Callable = fixed(lambda p, phi, x: p * d(phi, "w"))
    speed: Callable = fixed(lambda s, m: m.eps * (-s.N * s.Nbar - s.w))
    total: Callable | None = fixed(None)
    more: tuple = fixed(())
    conserved: tuple = fixed((fl.Conserved("mass", {"p": 1.0}),))

    def equations(self) -> fl.Equations:
        return fl.Equations(
            (fl.Axis("v", -math.inf, self.v_fire), fl.Axis("w", self.w_min, self.w_max)),
            (
                fl.Unknown("p", ("v", "w")),
                fl.Unknown("N", ("w",), "holds", of="p", at={"v": self.v_fire}),
                fl.Unknown("Nbar", (), "equals"),
            ),
            (
                fl.Term("p", "p", self.leak, name="leak"),
                fl.drift("p", "v", lambda x: 1.0, self.drive, name="current"),
                fl.noise("p", "v", name="noise"),
                *self.firing,
                *self.resets,
                fl.Term("p", "p", self.learning, self.speed, name="learning"),
                fl.Term("Nbar", "N", self.total, name="total"),
                *self.more,
            ),
            self.conserved,
        )


def spread(deviation: float, share: float = 1.0) -> fl.Term:
    """Neurons that fire are reset to a Gaussian around 0, cut at V_F = 2."""
    height = share / norm.cdf(2.0 / deviation)
    return fl.Term("n", "N", lambda N, phi, x: N * phi * height * norm.pdf(x.v, 0.0, deviation), name="spread reset")


def refused(make: Callable[[], object]) -> str:
    """The message of the ValueError that must come."""
    try:
        found = make()
    except ValueError as error:
        return str(error)
    raise AssertionError(f"accepted: {found}")


LOST = ()  # nothing is declared conserved
REACTION = fl.Term("n", "n", lambda n, phi, x: -0.1 * n * phi, name="loss")
HALF = fl.Term("n", "N", lambda N, phi, x: 0.5 * N * phi, at=BACK, name="half")


def plane(over, form=lambda phi, x: phi, coefficient=lambda s, m: s.N):
    sign = -1.0 if over == "firing" else 1.0
    at = TOP if over == "firing" else BACK
    return (fl.Term("p", None, lambda phi, x: sign * form(phi, x), coefficient, at=at, name=over),)


@dataclass(frozen=True)
class EscapeNoise:
    """n_t + [(-v + I + b N) n]_v - a n_vv + h n = N delta(v), N = int h n, with the hazard h = exp(beta (v - 1))."""

    current: float
    b: float = 0.0
    beta: float = 6.0
    a: float = 0.0
    ends: tuple[float, float] = (-1.0, 4.0)

    def equations(self):
        hazard = lambda x: np.exp(self.beta * (x.v - 1))
        spread = (fl.noise("n", "v", lambda s, m: m.a),) if self.a else ()
        return fl.Equations(
            axes=(fl.Axis("v", *self.ends, {"reset": 0.0}),),
            unknowns=(fl.Unknown("n", ("v",)), fl.Unknown("N", (), "equals")),
            terms=(
                fl.drift("n", "v", lambda x: -x.v),
                fl.drift("n", "v", lambda x: 1.0, lambda s, m: m.current + m.b * s.N),
                *spread,
                fl.jump("n", "n", lambda x: {"v": 0.0}, rate=hazard),
                fl.Term("N", "n", lambda n, phi, x: hazard(x) * n * phi),
            ),
            conserved=(fl.Conserved("mass", {"n": 1.0}),),
        )


@dataclass(frozen=True)
class ThetaNeurons:
    """p over a phase, spikes as p passes pi, felt through a synapse s: no unknown of its own that is algebraic."""

    J: float = 2.0
    I: object = 0.3  # noqa: E741
    D: float = 0.3
    tau: float = 0.5

    def equations(self) -> fl.Equations:
        return fl.Equations(
            axes=(fl.Axis("x", -np.pi, np.pi, periodic=True),),
            unknowns=(fl.Unknown("p", ("x",)), fl.Unknown("s")),
            terms=(
                fl.drift("p", "x", lambda x: 1 - np.cos(x.x)),
                fl.drift("p", "x", lambda x: 1 + np.cos(x.x), lambda s, m: s.I + m.J * s.s),
                fl.noise("p", "x", lambda s, m: m.D, lambda x: (1 + np.cos(x.x)) ** 2 + 0.05),
                fl.Term("s", "s", coefficient=lambda s, m: -1 / m.tau),
                fl.Term("s", "p", lambda p, phi, x: 2 * p * phi, lambda s, m: 1 / m.tau, at={"x": np.pi}),
            ),
            conserved=(fl.Conserved("mass", {"p": 1.0}),),
            inputs=(fl.Given("I", "I"),),
        )


@dataclass(frozen=True)
class Turning:
    """Two numbers that turn about each other, beside one that decays: eigenvalues +- i w and -1."""

    w: float = 2.0

    def equations(self) -> fl.Equations:
        terms = (
            fl.Term("x", "z", coefficient=lambda s, m: m.w),
            fl.Term("z", "x", coefficient=lambda s, m: -m.w),
            fl.Term("r", "r", coefficient=lambda s, m: -1.0),
            fl.Term("r", None, coefficient=lambda s, m: 1.0),
        )
        return fl.Equations((), (fl.Unknown("x"), fl.Unknown("z"), fl.Unknown("r")), terms)
