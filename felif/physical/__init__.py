"""Neurons and networks in millivolts, milliseconds and hertz: felif's models, and what they say in those units.

    neuron = fl.physical.lif(tau_m=20.0, v_rest=-65.0, v_reset=-65.0, v_fire=-50.0, mu=-52.0, sigma=3.0)
    fl.physical.rate_hz(neuron)                                     # the steady rate
    run = fl.evolve(fl.discretize(neuron.model), fl.Gaussian(), t_end=neuron.time(100.0))
    neuron.hz(run.series["N"])                                      # rates of felif in Hz, neuron.ms(run.times) in ms

felif's own models have no units: time counts in membrane time constants, potentials in any unit. `Neuron.model` is such
a model, everything of felif works on it, and the methods of `Neuron` translate. Quantities of pint are read wherever a
number with a unit is asked for.
"""

from .networks import drive, mean_field_rates, network
from .neuron import Neuron
from .neurons import CONVENTIONS, eif, lif, noise_of, qif, rate_hz

__all__ = ["CONVENTIONS", "Neuron", "drive", "eif", "lif", "mean_field_rates", "network", "noise_of", "qif", "rate_hz"]
