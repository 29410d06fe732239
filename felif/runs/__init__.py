"""From a problem and an initial state to a Run and its folder; error bars; runs through a synchronous spike."""
