"""Elements along an axis, and the rows of their basis at any points."""

from .line import Line

__all__ = ["Line"]
