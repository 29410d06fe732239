"""What a simulation returns: `ParticleRun`, made of the recordings of its networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..given.arguments import FLAG, FOLDER, TEXT, checked, number
from ..given.portable import require_portable
from ..given.text import model_text
from ..output.datasets import particles_dataset
from ..output.frames import frame
from ..problem import Outcome
from .batches import Recording
from .particle_files import save_particles
from .planning import Plan


@dataclass(frozen=True, repr=False)
class Snapshot:
    """All neurons at a time, in the order population by population, network by network.

    v: potentials (V_R for neurons at rest); resting: who is in the refractory state, or has left; population, batch:
    of each neuron.
    Neurons of different batches are independent given the rates of the network; see `ParticleRun.independent`.
    """

    t: float
    v: np.ndarray
    resting: np.ndarray
    population: np.ndarray
    batch: np.ndarray
    w: np.ndarray | None = None

    def __repr__(self) -> str:
        return f"Snapshot of {self.v.size} neurons at t = {self.t:g}, {np.count_nonzero(self.resting)} at rest"

    def potentials(self, population: int = 0) -> np.ndarray:
        """Of the neurons that are not at rest.

        Parameters
        ----------
        population : int
            Its number, from 0.

        Returns
        -------
        array
        """
        return self.v[(self.population == population) & ~self.resting]


@dataclass(frozen=True)
class ParticleEvent:
    """A synchronous spike of a network: spikes fired at one instant, each making others fire.

    size         spikes per neuron (of all populations together); inf if it never ends
    kind         "transport" (constant noise) or "diffusion" (noise that grows with N), as for `evolve`
    generations  rounds of spikes until none was left
    network      which one of independent networks
    sizes        spikes per neuron of each population
    """

    name: str
    time: float
    size: float
    kind: str
    generations: int
    network: int
    sizes: tuple[float, ...]


@dataclass(frozen=True, repr=False)
class ParticleRun:
    """What a simulation saw.

    Attributes
    ----------
    model : model
        As given.
    times : array (bins + 1,)
        Edges of the bins.
    series : dict
        Shape (bins,), nan after a network has stopped: "N" (spikes per neuron and time in each bin, but for synchronous
        spikes, which are in `events`), "R" (mean fraction at rest), "synchronous" (synchronous spikes per neuron in the
        bin); with two populations "N_E", "N_I", ..., per neuron of the whole network where neurons change theirs.
    batches : dict
        The same "N" (and "R") of each batch, shape (batches, bins), for error bars.
    independent : bool
        True where batches are independent: they are the networks, or the neurons of one that do not interact. False:
        they are groups of neurons of one network, which share the fluctuations of its rate.
    snapshots : dict
        {t: Snapshot}.
    events : list
        Synchronous spikes, in order of time.
    outcome : Outcome
        Why it stopped.
    settings : dict
        What was asked, with the seed.
    spikes : list of arrays
        Times of the spikes of the first `record` neurons.
    wall_time : float
        Seconds.

    Examples
    --------
    >>> import felif as fl
    >>> how = {"neurons": 500, "t_end": 0.5, "dt": 0.01, "networks": 4, "seed": 1, "progress": False}
    >>> neurons = fl.simulate_particles(fl.NoisyLIF(b=0.5), start=fl.Gaussian(0.0, 0.25), **how)
    >>> rate, error = neurons.mean("N", 0.2, 0.5)
    >>> bool(0 < error < rate)
    True
    """

    model: Any
    times: np.ndarray
    series: dict[str, np.ndarray]
    batches: dict[str, np.ndarray]
    independent: bool
    snapshots: dict[float, Snapshot]
    events: list[ParticleEvent]
    outcome: Outcome
    settings: dict[str, Any]
    spikes: list[np.ndarray] = field(default_factory=list)
    wall_time: float = 0.0

    def __getstate__(self) -> dict[str, Any]:
        require_portable(f"A simulation of {type(self.model).__name__}", model=self.model)
        return vars(self)

    @property
    def marks(self) -> dict[str, float]:
        """V_R and V_F, for figures; none of a model that does not have them."""
        named = {"V_R": "v_reset", "V_F": "v_fire"}
        return {mark: float(getattr(self.model, name)) for mark, name in named.items() if hasattr(self.model, name)}

    @property
    def final(self) -> Snapshot:
        """The snapshot at the end."""
        return self.snapshots[max(self.snapshots)]

    @property
    def centres(self) -> np.ndarray:
        """Middles of the bins."""
        return 0.5 * (self.times[1:] + self.times[:-1])

    @checked(name=TEXT, start=number(infinite=True), end=number(infinite=True))
    def mean(self, name: str, start: float, end: float) -> tuple[float, float]:
        """Mean of a series over [start, end], the bins that lie inside, and its standard error from the batches.

        Parameters
        ----------
        name : str
            A series with batches: "N", "R", "N_E", ....
        start, end : float
            Times.

        Returns
        -------
        mean, error : float
            The error is inf where there is one batch only.

        Raises
        ------
        ValueError
            For a series without batches, and where no bin lies inside.
        """
        if name not in self.batches:
            raise ValueError(f"mean: name = {name!r}; allowed are series with batches: {', '.join(self.batches)}")
        inside = (self.times[:-1] >= start - 1e-9) & (self.times[1:] <= end + 1e-9)
        if not inside.any():
            raise ValueError(
                f"mean: no bin of this run lies in [{start!r}, {end!r}]; its bins are {self.times[1]:g} long"
            )
        weights = np.diff(self.times)[inside]
        means = self.batches[name][:, inside] @ weights / weights.sum()
        value = float(self.series[name][inside] @ weights / weights.sum())
        return value, float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else np.inf

    def to_pandas(self) -> Any:
        """`series` as a DataFrame, a row a bin, the index is its middle, t. Needs the extra `xarray`."""
        return frame("to_pandas", {"t": self.centres, **self.series}, index="t")

    def to_xarray(self) -> Any:
        """The simulation as a Dataset of xarray: series over t, also of each batch, snapshots over neurons, spikes.

        `.to_netcdf(file)` stores it. Needs the extra `xarray`.

        Returns
        -------
        xarray.Dataset
        """
        return particles_dataset(self)

    @checked(folder=FOLDER, overwrite=FLAG)
    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """Write run.json, series.csv, final.npz and the snapshots as points for ParaView; `load_particles` reads it.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        overwrite : bool
            Replace a simulation that is there.

        Returns
        -------
        path
            The folder.
        """
        return save_particles(self, folder, overwrite)

    def __repr__(self) -> str:
        given, first = self.settings, float(self.times[0])
        count = " + ".join(str(size) for size in given["neurons"])
        networks = f"{given['networks']} networks of " if given["networks"] > 1 else ""
        lines = [
            f"ParticleRun of {model_text(self.model)}",
            f"  outcome    {self.outcome}",
            f"  network    {networks}{count} neurons, dt = {given['dt']:g}, seed {given['seed']}",
        ]
        for name in self.batches:
            lived = np.flatnonzero(np.isfinite(self.series[name]))
            if lived.size:
                end = float(self.times[lived[-1] + 1])
                mean, error = self.mean(name, first, end)
                told = f" +- {error:.1g}" if np.isfinite(error) else ""
                note = "" if self.independent else ", from groups of one network, which are not independent"
                lines.append(f"  {name:<10} {mean:.6g}{told} on [{first:g}, {end:g}]{note if told else ''}")
        lines.append(
            f"  snapshots  {len(self.snapshots)}, the last at t = {self.final.t:g}; took {self.wall_time:.3g} s"
        )
        if self.events:
            shown = ", ".join(f"t = {event.time:.6g} (size {event.size:.4g})" for event in self.events[:4])
            lines.append(
                f"  events     {len(self.events)} synchronous spikes: {shown}{', ...' * (len(self.events) > 4)}"
            )
        return "\n".join(lines)


def collect(
    model: Any, law: Any, plan: Plan, recordings: list[Recording], settings: dict[str, Any], wall_time: float
) -> ParticleRun:
    """One ParticleRun of the recordings of independent networks."""
    starts = plan.edges[:-1]
    widths = np.diff(plan.edges) * plan.dt
    interacting = law.learning is not None or any(any(p.kicks) or any(p.noise_kicks) for p in law.populations)
    series, batches = {}, {}
    for kind, population in enumerate(law.populations):
        own = {"N": [], "R": [], "synchronous": []}
        groups = []
        for recording in recordings:
            stop = plan.edges[1:] > recording.steps_done
            synchronous = np.add.reduceat(recording.synchronous[:, kind], starts)
            spikes = np.add.reduceat(recording.rates[:, kind], starts)
            resting = np.add.reduceat(recording.resting[:, kind], starts) / np.diff(plan.edges)
            grouped = recording.batches[:, :, kind].T / recording.batch_sizes[:, kind, None] / widths
            for name, values in (("N", (spikes - synchronous) / widths), ("R", resting), ("synchronous", synchronous)):
                own[name].append(np.where(stop, np.nan, values))
            groups.append(np.where(stop, np.nan, grouped))
        for name, values in own.items():
            if name != "R" or population.rests:
                series[name + population.name] = np.mean(values, axis=0)
        batches["N" + population.name] = np.array(own["N"]) if len(recordings) > 1 else groups[0]
        if population.rests and len(recordings) > 1:
            batches["R" + population.name] = np.array(own["R"])
    events = [
        _event(row, number, law, plan.sizes) for number, recording in enumerate(recordings) for row in recording.events
    ]
    events.sort(key=lambda event: event.time)
    return ParticleRun(
        model=model,
        times=plan.edges * plan.dt,
        series=series,
        batches=batches,
        independent=len(recordings) > 1 or not interacting,
        snapshots=_snapshots(plan, recordings),
        events=events,
        outcome=_outcome(recordings, events, plan),
        settings=settings,
        spikes=[times for recording in recordings for times in recording.spikes],
        wall_time=wall_time,
    )


def _event(row: np.ndarray, network: int, law: Any, sizes: tuple[int, ...]) -> ParticleEvent:
    kind = "diffusion" if any(any(p.noise_kicks) for p in law.populations) else "transport"
    size = float(row[2:] @ sizes / sum(sizes))
    return ParticleEvent("blow_up", float(row[0]), size, kind, int(row[1]), network, tuple(row[2:].tolist()))


def _snapshots(plan: Plan, recordings: list[Recording]) -> dict[float, Snapshot]:
    """Those that every network has; the last of each stands at the end."""
    populations = np.repeat(np.arange(len(plan.sizes)), plan.sizes)
    several = len(recordings) > 1
    batch = np.concatenate([np.full(r.batch_of.size, k) if several else r.batch_of for k, r in enumerate(recordings)])
    snapshots = {}
    steps = set.intersection(*({*recording.snapshots} for recording in recordings))
    last = [max(recording.snapshots) for recording in recordings]
    for step in sorted({*steps, max(last)}):
        parts = [r.snapshots.get(step, r.snapshots[end]) for r, end in zip(recordings, last, strict=True)]
        t = float(f"{step * plan.dt:.13g}")
        v, resting = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
        v = v if plan.law.place is None else plan.law.place.potentials(v)
        w = None if parts[0][2] is None else np.concatenate([part[2] for part in parts])
        kinds = np.tile(populations, len(recordings))
        if plan.law.mixes:
            kinds, w = w, None
        snapshots[t] = Snapshot(t, v, resting, kinds, batch, w)
    return snapshots


def _outcome(recordings: list[Recording], events: list[ParticleEvent], plan: Plan) -> Outcome:
    eternal = [event for event in events if event.size == np.inf]
    if not eternal:
        return Outcome("finished", f"Reached t = {plan.steps * plan.dt:.10g}.")
    message = f"The synchronous spike at t = {eternal[0].time:.10g} never ends: all neurons fire again and again."
    if len(recordings) > 1:
        message += f" So it is in {len(eternal)} of {len(recordings)} networks."
    return Outcome("eternal_blow_up", message)
