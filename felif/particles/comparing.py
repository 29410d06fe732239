"""compare: simulated neurons against a run of the equation that is their limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..algebra import composite
from ..analysis.agreement import NO_TEST, counts_agreement, distribution_agreement, inflation_of, shares_agreement
from ..analysis.distribution import Marginal, marginals
from ..given.arguments import TIME, checked, optional
from ..translation import law_of
from .comparison import Comparison, DensityComparison, RateComparison, SpikeComparison
from .simulating import ParticleRun
from .tuning import PLANNING


@checked(start=optional(TIME), end=optional(TIME))
def compare(
    particles: ParticleRun | Sequence[ParticleRun], run: Any, *, start: float | None = None, end: float | None = None
) -> Comparison:
    """Rates, densities and synchronous spikes of simulated neurons against a run of the equation.

    Compared are the bins of the series inside [start, end], and the snapshots there. Error bars come from batches. They
    are independent where they are networks (`simulate_particles(networks=20)` or several runs), or neurons that do not
    interact; for groups of neurons of a single network that interact they are not, and the comparison says so
    (`independent`). The tests need no model of the fluctuations, but independent batches; they see differences as small
    as their error bars, so also those of a finite network (of order 1/neurons) and of the step (of order dt).

    Parameters
    ----------
    particles : ParticleRun or sequence of ParticleRun
        Several differ in their seeds only.
    run : Run
        What `evolve` returned for the same model and the same initial density.
    start, end : float
        By default the times that both have.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        For another model or other parameters, for times that do not overlap, for a single batch (no error bar), for
        runs with the same seed.

    Examples
    --------
    >>> import felif as fl
    >>> network, density = fl.NoisyLIF(b=0.5), fl.Gaussian(0.0, 0.25)
    >>> how = {"neurons": 500, "t_end": 0.5, "dt": 0.01, "networks": 10, "seed": 1, "progress": False}
    >>> neurons = fl.simulate_particles(network, start=density, **how)
    >>> found = fl.compare(neurons, fl.evolve(fl.discretize(network, tol=1e-3), density, t_end=0.5, rtol=1e-3))
    >>> list(found.rates), found.p > 1e-3
    (['N'], True)
    """
    several = (particles,) if isinstance(particles, ParticleRun) else particles
    if not isinstance(several, list | tuple) or not several or not all(isinstance(p, ParticleRun) for p in several):
        raise ValueError(f"compare: particles = {particles!r}; allowed are what simulate_particles returns, or a list")
    several = tuple(several)
    _require_comparable(several, run)
    first = several[0]
    low = max(first.times[0], run.times[0]) if start is None else float(start)
    high = min(first.times[-1], run.times[-1]) if end is None else float(end)
    slack = 1e-9 * max(1.0, abs(high))
    inside = (first.times[:-1] >= low - slack) & (first.times[1:] <= high + slack)
    if not inside.any() or low < run.times[0] - slack or high > run.times[-1] + slack:
        raise ValueError(
            f"compare: no bin of the neurons' series ({first.times[0]:g} to {first.times[-1]:g}, "
            f"{first.times[1] - first.times[0]:g} long) lies in [{low:g}, {high:g}] within the run of the equation, "
            f"which goes from {run.times[0]:g} to {run.times[-1]:g}"
        )
    names = [population.name for population in law_of(run.model).populations]
    counts = {name: np.concatenate([_samples(p, "N" + name) for p in several]) for name in names}
    batches = len(next(iter(counts.values())))
    if batches < 2:
        raise ValueError("compare: a single batch has no error bar; simulate more neurons, or networks >= 2")
    spikes = _spikes(several, run)
    spiking = _spiking(several, run, first.times)
    rates = {
        "N" + name: _rate("N" + name, first.times, counts[name], inside, inside & ~spiking, _sizes(several, k), run)
        for k, name in enumerate(names)
    }
    times = [t for t in sorted(first.snapshots) if low - slack <= t <= high + slack]
    densities = [
        _density(marginal, t, k, [p.snapshots[t] for p in several])
        for t in times
        if all(t in p.snapshots for p in several) and not np.any(spiking & _around(first.times, t))
        for k, marginal in _by_population(run.at(min(max(t, run.times[0]), run.times[-1])))
    ]
    independent = all(p.independent for p in several) or len(several) > 1
    neurons = sum(sum(p.settings["neurons"]) * p.settings["networks"] for p in several)
    return Comparison(rates, densities, spikes, independent, batches, neurons, several, run)


def _require_comparable(several: tuple[ParticleRun, ...], run: Any) -> None:
    if not hasattr(run, "sample") or not hasattr(run, "model"):
        raise ValueError(f"compare: run = {run!r}; allowed is what evolve returns")
    if law_of(run.model, mixing=True).mixes:
        raise ValueError(
            f"compare: neurons of {type(run.model).__name__} change their population or leave at V_min, and its tests "
            "are of populations that stay; allowed are other models, and `mean` and `snapshots` beside the run by hand"
        )
    for p in several:
        if type(p.model) is not type(run.model):
            raise ValueError(
                f"compare: the neurons are those of {type(p.model).__name__}, the run is of {type(run.model).__name__}"
            )
        for parameter in dataclasses.fields(run.model):
            ours, theirs = getattr(p.model, parameter.name), getattr(run.model, parameter.name)
            if not _same(ours, theirs, run):
                raise ValueError(
                    f"compare: the neurons have {parameter.name} = {ours!r}, the run of the equation {theirs!r}"
                )
        if not np.array_equal(p.times, several[0].times) or p.settings["networks"] != several[0].settings["networks"]:
            raise ValueError(
                "compare: simulations with other bins or numbers of networks; allowed are other seeds only"
            )
        if p.settings["neurons"] != several[0].settings["neurons"]:
            raise ValueError("compare: simulations of other numbers of neurons; allowed are other seeds only")
    seeds = [p.settings["seed"] for p in several]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"compare: the same seed twice in {seeds}; such simulations are copies of each other")


def _by_population(state: Any) -> list[tuple[int, Marginal]]:
    """The densities of a state, each with the number of its population."""
    fields = state.problem.field_names
    if isinstance(getattr(state, fields[0]), tuple):
        return list(enumerate(marginals(state, fields[0])))
    return [(k, marginal) for k, field in enumerate(fields) for marginal in marginals(state, field)]


def _same(ours: Any, theirs: Any, run: Any) -> bool:
    """Equal, or functions that agree at many points: one that was read back from disk is not the same object."""
    if ours is theirs or not (callable(ours) and callable(theirs)):
        ours, theirs = (part.toarray() if hasattr(part, "toarray") else part for part in (ours, theirs))
        return ours is theirs or np.array_equal(ours, theirs)
    populations = law_of(run.model).populations
    low, high = min(p.v_reset for p in populations), max(p.v_fire for p in populations)
    points = [*np.linspace(low - 3 * (high - low), high, 33)]
    points += [*np.linspace(0.0, float(run.times[-1]), 33)]
    return ours == theirs or all(np.isclose(ours(x), theirs(x), rtol=1e-12, atol=0.0, equal_nan=True) for x in points)


def _samples(particles: ParticleRun, name: str) -> np.ndarray:
    """Rates of the batches; groups of one network do not count the spikes of small cascades, their mean does."""
    batches = particles.batches[name]
    return batches + (particles.series[name] - batches.mean(axis=0))


def _sizes(several: tuple[ParticleRun, ...], kind: int) -> float:
    """Neurons of a population in a batch, on average."""
    p = several[0]
    own = len(next(iter(p.batches.values())))
    return p.settings["neurons"][kind] * p.settings["networks"] / own


def _rate(
    name: str, times: np.ndarray, samples: np.ndarray, shown: np.ndarray, tested: np.ndarray, size: float, run: Any
) -> RateComparison:
    widths = np.diff(times)
    finite = np.isfinite(samples).all(axis=0)
    used = tested & finite
    low, high = int(np.flatnonzero(shown)[0]), int(np.flatnonzero(shown)[-1]) + 1
    part = slice(low, high)
    expected = np.full(widths.size, np.nan)
    expected[used] = _bin_means(run, name, times, np.flatnonzero(used))
    values = np.where(used, samples, np.nan)
    counts = (samples * widths)[:, used] * size
    mean_counts = (expected * widths)[used] * size  # expected in a batch
    if not used.any():
        empty = np.full(high - low, np.nan)
        return RateComparison(name, times[low : high + 1], empty, empty, empty, np.nan, np.nan, np.nan, NO_TEST)
    span, rows = widths[used].sum(), len(samples)
    batch_means = counts.sum(axis=1) / size / span
    return RateComparison(
        name=name,
        edges=times[low : high + 1],
        particles=values.mean(axis=0)[part],
        error=values.std(axis=0, ddof=1)[part] / np.sqrt(rows),
        expected=expected[part],
        mean=float(batch_means.mean()),
        mean_error=float(batch_means.std(ddof=1) / np.sqrt(rows)),
        mean_expected=float(mean_counts.sum() / size / span),
        test=counts_agreement(counts, mean_counts),
    )


def _bin_means(run: Any, name: str, times: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Mean of a series of the equation over bins; pieces between accepted steps by Gauss's rule."""
    ends = np.unique(np.concatenate([times, run.times[(run.times > times[0]) & (run.times < times[-1])]]))
    ends = ends[(ends >= run.times[0]) & (ends <= run.times[-1])]
    owner = np.searchsorted(times, 0.5 * (ends[1:] + ends[:-1])) - 1
    kept = np.isin(owner, bins)
    points, weights = (part[kept] for part in composite(ends, 4))
    values = np.asarray(run.sample(name, points.ravel())).reshape(points.shape)
    sums = np.zeros(times.size - 1)
    np.add.at(sums, owner[kept], (values * weights).sum(axis=1))
    return sums[bins] / np.diff(times)[bins]


def _density(marginal: Marginal, t: float, kind: int, snapshots: list[Any]) -> DensityComparison:
    mass, low, high = marginal.distribution(), marginal.cells[0], marginal.cells[-1]
    whole = float(mass(high))
    points = np.linspace(low, high, PLANNING.places)
    levels = np.maximum.accumulate(mass(points))
    left, right = (np.interp(part * whole, levels, points) for part in (1e-3, 1 - 1e-4))
    edges = np.linspace(left, high if high - right < 0.2 * (high - low) else right, PLANNING.bars + 1)
    quantiles = np.interp(np.linspace(0, whole, 11)[1:-1], levels, points)
    bars, cells, sizes, sample = [], [], [], []
    for snapshot in snapshots:
        values = snapshot.v if marginal.axis == "v" else snapshot.w
        own = snapshot.population == kind
        awake = own & ~snapshot.resting
        sample.append(values[awake])
        for batch in range(int(snapshot.batch.max()) + 1):
            x = values[awake & (snapshot.batch == batch)]
            sizes.append(np.count_nonzero(own & (snapshot.batch == batch)))
            bars.append(np.histogram(x, edges)[0])
            cells.append(np.histogram(x, np.concatenate([[-np.inf], quantiles, [np.inf]]))[0])
    bars, cells, sizes = np.array(bars, float), np.array(cells, float), np.array(sizes, float)
    fractions = bars / sizes[:, None] / np.diff(edges)
    inflation = inflation_of(cells)
    shares = np.diff(np.concatenate([[0.0], mass(quantiles), [whole]]))
    resting = any(s.resting.any() for s in snapshots)
    return DensityComparison(
        name=marginal.name,
        axis=marginal.axis,
        t=t,
        edges=edges,
        particles=fractions.mean(axis=0),
        error=fractions.std(axis=0, ddof=1) / np.sqrt(len(sizes)),
        expected=np.diff(mass(edges)) / np.diff(edges),
        distance=distribution_agreement(np.concatenate(sample), lambda x: mass(x) / whole, inflation),
        inflation=inflation,
        test=shares_agreement(cells / sizes[:, None], shares, sizes.mean(), resting),
        density=marginal.density,
    )


def _around(times: np.ndarray, t: float) -> np.ndarray:
    """Which bins touch t."""
    slack = 1e-9 * max(1.0, abs(t))
    return (times[:-1] <= t + slack) & (times[1:] >= t - slack)


def _by_number(several: tuple[ParticleRun, ...], run: Any) -> list[tuple[list[Any], Any]]:
    """(events of the networks, the equation's or None) of the first synchronous spike, the second, ..."""
    ours = [
        [event for event in p.events if event.network == number]
        for p in several
        for number in range(p.settings["networks"])
    ]
    theirs = [event for event in run.events if hasattr(event, "size")]
    most = max([len(theirs), *(len(own) for own in ours)])
    return [([own[k] for own in ours if len(own) > k], theirs[k] if len(theirs) > k else None) for k in range(most)]


def _spiking(several: tuple[ParticleRun, ...], run: Any, times: np.ndarray) -> np.ndarray:
    """Bins between the first and the last time of the same synchronous spike in the networks and the equation."""
    bins = np.zeros(times.size - 1, bool)
    ends = [] if run.blow_up is None or run.events else [run.blow_up]
    for events, expected in _by_number(several, run):
        when = [event.time for event in [*events, *ends, *([expected] if expected else [])]]
        bins |= (times[:-1] <= max(when)) & (times[1:] >= min(when))
    return bins


def _spikes(several: tuple[ParticleRun, ...], run: Any) -> list[SpikeComparison]:
    spikes = []
    for events, expected in _by_number(several, run):
        if not events or expected is None:
            continue
        values = np.array([[event.time, event.size] for event in events])
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else (np.nan, np.nan)
        (time, size), (time_error, size_error) = values.mean(axis=0), error
        row = (time, time_error, expected.time, size, size_error, expected.size)
        spikes.append(SpikeComparison(*map(float, row), len(values)))
    return spikes
