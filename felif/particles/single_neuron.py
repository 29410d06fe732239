"""neuron_path: one noisy neuron followed in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..given.arguments import MODEL, POSITIVE, SEED, checked, number, optional, whole
from ..given.types import Model
from ..translation import law_of
from .simulating import simulate_particles
from .tuning import PLANNING


@dataclass(frozen=True, repr=False)
class NeuronPath:
    """One noisy neuron followed in time.

    Attributes
    ----------
    model : model
        Of the neuron.
    t, v : arrays (points + 1,)
        Times, and the potential there.
    spikes : array
        Times of the spikes.
    seed : int
        From which the noise was drawn.
    """

    model: Any
    t: np.ndarray
    v: np.ndarray
    spikes: np.ndarray
    seed: int

    @property
    def intervals(self) -> np.ndarray:
        """Between the spikes."""
        return np.diff(self.spikes)

    def __repr__(self) -> str:
        return f"NeuronPath of {self.model}: {self.t.size} points up to t = {self.t[-1]:g}, {self.spikes.size} spikes"

    def drawn(self, height: float) -> tuple[np.ndarray, np.ndarray]:
        """(t, v) for a picture: at every spike the line goes up to V_F + height, then down to V_R.

        Parameters
        ----------
        height : float
            Of spikes above V_F.

        Returns
        -------
        t, v : array
        """
        model = self.model
        times = np.concatenate([self.t, np.repeat(self.spikes, 3)])
        top = [model.v_fire, model.v_fire + height, model.v_reset]
        values = np.concatenate([self.v, np.tile(top, len(self.spikes))])
        order = np.argsort(times, kind="stable")
        return times[order], values[order]


@checked(
    model=MODEL, t_end=POSITIVE, points=whole(1, 10**7), start=optional(number()), dt=POSITIVE, seed=optional(SEED)
)
def neuron_path(
    model: Model,
    t_end: float,
    *,
    points: int = 1000,
    start: float | None = None,
    dt: float = 1e-3,
    seed: int | None = None,
) -> NeuronPath:
    """A path of the neuron of a model without coupling, from t = 0.

    The steps are those of `simulate_particles`: exact for leaky neurons but for the curvature of the threshold.

    Parameters
    ----------
    model : model
        Without coupling (b = a1 = 0).
    t_end : float
        In units of time of the model.
    points : int
        The path is kept at points + 1 equidistant times.
    start : float
        Potential at t = 0; None: V_R.
    dt : float
        Longest step.
    seed : int
        None draws one; it is in `.seed`.

    Returns
    -------
    NeuronPath
        `.t`, `.v`, `.spikes`, `.intervals`.

    Raises
    ------
    ValueError
        For a coupled model, and for values that are not allowed.

    Examples
    --------
    >>> import felif as fl
    >>> path = fl.neuron_path(fl.NoisyLIF(current=2.0), t_end=5.0, points=100, dt=0.01, seed=1)
    >>> path.v.shape, bool(path.v.max() <= 2.0)
    ((101,), True)
    """
    law = law_of(model)
    if law.learning is not None:
        raise ValueError(f"neuron_path: {type(model).__name__} is a network that learns; allowed is a neuron alone")
    if len(law.populations) != 1 or any(law.populations[0].kicks) or any(law.populations[0].noise_kicks):
        raise ValueError(f"neuron_path: {model} is a network; allowed is a neuron alone, b = 0 and a1 = 0")
    start = law.v_reset if start is None else start
    step = min(dt, t_end / points)
    if not t_end <= PLANNING.most_steps_of_one * step:
        raise ValueError(
            f"neuron_path: t_end = {t_end!r} in steps of {step:g}; allowed are {PLANNING.most_steps_of_one} steps; "
            "simulate_particles(neurons=1, folder=...) shows how far it is, and can be stopped"
        )
    times = np.linspace(0.0, t_end, points + 1)
    run = simulate_particles(
        model,
        neurons=1,
        t_end=t_end,
        dt=step,
        start=np.array([start], float),
        seed=seed,
        record=1,
        snapshots=times,
        progress=False,
    )
    t = np.array(list(run.snapshots))
    v = np.array([snapshot.v[0] for snapshot in run.snapshots.values()])
    return NeuronPath(model, t, v, run.spikes[0], run.settings["seed"])
