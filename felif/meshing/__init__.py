"""ROOM 2: from geometry to tagged meshes.

Every mesh of a line has the facets "reset" and "firing" and, above V_F, cells "above".
"""

from .files import read_mesh
from .interval import interval, line

__all__ = ["interval", "line", "read_mesh"]
