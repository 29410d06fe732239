"""What happens at V_F: boundary layers, where neurons come back, synchronous spikes, and a neuron's mean interval."""
