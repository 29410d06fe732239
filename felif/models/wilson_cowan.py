"""Rates with learning weights: Wilson and Cowan's equations with Hebb's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.arguments import array, is_finite, required, shown
from ..weakform import Equations, Given, Index, Term, Unknown


@dataclass(frozen=True, eq=False)
class WilsonCowan:
    """Rates N_i of units whose connections w_ij follow Hebb's rule: ordinary differential equations.

        N_i' = -N_i + sig(sum_j w_ij N_j + s_i),      w_ij' = k_ij N_i N_j - w_ij,      sig(x) = 1/(1 + e^{-x})

    The unknowns are N (n,), w (n, n), and h = sum_j w_ij N_j.

    Parameters
    ----------
    k : array (n, n)
        Rates of learning; the shape says how many units there are.
    s : float or sequence
        Stimuli: a number or n of them, each a number, a function of t or Piecewise.

    Raises
    ------
    ValueError
        For shapes and values that are not allowed.

    Notes
    -----
    Source: the lecture's Wilson-Cowan equations with Hebb's rule.

    Examples
    --------
    >>> import felif as fl
    >>> problem = fl.discretize(fl.WilsonCowan(k=[[0.0, 8.0], [8.0, 0.0]], s=-1.0))
    >>> run = fl.evolve(problem, {"N": [0.9, 0.9], "w": [[0.0, 4.0], [4.0, 0.0]]}, t_end=1.0)
    >>> run.final.N.shape
    (2,)
    """

    k: Any
    s: Any = 0.0

    def __post_init__(self) -> None:
        k = required("WilsonCowan", "k", self.k, array("an array (n, n) of finite numbers"))
        if k.ndim != 2 or k.shape[0] != k.shape[1]:
            raise ValueError(f"WilsonCowan: k = {shown(self.k)} has the shape {k.shape}; allowed is (n, n)")
        stimuli = self.s if isinstance(self.s, list | tuple) or np.ndim(self.s) else [self.s] * len(k)
        if len(stimuli) != len(k):
            raise ValueError(f"WilsonCowan: s has {len(stimuli)} stimuli; allowed are {len(k)}, or one for all")
        for number, one in enumerate(stimuli):
            if not callable(one) and not is_finite(one):
                raise ValueError(
                    f"WilsonCowan: s[{number}] = {shown(one)}; allowed are finite numbers and functions of t"
                )
            object.__setattr__(self, f"s_{number}", one)

    def equations(self) -> Equations:
        """Two indices of the units, the unknowns N, w and h, and their terms."""
        k = np.asarray(self.k, float)
        n = len(k)
        stimuli = [getattr(self, f"s_{j}") for j in range(n)]
        same: dict[int, list[int]] = {}  # units by the function of time that they share, as an object
        for j, one in enumerate(stimuli):
            if callable(one):
                same.setdefault(id(one), []).append(j)
        still = np.array([0.0 if callable(one) else float(one) for one in stimuli])
        unknowns = [
            Unknown("N", ("i",)),
            Unknown("w", ("i", "j")),
            Unknown("h", ("i",), "equals"),
            Unknown("presynaptic", ("j",), "equals"),
            Unknown("stimulus", ("i",), "equals"),
        ]
        terms = [
            Term("presynaptic", "N", matrix=np.eye(n), name="N of j"),
            Term("h", "w", coefficient=lambda s, m: s.presynaptic, name="synaptic input"),
            Term("stimulus", coefficient=lambda s, m: still[s.i], name="constant stimuli"),
            Term("N", "N", coefficient=lambda s, m: -1.0, name="decay"),
            Term("N", coefficient=lambda s, m: 0.5 + 0.5 * np.tanh(0.5 * (s.h + s.stimulus)), name="response"),
            Term("w", "w", coefficient=lambda s, m: -1.0, name="forgetting"),
            Term("w", coefficient=lambda s, m: k[s.i, s.j] * s.N * s.presynaptic, name="Hebb's rule"),
        ]
        inputs = []
        for first, *others in same.values():
            units = np.isin(np.arange(n), [first, *others]).astype(float)
            terms.append(Term("stimulus", f"s{first}", matrix=units[:, None], name=f"stimulus {first}"))
            inputs.append(Given(f"s{first}", f"s_{first}"))
        return Equations((Index("i", n), Index("j", n)), tuple(unknowns), tuple(terms), (), tuple(inputs))
