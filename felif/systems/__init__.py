"""From equations in the language to a system: M dy/dt = F(t, y), for solvers and integrators."""
