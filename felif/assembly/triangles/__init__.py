"""Discontinuous polynomials on triangles over v and w."""
