"""First passage of one neuron, and parameters from interspike intervals."""
