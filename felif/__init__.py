"""felif: finite elements for the partial differential equations of integrate-and-fire neural networks.

Every public name is listed here and imported when it is first used (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    # models
    "NoisyLIF": "models.noisy_lif",
    "RefractoryLIF": "models.refractory_lif",
    "Populations": "models.populations",
    "CellPolarisation": "models.cell_polarisation",
    "Kuramoto": "models.kuramoto",
    "TimeElapsed": "models.time_elapsed",
    "StepHazard": "models.time_elapsed",
    "VoltageConductance": "models.voltage_conductance",
    "WilsonCowan": "models.wilson_cowan",
    "AdaptiveLIF": "models.adaptive_lif",
    "RandomThresholdLIF": "models.random_threshold_lif",
    "ExcitatoryInhibitoryLIF": "models.excitatory_inhibitory_lif",
    "LearningLIF": "models.learning_lif",
    "Piecewise": "models.parameters",
    "Sampled": "models.sampled",
    "Leaky": "models.drifts",
    "Proportional": "models.drifts",
    "Quadratic": "models.drifts",
    "Exponential": "models.drifts",
    # the language of models
    "Axis": "weakform",
    "Index": "weakform",
    "Unknown": "weakform",
    "Given": "weakform",
    "Delayed": "weakform",
    "Term": "weakform",
    "Conserved": "weakform",
    "Equations": "weakform",
    "d": "weakform",
    "drift": "weakform",
    "noise": "weakform",
    "jump": "weakform",
    "exchange": "weakform",
    # meshes and spaces
    "interval": "meshing",
    "strip": "meshing",
    "read_mesh": "meshing",
    "SpectralElement": "assembly",
    "Lagrange": "assembly",
    "ExponentialFitting": "assembly",
    "Tensor": "assembly",
    "DG": "assembly",
    "MUSCL": "assembly",
    "Triangles": "assembly",
    "discretize": "assembly",
    # initial states
    "Gaussian": "assembly",
    "Uniform": "assembly",
    # evolution
    "evolve": "runs.starting",
    "evolve_many": "runs.many",
    "Many": "runs.many",
    "resume": "runs.resuming",
    "load_run": "runs.resuming",
    "read_folder": "output",
    "error_estimate": "runs.error_bars",
    "dual_weighted": "runs.adjoint_error",
    "Run": "runs.run",
    "simulate_particles": "particles.simulating",
    "ParticleRun": "particles.result",
    "load_particles": "particles.loading",
    "plot_particles": "output.particle_plots",
    "compare": "particles.comparing",
    "Comparison": "particles.comparison",
    "Continue": "runs.after_blow_up",
    "Event": "evolution",
    "Rodas5P": "evolution",
    "ESDIRK43": "evolution",
    "TRBDF2": "evolution",
    "BackwardEuler": "evolution",
    "ARK43": "evolution",
    # one neuron
    "first_passage": "fitting.passage",
    "FirstPassage": "fitting.passage_law",
    "spike_times": "particles.deterministic",
    "neuron_path": "particles.single_neuron",
    "fit": "fitting.fit",
    "Fit": "fitting.estimates",
    "load_fit": "fitting.loading",
    "read_intervals": "fitting.intervals",
    "as_intervals": "fitting.intervals",
    # steady states
    "steady_states": "stationary.states",
    "steady_state": "stationary.states",
    "steady_value": "stationary.adaptive",
    "spectrum": "solvers.spectrum",
    "poincare": "solvers.poincare",
    # linear response
    "rate_map": "stationary.rates",
    "RateMap": "stationary.rates",
    "response": "stationary.response",
    "Response": "stationary.response",
    "power_spectrum": "stationary.finite_size",
    "PowerSpectrum": "stationary.finite_size",
    # bifurcations
    "continuation": "solvers.continuation",
    "fold_curve": "solvers.curves",
    "hopf_curve": "solvers.curves",
    "periodic_orbit": "solvers.periodic",
    "plot_branch": "output.branches",
    "save_branch": "output.branches",
    "read_branch": "output.branches",
    "write_branch_vtk": "output.branch_vtk",
    "relative_entropy": "analysis.entropy",
    # theorems and changes of variables, applied to a run
    "Certificate": "analysis.certificates",
    "certificates": "analysis.certified",
    "CertificateRecorder": "analysis.certified",
    "excitatory_blow_up": "analysis.certificates",
    "noise_blow_up": "analysis.certificates",
    "bounded_rate": "analysis.certificates",
    "stefan": "analysis.stefan",
    "noiseless_blow_up": "analysis.noiseless",
    # theorems on learning
    "representation": "analysis.learning_representation",
    "discrimination": "analysis.learning_discrimination",
    "learned_connectivity": "analysis.learning_connectivity",
    "stationary_output": "analysis.learning_output",
    "stationary_outputs": "analysis.learning_output",
    # many runs
    "sweep": "study.sweep",
    "Table": "study.table",
    "read_table": "study.table",
    # results
    "State": "problem",
    "Outcome": "problem",
    "NotConverged": "problem",
}
_MODULES = ("testing", "study", "analysis", "physical")

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module 'felif' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
