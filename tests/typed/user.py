"""What a user writes, for type checkers: `.ci/run` compares what they find with the comments."""

from typing import reveal_type

import felif as fl

network = fl.NoisyLIF(b=0.5, a0=1.0)
problem = fl.discretize(network, tol=1e-8)
reveal_type(problem)  # felif.problem.Problem
run = fl.evolve(problem, fl.Gaussian(mean=0.0, variance=0.25), t_end=5.0, rtol=1e-6)
reveal_type(run)  # felif.runs.run.Run
reveal_type(run.final)  # felif.problem.State
reveal_type(fl.load_run("runs/first"))  # felif.runs.run.Run
steady = fl.steady_states(problem)
reveal_type(steady[0])  # felif.solvers.steady_state.SteadyState
reveal_type(fl.spectrum(problem, steady[0], count=6))  # felif.solvers.modes.Spectrum
branch = fl.continuation(problem, steady[0], "b", bounds=(-2.0, 4.0))
reveal_type(branch.folds[0])  # felif.solvers.branch.Point
reveal_type(fl.periodic_orbit(problem, branch.hopfs[0], b=-60.0))  # felif.solvers.orbit.PeriodicOrbit
fl.testing.check_model(network)
misspelt = fl.NoisyLIFF  # error: Module has no attribute "NoisyLIFF"
fl.NoisyLIF(bb=3)  # error: Unexpected keyword argument "bb"
fl.evolve(network, fl.Gaussian(0.0, 0.25), t_end=1.0)  # error: Argument 1 to "evolve" has incompatible type "NoisyLIF"
