"""What `compare` returns: the network of neurons beside the equation that is its limit, with error bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..analysis.agreement import Agreement
from ..given.arguments import FILE, FLAG, FOLDER, checked, optional
from .simulating import ParticleRun


@dataclass(frozen=True)
class RateComparison:
    """N (or N_E, ...) of the neurons and of the equation.

    edges: of the bins, the times compared; shape (bins + 1,). particles, error: mean rate in each bin and its standard
    error from the batches; expected: mean of the equation's rate over the bin; all (bins,), nan where synchronous
    spikes happen. mean, mean_error, mean_expected: the same over all bins together. test: chi-square of bins merged
    until the batches can tell their covariance (Hotelling's T^2).
    """

    name: str
    edges: np.ndarray
    particles: np.ndarray
    error: np.ndarray
    expected: np.ndarray
    mean: float
    mean_error: float
    mean_expected: float
    test: Agreement


@dataclass(frozen=True)
class DensityComparison:
    """n (or n_E, ...) of the neurons and of the equation at time t.

    axis: "v"; networks that learn have two, p over v, whatever the weights, and the connectivity C over "w". edges: of
    the bars, shape (bars + 1,). particles, error, expected: mean density in each, as for rates. Its integral is the
    fraction of neurons that are not at rest. distance: largest distance of the distribution functions of neurons not at
    rest, with the p-value of Kolmogorov and Smirnov; its `degrees` are the neurons. inflation: variance of the neurons'
    distribution function over that of independent neurons, which they are but for what they hear of each other. test:
    chi-square of bars of equal mass. density: the equation's.
    """

    name: str
    axis: str
    t: float
    edges: np.ndarray
    particles: np.ndarray
    error: np.ndarray
    expected: np.ndarray
    distance: Agreement
    inflation: float
    test: Agreement
    density: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class SpikeComparison:
    """One synchronous spike: mean over the networks, its standard error (nan for one network), what the equation says.

    networks: how many had it.
    """

    time: float
    time_error: float
    time_expected: float
    size: float
    size_error: float
    size_expected: float
    networks: int


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns: tests of rates, densities and synchronous spikes.

    Attributes
    ----------
    rates : dict of RateComparison
        By name.
    densities : list of DensityComparison
        Earliest first.
    spikes : list of SpikeComparison
        Synchronous ones.
    independent : bool
        False where the batches are groups of neurons of a single network that interact; they share the fluctuations of
        their rate, so error bars are too small and p-values are not to be trusted. Simulate networks=20.
    batches, neurons : int
        How many there are.
    particles, run
        What was compared.

    Examples
    --------
    >>> import felif as fl
    >>> network, density = fl.NoisyLIF(), fl.Gaussian(0.0, 0.25)
    >>> how = {"neurons": 500, "t_end": 0.5, "dt": 0.01, "networks": 10, "seed": 1, "progress": False}
    >>> neurons = fl.simulate_particles(network, start=density, **how)
    >>> fl.compare(neurons, fl.evolve(fl.discretize(network, tol=1e-3), density, t_end=0.5, rtol=1e-3)).independent
    True
    """

    rates: dict[str, RateComparison]
    densities: list[DensityComparison]
    spikes: list[SpikeComparison]
    independent: bool
    batches: int
    neurons: int
    particles: tuple[ParticleRun, ...]
    run: Any

    @property
    def p(self) -> float:
        """The smallest p-value of all tests, times their number (Bonferroni), at most 1; nan without a test."""
        every = [rate.test.p for rate in self.rates.values()]
        every += [test.p for density in self.densities for test in (density.distance, density.test)]
        every = [p for p in every if np.isfinite(p)]
        return min(1.0, len(every) * min(every)) if every else np.nan

    @checked(path=optional(FILE))
    def plot(self, path: str | Path | None = None) -> Any:
        """Figure with densities and rates, particles with error bars on the curves.

        Parameters
        ----------
        path : path
            Where it is written, if anywhere.

        Returns
        -------
        matplotlib figure
        """
        from ..output.comparisons import plot_comparison

        return plot_comparison(self, path)

    @checked(folder=FOLDER, overwrite=FLAG)
    def save(self, folder: str | Path, overwrite: bool = False) -> Path:
        """Write the tables: run.json, rate-N.csv, density-01.csv, ...; neurons and run are saved by their own `save`.

        Parameters
        ----------
        folder : path
            Made if it is not there.
        overwrite : bool
            Replace a comparison that is there.

        Returns
        -------
        path
            The folder.

        Raises
        ------
        ValueError
            If the folder holds anything else, or a comparison and `overwrite` is False.
        """
        from ..fitting.fit_files import save_comparison

        return save_comparison(self, folder, overwrite)

    def __repr__(self) -> str:
        kind = "independent batches" if self.independent else "groups of one network, NOT independent"
        lines = [f"Comparison of {self.neurons} neurons with their equation ({self.batches} {kind})"]
        for rate in self.rates.values():
            lines.append(
                f"  {rate.name:<4} on [{rate.edges[0]:g}, {rate.edges[-1]:g}]   {rate.mean:.6g} +- "
                f"{rate.mean_error:.1g}, expected {rate.mean_expected:.6g};  {_told(rate.test, 'chi2')}"
            )
        for density in self.densities:
            lines.append(
                f"  {density.name:<4} at t = {density.t:<8g} {_told(density.test, 'chi2')};  "
                f"{_told(density.distance, 'KS distance')}"
            )
        for spike in self.spikes:
            lines.append(
                f"  synchronous spike    t = {spike.time:.6g} +- {spike.time_error:.1g}, expected "
                f"{spike.time_expected:.6g};  size {spike.size:.5g} +- {spike.size_error:.1g}, expected "
                f"{spike.size_expected:.5g}  ({spike.networks} networks)"
            )
        return "\n".join(lines)


def _told(test: Agreement, name: str) -> str:
    if not np.isfinite(test.p):
        return "too few for a test"
    of = f" ({test.degrees})" if name == "chi2" else ""
    return f"{name} {test.statistic:.3g}{of}, p = {test.p:.2g}"
