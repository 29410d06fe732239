"""Steady states and what is linear around them: all of them, one with an error bar, response, fluctuations."""
